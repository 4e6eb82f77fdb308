"""A made-up shop of any size for measuring cost: seeded, with something for every scorer to find.

Nothing in it means anything. Words follow Zipf's law, products stand in 240 categories, vectors
cluster by category, baskets hold a product and often its partner of the next category.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.data.dataset import (
    EVENT_COLUMNS,
    OFFER_COLUMNS,
    PRODUCT_COLUMNS,
    REVIEW_COLUMNS,
    SPAN_COLUMNS,
    Dataset,
    frame,
)
from retrieval.text.encoder import Encoder

Floats = NDArray[np.float32]
DEPARTMENTS, LEAVES_EACH = 8, 30
N_WORDS = 20_000
EVENTS_A_PRODUCT = 5
VISIT = ("view", "view", "purchase", "purchase")
DAYS = 180
END = datetime(2026, 1, 1, tzinfo=UTC)
REVIEWED = 10
"""Every so many products one has a review, of one sentence."""
TIGHTNESS = 0.6
"""Share of a vector that is its category's."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The tables, and the words they are written with."""

    dataset: Dataset
    words: tuple[str, ...]


def make_shop(n: int, seed: int = 0) -> Shop:
    """Return a shop of n products with five events each."""
    rng = np.random.default_rng(seed)
    words = _words(rng)
    leaf = np.sort(rng.integers(DEPARTMENTS * LEAVES_EACH, size=n))
    products = _products(n, leaf, words, rng)
    reviews, spans = _reviews(products["product_id"].to_list(), words, rng)
    dataset = Dataset(
        products=products,
        reviews=reviews,
        spans=spans,
        events=_events(products["product_id"].to_numpy(), leaf, rng),
        offers=_offers(products["category"].to_list()),
    )
    return Shop(dataset=dataset, words=words)


