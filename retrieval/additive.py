"""A ranker that is a sum of curves: one non-decreasing, piecewise linear curve for each source.

Learned as a conditional logit (McFadden 1974; the listwise loss of Cao et al. 2007 with one right
answer): the chance that the shopper takes product i among the candidates is softmax(sum over
sources of curve(score)). Coefficients are not negative, so that

- a part is never negative, and the parts add up to the score exactly: what the reasons say is what
  the ranker did;
- taking a record away can only lower a product, never raise it;
- no product gains from being unknown: "never bought so far" is no argument in favour, although on
  a log it can look like one.

The penalty pulls towards the weights that were set by hand, at the scale that fits best: where the
log says little they stay nearly as they are, where it says much it is followed. The loss is convex,
so the result does not depend on where the search begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

MEASURE_AT = 10
QUANTILES = (0.5, 0.8, 0.95, 0.99)
"""Bends of a curve, as quantiles of a source's positive scores."""
MIN_SCORES = 50
"""With fewer positive scores a curve is a straight line."""
PULL = 4.0
"""Penalty on the squared distance from the prior, beside the summed loss of all questions."""
SCALES = np.geomspace(0.5, 64, 15)
"""Tried for the weights set by hand: how much of a difference in score makes a choice certain."""
MAX_ITERATIONS = 200
STEPS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
ROUNDS = 2
NEGLIGIBLE = 0.03
"""A source whose curve stays below this share of the highest one is not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Non-decreasing and piecewise linear: 0 at score 0."""

    x: tuple[float, ...]
    """Scores, ascending, from 0 to 1."""
    y: tuple[float, ...]
    """Contribution at each of them; the first is 0."""

    def __call__(self, scores: Floats) -> NDArray[np.float64]:
        """Return the contribution of scores 0 to 1, of the same shape."""
        return np.interp(scores, self.x, self.y)


Weight = float | Curve
"""How a source counts: times a number, or by a curve."""


