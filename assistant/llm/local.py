"""A language model in this process: `transformers`, on CUDA when there is one, else on the CPU."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from assistant.llm.base import HEAT, Cancel, Places, Schema, as_number
from assistant.llm.batching import Batch
from retrieval.errors import ModelError
from retrieval.text import weights
from retrieval.text.hardware import limit_threads, pick_device, pick_precision

ADAPTER = Path(__file__).parent / "adapter"
"""The project's own composer for the packaged model."""
CPU_PLACES, GPU_PLACES = 8, 64
"""Texts written at the same time."""


class TransformersLLM:
    """A causal language model of `transformers`, on CUDA when there is one, else on the CPU."""

    is_constrained = True

    def __init__(
        self,
        model: Any,  # noqa: ANN401
        tokenizer: Any,  # noqa: ANN401
        *,
        name: str,
        revision: str,
        places: int | None = None,
        waiting: int | None = None,
    ) -> None:
        """Serve a loaded model.

        Args:
            model: A causal language model of `transformers`.
            tokenizer: Its tokenizer.
            name: How to call it.
            revision: Hash of its files.
            places: Texts written at the same time; None is 8 on a CPU, 64 on CUDA.
            waiting: Askers that may wait for a place; the next one is refused. None is as many as
                there are places: who waits longer is better answered by the template at once.
        """
        self._model, self._tokenizer = model, tokenizer
        self.name, self.revision = name, revision
        self.places = places or (GPU_PLACES if model.device.type == "cuda" else CPU_PLACES)
        self._room = Places(self.places, self.places if waiting is None else waiting)
        self._ends = self._end_tokens()
        self._lock = threading.Lock()
        self._started: Batch | None = None
        self._constrainer: Any = None
        self._compiled = lru_cache(maxsize=512)(self._compile)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        name: str | None = None,
        adapter: Path | None = None,
        threads: int | None = None,
        places: int | None = None,
        waiting: int | None = None,
    ) -> TransformersLLM:
        """Load a model from a directory and return it, ready to serve.

        Args:
            folder: Directory with safetensors and a tokenizer.
            name: How to call it; default the folder's name.
            adapter: Directory with a LoRA adapter, merged into the weights.
            threads: CPU cores; None takes `WHYCART_THREADS`, else all.
            places: As in `__init__`.
            waiting: As in `__init__`.

        Raises:
            ModelError: If it cannot be loaded.
        """
        weights.check_folder(folder)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        limit_threads(threads)
        device = pick_device("auto")
        try:
            tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=getattr(torch, pick_precision(device)),
                device_map="auto" if device == "cuda" else None,
                attn_implementation="sdpa",
            ).eval()
            if adapter is not None:
                model = _with_adapter(model, adapter)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            raise ModelError(
                f"{folder}: cannot be loaded as a language model ({error}); name another with `LLM`"
            ) from error
        revision = weights.model_hash(folder)
        if adapter is not None:
            digest = hashlib.sha256((adapter / "adapter_model.safetensors").read_bytes())
            revision += f"+{digest.hexdigest()[:12]}"
        return cls(
            model, tokenizer, name=name or folder.name, revision=revision, places=places,
            waiting=waiting,
        )  # fmt: skip

    def choose(self, context: str, options: Sequence[str]) -> int:
        """Return the option with the highest mean log-likelihood per token after the context."""
        scores = self.score(context, options)
        return max(range(len(scores)), key=lambda i: (scores[i], -i))

    def score(self, context: str, options: Sequence[str]) -> list[float]:
        """Return each option's mean log-likelihood per token after the context, in nats.

        The context runs through the model once, then all options as one batch.
        """
        if not options:
            raise ValueError("`options` must not be empty")
        if len(options) == 1:
            return [0.0]
        import torch

        before = self._ids(context) or [next(iter(self._ends), 0)]
        rows = [self._ids(option, special=False) for option in options]
        width = max(1, *map(len, rows))
        self._check_length(len(before) + width)
        padded = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        with self._room.take(deadline_s=60.0), torch.inference_mode():
            device = self._model.device
            start = self._model(torch.tensor([before], device=device), use_cache=True)
            cache = start.past_key_values
            cache.batch_repeat_interleave(len(rows))
            padded = padded.to(device)
            # Padding stands right of what is scored, so causal attention never sees it.
            after = self._model(padded, past_key_values=cache, use_cache=True).logits
            last = start.logits[:, -1:].expand(len(rows), 1, -1)
            logits = torch.cat([last, after[:, :-1]], dim=1).float()
            chosen = logits.gather(2, padded.unsqueeze(2)).squeeze(2)
            likelihood = (chosen - logits.logsumexp(dim=2)).cpu()
        return [
            float(likelihood[i, : len(row)].mean()) if row else float("-inf")
            for i, row in enumerate(rows)
        ]

    def write(
        self,
        system: str,
        user: str,
        *,
        grammar: str | None = None,
        json_schema: Schema | None = None,
        max_tokens: int = 256,
        deadline_s: float = 20.0,
        cancel: Cancel | None = None,
        seed: str | None = None,
    ) -> Iterator[str]:
        """Yield the continuation piece by piece; see `LanguageModel.write`."""
        ends_at = time.monotonic() + deadline_s
        prompt = self._prompt(system, user)
        self._check_length(len(prompt) + max_tokens)
        matcher = self._matcher(grammar, json_schema)
        chance = None if seed is None else as_number(seed)
        with self._room.take(deadline_s=deadline_s, cancel=cancel):
            shown = ""
            for written in self._batch.write(
                prompt, matcher, max_tokens=max_tokens, seed=chance, heat=HEAT, ends_at=ends_at,
                cancel=cancel,
            ):  # fmt: skip
                text = self._tokenizer.decode(written, skip_special_tokens=True)
                if not text.endswith("\ufffd") and len(text) > len(shown):  # whole characters only
                    yield text[len(shown) :]
                    shown = text

    @property
    def _batch(self) -> Batch:
        """The running batch, begun at the first text."""
        with self._lock:
            if self._started is None:
                self._started = Batch(self._model, self._ends, places=self.places)
            return self._started

    def _matcher(self, grammar: str | None, json_schema: Schema | None) -> Any:  # noqa: ANN401
        if grammar is None and json_schema is None:
            return None
        if grammar is not None and json_schema is not None:
            raise ValueError("give `grammar` or `json_schema`, not both")
        kind = "lark" if grammar is not None else "json_schema"
        return self._compiled(kind, grammar or json.dumps(json_schema)).deep_copy()

    def _compile(self, kind: str, text: str) -> Any:  # noqa: ANN401
        import llguidance
        import llguidance.hf

        with self._lock:
            if self._constrainer is None:
                self._constrainer = llguidance.hf.from_tokenizer(
                    self._tokenizer, n_vocab=self._model.config.get_text_config().vocab_size
                )
        matcher = llguidance.LLMatcher(self._constrainer, llguidance.grammar_from(kind, text))
        if matcher.is_error():
            raise ModelError(f"the grammar is not usable: {matcher.get_error()}")
        return matcher

    def _prompt(self, system: str, user: str) -> list[int]:
        return prompt_ids(self._tokenizer, system, user)

    def _ids(self, text: str, *, special: bool = True) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=special)["input_ids"])

    def _end_tokens(self) -> frozenset[int]:
        ends = self._model.generation_config.eos_token_id
        found = set(ends) if isinstance(ends, list) else {ends}
        found.add(self._tokenizer.eos_token_id)
        return frozenset(token for token in found if token is not None)

    def _check_length(self, n_tokens: int) -> None:
        limit = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if limit is not None and n_tokens > limit:
            raise ModelError(
                f"{self.name} holds {limit} tokens, this needs {n_tokens}; give it less evidence"
            )


def prompt_ids(tokenizer: Any, system: str, user: str) -> list[int]:  # noqa: ANN401
    """Return the chat as tokens. Control tokens inside the texts are broken up: they are data."""
    system, user = _as_data(tokenizer, system), _as_data(tokenizer, user)
    if not tokenizer.chat_template:
        return list(tokenizer(f"{system}\n\n{user}\n\n")["input_ids"])
    turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    text = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _as_data(tokenizer: Any, text: str) -> str:  # noqa: ANN401
    for token in sorted(tokenizer.all_special_tokens, key=len, reverse=True):
        text = text.replace(token, token[:1] + " " + token[1:])
    return text


def _with_adapter(model: Any, adapter: Path) -> Any:  # noqa: ANN401
    """Return the model with a LoRA adapter merged into its weights."""
    weights.check_folder(adapter)
    from peft import PeftModel

    return PeftModel.from_pretrained(model, adapter, is_trainable=False).merge_and_unload().eval()
