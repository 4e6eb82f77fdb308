"""`python -m retrieval.campaign --store STORE --offer OFFER_ID --budget MONEY`: whom to tell.

Learns from a randomised trial in the log who is moved by an offer, chooses the shoppers with the
most expected margin within the budget, writes them to a CSV file and a summary to standard output.
It changes no price and no store. Exit status 2 and one sentence on stderr for bad input.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from retrieval.artifacts import load_dataset, open_snapshot
from retrieval.behaviour.discovery import wilson
from retrieval.data.schemas import as_utc
from retrieval.errors import ConfigError, DataError, ShopError
from retrieval.offers.segment import Segment, make_segment
from retrieval.offers.uplift import LEARNERS

Z_95 = 1.959964
TRUE, FALSE = ("treated", "true", "1"), ("control", "false", "0")
COLUMNS = (
    "shopper_id", "expected_uplift", "standard_error", "low", "high", "buys_anyway",
    "expected_incremental_margin", "expected_cost", "n_orders", "days_since_order",
    "order_value", "share_in_scope", "price_level", "offers_used",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.campaign",
        description="Choose the shoppers to tell of an offer, by expected margin in a budget.",
    )
    add = parser.add_argument
    add("--store", type=Path, required=True, help="a store made by retrieval.build")
    add("--offer", required=True, metavar="OFFER_ID", help="what is to be offered")
    add("--budget", type=_money, required=True, metavar="MONEY", help="for discounts")
    add("--trial", metavar="OFFER_ID", help="offer whose trial teaches (default: the offer)")
    add("--assignments", type=Path, metavar="FILE.csv", help="shopper_id,arm of the trial")
    add("--at", type=_moment, metavar="TIME", help="moment of choosing (default: end of the log)")
    add("--margin", type=_share, metavar="SHARE", help="for products that state no margin")
    add("--learner", choices=LEARNERS, default=LEARNERS[0])
    add("--seed", type=int, default=0)
    add("--out", type=Path, metavar="FILE.csv", help="where the chosen shoppers go")
    try:
        options = parser.parse_args(arguments)
        assignment = read_assignment(options.assignments) if options.assignments else None
        segment = make_segment(
            load_dataset(open_snapshot(options.store)),
            options.offer,
            budget=options.budget,
            trial_id=options.trial,
            assignment=assignment,
            at=options.at,
            margin=options.margin,
            learner=options.learner,
            seed=options.seed,
        )
        if options.out is not None:
            with options.out.open("w", encoding="utf-8", newline="") as file:
                write_segment(segment, file)
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror or error}\n")
        return 2
    json.dump(summary(segment, options.budget), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
    return 0


def read_assignment(path: Path) -> dict[str, bool]:
    """Read who was treated: a CSV file with the columns `shopper_id` and `arm`.

    Raises:
        DataError: If it cannot be read, or an arm is neither `treated` nor `control`.
    """
    found: dict[str, bool] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                shopper_id, arm = row.get("shopper_id"), (row.get("arm") or "").lower()
                if not shopper_id or arm not in TRUE + FALSE:
                    raise DataError(
                        f"{path}:{number}: needs a `shopper_id` and an `arm` of treated or "
                        f"control, got {shopper_id!r} and {arm!r}"
                    )
                found[shopper_id] = arm in TRUE
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from error
    return found


def write_segment(segment: Segment, file: TextIO) -> None:
    """Write the chosen shoppers, most expected margin first, with what speaks for each."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    response, features = segment.response, segment.features
    half = Z_95 * response.standard_error
    counts = {name: np.expm1(features.column(name)) for name in ("log_orders", "log_offers_used")}
    for row in segment.chosen:
        uplift = response.uplift[row]
        writer.writerow(
            [
                features.shopper_ids[row],
                f"{uplift:.4f}",
                f"{response.standard_error[row]:.4f}",
                f"{uplift - half[row]:.4f}",
                f"{uplift + half[row]:.4f}",
                f"{response.if_not[row]:.4f}",
                f"{segment.worth.margin[row, 0]:.2f}",
                f"{segment.worth.cost[row, 0]:.2f}",
                round(counts["log_orders"][row]),
                round(features.column("days_since_order")[row]),
                f"{math.expm1(features.column('log_order_value')[row]):.2f}",
                f"{features.column('scope_share')[row]:.3f}",
                f"{features.column('price_level')[row]:.3f}",
                round(counts["log_offers_used"][row]),
            ]
        )


