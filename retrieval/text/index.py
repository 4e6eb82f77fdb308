"""Vectors of products and of review sentences: our own file is the record, Chroma is the index.

    snapshot/vectors/{products,spans}.*   rows as in the dataset (`retrieval.text.vectors`)
    snapshot/chroma/                      collections `products` and `reviews`, cosine

Chroma answers unfiltered searches approximately; our vectors then score exactly what it found.
Filtered searches scan the allowed rows, which is exact and far quicker than Chroma's `where`.
Distances exist only in this file: what leaves it is similarity, higher is better.

    python -m retrieval.text.index SNAPSHOT   checks an index, as `check_index` does in a child
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.data.dataset import Dataset, Product
from retrieval.data.spans import is_quotable
from retrieval.errors import ShopError, StoreError
from retrieval.text.encoder import Encoder
from retrieval.text.quiet import go_offline, is_offline
from retrieval.text.vectors import Vectors, embed, load_vectors, save_vectors

Collection = Literal["products", "reviews"]
Metadata = dict[str, str | int | float]
VECTOR_FILE: dict[Collection, str] = {"products": "products", "reviews": "spans"}
CHROMA_BATCH = 5_000  # Chroma refuses more than 5,461 at once
OVER_FETCH = 40
"""Chroma is asked for twice `k` and this many more: at k = 10 nothing near is then missed."""
MANY = 0.25
"""With a larger share of rows allowed, scanning all of them beats copying out the allowed ones."""
MAX_ATTRIBUTES = 16
MAX_ATTRIBUTE_LENGTH = 80
KNOWN_VECTORS_ASKED = 16
MOST_FOUND = 0.75

log = logging.getLogger(__name__)


def document_text(product: Product) -> str:
    """Return what the encoder reads: title, brand, category, short attributes, description."""
    attributes = [
        f"{name}: {value}"
        for name, value in product.attributes.items()
        if len(value) <= MAX_ATTRIBUTE_LENGTH
    ]
    parts = [
        product.title,
        product.brand or "",
        " > ".join(product.category),
        "; ".join(attributes[:MAX_ATTRIBUTES]),
        product.description,
    ]
    return ". ".join(part.strip().rstrip(".") for part in parts if part.strip())


def quotable_spans(dataset: Dataset) -> pl.DataFrame:
    """Return the spans long and short enough to be quoted: row order of the index `reviews`."""
    keep = [is_quotable(text) for text in dataset.spans["text"]]
    return dataset.spans.filter(pl.Series(keep, dtype=pl.Boolean))


def build_index(
    snapshot: Path, dataset: Dataset, encoder: Encoder, *, previous: Path | None = None
) -> dict[str, int]:
    """Write the vectors and the Chroma collections of a dataset into a new snapshot.

    Args:
        snapshot: Directory of the store being built; has no `vectors` or `chroma` yet.
        dataset: Products and quotable spans.
        encoder: Makes the vectors.
        previous: An older snapshot: vectors of unchanged text by the same model are copied.

    Returns:
        Counts: `products`, `spans`, `embedded` (texts run through the model), `copied`.

    Raises:
        StoreError: If the snapshot already has an index.
    """
    counts = build_vectors(snapshot, dataset, encoder, previous=previous)
    build_graph(snapshot, dataset)
    return counts


def build_vectors(
    snapshot: Path, dataset: Dataset, encoder: Encoder, *, previous: Path | None = None
) -> dict[str, int]:
    """Write the vectors alone; see `build_index`."""
    if (snapshot / "vectors").exists() or (snapshot / "chroma").exists():
        raise StoreError(f"{snapshot}: already has an index; build into a new directory")
    counts = {"products": 0, "spans": 0, "embedded": 0, "copied": 0}
    for name, ids, texts in _documents(dataset):
        vectors, embedded, copied = embed(texts, name, encoder, previous)
        counts[name] = len(ids)
        counts["embedded"] += embedded
        counts["copied"] += copied
        save_vectors(snapshot, name, vectors, ids=ids, texts=texts, encoder=encoder)
    return counts


def build_graph(snapshot: Path, dataset: Dataset) -> None:
    """Write the Chroma collections over vectors that are on disk; they are read from there."""
    products, spans = dataset.catalogue.products, quotable_spans(dataset)
    ratings = dict(dataset.reviews.select("review_id", "rating").iter_rows())
    metadata: dict[Collection, Iterable[Metadata]] = {
        "products": (_product_metadata(product) for product in products),
        "reviews": (_span_metadata(row, ratings) for row in spans.iter_rows(named=True)),
    }
    client = _client(snapshot)
    try:
        for (collection, name), (_, ids, texts) in zip(
            VECTOR_FILE.items(), _documents(dataset), strict=True
        ):
            vectors, _ = load_vectors(snapshot, name)
            _fill(client, collection, vectors, ids, texts, iter(metadata[collection]))
    finally:
        client.close()


def _documents(dataset: Dataset) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield name, ids and texts of each matrix, in the order of `VECTOR_FILE`."""
    catalogue, spans = dataset.catalogue, quotable_spans(dataset)
    yield "products", list(catalogue.product_ids), list(map(document_text, catalogue.products))
    yield "spans", spans["span_id"].to_list(), spans["text"].to_list()


