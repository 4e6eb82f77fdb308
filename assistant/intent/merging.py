# ruff: noqa: E501
"""How the conditions a message states join those that held before it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from assistant.intent.amounts import Money
from assistant.intent.said import Said
from retrieval.query import Constraints

STANDING = ("exclude", "exclude_brands", "exclude_words", "in_stock", "margin_min")
"""Conditions about the shopper rather than about one thing: a new wish keeps them."""
MUCH_CHEAPER = Decimal("0.6")
"""Share of the price looked at that "much cheaper" allows."""
HALF = Decimal("0.5")
"""Share of the price looked at that "half the price" allows."""
CHEAPER_THAN_BUDGET = Decimal("0.8")
"""Share of the limit that "cheaper" allows when nothing has been shown."""
_CENT = Decimal("0.01")


def merge(
    held: Constraints, said: Said, *, fresh: bool, append_brands: bool = False
) -> Constraints:
    """Return the conditions after a turn, money aside.

    `fresh` starts from what stands for the shopper in general (`STANDING`). What is said again
    replaces: another brand, category or value of the same attribute. Exclusions add up; what is
    wanted now is no longer excluded, and the other way round.
    """
    values = {n: getattr(held, n) for n in Constraints.model_fields if not fresh or n in STANDING}
    now = Constraints().model_copy(update=values)
    for name in said.dropped:
        now = _without(now, name)
    update: dict[str, object] = {}
    if said.categories:
        update["categories"] = _unique(said.categories)
    if said.brands:
        update["brands"] = _unique([*(now.brands if append_brands else ()), *said.brands])
    update["attributes"] = {
        k: v
        for k, v in {**now.attributes, **said.attributes}.items()
        if said.exclude_attributes.get(k) != v
    }
    update["exclude_attributes"] = {
        k: v
        for k, v in {**now.exclude_attributes, **said.exclude_attributes}.items()
        if said.attributes.get(k) != v
    }
    for bound in ("attributes_min", "attributes_max"):
        held_to = {**getattr(now, bound), **getattr(said, bound)}
        update[bound] = {k: v for k, v in held_to.items() if k not in said.attributes}
    update |= _clashes(now, said, update)
    update["exclude"] = _unique([*now.exclude, *said.exclude])
    update["must_include"] = _unique(
        p for p in (*now.must_include, *said.must_include) if p not in said.exclude
    )
    if said.in_stock is not None:
        update["in_stock"] = said.in_stock
    if said.rating_min is not None:
        update["rating_min"] = said.rating_min
    return now.model_copy(update=update)


def _clashes(now: Constraints, said: Said, update: dict[str, object]) -> dict[str, object]:
    held = [(v, k) for k, v in now.exclude_attributes.items()]
    spare = [v for v, k in held if k in said.exclude_attributes and said.exclude_attributes[k] != v]
    wanted_words = {v.lower() for v in said.attributes.values()}
    words = [*now.exclude_words, *spare, *said.exclude_words]
    brands = update.get("brands", now.brands)
    categories = update.get("categories", now.categories)
    assert isinstance(brands, tuple)
    assert isinstance(categories, tuple)
    return {
        "exclude_words": _unique(w for w in words if w.lower() not in wanted_words),
        "exclude_brands": _unique(b for b in (*now.exclude_brands, *said.exclude_brands) if b not in said.brands),
        "exclude_categories": _unique(
            c for c in (*now.exclude_categories, *said.exclude_categories) if c not in said.categories
        ),
        "brands": tuple(b for b in brands if b not in said.exclude_brands),
        "categories": tuple(c for c in categories if c not in said.exclude_categories),
    }  # fmt: skip


def _without(now: Constraints, name: str) -> Constraints:
    name, _, part = name.partition(":")
    value = getattr(now, name)
    if isinstance(value, tuple):
        left: object = tuple(v for v in value if part and v != part)
    elif isinstance(value, dict):
        left = {k: v for k, v in value.items() if part and k != part}
    else:
        left = None
    return now.model_copy(update={name: left})


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def merge_money(
    now: Constraints,
    money: Money,
    *,
    total: bool,
    per_item: bool,
    prices: list[Decimal],
    looked_at: Decimal | None,
    set_price: Decimal | None = None,
) -> Constraints:
    """Return the conditions with this turn's amounts.

    Args:
        now: Conditions after `merge`.
        money: What was said.
        total: The amount is for everything together: it limits `total_max`.
        per_item: The amount (also) limits each product: it sets `price_max`.
        prices: Prices of what was shown last, for "cheaper".
        looked_at: Price of the product that "cheaper" is measured from, if one was pointed at.
        set_price: What the set shown last comes to: "cheaper" then means the set.
    """
    update: dict[str, object] = {}
    if money.removed:
        update |= {"price_min": None, "price_max": None, "total_max": None}
    maximum = money.maximum
    if money.last is not None:
        update |= _change_last(now, money, total=total, per_item=per_item)
    if maximum is not None:
        update |= {"total_max": maximum} if total else {}
        update |= {"price_max": maximum} if per_item else {}
        if money.minimum is None and now.price_min is not None and now.price_min >= maximum:
            update["price_min"] = None
    if money.minimum is not None:
        update["price_min"] = money.minimum
        if maximum is None and now.price_max is not None and now.price_max < money.minimum:
            update["price_max"] = None
    if money.relative and maximum is None:
        if set_price is not None:
            update["total_max"] = _target(money, set_price)
        else:
            update |= _relative(now, money, prices, looked_at)
    if money.items_min is not None or money.items_max is not None:
        update["min_items"] = None if money.items_min is None else min(money.items_min, 6)
        update["max_items"] = None if money.items_max is None else min(money.items_max, 6)
    return now.model_copy(update=update)


def renews_total(held: Constraints, money: Money) -> bool:
    """Whether "make it under 50" after complements within a total changes that total."""
    return (
        held.total_max is not None
        and held.price_max is None
        and (money.maximum is not None or money.last is not None)
    )


def _change_last(
    now: Constraints, money: Money, *, total: bool, per_item: bool
) -> dict[str, object]:
    """Change what was corrected, what is limited already (from above, else below), else limit."""
    amount = money.last
    assert amount is not None
    corrected = [
        n for n in ("price_max", "total_max", "price_min")
        if money.wrong is not None and getattr(now, n) == money.wrong
    ]  # fmt: skip
    if corrected:
        return dict.fromkeys(corrected, amount)
    limited = [n for n in ("price_max", "total_max") if getattr(now, n) is not None]
    if limited:
        update: dict[str, object] = dict.fromkeys(limited, amount)
        if now.price_min is not None and now.price_min >= amount:
            update["price_min"] = None
        return update
    if now.price_min is not None:
        return {"price_min": amount}
    update = {"total_max": amount} if total else {}
    return update | ({"price_max": amount} if per_item else {})


def _relative(
    now: Constraints, money: Money, prices: list[Decimal], looked_at: Decimal | None
) -> dict[str, object]:
    """Cheaper: below what was pointed at, else below the middle price shown, else the limit."""
    middle = sorted(prices)[(len(prices) - 1) // 2] if prices else None
    base = looked_at if looked_at is not None else middle
    if money.relative == "dearer":
        if base is None:
            return {}
        low = base + _CENT
        return {"price_min": low} | (
            {"price_max": None} if now.price_max is not None and now.price_max < low else {}
        )
    if base is None:
        if now.price_max is None:
            return {}
        target = (now.price_max * CHEAPER_THAN_BUDGET).quantize(_CENT)
    else:
        target = _target(money, base)
    if now.price_max is not None:
        target = min(target, now.price_max)
    update: dict[str, object] = {"price_max": max(target, Decimal(0))}
    if now.price_min is not None and now.price_min >= target:
        update["price_min"] = None
    return update


def _target(money: Money, base: Decimal) -> Decimal:
    """Return the most that a cheaper one may cost."""
    share = {"much_cheaper": MUCH_CHEAPER, "half": HALF}.get(money.relative or "")
    return base - _CENT if share is None else (base * share).quantize(_CENT)