def summary(segment: Segment, budget: float) -> dict[str, object]:
    """Return what was learned, chosen and left out, and what speaks against it."""
    trial, choice = segment.trial, segment.choice
    treated, responded = trial.treated, trial.responded
    effect, low, high = difference(responded[treated], responded[~treated])
    kept, kept_low, kept_high = mean_difference(trial.kept[treated], trial.kept[~treated])
    notes = []
    if segment.qini.low <= 0:
        notes.append(
            "the ranking of shoppers is not shown to be better than chance: the interval of the "
            "Qini coefficient holds 0; a larger trial would tell"
        )
    if low <= 0:
        notes.append("the mean effect of the offer is not shown to be above 0")
    if kept_low <= 0:
        notes.append(
            "given to everybody, the offer is not shown to have left the shop with more margin; "
            "the expected margins rest on what orders in its scope usually earn"
        )
    if segment.n_will_run_out:
        notes.append(
            f"{segment.n_will_run_out} of the {segment.n_in_scope} products in scope are sold out "
            "or will be before the offer ends, at the demand of the last weeks"
        )
    if trial.offer.offer_id != segment.offer.offer_id:
        notes.append(
            f"learned from {trial.offer.offer_id}; that {segment.offer.offer_id} moves the same "
            "shoppers is an assumption"
        )
    if not choice.is_optimal:
        notes.append("the solver stopped early: the choice keeps the budget, a better one may be")
    return {
        "offer_id": segment.offer.offer_id,
        "trial": {
            "offer_id": trial.offer.offer_id,
            "from": trial.starts_at.date().isoformat(),
            "to": trial.ends_at.date().isoformat(),
            "n_treated": int(treated.sum()),
            "n_control": int((~treated).sum()),
            "bought_if_treated": round(float(responded[treated].mean()), 4),
            "bought_if_not": round(float(responded[~treated].mean()), 4),
            "effect": round(effect, 4),
            "effect_low": round(low, 4),
            "effect_high": round(high, 4),
            "kept_effect": round(kept, 2),
            "kept_effect_low": round(kept_low, 2),
            "kept_effect_high": round(kept_high, 2),
            "margin_per_response": round(trial.margin_per_response, 2),
            "balance_p": round(segment.balance.p, 4),
            "qini": round(segment.qini.value, 4),
            "qini_low": round(segment.qini.low, 4),
            "qini_high": round(segment.qini.high, 4),
        },
        "at": segment.at.isoformat(),
        "n_eligible": len(segment.features.shopper_ids),
        "n_not_eligible": dict(segment.ineligible),
        "n_chosen": len(segment.chosen),
        "budget": round(budget, 2),
        "expected_cost": round(choice.cost, 2),
        "expected_incremental_margin": round(choice.margin, 2),
        "is_optimal": choice.is_optimal,
        "notes": notes,
    }


def difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Return the difference of two shares with its 95 % interval (Newcombe's, from Wilson's)."""
    p, q = float(one.mean()), float(other.mean())
    p_low, p_high = wilson(int(one.sum()), len(one))
    q_low, q_high = wilson(int(other.sum()), len(other))
    gap = p - q
    low = gap - math.sqrt((p - p_low) ** 2 + (q_high - q) ** 2)
    high = gap + math.sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    return gap, low, high


def mean_difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Return the difference of two means with its normal 95 % interval."""
    gap = float(one.mean() - other.mean())
    half = Z_95 * math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return gap, gap - half, gap + half


def _money(text: str) -> float:
    value = _number(text)
    if not value >= 0:
        raise ConfigError(f"`--budget` must be a number of at least 0, got {text!r}")
    return value


def _share(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1:
        raise ConfigError(f"`--margin` must be a share above 0 and at most 1, got {text!r}")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _moment(text: str) -> datetime:
    try:
        return as_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise ConfigError(
            f"`--at` must be a time like 2026-03-01T10:00:00Z, got {text!r}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
