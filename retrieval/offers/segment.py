"""A campaign: who should be told of an offer, learned from a trial and paid from a budget.

Eligibility is decided here, in code, before anything learned is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.behaviour.demand import RUN_OUT_CHANCE, DemandModel, weekly_units
from retrieval.data.dataset import Dataset
from retrieval.errors import DataError
from retrieval.offers.shopper_features import ShopperFeatures, in_scope, shopper_features
from retrieval.offers.targeting import NO_OFFER, Choice, Worth, choose, worth_of
from retrieval.offers.trial import Trial, find_offer, read_trial
from retrieval.offers.uplift import (
    Balance,
    Learner,
    Response,
    UpliftModel,
    check_balance,
    cross_fit,
)
from retrieval.offers.uplift_measures import Measured, qini, with_interval
from retrieval.promotion import Offer

REST_DAYS = 14
"""Whoever was shown or used an offer in these days is not told of another."""
OPEN_WEEKS = 4


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The shoppers to tell of an offer, and what that rests on."""

    offer: Offer
    trial: Trial
    balance: Balance
    qini: Measured
    features: ShopperFeatures
    """Of the eligible shoppers, in the order of the arrays below."""
    response: Response
    worth: Worth
    choice: Choice
    at: datetime
    ineligible: Mapping[str, int]
    """Reason to the number of shoppers it leaves out."""
    n_in_scope: int
    n_will_run_out: int
    """Products in scope that are sold out or will be before the offer ends, at today's demand."""

    @property
    def chosen(self) -> NDArray[np.int64]:
        """Rows of the chosen shoppers, most expected margin first."""
        rows = np.flatnonzero(self.choice.offer != NO_OFFER)
        return rows[np.argsort(-self.worth.margin[rows, 0], kind="stable")]


def make_segment(
    dataset: Dataset,
    offer_id: str,
    *,
    budget: float,
    trial_id: str | None = None,
    assignment: Mapping[str, bool] | None = None,
    at: datetime | None = None,
    margin: float | None = None,
    learner: Learner = "two_models",
    seed: int = 0,
) -> Segment:
    """Choose who is told of an offer.

    Args:
        dataset: A shop's tables.
        offer_id: What is to be offered.
        budget: What the discounts may cost, in the store's currency.
        trial_id: The offer whose trial teaches; None takes the offer itself.
        assignment: Who was treated in the trial; None reads `offer_view` events.
        at: The moment of choosing; None is the end of the log.
        margin: For products that state none.
        learner: Which meta-learner.
        seed: Of everything drawn.

    Raises:
        DataError: If offer or trial are not usable, or the trial's arms differ before it.
        ConfigError: If the budget is no budget, or the extra `learn` is not installed.
    """
    offer = find_offer(dataset, offer_id)
    trial = read_trial(dataset, trial_id or offer_id, assignment=assignment, margin=margin)
    before = shopper_features(dataset, trial.shopper_ids, trial.starts_at, trial.offer)
    balance = check_balance(trial, before)
    if not balance.looks_randomised:
        raise DataError(
            f"offer {trial.offer.offer_id!r}: those shown it differed from the others before it "
            f"(p {balance.p:.1g}, most in `{balance.feature}`), so this was no random trial and "
            "nothing about its effect can be learned this way"
        )
    last = dataset.events["at"].max()
    at = at or (last if isinstance(last, datetime) else trial.ends_at)
    eligible, ineligible = eligible_shoppers(dataset, offer, at)
    covered = in_scope(dataset, offer)
    n_will_run_out = int((covered & will_run_out(dataset, offer, at)).sum())
    now = shopper_features(dataset, eligible, at, offer)
    model = UpliftModel(learner, seed=seed)
    response = model.fit(before.values, trial.treated, trial.responded).predict(
        _aligned(before, now)
    )
    tested = cross_fit(learner, before.values, trial.treated, trial.responded, seed=seed)
    worth = worth_of(
        response.uplift,
        response.if_not,
        margin_per_order=trial.margin_per_response,
        discount_per_order=discount_per_order(offer, trial),
    )
    return Segment(
        offer=offer,
        trial=trial,
        balance=balance,
        qini=with_interval(qini, tested.uplift, trial.treated, trial.responded, seed=seed),
        features=now,
        response=response,
        worth=worth,
        choice=choose(worth, budget=budget),
        at=at,
        ineligible=ineligible,
        n_in_scope=int(covered.sum()),
        n_will_run_out=n_will_run_out,
    )


