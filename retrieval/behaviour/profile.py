"""A shopper's profile: what the log says of one person, each field with its count.

Built from the shopper's own rows when asked, so that it is always what the log holds. Interests
move with time: beside its count every category and brand has a weight, in which old events count
less and a purchase more than a look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import ADD, PURCHASE, VIEW, Interactions, Rows, Scores
from retrieval.data.dataset import Catalogue

WEIGHT = {VIEW: 0.2, ADD: 0.5, PURCHASE: 1.0}
HALF_LIFE_DAYS = 90.0
"""Of an interest: `eval.run_interests` finds 60 to 180 days alike, none and 14 days worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What events say about a shopper."""

    shopper_id: str
    n_events: int
    n_purchases: int
    purchased: Rows
    """Product rows, latest first, each once."""
    viewed: Rows
    """Product rows, latest first, each once."""
    leaves: tuple[tuple[str, int], ...]
    """Category path and the number of events in it, most first."""
    brands: tuple[tuple[str, int], ...]
    leaf_weights: tuple[tuple[str, float], ...]
    """Category path and its interest now, the strongest 1, strongest first."""
    brand_weights: tuple[tuple[str, float], ...]
    median_price: float | None
    """Minor units, over purchases."""
    last_day: float | None


class Profiles:
    """Profiles by shopper, from a log kept in shopper order."""

    name = "profile"

    def __init__(
        self,
        interactions: Interactions,
        catalogue: Catalogue,
        *,
        half_life_days: float | None = HALF_LIFE_DAYS,
    ) -> None:
        """Keep the log; an interest's weight halves in `half_life_days` (None: never)."""
        if half_life_days is not None and half_life_days <= 0:
            raise ValueError(f"`half_life_days` must be above 0 or None, got {half_life_days}")
        self._half_life_days = half_life_days
        order = np.lexsort((interactions.day, interactions.shopper))
        self._product = interactions.product[order]
        self._type = interactions.type[order]
        self._day = interactions.day[order]
        self._start = np.searchsorted(
            interactions.shopper[order], np.arange(interactions.n_shoppers + 1)
        )
        self._row = {shopper_id: row for row, shopper_id in enumerate(interactions.shopper_ids)}
        self._catalogue = catalogue
        self.shopper_ids = interactions.shopper_ids

    def __contains__(self, shopper_id: object) -> bool:
        return shopper_id in self._row

    def row(self, shopper_id: str) -> int | None:
        """Return the shopper's row in the log, or None for one that it does not know."""
        return self._row.get(shopper_id)

    def of(self, shopper_id: str) -> Profile | None:
        """Return the profile, or None for a shopper the log does not know."""
        row = self._row.get(shopper_id)
        if row is None:
            return None
        here = slice(int(self._start[row]), int(self._start[row + 1]))
        product, kind, day = self._product[here], self._type[here], self._day[here]
        bought = product[kind == PURCHASE]
        prices = self._catalogue.price[bought]
        prices = prices[~np.isnan(prices)]
        catalogue, weight = self._catalogue, self._weights(kind, day)
        return Profile(
            shopper_id=shopper_id,
            n_events=len(product),
            n_purchases=len(bought),
            purchased=_latest_first(bought),
            viewed=_latest_first(product[kind == VIEW]),
            leaves=_counted(catalogue.leaf_code[product], catalogue.leaves),
            brands=_counted(catalogue.brand_code[product], catalogue.brands),
            leaf_weights=_weighed(catalogue.leaf_code[product], weight, catalogue.leaves),
            brand_weights=_weighed(catalogue.brand_code[product], weight, catalogue.brands),
            median_price=float(np.median(prices)) if len(prices) else None,
            last_day=float(day[-1]) if len(day) else None,
        )

    def events_with(self, shopper_id: str, products: Rows) -> tuple[tuple[int, float], ...]:
        """Return the shopper's events with any of some products as (type, day), oldest first."""
        row = self._row.get(shopper_id)
        if row is None:
            return ()
        here = slice(int(self._start[row]), int(self._start[row + 1]))
        mine = np.flatnonzero(np.isin(self._product[here], products)) + here.start
        return tuple((int(self._type[i]), float(self._day[i])) for i in mine)

    def score(self, profile: Profile | None) -> Scores:
        """Return how well each product fits the profile, 0 to 1: shape (n_products,).

        Half from the interest in the product's leaf, a third from its brand, a sixth from closeness
        to the median price paid.
        """
        catalogue = self._catalogue
        scores = np.zeros(len(catalogue), np.float32)
        if profile is None or not profile.n_events:
            return scores
        scores += 0.5 * _share(
            profile.leaf_weights, self._catalogue.leaves, self._catalogue.leaf_code
        )
        scores += 0.33 * _share(
            profile.brand_weights, self._catalogue.brands, self._catalogue.brand_code
        )
        if profile.median_price:
            ratio = np.log2(np.maximum(catalogue.price, 1.0) / profile.median_price)
            scores += 0.17 * np.nan_to_num(np.exp(-(ratio**2) / 2)).astype(np.float32)
        return scores

    def _weights(self, kind: NDArray[np.int8], day: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each event's weight as of the shopper's last one; only ratios matter."""
        weight = np.array([WEIGHT[t] for t in range(len(WEIGHT))])[kind]
        if self._half_life_days is not None and len(day):
            weight = weight * 0.5 ** ((day[-1] - day) / self._half_life_days)
        return np.asarray(weight, np.float64)


def _latest_first(products: Rows) -> Rows:
    last = {int(p): i for i, p in enumerate(products)}
    return np.array(sorted(last, key=lambda p: -last[p]), np.int64)


def _counted(codes: Rows, names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    found, counts = np.unique(codes[codes >= 0], return_counts=True)
    pairs = [(names[c], int(n)) for c, n in zip(found, counts, strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _weighed(
    codes: Rows, weight: NDArray[np.float64], names: Sequence[str]
) -> tuple[tuple[str, float], ...]:
    """Return names with their summed weight over the largest, strongest first."""
    found, place = np.unique(codes[codes >= 0], return_inverse=True)
    if not len(found):
        return ()
    sums = np.bincount(place, weight[codes >= 0])
    pairs = [(names[c], float(w)) for c, w in zip(found, sums / sums.max(), strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _share(
    weights: Sequence[tuple[str, float]], names: Sequence[str], codes: Rows
) -> NDArray[np.float32]:
    """Return each product's interest, 0 to 1: shape (n_products,)."""
    known = dict(weights)
    by_code = np.array([known.get(name, 0.0) for name in names] + [0.0], np.float32)
    return np.asarray(by_code[codes], np.float32)
