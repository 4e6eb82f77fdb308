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
from retrieval.ranking import Ranking, rank_candidates
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
    store: Store, plan: Plan, mask: Mask, ranked: Ranking, *, limit: int | None = None
) -> tuple[Sequence[Candidate], tuple[str, ...]]:
    """Keep the complements that a record ties to the plan's context; note when they are too few.

    What the words of the query name by category counts as asked for. Of what follows without a
    record at most `limit` are made.
    """
    known = store.relatives.stand_in(plan.context)
    notes = (NEW_NOTE,) if known is not plan.context else ()
    kin = kindred(store, plan.context)
    wanted = tied(store, plan.context, kin)
    if known is not plan.context:
        of_known = tied(store, known, kindred(store, known))
        wanted |= of_known & complement_mask(store, plan.context)
    if len(store.relatives.rows):
        wanted |= kin & (store.relatives.inherit(wanted) >= TIED_RELATIVES)
    subject = store.subjects.find(plan.text) if plan.text else None
    if subject is not None and subject.leaves:
        wanted |= subject.mask
    is_wanted = wanted[ranked.rows]
    kept = ranked.take(is_wanted)
    if not plan.has_anchor:
        return kept, ()
    is_akin = kin[ranked.rows] & _usual(store, plan)[ranked.rows]
    kept = kept.then(_below(kept, ranked.take(is_akin & ~is_wanted)))
    if len(kept) >= min(MIN_TIED, plan.query.k):
        return kept, notes
    others = mask.copy()
    others[kept.rows] = False
    rest = _below(kept, _by_content(store, plan, others))
    return (*kept, *rest[:limit]), (*notes, COLD_NOTE) if rest else notes


def _usual(store: Store, plan: Plan) -> Mask:
    """Return what is of categories bought with the anchor's, or stands in for such a product."""
    scores = source_scores(store, plan, "category_association")
    if scores is None:
        return np.zeros(len(store.catalogue), bool)
    found = scores > 0
    if len(store.relatives.rows):
        found |= store.relatives.inherit(scores) > 0
    return found


def _below(kept: Ranking, rest: Ranking) -> Ranking:
    """Scale scores down so that all of `rest` come after what is kept; their order stays."""
    if not kept or not rest:
        return rest
    last = float(kept.totals.min())
    return rest.scaled(min(1.0, BELOW * last / max(float(rest.totals[0]), 1e-12)))


def _by_content(store: Store, plan: Plan, mask: Mask) -> Ranking:
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
    ranked = rank_candidates(Candidates(rows=rows, scores=parts), CONTENT)
    ties = [ranked.parts[n] for n in ("category", "semantic", "compatibility") if n in ranked.parts]
    return ranked.take(np.sum(ties, axis=0) > 0)


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
