"""Hard constraints as masks over our own columns; when nothing is left, what stands in the way.

A product that does not state what is asked (no price, no stock) never passes a condition on it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import accumulate
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from retrieval.data.amounts import amount_of
from retrieval.data.dataset import Catalogue, Product, to_minor
from retrieval.query import Constraints

Mask = NDArray[np.bool_]
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
LETTER = rf"[^\W_{CJK}]"
"""A letter or digit of a script that puts spaces between words."""
DENIED = re.compile(
    rf"(?:(?<!{LETTER})(?:no|without|non|free of|free from|zero)[ -]?|(?:不含|无|没有) ?)\Z"
)
FREE = re.compile(rf"[ -]free(?!{LETTER})")
DENIAL = 14
"""Characters before a word that may deny it."""


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
        constraints: What is asked; if together they allow any of `among`, nothing is returned.
        among: Products that answer the wish, shape (n_products,).
    """
    masks = _single(catalogue, constraints)
    if np.all([among, *masks.values()], axis=0).any():
        return ()  # something meets them all: no constraint is in the way
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
    return masks | _worded(columns_of(catalogue), c)


def _worded(columns: Columns, c: Constraints) -> dict[str, Mask]:
    masks: dict[str, Mask] = {}
    for name, found in (("categories", columns.in_category), ("brands", columns.of_brand)):
        if wanted := _folded(getattr(c, name)):
            masks[name] = found(wanted)
        if unwanted := _folded(getattr(c, f"exclude_{name}")):
            masks[f"exclude_{name}"] = ~found(unwanted)
    stated = [columns.stating(name, value) for name, value in c.attributes.items()]
    if stated:
        masks["attributes"] = np.logical_and.reduce(stated)
    unstated = [columns.stating(name, value) for name, value in c.exclude_attributes.items()]
    if unstated:
        masks["exclude_attributes"] = ~np.logical_or.reduce(unstated)
    for field, sign in (("attributes_min", 1), ("attributes_max", -1)):
        held = [columns.reaching(n, amount, sign) for n, amount in getattr(c, field).items()]
        if held:
            masks[field] = np.logical_and.reduce(held)
    mentioned = [columns.mentioning(word) for word in sorted(_folded(c.exclude_words))]
    if mentioned:
        masks["exclude_words"] = ~np.logical_or.reduce(mentioned)
    return masks


def _folded(names: Sequence[str]) -> frozenset[str]:
    return frozenset(name for name in map(fold, names) if name)


class Columns:
    """The words of a catalogue, folded and numbered once, for masks of shape (n_products,)."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._products = catalogue.products
        self._brand_code = catalogue.brand_code
        self._brands = [fold(brand) for brand in catalogue.brands]
        codes: dict[frozenset[str], int] = {}
        paths = [codes.setdefault(_names(p), len(codes)) for p in catalogue.products]
        self._path_code = np.array(paths, np.int64)
        self._paths = list(codes)

    def in_category(self, names: frozenset[str]) -> Mask:
        """Which products have one of the folded names on their path."""
        return _taken([bool(names & path) for path in self._paths], self._path_code)

    def of_brand(self, names: frozenset[str]) -> Mask:
        """Which products are of one of the folded brands; without a brand, of none."""
        return _taken([brand in names for brand in self._brands], self._brand_code)

    def stating(self, name: str, value: str) -> Mask:
        """Which products state the value, or hold it as whole words."""
        mask, word = np.zeros(len(self._products), bool), _word(value)
        for text, rows in self._attributes.get(fold(name), {}).items():
            if word.search(text):
                mask[rows] = True
        return mask

    def reaching(self, name: str, amount: str, sign: int) -> Mask:
        """Which products state at least the amount (sign 1) or at most (-1), of its kind."""
        mask = np.zeros(len(self._products), bool)
        least, kind = amount_of(amount) or (Decimal(0), None)
        for text, rows in self._attributes.get(fold(name), {}).items():
            stated = amount_of(text)
            if stated is not None and stated[1] == kind:
                mask[rows] = sign * stated[0] >= sign * least
        return mask

    def mentioning(self, word: str) -> Mask:
        """Which products mention the word."""
        mask = np.zeros(len(self._products), bool)
        text, starts = self._texts
        at = _affirmed(word, text, 0)
        while at >= 0:
            row = bisect_right(starts, at) - 1
            mask[row] = True
            at = _affirmed(word, text, starts[row + 1])
        return mask

    @cached_property
    def _attributes(self) -> dict[str, dict[str, list[int]]]:
        """Folded name to folded value to rows."""
        found: dict[str, dict[str, list[int]]] = {}
        for row, product in enumerate(self._products):
            for name, value in product.attributes.items():
                found.setdefault(fold(name), {}).setdefault(fold(value), []).append(row)
        return found

    @cached_property
    def _texts(self) -> tuple[str, list[int]]:
        """All products' folded texts in one, and where each begins (and the last one ends)."""
        texts = ["\n".join(map(fold, _spoken(product))) + "\n" for product in self._products]
        return "".join(texts), [0, *accumulate(map(len, texts))]


_COLUMNS: WeakKeyDictionary[Catalogue, Columns] = WeakKeyDictionary()


def columns_of(catalogue: Catalogue) -> Columns:
    """Return the catalogue's folded words, made at the first call and kept as long as it lives."""
    found = _COLUMNS.get(catalogue)
    if found is None:
        found = _COLUMNS[catalogue] = Columns(catalogue)
    return found


def _taken(is_meant: Sequence[bool], code: NDArray[np.int64]) -> Mask:
    """Look codes up, -1 as False."""
    return np.array([*is_meant, False], bool)[code]


def fold(name: str) -> str:
    """Return the name for comparison: no case, single spaces."""
    return " ".join(name.casefold().split())


def _names(product: Product) -> frozenset[str]:
    """Every name on the product's path in any language, and the whole path."""
    paths = [product.category]
    for translation in product.translations.values():
        category = translation.get("category")
        if isinstance(category, list):
            paths.append(tuple(map(str, category)))
    return _folded([name for path in paths for name in (*path, " > ".join(path))])


def mentions(product: Product, word: str) -> bool:
    """Whether the word stands in the title, an attribute value or the description.

    A place that denies it ("leather-free", "no leather", "without leather") does not count.
    """
    return any(_affirmed(word, fold(text), 0) >= 0 for text in _spoken(product))


def _affirmed(word: str, text: str, start: int) -> int:
    """Return where a folded text first holds the word as a whole and undenied, else -1."""
    wanted, whole = fold(word), _word(word)
    at = text.find(wanted, start) if wanted else -1
    while at >= 0:
        match = whole.match(text, at)
        is_denied = match is not None and (
            DENIED.search(text, max(0, at - DENIAL), at) or FREE.match(text, match.end())
        )
        if match is not None and not is_denied:
            return at
        at = text.find(wanted, at + 1)
    return -1


def _spoken(product: Product) -> list[str]:
    """The texts of a product, in all its languages."""
    texts = [product.title, *product.attributes.values(), product.description]
    for translation in product.translations.values():
        texts += [str(translation.get("title") or ""), str(translation.get("description") or "")]
    return texts


@lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    """Match the word as a whole (plural too); CJK text has no word ends, so anywhere."""
    folded = fold(word)
    if re.search(f"[{CJK}]", folded):
        return re.compile(re.escape(folded))
    return re.compile(rf"(?<!{LETTER}){re.escape(folded)}(?:s|es)?(?!{LETTER})")
