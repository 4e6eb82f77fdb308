"""Are explanations faithful? Changes run anew; what is cited removed, and as much that is not.

A suggestion's records are removed from the raw rows, what reads them is fitted again, and the
suggestion is scored again at the scale of its first run (`eval.removal`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.cited import RawEvidence
from eval.cli import progress
from eval.measured import MeasuredSystem, MeasuredTask, floor_of
from eval.removal import Removal, Scale, rank_of, without
from eval.significance import Interval
from retrieval.behaviour.discovery import wilson
from retrieval.evidence import Evidence
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store

KINDS = ("search", "cross_sell", "similar", "upsell", "basket")
FALL = 0.001
"""A score is lower if it falls by more than this share of itself."""
TOP = 5
"""The suggestion is drawn from so many places."""
LATER = 20
"""A product that is not shown is drawn from so many places after the slate, or from all."""


def questions(store: Store, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Query]]:
    """Yield kind and query, `n` in all: every kind in turn, with and without a shopper."""
    ids = store.catalogue.product_ids
    log = store.dataset.events
    wishes = sorted(set(log.filter(log["type"] == "search")["search_text"].drop_nulls()))
    wishes = wishes or sorted({p.leaf for p in store.catalogue.products if p.leaf})
    known = sorted(store.behaviour.profiles.shopper_ids)
    bought = np.flatnonzero(store.behaviour.popularity.n_buyers > 0)
    for i in range(n):
        kind = KINDS[i % len(KINDS)]
        shopper = str(rng.choice(known)) if known and i // len(KINDS) % 2 else None
        named = tuple(ids[row] for row in rng.choice(bought, 2, replace=False))
        asked: dict[str, Any] = {"anchors": named[:1], "offer_kind": kind}
        if kind == "search":
            asked = {"text": str(rng.choice(wishes))}
        elif kind == "basket":
            asked = {"basket": named}
        yield kind, Query(query_id=f"q{i}", shopper_id=shopper, **asked)


# what would change it


def changes_task(store: Store, again: Store, *, seed: int, n: int) -> MeasuredTask:
    """Run every stated change anew in another open store."""
    rng, recommender, fresh = np.random.default_rng(seed), Recommender(store), Recommender(again)
    by_steps: dict[str, list[bool]] = defaultdict(list)
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for _, query in progress(questions(store, n, rng), "what would change it", n):
        for product_id in _left_out(recommender, query, rng):
            answer = recommender.why_not(query, product_id)
            if answer.verdict == "shown":
                continue
            verdicts[answer.verdict].append(answer.change is not None)
            if answer.change is None:
                continue
            slate = fresh.recommend(answer.change.query)
            steps = " + ".join(f"{step.kind} {step.field}" for step in answer.change.steps)
            shown = {s.product_id for s in slate.suggestions}
            by_steps[steps].append(product_id in shown)
    told = [shown for found in by_steps.values() for shown in found]
    asked = [has for found in verdicts.values() for has in found]
    measures = {"reproduced": _share(told), "change found": _share(asked)}
    return MeasuredTask(
        name="changes",
        question="Does the stated change bring the product in when it is run anew?",
        split=f"{n} queries, products after the slate and at random, seed {seed}",
        data_hash=store.manifest.store_hash,
        systems=[MeasuredSystem(name="whycart", measures=measures, is_baseline=False)],
        ours="whycart",
        headline="reproduced",
        n=len(told),
        floors=[floor_of("changes", "reproduced", measures["reproduced"].value, 1.0, "all")],
        facts={
            "asked, by what kept it out": {k: _counts(v) for k, v in sorted(verdicts.items())},
            "reproduced, by change": {k: _counts(v) for k, v in sorted(by_steps.items())},
        },
    )


def _left_out(recommender: Recommender, query: Query, rng: np.random.Generator) -> list[str]:
    """Return one product that ranked after the slate, and one of all."""
    ids = recommender.store.catalogue.product_ids
    ranked = [c.row for c in recommender.ranked(recommender.plan(query))]
    later = ranked[query.k : query.k + LATER]
    found = [ids[int(rng.choice(later))]] if later else []
    return [*found, ids[int(rng.integers(len(ids)))]]


# removal


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One removal: what a suggestion scored before and after, and where it stood."""

    kind: str
    """Of the records removed; `all` that are cited."""
    task: str
    before: float
    cited: float
    control: float
    ranks: tuple[int | None, int | None, int | None]

    def falls(self, after: float, by: float = FALL) -> bool:
        """Whether the score after is lower."""
        return self.before - after > by * abs(self.before) + 1e-9


