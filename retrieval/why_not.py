"""Why is this product not in the slate, and what would bring it in? Answered by running again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

from retrieval.data.dataset import Product
from retrieval.eligibility import complement_mask, owned, suitable
from retrieval.evidence import Evidence, money
from retrieval.filters import broken
from retrieval.plan import Plan
from retrieval.query import Constraints, Query
from retrieval.records import Records
from retrieval.slate import Candidate, Slate
from retrieval.store import Store

Verdict = Literal[
    "shown", "constraint", "same_category", "already_there", "owned", "unfit", "not_better",
    "out_of_stock", "no_signal", "outranked", "variety",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """Why a product is not in a slate, and the smallest change that would bring it in."""

    product_id: str
    verdict: Verdict
    """`variety`: it scores enough, but its kind, category or variants already have their places.
    `owned`: the shopper bought it, and it is seldom bought again."""
    evidence: tuple[Evidence, ...] = ()
    rank: int | None = None
    """1 is first; None when it was no candidate."""
    n_ranked: int = 0
    k: int = 0
    ahead_id: str | None = None
    """The last product shown, which it lost to."""
    deciding_part: str | None = None
    """The source on which it lost most to `ahead_id`."""
    change: Mapping[str, str] = field(default_factory=dict)
    """Constraint field → value that brings it in, tried by running the query again; or empty.
    An empty value lifts the constraint."""


class Runs(Protocol):
    """What answers queries: the recommender."""

    @property
    def records(self) -> Records:
        """Evidence of the store."""
        ...

    def recommend(self, query: Query) -> Slate:
        """Return the slate of a query."""
        ...

    def plan(self, query: Query) -> Plan:
        """Return what the query comes down to."""
        ...

    def ranked(self, plan: Plan) -> tuple[Candidate, ...]:
        """Return all candidates of a plan, best first."""
        ...


def explain(runs: Runs, query: Query, product_id: str) -> WhyNot:
    """Say why a product is not in the slate of a query, by running the query again.

    Raises:
        KeyError: If the store has no such product.
    """
    store, plan = runs.records.store, runs.plan(query)
    row = store.catalogue.row(product_id)
    shown = [s.product_id for s in runs.recommend(query).suggestions]
    if product_id in shown:
        place = shown.index(product_id) + 1
        return WhyNot(
            product_id=product_id, verdict="shown", rank=place, n_ranked=len(shown), k=query.k
        )
    if plan.task == "any":
        plan = plan.of(_kind_meant(store, plan, row))
    verdict = _left_out(store, plan, row)
    if verdict is not None:
        return _excluded(runs, plan, product_id, verdict)
    ranked = runs.ranked(plan)
    if all(c.row != row for c in ranked):
        return WhyNot(
            product_id=product_id,
            verdict="not_better" if plan.task == "upsell" else "no_signal",
            n_ranked=len(ranked),
            k=query.k,
        )
    return _outranked(runs.records, plan, ranked, row, shown)


def _kind_meant(store: Store, plan: Plan, row: int) -> Literal["cross_sell", "upsell", "similar"]:
    """In a mixed slate: dearer ones of the category as upsell, others of it as similar."""
    catalogue = store.catalogue
    named = plan.related()
    same = named[catalogue.leaf_code[named] == catalogue.leaf_code[row]]
    if not len(same) and catalogue.leaf_code[row] not in plan.context.anchor_leaves:
        return "cross_sell"
    is_dearer = bool((catalogue.price[row] > catalogue.price[same]).any())
    return "upsell" if is_dearer else "similar"


def _left_out(store: Store, plan: Plan, row: int) -> Verdict | None:
    """Return why the product may not be shown at all, or None if it may."""
    catalogue = store.catalogue
    if plan.task != "search" and row in plan.context.given:
        return "already_there"
    if broken(catalogue, plan.constraints, row):
        return "constraint"
    if plan.task in ("cross_sell", "bundle", "basket") and plan.has_anchor:
        if store.compatibility.score(plan.context.given)[row] < 0:
            return "unfit"
        if plan.task != "basket" and not complement_mask(store, plan.context)[row]:
            return "same_category"
    if plan.task != "search" and catalogue.stock[row] == 0 and plan.constraints.in_stock is None:
        return "out_of_stock"
    if row in owned(store, plan):
        return "owned"
    return None if suitable(store, plan)[row] else "no_signal"


def _excluded(runs: Runs, plan: Plan, product_id: str, verdict: Verdict) -> WhyNot:
    records, catalogue = runs.records, runs.records.store.catalogue
    product = catalogue[product_id]
    facts: list[Evidence | None] = []
    change: dict[str, str] = {}
    if verdict == "constraint":
        names = broken(catalogue, plan.constraints, catalogue.row(product_id))
        facts += [records.constraint(plan.constraints, product, name) for name in names]
        change = _tried_change(runs, plan, product, names)
    elif verdict == "same_category":
        facts.append(records.category(product))
    elif verdict == "out_of_stock":
        facts.append(records.stock(product))
    elif verdict == "owned" and plan.shopper_id is not None:
        facts.append(records.own_history(plan.shopper_id, product))
    elif verdict == "unfit":
        anchors = [catalogue.products[int(row)] for row in plan.context.given]
        fits = [records.compatibility(anchor, product) for anchor in anchors]
        facts += [fit for fit in fits if fit is not None and not fit.data["works"]]
    return WhyNot(
        product_id=product_id,
        verdict=verdict,
        evidence=tuple(f for f in facts if f is not None),
        k=plan.query.k,
        change=change,
    )


def _tried_change(runs: Runs, plan: Plan, product: Product, names: Sequence[str]) -> dict[str, str]:
    """Return the loosened constraints if, with them, a run of the query shows the product."""
    asked = plan.query.constraints
    update: dict[str, object] = {}
    said: dict[str, str] = {}
    for name in names:
        value: Decimal | float | None = (
            product.rating if name == "rating_min" else product.price if "price" in name else None
        )
        if name == "exclude":
            others = tuple(p for p in asked.exclude if p != product.product_id)
            update[name], said[name] = others, ", ".join(others)
        elif name == "price_max" and product.price is not None:
            for limit in ("price_max", "total_max"):  # a limit on the total limits prices too
                set_to = getattr(asked, limit)
                if set_to is not None and set_to < product.price:
                    update[limit], said[limit] = product.price, money(product.price)
        elif value is not None:
            update[name] = value
            said[name] = money(value) if isinstance(value, Decimal) else f"{value:.1f}"
        else:
            update[name] = Constraints.model_fields[name].get_default(call_default_factory=True)
            said[name] = ""
    loosened = asked.model_copy(update=update)
    slate = runs.recommend(plan.query.model_copy(update={"constraints": loosened}))
    shown = any(s.product_id == product.product_id for s in slate.suggestions)
    return said if shown else {}


def _outranked(
    records: Records, plan: Plan, ranked: Sequence[Candidate], row: int, shown: Sequence[str]
) -> WhyNot:
    catalogue = records.store.catalogue
    rows = [c.row for c in ranked]
    place = rows.index(row)
    last = [catalogue.row(p) for p in shown if catalogue.row(p) in rows]
    own, ahead = ranked[place], ranked[rows.index(last[-1]) if last else 0]
    gaps = {
        name: ahead.parts.get(name, 0.0) - own.parts.get(name, 0.0)
        for name in {*ahead.parts, *own.parts}
    }
    is_behind = rows.index(ahead.row) < place
    deciding = max(sorted(gaps), key=lambda name: gaps[name], default=None) if is_behind else None
    other = None if ahead is own else ahead
    fact = records.rank(plan.query.query_id, (place + 1, len(ranked), plan.query.k), own, other)
    return WhyNot(
        product_id=catalogue.product_ids[row],
        verdict="outranked" if is_behind else "variety",
        evidence=(fact,),
        rank=place + 1,
        n_ranked=len(ranked),
        k=plan.query.k,
        ahead_id=catalogue.product_ids[other.row] if other is not None else None,
        deciding_part=deciding,
    )
