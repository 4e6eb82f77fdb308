"""Evidence: a checkable fact with its origin.

An id says what the record is (`price:P1`, `attribute:P1:weight_g`, `quote:R7#2`,
`bought_together:P1:P2`), so the same fact has the same id in every slate of a store. `data` holds
the raw values (money as strings with two decimals), `text` an English reading of them, `origin`
where they came from and, for behaviour, the window. `python -m retrieval.evidence STORE ID…` shows
a record and works it out again from the raw rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote as quoted

EvidenceKind = Literal[
    "attribute",  # data: name, value
    "category",  # data: category (list)
    "price",  # data: price, currency, list_price?, saving?
    "stock",  # data: stock
    "rating",  # data: rating, rating_count
    "quote",  # data: span_id, review_id, text, start, end, rating, created_at, verified, language
    "complaint",  # data: span_id, review_id, text, count, n_reviews, rating, share
    "aspect_opinion",  # data: aspect, polarity, count, n_opinions, spans, and of one of them:
    #                     span_id, review_id, text, rating
    "shared_complaint",  # same, with n_reviews for n_opinions
    "disagreement",  # data: n_reviews, n_high, n_low
    "bought_together",  # data: count, n_anchor, n_other, n, confidence, low, high, lift, from, to,
    #                      anchor or anchor_category, other
    "viewed_together",  # same, over sessions
    "bought_next",  # data: count, n_anchor, n_other, n, confidence, low, high, within, anchor,
    #                  other, from, to: shoppers who bought the other so many purchases after
    "popularity",  # data: n_shoppers, from, to
    "own_history",  # data: type, count, last_at, category?
    "repurchase",  # data: count, every_days, first_at, last_at: own days of purchase of one product
    "compatibility",  # data: name, value, wanted, holder, other, works
    "offer",  # data: offer_id, kind, value, saving, price, price_after, ends_at, currency
    "placement",  # data: reason: sponsored|interest    the shop put it higher for its own sake
    "comparison",  # data: name, this, that, better: this|that|neither, direction
    "difference",  # data: price_this, price_that, difference, dearer, currency
    "total",  # data: prices {id: price}, total, n, currency, budget?, left?
    "count",  # data: n, label, conditions          computed over the whole table
    "bound",  # data: name, of, value, wanted, product_id: nearest value of a failed constraint
    "match",  # data: words: of the query, found in the record
    "description",  # data: text, start, end: a sentence of the shop's description
    "rank",  # data: rank, n, k, score, parts, ahead, ahead_score, ahead_parts (why, why not)
    "constraint",  # data: name, wanted, actual     why a product was left out
    "change",  # data: steps [{field, value, product_id}], k, currency    what would bring one in
    "cart",  # data: lines, total
    "stack",  # data: offers {id: saving}, total, delivery, saved, to_pay, currency
    "top_up",  # data: offer_id, kind, products, gap, spend, over, worth, unwanted, regret, saves,
    #            to_pay_before, to_pay_after, worth_it, currency
    "conflict",  # data: constraints [{name, wanted}], nearest [{name, value}], currency
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One checkable fact."""

    evidence_id: str
    kind: EvidenceKind
    product_ids: tuple[str, ...]
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    origin: str

    def as_json(self) -> dict[str, Any]:
        """Return the record as the doors write it (under its id)."""
        return {
            "kind": self.kind,
            "product_ids": list(self.product_ids),
            "text": self.text,
            "data": dict(self.data),
            "origin": self.origin,
        }


def evidence_id(kind: str, *parts: str) -> str:
    """Return `kind:part:part`, parts escaped so that `:` separates nothing else."""
    return ":".join([kind, *(quoted(part, safe="-._~ >=#&") for part in parts)])


def make_evidence(
    kind: EvidenceKind,
    key: Sequence[str],
    product_ids: tuple[str, ...],
    text: str,
    data: Mapping[str, Any],
    origin: str,
) -> Evidence:
    """Return the record, its id made of the kind and the key."""
    return Evidence(
        evidence_id=evidence_id(kind, *key),
        kind=kind,
        product_ids=product_ids,
        text=text,
        data=data,
        origin=origin,
    )


def money(amount: Decimal) -> str:
    """Return the amount with two decimals, as `data` holds it."""
    return f"{amount:.2f}"
