"""Reads the words asked together with each of the best candidates: a cross-encoder.

None is packaged; `[search] reranker` names one. Its verdict is one more part of the score, so that
the parts still add up. It can reorder the best `reranker_depth` candidates, and since no part is
negative, none of the others overtakes them.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.config import SearchConfig
from retrieval.data.dataset import Catalogue
from retrieval.errors import ModelError
from retrieval.slate import Candidate
from retrieval.text import weights
from retrieval.text.hardware import limit_threads, pick_device, pick_precision
from retrieval.text.index import document_text

PART = "reranker"
"""What the part is called among the sources."""
BATCH_SIZE = 32
CACHED_CALLS = 64
HEADS = ("ForSequenceClassification", "ForCausalLM")
"""Model classes that give a pair one number; a plain encoder would get a random head."""


class Reranker:
    """A loaded cross-encoder. Safe to use from several threads (one reads at a time)."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - a CrossEncoder, a package whose types are not followed
        *,
        model_id: str,
        model_hash: str,
        depth: int,
        weight: float,
    ) -> None:
        self.model_id = model_id
        self.model_hash = model_hash
        self._model = model
        self._depth = depth
        self._weight = weight
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[str, tuple[str, ...]], NDArray[np.float64]] = OrderedDict()

    def answers(self, text: str, passages: Sequence[str]) -> NDArray[np.float64]:
        """Return how well each passage answers a text: the sigmoid of the logit, shape (n,).

        Longer pairs are cut at the model's limit.
        """
        if not passages:
            return np.zeros(0)
        key = (text, tuple(passages))
        with self._lock:
            found = self._cache.get(key)
            if found is None:
                found = self._cache[key] = self._forward(text, passages)
                if len(self._cache) > CACHED_CALLS:
                    self._cache.popitem(last=False)
            else:
                self._cache.move_to_end(key)
        return found.copy()

    def rerank(
        self, text: str, ranked: Sequence[Candidate], catalogue: Catalogue
    ) -> tuple[Candidate, ...]:
        """Return the candidates with the best of them read again, best first.

        These get the part `reranker`, 0 to the set weight, beside the parts that they have; the
        others stay as they are. Ties go to the lower row, as before.
        """
        best, rest = ranked[: self._depth], ranked[self._depth :]
        values = self._weight * self.answers(
            text, [document_text(catalogue.products[c.row]) for c in best]
        )
        read = [
            Candidate(row=c.row, parts={**c.parts, PART: float(value)} if value > 0 else c.parts)
            for c, value in zip(best, values, strict=True)
        ]
        return (*sorted(read, key=lambda c: (-round(c.score, 9), c.row)), *rest)

    def _forward(self, text: str, passages: Sequence[str]) -> NDArray[np.float64]:
        """Run the model; the caller holds the lock (tokenizers are not thread-safe)."""
        from scipy.special import expit

        logits = self._model.predict(
            [(text, passage) for passage in passages],
            batch_size=BATCH_SIZE,
            show_progress_bar=False,
            convert_to_tensor=True,
        )
        numbers = logits.float().cpu().numpy().astype(np.float64).reshape(len(passages))
        return np.asarray(expit(numbers).round(6), np.float64)


def load_reranker(
    config: SearchConfig, *, max_tokens: int = 256, device: str = "auto"
) -> Reranker | None:
    """Load the cross-encoder that the settings name; None where they name none.

    Args:
        config: Which model, how many candidates it reads, how much it counts.
        max_tokens: A text and a passage are cut at this together, or at the model's own limit.
        device: `auto` (CUDA when there is one), `cpu` or `cuda`.

    Raises:
        ModelError: If the weights cannot be had or read, or are of another kind of model.
    """
    if config.reranker is None:
        return None
    if config.reranker in weights.SETTING.values():
        raise ModelError(
            f"`{config.reranker}` is no reranker: none is packaged; give a directory or a hub id "
            "in `[search] reranker`, or leave it out"
        )
    folder = weights.resolve(config.reranker, kind="encoder", revision=config.reranker_revision)
    _check_kind(folder)
    return Reranker(
        _load(folder, max_tokens, device),
        model_id=config.reranker,
        model_hash=weights.model_hash(folder),
        depth=config.reranker_depth,
        weight=config.reranker_weight,
    )


def _load(folder: Path, max_tokens: int, device: str) -> Any:  # noqa: ANN401 - a CrossEncoder
    import torch
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    place = pick_device(device)
    limit_threads()
    try:
        model = CrossEncoder(
            str(folder),
            device=place,
            trust_remote_code=False,
            local_files_only=True,
            activation_fn=torch.nn.Identity(),
            model_kwargs={
                "dtype": getattr(torch, pick_precision(place)),
                "use_safetensors": True,
            },
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{folder}: cannot be loaded as a cross-encoder ({error}); name another model in "
            "`[search] reranker`"
        ) from error
    if model.num_labels != 1:
        raise ModelError(
            f"{folder}: gives {model.num_labels} numbers for a pair, a reranker gives one; name "
            "another model in `[search] reranker`"
        )
    model.eval()
    model.max_seq_length = min(max_tokens, int(model.max_seq_length or max_tokens))
    return model


def _check_kind(folder: Path) -> None:
    """Refuse what is no cross-encoder: a sentence encoder would load with a random head.

    Raises:
        ModelError: Naming the directory.
    """
    heads = _read(folder / "config.json").get("architectures") or [""]
    is_made_so = _read(folder / "config_sentence_transformers.json").get("model_type")
    if not str(heads[0]).endswith(HEADS) and is_made_so != "CrossEncoder":
        raise ModelError(
            f"{folder}: is no cross-encoder (its config.json names {heads[0] or 'no model'}); "
            "name another model in `[search] reranker`"
        )


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
