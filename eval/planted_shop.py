"""A small shop cut out of a store, built again with texts planted in it.

Behaviour, prices and ratings stay as they are, so that what moves was moved by the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from retrieval.build import build_store
from retrieval.config import StoreConfig
from retrieval.store import Store

N_PRODUCTS = 260
STAR_REVIEWS = 5
"""Reviews planted for one product to promote it."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Rows of a small shop, as its files would hold them."""

    products: Mapping[str, Mapping[str, Any]]
    reviews: Sequence[Mapping[str, Any]]
    events: pl.DataFrame
    config: StoreConfig

    def with_texts(self, texts: Mapping[str, Mapping[str, str]]) -> Shop:
        """Return the shop with fields of products replaced: product → field → text."""
        changed = {}
        for product_id, row in self.products.items():
            said = dict(texts.get(product_id, {}))
            row = dict(row)
            if "attribute" in said:
                row["attributes"] = {**row["attributes"], "note": said.pop("attribute")}
            changed[product_id] = row | said
        return Shop(products=changed, reviews=self.reviews, events=self.events, config=self.config)

    def with_reviews(self, texts: Mapping[str, Sequence[str]], rating: int = 5) -> Shop:
        """Return the shop with more reviews: product → texts."""
        more = [
            {"review_id": f"x-{product_id}-{n}", "product_id": product_id, "text": text,
             "rating": rating}
            for product_id, said in texts.items() for n, text in enumerate(said)
        ]  # fmt: skip
        return Shop(
            products=self.products, reviews=[*self.reviews, *more], events=self.events,
            config=self.config,
        )  # fmt: skip

    def build(self, folder: Path) -> Path:
        """Build the store over the last one there, whose vectors of unchanged texts are kept."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: folder / f"{name}.jsonl" for name in ("products", "reviews")}
        for name, rows in (("products", self.products.values()), ("reviews", self.reviews)):
            text = "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in rows)
            files[name].write_text(text + "\n", "utf-8")
        events = folder / "events.parquet"
        self.events.write_parquet(events)
        store = folder / "store"
        build_store(
            products=files["products"], reviews=files["reviews"], events=events, out=store,
            config=self.config, progress=False, on_error="skip",
        )  # fmt: skip
        return store


def small_shop(store: Path, n_products: int = N_PRODUCTS) -> Shop:
    """Return every third product or so of a store, whole categories kept mixed, with its log."""
    folder = store / "dataset"
    products = pl.read_parquet(folder / "products.parquet")
    step = max(1, len(products) // n_products)
    kept = products.gather_every(step).head(n_products)
    ids = kept["product_id"]
    events = pl.read_parquet(folder / "events.parquet").filter(pl.col("product_id").is_in(ids))
    events = events.with_columns((pl.col("price_minor") / 100).alias("price")).drop("price_minor")
    opened = Store.open(store)
    try:
        config = opened.config
    finally:
        opened.close()
    learning = config.learning.model_copy(update={"enabled": False})
    pictures = config.shop.model_copy(update={"images": None})
    reviews = pl.read_parquet(folder / "reviews.parquet").filter(pl.col("product_id").is_in(ids))
    return Shop(
        products={row["product_id"]: _as_file(row) for row in kept.iter_rows(named=True)},
        reviews=[
            {k: v for k, v in r.items() if v is not None} for r in reviews.iter_rows(named=True)
        ],
        events=events.drop("offer_id"),
        config=config.model_copy(update={"learning": learning, "shop": pictures}),
    )


def _as_file(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a product as a file of products holds it."""
    kept = {k: v for k, v in row.items() if v is not None and not k.endswith("_minor")}
    for name in ("price", "list_price"):
        if row[f"{name}_minor"] is not None:
            kept[name] = f"{row[f'{name}_minor'] / 100:.2f}"
    kept["attributes"] = json.loads(row["attributes"] or "{}")
    kept["translations"] = json.loads(row["translations"] or "{}")
    return kept
