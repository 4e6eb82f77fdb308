"""BM25 over the fields of texts, computed once: what each term adds to each row it stands in.

    FOLDER/impacts.npy     float32 (n_entries,)
    FOLDER/rows.npy        int32 (n_entries,), ascending within a term
    FOLDER/starts.npy      int64 (n_terms + 1,), where each term's entries begin
    FOLDER/fields.npy      uint8 (n_entries,), bit i: the term stands in field i
    FOLDER/terms.json      the terms in order, and the number of rows

Fields are joined as in BM25F (Robertson, Zaragoza and Taylor 2004): occurrences are divided by how
long the field is against its mean, weighted by field, summed, and only then stop counting. A word
in the title is thus not drowned by a long list of attributes.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import StoreError

Scores = NDArray[np.float32]
ARRAYS = {"impacts": np.float32, "rows": np.int32, "starts": np.int64, "fields": np.uint8}
TERMS = "terms.json"
K1 = 1.2
"""How fast further occurrences of a term stop counting."""
B = 0.75
"""How much a long field is held against a row: 0 not at all, 1 in full."""


@dataclass(frozen=True, kw_only=True)
class Impacts:
    """What each term adds to each row. Safe to use from several threads."""

    terms: Mapping[str, int]
    n: int
    impacts: NDArray[np.float32]
    rows: NDArray[np.int32]
    starts: NDArray[np.int64]
    fields: NDArray[np.uint8]

    def scores(self, terms: Sequence[str]) -> Scores:
        """Return the BM25 of every row, float32 (n,); a term asked twice counts twice."""
        found = np.zeros(self.n, np.float32)
        for term in terms:
            number = self.terms.get(term)
            if number is not None:
                entries = slice(self.starts[number], self.starts[number + 1])
                found[self.rows[entries]] += self.impacts[entries]
        return found

    def bits(self, term: str, row: int) -> int:
        """Return which fields of a row hold the term, as bits in the order of the fields."""
        number = self.terms.get(term)
        if number is None:
            return 0
        start, end = self.starts[number], self.starts[number + 1]
        at = start + np.searchsorted(self.rows[start:end], row)
        return int(self.fields[at]) if at < end and self.rows[at] == row else 0

    def count(self, term: str) -> int:
        """Return in how many rows a term stands."""
        number = self.terms.get(term)
        return 0 if number is None else int(self.starts[number + 1] - self.starts[number])

    def save(self, folder: Path) -> None:
        """Write the arrays into a new folder."""
        folder.mkdir(parents=True)
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        held = {"rows": self.n, "terms": list(self.terms)}
        (folder / TERMS).write_text(json.dumps(held, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Impacts:
        """Read what `save` wrote.

        Raises:
            StoreError: If it is missing or damaged.
        """
        try:
            held = json.loads((folder / TERMS).read_text("utf-8"))
            arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS}
            terms = {term: i for i, term in enumerate(held["terms"])}
            made = cls(terms=terms, n=int(held["rows"]), **arrays)
            made._check()
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise StoreError(
                f"{folder}: the word index cannot be read ({error}); build the store again with "
                "`python -m retrieval.build`"
            ) from error
        return made

    def _check(self) -> None:
        sound = (
            all(getattr(self, name).dtype == kind for name, kind in ARRAYS.items())
            and self.starts.shape == (len(self.terms) + 1,)
            and len(self.impacts) == len(self.rows) == len(self.fields) == self.starts[-1]
            and (not len(self.rows) or 0 <= self.rows.min() <= self.rows.max() < self.n)
        )
        if not sound:
            raise ValueError("its arrays do not fit each other")


def weigh(
    texts: Iterable[Sequence[Sequence[str]]],
    weights: Sequence[float],
    *,
    k1: float = K1,
    b: float = B,
) -> Impacts:
    """Compute BM25F once for all terms.

    tf(t, d) = Σ_f weight_f · count_f / (1 - b + b · length_f / mean length_f), and t adds
    log(1 + (n - n_t + 0.5) / (n_t + 0.5)) · tf / (tf + k1) to d. With one field of weight 1 this
    is plain BM25 but for a constant factor.

    Args:
        texts: By row, by field, the terms; read once, and kept as numbers.
        weights: One a field, above 0.
        k1: How fast further occurrences stop counting, above 0.
        b: How much length is held against a row, 0 to 1.
    """
    met: dict[str, int] = {}  # terms in the order they are met
    said, sizes = array("i"), array("i")
    for row in texts:
        for terms in row:
            said.extend([met.setdefault(term, len(met)) for term in terms])
            sizes.append(len(terms))
    lengths = np.array(sizes, np.float64).reshape(-1, len(weights))
    n = len(lengths)
    usual = np.maximum(lengths.mean(axis=0, keepdims=True), 1e-9) if n else lengths
    worth = np.asarray(weights, np.float64) / (1 - b + b * lengths / usual) if n else lengths
    order = sorted(met)
    place = np.zeros(len(met), np.int64)  # in that order, of each term
    place[[met[term] for term in order]] = np.arange(len(met))
    # One number says term, row and field, so one sort brings them in this order.
    key = place[np.frombuffer(said, np.int32)] * worth.size
    key += np.repeat(np.arange(worth.size), sizes)
    key, count = np.unique(key, return_counts=True)
    cell, term = key % max(1, worth.size), key // max(1, worth.size)
    at, field = cell // len(weights), cell % len(weights)
    first = np.flatnonzero(np.diff(term * n + at, prepend=-1))  # of each term in each row
    entry = np.repeat(np.arange(len(first)), np.diff(first, append=len(key)))
    weight = np.bincount(entry, count * worth.ravel()[cell], minlength=len(first))
    bits = np.bincount(entry, 1 << field, minlength=len(first))
    held = np.bincount(term[first], minlength=len(order))  # rows of each term
    rarity = np.repeat(np.log(1 + (n - held + 0.5) / (held + 0.5)), held)
    return Impacts(
        terms={term: i for i, term in enumerate(order)},
        n=n,
        impacts=(rarity * weight / (weight + k1)).astype(np.float32),
        rows=at[first].astype(np.int32),
        starts=np.concatenate([[0], np.cumsum(held)]).astype(np.int64),
        fields=bits.astype(np.uint8),
    )