def _words(rng: np.random.Generator) -> tuple[str, ...]:
    """Return different pronounceable words, the most used first."""
    letters = [[c + v for c in "bdfgklmnprstvz" for v in "aeiou"] for _ in range(3)]
    picked = rng.permutation(len(letters[0]) ** 3)[:N_WORDS]
    size = len(letters[0])
    return tuple(
        letters[0][p // size**2] + letters[1][p // size % size] + letters[2][p % size]
        for p in picked.tolist()
    )


def _drawn(words: Sequence[str], shape: tuple[int, int], rng: np.random.Generator) -> list[str]:
    """Return texts of words drawn by Zipf's law, one a row."""
    odds = 1 / np.arange(10, 10 + len(words))
    edges = np.cumsum(odds / odds.sum())
    picked = np.minimum(np.searchsorted(edges, rng.random(shape)), len(words) - 1)
    return [" ".join(words[i] for i in row) for row in picked.tolist()]


def _products(
    n: int, leaf: NDArray[np.int64], words: Sequence[str], rng: np.random.Generator
) -> pl.DataFrame:
    paths = [
        [f"hall {words[d]}", f"aisle {words[100 + d]} {k // 10}", f"shelf {words[200 + d]} {k}"]
        for d in range(DEPARTMENTS)
        for k in range(LEAVES_EACH)
    ]
    titles, texts = _drawn(words, (n, 5), rng), _drawn(words, (n, 20), rng)
    brand = rng.integers(max(5, min(500, n // 20)), size=n)
    price = np.exp(rng.normal(8, 0.8, size=n)).astype(np.int64) + 99
    thread, role = rng.integers(max(2, n // 500), size=n), rng.random(n)
    kilo = rng.integers(1, 5_000, size=n)
    attributes = []
    for i in range(n):
        own = {"weight": f"{kilo[i]} g", "colour": words[i % 12]}
        if role[i] < 0.1:
            own["thread"] = f"T{thread[i]}"
        elif role[i] < 0.2:
            own["fits thread"] = f"T{thread[i]}"
        attributes.append(json.dumps(own, sort_keys=True))
    columns: dict[str, Any] = {
        "product_id": [f"P{i:07d}" for i in range(n)],
        "title": titles,
        "description": texts,
        "category": [paths[k] for k in leaf.tolist()],
        "brand": [f"brand {words[300 + b]}" for b in brand.tolist()],
        "price_minor": price,
        "stock": rng.integers(0, 50, size=n),
        "margin": np.round(rng.random(n) / 2, 3),
        "rating": np.round(rng.uniform(2.5, 5, size=n), 1),
        "rating_count": rng.integers(1, 200, size=n),
        "attributes": attributes,
        "translations": ["{}"] * n,
    }
    return _full(columns, PRODUCT_COLUMNS)


def _reviews(
    ids: Sequence[str], words: Sequence[str], rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    of = list(ids[::REVIEWED])
    texts = [f"The {text} is really great." for text in _drawn(words, (len(of), 6), rng)]
    names = [f"R{i:07d}" for i in range(len(of))]
    rating = rng.integers(1, 6, size=len(of)).astype(float)
    shared: dict[str, Any] = {"review_id": names, "product_id": of, "text": texts}
    reviews = _full(shared | {"rating": rating, "verified": [True] * len(of)}, REVIEW_COLUMNS)
    place = {
        "span_id": [f"{name}#0" for name in names],
        "start": [0] * len(of),
        "end": [len(text) for text in texts],
    }
    return reviews, _full(shared | place, SPAN_COLUMNS)


def _events(
    ids: NDArray[np.object_], leaf: NDArray[np.int64], rng: np.random.Generator
) -> pl.DataFrame:
    """Visits of two views and an order of two lines, the second often the first one's partner."""
    n, size = len(ids), np.bincount(leaf, minlength=DEPARTMENTS * LEAVES_EACH)
    start = np.concatenate([[0], np.cumsum(size)])
    n_visits = max(1, n * EVENTS_A_PRODUCT // len(VISIT))
    first = rng.integers(n, size=n_visits)

    def near(product: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw a product of the same category, its first ones far more often."""
        own = leaf[product]
        return np.asarray(start[own] + (size[own] * rng.random(len(product)) ** 3).astype(np.int64))

    seen, bought = near(first), near(first)
    after = np.where(size[(leaf[bought] + 1) % len(size)] > 0, (leaf[bought] + 1) % len(size), -1)
    partner = np.where(
        after >= 0, start[after] + (bought - start[leaf[bought]]) % np.maximum(size[after], 1), seen
    )
    other = np.where(rng.random(n_visits) < 0.7, partner, rng.integers(n, size=n_visits))
    product = np.stack([first, seen, bought, other], axis=1).ravel()
    visit = np.repeat(np.arange(n_visits), len(VISIT))
    began = np.sort(rng.random(n_visits)) * DAYS * 86_400
    seconds = np.repeat(began, len(VISIT)) + np.tile(np.arange(len(VISIT)) * 60, n_visits)
    begin = END - timedelta(days=DAYS + 1)
    at = pl.Series(int(begin.timestamp() * 1e6) + (seconds * 1e6).astype(np.int64))
    shopper = rng.integers(max(5, n // 2), size=n_visits)[visit]
    kind = np.tile(np.array(VISIT, object), n_visits)
    columns: dict[str, Any] = {
        "event_id": pl.Series(np.arange(len(visit))).cast(pl.String).str.zfill(9),
        "shopper_id": "S" + pl.Series(shopper).cast(pl.String),
        "type": pl.Series(kind.tolist()),
        "at": at.cast(pl.Datetime("us", "UTC")),
        "session_id": "V" + pl.Series(visit).cast(pl.String),
        "order_id": [
            "O" + str(v) if k == "purchase" else None for v, k in zip(visit, kind, strict=True)
        ],
        "product_id": ids[product].tolist(),
        "quantity": np.ones(len(visit)),
    }
    return _full(columns, EVENT_COLUMNS).sort("at", "event_id")


def _offers(categories: Sequence[Sequence[str]]) -> pl.DataFrame:
    halls = sorted({path[0] for path in categories})[:4]
    rows = [
        {"offer_id": f"F{i}", "kind": "percent", "value": 10.0, "categories": [hall],
         "stackable": False}
        for i, hall in enumerate(halls)
    ]  # fmt: skip
    return frame(rows, OFFER_COLUMNS)


def _full(columns: dict[str, Any], schema: Any) -> pl.DataFrame:  # noqa: ANN401
    """Return a frame with every column of the schema, absent ones null."""
    made = pl.DataFrame({name: columns[name] for name in schema if name in columns})
    return made.select(
        (pl.col(name) if name in columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in schema.items()
    )


class DrawnEncoder:
    """Stands in for the encoder while a shop is built: unit vectors drawn by text, no model run.

    Documents of one category lie together; everything else asked of it the real encoder answers.
    """

    def __init__(self, encoder: Encoder, seed: int = 0) -> None:
        self._encoder = encoder
        self._seed = seed

    def encode(self, texts: Sequence[str], **_: object) -> Floats:
        """Return float32 of shape (n, dimension), rows of length 1."""
        dimension = self._encoder.dimension
        rng = np.random.default_rng(self._seed)
        vectors = rng.standard_normal((len(texts), dimension), dtype=np.float32)
        paths = [next((p for p in text.split(". ") if " > " in p), "") for text in texts]
        names, of = np.unique(np.array(paths), return_inverse=True)
        centres = rng.standard_normal((len(names), dimension), dtype=np.float32)
        for begin in range(0, len(texts), 50_000):
            part = slice(begin, begin + 50_000)
            vectors[part] = (1 - TIGHTNESS) * vectors[part] + TIGHTNESS * centres[of[part]]
            vectors[part] /= np.linalg.norm(vectors[part], axis=1, keepdims=True)
        return vectors

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._encoder, name)