def contribution(weight: Weight, scores: Floats) -> NDArray[np.float64]:
    """Return what scores of a source add to the total."""
    if isinstance(weight, Curve):
        return weight(scores)
    return np.asarray(weight * scores.astype(np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Questions with their candidates, one after the other; one of them was taken."""

    sources: tuple[str, ...]
    scores: Floats
    """Scaled to 0..1, shape (n_candidates, n_sources)."""
    start: NDArray[np.int64]
    """Where each question begins, shape (n_questions + 1,)."""
    taken: NDArray[np.int64]
    """Row of `scores` that was taken, -1 if it is no candidate: shape (n_questions,)."""
    counts: NDArray[np.float32]
    """How many candidates each stands for: shape (n_candidates,), 1 unless they were sampled."""

    @property
    def question(self) -> NDArray[np.int64]:
        """The question of each candidate, shape (n_candidates,)."""
        return np.repeat(np.arange(len(self.taken)), np.diff(self.start))

    def part(self, questions: Sequence[int]) -> Choices:
        """Return some of the questions."""
        spans = [np.arange(self.start[q], self.start[q + 1]) for q in questions]
        rows = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        start = np.concatenate([[0], np.cumsum([len(s) for s in spans])]).astype(np.int64)
        taken = [
            -1 if self.taken[q] < 0 else start[i] + self.taken[q] - self.start[q]
            for i, q in enumerate(questions)
        ]
        return Choices(
            sources=self.sources,
            scores=self.scores[rows],
            start=start,
            taken=np.array(taken, np.int64),
            counts=self.counts[rows],
        )

    def only(self, sources: Sequence[str]) -> Choices:
        """Return the same questions with some of the sources."""
        columns = [self.sources.index(source) for source in sources]
        return Choices(
            sources=tuple(sources),
            scores=self.scores[:, columns],
            start=self.start,
            taken=self.taken,
            counts=self.counts,
        )

    def ranks(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rank of what was taken, ties at their middle; infinite if it has no score."""
        n, question = len(self.taken), self.question
        own = np.where(self.taken >= 0, total[self.taken], np.inf) if n else np.zeros(0)
        better = np.bincount(question, self.counts * (total > own[question]), minlength=n)
        tied = np.bincount(question, self.counts * (total == own[question]), minlength=n)
        return np.where((self.taken >= 0) & (own > 0), better + (tied + 1) / 2, np.inf)

    def totals(self, weights: Mapping[str, Weight]) -> NDArray[np.float64]:
        """Return the score of every candidate, shape (n_candidates,)."""
        total = np.zeros(len(self.scores))
        for column, source in enumerate(self.sources):
            if source in weights:
                total += contribution(weights[source], self.scores[:, column])
        return total


def fit_additive(
    choices: Choices, prior: Mapping[str, float], *, pull: float = PULL
) -> dict[str, Curve]:
    """Learn a curve for each source that helps, from what was taken.

    Sources that add next to nothing are left out and the others learned again. Questions whose
    answer is no candidate say nothing. Curves are scaled so that the highest value of any is 1:
    only the order counts.

    Args:
        choices: What there was to choose from.
        prior: Source to the weight that holds until the choices say otherwise.
        pull: See `PULL`.
    """
    curves = _fit(choices, prior, pull)
    top = max((curve.y[-1] for curve in curves.values()), default=0.0)
    kept = [s for s in choices.sources if s in curves and curves[s].y[-1] > NEGLIGIBLE * top]
    return curves if len(kept) == len(curves) else _fit(choices.only(kept), prior, pull)


def sharpen(choices: Choices, curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Stretch whole curves so that the first ten places get better; likelihood looks at all places.

    Coordinate ascent on nDCG@10 over one factor a source (Metzler and Croft 2007), from the curves
    or from a straight line for the one source that ranks best alone.
    """
    lines = {source: Curve(x=(0.0, 1.0), y=(0.0, 1.0)) for source in choices.sources}
    known = {source: curves.get(source, lines[source]) for source in choices.sources}
    columns = np.stack(
        [known[s](choices.scores[:, c]) for c, s in enumerate(choices.sources)], axis=1
    ).astype(np.float32)
    starts = [np.array([float(s in curves) for s in choices.sources], np.float32)]
    starts += list(np.eye(len(choices.sources), dtype=np.float32))
    values = [_ndcg(choices, columns @ start) for start in starts]
    factors, best = starts[int(np.argmax(values))].copy(), max(values)
    for _ in range(ROUNDS):
        before = best
        for c in range(len(factors)):
            rest = columns @ factors - factors[c] * columns[:, c]
            tried = [_ndcg(choices, rest + step * columns[:, c]) for step in STEPS]
            if max(tried) > best:
                factors[c], best = STEPS[int(np.argmax(tried))], max(tried)
        if best <= before:
            break
    made = {
        source: Curve(x=known[source].x, y=tuple(float(f) * y for y in known[source].y))
        for source, f in zip(choices.sources, factors, strict=True)
        if f > 0
    }
    top = max((curve.y[-1] for curve in made.values()), default=0.0) or 1.0
    return {
        source: Curve(x=curve.x, y=tuple(round(y / top, 6) for y in curve.y))
        for source, curve in made.items()
        if curve.y[-1] > NEGLIGIBLE * top
    }


def place(scores: Floats, taken: int) -> float:
    """Return the rank of one of the scores, ties at their middle; infinite if it is 0."""
    own = scores[taken]
    if own <= 0:
        return float("inf")
    return float((scores > own).sum()) + (float((scores == own).sum()) + 1) / 2


def gains(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return nDCG@10 of questions with one right answer, from its ranks; of the same shape."""
    gain = 1 / np.log2(1 + np.minimum(ranks, MEASURE_AT + 1))
    return np.where(ranks <= MEASURE_AT, gain, 0.0)


def _ndcg(choices: Choices, total: Floats) -> float:
    return float(gains(choices.ranks(np.asarray(total, np.float64))).mean())


def _fit(choices: Choices, prior: Mapping[str, float], pull: float) -> dict[str, Curve]:
    """Learn the curves of all sources; those that come out as nothing are left out."""
    known = choices.part([int(q) for q in np.flatnonzero(choices.taken >= 0)])
    bends = [_bends(known.scores[:, c]) for c in range(len(choices.sources))]
    design, owner = _ramps(known.scores, bends)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))  # the straight line of each source
    given = np.zeros(design.shape[1])
    given[begins] = [prior.get(source, 0.0) for source in choices.sources]
    found = _maximise(design, known, pull / max(1, len(known.taken)), given)
    grids = [np.array([0.0, *own, 1.0]) for own in bends]
    values = [
        _ramps(grid[:, None], [own])[0] @ found[owner == c]
        for c, (grid, own) in enumerate(zip(grids, bends, strict=True))
    ]
    top = max((float(v[-1]) for v in values), default=0.0) or 1.0
    return {
        source: Curve(
            x=tuple(float(x) for x in grid), y=tuple(round(float(y) / top, 6) for y in value)
        )
        for source, grid, value in zip(choices.sources, grids, values, strict=True)
        if value[-1] > 0
    }


def _bends(scores: Floats) -> list[float]:
    positive = scores[scores > 0]
    if len(positive) < MIN_SCORES:
        return []
    found = np.quantile(positive, QUANTILES).round(6)
    return [float(x) for x in np.unique(found) if 1e-6 < x < 1 - 1e-6]


def _ramps(scores: Floats, bends: Sequence[Sequence[float]]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the straight line of each source, and up to and from each of its bends.

    Returns:
        Ramps of shape (n_candidates, n_ramps), each from 0 to 1; the column each belongs to.
    """
    columns: list[Floats] = []
    owner: list[int] = []
    for c, own in enumerate(bends):
        score = scores[:, c]
        columns.append(score)
        for bend in own:
            columns.append(np.minimum(score, bend) / bend)
            columns.append(np.maximum(score - bend, 0).astype(score.dtype) / (1 - bend))
        owner += [c] * (1 + 2 * len(own))
    if not columns:
        return np.zeros((len(scores), 0), np.float32), np.zeros(0, np.int64)
    return np.stack(columns, axis=1), np.array(owner, np.int64)


def _maximise(
    design: Floats, choices: Choices, l2: float, given: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the coefficients, none negative, with the highest penalised likelihood."""
    from scipy.optimize import minimize

    n_questions = len(choices.taken)
    if not n_questions or not design.shape[1]:
        return np.zeros(design.shape[1])
    first, question = choices.start[:-1], choices.question
    taken = design[choices.taken].sum(axis=0)

    def misfit(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        utility = design @ weights.astype(np.float32)
        top = np.maximum.reduceat(utility, first)
        odds = choices.counts * np.exp(utility - top[question])
        size = np.add.reduceat(odds, first)
        chosen = utility[choices.taken] - top - np.log(size)
        slope = taken - design.T @ (odds / size[question])
        return float(-chosen.mean()), np.asarray(-slope / n_questions, np.float64)

    scale = min(SCALES, key=lambda s: misfit(s * given)[0]) if given.any() else 0.0
    prior = scale * given

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        off = weights - prior
        value, slope = misfit(weights)
        return value + float(l2 * (off**2).sum()), slope + 2 * l2 * off

    found = minimize(
        loss,
        prior + 0.01,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(given),
        options={"maxiter": MAX_ITERATIONS},
    )
    return np.asarray(found.x)