def will_run_out(dataset: Dataset, offer: Offer, at: datetime) -> NDArray[np.bool_]:
    """Return which products will be sold out before the offer ends, shape (n_products,).

    By the demand of the weeks before `at`; an offer without an end is looked at for
    `OPEN_WEEKS`. A stock that is not stated never runs out.
    """
    end = offer.ends_at or at + timedelta(weeks=OPEN_WEEKS)
    weeks = max(1, math.ceil((end - at) / timedelta(weeks=1)))
    stock = dataset.catalogue.stock
    seen = replace(dataset, events=dataset.events.filter(pl.col("at") < at))
    model = DemandModel(dataset.catalogue.leaf_code).fit(weekly_units(seen))
    chance = model.chance_of_more_than(stock.clip(0).astype(float), weeks)
    return (stock >= 0) & ((stock == 0) | (chance >= RUN_OUT_CHANCE))


def discount_per_order(offer: Offer, trial: Trial) -> float:
    """Return what the offer takes off an order like those of the trial.

    Raises:
        DataError: If the offer takes nothing off goods.
    """
    if offer.kind == "free_delivery":
        raise DataError(
            f"offer {offer.offer_id!r} takes off the delivery fee and not off goods; only a price "
            "reduction can be weighed against its margin"
        )
    if offer.kind == "percent":
        return trial.scope_value_per_order * min(float(offer.value), 100.0) / 100
    return min(float(offer.value), trial.scope_value_per_order)


def eligible_shoppers(
    dataset: Dataset, offer: Offer, at: datetime, *, rest_days: int = REST_DAYS
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return who may be told of the offer, and how many may not by reason.

    The offer must not have ended and must cover something in stock until its end. A shopper must
    have been seen before `at`, have bought at least once, and have been shown or used no offer for
    `rest_days`.

    Raises:
        DataError: If the offer has ended or covers nothing whose stock lasts.
    """
    if offer.ends_at is not None and offer.ends_at < at:
        raise DataError(
            f"offer {offer.offer_id!r} ended on {offer.ends_at.date()}, before {at.date()}; choose "
            "one that runs or is to come, or an earlier moment with `--at`"
        )
    if not (in_scope(dataset, offer) & ~will_run_out(dataset, offer, at)).any():
        raise DataError(
            f"offer {offer.offer_id!r} covers no product that is in stock until its end"
        )
    events = dataset.events.filter(pl.col("at") < at)
    known = events["shopper_id"].unique()
    bought = events.filter(pl.col("type") == "purchase")["shopper_id"].unique()
    lately = events.filter(
        pl.col("type").is_in(["offer_view", "offer_redeem"])
        & (pl.col("at") >= at - timedelta(days=rest_days))
    )["shopper_id"].unique()
    never_bought = known.filter(~known.is_in(bought.implode()))
    resting = bought.filter(bought.is_in(lately.implode()))
    kept = bought.filter(~bought.is_in(lately.implode())).sort()
    return tuple(kept), {
        "never bought": never_bought.len(),
        f"shown or used an offer within {rest_days} days": resting.len(),
    }


def _aligned(before: ShopperFeatures, now: ShopperFeatures) -> NDArray[np.float64]:
    """Return today's features in the columns of the trial; a category it had not is left out."""
    column = {name: place for place, name in enumerate(now.names)}
    values = np.zeros((len(now.shopper_ids), len(before.names)))
    for place, name in enumerate(before.names):
        if name in column:
            values[:, place] = now.values[:, column[name]]
        else:
            values[:, place] = before.values[:, place].mean()
    return values
