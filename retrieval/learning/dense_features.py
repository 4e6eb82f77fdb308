"""Numbers about a shopper, a product and what lies between them: what the dense network sees.

Statistics of behaviour (counts, item-item scores, what follows what) come from the log handed to
`fit` alone; what a shopper did comes from the context alone. So a context of the past together with
a log that ends before it gives numbers that existed then. Nothing here is scaled.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.attention_network import principal_axes
from retrieval.behaviour.base import Context, Interactions, Rows
from retrieval.behaviour.item_cf import ItemCFScorer
from retrieval.behaviour.popularity import PopularityScorer
from retrieval.behaviour.sequence import SequenceScorer
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Catalogue

Floats = NDArray[np.float32]

TOP_CATEGORIES = 12
"""Top-level categories with a column of their own, the largest ones."""
BRAND_COLUMNS = 16
"""Brands share these columns by a hash of their name."""
REVIEW_COLUMNS = 8
"""Leading axes of the mean review vectors."""
LATEST = 5
"""Products of the history whose mean text is compared."""
FADE = 0.6
"""Each step back counts this much less in that mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A shopper's numbers that a context does not hold: recency and money (of RFV)."""

    days_since: float | None = None
    """Days since the latest product was taken; None if not known."""


class DenseFeatures:
    """Features of (context, product) pairs over one catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        vectors: Floats,
        review_vectors: Floats | None = None,
        config: BehaviourConfig | None = None,
    ) -> None:
        """Set up over a catalogue.

        Args:
            catalogue: Products in row order.
            vectors: Unit text vectors, shape (n_products, d).
            review_vectors: Mean vector of each product's review sentences, zeros where there are
                none, shape (n_products, d); None leaves these columns 0.
            config: Settings of the behaviour statistics.

        Raises:
            ValueError: If `vectors` has another number of rows than the catalogue.
        """
        n = len(catalogue)
        if len(vectors) != n:
            raise ValueError(f"`vectors` must have {n} rows, one a product, got {len(vectors)}")
        self.catalogue = catalogue
        self.vectors = np.asarray(vectors, np.float32)
        self._top = _top_codes([product.category for product in catalogue.products])
        self._price = np.nan_to_num(np.log1p(catalogue.price)).astype(np.float32)
        self._static, static_names = self._of_products(review_vectors)
        self.names: tuple[str, ...] = (*static_names, *_SHOPPER, *_shares(), *_BETWEEN)
        self._popularity = PopularityScorer(config)
        self._item_cf = ItemCFScorer(config)
        self._sequence = SequenceScorer(config)

    @property
    def n(self) -> int:
        """How many features a pair has."""
        return len(self.names)

    def fit(self, interactions: Interactions) -> Self:
        """Take the behaviour statistics from a log."""
        for scorer in (self._popularity, self._item_cf, self._sequence):
            scorer.fit(interactions)
        return self

    def save(self, folder: Path) -> None:
        """Write the behaviour statistics; the catalogue and its vectors are the store's."""
        for scorer in (self._popularity, self._item_cf, self._sequence):
            scorer.save(folder)

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        for scorer in (self._popularity, self._item_cf, self._sequence):
            scorer.load(folder)
        return self

    def of(self, context: Context, rows: Rows, moment: Moment | None = None) -> Floats:
        """Return features of shape (n_rows, n): the products `rows` for one context."""
        taken = context.given
        return np.concatenate(
            [
                self._static[rows],
                np.broadcast_to(self._of_shopper(taken, moment or Moment()), (len(rows), _WIDTH)),
                self._between(context, taken, rows),
            ],
            axis=1,
            dtype=np.float32,
        )

    def _of_products(self, review_vectors: Floats | None) -> tuple[Floats, list[str]]:
        """Category, brand, price, rating, review count and review text: (n_products, ...)."""
        catalogue = self.catalogue
        n = len(catalogue)
        category = np.eye(TOP_CATEGORIES + 1)[self._top][:, :TOP_CATEGORIES]
        hashed = [zlib.crc32((p.brand or "").encode()) % BRAND_COLUMNS for p in catalogue.products]
        brand = np.eye(BRAND_COLUMNS)[np.array(hashed, np.int64)] * (
            catalogue.brand_code >= 0
        ).reshape(-1, 1)
        reviews = np.zeros((n, REVIEW_COLUMNS))
        if review_vectors is not None and n:
            has = np.abs(review_vectors).sum(axis=1, keepdims=True) > 0
            reviews = principal_axes(review_vectors, REVIEW_COLUMNS) * has
        plain = np.stack(
            [
                self._price,
                _price_level(self._price, catalogue.leaf_code),
                np.nan_to_num(catalogue.rating),
                np.isnan(catalogue.rating).astype(float),
                np.log1p(catalogue.rating_count),
            ],
            axis=1,
        )
        names = [f"category {i}" for i in range(TOP_CATEGORIES)]
        names += [f"brand {i}" for i in range(BRAND_COLUMNS)]
        names += ["price", "price level in category", "rating", "no rating", "review count"]
        names += [f"review text {i}" for i in range(REVIEW_COLUMNS)]
        return np.concatenate([category, brand, plain, reviews], axis=1, dtype=np.float32), names

    def _of_shopper(self, taken: Rows, moment: Moment) -> Floats:
        """Recency, frequency, value, and the shares of the top categories: shape (_WIDTH,)."""
        known = moment.days_since is not None
        shares = np.bincount(self._top[taken], minlength=TOP_CATEGORIES + 1)[:TOP_CATEGORIES]
        price = self._price[taken]
        return np.array(
            [
                np.log1p(max(0.0, moment.days_since or 0.0)),
                float(known),
                np.log1p(len(taken)),
                np.log1p(np.expm1(price).sum()),
                price.mean() if len(taken) else 0.0,
                *(shares / max(1, len(taken))),
            ],
            np.float32,
        )

    def _between(self, context: Context, taken: Rows, rows: Rows) -> Floats:
        """What ties the products to what was taken: shape (n_rows, len(_BETWEEN))."""
        found = np.zeros((len(rows), len(_BETWEEN)), np.float32)
        found[:, 0] = self._popularity.score(context)[rows]
        if not len(taken):
            return found
        catalogue, latest = self.catalogue, taken[-LATEST:]
        fade = FADE ** np.arange(len(latest))[::-1].astype(float)
        mean = (fade[:, None] * self.vectors[latest]).sum(axis=0)
        mean /= max(1e-9, float(np.linalg.norm(mean)))
        leaf, brand = catalogue.leaf_code[rows], catalogue.brand_code[rows]
        found[:, 1] = self.vectors[rows] @ mean
        found[:, 2] = (self.vectors[rows] @ self.vectors[latest].T).max(axis=1)
        found[:, 3] = np.log1p(_times(catalogue.leaf_code[taken], leaf))
        found[:, 4] = np.log1p(_times(catalogue.brand_code[taken], brand))
        found[:, 5] = _times(self._top[taken], self._top[rows]) / len(taken)
        found[:, 6] = np.log1p(_times(taken, rows))
        found[:, 7] = rows == taken[-1]
        found[:, 8] = self._price[rows] - np.median(self._price[taken])
        for column, scorer in ((9, self._item_cf), (10, self._sequence)):
            scores = scorer.score(context)
            found[:, column] = scores[rows] / max(1e-9, float(scores.max()))
            found[:, column + 2] = np.log1p(100 * scores[rows])
        return found


