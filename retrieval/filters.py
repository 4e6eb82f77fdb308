"""Hard constraints as masks over our own columns; when nothing is left, what stands in the way.

A product that does not state what is asked (no price, no stock) never passes a condition on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Catalogue, Product, to_minor
from retrieval.query import Constraints

Mask = NDArray[np.bool_]


def allowed(catalogue: Catalogue, constraints: Constraints) -> Mask:
    """Return which products meet every constraint on single products: shape (n_products,)."""
    mask = np.ones(len(catalogue), bool)
    for one in _single(catalogue, constraints).values():
        mask &= one
    return mask


def broken(catalogue: Catalogue, constraints: Constraints, row: int) -> tuple[str, ...]:
    """Return the names of the constraints that one product breaks, in their order."""
    return tuple(
        name for name, mask in _single(catalogue, constraints).items() if not bool(mask[row])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The nearest possible value of a constraint that alone stands in the way."""

    name: str
    """Constraint field."""
    value: Decimal | str
    row: int
    """A product that reaches it."""


def nearest_bounds(
    catalogue: Catalogue, constraints: Constraints, among: Mask
) -> tuple[Bound, ...]:
    """Return, for each constraint whose removal helps, the nearest value that something reaches.

    Args:
        catalogue: The products.
        constraints: Together they allow none of `among`.
        among: Products that answer the wish, shape (n_products,).
    """
    masks = _single(catalogue, constraints)
    found = []
    for name in masks:
        rest = among.copy()
        for other, mask in masks.items():
            if other != name:
                rest &= mask
        rows = np.flatnonzero(rest)
        if len(rows):
            found.append(_bound(catalogue, name, rows))
    return tuple(found)


def _bound(catalogue: Catalogue, name: str, rows: NDArray[np.int64]) -> Bound:
    price = catalogue.price[rows]
    if name == "price_max" and not np.isnan(price).all():
        row = int(rows[int(np.nanargmin(price))])
        return Bound(name=name, value=catalogue.products[row].price or Decimal(0), row=row)
    if name == "price_min" and not np.isnan(price).all():
        row = int(rows[int(np.nanargmax(price))])
        return Bound(name=name, value=catalogue.products[row].price or Decimal(0), row=row)
    if name == "rating_min" and not np.isnan(catalogue.rating[rows]).all():
        row = int(rows[int(np.nanargmax(catalogue.rating[rows]))])
        return Bound(name=name, value=str(catalogue.products[row].rating), row=row)
    row = int(rows[0])
    product = catalogue.products[row]
    value = {
        "categories": " > ".join(product.category),
        "exclude_categories": " > ".join(product.category),
        "brands": product.brand or "",
        "exclude_brands": product.brand or "",
        "in_stock": "0" if product.stock == 0 else "",
    }.get(name, product.title)
    return Bound(name=name, value=value, row=row)


def _single(catalogue: Catalogue, c: Constraints) -> Mapping[str, Mask]:
    """Masks by constraint name; only constraints that are set."""
    masks = _column_masks(catalogue, c)
    for name, test in _product_tests(c).items():
        masks[name] = np.fromiter((test(p) for p in catalogue.products), bool, len(catalogue))
    return masks


def _column_masks(catalogue: Catalogue, c: Constraints) -> dict[str, Mask]:
    masks: dict[str, Mask] = {}
    with np.errstate(invalid="ignore"):
        if c.price_min is not None:
            masks["price_min"] = catalogue.price >= to_minor(c.price_min)
        if c.price_max is not None:
            masks["price_max"] = catalogue.price <= to_minor(c.price_max)
        if c.rating_min is not None:
            masks["rating_min"] = catalogue.rating >= c.rating_min
    if c.in_stock:
        masks["in_stock"] = catalogue.stock > 0
    if c.exclude:
        masks["exclude"] = ~np.isin(np.arange(len(catalogue)), catalogue.rows(c.exclude))
    return masks


def _product_tests(c: Constraints) -> dict[str, Callable[[Product], bool]]:
    wanted, unwanted = set(map(fold, c.categories)), set(map(fold, c.exclude_categories))
    brands, no_brands = set(map(fold, c.brands)), set(map(fold, c.exclude_brands))
    asked: dict[str, tuple[object, Callable[[Product], bool]]] = {
        "categories": (wanted, lambda p: bool(wanted & _names(p))),
        "exclude_categories": (unwanted, lambda p: not unwanted & _names(p)),
        "brands": (brands, lambda p: fold(p.brand or "") in brands),
        "exclude_brands": (no_brands, lambda p: fold(p.brand or "") not in no_brands),
        "attributes": (
            c.attributes,
            lambda p: all(states(p, k, v) for k, v in c.attributes.items()),
        ),
        "exclude_attributes": (
            c.exclude_attributes,
            lambda p: not any(states(p, k, v) for k, v in c.exclude_attributes.items()),
        ),
        "exclude_words": (
            c.exclude_words,
            lambda p: not any(mentions(p, word) for word in c.exclude_words),
        ),
    }
    return {name: test for name, (value, test) in asked.items() if value}


def fold(name: str) -> str:
    """Return the name for comparison: no case, single spaces."""
    return " ".join(name.casefold().split())


def _names(product: Product) -> set[str]:
    names = {fold(c) for c in product.category}
    names.add(fold(" > ".join(product.category)))
    for translation in product.translations.values():
        category = translation.get("category")
        if isinstance(category, list):
            names |= {fold(str(c)) for c in category}
    return names


def states(product: Product, name: str, value: str) -> bool:
    """Whether the product's attribute equals the value, or holds it as whole words."""
    wanted_name = fold(name)
    for own_name, own_value in product.attributes.items():
        if fold(own_name) == wanted_name and _word(value).search(fold(own_value)):
            return True
    return False


def mentions(product: Product, word: str) -> bool:
    """Whether the word stands in the title, an attribute value or the description.

    A description that denies it ("leather-free", "no leather", "without leather") does not count.
    """
    texts = [product.title, *product.attributes.values(), product.description]
    for translation in product.translations.values():
        texts += [str(translation.get("title") or ""), str(translation.get("description") or "")]
    return any(
        _word(word).search(_denied(word).sub(" ", text)) for text in map(fold, texts) if text
    )


@lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    """Match the word as a whole (plural too); CJK text has no word ends, so anywhere."""
    folded = re.escape(fold(word))
    if not re.search(r"[a-z0-9]", folded):
        return re.compile(folded)
    return re.compile(rf"(?<![a-z0-9]){folded}(?:s|es)?(?![a-z0-9])")


@lru_cache(maxsize=512)
def _denied(word: str) -> re.Pattern[str]:
    folded = re.escape(fold(word))
    return re.compile(
        rf"(?:no|without|non|free of|free from|zero|不含|无|没有)[ -]?{folded}|{folded}[ -]free"
    )
