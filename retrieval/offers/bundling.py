"""From a pool to bundles: what ties their products, and what stands in the way of one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from retrieval.data.dataset import Product, to_minor
from retrieval.evidence import Evidence, make_evidence, money
from retrieval.facts.turn import as_text
from retrieval.offers.conflicts import MUST, ROLE, Conflict, Nearest, find_conflict
from retrieval.offers.pool import Pool, make_pool, rules_of
from retrieval.plan import Plan
from retrieval.query import Constraints
from retrieval.records import Records

__all__ = ["Pool", "make_pool", "margin_of", "no_bundle", "rules_of", "ties_inside"]

MAX_TIES = 3
MEASURED = ("total_max", "margin_min", "min_items", "max_items", "price_max", "price_min")
IN_WORDS = {
    "compatibility": "what provably does not work together",
    "needs_fit": "what needs something that works with it",
    "one_of_a_kind": "one of each category",
    "around_lead": "one of the kind that was named",
}
"""Constraints that no field of the query states by its value."""


def no_bundle(records: Records, plan: Plan, pool: Pool) -> tuple[tuple[Evidence, ...], list[str]]:
    """Return the fewest constraints that cannot hold together, and how near one comes.

    A note says both in words. The smallest total that works is a `total` with what was wanted;
    the rest is one `conflict`.
    """
    if pool.impossible or pool.wide is None:
        return pool.facts, [f"no bundle: {reason}" for reason in pool.impossible]
    wide = pool.wide()
    conflict = find_conflict(wide.items, wide.rules)
    if conflict is None or not conflict.names:
        return (), ["no bundle: no product answers the query"]
    fact = _conflict(records, plan, wide, conflict)
    bounds = [_bound(records, plan, n) for n in conflict.nearest if n.name == "total_max"]
    return (*bounds, fact), [b.text for b in bounds] + [fact.text]


def _conflict(records: Records, plan: Plan, pool: Pool, conflict: Conflict) -> Evidence:
    """Return the conflict as a record: the constraints with what each wants, and the bounds."""
    products = records.store.catalogue.products
    stated = [_stated(records, plan.constraints, pool, name) for name in conflict.names]
    nearest = [{"name": n.name, "value": _value(n)} for n in conflict.nearest]
    words = " and ".join(f"{one['name']} {one['wanted']}" for one in stated)
    verdict = "cannot be met" if len(stated) == 1 else "cannot be met together"
    text = f"no bundle: {words} {verdict}"
    if nearest:
        near = ", or ".join(f"{one['name']} {one['value']}" for one in nearest)
        text += f"; with the rest kept, {near} is possible"
    elif any(one["name"] in MEASURED for one in stated):
        text += "; no other value of these alone is enough"
    rows = [int(n.removeprefix(MUST)) for n in conflict.names if n.startswith(MUST)]
    return make_evidence(
        "conflict",
        (plan.query.query_id,),
        tuple(products[row].product_id for row in rows),
        text,
        {"constraints": stated, "nearest": nearest, "currency": records.store.currency},
        f"solver, over {len(pool.items)} products",
    )


def _stated(records: Records, c: Constraints, pool: Pool, name: str) -> dict[str, str]:
    """Return a constraint's field and what it wants, in words."""
    if name.startswith(MUST):
        row = int(name.removeprefix(MUST))
        return {
            "name": "must_include",
            "wanted": records.store.catalogue.products[row].product_id,
        }
    if name.startswith(ROLE):
        return {"name": "roles", "wanted": name.removeprefix(ROLE)}
    if name in ("min_items", "max_items"):
        return {"name": name, "wanted": str(getattr(pool.rules, name))}
    if name == "margin_min":
        return {"name": name, "wanted": str(c.margin_min)}
    return {"name": name, "wanted": IN_WORDS.get(name) or as_text(getattr(c, name))}


def _value(nearest: Nearest) -> str:
    """Return money with two decimals; a margin is rounded down already, a size is whole."""
    is_money = nearest.name in ("total_max", "price_max", "price_min")
    return as_text(nearest.value) if is_money else str(nearest.value)


def _bound(records: Records, plan: Plan, nearest: Nearest) -> Evidence:
    """Return the smallest total that works as a record."""
    products = [records.store.catalogue.products[row] for row in nearest.rows]
    fact = records.total(products, None, f"{plan.query.query_id}:bound")
    wanted = money(plan.constraints.total_max or Decimal(0))
    return make_evidence(
        "total",
        (f"{plan.query.query_id}:bound",),
        fact.product_ids,
        f"nothing fits: the cheapest {len(products)} that meet the other conditions cost "
        f"{fact.data['total']} together, above {wanted}",
        {**fact.data, "wanted": wanted, "name": "total_max"},
        fact.origin,
    )


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
