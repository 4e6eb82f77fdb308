"""What works with what, read from attributes.

A product that states `fits X: V` works with products whose attribute `X` is V (several values are
separated by commas, semicolons or slashes). Stated and different means it does not work, whatever
else fits; not stated on either side means unknown, and nothing is said. Names and values are
compared without case.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Catalogue, Product

PREFIX = "fits "
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A compatibility that both products state."""

    name: str
    """Attribute name without `fits `, as the other product writes it."""
    wanted: str
    """What the holder fits."""
    value: str
    """What the other product is."""
    holder_id: str
    """The product that states `fits name`."""
    other_id: str
    works: bool


@lru_cache(maxsize=4096)
def values(text: str) -> frozenset[str]:
    """Return the single values of an attribute."""
    return frozenset(v for part in re.split(r"[,;/]", text) if (v := _fold(part)))


def fit_between(a: Product, b: Product) -> Fit | None:
    """Return what the two products state of each other, or None if they state nothing.

    A stated fit that fails goes before those that hold: one wrong thread is enough.
    """
    fits = [*_fits(a, b), *_fits(b, a)]
    return next((fit for fit in fits if not fit.works), fits[0] if fits else None)


def _fits(holder: Product, other: Product) -> Iterator[Fit]:
    for name, wanted in holder.attributes.items():
        plain = _fitted(name)
        if plain is None:
            continue
        for own_name, own in other.attributes.items():
            if _fold(own_name) == plain:
                yield Fit(
                    name=own_name,
                    wanted=wanted,
                    value=own,
                    holder_id=holder.product_id,
                    other_id=other.product_id,
                    works=bool(values(wanted) & values(own)),
                )


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _fitted(name: str) -> str | None:
    """Return X of `fits X`, else None."""
    folded = _fold(name)
    return folded.removeprefix(PREFIX) if folded.startswith(PREFIX) else None


class CompatibilityIndex:
    """Who works with whom, looked up by attribute value. Safe from threads."""

    name = "compatibility"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        # (states a fit?, attribute) -> value -> rows
        found: dict[tuple[bool, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row, product in enumerate(catalogue.products):
            for name, text in product.attributes.items():
                plain = _fitted(name)
                for value in values(text):
                    found[plain is not None, plain or _fold(name)][value].append(row)
        fitted = {name for is_fit, name in found if is_fit}
        self._rows = {
            key: {value: np.array(rows, np.int64) for value, rows in by_value.items()}
            for key, by_value in found.items()
            if key[1] in fitted  # other attributes say nothing of fits
        }
        self._stating = {
            key: np.unique(np.concatenate(list(by_value.values())))
            for key, by_value in self._rows.items()
        }
        self._known: dict[int, tuple[Rows, Rows]] = {}

    def score(self, anchors: Rows) -> NDArray[np.float32]:
        """Return 1 where a product works with an anchor, -1 where it only fits others, else 0.

        Shape (n_products,).
        """
        scores = np.zeros(len(self._catalogue), np.float32)
        pairs = [self._of(int(anchor)) for anchor in dict.fromkeys(anchors.tolist())]
        for _, failing in pairs:
            scores[failing] = -1.0
        for working, _ in pairs:
            scores[working] = 1.0
        return scores

    def _of(self, anchor: int) -> tuple[Rows, Rows]:
        """Return the rows that work with one product, and those that state they do not."""
        if anchor not in self._known:
            working: list[Rows] = []
            failing: list[Rows] = []
            for name, text in self._catalogue.products[anchor].attributes.items():
                plain = _fitted(name)
                key = (plain is None, plain or _fold(name))
                if key in self._rows:
                    by_value = self._rows[key]
                    fit = _union([by_value[v] for v in values(text) if v in by_value])
                    working.append(fit)
                    failing.append(np.setdiff1d(self._stating[key], fit, assume_unique=True))
            no = np.setdiff1d(_union(failing), [anchor], assume_unique=True)
            yes = np.setdiff1d(_union(working), np.append(no, anchor), assume_unique=True)
            self._known[anchor] = yes, no
        return self._known[anchor]


def _union(parts: Sequence[Rows]) -> Rows:
    """Return what any of some sets of rows holds, ascending."""
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
