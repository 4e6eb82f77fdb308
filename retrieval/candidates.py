"""Candidate generation: what each source says of every product it knows something about.

A source returns non-negative scores of shape (n_products,), or None when it has nothing to go by.
They are scaled to 0..1, most by their largest allowed value, so that weights compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from retrieval.additive import Curve, Weight, contribution
from retrieval.behaviour.association import HALF_WEIGHT
from retrieval.behaviour.base import Context, Rows, Scores
from retrieval.data.dataset import Catalogue
from retrieval.filters import Mask
from retrieval.plan import BEHAVIOUR, RELATIVES, Plan, highest
from retrieval.store import Store
from retrieval.text.languages import is_foreign, relative

FULL_SCALE = dict.fromkeys(
    ("semantic", "nearest", "profile", "compatibility", "subject", "rating", "same_category",
     "same_brand", RELATIVES), 1.0,
)  # fmt: skip
"""Sources whose numbers mean the same for every query keep their scale."""
HALF_SCALE = dict.fromkeys(("association", "co_view", "category_association"), HALF_WEIGHT)
"""Rule weights that count half; a rule seen twice must not count like one seen a thousand times
because it happens to be the query's strongest. 0.3 is a tenth of the baskets at eight times chance.
"""
USUAL_RATING, USUAL_WEIGHT = 3.8, 5
"""A mean rating is pulled to this, with the weight of so many reviews."""
LATEST_GIVEN = 10
"""Of a longer context the latest products count."""
TEXT_RECENCY = 0.6
"""Each step back in a history counts this much less; baskets and anchors have no order."""


GROUP = 64
"""Scores of which only the largest is looked at to find where the best begin: sorting all of them,
many tied, takes longer than making them."""
TITLES_GIVEN = 5
"""Products whose titles stand for words."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Scaled scores by source, over a common set of rows."""

    rows: NDArray[np.int64]
    """Shape (n,), ascending."""
    scores: Mapping[str, Scores]
    """Source to shape (n,), each 0 to 1."""


def generate(store: Store, plan: Plan, weights: Mapping[str, Weight], mask: Mask) -> Candidates:
    """Ask every source with a weight, keep the allowed products that any of them ranks high."""
    full: dict[str, tuple[Scores, float]] = {}  # of all products, and the best of the allowed
    open_rows = np.flatnonzero(mask)
    kept = np.zeros(len(mask), bool)
    lent, lent_pairs = np.zeros(len(mask)), np.zeros(len(mask))
    limit = max(store.config.ranking.candidates_per_source, plan.query.k)
    for source, weight in weights.items():
        if source == RELATIVES or (not isinstance(weight, Curve) and weight <= 0):
            continue  # relatives: made of what the others say
        found = source_scores(store, plan, source, open_rows)
        if found is None:
            continue
        scores = np.asarray(found, np.float32)
        top = _mark_best(kept, scores, mask, limit)
        if source in BEHAVIOUR and RELATIVES in weights:
            taken = lent_pairs if source == "association" else lent
            _lend(taken, store.relatives.lenders, source, scores, top, weight)
        if top > 0:
            full[source] = scores, top
    if RELATIVES in weights and len(store.relatives.rows):
        inherited = store.relatives.inherit(lent, plan.context.given) + _of_pairs(
            store, plan, weights, lent_pairs
        )
        scores = (inherited / max(highest(weights), 1e-9)).astype(np.float32)
        full[RELATIVES] = scores, _mark_best(kept, scores, mask, limit)
    best = np.flatnonzero(kept)
    return Candidates(
        rows=best,
        scores={name: scaled(name, all_[best], top=top) for name, (all_, top) in full.items()},
    )


