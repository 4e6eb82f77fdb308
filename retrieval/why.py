"""Why is this product in the slate? The score parts that decided, each with the records behind it.

What is said is what the ranker added up: parts are taken from the suggestion, the largest first,
and `BEHIND` says which records each source rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.candidates import titles_given
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence, EvidenceKind, evidence_id
from retrieval.placement import COMMERCIAL
from retrieval.plan import Plan
from retrieval.reasons import MAX_ANCHORS, strength
from retrieval.records import Records
from retrieval.slate import Suggestion

Pair = Callable[[Product | int, Product | int], Evidence | None]
"""Makes the record of two products, or of categories by their codes."""
SHARE = 2 / 3
"""Parts are named until they make up this much of the score,"""
MOST = 3
"""or until there are so many."""
MAX_RECORDS = 2
"""Records cited for one part: of several products named, the strongest."""
MAX_WORDS = 6
BOUGHT: tuple[EvidenceKind, ...] = ("bought_together", "viewed_together")
TEXT: tuple[EvidenceKind, ...] = ("description", "category", "attribute")
"""Of what the text says, the piece without which it would be least like what is asked."""
BEHIND: Mapping[str, tuple[EvidenceKind, ...]] = {
    "association": BOUGHT,
    "category_association": BOUGHT,
    "basket_ease": BOUGHT,
    "ease": BOUGHT,
    "item_cf": BOUGHT,
    "user_knn": BOUGHT,
    "self_attention": BOUGHT,
    "bundle": ("compatibility", *BOUGHT),
    "co_view": ("viewed_together",),
    "sequence": ("bought_next", *BOUGHT),
    "popularity": ("popularity",),
    "segment_popularity": ("popularity",),
    "repurchase": ("repurchase", "own_history"),
    "profile": ("own_history",),
    "compatibility": ("compatibility",),
    "lexical": ("match",),
    "semantic": TEXT,
    "nearest": TEXT,
    "reranker": TEXT,
    "subject": ("category",),
    "same_category": ("category",),
    "category": ("category",),
    "relatives": ("category",),
    "same_brand": ("attribute",),
    "rating": ("rating",),
    "commercial": ("placement",),
    "gain": ("comparison",),
    "price": ("difference",),
}
"""Source → the kinds of records it rests on; the first that the store holds is cited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source that decided."""

    source: str
    value: float
    """What it added to the score."""
    facts: tuple[Evidence, ...]
    """The records behind it; empty where none says enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a product is in a slate."""

    suggestion: Suggestion
    parts: tuple[Part, ...]
    """Those that decided, the largest first."""

    @property
    def cited(self) -> tuple[Evidence, ...]:
        """Every record behind the parts, once."""
        facts = {f.evidence_id: f for part in self.parts for f in part.facts}
        return tuple(facts.values())


def decisive(parts: Mapping[str, float]) -> tuple[str, ...]:
    """Return the parts that count most, until they make up `SHARE` of what speaks for it."""
    positive = sorted((name for name in parts if parts[name] > 0), key=lambda n: (-parts[n], n))
    total, said = sum(parts[name] for name in positive), 0.0
    for n, name in enumerate(positive[:MOST], start=1):
        said += parts[name]
        if said >= SHARE * total:
            return tuple(positive[:n])
    return tuple(positive[:MOST])


def explain_place(records: Records, plan: Plan, suggestion: Suggestion) -> Why:
    """Return the parts that decided for a suggestion, and the records behind them.

    Args:
        records: Evidence of the store.
        plan: Of the kind that the suggestion was made for.
        suggestion: Of the plan's slate.
    """
    product = records.store.catalogue[suggestion.product_id]
    asked = _Asked(records, plan, product, suggestion.anchor_id)
    return Why(
        suggestion=suggestion,
        parts=tuple(
            Part(source=name, value=suggestion.score_parts[name], facts=asked.behind(name))
            for name in _named(suggestion)
        ),
    )


def _named(suggestion: Suggestion) -> tuple[str, ...]:
    """Return the parts to name; the shop's own interest always where it moved the product."""
    names = decisive(suggestion.score_parts)
    told = evidence_id("placement", suggestion.product_id) in suggestion.evidence_ids
    return (*names, COMMERCIAL) if told and COMMERCIAL not in names else names


