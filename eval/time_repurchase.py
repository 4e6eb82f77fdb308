"""When things are bought again: windows, how near the middle is, and which products are due."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.results import System, TaskResult
from retrieval.behaviour.base import PURCHASE, Context, Interactions, Rows
from retrieval.behaviour.gaps import GapModel, Gaps, gaps_of
from retrieval.behaviour.repurchase import RepurchaseScorer
from retrieval.data.dataset import Dataset
from retrieval.errors import DataError

Floats = NDArray[np.float64]
NEAR = "minus |log days|"
OURS = "product, shopper and both"
MAX_CASES = 20_000
"""Of more gaps every second, third, … is measured: tests of 100,000 pairs take an hour."""


def window_task(
    name: str, log: Interactions, leaf_code: Rows, *, cut: float, data_hash: str, split: str
) -> TaskResult:
    """Compare windows and middles on gaps that end after `cut`, learned from those before.

    Gaps that end in a span of time are a fair sample of all gaps; those that begin in it are not.
    """
    bought = log.only(PURCHASE)
    gaps, _ = gaps_of(bought.shopper, bought.product, bought.day)
    early = gaps.where(gaps.start + gaps.days <= cut)
    late = gaps.where(gaps.start + gaps.days > cut)
    n_late = len(late.days)
    late = late.where(np.arange(n_late) % max(1, -(-n_late // MAX_CASES)) == 0)
    model = GapModel(leaf_code, log.n_shoppers).fit(early)
    middle, low, high = model.window(late.shopper, late.thing)
    flat = np.quantile(early.days, [0.1, 0.9])
    own = _own_median(early, late, model)
    truth = np.log(late.days)
    systems = [
        _system("all gaps alike", np.full(len(truth), np.median(early.days)), truth, *flat),
        _system("product's mean", np.exp(model.centre[late.thing]), truth),
        _system("own median, else product's mean", own, truth),
        _system(OURS, middle, truth, low, high),
    ]
    n = model.n_gaps[late.thing]
    return TaskResult(
        name=name,
        question="After how many days does a shopper buy the same product again?",
        split=split,
        data_hash=data_hash,
        systems=systems,
        ours=OURS,
        headline=NEAR,
        groups={
            "product with fewer than 50 gaps": n < 50,
            "50 to 199": (n >= 50) & (n < 200),
            "200 and more": n >= 200,
        },
        facts={
            "gaps learned from": len(early.days),
            "gaps that end later": n_late,
            "median days": round(float(np.median(late.days)), 1),
            "window's ends, median ratio": round(float(np.median(high / low)), 2),
            "too short for the window": round(float((late.days < low).mean()), 4),
            "too long": round(float((late.days > high).mean()), 4),
        },
        notes=["`in window` should be 0.80; only repurchases that happened are counted."],
    )


def due_task(
    name: str, log: Interactions, leaf_code: Rows, *, cut: float, days: float, data_hash: str
) -> TaskResult:
    """Ask at `cut` which of the products bought before are bought in the next days."""
    before, after = _split(log, cut, cut + days)
    scorer = RepurchaseScorer(leaf_code=leaf_code, horizon_days=days).fit(before)
    bought = before.only(PURCHASE)
    popularity = np.bincount(bought.product, minlength=log.n_products).astype(float)
    order = np.argsort(bought.shopper, kind="stable")
    starts = np.searchsorted(bought.shopper[order], np.arange(log.n_shoppers + 1))
    found: dict[str, list[float]] = {}
    for shopper in np.unique(after.shopper):
        mine = order[starts[shopper] : starts[shopper + 1]]
        held = np.unique(bought.product[mine])
        wanted = np.intersect1d(np.unique(after.product[after.shopper == shopper]), held)
        if not len(wanted):
            continue
        counts = np.bincount(bought.product[mine], minlength=log.n_products)[held]
        last = np.zeros(log.n_products)
        last[bought.product[mine]] = bought.day[mine]
        scores: Mapping[str, Floats] = {
            "random": np.random.default_rng(int(shopper)).random(len(held)),
            "popularity": popularity[held],
            "latest": last[held],
            "most often": counts + 1e-6 * last[held],
            "most often, decayed": _decayed(bought, mine, held, cut),
            "ours: due": scorer.score(Context(shopper=int(shopper), at=cut))[held].astype(float),
        }
        for system, values in scores.items():
            best = held[np.argsort(-values, kind="stable")[:10]]
            share = len(np.intersect1d(best, wanted)) / min(10, len(wanted))
            found.setdefault(system, []).append(share)
    return TaskResult(
        name=name,
        question=f"Which products of a shopper's history are bought in the next {days:.0f} days?",
        split="learned before the day asked; shoppers who bought something again then",
        data_hash=data_hash,
        systems=[
            System(
                name=system,
                values={"found of 10": np.array(values)},
                is_baseline=not system.startswith("ours"),
            )
            for system, values in found.items()
        ],
        ours="ours: due",
        headline="found of 10",
        notes=["Repurchases among the first ten, over the lower of ten and their number."],
    )


def visits_task(
    name: str, log: Interactions, *, cut: float, data_hash: str, split: str
) -> TaskResult:
    """Compare windows for the days until a shopper's next order of any kind."""
    anything = replace(log, n_products=1, product=np.zeros_like(log.product))
    task = window_task(
        name, anything, np.full(1, -1, np.int64), cut=cut, data_hash=data_hash, split=split
    )
    return replace(task, question="After how many days does a shopper order again?", groups={})


