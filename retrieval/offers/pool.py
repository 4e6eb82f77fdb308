"""What the solver may choose from for a plan, and under which rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.behaviour.base import Context
from retrieval.compatibility import PREFIX
from retrieval.eligibility import eligible
from retrieval.evidence import Evidence
from retrieval.filters import Mask, broken, columns_of, fold
from retrieval.offers.bundle import MAX_ITEMS, MIN_ITEMS, BundleItem, BundleRules, solve_any
from retrieval.plan import Plan
from retrieval.query import Constraints
from retrieval.records import Records
from retrieval.slate import Candidate
from retrieval.store import Store

POOL = 60
"""Products the solver chooses from, beside the must-haves; where they make no bundle, `WIDE`."""
WIDE = 1_000
HEADS = 12
"""Of a named kind, at most so many products may start a bundle; of a named role, `OF_ROLE`."""
OF_ROLE = 20
MATCHING, AROUND = 0.5, 0.8
"""What merely matches the words scores at most the first, what goes around the leading kind the
second, the leading kind itself 1."""
NEARLY_AS_NEAR = 0.85
OF_SETS = (
    "total_max", "min_items", "max_items", "must_include", "margin_min", "roles", "needs_fit",
)  # fmt: skip
"""Constraints on the whole set; the others are on each product."""
Rank = Callable[[Plan], Sequence[Candidate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What the solver may choose from, and under which rules."""

    items: tuple[BundleItem, ...]
    rules: BundleRules
    impossible: tuple[str, ...] = ()
    """Why no bundle can be; empty if one may."""
    facts: tuple[Evidence, ...] = ()
    """The records behind `impossible`."""
    wide: Callable[[], Pool] | None = None
    """Makes the pool in which constraints on single products are broken by name, not left out."""


def make_pool(records: Records, plan: Plan, rank: Rank) -> Pool:
    """Gather the must-haves and the best candidates, and more of them where those make no bundle.

    A must-have that breaks a constraint, states no price or is sold out makes every bundle
    impossible, as does a role that names no category: neither is ever left out in silence.
    """
    problems, facts = _problems(records, plan.constraints)
    pool = _pool(records.store, plan, rank, POOL)
    if not problems and solve_any(pool.items, pool.rules) is None:
        pool = _pool(records.store, plan, rank, WIDE)

    def wide() -> Pool:
        return _wide_pool(records.store, plan, rank)

    return replace(pool, impossible=tuple(problems), facts=tuple(facts), wide=wide)


def _wide_pool(store: Store, plan: Plan, rank: Rank) -> Pool:
    """Return all that would answer but for constraints on single products, with what each breaks.

    What is sold out stays out, as always.
    """
    names = [*OF_SETS, *(["in_stock"] if plan.constraints.in_stock is False else [])]
    kept = {name: getattr(plan.constraints, name) for name in names}
    pool = _pool(store, replace(plan, constraints=Constraints(**kept)), rank, WIDE)
    items = tuple(
        replace(i, breaks=frozenset(broken(store.catalogue, plan.constraints, i.row)))
        for i in pool.items
    )
    return replace(pool, items=items)


def _pool(store: Store, plan: Plan, rank: Rank, size: int) -> Pool:
    constraints, catalogue = plan.constraints, store.catalogue
    known = [p for p in dict.fromkeys(constraints.must_include) if p in catalogue]
    required = {catalogue.row(p) for p in known}
    leaves = leading_leaves(store, plan, eligible(store, plan.of("search")))
    scored = _scores(store, plan, leaves, rank, size)
    roles = _roles(store, constraints)
    for mask in roles.values():
        for row, score in _of_role(store, plan, mask, rank, size).items():
            scored[row] = max(scored.get(row, 0.0), score)
    for row in required:
        scored[row] = max(scored.get(row, 0.0), 1.0)
    items = tuple(
        BundleItem(
            row=row,
            price=int(catalogue.price[row]),
            score=score,
            role=int(catalogue.leaf_code[row]),
            group=catalogue.products[row].item_group_id,
            margin=catalogue.products[row].margin,
            required=row in required,
            lead=int(catalogue.leaf_code[row]) in leaves,
        )
        for row, score in sorted(scored.items())
        if not np.isnan(catalogue.price[row])
    )
    rows = [i.row for i in items]
    n_outside = sum(not any(mask[row] for mask in roles.values()) for row in required)
    conflicts, needs = _fits(store, plan, rows)
    rules = replace(
        rules_of(constraints, n_outside if roles else len(required)),
        conflicts=conflicts,
        needs=needs if constraints.needs_fit else (),
        roles=tuple((n, frozenset(r for r in rows if mask[r])) for n, mask in roles.items()),
        around_lead=not roles,
    )
    return Pool(items=items, rules=rules)


