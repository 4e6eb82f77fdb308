"""Cross-sell: which complements are convincing.

First what a record ties to what is asked about (`eligibility.tied`): a declared rule between the
two products, many baskets where a declared rule joins the categories, or specifications that fit.
Then products of categories that a declared rule joins to the anchor's, scored below them.
Popularity alone ties nothing. Where both give fewer than `MIN_TIED` (a new shop, a new product),
products of neighbouring categories follow, by category and text, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.candidates import Candidates, scaled, source_scores
from retrieval.eligibility import complement_mask, kindred, tied
from retrieval.filters import Mask
from retrieval.plan import Plan
from retrieval.ranking import rank_candidates
from retrieval.slate import Candidate
from retrieval.store import Store

MIN_TIED = 3
"""With at least this many complements that rest on records, others are left out."""
CONTENT = {"category": 0.4, "semantic": 0.4, "compatibility": 0.4, "rating": 0.1, "popularity": 0.1}
"""Weights where no record ties enough products to the anchor."""
BELOW = 0.9
"""The best of what follows scores at most this much of the last before it."""
TIED_RELATIVES = 0.5
"""A new product counts as tied if these of its relatives are, by how much they lend."""
NEW_NOTE = "new products are asked about: what goes with the products most like them stands in"
COLD_NOTE = (
    "cold start: too few purchases or specifications tie products to what is asked about; "
    "the others are of neighbouring categories, by category and text"
)


def convincing(
    store: Store, plan: Plan, mask: Mask, ranked: Sequence[Candidate]
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Keep the complements that a record ties to the plan's context; note when they are too few.

    What the words of the query name by category counts as asked for.
    """
    known = store.relatives.stand_in(plan.context)
    notes = (NEW_NOTE,) if known is not plan.context else ()
    wanted = tied(store, plan.context)
    if known is not plan.context:
        wanted |= tied(store, known) & complement_mask(store, plan.context)
    wanted |= kindred(store, plan.context) & (store.relatives.inherit(wanted) >= TIED_RELATIVES)
    kin = _kin(store, plan)
    subject = store.subjects.find(plan.text) if plan.text else None
    if subject is not None and subject.leaves:
        wanted |= subject.mask
    kept = tuple(c for c in ranked if wanted[c.row])
    if not plan.has_anchor:
        return kept, ()
    akin = [c for c in ranked if kin[c.row] and not wanted[c.row]]
    kept = (*kept, *_below(kept, akin))
    if len(kept) >= min(MIN_TIED, plan.query.k):
        return kept, notes
    others = mask.copy()
    others[[c.row for c in kept]] = False
    rest = _by_content(store, plan, others)
    return (*kept, *_below(kept, rest)), (*notes, COLD_NOTE) if rest else notes


def _kin(store: Store, plan: Plan) -> Mask:
    """Return what is bought of the categories that a declared rule joins to the anchor's."""
    scores = source_scores(store, plan, "category_association")
    mask = kindred(store, plan.context)
    if scores is None:
        return np.zeros_like(mask)
    return mask & ((scores > 0) | (store.relatives.inherit(scores) > 0))


def _below(kept: Sequence[Candidate], rest: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Scale scores down so that all of `rest` come after what is kept; their order stays."""
    if not kept or not rest:
        return tuple(rest)
    last = min(c.score for c in kept)
    scale = min(1.0, BELOW * last / max(rest[0].score, 1e-12))
    return tuple(
        Candidate(row=c.row, parts={name: scale * value for name, value in c.parts.items()})
        for c in rest
    )


def _by_content(store: Store, plan: Plan, mask: Mask) -> tuple[Candidate, ...]:
    """Rank what stands near in the category tree and reads alike; nothing else is claimed of it."""
    near = _nearness(store, plan)
    if near.any():  # without categories, text alone has to do
        mask = mask & (near > 0)
    scores = {"category": near}
    for name in CONTENT:
        found = None if name == "category" else source_scores(store, plan, name)
        if found is not None:
            scores[name] = found
    rows = np.flatnonzero(mask)
    parts = {name: scaled(name, found)[rows] for name, found in scores.items()}
    return tuple(
        c
        for c in rank_candidates(Candidates(rows=rows, scores=parts), CONTENT)
        if {"category", "semantic", "compatibility"} & set(c.parts)
    )


def _nearness(store: Store, plan: Plan) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Share of the anchor's path above its leaf that each product shares: shape (n_products,)."""
    catalogue, context = store.catalogue, plan.context
    leaves = {int(c) for c in catalogue.leaf_code[context.given] if c >= 0}
    paths = [leaf.split(" > ") for leaf in catalogue.leaves]
    by_leaf = np.zeros(len(paths) + 1, np.float32)
    for code in sorted(leaves | set(context.anchor_leaves)):
        above = paths[code][:-1]
        for other, path in enumerate(paths):
            shared = 0
            while shared < min(len(above), len(path)) and above[shared] == path[shared]:
                shared += 1
            by_leaf[other] = max(by_leaf[other], shared / max(1, len(above)))
    return by_leaf[catalogue.leaf_code]
