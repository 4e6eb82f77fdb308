"""A randomised trial of an offer: who was treated, what they did, what they were like before.

Knows the log alone. The population are the shoppers with an event before the offer's start; of
them the treated are named by an assignment or, without one, by an `offer_view` of the offer in its
weeks. Shoppers first seen later are left out: among them only the treated are sure to be in the
log, which would make the arms differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.data.dataset import Dataset
from retrieval.errors import DataError
from retrieval.offers.shopper_features import in_scope
from retrieval.promotion import Offer, offers_of

Floats = NDArray[np.float64]
MIN_ARM = 100
"""Fewer shoppers in an arm say nothing about a difference between shoppers."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial, one element a shopper; arrays have shape (n_shoppers,), money is in currency."""

    offer: Offer
    shopper_ids: tuple[str, ...]
    treated: NDArray[np.bool_]
    starts_at: datetime
    ends_at: datetime
    responded: NDArray[np.bool_]
    """Bought something in the offer's scope in its weeks."""
    ordered: NDArray[np.bool_]
    """Bought anything in its weeks."""
    kept: Floats
    """Margin of all that was bought in its weeks, discounts taken off, refunds not."""
    given: Floats
    """Discount of the offer that was given."""
    order_margin: float
    """Mean margin of an order with a purchase in scope, before the offer's discount."""
    scope_value_per_order: float
    """Mean full price of what such an order holds in scope."""

    @cached_property
    def margin_per_response(self) -> float:
        """Margin, before discounts, that one more response brings.

        What the arms differ by in margin, over what they differ by in responses, sees orders that
        the offer only moved in time or made cheaper; but in a trial of some thousand shoppers it is
        mostly noise. So it is pulled to `order_margin`, by the precision of each; that an order of
        its kind was won is taken to be uncertain by half of its margin.
        """
        t, gross = self.treated, self.kept + self.given
        gain = float(self.responded[t].mean() - self.responded[~t].mean())
        spread = gross[t].var(ddof=1) / t.sum() + gross[~t].var(ddof=1) / (~t).sum()
        if gain <= 0 or self.order_margin <= 0:
            return self.order_margin
        seen = float(gross[t].mean() - gross[~t].mean()) / gain
        noise, doubt = float(spread) / gain**2, (self.order_margin / 2) ** 2
        return (seen * doubt + self.order_margin * noise) / (doubt + noise)


def find_offer(dataset: Dataset, offer_id: str) -> Offer:
    """Return the offer.

    Raises:
        DataError: If the store has none of this id, naming those it has.
    """
    offers = {offer.offer_id: offer for offer in offers_of(dataset.offers)}
    if offer_id in offers:
        return offers[offer_id]
    known = ", ".join(sorted(offers)[:8]) or "none"
    more = " …" if len(offers) > 8 else ""
    raise DataError(f"offer {offer_id!r} is not in this store; it has: {known}{more}")


