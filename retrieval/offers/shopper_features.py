"""What a shopper was like at a moment: numbers from the events before it, and from nothing else.

Used where a model has to tell shoppers apart (who is moved by an offer). Age, sex, place and names
are not in the log and are not asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.data.dataset import Dataset
from retrieval.promotion import Offer

Floats = NDArray[np.float64]
RECENT_DAYS = 90
LONG_AGO_DAYS = 365.0
"""Recency of a shopper who never did it."""
EVENT_WEIGHT = {"view": 0.2, "add_to_cart": 0.5, "purchase": 1.0}
SHARE_PRIOR = 3.0
"""Weighted events added to a shopper's categories, spread like those of all shoppers."""
MAX_CATEGORIES = 24
"""The most frequent top categories get a share of their own."""


@dataclass(frozen=True, kw_only=True)
class ShopperFeatures:
    """A table of numbers: `values` has shape (n_shoppers, n_features), without gaps."""

    shopper_ids: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    at: datetime

    def column(self, name: str) -> Floats:
        """Return one feature, shape (n_shoppers,)."""
        return self.values[:, self.names.index(name)]


def shopper_features(
    dataset: Dataset, shopper_ids: Sequence[str], at: datetime, offer: Offer
) -> ShopperFeatures:
    """Compute recency, frequency, value, price level, category shares and use of offers.

    Args:
        dataset: A shop's tables; only events before `at` are read.
        shopper_ids: Whom to describe; a shopper without earlier events gets what all have in
            common.
        at: The moment of assignment.
        offer: Its scope gives the features that speak of the scope.
    """
    events = dataset.events.filter(pl.col("at") < at)
    products = _products(dataset, offer)
    seen = events.filter(pl.col("type").is_in(list(EVENT_WEIGHT))).join(products, on="product_id")
    table = pl.DataFrame({"shopper_id": list(shopper_ids)}, schema={"shopper_id": pl.String})
    for part in (
        _activity(events, at),
        _purchases(seen.filter(pl.col("type") == "purchase"), at),
        _scope(seen),
        _shares(seen, table["shopper_id"]),
    ):
        table = table.join(part, on="shopper_id", how="left", maintain_order="left")
    recency = [name for name in table.columns if name.startswith("days_since")]
    table = table.with_columns(pl.col(recency).fill_null(LONG_AGO_DAYS)).fill_null(0.0)
    names = tuple(name for name in table.columns if name != "shopper_id")
    values = table.select(pl.col(names).cast(pl.Float64)).to_numpy()
    return ShopperFeatures(shopper_ids=tuple(shopper_ids), names=names, values=values, at=at)


def in_scope(dataset: Dataset, offer: Offer) -> NDArray[np.bool_]:
    """Return which products the offer covers, shape (n_products,), in the table's order."""
    return np.array([offer.covers(product) for product in dataset.catalogue.products], bool)


def _products(dataset: Dataset, offer: Offer) -> pl.DataFrame:
    """Return product_id, top category, whether in scope, and log price against its leaf."""
    catalogue = dataset.catalogue
    price = np.where(catalogue.price > 0, catalogue.price, np.nan)
    frame = pl.DataFrame(
        {
            "product_id": list(catalogue.product_ids),
            "top": [
                product.category[0] if product.category else "" for product in catalogue.products
            ],
            "leaf": catalogue.leaf_code,
            "price": price,
            "in_scope": in_scope(dataset, offer),
        },
        schema_overrides={"product_id": pl.String, "top": pl.String},
    ).with_columns(pl.col("price").fill_nan(None))
    level = (pl.col("price") / pl.col("price").median().over("leaf")).log()
    return frame.with_columns(price_level=level.fill_null(0.0)).drop("leaf", "price")


def _days_since(at: datetime, moment: pl.Expr) -> pl.Expr:
    days = (pl.lit(at) - moment).dt.total_seconds() / 86_400
    return days.clip(0, LONG_AGO_DAYS)


def _log(count: pl.Expr) -> pl.Expr:
    return (count.cast(pl.Float64) + 1).log()


