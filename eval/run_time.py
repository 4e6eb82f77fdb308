"""Time: when it is bought again, what is due, how much will be wanted, what has its season.

    python -m eval.run_time --data DIR --store var/stores/outfitter

Tasks: `repurchase-household`, `due-household`, `visits-household`, `demand-household` (weeks 1–36
learn and tune, 37–44 test; 45–53 are never read), `repurchase-outfitter` (consumables of the
simulated shop), `seasons-outfitter` (against the planted seasons).
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import numpy as np

from eval.cli import RunOptions, main, say
from eval.data.panel_log import PanelLog, load_panel_log
from eval.finish import finish
from eval.results import TaskResult
from eval.time_demand import demand_task
from eval.time_repurchase import consumables, due_task, visits_task, window_task
from eval.time_seasons import seasons_task
from retrieval.artifacts import load_dataset, open_snapshot
from retrieval.behaviour.base import Interactions
from retrieval.behaviour.demand import count_weeks
from retrieval.config import BehaviourConfig
from retrieval.errors import DataError

HOUSEHOLD = ("repurchase-household", "due-household", "visits-household", "demand-household")
OUTFITTER = ("repurchase-outfitter", "seasons-outfitter")
TRUTH = Path("var/samples/outfitter/truth")
SPLIT = "weeks 1–36 learn, gaps that end in weeks 37–44 test; 45–53 never read"


def run(options: RunOptions) -> int:
    """Evaluate the tasks and write the outputs."""
    tasks: list[TaskResult] = []
    began = time.perf_counter()
    if any(options.wants(name) for name in HOUSEHOLD):
        tasks += _household(options)
    if any(options.wants(name) for name in OUTFITTER):
        tasks += _outfitter(options)
    if not tasks:
        raise DataError(f"`--only {options.only}` names no task of this run")
    for task in tasks:
        for system in task.systems:
            means = {m: round(float(v.mean()), 4) for m, v in system.values.items()}
            say(f"{task.name}: {system.name}: {means}")
        say(f"{task.name}: {dict(task.facts)}")
    return finish(
        options,
        tasks,
        title="Time",
        summary="Repurchases, demand and seasons.",
        seconds={"all": round(time.perf_counter() - began, 1)},
    )


def _household(options: RunOptions) -> list[TaskResult]:
    panel = load_panel_log(options.data_flag, quick=options.quick)
    tasks = []
    common = {"cut": panel.test_from, "data_hash": panel.data_hash}
    if options.wants(HOUSEHOLD[0]):
        tasks.append(
            window_task(HOUSEHOLD[0], panel.log, panel.leaf_code, split=SPLIT, **common)  # type: ignore[arg-type]
        )
    if options.wants(HOUSEHOLD[1]):
        tasks.append(due_task(HOUSEHOLD[1], panel.log, panel.leaf_code, days=7.0, **common))  # type: ignore[arg-type]
    if options.wants(HOUSEHOLD[2]):
        tasks.append(visits_task(HOUSEHOLD[2], panel.log, split=SPLIT, **common))  # type: ignore[arg-type]
    if options.wants(HOUSEHOLD[3]):
        tasks.append(_demand(panel))
    return tasks


def _demand(panel: PanelLog) -> TaskResult:
    log = panel.log
    weekly = count_weeks(
        log.product,
        log.day,
        panel.quantity,
        n_products=log.n_products,
        start=float(log.day.min()),
        end=panel.ends,
    )
    test = weekly.n_weeks - 8
    return demand_task(
        HOUSEHOLD[3],
        weekly,
        panel.leaf_code,
        tune_at=(test - 8, test - 4),
        test_at=(test, test + 2, test + 4),
        data_hash=panel.data_hash,
        split="tuned on the eight weeks before week 37, tested on 37–44 from three starts",
    )


def _outfitter(options: RunOptions) -> list[TaskResult]:
    dataset = load_dataset(open_snapshot(options.store))
    data_hash = hashlib.sha256(dataset.events.write_csv().encode()).hexdigest()
    truth = options.truth or TRUTH
    tasks = []
    if options.wants(OUTFITTER[0]):
        log = consumables(Interactions.of(dataset, BehaviourConfig()), dataset, truth)
        first = float(log.day.min()) if len(log.day) else 0.0
        tasks.append(
            window_task(
                OUTFITTER[0],
                log,
                np.asarray(dataset.catalogue.leaf_code),
                cut=first + 0.7 * (log.end_day - first),
                data_hash=data_hash,
                split="the first 70 % of the year learn, gaps that end later test",
            )
        )
    if options.wants(OUTFITTER[1]):
        tasks.append(seasons_task(OUTFITTER[1], dataset, truth, data_hash=data_hash))
    return tasks


if __name__ == "__main__":
    sys.exit(main("time", __doc__ or "", run))
