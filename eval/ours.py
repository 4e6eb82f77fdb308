"""Our own scorers under test: fitted on a task's histories, blended by weights tuned on validation.

The blend is the shop's own arithmetic (`retrieval.candidates`, `retrieval.ranking`): every source's
scores are scaled to 0..1 by the product's own `scaled`, the best 200 of each
source are candidates, and the score of a candidate is the weighted sum. A product that no source
names is not ranked, and a case whose answer is not ranked counts 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.baselines import bm25_weights, context_weights, mask
from eval.cli import progress
from eval.data.base import Case, History, NextTask, Rows
from eval.measures import single_target
from retrieval.additive import Weight, contribution
from retrieval.behaviour.association import AssociationScorer, CategoryAssociationScorer
from retrieval.behaviour.base import Context, Interactions
from retrieval.behaviour.item_cf import ItemCFScorer
from retrieval.behaviour.popularity import PopularityScorer
from retrieval.behaviour.sequence import SequenceScorer
from retrieval.candidates import scaled
from retrieval.config import BehaviourConfig, RankingConfig
from retrieval.data.dataset import Catalogue

Floats = NDArray[np.float64]
Score = Callable[[Sequence[Rows]], NDArray[np.float32]]
STEPS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Weights that coordinate ascent tries for each source."""
CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The candidates of many cases, one after the other."""

    sources: tuple[str, ...]
    rows: NDArray[np.int32]
    """Product rows, shape (n_total,)."""
    features: NDArray[np.float32]
    """Scaled source scores, shape (n_total, n_sources)."""
    start: NDArray[np.int64]
    """Where each case begins, shape (n_cases + 1,)."""
    target: NDArray[np.int64]
    """Index into `rows` of each case's answer; -1 if it is no candidate. Shape (n_cases,)."""

    def scores(self, weights: Mapping[str, Weight]) -> NDArray[np.float32]:
        """Return the sum of what each candidate's sources contribute."""
        total = np.zeros(len(self.features), np.float32)
        for column, source in enumerate(self.sources):
            if source in weights:
                total += contribution(weights[source], self.features[:, column]).astype(np.float32)
        return total

    def ranks(self, weights: Mapping[str, Weight]) -> Floats:
        """Return each case's rank of its answer, ties at their middle; infinite if not ranked.

        A candidate scored 0 says nothing and is not ranked.
        """
        scores = self.scores(weights)
        n_cases = len(self.target)
        ranks = np.full(n_cases, np.inf)
        if not len(scores):
            return ranks
        own = np.where(self.target >= 0, scores[self.target], np.inf)
        case = np.repeat(np.arange(n_cases), np.diff(self.start))
        better = np.bincount(case, scores > own[case], minlength=n_cases)
        tied = np.bincount(case, scores == own[case], minlength=n_cases)
        known = (self.target >= 0) & (own > 0)
        ranks[known] = (better + (tied + 1) / 2)[known]
        return ranks

    def best(self, weights: Mapping[str, Weight], k: int) -> list[tuple[NDArray[np.int32], Any]]:
        """Return each case's first k rows and scores, best first."""
        scores = self.scores(weights)
        found = []
        for i in range(len(self.target)):
            here = slice(self.start[i], self.start[i + 1])
            order = np.argsort(-scores[here], kind="stable")[:k]
            order = order[scores[here][order] > 0]
            found.append((self.rows[here][order], scores[here][order]))
        return found


def interactions_of(histories: Sequence[History], n_products: int) -> Interactions:
    """Return the histories as a log of purchases, one shopper and one basket each.

    Where histories have a time (a week), an event's day is the week's; else its step.
    """
    made = Interactions.of_sequences([h.rows for h in histories], n_products)
    if len({h.order for h in histories}) <= 1:
        return made
    day = np.repeat([7.0 * h.order for h in histories], [len(h.rows) for h in histories])
    return Interactions(
        n_products=made.n_products,
        shopper_ids=made.shopper_ids,
        shopper=made.shopper,
        product=made.product,
        type=made.type,
        day=np.asarray(day, float),
        basket=made.basket,
        session=made.session,
        end_day=float(day.max()),
    )


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of our sources: how it is made and which settings are tried."""

    name: str
    make: Callable[..., Any]
    """Called with (**setting); returns an unfitted scorer."""
    grid: Mapping[str, Sequence[Any]]


def behaviour_sources(task: NextTask) -> list[Source]:
    """Return the behaviour scorers that fit the task, with grids no larger than the baselines'."""
    catalogue = Catalogue(task.products)
    recency = [1.0] if task.is_basket else [0.9, 0.8, 0.6, 0.4]
    sources = [
        Source(
            name="popularity",
            make=lambda **s: PopularityScorer(BehaviourConfig(**s)),
            grid={"popularity_half_life_days": [30.0, 60.0, 120.0, 3650.0]},
        ),
        Source(
            name="item_cf",
            make=lambda **s: ItemCFScorer(BehaviourConfig(neighbours=200), **s),
            grid={"shrinkage": [1.0, 5.0, 20.0], "recency": recency}
            if not task.is_basket
            else {"shrinkage": [5.0, 50.0], "recency": [1.0], "activity_power": [0.0, 0.5, 1.0]},
        ),
    ]
    if task.is_basket:
        sources.append(
            Source(
                name="association",
                make=lambda damping: AssociationScorer(
                    BehaviourConfig(damping=damping, neighbours=200)
                ),
                grid={"damping": [1.0, 5.0, 50.0]},
            )
        )
        if len(catalogue.leaves) < len(task.products):
            sources.append(
                Source(
                    name="category_association",
                    make=lambda: CategoryAssociationScorer(
                        catalogue.leaf_code, len(catalogue.leaves), BehaviourConfig(min_support=3)
                    ),
                    grid={},
                )
            )
    else:
        sources.append(
            Source(
                name="sequence",
                make=lambda **s: SequenceScorer(BehaviourConfig(neighbours=200), **s),
                grid={"window": [3, 10, 20], "recency": recency},
            )
        )
    return sources


