"""The record of all vectors: one matrix a collection, keyed by content and by model.

    vectors/NAME.safetensors   float32 (n, d)
    vectors/NAME.json          ids and content hashes by row, and which model made them

An index over them can be made again at any time; unchanged text is never embedded twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import StoreError
from retrieval.text.encoder import Encoder

Vectors = NDArray[np.float32]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorRecord:
    """What the JSON file beside a matrix says; lists are by row."""

    model_id: str
    model_hash: str
    max_tokens: int
    ids: list[str]
    content: list[str]


def embed(
    texts: Sequence[str], name: str, encoder: Encoder, previous: Path | None
) -> tuple[Vectors, int, int]:
    """Return one vector a text; each different text is embedded once, and not at all if known.

    Args:
        texts: One a row.
        name: Of the matrix, also shown on the progress bar.
        encoder: Makes what is new.
        previous: An older snapshot whose vectors by the same model may be copied, or None.

    Returns:
        Vectors (n, d), the number of texts embedded, and the number copied.
    """
    known = _known_vectors(previous, name, encoder)
    hashes = [_content_hash(text) for text in texts]
    first = {digest: row for row, digest in reversed(list(enumerate(hashes)))}
    new = sorted(row for digest, row in first.items() if digest not in known)
    made = encoder.encode([texts[row] for row in new], progress=f"embedding {name}")
    if len(new) == len(texts):
        return made, len(new), 0
    fresh = {hashes[row]: made[i] for i, row in enumerate(new)}
    vectors = np.zeros((len(texts), encoder.dimension), np.float32)
    for row, digest in enumerate(hashes):
        vectors[row] = known[digest] if digest in known else fresh[digest]
    return vectors, len(new), len(first) - len(new)


def _known_vectors(previous: Path | None, name: str, encoder: Encoder) -> dict[str, Vectors]:
    if previous is None:
        return {}
    try:
        vectors, record = load_vectors(previous, name)
    except StoreError as error:
        log.warning("nothing is copied from the previous snapshot: %s", error)
        return {}
    asked = (encoder.model_hash, encoder.max_tokens, encoder.dimension)
    if (record.model_hash, record.max_tokens, vectors.shape[1]) != asked:
        return {}
    return {digest: vectors[row] for row, digest in enumerate(record.content)}


def _content_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def save_vectors(
    snapshot: Path,
    name: str,
    vectors: Vectors,
    *,
    ids: Sequence[str],
    texts: Sequence[str],
    encoder: Encoder,
) -> None:
    """Write the matrix and its record into `snapshot/vectors`."""
    from safetensors.numpy import save_file

    folder = snapshot / "vectors"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"vectors": vectors}, folder / f"{name}.safetensors")
    record = VectorRecord(
        model_id=encoder.model_id,
        model_hash=encoder.model_hash,
        max_tokens=encoder.max_tokens,
        ids=list(ids),
        content=[_content_hash(text) for text in texts],
    )
    (folder / f"{name}.json").write_text(json.dumps(asdict(record), ensure_ascii=False), "utf-8")


def load_vectors(snapshot: Path, name: str) -> tuple[Vectors, VectorRecord]:
    """Return the memory-mapped matrix and its record.

    Raises:
        StoreError: If either is missing, damaged or of another length.
    """
    path = snapshot / "vectors" / f"{name}.safetensors"
    try:
        record = VectorRecord(**json.loads(path.with_suffix(".json").read_text("utf-8")))
        vectors = _map_matrix(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: cannot be read ({error}); build the store again with "
            "`python -m retrieval.build`"
        ) from error
    if not len(vectors) == len(record.ids) == len(record.content):
        raise StoreError(
            f"{path}: {len(vectors)} vectors for {len(record.ids)} ids; build the store again"
        )
    return vectors, record


def _map_matrix(path: Path) -> Vectors:
    """Map the tensor `vectors` of a safetensors file: 8 bytes of length, JSON header, values."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("the header is longer than the file")
        entry = json.loads(file.read(length))["vectors"]
    if entry["dtype"] != "F32":
        raise ValueError(f"expected 32-bit floats, got {entry['dtype']}")
    rows, columns = entry["shape"]
    start, end = entry["data_offsets"]
    if 8 + length + end > path.stat().st_size or end - start != rows * columns * 4:
        raise ValueError("the file is shorter than its header says")
    if rows == 0:
        return np.zeros((0, columns), np.float32)
    mapped = np.memmap(path, np.dtype("<f4"), "r", offset=8 + length + start, shape=(rows, columns))
    return np.asarray(mapped)
