"""The cold-start ladder: how much was known of the shopper, and of each product, when it counted.

A rung is read off what contributed to the scores shown, not off what was at hand: a known shopper
whose past moved nothing was not answered from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from retrieval.plan import BEHAVIOUR, RELATIVES, WORDS, Plan
from retrieval.slate import Candidate

ShopperRung = Literal["own history", "session", "segment", "content", "popular"]
ProductRung = Literal["behaviour", "relatives", "compatibility", "category", "content"]

OWN = frozenset({"profile", "repurchase"})
"""Sources that speak of a shopper's own past."""
OF_ALL = frozenset({"popularity", "rating"})
"""Sources that say the same to everyone."""
OF_CATEGORY = frozenset({"category", "category_association", "same_category"})
OF_PRODUCT = frozenset(BEHAVIOUR) - OF_CATEGORY
"""Sources that rest on what was done with the product itself."""
OF_TEXT_TOO = frozenset({"self_attention"})
"""Behaviour that has a number for products nobody met: it begins from their texts."""


def shopper_rung(plan: Plan, shown: Iterable[Candidate]) -> ShopperRung:
    """Return what the order of a slate rests on: the highest rung that contributed to it."""
    parts = {name for candidate in shown for name, value in candidate.parts.items() if value > 0}
    context = plan.context
    has_own_past = plan.profile is not None and bool(len(plan.profile.purchased))
    is_own_sequence = bool(len(context.history)) and not plan.query.history
    if has_own_past and (parts & OWN or (is_own_sequence and parts - OF_ALL)):
        return "own history"
    is_related = plan.has_anchor and plan.task != "search"
    if is_related and parts - OF_ALL - {"segment_popularity"} - OWN:
        return "session"
    if "segment_popularity" in parts:
        return "segment"
    if parts & {*WORDS, "subject"}:
        return "content"
    return "popular"


def product_rung(parts: Mapping[str, float], *, is_met: bool) -> ProductRung:
    """Return what a suggestion rests on: the highest rung that contributed to its score.

    Args:
        parts: Source to its contribution.
        is_met: Whether the log holds an event of the product.
    """
    found = {name for name, value in parts.items() if value > 0}
    if found & (OF_PRODUCT if is_met else OF_PRODUCT - OF_TEXT_TOO):
        return "behaviour"
    if RELATIVES in found:
        return "relatives"
    if "compatibility" in found:
        return "compatibility"
    return "category" if found & OF_CATEGORY else "content"
