"""From a plan to bundles: what the solver may choose from, its rules, the bound if none fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

import numpy as np

from retrieval.behaviour.base import Context
from retrieval.compatibility import PREFIX, fit_between
from retrieval.data.dataset import Product, to_minor
from retrieval.eligibility import eligible
from retrieval.evidence import Evidence, make_evidence, money
from retrieval.filters import Mask, broken
from retrieval.offers.bundle import (
    MAX_ITEMS,
    MIN_ITEMS,
    BundleItem,
    BundleRules,
    cheapest_total,
)
from retrieval.plan import Plan
from retrieval.query import Constraints
from retrieval.records import Records
from retrieval.slate import Candidate
from retrieval.store import Store

POOL = 60
"""Products the solver chooses from, beside the must-haves."""
HEADS = 12
"""Of a named kind, at most so many products may start a bundle."""
MATCHING, AROUND = 0.5, 0.8
"""What merely matches the words scores at most the first, what goes around the leading kind the
second, the leading kind itself 1."""
NEARLY_AS_NEAR = 0.85
MAX_TIES = 3
Rank = Callable[[Plan], tuple[Candidate, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What the solver may choose from, and under which rules."""

    items: tuple[BundleItem, ...]
    rules: BundleRules
    impossible: tuple[str, ...] = ()
    """Why no bundle can hold the must-haves; empty if one may."""
    facts: tuple[Evidence, ...] = ()
    """The records behind `impossible`."""


def make_pool(records: Records, plan: Plan, rank: Rank) -> Pool:
    """Gather the must-haves and the best candidates.

    A must-have that breaks a constraint, states no price or is sold out makes every bundle
    impossible: it is never left out in silence.
    """
    store, constraints = records.store, plan.constraints
    known = [p for p in dict.fromkeys(constraints.must_include) if p in store.catalogue]
    required = {store.catalogue.row(p) for p in known}
    impossible, facts = _must_have_problems(records, constraints)
    leaves = leading_leaves(store, plan, eligible(store, plan.of("search")))
    scored = _scores(store, plan, leaves, rank)
    for row in required:
        scored[row] = max(scored.get(row, 0.0), 1.0)
    items = tuple(
        BundleItem(
            row=row,
            price=int(store.catalogue.price[row]),
            score=score,
            role=int(store.catalogue.leaf_code[row]),
            group=store.catalogue.products[row].item_group_id,
            margin=store.catalogue.products[row].margin,
            required=row in required,
            lead=int(store.catalogue.leaf_code[row]) in leaves,
        )
        for row, score in sorted(scored.items())
        if not np.isnan(store.catalogue.price[row])
    )
    rules = replace(
        rules_of(constraints, len(required)),
        conflicts=_conflicts(store, [i.row for i in items]),
    )
    return Pool(items=items, rules=rules, impossible=tuple(impossible), facts=tuple(facts))


