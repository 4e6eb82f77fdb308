"""What a wish is about: the products that its words name, so that tables can be asked.

"cheap two-person tent" names the leaf category *Tents*; "the cheapest stove" must be the cheapest
of all stoves, not of the ten that search found first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Catalogue

Tokenise = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The products a wish names."""

    label: str
    """The category path's last name, or the words themselves."""
    leaves: tuple[int, ...]
    """Leaf codes, where a category was named."""
    mask: NDArray[np.bool_]
    """Shape (n_products,)."""


class SubjectFinder:
    """Finds categories (any level, any language) whose whole name stands in the wish."""

    def __init__(self, catalogue: Catalogue, tokenise: Tokenise) -> None:
        self._catalogue = catalogue
        self._tokenise = tokenise
        self._title_tokens: list[frozenset[str]] | None = None
        names: dict[frozenset[str], tuple[str, set[int], int]] = {}
        for product, leaf in zip(catalogue.products, catalogue.leaf_code, strict=True):
            if leaf < 0:
                continue
            paths = [(product.category, "")]
            paths += [
                (tuple(str(c) for c in t.get("category") or ()), language)  # type: ignore[attr-defined]
                for language, t in product.translations.items()
            ]
            for path, _ in paths:
                for level, name in enumerate(path):
                    for part in _alternatives(name):
                        tokens = frozenset(tokenise(part))
                        if not tokens:
                            continue
                        label, leaves, depth = names.get(tokens, (name, set(), level))
                        if level > depth:
                            label, leaves, depth = name, set(), level
                        if level == depth:
                            leaves.add(int(leaf))
                        names[tokens] = (label, leaves, depth)
        self._names = names

    def find(self, text: str) -> Subject | None:
        """Return what the text names, most words first, deeper categories first; else None.

        When no category is named, products whose title holds every word of the text are meant.
        """
        tokens = frozenset(self._tokenise(text))
        if not tokens:
            return None
        best: tuple[int, int] = (0, -1)
        found: list[tuple[str, set[int]]] = []
        for name, (label, leaves, depth) in self._names.items():
            if name <= tokens:
                rank = (len(name), depth)
                if rank > best:
                    best, found = rank, []
                if rank == best:
                    found.append((label, leaves))
        if found:
            codes = tuple(sorted(set().union(*(leaves for _, leaves in found))))
            mask = np.isin(self._catalogue.leaf_code, codes)
            return Subject(label=found[0][0], leaves=codes, mask=mask)
        if self._title_tokens is None:
            self._title_tokens = [
                frozenset(self._tokenise(" ".join([p.title, p.title_in("zh"), p.leaf])))
                for p in self._catalogue.products
            ]
        mask = np.fromiter((tokens <= t for t in self._title_tokens), bool, len(self._catalogue))
        return Subject(label=text.strip(), leaves=(), mask=mask) if mask.any() else None


def _alternatives(name: str) -> list[str]:
    """Return "Hats & gloves" as itself and as its two parts."""
    parts = [p.strip() for p in name.replace(" and ", "&").replace("、", "&").split("&")]
    parts = [q for p in parts for q in p.split("与")]
    return [name, *parts] if len(parts) > 1 else [name]
