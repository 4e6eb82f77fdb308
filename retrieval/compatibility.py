"""What works with what, read from attributes.

A product that states `fits X: V` works with products whose attribute `X` is V (several values are
separated by commas or slashes). Stated and different means it does not work; not stated on either
side means unknown, and nothing is said.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Catalogue, Product

PREFIX = "fits "


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A compatibility that both products state."""

    name: str
    """Attribute name without `fits `."""
    value: str
    holder_id: str
    """The product that states `fits name`."""
    other_id: str
    works: bool


def values(text: str) -> frozenset[str]:
    """Return the single values of an attribute."""
    return frozenset(
        v for part in re.split(r"[,;/]", text) if (v := " ".join(part.casefold().split()))
    )


def fit_between(a: Product, b: Product) -> Fit | None:
    """Return what the two products state of each other, or None if they state nothing."""
    found: Fit | None = None
    for holder, other in ((a, b), (b, a)):
        for name, wanted in holder.attributes.items():
            if not name.casefold().startswith(PREFIX):
                continue
            plain = name[len(PREFIX) :]
            own = other.attributes.get(plain)
            if own is None:
                continue
            shared = values(wanted) & values(own)
            fit = Fit(
                name=plain,
                value=own,
                holder_id=holder.product_id,
                other_id=other.product_id,
                works=bool(shared),
            )
            if fit.works:
                return fit
            found = fit
    return found


class CompatibilityIndex:
    """Who works with whom, looked up by attribute value."""

    name = "compatibility"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._having: Mapping[tuple[str, str], list[int]] = defaultdict(list)
        self._fitting: Mapping[tuple[str, str], list[int]] = defaultdict(list)
        for row, product in enumerate(catalogue.products):
            for name, text in product.attributes.items():
                is_fit = name.casefold().startswith(PREFIX)
                table = self._fitting if is_fit else self._having
                for value in values(text):
                    table[name[len(PREFIX) :] if is_fit else name, value].append(row)

    def score(self, anchors: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return 1 where a product works with an anchor, -1 where it states another fit, else 0."""
        scores = np.zeros(len(self._catalogue), np.float32)
        for anchor in anchors:
            product = self._catalogue.products[int(anchor)]
            for name, text in product.attributes.items():
                is_fit = name.casefold().startswith(PREFIX)
                plain = name[len(PREFIX) :] if is_fit else name
                table = self._having if is_fit else self._fitting
                partners = {r for v in values(text) for r in table.get((plain, v), ())}
                wrong = {r for (n, _), rows in table.items() if n == plain for r in rows} - partners
                scores[list(partners)] = 1.0
                for row in wrong:
                    scores[row] = min(scores[row], -1.0) if scores[row] <= 0 else scores[row]
        return scores