_SHOPPER = ("days since the last", "days known", "products taken", "money spent", "mean price")
_BETWEEN = (
    "popularity", "text near the latest", "text nearest of the latest", "same category taken",
    "same brand taken", "share of the category", "taken before", "is the latest",
    "price above the usual", "item_cf by its best", "sequence by its best", "item_cf", "sequence",
)  # fmt: skip


def _shares() -> tuple[str, ...]:
    return tuple(f"share of category {i}" for i in range(TOP_CATEGORIES))


_WIDTH = len(_SHOPPER) + TOP_CATEGORIES


def _top_codes(paths: Sequence[Sequence[str]]) -> Rows:
    """Number the top-level categories, largest first; TOP_CATEGORIES for all others and none.

    Where one name heads every path, the next level counts as the top.
    """
    level = 1 if len({path[0] for path in paths if path}) == 1 else 0
    heads = [path[min(level, len(path) - 1)] if path else "" for path in paths]
    counts = Counter(head for head in heads if head)
    largest = sorted(counts, key=lambda head: (-counts[head], head))[:TOP_CATEGORIES]
    code = {head: i for i, head in enumerate(largest)}
    return np.array([code.get(head, TOP_CATEGORIES) for head in heads], np.int64)


def _price_level(price: Floats, leaf: Rows) -> Floats:
    """Return each price's place in its leaf category, 0 cheapest to 1 dearest; alone is 0.5."""
    level = np.full(len(price), 0.5, np.float32)
    for code in np.unique(leaf[leaf >= 0]):
        here = np.flatnonzero(leaf == code)
        if len(here) > 1:
            level[here] = np.argsort(np.argsort(price[here], kind="stable")) / (len(here) - 1)
    return level


def _times(codes: Rows, wanted: Rows) -> NDArray[np.float64]:
    """Return how often each wanted code stands in `codes`; 0 for codes below 0."""
    known = codes[codes >= 0]
    counts = np.bincount(known, minlength=int(wanted.max(initial=0)) + 1)
    return np.where(wanted >= 0, counts[wanted], 0).astype(float)