def consumables(log: Interactions, dataset: Dataset, truth: Path) -> Interactions:
    """Return the events of products that were planted to be bought again.

    Raises:
        DataError: If the truth is not there.
    """
    path = truth / "repurchase.json"
    try:
        planted = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(
            f"{path}: the planted truth cannot be read ({error.strerror}); make the sample store "
            "with `python -m eval.simulate`, or name the folder with `--truth DIR`"
        ) from error
    keep = np.isin(log.product, dataset.catalogue.rows(sorted(planted)))
    return _only(log, keep, log.end_day)


def _split(log: Interactions, cut: float, end: float) -> tuple[Interactions, Interactions]:
    after = _only(log, (log.day >= cut) & (log.day < end), end)
    return _only(log, log.day < cut, cut), after.only(PURCHASE)


def _only(log: Interactions, keep: NDArray[np.bool_], until: float) -> Interactions:
    names = ("shopper", "product", "type", "day", "basket", "session")
    return replace(log, end_day=until, **{name: getattr(log, name)[keep] for name in names})


def _decayed(bought: Interactions, mine: Rows, held: Rows, cut: float) -> Floats:
    weight = 0.5 ** ((cut - bought.day[mine]) / 60.0)
    found = np.bincount(bought.product[mine], weight, minlength=bought.n_products)[held]
    return found.astype(np.float64)


def _own_median(early: Gaps, late: Gaps, model: GapModel) -> Floats:
    n = len(model.parent)
    key = early.shopper * n + early.thing
    order = np.argsort(key, kind="stable")
    names, starts = np.unique(key[order], return_index=True)
    medians = {
        int(name): float(np.median(part))
        for name, part in zip(names, np.split(early.days[order], starts[1:]), strict=True)
    }
    fallback = np.exp(model.centre[late.thing])
    wanted = late.shopper * n + late.thing
    return np.array([medians.get(int(k), float(f)) for k, f in zip(wanted, fallback, strict=True)])


def _system(
    name: str,
    middle: Floats,
    truth: Floats,
    low: Floats | float | None = None,
    high: Floats | float | None = None,
) -> System:
    values = {NEAR: -np.abs(np.log(middle) - truth)}
    if low is not None and high is not None:
        days = np.exp(truth)
        values["in window"] = ((days >= low) & (days <= high)).astype(float)
    return System(name=name, values=values, is_baseline=name != OURS)
