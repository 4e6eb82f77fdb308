"""How fast do interests move? The profile alone, asked for each shopper's next order.

    python -m eval.run_interests --store STORE

The log is cut twice. What lies before a cut makes the profiles; a product of each shopper's first
order after it is the answer. Half-lives are compared on the first cut (validation) and reported on
the second. The household panel's last weeks (45–53) are never read: its log ends before them.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eval.cli import RunOptions, main, say
from eval.finish import finish
from eval.measures import single_target
from eval.results import System, TaskResult
from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.behaviour.base import PURCHASE, Interactions, Rows
from retrieval.behaviour.profile import Profiles
from retrieval.data.dataset import Catalogue
from retrieval.errors import DataError

HALF_LIVES = (None, 365.0, 180.0, 120.0, 90.0, 60.0, 30.0, 14.0)
PANEL, PANEL_DAYS = "grocery", 44 * 7
"""The shop made of the household panel, and its days that may be read: weeks 1 to 44."""
TUNE_FROM, TEST_FROM = 32 / 44, 36 / 44
"""Cuts as shares of the log: weeks 33–36 tune and 37–44 report, on the panel."""
MIN_EVENTS = 3
N_CASES = 2_000


def run(options: RunOptions) -> int:
    """Compare half-lives and write the outputs.

    Raises:
        DataError: If nobody orders after a cut.
    """
    snapshot = open_snapshot(options.store)
    manifest = load_manifest(snapshot)
    dataset = load_dataset(snapshot)
    log = Interactions.of(dataset, manifest.config.behaviour)
    if manifest.shop == PANEL:
        log = until(log, float(log.day.min(initial=log.end_day)) + PANEL_DAYS)
    begin = float(log.day.min(initial=log.end_day))
    tune, test = (begin + share * (log.end_day - begin) for share in (TUNE_FROM, TEST_FROM))
    catalogue = dataset.catalogue
    names = {half_life: "no decay" if half_life is None else f"{half_life:g} days"
             for half_life in HALF_LIVES}  # fmt: skip
    tuned = {
        half_life: _ranks(until(log, test), tune, catalogue, half_life, options)
        for half_life in HALF_LIVES
    }
    value = {h: float(single_target(ranks)["nDCG@10"].mean()) for h, ranks in tuned.items()}
    best = max(HALF_LIVES, key=lambda half_life: value[half_life])
    say(f"chosen on validation: {names[best]}")
    systems = [
        System(
            name=names[half_life],
            values=single_target(_ranks(log, test, catalogue, half_life, options)),
            config={"tuning nDCG@10": round(value[half_life], 4)},
            is_baseline=half_life is None,
        )
        for half_life in HALF_LIVES
    ]
    result = TaskResult(
        name="interests",
        question="What a shopper did so far: a product of the next order?",
        split="by time: profiles of what lies before a cut, the first order after it",
        data_hash=manifest.hashes["events"],
        systems=systems,
        ours=names[best],
        headline="HR@10",
        notes=["The profile alone ranks all products; ties count at their mean rank."],
    )
    return finish(
        options, [result], title="Interests", summary="Half-life chosen on the first cut alone."
    )


def until(log: Interactions, day: float) -> Interactions:
    """Return the log as it was at the beginning of a day."""
    keep = log.day < day
    arrays = ("shopper", "product", "type", "day", "basket", "session")
    cut = {name: getattr(log, name)[keep] for name in arrays}
    return replace(log, **cut, end_day=min(day, log.end_day))


def next_orders(log: Interactions, cut: float, seed: int) -> tuple[Rows, Rows]:
    """Return shoppers and a product of each one's first order after the cut.

    Raises:
        DataError: If there is none.
    """
    rng = np.random.default_rng(seed)
    before = np.bincount(log.shopper[log.day < cut], minlength=log.n_shoppers)
    after = np.flatnonzero((log.day >= cut) & (log.type == PURCHASE))
    first: dict[int, int] = {}
    lines: dict[int, list[int]] = {}
    for i in after:  # by time
        shopper, basket = int(log.shopper[i]), int(log.basket[i])
        if before[shopper] >= MIN_EVENTS and first.setdefault(shopper, basket) == basket:
            lines.setdefault(shopper, []).append(int(log.product[i]))
    if not lines:
        raise DataError("nobody with a past orders after the cut; take a store with a longer log")
    shoppers = sorted(lines)
    chosen = rng.permutation(len(shoppers))[:N_CASES]
    asked = np.array([shoppers[i] for i in np.sort(chosen)], np.int64)
    return asked, np.array([rng.choice(lines[s]) for s in asked.tolist()], np.int64)


def _ranks(
    log: Interactions,
    cut: float,
    catalogue: Catalogue,
    half_life: float | None,
    options: RunOptions,
) -> NDArray[np.float64]:
    shoppers, targets = next_orders(log, cut, options.seed)
    profiles = Profiles(until(log, cut), catalogue, half_life_days=half_life)
    ranks = np.zeros(len(shoppers))
    for i, (shopper, target) in enumerate(zip(shoppers, targets, strict=True)):
        scores = profiles.score(profiles.of(log.shopper_ids[int(shopper)]))
        own = scores[target]
        ranks[i] = (scores > own).sum() + ((scores == own).sum() + 1) / 2
    return ranks


if __name__ == "__main__":
    sys.exit(main("interests", __doc__ or "", run))
