"""Learn from the shop's own past how its sources are to be weighed, and keep it only if it helps.

    cut the log → fit scorers on what lies before → choose their settings → ask what came after
    → learn curves on the earlier questions → judge on the later ones → keep the better way

Everything is asked as a shopper's visit would ask it: same plan, same constraints, same sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from retrieval.additive import Choices, Curve, Weight, fit_additive, gains, place, sharpen
from retrieval.behaviour.base import Interactions, Scorer
from retrieval.behaviour.fitting import (
    GRIDS,
    TRIED,
    Behaviour,
    Setting,
    fit_scorer,
    fitted,
    make_behaviour,
    make_scorer,
)
from retrieval.candidates import generate
from retrieval.eligibility import eligible
from retrieval.filters import Mask
from retrieval.learned import Learned, for_known
from retrieval.plan import (
    PERSONAL,
    SOURCES,
    WORDS,
    Plan,
    configured_weights,
    make_plan,
)
from retrieval.store import Store
from retrieval.tuning.carry import MOST_ASKED, carried
from retrieval.tuning.questions import Held, Question, hold_out
from retrieval.workers import HERE, Workers

MIN_QUESTIONS = 100
"""With fewer questions the configured weights stay."""
QUESTIONS_FOR_SETTINGS = 300
MOST_SCORED = 20_000_000
"""Products scored for the questions of a task: a large shop asks fewer."""
BEST_OF_SOURCE, OF_THE_REST = 20, 50
"""Curves are learned on a question's best candidates by each source and as many drawn from the
rest, which stand for all of it. Leaving the rest out biases the curves."""
ANSWERS = (*WORDS, "subject")
LIKED_SHARE = 0.25
"""Search: what many like (sales, ratings) weighs at most this share of what answers the wish.
Clicks alone would trust it more and show what nobody asked for (eval/results/search.md)."""
SURELY = 0.3
"""Learned curves are kept if they are better with at least this probability (bootstrap). They begin
at the configured weights, so a tie costs nothing."""
N_BOOTSTRAP = 1_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question, resolved on the store as it was."""

    plan: Plan
    mask: Mask
    taken: int


