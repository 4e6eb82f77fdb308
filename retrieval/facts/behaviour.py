"""Evidence from the event log: counts with their window; below minimum support nothing is said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrieval.behaviour.association import AssociationScorer, PairCounts
from retrieval.behaviour.base import PURCHASE, TYPES, Rows
from retrieval.behaviour.sequence import BoughtAfter
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence, EvidenceKind, make_evidence
from retrieval.store import Store, date_of

CATEGORY = "category="
"""Starts the part of an id that names a leaf category instead of a product."""
MAX_KEPT = 4_096
"""Pairs of categories whose evidence is kept."""
MIN_GAPS = 2
"""Gaps between a shopper's purchases of a product from which a habit is spoken of."""
VERBS = {"view": "looked at", "add_to_cart": "put in the cart", "purchase": "bought"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One side of a pair: a product, or a leaf category."""

    name: str
    rows: Rows
    product_id: str | None = None
    category: str | None = None

    @property
    def key(self) -> str:
        return self.product_id if self.product_id is not None else f"{CATEGORY}{self.category}"


class BehaviourFacts:
    """What shoppers did."""

    store: Store

    def bought_together(self, anchor: Product | int, other: Product | int) -> Evidence | None:
        """Baskets that hold both; either side is a product or a leaf category's code."""
        scorer = self.store.behaviour.association
        if isinstance(anchor, Product) or isinstance(other, Product):
            return self._together("bought_together", scorer, anchor, other)
        key = (anchor, other)  # two categories: asked again for every suggestion
        if key in self._between_leaves:
            return self._between_leaves.get(key)
        found = self._together("bought_together", scorer, anchor, other)
        if len(self._between_leaves) < MAX_KEPT:
            self._between_leaves[key] = found
        return found

    @cached_property
    def _between_leaves(self) -> dict[tuple[int, int], Evidence | None]:
        """What baskets say of two categories, as asked before; a store never changes."""
        return {}

    def viewed_together(self, anchor: Product | int, other: Product | int) -> Evidence | None:
        """Sessions in which both were looked at."""
        return self._together("viewed_together", self.store.behaviour.co_view, anchor, other)

    def _together(
        self,
        kind: EvidenceKind,
        scorer: AssociationScorer,
        anchor: Product | int,
        other: Product | int,
    ) -> Evidence | None:
        least, catalogue = self.store.config.behaviour.min_support, self.store.catalogue
        for side in (anchor, other):  # no pair is in more groups than either side
            if isinstance(side, Product) and scorer.n_with(catalogue.row(side.product_id)) < least:
                return None
        pair = scorer.pair(self._rows(anchor), self._rows(other))
        if pair.count < least or not pair.is_above_chance:
            return None
        one, two = self._side(anchor), self._side(other)
        if self._overlap(one, two):  # nothing goes with itself
            return None
        noun = "baskets" if kind == "bought_together" else "sessions"
        data = _pair_data(pair) | {
            "anchor": one.product_id,
            "anchor_category": one.category,
            "other": two.product_id,
            "from": self.store.window[0],
            "to": self.store.window[1],
        }
        if two.category is not None:
            data["other_category"] = two.category
        return make_evidence(
            kind,
            (one.key, two.key),
            tuple(side.product_id for side in (one, two) if side.product_id is not None),
            f"{pair.count} of the {pair.n_anchor} {noun} with {one.name} also hold {two.name} "
            f"({data['confidence']} %, 95 % interval {data['low']}–{data['high']} %), "
            f"{data['lift']} times chance, {data['from']} to {data['to']}",
            data,
            f"event log, {pair.n} {noun} of at most {scorer.config.max_basket} products; "
            "recount with `python -m retrieval.evidence`",
        )

    def _overlap(self, one: _Side, two: _Side) -> bool:
        """Whether the sides share a product: they are one, or one lies in the other."""
        if one.category is None and two.category is None:
            return bool(one.rows[0] == two.rows[0])
        if one.category is not None and two.category is not None:
            return one.category == two.category
        product, leaf = (one, two) if one.category is None else (two, one)
        code = self.store.catalogue.leaf_code[product.rows[0]]
        return code >= 0 and self.store.catalogue.leaves[code] == leaf.category

    def _side(self, named: Product | int) -> _Side:
        rows = self._rows(named)
        if isinstance(named, Product):
            return _Side(name=named.title, rows=rows, product_id=named.product_id)
        name = self.store.catalogue.leaves[named]
        return _Side(name=name, rows=rows, category=name)

    def _rows(self, named: Product | int) -> Rows:
        if isinstance(named, Product):
            return np.array([self.store.catalogue.row(named.product_id)])
        return self.store.rows_of_leaf(named)

    def popularity(self, product: Product) -> Evidence | None:
        """How many shoppers bought it."""
        row = self.store.catalogue.row(product.product_id)
        n = int(self.store.behaviour.popularity.n_buyers[row])
        if n < self.store.config.behaviour.min_support:
            return None
        start, end = self.store.window
        return make_evidence(
            "popularity",
            (product.product_id,),
            (product.product_id,),
            f"{n} shoppers bought {product.title}, {start} to {end}",
            {"n_shoppers": n, "from": start, "to": end},
            "event log, distinct buyers",
        )

    def bought_next(self, anchor: Product, other: Product) -> Evidence | None:
        """Shoppers who bought the other soon after the anchor, oftener than anybody buys it."""
        catalogue, within = self.store.catalogue, self.store.behaviour.steps
        one, two = catalogue.row(anchor.product_id), catalogue.row(other.product_id)
        pair = self._bought_after.pair(one, two, within=within)
        if one == two or not pair.is_above_chance:
            return None
        if pair.count < self.store.config.behaviour.min_support:
            return None
        start, end = self.store.window
        counts = {name: value for name, value in _pair_data(pair).items() if name != "lift"}
        return make_evidence(
            "bought_next",
            (anchor.product_id, other.product_id),
            (anchor.product_id, other.product_id),
            f"{pair.count} of the {pair.n_anchor} shoppers who bought {anchor.title} bought "
            f"{other.title} among their next {within} purchases, {start} to {end}",
            counts
            | {"within": within, "anchor": anchor.product_id, "other": other.product_id}
            | {"from": start, "to": end},
            f"event log, purchases in order of {pair.n} shoppers",
        )

    @cached_property
    def _bought_after(self) -> BoughtAfter:
        return BoughtAfter(self.store.behaviour.interactions)

    def own_history(self, shopper_id: str, about: Product | int) -> Evidence | None:
        """What this shopper did with a product or a leaf category: purchases if any, else the last.

        What was done last decides the kind where nothing was bought.
        """
        side = self._side(about)
        events = self.store.behaviour.profiles.events_with(shopper_id, side.rows)
        if not events:
            return None
        bought = [event for event in events if event[0] == PURCHASE]
        kind, last = bought[-1] if bought else events[-1]
        count = sum(event[0] == kind for event in events)
        data: dict[str, Any] = {"type": TYPES[kind], "count": count, "last_at": date_of(last)}
        if side.category is not None:
            data["category"] = side.category
        return make_evidence(
            "own_history",
            (shopper_id, side.key),
            (side.product_id,) if side.product_id is not None else (),
            f"you {VERBS[TYPES[kind]]} {side.name} {count} time(s), last on {date_of(last)}",
            data,
            "your own events in the log",
        )

    def repurchase(self, shopper_id: str, product: Product) -> Evidence | None:
        """How often this shopper buys a product, from two gaps on."""
        row = self.store.catalogue.row(product.product_id)
        events = self.store.behaviour.profiles.events_with(shopper_id, np.array([row]))
        days = sorted({int(day) for kind, day in events if kind == PURCHASE})
        if len(days) <= MIN_GAPS:
            return None
        every = f"{(days[-1] - days[0]) / (len(days) - 1):.0f}"
        first_at, last_at = date_of(days[0]), date_of(days[-1])
        return make_evidence(
            "repurchase",
            (shopper_id, product.product_id),
            (product.product_id,),
            f"you bought {product.title} on {len(days)} days, about every {every} days, "
            f"last on {last_at}",
            {"count": len(days), "every_days": every, "first_at": first_at, "last_at": last_at},
            "your own purchases in the log",
        )


def _pair_data(pair: PairCounts) -> dict[str, Any]:
    low, high = pair.interval
    return {
        "count": pair.count,
        "n_anchor": pair.n_anchor,
        "n_other": pair.n_other,
        "n": pair.n,
        "confidence": f"{100 * pair.confidence:.1f}",
        "low": f"{100 * low:.1f}",
        "high": f"{100 * high:.1f}",
        "lift": f"{pair.lift:.1f}",
    }
