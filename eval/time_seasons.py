"""Season factors of the simulated shop against those planted in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.results import System, TaskResult
from retrieval.behaviour.base import PURCHASE, Interactions
from retrieval.behaviour.seasonality import fit_factors
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Dataset
from retrieval.errors import DataError

Floats = NDArray[np.float64]
OURS = "ours: pulled to the parents"


def seasons_task(name: str, dataset: Dataset, truth: Path, *, data_hash: str) -> TaskResult:
    """Compare log factors of category and month with the planted ones, beyond the whole shop's.

    The planted factor of a leaf is among anchors of planned orders; complements and repurchases
    follow others, so that no estimate reaches it.
    """
    path = truth / "seasons.json"
    try:
        planted = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(
            f"{path}: the planted truth cannot be read ({error.strerror}); make the sample store "
            "with `python -m eval.simulate`, or name the folder with `--truth DIR`"
        ) from error
    catalogue = dataset.catalogue
    log = Interactions.of(dataset, BehaviourConfig()).only(PURCHASE)
    leaf = np.asarray(catalogue.leaf_code)[log.product]
    tops = [path.split(" > ")[0] for path in catalogue.leaves]
    codes = {top: code for code, top in enumerate(sorted(set(tops)))}
    start = dataset.events["at"].min()
    factors = fit_factors(
        leaf[leaf >= 0],
        log.day[leaf >= 0],
        top_of_leaf=np.array([codes[top] for top in tops], np.int64),
        start=float(pl.Series([start]).dt.epoch("s")[0]) / 86_400,
        end=log.end_day,
        period="month",
    )
    names = [path.split(" > ")[-1] for path in catalogue.leaves]
    rows = [row for row, leaf_name in enumerate(names) if leaf_name in planted]
    wanted = np.log(np.maximum(np.array([planted[names[row]] for row in rows]), 0.05))
    share = factors.days / factors.days.sum()
    counts = factors.counts[rows]
    raw = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) * share + 0.5)
    systems = {
        "average in every month": np.zeros_like(wanted),
        "counts alone": np.log(raw / factors.total),
        OURS: np.log(factors.leaf[rows] / factors.total),
    }
    wanted = wanted - wanted.mean(axis=1, keepdims=True)
    return TaskResult(
        name=name,
        question="By how much does each category sell above the shop in each month?",
        split="one simulated year; the planted seasons are read by the evaluation alone",
        data_hash=data_hash,
        systems=[
            System(
                name=system,
                values={
                    "minus |log factor|": -np.abs(
                        found - found.mean(axis=1, keepdims=True) - wanted
                    ).mean(axis=1)
                },
                is_baseline=system != OURS,
            )
            for system, found in systems.items()
        ],
        ours=OURS,
        headline="minus |log factor|",
        facts={
            "strength of the prior, purchases": round(factors.strength, 1),
            "correlation, counts alone": round(
                float(np.corrcoef(systems["counts alone"].ravel(), wanted.ravel())[0, 1]), 3
            ),
            "correlation, ours": round(
                float(np.corrcoef(systems[OURS].ravel(), wanted.ravel())[0, 1]), 3
            ),
        },
    )
