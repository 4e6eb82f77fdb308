"""Amazon office products: next product from a history, with text.

Learn from the *valid* rows only; a test history is a question and never learned from. While
tuning, one fifth of the valid rows' shoppers play the part of the test.
"""

from __future__ import annotations

import ast
import re
import zlib
from pathlib import Path

import polars as pl

from eval.data.base import Case, History, NextTask, hash_files, need, take
from retrieval.data.dataset import Product

TUNE_SHARE = 5
"""One shopper in this many is held out of the valid rows for tuning."""


def load_office(data: Path, *, quick: bool = False) -> NextTask:
    """Return the next-product task.

    Raises:
        DataError: If a file is missing.
    """
    names = [f"Office_Products_{part}.parquet" for part in ("items", "valid", "test")]
    paths = need(data / "office", *names)
    items, valid, test = (pl.read_parquet(path) for path in paths)
    items = items.sort("item_id")
    products = [
        Product(
            product_id=str(row["item_id"]),
            title=row["title"] or "untitled",
            description=clean_description(row["description"] or ""),
            brand=row["brand"],
        )
        for row in items.iter_rows(named=True)
    ]
    row_of = {int(p.product_id): i for i, p in enumerate(products)}
    held = valid["user_id"].map_elements(_is_held, return_dtype=pl.Boolean)
    return NextTask(
        name="office",
        split="fitted on the valid rows only; tuned on a fifth of their shoppers; test rows asked",
        data_hash=hash_files(paths),
        products=products,
        include_seen=True,
        tune_fit=_histories(valid.filter(~held), row_of),
        tune_cases=take(_cases(valid.filter(held), row_of, "v"), 200 if quick else None),
        fit=_histories(valid, row_of),
        test_cases=take(_cases(test, row_of, "t"), 200 if quick else None),
    )


def clean_description(text: str) -> str:
    """Return the words of a description that is a Python list of HTML pieces, at most 600 signs."""
    try:
        pieces = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pieces = [text]
    joined = " ".join(str(piece) for piece in pieces) if isinstance(pieces, list) else str(pieces)
    joined = re.sub(r"<!--.*?-->|<style.*?</style>|<[^>]+>", " ", joined, flags=re.DOTALL)
    return re.sub(r"\s+", " ", joined).strip()[:600]


def _is_held(shopper_id: str) -> bool:
    return zlib.crc32(shopper_id.encode()) % TUNE_SHARE == 0


def _histories(frame: pl.DataFrame, row_of: dict[int, int]) -> list[History]:
    """One history a shopper: of rows that grow by one product at a time only the last is kept.

    A row is (history, next). Rows of one shopper overlap, so each (history + next) that is the
    beginning of a longer one of the same shopper would count its products twice.
    """
    kept: list[History] = []
    for _, group in frame.group_by("user_id", maintain_order=True):
        full = [(*h, i) for h, i in zip(group["history_item_id"], group["item_id"], strict=True)]
        merged: list[int] = []
        for rows in full:
            merged = _merge(merged, list(rows))
        kept.append(History(rows=tuple(row_of[i] for i in merged)))
    return kept


def _merge(known: list[int], more: list[int]) -> list[int]:
    """Join two overlapping stretches of one sequence at their longest overlap."""
    for length in range(min(len(known), len(more)), 0, -1):
        if known[-length:] == more[:length]:
            return known + more[length:]
    return known + more


def _cases(frame: pl.DataFrame, row_of: dict[int, int], prefix: str) -> list[Case]:
    return [
        Case(
            query_id=f"{prefix}{i}",
            context=tuple(row_of[item] for item in row["history_item_id"]),
            target=row_of[row["item_id"]],
        )
        for i, row in enumerate(frame.iter_rows(named=True))
    ]