def _roles(store: Store, constraints: Constraints) -> dict[str, Mask]:
    """Return, per named role, which products have the name on their path."""
    columns = columns_of(store.catalogue)
    return {
        name: columns.in_category(frozenset({fold(name)}))
        for name in dict.fromkeys(constraints.roles)
    }


def _of_role(store: Store, plan: Plan, mask: Mask, rank: Rank, size: int) -> dict[int, float]:
    """Return row → score of products that may fill a role, by the words or else by the shelf."""
    able = mask & (store.compatibility.score(plan.context.given) >= 0)
    if plan.constraints.in_stock is None:
        able &= store.catalogue.stock != 0
    shelf = plan.of("search", context=Context(), with_text=False)
    for asked in (plan.of("search", context=Context()), shelf):
        found = [c for c in rank(asked) if able[c.row]]
        if found:
            return _scaled(found[: OF_ROLE if size == POOL else size], AROUND)
    return {}


def _fits(
    store: Store, plan: Plan, rows: Sequence[int]
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, frozenset[int]], ...]]:
    """Return the pairs that provably do not work together, and what each row needs one of.

    A product that states a fit needs something it works with, unless what the set is asked for
    beside already is that.
    """
    conflicts, needs = [], []
    given = set(plan.context.given.tolist())
    for place, row in enumerate(rows):
        score = store.compatibility.score(np.array([row]))
        conflicts += [(row, other) for other in rows[place + 1 :] if score[other] < 0]
        names = store.catalogue.products[row].attributes
        if any(name.casefold().startswith(PREFIX) for name in names):
            partners = frozenset(other for other in rows if score[other] > 0 and other != row)
            if not any(score[other] > 0 for other in given - set(rows)):
                needs.append((row, partners))
    return tuple(conflicts), tuple(needs)


def rules_of(c: Constraints, n_required: int = 0) -> BundleRules:
    """Return the solver's rules; sizes not stated make room for roles and must-haves.

    Args:
        c: What is asked.
        n_required: Must-haves; with roles, those that fill none.
    """
    n_roles = len(dict.fromkeys(c.roles))
    room = n_roles + n_required if n_roles else max(MAX_ITEMS, n_required)
    most = c.max_items or max(room, c.min_items or 1)
    least = c.min_items or min(MIN_ITEMS, most)
    return BundleRules(
        total_max=c.total_max, min_items=least, max_items=most, margin_min=c.margin_min
    )


def _scores(
    store: Store, plan: Plan, leaves: tuple[int, ...], rank: Rank, size: int
) -> dict[int, float]:
    """Return row → how well it would do in the bundle, 0 to 1."""
    scored: dict[int, float] = {}
    heads_kept = HEADS if size == POOL else size
    if plan.text and not plan.has_anchor:
        sold_out = store.catalogue.stock == 0
        heads = [
            c
            for c in rank(plan.of("search"))
            if plan.constraints.in_stock is False or not sold_out[c.row]
        ]
        inside = [c for c in heads if store.catalogue.leaf_code[c.row] in leaves][:heads_kept]
        around = Context(anchor_leaves=leaves)
        rest = rank(plan.of("cross_sell", context=around, with_text=False)) if leaves else ()
        scored |= _scaled(heads[:HEADS], MATCHING)
        scored |= _scaled(rest[: max(size, 2 * HEADS) - 2 * HEADS], AROUND)
        scored |= _scaled(inside, 1.0)
    else:
        scored |= _scaled(rank(plan)[:size], 1.0)
    if not scored and not plan.has_anchor:
        popular = plan.of("next_product", context=Context(), with_text=False)
        scored |= _scaled(rank(popular)[:size], 1.0)
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


def _problems(records: Records, constraints: Constraints) -> tuple[list[str], list[Evidence]]:
    """Return what makes every bundle impossible, and the records that show it."""
    catalogue = records.store.catalogue
    problems: list[str] = [
        f"role {name} names no category of this store"
        for name, mask in _roles(records.store, constraints).items()
        if not mask.any()
    ]
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
