"""The shop as tables: what ingest writes, what everything else reads.

Tables are Polars frames saved as Parquet; `Catalogue` is the products once more as arrays and small
objects, in row order, for masks and look-ups. Money is kept in minor units (1/100 of the currency)
in tables and is `Decimal` outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.errors import StoreError

UTC_TIME = pl.Datetime("us", "UTC")

PRODUCT_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "product_id": pl.String,
    "title": pl.String,
    "description": pl.String,
    "category": pl.List(pl.String),
    "brand": pl.String,
    "price_minor": pl.Int64,
    "list_price_minor": pl.Int64,
    "stock": pl.Int64,
    "margin": pl.Float64,
    "image_url": pl.String,
    "url": pl.String,
    "rating": pl.Float64,
    "rating_count": pl.Int64,
    "attributes": pl.String,  # JSON object of strings, keys sorted
    "item_group_id": pl.String,
    "language": pl.String,
    "translations": pl.String,  # JSON object: language -> Translation
}
REVIEW_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "review_id": pl.String,
    "product_id": pl.String,
    "text": pl.String,
    "shopper_id": pl.String,
    "rating": pl.Float64,
    "title": pl.String,
    "created_at": UTC_TIME,
    "verified": pl.Boolean,
    "helpful": pl.Int64,
    "language": pl.String,
}
SPAN_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "span_id": pl.String,  # review_id#ordinal
    "review_id": pl.String,
    "product_id": pl.String,
    "start": pl.Int64,  # characters into the review's text
    "end": pl.Int64,
    "text": pl.String,  # == review.text[start:end]
}
EVENT_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "event_id": pl.String,
    "shopper_id": pl.String,
    "type": pl.String,
    "at": UTC_TIME,
    "session_id": pl.String,
    "order_id": pl.String,
    "product_id": pl.String,
    "search_text": pl.String,
    "quantity": pl.Float64,
    "price_minor": pl.Int64,
    "offer_id": pl.String,
}
OFFER_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "offer_id": pl.String,
    "kind": pl.String,
    "value": pl.Float64,  # percent, or store currency
    "product_ids": pl.List(pl.String),
    "categories": pl.List(pl.String),
    "min_spend_minor": pl.Int64,
    "starts_at": UTC_TIME,
    "ends_at": UTC_TIME,
    "stackable": pl.Boolean,
}
TABLES = {
    "products": PRODUCT_COLUMNS,
    "reviews": REVIEW_COLUMNS,
    "spans": SPAN_COLUMNS,
    "events": EVENT_COLUMNS,
    "offers": OFFER_COLUMNS,
}


def to_money(minor: int | None) -> Decimal | None:
    """Minor units as money with two decimals; None stays None."""
    return None if minor is None else Decimal(minor).scaleb(-2)


def to_minor(money: Decimal) -> int:
    """Money as minor units, rounded half up."""
    return int((money * 100).quantize(Decimal(1), rounding="ROUND_HALF_UP"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One sellable variant, as the shop stated it."""

    product_id: str
    title: str
    description: str = ""
    category: tuple[str, ...] = ()
    brand: str | None = None
    price: Decimal | None = None
    list_price: Decimal | None = None
    stock: int | None = None
    margin: float | None = None
    """Staff only."""
    image_url: str | None = None
    url: str | None = None
    rating: float | None = None
    rating_count: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    item_group_id: str | None = None
    language: str | None = None
    translations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def leaf(self) -> str:
        """The narrowest category name, or an empty string."""
        return self.category[-1] if self.category else ""

    def title_in(self, language: str) -> str:
        """Return the title in a language, or the original one."""
        return str((self.translations.get(language) or {}).get("title") or self.title)