def fitted(source: Source, setting: Mapping[str, Any], log: Interactions) -> Score:
    """Return the fitted scorer as a function of contexts."""
    scorer = source.make(**setting).fit(log)

    def score(contexts: Sequence[Rows]) -> NDArray[np.float32]:
        asked = (Context(history=np.array(rows, np.int64)) for rows in contexts)
        return np.stack([scorer.score(context) for context in asked])

    return score


def semantic_score(vectors: NDArray[np.float32], recency: float = 1.0, last: int = 5) -> Score:
    """Cosine to the mean vector of the last products, negatives as 0."""

    def score(contexts: Sequence[Rows]) -> NDArray[np.float32]:
        mean = np.stack(
            [
                np.average(
                    vectors[list(rows[-last:])],
                    axis=0,
                    weights=recency ** np.arange(len(rows[-last:]))[::-1].astype(float),
                )
                for rows in contexts
            ]
        )
        size = np.linalg.norm(mean, axis=1, keepdims=True)
        mean = (mean / np.maximum(size, 1e-9)).astype(np.float32)
        return np.maximum(mean @ vectors.T, 0.0)

    return score


def lexical_score(task: NextTask, recency: float = 1.0) -> Score:
    """BM25 of all products for the titles and categories of the context."""
    weights, words = bm25_weights(task, k1=1.2, b=0.5, title_only=True)

    def score(contexts: Sequence[Rows]) -> NDArray[np.float32]:
        asked = context_weights(contexts, len(task.products), recency) @ words
        return np.asarray((asked @ weights.T).toarray(), np.float32)

    return score


def pack(
    task: NextTask,
    cases: Sequence[Case],
    scores: Mapping[str, Score],
    *,
    per_source: int = RankingConfig().candidates_per_source,
    label: str = "candidates",
) -> Packed:
    """Score the cases by every source and keep the candidates."""
    sources = tuple(scores)
    rows: list[NDArray[np.int32]] = []
    features: list[NDArray[np.float32]] = []
    target: list[int] = []
    start = [0]
    chunks = range(0, len(cases), CHUNK)
    for begin in progress(chunks, label, len(chunks)):
        chunk = cases[begin : begin + CHUNK]
        contexts = [case.context for case in chunk]
        stack = np.stack([_scaled(name, scores[name](contexts), task, chunk) for name in sources])
        for i, case in enumerate(chunk):
            own = stack[:, i, :]
            kept = np.unique(np.concatenate([_best(s, per_source) for s in own]))
            rows.append(kept.astype(np.int32))
            features.append(own[:, kept].T)
            place = np.searchsorted(kept, case.target)
            found = place < len(kept) and kept[place] == case.target
            target.append(start[-1] + int(place) if found else -1)
            start.append(start[-1] + len(kept))
    n_sources = len(sources)
    return Packed(
        sources=sources,
        rows=np.concatenate(rows) if rows else np.zeros(0, np.int32),
        features=np.concatenate(features) if rows else np.zeros((0, n_sources), np.float32),
        start=np.array(start, np.int64),
        target=np.array(target, np.int64),
    )


def _scaled(
    name: str, raw: NDArray[np.float32], task: NextTask, cases: Sequence[Case]
) -> NDArray[np.float32]:
    """Mask, and scale with the product's own `scaled`."""
    scores = np.array(raw, np.float32)
    mask(scores, task, cases)
    scores[~np.isfinite(scores)] = 0.0
    return scaled(name, scores)


def _best(scores: NDArray[np.float32], limit: int) -> NDArray[np.int64]:
    positive = np.flatnonzero(scores > 0)
    if len(positive) <= limit:
        return positive
    return positive[np.argpartition(-scores[positive], limit)[:limit]]


def tune_source(source: Source, task: NextTask, log: Interactions) -> dict[str, Any]:
    """Choose a source's setting alone, by nDCG@10 on the tuning cases."""
    best: tuple[float, dict[str, Any]] = (-1.0, {})
    for values in itertools.product(*source.grid.values()):
        setting = dict(zip(source.grid, values, strict=True))
        score = {source.name: fitted(source, setting, log)}
        value = ndcg(pack(task, task.tune_cases, score, label=source.name), {source.name: 1.0})
        if value > best[0]:
            best = (value, setting)
    return best[1]


def tune_weights(packed: Packed, first: Mapping[str, float], rounds: int = 3) -> dict[str, float]:
    """Return weights by coordinate ascent on nDCG@10, from `first` or the best single source.

    Stops when a round changes nothing. The result is scaled so that the largest weight is 1.
    """
    starts = [dict(first), *({source: 1.0} for source in packed.sources)]
    weights = max(starts, key=lambda w: ndcg(packed, w))
    weights = {source: weights.get(source, 0.0) for source in packed.sources}
    value = ndcg(packed, weights)
    for _ in range(rounds):
        before = value
        for source in packed.sources:
            for step in STEPS:
                trial = {**weights, source: step}
                found = ndcg(packed, trial)
                if found > value:
                    weights, value = trial, found
        if value <= before:
            break
    top = max(weights.values()) or 1.0
    return {source: round(weight / top, 4) for source, weight in weights.items()}


def ndcg(packed: Packed, weights: Mapping[str, float]) -> float:
    """Return the mean nDCG@10 of a blend."""
    ranks = packed.ranks(weights)
    return float(single_target(ranks)["nDCG@10"].mean()) if len(ranks) else 0.0
