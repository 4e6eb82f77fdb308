"""Candidate generation: what each source says of every product it knows something about.

A source returns non-negative scores of shape (n_products,), or None when it has nothing to go by.
They are scaled to 0..1 by their largest allowed value, so that weights compare across sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import Context, Scores
from retrieval.store import Store

FULL_SCALE = {"semantic": 1.0, "profile": 1.0, "compatibility": 1.0, "subject": 1.0}
"""Sources whose numbers mean the same for every query keep their scale."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Scaled scores by source, over a common set of rows."""

    rows: NDArray[np.int64]
    """Shape (n,), ascending."""
    scores: Mapping[str, Scores]
    """Source to shape (n,), each 0 to 1."""


def source_scores(
    store: Store, source: str, *, context: Context, text: str | None, shopper_id: str | None
) -> Scores | None:
    """Return what one source says of every product, shape (n_products,); None for nothing."""
    if source == "semantic":
        return _semantic(store, context, text)
    if source == "lexical":
        return store.lexical.scores(text) if text else None
    if source == "subject":
        subject = store.subjects.find(text) if text else None
        return None if subject is None else subject.mask.astype(np.float32)
    if source == "profile":
        profile = store.behaviour.profiles.of(shopper_id) if shopper_id else None
        return None if profile is None else store.behaviour.profiles.score(profile)
    if source == "compatibility":
        if not len(context.given):
            return None
        return np.maximum(store.compatibility.score(context.given), 0.0)
    if source == "popularity":
        return store.behaviour.popularity.score(context)
    if not len(context.given) and not context.anchor_leaves:
        return None
    if source == "association" and not len(context.given):
        return _leaf_association(store, context)
    return store.behaviour.scorers[source].score(context)


def generate(
    store: Store,
    weights: Mapping[str, float],
    *,
    context: Context,
    text: str | None,
    shopper_id: str | None,
    mask: NDArray[np.bool_],
) -> Candidates:
    """Ask every source with a weight, keep the allowed products that any of them ranks high."""
    full: dict[str, Scores] = {}
    kept = np.zeros(len(mask), bool)
    limit = store.config.ranking.candidates_per_source
    for source, weight in weights.items():
        if weight <= 0:
            continue
        scores = source_scores(store, source, context=context, text=text, shopper_id=shopper_id)
        if scores is None:
            continue
        scores = np.where(mask, scores, 0.0).astype(np.float32)
        top = float(scores.max(initial=0.0))
        if top <= 0:
            continue
        full[source] = scores / FULL_SCALE.get(source, top)
        kept[_best(scores, limit)] = True
    rows = np.flatnonzero(kept & mask)
    return Candidates(rows=rows, scores={name: scores[rows] for name, scores in full.items()})


def _best(scores: Scores, limit: int) -> NDArray[np.int64]:
    """Return the rows of the `limit` largest positive scores."""
    positive = np.flatnonzero(scores > 0)
    if len(positive) <= limit:
        return positive
    best = np.argpartition(-scores[positive], limit)[:limit]
    return positive[best]


def _semantic(store: Store, context: Context, text: str | None) -> Scores | None:
    """Cosine to the text if there is one, else to the mean of what the context names."""
    if text:
        vector = store.encoder.encode([text], role="query")[0]
    elif len(context.given):
        mean = np.asarray(store.product_vectors.vectors[context.given[-5:]]).mean(axis=0)
        vector = mean / max(float(np.linalg.norm(mean)), 1e-9)
    else:
        return None
    return np.maximum(store.product_vectors.similarities(vector), 0.0)


def _leaf_association(store: Store, context: Context) -> Scores:
    """Share of the leaf's baskets that hold each product, times log2 of the damped lift."""
    anchors = np.flatnonzero(np.isin(store.catalogue.leaf_code, context.anchor_leaves))
    scorer, config = store.behaviour.association, store.config.behaviour
    together = scorer.partners(anchors).astype(np.float64)
    n_anchor = scorer.pair(anchors, anchors).n_anchor
    if not n_anchor:
        return np.zeros(len(store.catalogue), np.float32)
    expected = (n_anchor + config.damping) * (scorer.n_holding() + config.damping)
    lift = together * scorer.n_groups / expected
    weight = together / (n_anchor + config.damping) * np.log2(np.maximum(lift, 1.0))
    weight[together < scorer.score_support] = 0
    return weight.astype(np.float32)
