"""What a wish is about: the products that its words name, so that tables can be asked.

"cheap two-person tent" names the leaf category *Tents*; "the cheapest stove" must be the cheapest
of all stoves, not of the ten that search found first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Catalogue, Product

Tokenise = Callable[[str], Sequence[str]]
Terms = frozenset[str]
_AND = re.compile(r"\s*&\s*|\s+and\s+|、|与")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The products a wish names."""

    label: str
    """The category path's last name, or the words themselves."""
    leaves: tuple[int, ...]
    """Leaf codes, where a category was named."""
    mask: NDArray[np.bool_]
    """Shape (n_products,), never empty, read-only."""


@dataclass(slots=True)
class _Named:
    """The leaves that a category name stands for, at its deepest level."""

    label: str
    level: int
    leaves: set[int]


class SubjectFinder:
    """Finds categories (any level, any language) whose whole name stands in the wish."""

    def __init__(self, catalogue: Catalogue, tokenise: Tokenise) -> None:
        self._catalogue = catalogue
        self._tokenise = tokenise
        self._names: dict[Terms, _Named] = {}
        for leaf, path in _paths(catalogue):
            for level, name in enumerate(path):
                for part in _alternatives(name):
                    self._add(frozenset(tokenise(part)), name, level, leaf)
        self._found = lru_cache(maxsize=256)(self._find)

    def find(self, text: str) -> Subject | None:
        """Return what the text names, most words first, deeper categories first; else None.

        When no category is named, products whose title holds every word of the text are meant.
        """
        return self._found(text)

    def _find(self, text: str) -> Subject | None:
        terms = frozenset(self._tokenise(text))
        if not terms:
            return None
        named = [(len(name), n.level, n) for name, n in self._names.items() if name <= terms]
        if not named:
            return self._by_title(text, terms)
        best = max(found[:2] for found in named)
        meant = [n for *rank, n in named if tuple(rank) == best]
        codes = tuple(sorted(set().union(*(n.leaves for n in meant))))
        mask = np.isin(self._catalogue.leaf_code, codes)
        mask.flags.writeable = False
        return Subject(label=meant[0].label, leaves=codes, mask=mask)

    def _add(self, terms: Terms, name: str, level: int, leaf: int) -> None:
        if not terms:
            return
        known = self._names.get(terms)
        if known is None or level > known.level:
            self._names[terms] = _Named(label=name, level=level, leaves={leaf})
        elif level == known.level:
            known.leaves.add(leaf)

    def _by_title(self, text: str, terms: Terms) -> Subject | None:
        rows = [self._title_rows.get(term) for term in terms]
        held = set.intersection(*(found or set() for found in rows))
        if not held:
            return None
        mask = np.zeros(len(self._catalogue), bool)
        mask[sorted(held)] = True
        mask.flags.writeable = False
        return Subject(label=text.strip(), leaves=(), mask=mask)

    @cached_property
    def _title_rows(self) -> dict[str, set[int]]:
        """Term to the rows whose title, in any language, or leaf name holds it."""
        found: dict[str, set[int]] = {}
        for row, product in enumerate(self._catalogue.products):
            for term in {t for title in _titles(product) for t in self._tokenise(title)}:
                found.setdefault(term, set()).add(row)
        return found


def _paths(catalogue: Catalogue) -> list[tuple[int, tuple[str, ...]]]:
    """Return each (leaf code, category path) once, translated paths too, in a fixed order."""
    found: dict[tuple[int, tuple[str, ...]], None] = {}
    for product, leaf in zip(catalogue.products, catalogue.leaf_code, strict=True):
        if leaf < 0:
            continue
        found[int(leaf), product.category] = None
        for translation in product.translations.values():
            path = translation.get("category")
            if isinstance(path, list):
                found[int(leaf), tuple(map(str, path))] = None
    return list(found)


def _titles(product: Product) -> list[str]:
    translated = [str(t.get("title") or "") for t in product.translations.values()]
    return [product.title, *translated, product.leaf]


def _alternatives(name: str) -> list[str]:
    """Return "Hats & gloves" as itself and as its two parts."""
    parts = [part.strip() for part in _AND.split(name)]
    return [name, *parts] if len(parts) > 1 else [name]
