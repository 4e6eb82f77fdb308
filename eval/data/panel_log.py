"""The household panel as a log of our products, weeks 1–44; weeks 45–53 are never read.

Products are grouped as the sample store `grocery` groups them, but from these weeks alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.data.household import LAST_TEST_WEEK, LAST_TUNE_WEEK, panel_dir
from eval.simulate.grocery import make_products, read_lines
from retrieval.behaviour.base import PURCHASE, Interactions, Rows

MIN_LINES = 60
DAY_US = 86_400e6


@dataclass(frozen=True, kw_only=True)
class PanelLog:
    """Purchases with the day on which each week of the panel begins."""

    log: Interactions
    quantity: NDArray[np.float64]
    """Of each event."""
    leaf_code: Rows
    """Category and type of each product."""
    test_from: float
    """Days since 1970: the first moment of week 37."""
    ends: float
    """The end of week 44."""
    data_hash: str


def load_panel_log(data: Path | None = None, *, quick: bool = False) -> PanelLog:
    """Read the purchases of weeks 1–44.

    Raises:
        DataError: If the panel is not there.
    """
    folder = panel_dir(data)
    lines = read_lines(folder).filter(pl.col("week") <= LAST_TEST_WEEK)
    if quick:
        lines = lines.filter(pl.col("household_id") % 10 == 0)
    records, mapping = make_products(lines, min_lines=MIN_LINES // (10 if quick else 1))
    records = records.sort("product_id").with_row_index("product")
    leaf = records["category"].list.join(" > ")
    leaves = {name: code for code, name in enumerate(leaf.unique().sort())}
    bought = (
        lines.filter(pl.col("quantity") > 0)
        .join(mapping, on="product_id")
        .join(records.select("product", our_id="product_id"), on="our_id")
        .group_by("household_id", "basket_id", "product")
        .agg(
            pl.col("transaction_timestamp").min().alias("at"),
            pl.col("quantity").sum(),
            pl.col("week").min(),
        )
        .sort("at", "basket_id", "product")
    )
    shoppers = bought["household_id"].unique().sort()
    day = bought["at"].cast(pl.Datetime("us")).dt.epoch("us").to_numpy() / DAY_US
    week = bought["week"].to_numpy()
    product = bought["product"].cast(pl.Int64).to_numpy()
    basket = bought["basket_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    log = Interactions(
        n_products=records.height,
        shopper_ids=tuple(f"h{name}" for name in shoppers),
        shopper=np.searchsorted(shoppers.to_numpy(), bought["household_id"].to_numpy()),
        product=product,
        type=np.full(len(day), PURCHASE, np.int8),
        day=day,
        basket=basket,
        session=basket,
        end_day=float(day.max()),
    )
    return PanelLog(
        log=log,
        quantity=bought["quantity"].cast(pl.Float64).to_numpy(),
        leaf_code=leaf.replace_strict(leaves, return_dtype=pl.Int64).to_numpy(),
        test_from=float(np.floor(day[week > LAST_TUNE_WEEK].min())),
        ends=float(np.ceil(day.max())),
        data_hash=hashlib.sha256((folder / "transactions.parquet").read_bytes()).hexdigest(),
    )
