"""How fast a language model words replies to several shoppers at once, beside the machine's floors.

    python -m eval.run_serving --store STORE [--llm own] [--llm 4b] [--llm 8b] [--gate …]

Conversations of real tasks (recorded from scripted shoppers) run at the same time over one model:
time to the first shown clause, clauses and tokens a second, how many clauses the template had to
say. Beside them, measured in the same run: how fast memory is copied and matrices are multiplied,
and from these the least time a decoding step can take; and what the grammar costs a token. `4b` and
`8b` are models of those sizes with random weights, since speed does not depend on them; they need
CUDA.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from assistant.answer import Claim
from assistant.asking import Asked
from assistant.compose import ModelComposer, Tally
from assistant.llm import TransformersLLM, load_llm
from assistant.prompting import load_prompt
from assistant.service import Shop
from assistant.wording import Task
from eval.cli import RunOptions, main, progress, say
from eval.finish import finish
from eval.results import System, TaskResult
from eval.run_composers import clauses_of, judge_of, recorded
from retrieval.errors import ModelError
from retrieval.text import weights

LEVELS = (1, 8, 32, 64)
TURNS = 3
"""Turns of one conversation, at each level."""
FREE_TOKENS = 64
CONTEXT = 2_176
"""Tokens of context that the floors count the cache of."""
SHAPES: dict[str, dict[str, int]] = {
    "4b": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
           "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
           "vocab_size": 151_936},
    "8b": {"hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36,
           "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
           "vocab_size": 151_936},
}  # fmt: skip
"""The shapes of Qwen3-4B and Qwen3-8B (their model cards)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """What the machine can do, measured."""

    copy: float
    """Bytes a second, read and written."""
    multiply: float
    """Floating-point operations a second, in the model's precision."""


def run(options: RunOptions) -> int:
    """Serve each model at each level and write the outputs."""
    shop = Shop(options.store)
    tasks = [task for task in recorded(shop, rounds=1) if len(clauses_of(task)) > 1]
    results, notes = [], list[str]()
    for name in options.llm or ("own", "4b", "8b"):
        try:
            llm = served(name)
        except ModelError as error:
            if options.llm:
                raise
            notes.append(f"{name} is not measured: {error}")
            say(notes[-1])
            continue
        results.append(measured(name, llm, shop, tasks, options, notes))
    shop.store.close()
    return finish(
        options,
        results,
        title="Serving",
        summary="Read the shares of the floors; wall times are this machine's and its load's.",
    )


def served(name: str) -> TransformersLLM:
    """Return the model of a name, ready to write.

    Raises:
        ModelError: If it cannot be had here.
    """
    if name not in SHAPES:
        llm = load_llm(name)
        if not isinstance(llm, TransformersLLM):
            raise ModelError(f"`{name}` is no model in this process; only such are measured")
        return llm
    folder = weights.resolve("packaged", kind="llm")
    import torch
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    if not torch.cuda.is_available():
        raise ModelError(f"a model of {name} needs CUDA, and this machine has none")
    config = Qwen3Config(**SHAPES[name], max_position_embeddings=4096)
    with torch.device("cuda"):
        model = Qwen3ForCausalLM._from_config(config, dtype=torch.bfloat16).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return TransformersLLM(model, tokenizer, name=f"random {name}", revision="random weights")


def measured(
    name: str,
    llm: TransformersLLM,
    shop: Shop,
    tasks: Sequence[Task],
    options: RunOptions,
    notes: list[str],
) -> TaskResult:
    """Return the times of one model at every level, and the floors beside them."""
    composer = ModelComposer(llm, mode="write", prompt="compose_card")
    found = floors(llm._model)
    facts: dict[str, Any] = {
        "machine": f"{platform.machine()}, {llm._model.device}, {llm._model.dtype}",
        "memory copied, GB/s": round(found.copy / 1e9, 1),
        "matrices multiplied, GFLOP/s": round(found.multiply / 1e9),
    }
    list(composer.compose(tasks[0], judge_of(shop, tasks[0]), Tally()))
    facts |= grammar_cost(llm, tasks)
    systems = []
    for level in LEVELS[:2] if options.quick else LEVELS:
        first, tallies, seconds = crowd(composer, shop, tasks, level)
        worded = sum(tally.by_model for tally in tallies)
        every = sum(tally.first_try + tally.repaired + tally.fell_back for tally in tallies)
        tokens = sum(tally.tokens for tally in tallies)
        floor = decode_floor(llm._model, found, min(level * 4, llm.places))
        label = f"{level} at once"
        systems.append(
            System(name=label, values={"first clause s": np.array(first)}, is_baseline=False)
        )
        facts |= {
            f"{label}: first clause, p50 s": round(float(np.percentile(first, 50)), 3),
            f"{label}: first clause, p95 s": round(float(np.percentile(first, 95)), 3),
            f"{label}: clauses a second": round(every / seconds, 2),
            f"{label}: share worded by the model": round(worded / max(every, 1), 3),
            f"{label}: tokens a second": round(tokens / seconds, 1),
            f"{label}: floor, tokens a second": round(floor, 1),
            f"{label}: share of the floor": round(tokens / seconds / floor, 3),
        }
    return TaskResult(
        name=name.replace("/", "-"),
        question="How soon is the first clause shown, and how many clauses a second are worded?",
        split=f"{TURNS} turns a conversation, {len(tasks)} recorded tasks in turn",
        data_hash=shop.store.manifest.store_hash,
        systems=systems,
        ours=systems[0].name,
        headline="first clause s",
        facts=facts,
        notes=notes,
    )


