"""Demand of the coming weeks: our rates against moving averages, Croston and TSB.

`-RMSSE` and `-MASE` are errors of a week over the error of "as in the week before" in the weeks
learned from (Hyndman & Koehler 2006), with a minus, so that higher is better. `-pinball` is the
mean pinball loss of the 10, 50 and 90 % quantiles of a week, scaled alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.results import System, TaskResult
from retrieval.behaviour.base import Rows
from retrieval.behaviour.demand import DemandModel, WeeklyUnits, croston, tsb

Floats = NDArray[np.float64]
HORIZON = 4
QUANTILES = (0.1, 0.5, 0.9)
SMOOTHING = (0.02, 0.05, 0.1, 0.2, 0.3)
HALF_LIVES = (2.0, 4.0, 8.0, 16.0, 32.0)
PRIORS = (0.25, 1.0, 4.0)

Rate = Callable[[Floats], Floats]
"""Weeks so far, (n_products, n_weeks) → units a week."""


def demand_task(
    name: str,
    weekly: WeeklyUnits,
    leaf_code: Rows,
    *,
    tune_at: Sequence[int],
    test_at: Sequence[int],
    data_hash: str,
    split: str,
) -> TaskResult:
    """Tune each method at earlier weeks and measure it at later ones, four weeks ahead."""
    units = weekly.units
    chosen: dict[str, tuple[Rate, dict[str, float]]] = {
        "last week": (lambda seen: seen[:, -1], {}),
        "mean of 4 weeks": (lambda seen: seen[:, -4:].mean(axis=1), {}),
        "mean of 8 weeks": (lambda seen: seen[:, -8:].mean(axis=1), {}),
        "mean of 13 weeks": (lambda seen: seen[:, -13:].mean(axis=1), {}),
        "same 4 weeks ago": (lambda seen: seen[:, -4], {}),
        "Croston, corrected": _best(
            [(_croston(a), {"smoothing": a}) for a in SMOOTHING], units, tune_at
        ),
        "TSB": _best([(_tsb(a), {"smoothing": a}) for a in SMOOTHING], units, tune_at),
        "ours": _best(
            [
                (_ours(leaf_code, h, k), {"half_life_weeks": h, "prior_weeks": k})
                for h in HALF_LIVES
                for k in PRIORS
            ],
            units,
            tune_at,
        ),
    }
    systems = []
    inside: list[float] = []
    for system, (rate, setting) in chosen.items():
        parts = [_errors(units, origin, rate(units[:, :origin])) for origin in test_at]
        values = {m: np.mean([part[m] for part in parts], axis=0) for m in parts[0]}
        losses = []
        for origin in test_at:
            seen = units[:, :origin]
            if system == "ours":
                model = _fit(leaf_code, seen, setting)
                levels = [model.quantile(q, model.rate, 1) for q in QUANTILES]
                span = model.forecast(HORIZON)
                total = units[:, origin : origin + HORIZON].sum(axis=1)
                inside.append(float(((total >= span.low) & (total <= span.high)).mean()))
            else:
                mean = np.maximum(rate(seen), 1e-6)
                levels = [stats.poisson.ppf(q, mean) for q in QUANTILES]
            losses.append(_pinball(units, origin, levels))
        values["-pinball"] = np.mean(losses, axis=0)
        systems.append(
            System(name=system, values=values, config=setting, is_baseline=system != "ours")
        )
    return TaskResult(
        name=name,
        question="How many units of each product are wanted in each of the next four weeks?",
        split=split,
        data_hash=data_hash,
        systems=systems,
        ours="ours",
        headline="-RMSSE",
        facts={
            "products": len(units),
            "share of weeks without demand": round(float((units == 0).mean()), 3),
            "four weeks' demand within the 80 % interval": round(float(np.mean(inside)), 4),
        },
        notes=[
            "A seasonal naive forecast needs the same week of the year before; the data are one "
            "year. Quantiles of the other methods are Poisson's.",
        ],
    )


def _croston(smoothing: float) -> Rate:
    return lambda seen: croston(seen, smoothing=smoothing)


def _tsb(smoothing: float) -> Rate:
    return lambda seen: tsb(seen, smoothing=smoothing, chance_smoothing=smoothing)


def _ours(leaf_code: Rows, half_life: float, prior: float) -> Rate:
    setting = {"half_life_weeks": half_life, "prior_weeks": prior}
    return lambda seen: _fit(leaf_code, seen, setting).rate


def _fit(leaf_code: Rows, seen: Floats, setting: dict[str, float]) -> DemandModel:
    return DemandModel(leaf_code, **setting).fit(WeeklyUnits(units=seen, first_day=0.0))


def _best(
    settings: Sequence[tuple[Rate, dict[str, float]]], units: Floats, tune_at: Sequence[int]
) -> tuple[Rate, dict[str, float]]:
    def loss(rate: Rate) -> float:
        found = [_errors(units, origin, rate(units[:, :origin]))["-RMSSE"] for origin in tune_at]
        return float(np.mean(found))

    return max(settings, key=lambda setting: loss(setting[0]))


def _scale(seen: Floats) -> tuple[Floats, Floats]:
    step = np.diff(seen, axis=1)
    plain, square = np.abs(step).mean(axis=1), (step**2).mean(axis=1)
    return np.maximum(plain, plain[plain > 0].min()), np.maximum(square, square[square > 0].min())


def _errors(units: Floats, origin: int, rate: Floats) -> dict[str, Floats]:
    plain, square = _scale(units[:, :origin])
    error = units[:, origin : origin + HORIZON] - rate[:, None]
    return {
        "-RMSSE": -np.sqrt((error**2).mean(axis=1) / square),
        "-MASE": -np.abs(error).mean(axis=1) / plain,
    }


def _pinball(units: Floats, origin: int, levels: Sequence[Floats]) -> Floats:
    plain, _ = _scale(units[:, :origin])
    coming = units[:, origin : origin + HORIZON]
    losses = []
    for q, level in zip(QUANTILES, levels, strict=True):
        error = coming - level[:, None]
        losses.append(np.maximum(q * error, (q - 1) * error).mean(axis=1))
    return -np.mean(losses, axis=0) / plain
