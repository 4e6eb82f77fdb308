"""Real dirty catalogues, where the shared data are at hand."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
import zstandard

from retrieval.data.ingest import ingest

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data are not on this machine"),
]


def test_marketplace_with_wrong_decodings(tmp_path):
    frame = pl.read_parquet(DATA / "amazon_in" / "amazon_in.parquet")
    products, reviews = tmp_path / "p.jsonl", tmp_path / "r.parquet"
    frame.select(
        "product_id",
        title="product_name",
        description=pl.col("about_product").str.replace_all("|", "\n", literal=True),
        category=pl.col("category").str.split("|"),
        price="discounted_price_inr",
        list_price="actual_price_inr",
        currency=pl.lit("INR"),
    ).write_ndjson(products)
    frame.select(
        pl.col("review_id").str.split(",").list.first(), "product_id", text="review_content"
    ).write_parquet(reviews)
    result = ingest(products, reviews, on_error="skip")
    # 1,465 rows hold 1,351 ids; a product's reviews stand again on each of its rows
    assert len(result.dataset.products) == 1351
    assert result.report["rejected_by"]["products"] == 114
    assert result.report["cleaned"]["mojibake"] > 300
    texts = [*result.dataset.reviews["text"], *result.dataset.products["description"]]
    assert not [text for text in texts if re.search("ðŸ|â€™", text)]


def test_nineteen_thousand_products_with_five_thousand_attributes(tmp_path):
    path = tmp_path / "p.jsonl"
    source = DATA / "icecat" / "products.jsonl.zst"
    with zstandard.open(source, "rt", encoding="utf-8") as lines, path.open("w") as out:
        for line in lines:
            row = json.loads(line)
            product = {
                "product_id": int(row["id"]),
                "title": row["title"],
                "description": row.get("description"),
                "price": row["price"] / 100 if row.get("price") else None,
                "attributes": {k[5:]: v for k, v in row.items() if k.startswith("attr_")},
                "ean": row.get("ean"),
            }
            out.write(json.dumps(product) + "\n")
    result = ingest(path)
    assert len(result.dataset.products) == 19_406
    assert result.report["ignored_fields"]["products"]["ean"] > 10_000
    assert not result.dataset.products["description"].str.contains("<br").any()