def crowd(
    composer: ModelComposer, shop: Shop, tasks: Sequence[Task], level: int
) -> tuple[list[float], list[Tally], float]:
    """Hold so many conversations at once; return times to the first clause, tallies, seconds."""

    def converse(number: int) -> list[tuple[float, Tally]]:
        found = []
        for turn in range(TURNS):
            task = tasks[(number * TURNS + turn) % len(tasks)]
            tally, began, first = Tally(), time.perf_counter(), None
            for piece in composer.compose(task, judge_of(shop, task), tally):
                if first is None and isinstance(piece, Claim):
                    first = time.perf_counter() - began
            found.append((first if first is not None else composer.deadline_s, tally))
        return found

    began = time.perf_counter()
    with ThreadPoolExecutor(level) as pool:
        heard = [one for turns in pool.map(converse, range(level)) for one in turns]
    return [first for first, _ in heard], [tally for _, tally in heard], time.perf_counter() - began


def grammar_cost(llm: TransformersLLM, tasks: Sequence[Task]) -> dict[str, float]:
    """Return the milliseconds of a token with and without the grammar, one text at a time."""
    task, clauses = tasks[0], [clause for one in tasks for clause in clauses_of(one)]
    asked = [ask for clause in clauses if (ask := Asked.of(clause, "whole", known=False)).slots][:8]

    def spent(write: Callable[[Asked, str, str], Any]) -> float:
        n, began = 0, time.perf_counter()
        for ask in progress(asked, "tokens", len(asked)):
            system, user = load_prompt("compose_card").fill(**ask.variables("compose_card", task))
            n += sum(1 for _ in write(ask, system, user))
        return 1_000 * (time.perf_counter() - began) / max(n, 1)

    free = spent(lambda ask, s, u: llm.write(s, u, max_tokens=FREE_TOKENS, deadline_s=120))
    held = spent(
        lambda ask, s, u: llm.write(
            s, u, grammar=ask.grammar, max_tokens=FREE_TOKENS, deadline_s=120, seed=ask.key
        )
    )
    return {"ms a token, free": round(free, 1), "ms a token, under the grammar": round(held, 1)}


def floors(model: Any) -> Floors:  # noqa: ANN401
    """Measure copying and multiplying in the model's precision, the best of five."""
    import torch

    device, dtype = model.device, model.dtype
    n = 2**28 if device.type == "cuda" else 2**26
    source = torch.ones(n, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    side = 8192 if device.type == "cuda" else 1024
    left = torch.ones(side, side, dtype=dtype, device=device)

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(6):
            if device.type == "cuda":
                torch.cuda.synchronize()
            began = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
        return min(times[1:])

    return Floors(
        copy=2 * n / best(lambda: target.copy_(source)),
        multiply=2 * side**3 / best(lambda: left @ left),
    )


def decode_floor(model: Any, found: Floors, batch: int) -> float:  # noqa: ANN401
    """Return the most tokens a second that memory and arithmetic allow for so many texts.

    A step reads every weight once and each text's cache of `CONTEXT` tokens, and multiplies every
    weight once for each text; the slower of both bounds it.
    """
    config = model.config.get_text_config()
    size = model.dtype.itemsize
    n_weights = sum(parameter.numel() for parameter in model.parameters())
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * config.num_hidden_layers * config.num_key_value_heads * head * size * CONTEXT
    memory = (n_weights * size + batch * cache) / found.copy
    arithmetic = 2 * n_weights * batch / found.multiply
    return batch / max(memory, arithmetic)


if __name__ == "__main__":
    sys.exit(main("serving", __doc__ or "", run))
