"""Recency, frequency and value of every shopper who bought, with quintile scores.

Counted from the purchases alone: an order is an `order_id`, or without one a session, or without
either a day. Value is what was paid where the line states a price (refunds are not taken off);
lines without one are counted beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.data.dataset import Dataset, to_money

N_SCORES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rfv:
    """One shopper's purchases in three numbers, each with its score from 1 to 5 (best)."""

    recency_days: int
    """Whole days from the last purchase to the end of the log."""
    last_purchase_at: datetime
    n_orders: int
    value: Decimal
    """Paid in the store's currency, over the lines that state a price."""
    n_purchases: int
    """Lines bought."""
    n_priced: int
    """Lines among them that state a price."""
    r: int
    f: int
    v: int
    n_shoppers: int
    """Shoppers with a purchase: those that the scores compare with."""

    @property
    def segment(self) -> str:
        """How recency and frequency go together, in neutral words."""
        if self.r >= 4 and self.f >= 4:
            return "often and lately"
        if self.r >= 4 and self.f <= 2:
            return "seldom, but lately"
        if self.r <= 2 and self.f >= 4:
            return "often, but not lately"
        if self.r <= 2 and self.f <= 2:
            return "seldom and not lately"
        return "in between"


def rfv_of(dataset: Dataset) -> Mapping[str, Rfv]:
    """Return shopper id to `Rfv`, for every shopper with a purchase."""
    bought = dataset.events.filter(pl.col("type") == "purchase")
    if not bought.height:
        return {}
    end = dataset.events["at"].max()
    assert isinstance(end, datetime)
    order = pl.coalesce("order_id", "session_id", pl.col("at").dt.date().cast(pl.String))
    found = (
        bought.with_columns(
            order=order,
            paid=pl.col("price_minor") * pl.col("quantity").fill_null(1.0),
        )
        .group_by("shopper_id")
        .agg(
            last=pl.col("at").max(),
            n_orders=pl.col("order").n_unique(),
            value=pl.col("paid").sum().round().cast(pl.Int64),
            n_purchases=pl.len(),
            n_priced=pl.col("paid").is_not_null().sum(),
        )
        .sort("shopper_id")
        .with_columns(recency=(pl.lit(end) - pl.col("last")).dt.total_days())
    )
    r = quintiles(-found["recency"].to_numpy().astype(float))
    f = quintiles(found["n_orders"].to_numpy().astype(float))
    v = quintiles(found["value"].to_numpy().astype(float))
    return {
        row["shopper_id"]: Rfv(
            recency_days=row["recency"],
            last_purchase_at=row["last"],
            n_orders=row["n_orders"],
            value=to_money(row["value"]) or Decimal(0),
            n_purchases=row["n_purchases"],
            n_priced=row["n_priced"],
            r=int(r[i]),
            f=int(f[i]),
            v=int(v[i]),
            n_shoppers=found.height,
        )
        for i, row in enumerate(found.iter_rows(named=True))
    }


def quintiles(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return 1 to 5 by the share of values that lie strictly below; equal values score alike."""
    below = np.searchsorted(np.sort(values), values, side="left")
    return np.asarray(1 + below * N_SCORES // max(1, len(values)), np.int64)
