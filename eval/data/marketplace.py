"""A real marketplace's dirty export as a store: a shop that nothing of ours was made for.

`amazon_in`: 1,465 rows, several of one product, prices in rupees, up to eight reviews a row joined
by commas. Only the first review id of a row is kept, with all of its text; repeats are rejected.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from retrieval.build import build_store
from retrieval.errors import DataError


def marketplace_store(data: Path, cache: Path) -> Path:
    """Return the store, built once into the cache.

    Raises:
        DataError: If the export is not there.
    """
    source, folder = data / "amazon_in" / "amazon_in.parquet", cache / "stores" / "marketplace"
    if (folder / "store").exists():
        return folder / "store"
    if not source.is_file():
        raise DataError(f"{source}: not found; give the folder of the data with `--data`")
    folder.mkdir(parents=True, exist_ok=True)
    rows = pl.read_parquet(source)
    rows.select(
        "product_id",
        title="product_name",
        description=pl.col("about_product").str.replace_all("|", "\n", literal=True),
        category=pl.col("category").str.split("|"),
        price="discounted_price_inr",
        list_price="actual_price_inr",
        currency=pl.lit("INR"),
        rating=pl.col("rating").cast(pl.Float64, strict=False),
        rating_count=pl.col("rating_count").cast(pl.Int64),
    ).write_ndjson(folder / "products.jsonl")
    reviews = rows.select(
        pl.col("review_id").str.split(",").list.first(), "product_id",
        rating=pl.col("rating").cast(pl.Float64, strict=False).round(), text="review_content",
    )  # fmt: skip
    unique = reviews.unique("review_id", maintain_order=True)
    unique.write_parquet(folder / "reviews.parquet")
    build_store(
        products=folder / "products.jsonl",
        reviews=folder / "reviews.parquet",
        out=folder / "store",
        on_error="skip",
    )
    return folder / "store"
