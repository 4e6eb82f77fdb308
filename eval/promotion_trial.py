"""The planted trial of the simulated shop: rankings of shoppers and ways of giving the offer.

The models see the log; the planted uplift is read here, for the oracle and for `planted uplift`,
which has no noise of outcomes in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.measured import HasInterval, MeasuredSystem, MeasuredTask
from eval.off_policy import (
    PolicyValue,
    doubly_robust,
    ips,
    outcome_models,
    value_of,
)
from eval.significance import interval
from eval.simulate.simulation import simulate, write_store
from eval.simulate.year import TRIAL_OFFER
from retrieval.config import load_config
from retrieval.data.dataset import Dataset
from retrieval.data.ingest import ingest
from retrieval.errors import DataError
from retrieval.offers.segment import discount_per_order
from retrieval.offers.shopper_features import shopper_features
from retrieval.offers.targeting import NO_OFFER, choose, worth_of
from retrieval.offers.trial import read_trial
from retrieval.offers.uplift import LEARNERS, Response, cross_fit, cross_fit_propensity
from retrieval.offers.uplift_measures import auuc, qini, uplift_at, with_interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHARE = 0.3
BUDGET_SHARE = 0.3
"""The budget, as a share of what giving the offer to everybody is expected to cost."""
OURS = "two_models"


@dataclass(frozen=True, kw_only=True)
class TrialCases:
    """A trial, or several pooled, as arrays of shape (n_shoppers, …)."""

    features: Floats
    treated: Bools
    responded: Bools
    kept: Floats
    planted: Floats
    """True uplift; read by the evaluation alone."""
    margin_per_order: float
    discount_per_order: float


def trial_cases(dataset: Dataset, truth: Path) -> TrialCases:
    """Read the trial out of a store's log and the planted uplift out of its truth."""
    trial = read_trial(dataset, TRIAL_OFFER)
    found = shopper_features(dataset, trial.shopper_ids, trial.starts_at, trial.offer)
    planted = _planted(truth)
    return TrialCases(
        features=found.values,
        treated=trial.treated,
        responded=trial.responded,
        kept=trial.kept,
        planted=np.array([planted[name] for name in trial.shopper_ids]),
        margin_per_order=trial.margin_per_response,
        discount_per_order=discount_per_order(trial.offer, trial),
    )


def simulated_cases(seed: int, folder: Path, *, scale: float = 1.0) -> TrialCases:
    """Make another simulated year under `folder` (once) and read its trial."""
    out = folder / f"outfitter-seed-{seed}-{scale:g}"
    if not (out / "dataset").is_dir():
        write_store(simulate(seed=seed, scale=scale), out)
        ingest(
            products=out / "products.jsonl",
            reviews=None,
            events=out / "events.jsonl.zst",
            offers=out / "offers.jsonl",
            config=load_config(out / "store.toml"),
        ).dataset.save(out / "dataset")
    return trial_cases(Dataset.load(out / "dataset"), out / "truth")


def pooled(parts: Sequence[TrialCases]) -> TrialCases:
    """Return several trials as one; money per order is the mean."""
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("features", "treated", "responded", "kept", "planted")
    }
    return TrialCases(
        **arrays,
        margin_per_order=float(np.mean([part.margin_per_order for part in parts])),
        discount_per_order=float(np.mean([part.discount_per_order for part in parts])),
    )


def rankings(cases: TrialCases, *, seed: int) -> tuple[dict[str, Floats], dict[str, Response]]:
    """Return every system's ranking of the shoppers, learned on other folds, and the responses."""
    x, t, y = cases.features, cases.treated, cases.responded
    responses: dict[str, Response] = {}
    for name in LEARNERS:
        responses[name] = cross_fit(name, x, t, y, seed=seed)
    found = {
        "random": np.random.default_rng(seed).random(len(y)),
        "propensity": cross_fit_propensity(x, t, y, seed=seed),
        **{name: response.uplift for name, response in responses.items()},
        "oracle (planted)": cases.planted,
    }
    return found, responses


