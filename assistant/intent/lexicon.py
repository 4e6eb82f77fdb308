"""The shop's own words: categories, brands, attributes and titles, in every language it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.data.dataset import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopWords:
    """Lexicon of one store. Make it once per store with `of`; it never changes."""

    catalogue: Catalogue
    currency: str = "USD"

    @classmethod
    def of(cls, catalogue: Catalogue, *, currency: str = "USD") -> ShopWords:
        """Return the words of a catalogue."""
        return cls(catalogue=catalogue, currency=currency)