def read_trial(
    dataset: Dataset,
    offer_id: str,
    *,
    assignment: Mapping[str, bool] | None = None,
    margin: float | None = None,
) -> Trial:
    """Take the trial of an offer out of the log.

    Args:
        dataset: A shop's tables.
        offer_id: An offer with a start and an end.
        assignment: Shopper to whether the coin said treated; None reads `offer_view` events.
        margin: Share of the price kept, for products that state no margin; None takes the median of
            those that do.

    Raises:
        DataError: If the offer has no dates, or an arm has fewer than `MIN_ARM` shoppers.
    """
    offer = find_offer(dataset, offer_id)
    if offer.starts_at is None or offer.ends_at is None:
        raise DataError(
            f"offer {offer_id!r} has no start or no end, so no weeks can be compared; state "
            "`starts_at` and `ends_at`"
        )
    starts_at, ends_at = offer.starts_at, offer.ends_at
    before = dataset.events.filter(pl.col("at") < starts_at)
    within = dataset.events.filter(pl.col("at").is_between(starts_at, ends_at))
    population = before["shopper_id"].unique().sort()
    if assignment is None:
        seen = within.filter((pl.col("type") == "offer_view") & (pl.col("offer_id") == offer_id))
        is_treated = population.is_in(seen["shopper_id"].implode())
    else:
        population = population.filter(population.is_in(list(assignment)))
        is_treated = pl.Series([assignment[s] for s in population], dtype=pl.Boolean)
    n_treated, n = int(is_treated.sum()), population.len()
    if min(n_treated, n - n_treated) < MIN_ARM:
        raise DataError(
            f"offer {offer_id!r} has no trial to learn from: {n_treated} shoppers were shown it "
            f"and {n - n_treated} were not, {MIN_ARM} of each are needed; name the offer of "
            "another trial with `--trial`"
        )
    lines = purchase_lines(dataset, offer, within, margin)
    outcome = pl.DataFrame({"shopper_id": population}).join(
        lines.group_by("shopper_id").agg(
            pl.col("in_scope").any(),
            pl.len().alias("n_lines"),
            pl.col("kept").sum(),
            pl.col("given").sum(),
        ),
        on="shopper_id",
        how="left",
        maintain_order="left",
    )
    orders = (
        lines.filter(pl.col("shopper_id").is_in(population.implode()))
        .group_by("shopper_id", pl.coalesce("order_id", "session_id", "event_id").alias("order"))
        .agg(
            pl.col("in_scope").any(),
            (pl.col("kept") + pl.col("given")).sum().alias("margin"),
            (pl.col("full") * pl.col("in_scope")).sum().alias("scope_value"),
        )
        .filter(pl.col("in_scope"))
    )
    return Trial(
        offer=offer,
        shopper_ids=tuple(population),
        treated=is_treated.to_numpy().astype(bool),
        starts_at=starts_at,
        ends_at=ends_at,
        responded=outcome["in_scope"].fill_null(value=False).to_numpy().astype(bool),
        ordered=(outcome["n_lines"].fill_null(0) > 0).to_numpy().astype(bool),
        kept=outcome["kept"].fill_null(0.0).to_numpy(),
        given=outcome["given"].fill_null(0.0).to_numpy(),
        order_margin=_mean(orders["margin"]),
        scope_value_per_order=_mean(orders["scope_value"]),
    )


def purchase_lines(
    dataset: Dataset, offer: Offer, events: pl.DataFrame, margin: float | None = None
) -> pl.DataFrame:
    """Return purchases with `full` (price before the offer), `given`, `kept` and `in_scope`.

    A line with the offer's id was paid after the reduction. A percentage is worked back from the
    price; another offer's `value` is shared among the reduced lines of the order by their price.
    """
    products = dataset.products.select(
        "product_id",
        pl.col("margin").fill_null(_usual_margin(dataset, margin)),
        pl.Series("in_scope", in_scope(dataset, offer)),
    )
    is_reduced = (pl.col("offer_id") == offer.offer_id).fill_null(value=False)
    paid = pl.col("price_minor") / 100 * pl.col("quantity").fill_null(1.0)
    if offer.kind == "percent":
        share = min(float(offer.value), 99.0) / 100
        given = pl.col("paid") * (share / (1 - share))
    else:
        order = pl.coalesce("order_id", "event_id")
        given = float(offer.value) * pl.col("paid") / pl.col("paid").sum().over(order)
    return (
        events.filter(pl.col("type") == "purchase")
        .join(products, on="product_id")
        .with_columns(paid=paid.fill_null(0.0))
        .with_columns(given=pl.when(is_reduced).then(given.fill_nan(0.0)).otherwise(0.0))
        .with_columns(full=pl.col("paid") + pl.col("given"))
        .with_columns(kept=pl.col("full") * pl.col("margin") - pl.col("given"))
    )


def _usual_margin(dataset: Dataset, margin: float | None) -> float:
    if margin is not None:
        return margin
    stated = dataset.products["margin"].drop_nulls()
    if not stated.len():
        raise DataError(
            "no product of this store states a `margin`, so nothing can be said about what an "
            "offer earns; state them, or give one for all with `--margin SHARE`"
        )
    return _mean(stated)


def _mean(values: pl.Series) -> float:
    return float(values.to_numpy().mean()) if values.len() else 0.0
