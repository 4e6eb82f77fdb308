"""Why is this product not in the slate, and what would bring it in? Answered by running again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from retrieval.changes import smallest_change
from retrieval.eligibility import complement_mask, owned, suitable
from retrieval.evidence import Evidence
from retrieval.filters import broken
from retrieval.plan import Plan
from retrieval.query import Change, Query
from retrieval.records import Records
from retrieval.slate import Candidate
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
    change: Change | None = None
    """The smallest change that brings it in, tried by running the query so changed."""


class Runs(Protocol):
    """What answers queries: the recommender."""

    @property
    def records(self) -> Records:
        """Evidence of the store."""
        ...

    def plan(self, query: Query) -> Plan:
        """Return what the query comes down to."""
        ...

    def ranked(self, plan: Plan) -> tuple[Candidate, ...]:
        """Return all candidates of a plan, best first."""
        ...

    def shown_ids(self, query: Query) -> tuple[str, ...]:
        """Return the products of a slate, in order, without its evidence."""
        ...


def explain(runs: Runs, query: Query, product_id: str) -> WhyNot:
    """Say why a product is not in the slate of a query, by running the query again.

    Raises:
        KeyError: If the store has no such product.
    """
    store, plan = runs.records.store, runs.plan(query)
    row = store.catalogue.row(product_id)
    shown = runs.shown_ids(query)
    if product_id in shown:
        place = shown.index(product_id) + 1
        return WhyNot(
            product_id=product_id, verdict="shown", rank=place, n_ranked=len(shown), k=query.k
        )
    if plan.task == "any":
        plan = plan.of(_kind_meant(store, plan, row))
    return replace(
        _verdict(runs, plan, row, shown),
        change=smallest_change(
            store, plan, store.catalogue[product_id], lambda q: product_id in runs.shown_ids(q)
        ),
    )


def _verdict(runs: Runs, plan: Plan, row: int, shown: Sequence[str]) -> WhyNot:
    """Return what keeps a product out, without what would change it."""
    store = runs.records.store
    product_id = store.catalogue.product_ids[row]
    left_out = _left_out(store, plan, row)
    if left_out is not None:
        return _excluded(runs, plan, product_id, left_out)
    ranked = runs.ranked(plan)
    if all(c.row != row for c in ranked):
        return WhyNot(
            product_id=product_id,
            verdict="not_better" if plan.task == "upsell" else "no_signal",
            n_ranked=len(ranked),
            k=plan.query.k,
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
    if verdict == "constraint":
        names = broken(catalogue, plan.constraints, catalogue.row(product_id))
        facts += [records.constraint(plan.constraints, product, name) for name in names]
    elif verdict == "same_category":
        kin = _of_its_category(runs.records.store, plan, catalogue.row(product_id))
        if kin is not None:
            facts += [records.category(product), records.category(catalogue.products[kin])]
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
    )


def _of_its_category(store: Store, plan: Plan, row: int) -> int | None:
    """Return a product of the same category that the query names, by itself or by its category."""
    code, named = store.catalogue.leaf_code, plan.context
    leaf = int(code[row])
    of_anchors = [int(r) for r in named.given if code[r] == leaf >= 0]
    of_leaf = store.rows_of_leaf(leaf) if leaf in named.anchor_leaves else ()
    return next((r for r in (*of_anchors, *map(int, of_leaf)) if r != row), None)


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
