"""Trade a little relevance for variety: no slate of five colours of one bottle.

`vary` reorders the best candidates by the setting `[ranking.diversity]`; `diversify` then keeps to
one of an item group and to so many of a category. Scores and their parts stay as they were.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.config import DiversityConfig
from retrieval.data.dataset import Catalogue
from retrieval.plan import Plan
from retrieval.slate import Candidate
from retrieval.store import Store

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

POOL = 50
"""The best candidates, among which the order may change."""
VARIED = ("similar", "basket", "next_product", "cross_sell")
"""Tasks that are varied; a search answers its words, a step up its gains."""
LEAST_HISTORY = 3
"""Products of a history below which its shares of categories say nothing."""
SMOOTHING = 0.01
"""Share of the wished shares mixed into those of the list, so that none is 0 (Steck 2018)."""


def vary(store: Store, plan: Plan, ranked: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the candidates with the best `POOL` reordered by the store's setting.

    Without a setting, for other tasks than `VARIED`, and for `interest` without a history, the
    order stays. The same query gives the same order.
    """
    setting = store.config.ranking.diversity
    if setting.method == "none" or not setting.strength or plan.task not in VARIED:
        return ranked
    rows = np.array([c.row for c in ranked[:POOL]], np.int64)
    codes = store.catalogue.leaf_code
    order = reorder(
        np.array([c.score for c in ranked[:POOL]]),
        setting,
        k=plan.query.k,
        vectors=np.asarray(store.product_vectors.vectors[rows]),
        codes=codes[rows],
        wished=shares(codes[plan.context.history], int(codes.max(initial=-1)) + 1),
        key=plan.query.query_id,
    )
    return (*(ranked[i] for i in order), *ranked[POOL:])


def reorder(
    scores: Floats,
    setting: DiversityConfig,
    *,
    k: int,
    vectors: NDArray[np.float32],
    codes: Codes,
    wished: Floats | None,
    key: str = "",
) -> list[int]:
    """Return the order of candidates that one method at one strength gives.

    Scores are first divided by the largest. Strength 0 is their own order.

    Args:
        scores: Best first, none negative, shape (n,).
        setting: Method and strength.
        k: Places that are chosen one by one; the others follow in their own order.
        vectors: Unit vectors of the candidates, shape (n, dimension).
        codes: Category of each, -1 for none, shape (n,).
        wished: Share of each category in what the shopper took, shape (n_categories,); None leaves
            the order of `interest` as it is.
        key: What the seed of `random` is mixed with, so that queries differ.
    """
    relevance = scores / max(float(scores.max(initial=0.0)), 1e-12)
    strength = setting.strength
    if setting.method == "random":
        rng = np.random.default_rng([setting.seed, zlib.crc32(key.encode())])
        mixed = (1 - strength) * relevance + strength * rng.random(len(relevance))
        chosen = np.argsort(-np.round(mixed, 9), kind="stable")[:k].tolist()
    elif setting.method == "content":
        chosen = _apart(relevance, vectors, strength, k)
    elif setting.method == "interest" and wished is not None:
        chosen = _calibrated(relevance, codes, wished, strength, k)
    else:
        chosen = list[int]()
    taken = set(chosen)
    return [*chosen, *(i for i in range(len(scores)) if i not in taken)]


def shares(codes: Codes, n_categories: int) -> Floats | None:
    """Return each category's share of a history: shape (n_categories,); None if it is too short."""
    known = codes[codes >= 0]
    if len(known) < LEAST_HISTORY:
        return None
    return np.bincount(known, minlength=n_categories) / len(known)


def _apart(relevance: Floats, vectors: NDArray[np.float32], strength: float, k: int) -> list[int]:
    """Choose by maximal marginal relevance (Carbonell and Goldstein 1998).

    Each next one maximises (1 - strength) x relevance - strength x likeness to the nearest chosen.
    """
    left = np.ones(len(relevance), bool)
    nearest = np.zeros(len(relevance))
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        value = np.where(left, (1 - strength) * relevance - strength * nearest, -np.inf)
        best = int(np.argmax(np.round(value, 9)))
        chosen.append(best)
        left[best] = False
        likeness = np.asarray(vectors @ vectors[best], np.float64)
        nearest = likeness if len(chosen) == 1 else np.maximum(nearest, likeness)
    return chosen


def _calibrated(
    relevance: Floats, codes: Codes, wished: Floats, strength: float, k: int
) -> list[int]:
    """Choose so that the list's categories come near the shopper's own (Steck 2018).

    Each next one maximises (1 - strength) x sum of relevance - strength x Kullback-Leibler
    divergence of the list's shares from the wished ones.
    """
    mine = np.flatnonzero(wished)
    target = wished[mine]
    place = np.full(len(wished) + 1, -1)  # code to its place among the shopper's; the last: none
    place[mine] = np.arange(len(mine))
    places = place[codes]
    left = np.ones(len(relevance), bool)
    counts = np.zeros(len(mine))
    total, chosen = 0.0, list[int]()
    while len(chosen) < min(k, len(relevance)):
        # the list's shares if one more of each category came, or one of another (the last row)
        after = np.vstack([counts + np.eye(len(mine)), counts]) / (len(chosen) + 1)
        mixed = (1 - SMOOTHING) * after + SMOOTHING * target
        divergence = (target * np.log(target / mixed)).sum(axis=1)
        value = (1 - strength) * (total + relevance) - strength * divergence[places]
        best = int(np.argmax(np.round(np.where(left, value, -np.inf), 9)))
        chosen.append(best)
        left[best] = False
        total += float(relevance[best])
        if places[best] >= 0:
            counts[places[best]] += 1
    return chosen


def diversify(
    rows: Sequence[int], catalogue: Catalogue, *, k: int, max_per_leaf: int | None = None
) -> list[int]:
    """Return up to k places, in order, at most one of an item group and `max_per_leaf` of a leaf.

    Products held back come after the others, in their order, when there are fewer than k.

    Args:
        rows: Of the products, best first.
        catalogue: Says group and leaf of each.
        k: At most this many.
        max_per_leaf: None for no limit.
    """
    taken: list[int] = []
    held: list[int] = []
    groups: set[str] = set()
    leaves: Counter[int] = Counter()
    for place, row in enumerate(rows):
        leaf, group = int(catalogue.leaf_code[row]), catalogue.products[row].item_group_id
        if (group and group in groups) or (
            max_per_leaf is not None and leaf >= 0 and leaves[leaf] >= max_per_leaf
        ):
            held.append(place)
            continue
        taken.append(place)
        leaves[leaf] += 1
        if group:
            groups.add(group)
        if len(taken) == k:
            return taken
    return [*taken, *held][:k]
