"""One store's tables, read from their Parquet files as they lie on disk.

Knows nothing of `retrieval.data` or of how evidence is made, so that what the shop shows can be
compared with what the files say.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from retrieval.store import Store

WORD = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]+", re.IGNORECASE)
MIN_NAME_WORDS = 3
"""This many first words of a title name its product."""


def normal(text: str) -> str:
    """Return the text as a reader sees it: full-width signs narrow, unseen characters gone."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One product as its row says."""

    product_id: str
    titles: Mapping[str, str]
    """By language; a missing one is the row's own title."""
    brand: str | None
    price: Decimal | None
    list_price: Decimal | None
    stock: int | None
    rating: float | None
    rating_count: int
    categories: tuple[str, ...]
    """Every name on the path, in every language."""
    attributes: Mapping[str, tuple[str, ...]]
    """Name → its value in every language, the row's own first."""
    text: str
    """All its words in all its languages, lower case."""

    @property
    def name_words(self) -> frozenset[str]:
        """The words of its titles and categories, lower case."""
        texts = (*self.titles.values(), *self.categories)
        return frozenset(w for text in texts for w in WORD.findall(normal(text).casefold()))

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.titles.get(language, self.titles[""])


@dataclass(frozen=True, kw_only=True)
class ShopTable:
    """Products, review sentences and offers."""

    rows: Mapping[str, Row]
    sentences: Mapping[str, tuple[str, str]]
    """Span id → product and text, cut out of the review itself."""
    ratings: Mapping[str, tuple[float, ...]]
    """Product → the ratings of its reviews."""
    offers: Mapping[str, Mapping[str, Any]]
    currency: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attribute name → what the shop calls it."""

    @cached_property
    def brands(self) -> re.Pattern[str]:
        """Match any brand of the shop."""
        names = {normal(row.brand) for row in self.rows.values() if row.brand}
        longest = sorted((n for n in names if len(n) > 1), key=len, reverse=True)
        return re.compile("|".join(bounded(n) for n in longest) or r"(?!)", re.IGNORECASE)

    @cached_property
    def offer_ids(self) -> re.Pattern[str]:
        """Match any offer's code."""
        longest = sorted(self.offers, key=len, reverse=True)
        return re.compile("|".join(bounded(normal(n)) for n in longest) or r"(?!)", re.IGNORECASE)

    @cached_property
    def _names(self) -> frozenset[tuple[str, ...]]:
        """The first words of every title; a title of one word is too common to name a product."""
        found = set()
        for row in self.rows.values():
            for title in row.titles.values():
                words = tuple(WORD.findall(normal(title).casefold()))
                if len(words) > 1:
                    found.add(words[:MIN_NAME_WORDS])
        return frozenset(found)

    def names_in(self, text: str) -> Iterator[str]:
        """Yield the products named in a text by the first words of their titles."""
        words = WORD.findall(normal(text).casefold())
        for start in range(len(words)):
            for n in range(2, MIN_NAME_WORDS + 1):
                if tuple(words[start : start + n]) in self._names:
                    yield " ".join(words[start : start + n])


def bounded(string: str) -> str:
    """Return a pattern for a string that stands alone: in no longer word or number."""
    before = r"(?<![A-Za-z0-9])" if string[:1].isascii() and string[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if string[-1:].isascii() and string[-1:].isalnum() else ""
    return before + re.escape(string) + after


def table_of(store: Store) -> ShopTable:
    """Return an open store's tables, read from its files, once."""
    named = store.config.labels.values()
    return read_shop_table(store.snapshot, tuple(pair for names in named for pair in names.items()))


@lru_cache(maxsize=4)
def read_shop_table(store: Path, labels: tuple[tuple[str, str], ...] = ()) -> ShopTable:
    """Return a store's tables.

    Args:
        store: The store's directory.
        labels: Attribute and what the shop calls it, in any language, from its settings.
    """
    folder = store / "dataset"
    tables = {n: pl.read_parquet(folder / f"{n}.parquet") for n in ("products", "reviews", "spans")}
    texts = dict(tables["reviews"].select("review_id", "text").iter_rows())
    ratings: dict[str, list[float]] = {}
    for product_id, rating in tables["reviews"].select("product_id", "rating").iter_rows():
        if rating is not None:
            ratings.setdefault(product_id, []).append(rating)
    offers = pl.read_parquet(folder / "offers.parquet")
    called: dict[str, tuple[str, ...]] = {}
    for name, label in labels:
        called[name] = (*called.get(name, ()), label)
    return ShopTable(
        rows={row["product_id"]: _row(row) for row in tables["products"].iter_rows(named=True)},
        sentences={
            s["span_id"]: (s["product_id"], texts[s["review_id"]][s["start"] : s["end"]])
            for s in tables["spans"].iter_rows(named=True)
        },
        ratings={name: tuple(found) for name, found in ratings.items()},
        offers={row["offer_id"]: row for row in offers.iter_rows(named=True)},
        currency=json.loads((folder / "shop.json").read_text("utf-8"))["currency"],
        labels=called,
    )


def _row(row: Mapping[str, Any]) -> Row:
    """Return one line of the products table."""
    translations = json.loads(row["translations"] or "{}")
    attributes = json.loads(row["attributes"] or "{}")
    titles = {"": row["title"]} | {
        language: said["title"] for language, said in translations.items() if said.get("title")
    }
    names = [*(row["category"] or ())]
    for said in translations.values():
        names += said.get("category") or ()
    said = json.dumps(
        [row["description"], row["brand"], attributes, translations, *titles.values()],
        ensure_ascii=False,
    )
    return Row(
        product_id=row["product_id"],
        titles=titles,
        brand=row["brand"],
        price=_money(row["price_minor"]),
        list_price=_money(row["list_price_minor"]),
        stock=row["stock"],
        rating=row["rating"],
        rating_count=row["rating_count"] or 0,
        categories=tuple(dict.fromkeys(names)),
        attributes={
            name: (
                value,
                *(
                    str(said["attributes"][name])
                    for said in translations.values()
                    if (said.get("attributes") or {}).get(name)
                ),
            )
            for name, value in attributes.items()
        },
        text=normal(" ".join([said, *names])).casefold(),
    )


def _money(minor: int | None) -> Decimal | None:
    return None if minor is None else Decimal(minor) / 100
