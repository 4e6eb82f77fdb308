"""Several texts written by one model at the same time, each under its own grammar.

The steps, the paged cache and the queue are the continuous batching of `transformers`: a text joins
the running batch at the next step and leaves it when it ends or is cancelled. What is ours is the
constraint: before each step every text's row of logits is masked by its own grammar
(`llguidance`) and, where a seed is given, words are drawn by that text's own chance (the Gumbel-max
trick), so that a text does not depend on what else is being written.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from assistant.llm.base import Cancel
from retrieval.errors import ModelError

PAGE = 64
"""Tokens in one page of the cache."""
STALLED_S = 0.05


@dataclass(slots=True, kw_only=True)
class Job:
    """One text being written. Only the batch's own thread touches `matcher` and `draws`."""

    number: int
    matcher: Any
    draws: np.random.Generator | None
    heat: float
    done: int = 0
    """Tokens that the matcher has read."""
    out: queue.SimpleQueue[Sequence[int] | Exception | None] = field(
        default_factory=queue.SimpleQueue
    )


class Batch:
    """The running batch of one model."""

    def __init__(self, model: Any, ends: frozenset[int], *, places: int) -> None:  # noqa: ANN401
        """Start the batch; its thread ends with the process.

        Args:
            model: A causal language model of `transformers`.
            ends: Tokens that end a text.
            places: Texts in the batch at once.
        """
        from transformers import GenerationConfig
        from transformers.generation.configuration_utils import ContinuousBatchingConfig

        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)
        self._ends = sorted(ends)
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", 2048)
        self.room = min(int(limit), 2048)
        """Tokens of one text, prompt included."""
        self._manager = model.init_continuous_batching(
            generation_config=GenerationConfig(do_sample=False, eos_token_id=self._ends),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=PAGE,
                num_blocks=places * (self.room // PAGE + 1),
                max_batch_tokens=max(self.room, 512),
                max_requests_per_batch=places,
                use_async_batching=False,
                allow_block_sharing=False,
            ),
        )
        self._manager.logit_processor = _constraint(self._jobs, self._ends)
        # A thread begun by a daemon is one itself: the process can end while the batch waits.
        starter = threading.Thread(target=self._manager.start, daemon=True)
        starter.start()
        starter.join()
        threading.Thread(target=self._hand_out, name="batch", daemon=True).start()

    @property
    def n_running(self) -> int:
        """Texts that hold a place in the batch now."""
        running = self._manager.batch_processor
        return len(running.scheduler.active_requests) if running is not None else 0

    def write(
        self,
        prompt: Sequence[int],
        matcher: Any,  # noqa: ANN401
        *,
        max_tokens: int,
        seed: int | None,
        heat: float,
        ends_at: float,
        cancel: Cancel | None,
    ) -> Iterator[list[int]]:
        """Yield the tokens so far, longer each time; leaving the iterator frees the place.

        Raises:
            ModelError: If the deadline passes, or the model or the grammar fails.
        """
        draws = None if seed is None else np.random.default_rng(seed)
        job = Job(number=next(self._numbers), matcher=matcher, draws=draws, heat=heat)
        self._jobs[job.number] = job
        name = str(job.number)
        try:
            self._manager.add_request(
                list(prompt), request_id=name, max_new_tokens=max_tokens, streaming=True,
                eos_token_id=self._ends, job=job.number,
            )  # fmt: skip
            while True:
                if cancel is not None and cancel.is_set():
                    return
                try:
                    got = job.out.get(timeout=min(STALLED_S, max(ends_at - time.monotonic(), 0.0)))
                except queue.Empty:
                    if time.monotonic() > ends_at:
                        raise ModelError("the language model was too slow for this turn") from None
                    continue
                if isinstance(got, Exception):
                    raise ModelError(f"the language model failed: {got}") from got
                if got is None:
                    return
                yield [token for token in got if token not in self._ends]
        finally:
            self._manager.cancel_request(name)
            self._jobs.pop(job.number, None)

    def _hand_out(self) -> None:
        """Give each result to the text that waits for it."""
        while True:
            result = self._manager.get_result(timeout=1.0)
            if result is None:
                time.sleep(0.001)
                continue
            job = self._jobs.get(int(result.request_id))
            if job is None:
                continue
            if result.error:
                job.out.put(ModelError(result.error))
                continue
            job.out.put(list(result.generated_tokens))
            if result.is_finished():
                job.out.put(None)


def _constraint(jobs: dict[int, Job], ends: Sequence[int]) -> Any:  # noqa: ANN401
    """Return the list of logits processors that holds each row to its text's grammar."""
    import torch
    from transformers import LogitsProcessorList
    from transformers.generation.continuous_batching.cb_logits_processors import (
        ContinuousBatchingLogitsProcessor,
        ContinuousBatchingLogitsProcessorList,
    )

    class Constraint(ContinuousBatchingLogitsProcessor):
        supported_kwargs = {"job": int}  # noqa: RUF012
        ignored_kwargs = ()

        def fill_defaults(self, int32_tensor: Any) -> None:  # noqa: ANN401
            int32_tensor.zero_()

        def prepare_tensor_args(self, requests_with_new_token: Sequence[Any]) -> Any:  # noqa: ANN401
            numbers = []
            for request in requests_with_new_token:
                number = request.state.logit_processor_kwargs.get("job", 0)
                numbers.append(number)
                job = jobs.get(number)
                if job is not None and job.matcher is not None:
                    _read(job, request.state.generated_tokens)
            return torch.tensor(numbers, dtype=torch.int32)

        def __call__(self, scores: Any, tensor_arg: Any) -> Any:  # noqa: ANN401
            scores = scores.float()
            for row, number in enumerate(tensor_arg[: len(scores)].tolist()):
                job = jobs.get(number)
                if job is not None:
                    scores[row] = _only_allowed(scores[row], job, ends)
            return scores

    found = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([Constraint()]))
    found.tensors_required = 1
    return found


def _read(job: Job, generated: Sequence[int]) -> None:
    """Let the matcher read what was written since it last did."""
    for token in generated[job.done :]:
        if not job.matcher.consume_token(int(token)):
            job.out.put(ModelError(f"the grammar refused its own token {token}"))
    job.done = len(generated)


def _only_allowed(logits: Any, job: Job, ends: Sequence[int]) -> Any:  # noqa: ANN401
    """Minus infinity for every token that the grammar does not allow next; then chance, if any."""
    import torch

    allowed = None
    if job.matcher is not None:
        allowed = torch.zeros(len(logits), dtype=torch.bool)
        if job.matcher.is_stopped():
            allowed[list(ends)] = True
        else:
            packed = np.frombuffer(job.matcher.compute_bitmask(), np.uint8)
            bits = np.unpackbits(packed, bitorder="little")[: len(logits)].astype(bool)
            allowed[: len(bits)] = torch.from_numpy(bits)
        allowed = allowed.to(logits.device)
        logits = logits.masked_fill(~allowed, float("-inf"))
    if job.draws is not None and job.heat > 0:
        noise = torch.from_numpy(job.draws.gumbel(size=len(logits))).to(logits)
        logits = logits / job.heat + noise
    return logits