def check_index(snapshot: Path) -> None:
    """Open the index in a process of its own, count, and ask for vectors that must be found.

    A torn index can crash the process that reads it: better a child than the shop.

    Raises:
        StoreError: If anything is missing, miscounted, not found, or crashes.
    """
    done = subprocess.run(
        [sys.executable, "-m", "retrieval.text.index", str(snapshot.resolve())],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        reason = said[-1] if said else f"the checking process ended with {done.returncode}"
        raise StoreError(
            f"{snapshot}: the vector index is damaged: {reason}; build the store again"
        )


class VectorIndex:
    """One collection of an immutable snapshot, open for searching. Safe from several threads."""

    def __init__(self, vectors: Vectors, ids: Sequence[str], collection: Any) -> None:  # noqa: ANN401
        self.vectors = vectors
        """Unit vectors, float32 of shape (n, d), memory-mapped."""
        self.ids = tuple(ids)
        self._row = {name: row for row, name in enumerate(self.ids)}
        self._collection = collection
        self._client: Any = None

    @classmethod
    def open(cls, snapshot: Path, collection: Collection) -> VectorIndex:
        """Open one collection; when Chroma cannot, exact scans answer instead (logged once).

        Raises:
            StoreError: If our own vectors are missing or damaged.
        """
        vectors, record = load_vectors(snapshot, VECTOR_FILE[collection])
        index = cls(vectors, record.ids, None)
        try:
            index._client = _client(snapshot, must_exist=True)
            found = index._client.get_collection(collection, embedding_function=None)
            if found.count() != len(index.ids):
                raise StoreError(f"{found.count()} entries for {len(index.ids)} vectors")
            index._collection = found
        except _chroma_errors() as error:
            log.warning(
                "%s: Chroma collection `%s` is not usable (%s); searching by exact scan",
                snapshot,
                collection,
                error,
            )
            index.close()
        return index

    def __len__(self) -> int:
        return len(self.ids)

    def similarities(self, vector: Vectors, rows: NDArray[np.int64] | None = None) -> Vectors:
        """Return the cosine of `vector` (d,) with every row, float32 of shape (n,).

        With `rows`, ascending, only those are asked for; all others are 0. Several vectors (m, d)
        give the largest cosine with any of them, read in one pass.
        """
        asked = np.asarray(vector, np.float32).T
        if rows is None or len(rows) > MANY * len(self):
            found = self.vectors @ asked
            rows = None
        else:
            found = self.vectors[rows] @ asked
        if found.ndim > 1:
            found = found.max(axis=1)
        # Six decimals: equal texts tie exactly however the sums were grouped.
        found = np.round(found, 6, out=found)
        if rows is None:
            return found
        scores = np.zeros(len(self), np.float32)
        scores[rows] = found
        return scores

    def search(
        self, vector: Vectors, *, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Return the nearest rows, best first; ties go to the lower row.

        Args:
            vector: Unit vector of shape (d,).
            k: At most this many.
            allowed: Mask of shape (n,); None allows all.

        Returns:
            Rows, int64 of shape (m,), and their cosines, float32 of shape (m,), m at most `k`.
        """
        if k < 1:
            raise ValueError(f"`k` must be at least 1, got {k}")
        if allowed is None:
            rows = self._nearest(vector, 2 * k + OVER_FETCH)
        elif allowed.shape != (len(self),):
            raise ValueError(f"`allowed` must have shape ({len(self)},), got {allowed.shape}")
        else:
            rows = np.flatnonzero(allowed)
        if len(rows) > MANY * len(self):
            scores = self.similarities(vector)[rows]
        else:
            scores = np.round(self.vectors[rows] @ np.asarray(vector, np.float32), 6)
        if len(rows) > k:
            edge = np.partition(scores, -k)[-k]  # all ties at the edge stay in the running
            near = scores >= edge
            rows, scores = rows[near], scores[near]
        order = np.lexsort((rows, -scores))[:k]
        return rows[order].astype(np.int64), scores[order].astype(np.float32)

    def close(self) -> None:
        """Let go of Chroma's files; searching goes on by exact scan."""
        self._collection = None
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _nearest(self, vector: Vectors, n: int) -> NDArray[np.int64]:
        """Rows that Chroma holds nearest, in no order; all rows when there is no Chroma."""
        collection = self._collection
        if collection is None or n >= len(self):
            return np.arange(len(self))
        try:
            answer = collection.query(
                query_embeddings=[np.asarray(vector, np.float32)], n_results=n, include=[]
            )
            rows = [self._row[name] for name in answer["ids"][0]]
        except _chroma_errors() as error:
            log.warning("a Chroma search failed (%s); searching by exact scan from now on", error)
            self._collection = None
            return np.arange(len(self))
        return np.array(sorted(rows), np.int64)


def _product_metadata(product: Product) -> Metadata:
    values: Metadata = {"leaf": product.leaf, "brand": product.brand or ""}
    if product.price is not None:
        values["price"] = float(product.price)
    if product.stock is not None:
        values["stock"] = product.stock
    return values


def _span_metadata(row: dict[str, Any], ratings: dict[str, float]) -> Metadata:
    values: Metadata = {name: row[name] for name in ("product_id", "review_id", "start", "end")}
    if (rating := ratings.get(row["review_id"])) is not None:
        values["rating"] = rating
    return values


def _client(snapshot: Path, *, must_exist: bool = False) -> Any:  # noqa: ANN401
    """Chroma on the snapshot's folder, with nothing that leaves the machine."""
    folder = snapshot / "chroma"
    if must_exist and not (folder / "chroma.sqlite3").is_file():
        raise StoreError(f"{folder} holds no collections")
    go_offline(downloads=not is_offline())
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(
        path=str(folder), settings=Settings(anonymized_telemetry=False, allow_reset=False)
    )


def _chroma_errors() -> tuple[type[Exception], ...]:
    """What an unusable index raises: ours, Chroma's, SQLite's, and those of its Rust core."""
    import sqlite3

    from chromadb.errors import ChromaError

    own: type[Exception] = ChromaError
    return (own, StoreError, sqlite3.Error, OSError, ValueError, KeyError, RuntimeError)


def _fill(
    client: Any,  # noqa: ANN401
    name: Collection,
    vectors: Vectors,
    ids: Sequence[str],
    texts: Sequence[str],
    metadata: Iterator[Metadata],
) -> None:
    from tqdm import tqdm

    collection = client.create_collection(
        name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )
    with tqdm(total=len(ids), desc=f"indexing {name}", unit="vector", delay=2) as bar:
        for start in range(0, len(ids), CHROMA_BATCH):
            stop = min(start + CHROMA_BATCH, len(ids))
            collection.add(
                ids=list(ids[start:stop]),
                embeddings=vectors[start:stop],
                metadatas=list(islice(metadata, stop - start)),
                documents=list(texts[start:stop]),
            )
            bar.update(stop - start)


def _check(snapshot: Path) -> None:
    """Raise StoreError unless both collections answer for known vectors."""
    for name in VECTOR_FILE:
        vectors, record = load_vectors(snapshot, VECTOR_FILE[name])
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.all(np.isfinite(lengths)):
            raise StoreError(f"{name}: some vectors are not finite")
        client = _client(snapshot, must_exist=True)
        try:
            collection = client.get_collection(name, embedding_function=None)
            if collection.count() != len(record.ids):
                raise StoreError(
                    f"{name}: {collection.count()} entries for {len(record.ids)} vectors"
                )
            _ask_known(collection, name, vectors, record.ids)
        except _chroma_errors() as error:
            raise StoreError(f"{name}: {error}") from error
        finally:
            client.close()


def _ask_known(collection: Any, name: str, vectors: Vectors, ids: Sequence[str]) -> None:  # noqa: ANN401
    """Search for some stored vectors: most must find an entry as near as themselves.

    The graph is approximate, so a sound one may miss a vector; a torn one misses nearly all.
    """
    if not ids:
        return
    rows = np.unique(np.linspace(0, len(ids) - 1, KNOWN_VECTORS_ASKED).astype(int))
    answer = collection.query(
        query_embeddings=list(vectors[rows]), n_results=1, include=["distances"]
    )
    near = [bool(distances) and distances[0] <= 1e-3 for distances in answer["distances"]]
    if sum(near) < MOST_FOUND * len(rows):
        lost = len(rows) - sum(near)
        raise StoreError(f"{name}: {lost} of {len(rows)} entries are not found by their own vector")


def main(argv: Sequence[str] | None = None) -> int:
    """Check the index of a snapshot; 0 when sound."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m retrieval.text.index SNAPSHOT\n")
        return 2
    go_offline()
    try:
        _check(Path(arguments[0]))
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
