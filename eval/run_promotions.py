"""Promotions as uplift: who is moved by an offer, and what giving it to whom would have earned.

    python -m eval.run_promotions --data DIR --store var/stores/outfitter

Tasks: `trial` and `policy` (the planted randomised trial of the simulated shop), `trial-pooled` and
`policy-pooled` (the same over eight simulated years, for narrower intervals); on the household
panel `campaign-effect` (observational) and `coupon-redemption`.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

from eval.campaigns import effect_task
from eval.cli import RunOptions, main, progress, say
from eval.finish import finish
from eval.measured import MeasuredTask
from eval.promotion_trial import (
    TrialCases,
    policy_task,
    pooled,
    ranking_task,
    rankings,
    simulated_cases,
    trial_cases,
)
from eval.redemption import redemption_task
from retrieval.artifacts import load_dataset, open_snapshot
from retrieval.errors import DataError

TRUTH = Path("var/samples/outfitter/truth")
SEEDS = tuple(range(101, 109))
SPLIT = "five folds by shopper; features from before the trial, outcomes from its four weeks"


def run(options: RunOptions) -> int:
    """Evaluate the tasks and write the outputs."""
    tasks: list[MeasuredTask] = []
    seconds: dict[str, float] = {}
    for suffix in ("", "-pooled"):
        if not (options.wants(f"trial{suffix}") or options.wants(f"policy{suffix}")):
            continue
        began = time.perf_counter()
        cases, hash_ = _pooled(options) if suffix else _single(options)
        tasks += [
            task for task in _trial_tasks(suffix, cases, hash_, options) if options.wants(task.name)
        ]
        seconds[f"trial{suffix}"] = round(time.perf_counter() - began, 1)
    if options.wants("campaign-effect"):
        tasks.append(effect_task(options.data_flag))
    if options.wants("coupon-redemption"):
        tasks.append(redemption_task(options.data_flag, seed=options.seed))
    if not tasks:
        raise DataError(f"`--only {options.only}` names no task of this run")
    for task in tasks:
        for system in task.systems:
            value = system.measures[task.headline]
            say(
                f"{task.name}: {system.name}: {task.headline} {value.value:.4f} "
                f"[{value.low:.4f}, {value.high:.4f}]"
            )
    return finish(
        options,
        tasks,
        title="Promotions",
        summary="Who is moved by an offer, and what giving it to whom would have earned.",
        seconds=seconds,
    )


def _single(options: RunOptions) -> tuple[TrialCases, str]:
    snapshot = open_snapshot(options.store)
    dataset = load_dataset(snapshot)
    cases = trial_cases(dataset, options.truth or TRUTH)
    return cases, hashlib.sha256(dataset.events.write_csv().encode()).hexdigest()


def _pooled(options: RunOptions) -> tuple[TrialCases, str]:
    seeds, scale = (SEEDS[:2], 0.2) if options.quick else (SEEDS, 1.0)
    parts = [
        simulated_cases(seed, options.cache, scale=scale)
        for seed in progress(seeds, "simulated years", len(seeds))
    ]
    return pooled(parts), f"seeds {seeds[0]}–{seeds[-1]} of eval.simulate, scale {scale:g}"


def _trial_tasks(
    suffix: str, cases: TrialCases, hash_: str, options: RunOptions
) -> list[MeasuredTask]:
    found, responses = rankings(cases, seed=options.seed)
    return [
        ranking_task(f"trial{suffix}", cases, found, split=SPLIT, hash_=hash_, seed=options.seed),
        policy_task(f"policy{suffix}", cases, found, responses, split=SPLIT, hash_=hash_),
    ]


if __name__ == "__main__":
    sys.exit(main("promotions", __doc__ or "", run))
