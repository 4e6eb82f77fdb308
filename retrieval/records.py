"""Makes evidence out of the store's records: the only place where evidence is born.

Every method returns None when the record does not exist or says too little (a pair below minimum
support), so that nothing can be said of it. Ids of stored facts can be resolved again with
`Records.resolve`; those `OF_ONE_TURN` (counts, totals, bounds, ranks) cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from retrieval.data.dataset import Product
from retrieval.evidence import Evidence, EvidenceKind, money
from retrieval.facts.behaviour import CATEGORY, BehaviourFacts
from retrieval.facts.catalogue import CatalogueFacts
from retrieval.facts.opinions import OpinionFacts, Side
from retrieval.facts.turn import TurnFacts
from retrieval.store import Store

__all__ = ["OF_ONE_TURN", "OWN", "Records", "money"]

OF_ONE_TURN: frozenset[EvidenceKind] = frozenset(
    {
        "total", "count", "bound", "rank", "constraint", "change", "cart", "stack", "top_up",
        "conflict",
    }
)  # fmt: skip
"""Kinds that hold for one question; all others can be made again from their id."""
OWN: frozenset[EvidenceKind] = frozenset({"own_history", "repurchase"})
"""Kinds that tell of one shopper."""


class Records(CatalogueFacts, OpinionFacts, BehaviourFacts, TurnFacts):
    """Evidence from one store. Safe from threads."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def resolve(self, wanted: str) -> Evidence | None:
        """Make the evidence of an id again from the store's records; None if it cannot be.

        The kinds in `OWN` resolve for whoever asks: callers show them to their shopper only.
        """
        kind, *parts = (unquote(part) for part in wanted.split(":"))
        try:
            if kind == "quote":
                return self.quote(self._span_row[parts[0]])
            if kind == "own_history":
                return self.own_history(parts[0], self._side_named(parts[1]))
            if kind == "repurchase":
                return self.repurchase(parts[0], self.store.catalogue[parts[1]])
            if kind == "offer":
                return self.offer(self.store.catalogue[parts[1]], self.store.promotions[parts[0]])
            if kind in ("bought_together", "viewed_together"):
                make = self.bought_together if kind == "bought_together" else self.viewed_together
                return make(self._side_named(parts[0]), self._side_named(parts[1]))
            product = self.store.catalogue[parts[0]]
            return self._of_two(kind, product, *parts[1:]) if parts[1:] else self._of(kind, product)
        except (KeyError, IndexError, ValueError):
            return None

    def _side_named(self, name: str) -> Product | int:
        catalogue = self.store.catalogue
        if name in catalogue or not name.startswith(CATEGORY):
            return catalogue[name]
        return catalogue.leaves.index(name.removeprefix(CATEGORY))

    def _of(self, kind: str, product: Product) -> Evidence | None:
        makers: dict[str, Callable[[Product], Evidence | None]] = {
            "category": self.category,
            "price": self.price,
            "stock": self.stock,
            "rating": self.rating,
            "popularity": self.popularity,
            "complaint": self.complaint,
            "disagreement": self.disagreement,
            "placement": self.placement,
        }
        return makers[kind](product)

    def _of_two(self, kind: str, product: Product, second: str, *rest: str) -> Evidence | None:
        if kind == "attribute":
            return self.attribute(product, second)
        if kind == "match":
            return self._match(product, second, *rest)
        if kind == "description":
            return self.description_at(product, int(second), int(rest[0]))
        if kind == "aspect_opinion":
            sides: dict[str, Side] = {"praise": "praise", "complaint": "complaint"}
            return self.aspect_opinion(product, second, sides[rest[0]])
        if kind == "shared_complaint":
            return self.shared_complaint(product, second)
        other = self.store.catalogue[second]
        if kind == "comparison":
            return self.comparison(product, other, rest[0])
        makers = {
            "bought_next": self.bought_next,
            "compatibility": self.compatibility,
            "difference": self.difference,
        }
        return makers[kind](product, other)

    def _match(self, product: Product, *words: str) -> Evidence | None:
        row = self.store.catalogue.row(product.product_id)
        held = all(self.store.lexical.matched_words(word, row) for word in words)
        return self.match(product, words) if held else None