def ranking_task(
    name: str, cases: TrialCases, found: Mapping[str, Floats], *, split: str, hash_: str, seed: int
) -> MeasuredTask:
    """Measure how well each ranking finds the shoppers whom the offer moves."""
    t, y = cases.treated, cases.responded
    measures: dict[str, Callable[[Floats, Bools, Bools], float]] = {
        "Qini": qini,
        "AUUC": auuc,
        f"uplift@{SHARE:.0%}": partial(uplift_at, SHARE),
    }
    systems = []
    for system, ranking in found.items():
        values: dict[str, HasInterval] = {
            measure: with_interval(function, ranking, t, y, seed=seed)
            for measure, function in measures.items()
        }
        best = np.argsort(-ranking, kind="stable")[: round(SHARE * len(ranking))]
        values[f"planted uplift@{SHARE:.0%}"] = interval(cases.planted[best], seed=seed)
        systems.append(
            MeasuredSystem(
                name=system,
                measures=values,
                is_baseline=system not in LEARNERS,
            )
        )
    correlation = {
        system: round(float(np.corrcoef(ranking, cases.planted)[0, 1]), 3)
        for system, ranking in found.items()
    }
    return MeasuredTask(
        name=name,
        question="Which shoppers buy in the promoted department because they were shown the offer?",
        split=split,
        data_hash=hash_,
        systems=systems,
        ours=OURS,
        headline="Qini",
        n=len(y),
        facts={
            "treated": int(t.sum()),
            "control": int((~t).sum()),
            "bought if treated": round(float(y[t].mean()), 4),
            "bought if not": round(float(y[~t].mean()), 4),
            "planted mean uplift": round(float(cases.planted.mean()), 4),
            "correlation with planted uplift": correlation,
        },
        notes=[
            "Shoppers with an event before the trial; each is predicted from the other four folds.",
            "Qini and AUUC are scikit-uplift's, normalised by the best ranking of the outcomes; "
            "intervals draw shoppers again within each arm.",
        ],
    )


def policy_task(
    name: str,
    cases: TrialCases,
    found: Mapping[str, Floats],
    responses: Mapping[str, Response],
    *,
    split: str,
    hash_: str,
) -> MeasuredTask:
    """Estimate what ways of giving the offer would have earned."""
    response = responses[OURS]
    worth = worth_of(
        response.uplift,
        response.if_not,
        margin_per_order=cases.margin_per_order,
        discount_per_order=cases.discount_per_order,
    )
    cost = worth.cost[:, 0]
    budget = BUDGET_SHARE * float(cost.sum())
    n = len(cases.treated)
    policies = {
        "nobody": np.zeros(n, bool),
        "everybody": np.ones(n, bool),
        "propensity, in budget": _first(found["propensity"], cost, budget),
        "random, in budget": _first(found["random"], cost, budget),
        "expected margin, in budget": choose(worth, budget=budget).offer != NO_OFFER,
        "expected margin, no budget": choose(worth, budget=float(cost.sum()) + 1).offer != NO_OFFER,
        "oracle (planted), in budget": _first(cases.planted, cost, budget),
    }
    expected = outcome_models(cases.features, cases.treated, cases.responded, cases.kept)
    nobody = doubly_robust(policies["nobody"], cases.treated, cases.kept, expected)
    gains = cases.planted * (cases.margin_per_order - cases.discount_per_order)
    systems = []
    for policy, gives in policies.items():
        terms = doubly_robust(gives, cases.treated, cases.kept, expected)
        plain = ips(gives, cases.treated, cases.kept)
        systems.append(
            MeasuredSystem(
                name=policy,
                measures={
                    "kept a shopper, DR": value_of(terms),
                    "kept a shopper, IPS": value_of(plain),
                    "gain over nobody, DR": value_of(terms - nobody),
                    "bought in scope, IPS": value_of(
                        ips(gives, cases.treated, cases.responded.astype(float))
                    ),
                    "given": _plain(float(gives.mean())),
                    "planted gain a shopper": _plain(
                        float((gives * (gains - response.if_not * cases.discount_per_order)).mean())
                    ),
                },
                is_baseline=not policy.startswith("expected margin"),
            )
        )
    return MeasuredTask(
        name=name,
        question="What does the shop keep in the trial's weeks, discounts taken off, by whom it "
        "tells of the offer?",
        split=split,
        data_hash=hash_,
        systems=systems,
        ours="expected margin, in budget",
        headline="gain over nobody, DR",
        n=n,
        facts={
            "budget": round(budget, 2),
            "margin per order": round(cases.margin_per_order, 2),
            "discount per order": round(cases.discount_per_order, 2),
        },
        notes=[
            "`planted gain` values the planted uplift at the margin of an order, less the discount "
            "of those who buy anyway; it has no noise of outcomes, and knows no orders put off.",
        ],
    )


def _plain(value: float) -> PolicyValue:
    return PolicyValue(value=value, low=value, high=value)


def _first(ranking: Floats, cost: Floats, budget: float) -> Bools:
    """Give to the best-ranked until the expected cost reaches the budget."""
    order = np.argsort(-ranking, kind="stable")
    gives = np.zeros(len(ranking), bool)
    gives[order[np.cumsum(cost[order]) <= budget]] = True
    return gives


def _planted(truth: Path) -> dict[str, float]:
    path = truth / "shoppers.jsonl"
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise DataError(
            f"{path}: the planted truth cannot be read ({error.strerror}); make the sample store "
            "with `python -m eval.simulate`, or name the folder with `--truth DIR`"
        ) from error
    rows = (json.loads(line) for line in lines if line)
    return {row["shopper_id"]: float(row["uplift"]) for row in rows}