class Catalogue:
    """Products in row order, with arrays for masks. Row number = product index everywhere.

    Arrays have shape (n_products,): `price` (minor units as float, NaN if not stated), `stock`
    (-1 if not stated), `rating` (NaN), `rating_count` (0), `margin` (NaN), `leaf_code` and
    `brand_code` (-1 if none).
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self.products = tuple(products)
        self.product_ids = tuple(p.product_id for p in self.products)
        self._row = {product_id: row for row, product_id in enumerate(self.product_ids)}
        nan = float("nan")
        self.price = np.array(
            [nan if p.price is None else to_minor(p.price) for p in self.products], float
        )
        self.stock = np.array([-1 if p.stock is None else p.stock for p in self.products], np.int64)
        self.rating = np.array(
            [nan if p.rating is None else p.rating for p in self.products], float
        )
        self.rating_count = np.array([p.rating_count or 0 for p in self.products], np.int64)
        self.margin = np.array(
            [nan if p.margin is None else p.margin for p in self.products], float
        )
        self.leaves, self.leaf_code = _codes([" > ".join(p.category) for p in self.products])
        self.brands, self.brand_code = _codes([p.brand or "" for p in self.products])

    def __len__(self) -> int:
        return len(self.products)

    def __contains__(self, product_id: object) -> bool:
        return product_id in self._row

    def row(self, product_id: str) -> int:
        """Return the product's row; KeyError if unknown."""
        return self._row[product_id]

    def rows(self, product_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of the known ones among `product_ids`, in their order."""
        return np.array([self._row[p] for p in product_ids if p in self._row], np.int64)

    def __getitem__(self, product_id: str) -> Product:
        return self.products[self._row[product_id]]


def _codes(values: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    names = tuple(sorted({v for v in values if v}))
    code = {name: i for i, name in enumerate(names)}
    return names, np.array([code.get(v, -1) for v in values], np.int64)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """All tables of one shop. Products sorted by id; events by time, then id."""

    products: pl.DataFrame
    reviews: pl.DataFrame
    spans: pl.DataFrame
    events: pl.DataFrame
    offers: pl.DataFrame
    currency: str = "USD"

    @cached_property
    def catalogue(self) -> Catalogue:
        """The products as objects and arrays."""
        return Catalogue([_product(row) for row in self.products.iter_rows(named=True)])

    def save(self, folder: Path) -> None:
        """Write one Parquet file a table into `folder` (made if absent)."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).write_parquet(folder / f"{name}.parquet", compression="zstd")
        (folder / "shop.json").write_text(json.dumps({"currency": self.currency}), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """Read what `save` wrote.

        Raises:
            StoreError: If a table is missing or unreadable.
        """
        try:
            tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}
            shop = json.loads((folder / "shop.json").read_text("utf-8"))
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise StoreError(
                f"{folder}: the dataset cannot be read ({error}); build the store again with "
                "`python -m retrieval.build`"
            ) from error
        return cls(**tables, currency=shop["currency"])

    @classmethod
    def of(
        cls,
        *,
        products: Sequence[Mapping[str, object]] = (),
        reviews: Sequence[Mapping[str, object]] = (),
        spans: Sequence[Mapping[str, object]] = (),
        events: Sequence[Mapping[str, object]] = (),
        offers: Sequence[Mapping[str, object]] = (),
        currency: str = "USD",
    ) -> Dataset:
        """Make a dataset from rows with the columns of this module; absent columns become null."""
        return cls(
            products=frame(products, PRODUCT_COLUMNS).sort("product_id"),
            reviews=frame(reviews, REVIEW_COLUMNS).sort("review_id"),
            spans=frame(spans, SPAN_COLUMNS).sort("review_id", "start"),
            events=frame(events, EVENT_COLUMNS).sort("at", "event_id"),
            offers=frame(offers, OFFER_COLUMNS).sort("offer_id"),
            currency=currency,
        )


def frame(
    rows: Sequence[Mapping[str, object]],
    columns: Mapping[str, pl.DataType | type[pl.DataType]],
) -> pl.DataFrame:
    """Return the rows as a frame with exactly these columns and types."""
    return pl.DataFrame(
        [{name: row.get(name) for name in columns} for row in rows], schema=dict(columns)
    )


def _product(row: Mapping[str, object]) -> Product:
    values = {
        name: row[name]
        for name in (
            "product_id", "title", "brand", "stock", "margin", "image_url", "url", "rating",
            "rating_count", "item_group_id", "language",
        )
    }  # fmt: skip
    return Product(
        **values,  # type: ignore[arg-type]
        description=str(row["description"] or ""),
        category=tuple(row["category"] or ()),  # type: ignore[arg-type]
        price=to_money(row["price_minor"]),  # type: ignore[arg-type]
        list_price=to_money(row["list_price_minor"]),  # type: ignore[arg-type]
        attributes=json.loads(str(row["attributes"] or "{}")),
        translations=json.loads(str(row["translations"] or "{}")),
    )