def learn(
    store: Store, *, seed: int = 0, workers: Workers = HERE
) -> tuple[Behaviour | None, Learned]:
    """Return what suits the store: scorers with chosen settings, unfitted, and curves.

    Args:
        store: A store whose tables and indexes are ready; its behaviour is not looked at.
        seed: Of the draws.
        workers: Who fits scorers and curves.

    Returns:
        The scorers, over the whole log, and the curves with their report. None and nothing learned
        where the log holds too little.
    """
    config = store.config.learning
    log = store.behaviour.interactions
    affordable = max(2 * MIN_QUESTIONS, MOST_SCORED // max(1, len(store.catalogue)))
    most = min(config.max_questions, affordable)
    held = hold_out(store.dataset, log, seed=seed, max_questions=most)
    if not any(len(found) >= MIN_QUESTIONS for found in held.questions.values()):
        return None, Learned()
    settings, values = _choose_settings(store, held, workers)
    vectors = np.asarray(store.product_vectors.vectors, np.float32)
    tried = (*TRIED, "self_attention") if config.self_attention else TRIED
    known = make_behaviour(held.past, store.catalogue, store.config, settings, tried, vectors)
    past = replace(store, behaviour=fitted(known, workers), learned=Learned())
    curves: dict[str, Mapping[str, Curve]] = {}
    report: dict[str, Any] = {}
    lent: dict[str, float] = {}
    is_met = np.bincount(log.product, minlength=log.n_products) > 0
    asked_enough = (
        (_readings(past, task, questions, seed), configured_weights(past, task))
        for task, questions in held.questions.items()
        if len(questions) >= MIN_QUESTIONS
    )
    learned = workers.map(_learn_task, asked_enough, seed)
    for task, questions in held.questions.items():
        if len(questions) < MIN_QUESTIONS:
            report[task] = {"questions": len(questions), "taken": "before"}
            continue
        found, reports = next(learned)
        curves |= found
        report |= reports
        weights = curves.get(task, configured_weights(past, task))
        asked = _resolved(past, questions[-MOST_ASKED:])
        plans = [(a.plan, a.mask, a.taken) for a in asked]
        share = carried(past, plans, weights, is_met)
        if share is not None:
            lent[task], report[task]["carried"] = share
    used = {source for found in curves.values() for source in found}
    more = [name for name in tried if name in used]
    settings = {name: s for name, s in settings.items() if name not in tried or name in used}
    behaviour = make_behaviour(log, store.catalogue, store.config, settings, more, vectors)
    return behaviour, Learned(
        curves=curves, carried=lent, report={"tasks": report, "settings": values}
    )


# Settings of the scorers --------------------------------------------------------------------------


def _choose_settings(
    store: Store, held: Held, workers: Workers
) -> tuple[dict[str, Setting], dict[str, Any]]:
    """Return, for each scorer with a choice, the setting that ranks best alone."""
    plain = fitted(make_behaviour(held.past, store.catalogue, store.config), workers)
    past = replace(store, behaviour=plain, learned=Learned())
    asked = [
        found
        for task in ("next_product", "basket", "cross_sell")
        for found in _resolved(past, held.questions[task][:QUESTIONS_FOR_SETTINGS])
    ]
    scorers = (
        make_scorer(name, store.catalogue, store.config, setting)
        for name, grid in GRIDS.items()
        for setting in grid
    )
    found = workers.map(_value, scorers, held.past, asked)
    settings: dict[str, Setting] = {}
    tried: dict[str, Any] = {}
    for name, grid in GRIDS.items():
        values = [next(found) for _ in grid]
        best = int(np.argmax(values))
        if grid[best]:
            settings[name] = grid[best]
        tried[name] = [
            {"setting": dict(s), "nDCG@10": round(v, 4)} for s, v in zip(grid, values, strict=True)
        ]
    return settings, tried


def _value(scorer: Scorer, past: Interactions, asked: Sequence[Asked]) -> float:
    """Return the nDCG@10 of a scorer alone, fitted on the past."""
    fit_scorer(scorer, past)
    ranks = [place(np.where(a.mask, scorer.score(a.plan.context), 0), a.taken) for a in asked]
    return float(gains(np.array(ranks)).mean()) if ranks else 0.0


# Curves of the sources ----------------------------------------------------------------------------


def _readings(
    store: Store, task: str, questions: Sequence[Question], seed: int
) -> dict[str, Choices]:
    """Return the questions as anybody may have asked them, and those of known shoppers as theirs.

    To anybody the sources that rest on the shopper's own records say nothing.
    """
    rng = np.random.default_rng(seed)
    asked = list(_resolved(store, questions))
    choices = _gather(store, asked, SOURCES[task], rng)
    anybody = choices.only([source for source in choices.sources if source not in PERSONAL])
    named = [i for i, question in enumerate(asked) if question.plan.profile is not None]
    if len(named) < MIN_QUESTIONS or len(anybody.sources) == len(choices.sources):
        return {task: anybody}
    return {task: anybody, for_known(task): choices.part(named)}


def _learn_task(
    asked: tuple[Mapping[str, Choices], Mapping[str, float]], seed: int
) -> tuple[dict[str, Mapping[str, Curve]], dict[str, Any]]:
    """Return the curves of a task's readings that beat what there was before, and their numbers.

    Dense algebra takes one thread: its sums then round alike on any number of cores.
    """
    readings, configured = asked
    before: Mapping[str, Weight] = configured
    curves: dict[str, Mapping[str, Curve]] = {}
    report: dict[str, Any] = {}
    for name, choices in readings.items():
        with threadpool_limits(limits=1, user_api="blas"):
            found, before, report[name] = _learn_curves(
                choices, configured, before, seed, must_answer=name == "search"
            )
        if found is not None:
            curves[name] = found
    return curves, report


def _learn_curves(
    choices: Choices,
    configured: Mapping[str, float],
    before: Mapping[str, Weight],
    seed: int,
    *,
    must_answer: bool = False,
) -> tuple[Mapping[str, Curve] | None, Mapping[str, Weight], dict[str, Any]]:
    """Return the curves if they beat what there was before, what was taken, and all numbers.

    What was taken is given as it stood when it was judged: it has not seen the later questions.
    """
    rng = np.random.default_rng(seed)
    n = len(choices.taken)
    earlier, later = choices.part(range(n // 2)), choices.part(range(n // 2, n))
    starts = {"configured": configured, "single": _best_alone(earlier)}
    learned = _taught(earlier, starts, must_answer=must_answer)
    ways: dict[str, Mapping[str, Weight]] = {
        "before": before,
        **learned,
        **{f"only {source}": {source: 1.0} for source in choices.sources},
    }
    values = {name: gains(later.ranks(later.totals(way))) for name, way in ways.items()}
    better = max(learned, key=lambda name: float(values[name].mean()))
    surely = _chance_better(values[better], values["before"], rng)
    report = {
        "questions": n,
        "answer_is_candidate": round(float((choices.taken >= 0).mean()), 4),
        "nDCG@10": {name: round(float(found.mean()), 4) for name, found in values.items()},
        "learned_is_better": round(surely, 3),
        "taken": better if surely >= SURELY else "before",
    }
    if surely < SURELY:
        return None, before, report
    start = better.rpartition(" ")[2]
    taught = _taught(choices, {start: starts[start]}, must_answer=must_answer)
    return taught[better], learned[better], report


def _taught(
    choices: Choices, starts: Mapping[str, Mapping[str, float]], *, must_answer: bool
) -> dict[str, Mapping[str, Curve]]:
    """Return curves from each start, as they are likeliest and sharpened on the first places."""
    found: dict[str, Mapping[str, Curve]] = {}
    for name, start in starts.items():
        curves = fit_additive(choices, start)
        found |= {
            f"learned from {name}": curves,
            f"sharpened from {name}": sharpen(choices, curves),
        }
    return {name: _answering(curves) for name, curves in found.items()} if must_answer else found


def _answering(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Return the curves with those of what many like lowered to `LIKED_SHARE`."""
    top = {source: curve.y[-1] for source, curve in curves.items()}
    answers = sum(y for source, y in top.items() if source in ANSWERS)
    liked = sum(top.values()) - answers
    scale = min(1.0, LIKED_SHARE * answers / liked) if liked else 1.0
    return {
        source: curve
        if source in ANSWERS
        else replace(curve, y=tuple(round(scale * y, 6) for y in curve.y))
        for source, curve in curves.items()
    }


def _best_alone(choices: Choices) -> dict[str, float]:
    """Return the source that ranks best by itself, as weights."""
    alone = [{source: 1.0} for source in choices.sources]
    return max(alone, key=lambda w: gains(choices.ranks(choices.totals(w))).mean(), default={})


def _resolved(store: Store, questions: Sequence[Question]) -> Iterator[Asked]:
    for question in questions:
        plan = make_plan(store, question.query)
        mask = eligible(store, plan)
        if mask[question.taken]:  # what may not be shown cannot be ranked
            yield Asked(plan=plan, mask=mask, taken=question.taken)


def _gather(
    store: Store,
    questions: Sequence[Asked],
    sources: Sequence[str],
    rng: np.random.Generator,
) -> Choices:
    """Score each question's candidates by every source; of those that none ranks high a sample."""
    weights = dict.fromkeys(sources, 1.0)
    blocks: list[NDArray[np.float32]] = []
    counts: list[NDArray[np.float32]] = []
    taken: list[int] = []
    start = [0]
    for asked in questions:
        found = generate(store, asked.plan, weights, asked.mask)
        block = np.zeros((len(found.rows), len(sources)), np.float32)
        for column, source in enumerate(sources):
            if source in found.scores:
                block[:, column] = found.scores[source]
        row = int(np.searchsorted(found.rows, asked.taken))
        is_there = row < len(found.rows) and found.rows[row] == asked.taken
        stands_for = _drawn(block, row if is_there else None, rng)
        kept = np.flatnonzero(stands_for)
        blocks.append(block[kept])
        counts.append(stands_for[kept])
        taken.append(start[-1] + int(np.searchsorted(kept, row)) if is_there else -1)
        start.append(start[-1] + len(kept))
    scores = np.concatenate(blocks) if blocks else np.zeros((0, len(sources)), np.float32)
    used = [source for c, source in enumerate(sources) if scores[:, c].any()]
    return Choices(
        sources=tuple(sources),
        scores=scores,
        start=np.array(start, np.int64),
        taken=np.array(taken, np.int64),
        counts=np.concatenate(counts) if counts else np.zeros(0, np.float32),
    ).only(used)


def _drawn(
    block: NDArray[np.float32], taken: int | None, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return how many candidates each stands for, 0 if it is left out: shape (n_candidates,).

    The likelihood of a choice among all is estimated from a sample when each candidate drawn
    counts for those that were not (McFadden 1978, sampling of alternatives).
    """
    n = len(block)
    counts = np.zeros(n, np.float32)
    k = min(BEST_OF_SOURCE, n)
    if k:
        best = np.argpartition(-block, k - 1, axis=0)[:k]
        counts[best[np.take_along_axis(block, best, axis=0) > 0]] = 1
    if taken is not None:
        counts[taken] = 1
    rest = np.flatnonzero(counts == 0)
    drawn = rest if len(rest) <= OF_THE_REST else rng.choice(rest, OF_THE_REST, replace=False)
    counts[drawn] = len(rest) / max(1, len(drawn))
    return counts


def _chance_better(
    one: NDArray[np.float64], other: NDArray[np.float64], rng: np.random.Generator
) -> float:
    """Return how often the mean of `one` is higher over bootstrap draws of the questions."""
    difference = one - other
    if not len(difference) or not difference.any():
        return 0.0
    drawn = rng.integers(len(difference), size=(N_BOOTSTRAP, len(difference)))
    return float((difference[drawn].mean(axis=1) > 0).mean())