def _of_pairs(
    store: Store, plan: Plan, weights: Mapping[str, Weight], lent: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what new products take over of pair rules: their relatives' or of related pairs."""
    inherited = store.relatives.inherit(lent, plan.context.given)
    weight = weights.get("association")
    if weight:
        rows = store.relatives.rows
        usual = contribution(weight, store.relations.expected(plan.context.given, rows))
        usual *= store.relatives.silence
        inherited[rows] = np.maximum(inherited[rows], usual)
    return inherited


def _lend(
    lent: NDArray[np.float64],
    lenders: Rows,
    source: str,
    scores: Scores,
    top: float,
    weight: Weight,
) -> None:
    """Add what a source adds to the products that lend to new ones to `lent`: (n_products,).

    Also to those that may not be shown themselves, at most as much as to the best that may (`top`).
    """
    own = scores[lenders]
    top = top or float(own.max(initial=0.0))
    if top > 0:
        lent[lenders] += contribution(weight, scaled(source, np.minimum(own, top), top=top))


def scaled(source: str, scores: Scores, *, top: float | None = None) -> Scores:
    """Return a source's scores as 0 to 1; the last axis is the products.

    Rules saturate, cosines keep their scale, the others are divided by their largest value (`top`,
    where the scores are only a part).
    """
    if source in HALF_SCALE:
        return np.asarray(scores / (scores + HALF_SCALE[source]), np.float32)
    if top is None:
        top = scores.max(axis=-1, keepdims=True, initial=0.0)
    usual = FULL_SCALE.get(source)
    return np.asarray(scores / (usual or np.where(top > 0, top, 1.0)), np.float32)


def source_scores(store: Store, plan: Plan, source: str, rows: Rows | None = None) -> Scores | None:
    """Return what one source says of every product, shape (n_products,); None for nothing.

    With `rows`, ascending, a source may leave out all others: what it says of them is not used.
    """
    if source in _BY_TEXT:
        return _by_text(store, plan, source, rows)
    if source in _BY_CONTEXT:
        return _by_context(store, plan, source, rows) if plan.has_anchor else None
    context = plan.context
    if source in BEHAVIOUR and len(store.relatives.rows):
        context = store.relatives.stand_in(context)
    if source == "profile":
        return store.behaviour.profiles.score(plan.profile) if plan.profile else None
    if source == "rating":
        return _ratings(store.catalogue)
    scorer = store.behaviour.scorers.get(source)
    if scorer is None:
        return None
    if source == "repurchase":
        return scorer.score(context) if context.shopper is not None else None
    if source == "association" and not len(context.given) and plan.has_anchor:
        return _leaf_association(store, context)
    if plan.has_anchor or source in ("popularity", "segment_popularity"):
        return scorer.score(context)
    return None


_BY_TEXT = ("semantic", "lexical", "subject")
_BY_CONTEXT = ("nearest", "same_category", "same_brand", "compatibility")


def _by_text(store: Store, plan: Plan, source: str, rows: Rows | None) -> Scores | None:
    if source == "semantic":
        return _semantic(store, plan.context, plan.text, rows)
    if source == "lexical":
        words = plan.text or titles_given(store, plan.context)
        return store.lexical.scores(words) if words else None
    subject = store.subjects.find(plan.text) if plan.text else None
    return None if subject is None else subject.mask.astype(np.float32)


def _by_context(store: Store, plan: Plan, source: str, rows: Rows | None) -> Scores | None:
    context, catalogue = plan.context, store.catalogue
    if source == "nearest":
        return _nearest(store, context, rows)
    if source == "compatibility":
        return np.maximum(store.compatibility.score(context.given), 0.0)
    return _shared(
        catalogue.leaf_code if source == "same_category" else catalogue.brand_code, context
    )


def shrunken_ratings(catalogue: Catalogue) -> NDArray[np.float64]:
    """Return mean ratings, few reviews pulled to the usual: shape (n_products,), 1 to 5."""
    n = np.where(np.isnan(catalogue.rating), 0, catalogue.rating_count)
    return (np.nan_to_num(catalogue.rating) * n + USUAL_RATING * USUAL_WEIGHT) / (n + USUAL_WEIGHT)


_RATINGS: WeakKeyDictionary[Catalogue, Scores] = WeakKeyDictionary()


def _ratings(catalogue: Catalogue) -> Scores:
    """Return shrunken ratings as 0 to 1, made at the first call and kept with the catalogue."""
    found = _RATINGS.get(catalogue)
    if found is None:
        found = (shrunken_ratings(catalogue) / 5).astype(np.float32)
        found.flags.writeable = False
        _RATINGS[catalogue] = found
    return found


def _mark_best(kept: Mask, scores: Scores, mask: Mask, limit: int) -> float:
    """Mark the `limit` largest positive scores of allowed products, and what ties with the last.

    Returns:
        The largest, 0 where none is positive.
    """
    own = scores * mask
    n_groups = len(own) // GROUP
    least = np.float32(0)
    if n_groups > limit:  # as many groups have a largest score of at least this
        tops = own[: n_groups * GROUP].reshape(GROUP, n_groups).max(axis=0)
        least = np.partition(tops, -limit)[-limit]
    rows = np.flatnonzero(own > least)
    if len(rows) > limit:
        best = own[rows]
        rows = rows[best >= np.partition(best, -limit)[-limit]]
    elif len(rows) < limit and least > 0:
        rows = np.flatnonzero(own >= least)
    kept[rows] = True
    return float(own.max(initial=0.0))


def _semantic(
    store: Store, context: Context, text: str | None, rows: Rows | None = None
) -> Scores | None:
    """Likeness to the text if there is one, else cosine to the mean of what the context names."""
    if text:
        if store.languages is not None and is_foreign(text):
            return relative(store.languages.similarities(text))
        vector = store.encoder.encode([text], role="query")[0]
        return relative(store.product_vectors.similarities(vector))
    if len(context.given):
        given, weights = _latest(context)
        mean = np.average(np.asarray(store.product_vectors.vectors[given]), axis=0, weights=weights)
        vector = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
    else:
        return None
    found = store.product_vectors.similarities(vector, rows)
    return np.maximum(found, 0.0, out=found)


def _nearest(store: Store, context: Context, rows: Rows | None = None) -> Scores | None:
    """Cosine to the nearest of the products that the context names."""
    if not len(context.given):
        return None
    given, _ = _latest(context)
    vectors = np.asarray(store.product_vectors.vectors[np.unique(given)])
    found = store.product_vectors.similarities(vectors, rows)
    return np.maximum(found, 0.0, out=found)


def _latest(context: Context) -> tuple[Rows, NDArray[np.float64]]:
    """Return the latest products of a context and how much each counts."""
    weights = np.ones(len(context.given))
    n = len(context.history)
    weights[:n] = TEXT_RECENCY ** np.arange(n)[::-1].astype(np.float64)
    return context.given[-LATEST_GIVEN:], weights[-LATEST_GIVEN:]


def _shared(codes: Rows, context: Context) -> Scores | None:
    """Share of the context that has each product's code; products without one get 0."""
    rows, weights = _latest(context)
    own = codes[rows]
    if not (own >= 0).any():
        return None
    by_code = np.bincount(own[own >= 0], weights[own >= 0], minlength=codes.max() + 1)
    shares = np.append(by_code / weights.sum(), 0.0)  # the last is for -1
    return shares[codes].astype(np.float32)


def titles_given(store: Store, context: Context) -> str:
    """Return the titles of the latest products that the context names."""
    products = [store.catalogue.products[int(r)] for r in context.given[-TITLES_GIVEN:]]
    return " ".join(product.title for product in products)


def _leaf_association(store: Store, context: Context) -> Scores:
    """Share of the leaves' baskets that hold each product, times log2 of the damped lift."""
    anchors = np.flatnonzero(np.isin(store.catalogue.leaf_code, context.anchor_leaves))
    scorer, damping = store.behaviour.association, store.config.behaviour.damping
    together = scorer.partners(anchors).astype(np.float64)
    n_anchor = scorer.pair(anchors, anchors).n_anchor
    held = scorer.n_holding(np.arange(len(together)))
    expected = (n_anchor + damping) * (held + damping)
    lift = together * scorer.n_groups / np.maximum(expected, 1e-9)
    weight = together / max(n_anchor + damping, 1e-9) * np.log2(np.maximum(lift, 1.0))
    weight[together < scorer.score_support] = 0
    return weight.astype(np.float32)
