"""Amazon beauty: sequences with leave-one-out, and products bought together.

The last product of a sequence is the test, the one before it the validation. `bought_together` is
a second set of judgements over the same products: complements that the sequences do not state.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from eval.data.base import Case, History, NextTask, hash_files, need, take
from retrieval.data.dataset import Product


def load_beauty(data: Path, *, quick: bool = False) -> NextTask:
    """Return the leave-one-out task.

    Raises:
        DataError: If a file is missing.
    """
    paths = need(data / "beauty", "sequences_beauty.parquet", "products_beauty.parquet")
    sequences = pl.read_parquet(paths[0])
    if quick:
        sequences = sequences.head(800)
    products = _products(paths[1])
    row_of = {product.product_id: row for row, product in enumerate(products)}
    rows = [tuple(row_of[asin] for asin in sequence) for sequence in sequences["asins"]]
    return NextTask(
        name="beauty",
        split="leave-one-out: last product is the test, the one before it the validation",
        data_hash=hash_files(paths),
        products=products,
        tune_fit=[History(rows=row[:-2]) for row in rows],
        tune_cases=take(
            [Case(query_id=f"v{i}", context=r[:-2], target=r[-2]) for i, r in enumerate(rows)],
            200 if quick else 6_000,
        ),
        fit=[History(rows=row[:-1]) for row in rows],
        test_cases=take(
            [Case(query_id=f"t{i}", context=r[:-1], target=r[-1]) for i, r in enumerate(rows)],
            200 if quick else None,
        ),
        notes=("Sequences hold a product once, so products already taken are not ranked again.",),
    )


def load_bought_together(data: Path) -> dict[str, dict[str, int]]:
    """Return qrels: product id to the products listed as bought together (relevance 1).

    Products outside the catalogue are dropped; products left without any are absent.
    """
    (path,) = need(data / "beauty", "products_beauty.parquet")
    frame = pl.read_parquet(path, columns=["asin", "bought_together"])
    known = set(frame["asin"])
    qrels = {
        row["asin"]: {other: 1 for other in row["bought_together"] if other in known}
        for row in frame.iter_rows(named=True)
    }
    return {asin: others for asin, others in qrels.items() if others}


def _products(path: Path) -> list[Product]:
    frame = pl.read_parquet(path, columns=["asin", "brand", "categories"]).sort("asin")
    return [
        Product(
            product_id=row["asin"],
            # The source has no titles: brand and categories are all that is known in words.
            title=" ".join([row["brand"] or "", *(row["categories"] or [])]).strip() or row["asin"],
            brand=row["brand"] or None,
            category=tuple(row["categories"] or ()),
        )
        for row in frame.iter_rows(named=True)
    ]