class _Asked:
    """One product of one slate, asked for its records."""

    def __init__(
        self, records: Records, plan: Plan, product: Product, anchor_id: str | None
    ) -> None:
        self._records, self._plan, self._product = records, plan, product
        self._anchor = records.store.catalogue[anchor_id] if anchor_id is not None else None
        self._makers: Mapping[str, Callable[[str], Sequence[Evidence | None]]] = {
            "bought_together": lambda source: self._pairs(records.bought_together, source),
            "viewed_together": lambda source: self._pairs(records.viewed_together, source),
            "compatibility": lambda _: self._fits(),
            "bought_next": lambda _: self._next(),
            "popularity": lambda _: [records.popularity(product)],
            "repurchase": lambda _: [self._own(records.repurchase)],
            "own_history": self._history,
            "match": lambda _: [self._match()],
            "category": lambda _: [records.category(product)],
            "attribute": lambda _: [records.attribute(product, "brand")],
            "rating": lambda _: [self._rating()],
            "placement": lambda _: [records.placement(product)],
            "comparison": lambda _: self._gains(),
            "difference": lambda _: [self._difference()],
        }

    def behind(self, source: str) -> tuple[Evidence, ...]:
        """Return the records that a source rests on, the strongest first."""
        kinds = BEHIND.get(source, ())
        if kinds is TEXT:
            fact = self._likeness()
            return () if fact is None else (fact,)
        for kind in kinds:
            found = [fact for fact in self._makers[kind](source) if fact is not None]
            if found:
                return tuple(found)
        return ()

    def _given(self) -> list[Product]:
        """Return the products that the query names, the latest first."""
        products = self._records.store.catalogue.products
        given = dict.fromkeys(self._plan.context.given[::-1].tolist())
        found = [products[row] for row in list(given)[:MAX_ANCHORS]]
        return [p for p in found if p.product_id != self._product.product_id]

    def _pairs(self, make: Pair, source: str) -> list[Evidence]:
        """Return what ties the product to what is named: itself, else its category."""
        found: list[Evidence | None] = []
        if source != "category_association":
            found = [make(anchor, self._product) for anchor in self._given()]
        if not any(found):
            found = [make(leaf, self._product) for leaf in self._leaves()]
        if not any(found):
            own = self._leaf(self._product)
            found = [make(leaf, own) for leaf in self._leaves() if own not in (leaf, -1)]
        told = [fact for fact in found if fact is not None]
        told.sort(key=lambda fact: (-strength(fact), fact.evidence_id))
        return told[:MAX_RECORDS]

    def _leaves(self) -> list[int]:
        """Return the categories that the query names, or whose products it does."""
        named = [self._leaf(anchor) for anchor in self._given()]
        found = dict.fromkeys([*self._plan.context.anchor_leaves, *named])
        return [leaf for leaf in found if leaf >= 0]

    def _leaf(self, product: Product) -> int:
        catalogue = self._records.store.catalogue
        return int(catalogue.leaf_code[catalogue.row(product.product_id)])

    def _fits(self) -> list[Evidence]:
        found = [self._records.compatibility(anchor, self._product) for anchor in self._given()]
        return [fact for fact in found if fact is not None and fact.data["works"]]

    def _next(self) -> list[Evidence]:
        catalogue = self._records.store.catalogue
        given = dict.fromkeys(self._plan.context.given[::-1].tolist())
        found = [self._records.bought_next(catalogue.products[row], self._product) for row in given]
        told = [fact for fact in found if fact is not None]
        told.sort(key=lambda fact: (-int(fact.data["count"]), fact.evidence_id))
        return told[:MAX_RECORDS]

    def _own(self, make: Callable[[str, Product], Evidence | None]) -> Evidence | None:
        shopper_id = self._plan.shopper_id
        return make(shopper_id, self._product) if shopper_id is not None else None

    def _history(self, source: str) -> list[Evidence | None]:
        """The shopper's own events: with the category for a taste, with the product otherwise."""
        shopper_id = self._plan.shopper_id
        if shopper_id is None:
            return []
        leaf = self._leaf(self._product)
        if source == "profile" and leaf >= 0:
            return [self._records.own_history(shopper_id, leaf)]
        return [self._own(self._records.own_history)]

    def _likeness(self) -> Evidence | None:
        about = self._about()
        return None if about is None else self._records.likeness(self._product, about)

    def _match(self) -> Evidence | None:
        store = self._records.store
        words = self._plan.text or titles_given(store, self._plan.context)
        row = store.catalogue.row(self._product.product_id)
        held = store.lexical.matched_words(words, row)
        return self._records.match(self._product, held if self._plan.text else held[:MAX_WORDS])

    def _about(self) -> NDArray[np.float32] | None:
        """Return what the text is compared with: the words asked, or the products named."""
        store, given = self._records.store, self._plan.context.given
        if self._plan.text:
            return store.encoder.encode([self._plan.text], role="query")[0]
        if not len(given):
            return None
        return np.asarray(store.product_vectors.vectors[given]).mean(axis=0)

    def _rating(self) -> Evidence | None:
        if self._plan.task == "upsell" and self._anchor is not None:
            return self._records.rating_comparison(self._product, self._anchor)
        return self._records.rating(self._product)

    def _gains(self) -> list[Evidence]:
        if self._anchor is None:
            return []
        names = (*self._product.attributes, "rating")
        found = [self._records.comparison(self._product, self._anchor, name) for name in names]
        return [fact for fact in found if fact is not None and fact.data["better"] == "this"]

    def _difference(self) -> Evidence | None:
        if self._anchor is None:
            return None
        return self._records.difference(self._product, self._anchor)
