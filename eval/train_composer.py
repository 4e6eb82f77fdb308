"""Train the project's own composer: a LoRA adapter for the packaged language model.

    python -m eval.train_composer [--out assistant/llm/adapter] [--epochs 2] [--seed 0]

Reads no store and no data but `prompts/wordings.yaml` (`eval.composer_pairs`). Writes the adapter
as safetensors with `training.json` beside it: what it was trained on, with which settings, and the
loss. Needs `pip install 'whycart[train]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assistant.llm.local import prompt_ids
from eval.cli import progress, say
from eval.composer_pairs import Pair, pairs
from retrieval.errors import ShopError
from retrieval.text import weights
from retrieval.text.hardware import limit_threads, pick_device, pick_precision
from retrieval.text.quiet import go_offline

RANK, ALPHA, LEARNING_RATE, WARM_STEPS, BATCH = 4, 8, 2e-3, 6, 8
EACH = 4
"""A clause with fewer pairs than this has them repeated, so that rare clauses are learned too."""
Row = tuple[list[int], list[int]]
"""Tokens of the card and of the sentence with its end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.train_composer", description="Train the project's own composer."
    )
    parser.add_argument("--out", type=Path, default=Path("assistant/llm/adapter"))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    go_offline()
    try:
        train(options.out, epochs=options.epochs, seed=options.seed)
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def train(out: Path, *, epochs: int, seed: int) -> None:
    """Train on the pairs and write the adapter to `out`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    limit_threads()
    torch.manual_seed(seed)
    folder = weights.resolve("packaged", kind="llm")
    device = pick_device("auto")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    base: Any = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, use_safetensors=True,
        dtype=getattr(torch, pick_precision(device)),
    ).to(device)  # fmt: skip
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, lora_dropout=0.05, target_modules="all-linear",
        task_type="CAUSAL_LM",
    )  # fmt: skip
    model: Any = get_peft_model(base, config, autocast_adapter_dtype=True)
    found = pairs()
    rows = [_row(tokenizer, pair) for pair in repeated(found)]
    batches = epochs * ((len(rows) + BATCH - 1) // BATCH)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / WARM_STEPS, 1 - step / (batches + 1))
    )
    say(f"{len(found)} pairs, {len(rows)} with repeats, {batches} steps of {BATCH}")
    began, losses = time.perf_counter(), list[float]()
    model.train()
    for batch in progress(_batches(rows, epochs, seed), "train", batches):
        ids, mask, labels = _padded(batch, tokenizer.eos_token_id)
        loss = model(input_ids=ids.to(device), attention_mask=mask.to(device),
                     labels=labels.to(device)).loss  # fmt: skip
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        losses.append(float(loss))
        if len(losses) % (batches // epochs) == 0:  # each epoch, so that a stopped run leaves one
            _write(out, model, found, losses, folder, seed, time.perf_counter() - began)
    say(f"loss {_mean(losses[:10]):.3f} → {_mean(losses[-10:]):.3f}; written to {out}")


def _write(
    out: Path,
    model: Any,  # noqa: ANN401
    found: Sequence[Pair],
    losses: Sequence[float],
    folder: Path,
    seed: int,
    seconds: float,
) -> None:
    """Write the adapter and the record of how it was made."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(model)
    save_file(
        {name: tensor.detach().to(torch.bfloat16).cpu() for name, tensor in state.items()},
        out / "adapter_model.safetensors",
    )
    model.peft_config["default"].base_model_name_or_path = weights.PACKAGED["llm"].name
    model.peft_config["default"].save_pretrained(out)
    record = {
        "base": weights.PACKAGED["llm"].name,
        "base_hash": weights.model_hash(folder),
        "pairs": len(found),
        "pairs_hash": hashlib.sha256(repr(found).encode()).hexdigest(),
        "settings": {
            "rank": RANK, "alpha": ALPHA, "learning_rate": LEARNING_RATE, "batch": BATCH,
            "repeats": EACH, "seed": seed,
        },
        "steps": len(losses),
        "loss": {"first": round(_mean(losses[:10]), 4), "last": round(_mean(losses[-10:]), 4)},
        "seconds": round(seconds),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }  # fmt: skip
    (out / "training.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def repeated(found: Sequence[Pair]) -> list[Pair]:
    """Return the pairs, those of rare clauses several times."""
    by_key: dict[str, list[Pair]] = {}
    for pair in found:
        by_key.setdefault(pair.key, []).append(pair)
    return [pair for own in by_key.values() for pair in own * max(1, EACH // len(own))]


def _row(tokenizer: Any, pair: Pair) -> Row:  # noqa: ANN401
    sentence = tokenizer(pair.sentence, add_special_tokens=False)["input_ids"]
    return prompt_ids(tokenizer, pair.system, pair.user), [*sentence, tokenizer.eos_token_id]


def _batches(rows: Sequence[Row], epochs: int, seed: int) -> list[list[Row]]:
    draw, found = random.Random(seed), list[list[Row]]()
    for _ in range(epochs):
        order = draw.sample(list(rows), len(rows))
        found += [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    return found


def _padded(batch: Sequence[Row], filler: int) -> tuple[Any, Any, Any]:
    """Return tokens, mask and labels, shape (n, longest); only sentences are learned."""
    import torch

    width = max(len(card) + len(sentence) for card, sentence in batch)
    ids, mask, labels = [], [], []
    for card, sentence in batch:
        gap = width - len(card) - len(sentence)
        ids.append([*card, *sentence, *[filler] * gap])
        mask.append([1] * (width - gap) + [0] * gap)
        labels.append([-100] * len(card) + list(sentence) + [-100] * gap)
    return torch.tensor(ids), torch.tensor(mask), torch.tensor(labels)


if __name__ == "__main__":
    sys.exit(main())
