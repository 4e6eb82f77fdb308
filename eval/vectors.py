"""Embeddings for evaluation, kept under `var/` by the hash of text and model: computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class TextEncoder(Protocol):
    """What of `retrieval.text.encoder.Encoder` is used here."""

    model_hash: str

    def encode(
        self, texts: Sequence[str], *, role: str = "passage", progress: str | None = None
    ) -> Vectors:
        """Return unit vectors of shape (n, dimension)."""
        ...


def encode_cached(
    texts: Sequence[str], encoder: TextEncoder, cache: Path, *, role: str, label: str
) -> Vectors:
    """Return the vectors of `texts`; one file for each (texts, role, model).

    A cached file of the wrong length (a run was stopped while writing) is made again.
    """
    digest = hashlib.sha256(f"{encoder.model_hash} {role}\0".encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    path = cache / f"{digest.hexdigest()[:32]}.npy"
    if path.is_file():
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError):
            found = np.zeros((0, 0), np.float32)
        if len(found) == len(texts):
            return np.asarray(found, np.float32)
    vectors = encoder.encode(list(texts), role=role, progress=label)
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, vectors.astype(np.float16), allow_pickle=False)
    part.replace(path)
    return np.asarray(vectors.astype(np.float16), np.float32)


def open_encoder(model: str, device: str) -> TextEncoder:
    """Load an encoder as a store does. ModelError if its weights cannot be had."""
    from retrieval.config import EncoderConfig
    from retrieval.text.encoder import load_encoder

    return load_encoder(EncoderConfig(model=model), device=device)  # type: ignore[return-value]