def _activity(events: pl.DataFrame, at: datetime) -> pl.DataFrame:
    recent = pl.col("at") >= at - timedelta(days=RECENT_DAYS)
    kind = pl.col("type")
    return events.group_by("shopper_id", maintain_order=True).agg(
        _days_since(at, pl.col("at").max()).alias("days_since_event"),
        _log(recent.sum()).alias("log_events_recent"),
        _log((kind == "view").sum()).alias("log_views"),
        _log((kind == "search").sum()).alias("log_searches"),
        _log((kind == "refund").sum()).alias("log_refunds"),
        _log((kind == "offer_view").sum()).alias("log_offers_seen"),
        _log((kind == "offer_redeem").sum()).alias("log_offers_used"),
    )


def _purchases(bought: pl.DataFrame, at: datetime) -> pl.DataFrame:
    order = pl.coalesce("order_id", "session_id", "event_id")
    recent = pl.col("at") >= at - timedelta(days=RECENT_DAYS)
    spent = pl.col("price_minor").fill_null(0) / 100 * pl.col("quantity").fill_null(1.0)
    n_orders, total = order.n_unique(), spent.sum()
    return bought.group_by("shopper_id", maintain_order=True).agg(
        _days_since(at, pl.col("at").max()).alias("days_since_order"),
        _log(n_orders).alias("log_orders"),
        _log(order.filter(recent).n_unique()).alias("log_orders_recent"),
        _log(total).alias("log_spent"),
        _log(total / n_orders).alias("log_order_value"),
        # pulled towards the middle of the leaf by two lines
        (pl.col("price_level").sum() / (pl.len() + 2)).alias("price_level"),
        (pl.col("offer_id").is_not_null().sum() / (pl.len() + 2)).alias("reduced_share"),
        (pl.col("in_scope").any() & True).cast(pl.Float64).alias("has_bought_in_scope"),
        _days_since(at, pl.col("at").filter(pl.col("in_scope")).max()).alias(
            "days_since_scope_order"
        ),
    )


def _weight() -> pl.Expr:
    return pl.col("type").replace_strict(EVENT_WEIGHT, return_dtype=pl.Float64)


def _scope(seen: pl.DataFrame) -> pl.DataFrame:
    weight = _weight()
    everywhere = seen.select((weight * pl.col("in_scope")).sum() / weight.sum()).item() or 0.0
    return seen.group_by("shopper_id", maintain_order=True).agg(
        (
            ((weight * pl.col("in_scope")).sum() + SHARE_PRIOR * everywhere)
            / (weight.sum() + SHARE_PRIOR)
        ).alias("scope_share"),
        ((weight * pl.col("price_level")).sum() / (weight.sum() + SHARE_PRIOR)).alias(
            "price_level_seen"
        ),
    )


def _shares(seen: pl.DataFrame, shopper_ids: pl.Series) -> pl.DataFrame:
    """Return each shopper's smoothed share of the most frequent top categories."""
    weighted = seen.with_columns(w=_weight())
    tops = (
        weighted.group_by("top", maintain_order=True)
        .agg(pl.col("w").sum())
        .sort(["w", "top"], descending=[True, False])
    ).head(MAX_CATEGORIES)
    total = float(weighted["w"].sum()) or 1.0
    mine = weighted.group_by("shopper_id", "top", maintain_order=True).agg(pl.col("w").sum())
    all_of = mine.group_by("shopper_id", maintain_order=True).agg(pl.col("w").sum().alias("all"))
    table = pl.DataFrame({"shopper_id": shopper_ids}).join(all_of, on="shopper_id", how="left")
    table = table.with_columns(pl.col("all").fill_null(0.0))
    for top, weight in sorted(tops.iter_rows()):
        here = mine.filter(pl.col("top") == top).select("shopper_id", "w")
        share = (pl.col("w").fill_null(0.0) + SHARE_PRIOR * weight / total) / (
            pl.col("all") + SHARE_PRIOR
        )
        table = (
            table.join(here, on="shopper_id", how="left", maintain_order="left")
            .with_columns(share.alias(f"share of {top or 'no category'}"))
            .drop("w")
        )
    return table.drop("all")
