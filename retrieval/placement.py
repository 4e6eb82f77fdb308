"""What a shop may put higher for a reason of its own: what is sponsored, what it earns more on.

Off unless `[ranking.commercial]` says so. It works on what was already ranked, so it can bring in
nothing that a constraint rules out; it is a score part of its own; and what it moved up is marked,
so that the shopper is told. The margin itself goes nowhere: a product is in the upper quarter or
not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from retrieval.slate import Candidate
from retrieval.store import Store

COMMERCIAL = "commercial"
UPPER_QUARTER = 75.0
Reason = Literal["sponsored", "interest"]


def reasons(store: Store) -> dict[int, Reason]:
    """Return row → why the shop would put the product higher; empty where it asks for nothing."""
    settings, catalogue = store.config.ranking.commercial, store.catalogue
    found: dict[int, Reason] = {}
    if settings.margin_boost and not np.isnan(catalogue.margin).all():
        least = np.nanpercentile(catalogue.margin, UPPER_QUARTER)
        found = {int(row): "interest" for row in np.flatnonzero(catalogue.margin >= least)}
    if settings.sponsored_boost:
        known = (i for i in settings.sponsored if i in catalogue)
        found |= {catalogue.row(product_id): "sponsored" for product_id in known}
    return found


def place(
    store: Store, candidates: Sequence[Candidate]
) -> tuple[Sequence[Candidate], frozenset[int]]:
    """Return the candidates with the shop's own boosts, and the rows that moved up by them.

    Args:
        store: Whose settings count.
        candidates: All that may be shown, best first.
    """
    asked = reasons(store)
    if not asked or not len(candidates):
        return candidates, frozenset()
    settings = store.config.ranking.commercial
    boosts = {"sponsored": settings.sponsored_boost, "interest": settings.margin_boost}
    best = max(candidate.score for candidate in candidates)
    placed: list[Candidate] = []
    moved = set()
    for candidate in candidates:
        at, reason = len(placed), asked.get(candidate.row)
        if reason is not None:
            parts = {**candidate.parts, COMMERCIAL: boosts[reason] * best}
            candidate = replace(candidate, parts=parts)
            while at and placed[at - 1].score < candidate.score:
                at -= 1
        if at < len(placed):
            moved.add(candidate.row)
        placed.insert(at, candidate)
    return placed, frozenset(moved)
