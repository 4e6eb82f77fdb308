"""Evidence that holds for one query: sums, counts, bounds, ranks. It cannot be resolved later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from retrieval.data.dataset import Product
from retrieval.evidence import Evidence, make_evidence, money
from retrieval.facts.quotable import reads_as_value
from retrieval.filters import Bound
from retrieval.query import Change, Constraints
from retrieval.slate import Candidate
from retrieval.store import Store

ALL = "catalogue, all products"


class TurnFacts:
    """What holds for one query."""

    store: Store

    def total(self, products: Sequence[Product], budget: Decimal | None, key: str) -> Evidence:
        """The sum of prices, and what is left of a budget."""
        prices = {p.product_id: money(p.price or Decimal(0)) for p in products}
        total = sum((p.price or Decimal(0) for p in products), Decimal(0))
        data: dict[str, Any] = {
            "prices": prices, "total": money(total), "n": len(products),
            "currency": self.store.currency,
        }  # fmt: skip
        if budget is not None:
            data |= {"budget": money(budget), "left": money(budget - total)}
        return make_evidence(
            "total",
            (key,),
            tuple(prices),
            f"together {money(total)}",
            data,
            "sum of catalogue prices",
        )

    def count(self, n: int, conditions: Mapping[str, Any], label: str) -> Evidence:
        """How many products meet some conditions, over the whole table."""
        key = json.dumps([label, dict(conditions)], sort_keys=True, ensure_ascii=False, default=str)
        data = {"n": n, "label": label, "conditions": dict(conditions)}
        return make_evidence("count", (key,), (), f"{n} products: {label}", data, ALL)

    def extreme(self, product: Product, by: str, of: str, n: int, value: str) -> Evidence:
        """The product at one end of a column, over the whole table."""
        return make_evidence(
            "bound",
            (by, of, product.product_id),
            (product.product_id,),
            f"{by} of {n} in {of}: {product.title} ({value})",
            {"name": by, "of": of, "n": n, "value": value, "product_id": product.product_id},
            ALL,
        )

    def bound(self, bound: Bound, of: str, wanted: object) -> Evidence:
        """The nearest possible value of a constraint that nothing meets."""
        product = self.store.catalogue.products[bound.row]
        value, asked = as_text(bound.value), as_text(wanted)
        data = {
            "name": bound.name, "of": of, "value": value, "wanted": asked,
            "product_id": product.product_id, "currency": self.store.currency,
        }  # fmt: skip
        return make_evidence(
            "bound",
            (bound.name, of, product.product_id, asked),
            (product.product_id,),
            f"nearest {bound.name} for {of}: {value} ({product.title})",
            data,
            ALL,
        )

    def constraint(self, constraints: Constraints, product: Product, name: str) -> Evidence:
        """What a product states and what a constraint wants instead."""
        wanted = getattr(constraints, name)
        actual: object = {
            "price_max": product.price,
            "price_min": product.price,
            "rating_min": product.rating,
            "in_stock": product.stock,
            "brands": product.brand,
            "exclude_brands": product.brand,
            "categories": " > ".join(product.category),
            "exclude_categories": " > ".join(product.category),
        }.get(name)
        if isinstance(wanted, Mapping):
            stated = {key: product.attributes.get(key, "–") for key in wanted}
            actual = {k: v if reads_as_value(v) else "–" for k, v in stated.items()}
        asked, own = as_text(wanted), None if actual is None else as_text(actual)
        return make_evidence(
            "constraint",
            (name, product.product_id, asked),
            (product.product_id,),
            f"{product.title}: {name} {own or 'as listed'}, wanted {asked}",
            {"name": name, "wanted": asked, "actual": own, "currency": self.store.currency},
            "catalogue and this conversation",
        )

    def rank(
        self,
        query_id: str,
        place: tuple[int, int, int],
        own: Candidate,
        ahead: Candidate | None,
    ) -> Evidence:
        """Where the ranker placed a product: (rank, of how many, k), and what it lost to."""
        catalogue, (rank, n, k) = self.store.catalogue, place
        product_id = catalogue.product_ids[own.row]
        data = {
            "rank": rank,
            "n": n,
            "k": k,
            "score": f"{own.score:.3f}",
            "parts": {name: f"{value:.3f}" for name, value in own.parts.items()},
        }
        if ahead is not None:
            data |= {
                "ahead": catalogue.product_ids[ahead.row],
                "ahead_score": f"{ahead.score:.3f}",
                "ahead_parts": {name: f"{value:.3f}" for name, value in ahead.parts.items()},
            }
        return make_evidence(
            "rank",
            (query_id, product_id),
            (product_id, *([catalogue.product_ids[ahead.row]] if ahead is not None else [])),
            f"{catalogue.products[own.row].title} ranks {rank} of {n}",
            data,
            "the ranker, run again",
        )

    def change(self, product: Product, change: Change) -> Evidence:
        """A change of the query that brings a product in, and what each step of it is."""
        steps = [{"kind": s.kind, "field": s.field, "value": s.value} for s in change.steps]
        others = tuple(s.value for s in change.steps if s.value in self.store.catalogue)
        said = ", ".join(f"{s.kind} {s.field} {s.value}".strip() for s in change.steps)
        data: dict[str, Any] = {"steps": steps, "currency": self.store.currency}
        if len(steps) == 1:
            data |= {"name": steps[0]["field"], "value": steps[0]["value"]}
        return make_evidence(
            "change",
            (change.query.query_id, product.product_id),
            (product.product_id, *dict.fromkeys(p for p in others if p != product.product_id)),
            f"{product.title} would be shown with: {said}",
            data,
            "the ranker, run again",
        )


def as_text(value: object) -> str:
    """Return a constraint's value as evidence writes it."""
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return str(value)