def _conflicts(store: Store, rows: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of which one states a fit that the other contradicts."""
    products = [store.catalogue.products[row] for row in rows]
    states_fit = [any(n.casefold().startswith(PREFIX) for n in p.attributes) for p in products]
    found = []
    for i, j in combinations(range(len(rows)), 2):
        if states_fit[i] or states_fit[j]:
            fit = fit_between(products[i], products[j])
            if fit is not None and not fit.works:
                found.append((rows[i], rows[j]))
    return tuple(found)


def rules_of(c: Constraints, n_required: int = 0) -> BundleRules:
    """Return the solver's rules; sizes not stated make room for the must-haves."""
    least = c.min_items or min(MIN_ITEMS, c.max_items or MIN_ITEMS)
    most = c.max_items or max(MAX_ITEMS, least, n_required)
    return BundleRules(
        total_max=c.total_max, min_items=least, max_items=most, margin_min=c.margin_min
    )


def no_bundle(records: Records, plan: Plan, pool: Pool) -> tuple[tuple[Evidence, ...], list[str]]:
    """Return the true bound where the total is in the way, and a note that says what is."""
    rules = pool.rules
    if pool.impossible:
        return pool.facts, [f"no bundle: {reason}" for reason in pool.impossible]
    if rules.min_items > rules.max_items:
        return (), [f"no bundle: min_items {rules.min_items} above max_items {rules.max_items}"]
    cheapest = None if rules.total_max is None else cheapest_total(pool.items, rules)
    if cheapest is None or rules.total_max is None:
        return (), ["no bundle: fewer products than needed meet the constraints together"]
    products = [records.store.catalogue.products[r] for r in cheapest.rows]
    fact = records.total(products, None, f"{plan.query.query_id}:bound")
    text = (
        f"nothing fits: the cheapest {len(products)} that meet the other conditions cost "
        f"{fact.data['total']} together, above {money(rules.total_max)}"
    )
    bound = make_evidence(
        "total",
        (f"{plan.query.query_id}:bound",),
        fact.product_ids,
        text,
        {**fact.data, "wanted": money(rules.total_max), "name": "total_max"},
        fact.origin,
    )
    return (bound,), [text]


def ties_inside(records: Records, product: Product, bundle: Sequence[Product]) -> list[Evidence]:
    """Return what ties one product of a bundle to the others."""
    facts: list[Evidence] = []
    for other in bundle:
        if other.product_id != product.product_id:
            fit = records.compatibility(product, other)
            tie = records.bought_together(other, product)
            facts += [f for f in (fit, tie) if f is not None and f.data.get("works", True)]
    return facts[:MAX_TIES]


def margin_of(products: Sequence[Product]) -> float | None:
    """Return the bundle's margin as a share of its total; None if a product states none."""
    total, kept = Fraction(0), Fraction(0)
    for product in products:
        if product.margin is None or product.price is None:
            return None
        total += to_minor(product.price)
        kept += to_minor(product.price) * Fraction(str(product.margin))
    return round(float(kept / total), 4) if total else None


def _scores(store: Store, plan: Plan, leaves: tuple[int, ...], rank: Rank) -> dict[int, float]:
    """Return row → how well it would do in the bundle, 0 to 1."""
    scored: dict[int, float] = {}
    if plan.text and not plan.has_anchor:
        sold_out = store.catalogue.stock == 0
        heads = [
            c
            for c in rank(plan.of("search"))
            if plan.constraints.in_stock is False or not sold_out[c.row]
        ]
        inside = [c for c in heads if store.catalogue.leaf_code[c.row] in leaves][:HEADS]
        around = Context(anchor_leaves=leaves)
        rest = rank(plan.of("cross_sell", context=around, with_text=False)) if leaves else ()
        scored |= _scaled(heads[:HEADS], MATCHING)
        scored |= _scaled(rest[: POOL - 2 * HEADS], AROUND)
        scored |= _scaled(inside, 1.0)
    else:
        scored |= _scaled(rank(plan)[:POOL], 1.0)
    if not scored and not plan.has_anchor:
        popular = plan.of("next_product", context=Context(), with_text=False)
        scored |= _scaled(rank(popular)[:POOL], 1.0)
    return scored


def leading_leaves(store: Store, plan: Plan, mask: Mask) -> tuple[int, ...]:
    """Return the categories that a set is built around: those named, else the leading one.

    "A kit for camping" names none: then, of the leaves whose three products nearest in meaning
    are nearly as near as any leaf's, the one with most buyers leads. Empty where the query has
    anchors or no words.
    """
    if not plan.text or plan.has_anchor:
        return ()
    subject = store.subjects.find(plan.text)
    if subject is not None and subject.leaves:
        return subject.leaves
    if plan.text.isascii():
        vector = store.encoder.encode([plan.text], role="query")[0]
        near = store.product_vectors.similarities(vector)
    else:  # an English encoder has nothing to say of other scripts
        near = store.lexical.scores(plan.text)
    near = np.where(mask, near, 0.0)
    buyers = store.behaviour.popularity.n_buyers
    found: list[tuple[float, int, int]] = []
    for leaf in range(len(store.catalogue.leaves)):
        rows = store.rows_of_leaf(leaf)
        found.append((float(np.sort(near[rows])[-3:].mean()), int(buyers[rows].sum()), leaf))
    best = max((f[0] for f in found), default=0.0)
    nearly = [f for f in found if f[0] >= NEARLY_AS_NEAR * best > 0]
    return (max(nearly, key=lambda f: (f[1], -f[2]))[2],) if nearly else ()


def _scaled(ranked: Sequence[Candidate], top: float) -> dict[int, float]:
    """Return row → score with the best at `top`."""
    best = max((c.score for c in ranked), default=0.0) or 1.0
    return {c.row: top * max(c.score, 0.0) / best for c in ranked}


def _must_have_problems(
    records: Records, constraints: Constraints
) -> tuple[list[str], list[Evidence]]:
    catalogue = records.store.catalogue
    problems: list[str] = []
    facts: list[Evidence] = []
    for product_id in dict.fromkeys(constraints.must_include):
        if product_id not in catalogue:
            problems.append(f"must-have {product_id} is not in this store")
            continue
        product = catalogue[product_id]
        names = broken(catalogue, constraints, catalogue.row(product_id))
        facts += [records.constraint(constraints, product, name) for name in names]
        problems += [f"must-have {product_id} breaks {name}" for name in names]
        if product.price is None:
            problems.append(f"must-have {product_id} states no price")
        if product.stock == 0 and constraints.in_stock is None:
            problems.append(f"must-have {product_id} is sold out")
            facts += [f for f in (records.stock(product),) if f is not None]
    return problems, facts