def removal_task(store: Store, *, seed: int, n: int) -> MeasuredTask:
    """Remove what is cited, and as much that is not, and score again."""
    cases = list(_cases(store, seed=seed, n=n))
    whole = [case for case in cases if case.kind == "all"]
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_kind[case.kind if case.kind != "all" else f"all, {case.task}"].append(case)
    cited = {"lower": _share([c.falls(c.cited) for c in whole])}
    control = {"lower": _share([c.falls(c.control) for c in whole])}
    for kind, found in sorted(by_kind.items()):
        cited[f"lower: {kind}"] = _share([c.falls(c.cited) for c in found])
        control[f"lower: {kind}"] = _share([c.falls(c.control) for c in found])
    return MeasuredTask(
        name="removal",
        question="Does a suggestion score lower without the records that are cited for it?",
        split=f"{n} queries, one suggestion of the first {TOP} each, seed {seed}",
        data_hash=store.manifest.store_hash,
        systems=[
            MeasuredSystem(name="cited", measures=cited, is_baseline=False),
            MeasuredSystem(name="uncited", measures=control),
        ],
        ours="cited",
        headline="lower",
        n=len(whole),
        floors=[
            floor_of("removal", "cited", cited["lower"].value, 0.95, "issue"),
            floor_of("removal", "uncited", control["lower"].value, 0.20, "issue", is_upper=True),
        ],
        facts={
            "queries without a slate, a record or anything beside it": n - len(whole),
            "cases by kind": {kind: len(found) for kind, found in sorted(by_kind.items())},
            "lower at all, cited": _counts([c.falls(c.cited, 0) for c in whole]),
            "lower at all, uncited": _counts([c.falls(c.control, 0) for c in whole]),
            "median fall of the score": {
                "cited": _median_fall(whole, [c.cited for c in whole]),
                "uncited": _median_fall(whole, [c.control for c in whole]),
            },
            "place lost": {
                "cited": _counts([_is_later(c.ranks[0], c.ranks[1]) for c in whole]),
                "uncited": _counts([_is_later(c.ranks[0], c.ranks[2]) for c in whole]),
            },
        },
        notes=[
            f"Lower: by more than {FALL:.1%} of the score, each source at the scale of its first "
            "run; places are those of a fresh run.",
        ],
    )


def _cases(store: Store, *, seed: int, n: int) -> Iterator[Case]:
    rng, recommender = np.random.default_rng(seed), Recommender(store)
    raw = RawEvidence(store, rng)
    for kind, query in progress(questions(store, n, rng), "removal", n):
        slate = recommender.recommend(query)
        if not slate.suggestions:
            continue
        chosen = slate.suggestions[int(rng.integers(min(TOP, len(slate.suggestions))))]
        answer = recommender.why(query, chosen.product_id)
        if answer is None or not answer.cited:
            continue
        one = answer.cited[int(rng.integers(len(answer.cited)))]
        scale = Scale(store, query)
        for name, facts in (("all", answer.cited), (one.kind, (one,))):
            case = _case(scale, raw, chosen.product_id, facts, name, kind)
            if case is not None:
                yield case


def _case(
    scale: Scale, raw: RawEvidence, product_id: str, facts: Sequence[Evidence], name: str, task: str
) -> Case | None:
    both = raw.removed(product_id, facts, scale.query.shopper_id)
    if both is None:
        return None
    row = scale.store.catalogue.row(product_id)

    def again(removal: Removal) -> tuple[float, int | None]:
        found = without(scale.store, removal, scale.weights)
        return scale.score(found, row), rank_of(found, scale.query, row)

    before = scale.score(scale.store, row)
    (cited, cited_rank), (control, control_rank) = again(both.cited), again(both.control)
    ranks = (rank_of(scale.store, scale.query, row), cited_rank, control_rank)
    return Case(kind=name, task=task, before=before, cited=cited, control=control, ranks=ranks)


def _is_later(before: int | None, after: int | None) -> bool:
    return after is None or (before is not None and after > before)


def _median_fall(cases: Sequence[Case], after: Sequence[float]) -> float:
    falls = [1 - b / c.before for c, b in zip(cases, after, strict=True) if c.before]
    return round(float(np.median(falls)), 4) if falls else 0.0


def _share(yes: Sequence[bool]) -> Interval:
    """Return a share with its Wilson interval."""
    low, high = wilson(sum(yes), len(yes))
    return Interval(value=sum(yes) / len(yes) if yes else 0.0, low=low, high=high)


def _counts(yes: Sequence[bool]) -> str:
    return f"{sum(yes)} of {len(yes)}"
