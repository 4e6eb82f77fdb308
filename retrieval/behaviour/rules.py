"""Association rules under false-discovery control: which pairs may be called bought together.

Two levels. Categories first: of all pairs of leaf categories, which are bought together more than
chance, and still so among baskets that are alike in what could explain it (a tent explains why pegs
and pads share a basket; within baskets with a tent, and within those without, they do not). Then
products: inside the category pairs that were kept, all pairs of products are one family, and those
never seen together count in it as tests that found nothing.
A product without a category is a category of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from retrieval.behaviour.base import Rows, shared
from retrieval.behaviour.company import Company, above
from retrieval.behaviour.discovery import (
    Floats,
    Method,
    adjusted,
    chance_p,
)

LEAST_TESTED = 2
"""A pair seen once is not tested; it stays in the family."""


MOST_PARTNERS = 12
"""Partners of a category that are examined, the strongest; more than a slate has use for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Tested pairs, `one` < `other`, in this order; all others have p and q of 1."""

    one: Rows
    other: Rows
    count: Rows
    p: Floats
    """Exact chance of so many common groups."""
    q: Floats
    """Share of false ones to expect among all that are at least as striking."""
    family: int
    """How many pairs were in question, tested or not."""


class PairRules:
    """Which pairs of categories and of products are declared, at the level `rate`."""

    def __init__(
        self, code: Rows, *, rate: float = 0.05, method: Method = "bh", explain: bool = True
    ) -> None:
        """Set up with the leaf code of each product, -1 for none: shape (n_products,).

        With `explain` off, categories are declared whatever else may explain them.
        """
        self.code = _own_codes(code)
        self.rate = rate
        self.method: Method = method
        self.explain = explain
        self.leaves = _none()
        self.products = _none()
        self._partners: csr_array | None = None
        self._kin: csr_array | None = None

    def fit(self, groups: csr_array) -> Self:
        """Test the pairs of a binary matrix of shape (n_groups, n_products)."""
        by_leaf = _by_code(groups, self.code)
        self.leaves = leaf_pairs(by_leaf, rate=self.rate, method=self.method, explain=self.explain)
        kept = self.leaves.q <= self.rate
        self.products = product_pairs(
            groups, self.code, self.leaves, kept, by_leaf.shape[1], method=self.method
        )
        return self._ready()

    def declared(self) -> NDArray[np.int64]:
        """Return the declared pairs of products, the lower row first: shape (n, 2)."""
        kept = self.products.q <= self.rate
        return np.stack([self.products.one[kept], self.products.other[kept]], axis=1)

    def partners(self, product: int) -> Rows:
        """Return the products that make a declared rule with this one, ascending."""
        assert self._partners is not None
        return _row(self._partners, product)

    def kin(self, products: Rows) -> NDArray[np.bool_]:
        """Return whose category makes a declared rule with one of these: shape (n_products,)."""
        assert self._kin is not None
        is_kin = np.zeros(self._kin.shape[0], bool)
        for code in set(self.code[products].tolist()):
            is_kin[_row(self._kin, code)] = True
        return is_kin[self.code]

    def q(self, one: int, other: int) -> float:
        """Return the adjusted p-value of two products; 1 where the pair was not tested."""
        pairs, (low, high) = self.products, sorted((one, other))
        start, end = np.searchsorted(pairs.one, [low, low + 1])
        at = start + int(np.searchsorted(pairs.other[start:end], high))
        return float(pairs.q[at]) if at < end and pairs.other[at] == high else 1.0

    def save(self, path: Path) -> None:
        """Write one NPZ."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for level in ("leaves", "products"):
            pairs: Pairs = getattr(self, level)
            arrays |= {f"{level}.{n}": getattr(pairs, n) for n in ("one", "other", "count", "p")}
            arrays |= {f"{level}.q": pairs.q, f"{level}.family": np.array(pairs.family)}
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)  # type: ignore[arg-type]

    def load(self, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            self.leaves, self.products = (
                Pairs(
                    **{n: file[f"{level}.{n}"] for n in ("one", "other", "count", "p", "q")},
                    family=int(file[f"{level}.family"]),
                )
                for level in ("leaves", "products")
            )
        return self._ready()

    def _ready(self) -> Self:
        self._partners = self._declared(self.products, len(self.code))
        self._kin = self._declared(self.leaves, int(self.code.max(initial=-1)) + 1)
        return self

    def _declared(self, pairs: Pairs, n: int) -> csr_array:
        kept = pairs.q <= self.rate
        one, other = pairs.one[kept], pairs.other[kept]
        rows, columns = np.concatenate([one, other]), np.concatenate([other, one])
        found = csr_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
        found.sort_indices()
        return found


def leaf_pairs(
    by_leaf: csr_array, *, rate: float, method: Method = "bh", explain: bool = True
) -> Pairs:
    """Test all pairs of categories; a pair's p is its largest over what could explain it.

    What could explain a pair are categories bought with both more than chance: each of them alone,
    and those that explain most two at a time. A pair keeps its rank only if no set explains it, so
    its p is valid against "independent, or independent given one of the sets" (the largest p of an
    intersection-union test; the skeleton step of the PC algorithm, Spirtes and Glymour 1991, cut at
    sets of two).

    Args:
        by_leaf: Binary matrix of shape (n_groups, n_leaves).
        rate: Pairs above it before conditioning are neither examined nor explainers; of the others
            those are examined that are among the `MOST_PARTNERS` strongest of either side, and the
            rest are not declared.
        method: Of adjustment.
        explain: False leaves the p-values as they are.
    """
    n, n_leaves = by_leaf.shape
    held = np.asarray(by_leaf.sum(axis=0)).ravel().astype(np.int64)
    one, other, count = _together(by_leaf)
    p = chance_p(count, held[one], held[other], n)
    family = n_leaves * (n_leaves - 1) // 2
    first = adjusted(p, family, method) <= rate
    if not explain:
        q = adjusted(p, family, method)
        return Pairs(one=one, other=other, count=count, p=p, q=q, family=family)
    rows, columns = (np.concatenate(pair) for pair in ((one, other), (other, one)))
    both = np.concatenate([first, first])
    common = csr_array(
        (np.concatenate([count, count])[both], (rows[both], columns[both])),
        shape=(n_leaves, n_leaves),
    )
    common.sort_indices()
    company = Company(held=held, common=common, by_leaf=csc_array(by_leaf), n=n)
    sides = np.stack([held[one], held[other], np.full(len(one), n)], axis=1)
    examined = first & _is_leading(one, other, np.where(first, above(count, sides[None]), -np.inf))
    p[first & ~examined] = 1.0
    for at in np.flatnonzero(examined):
        p[at] = max(p[at], company.explained(int(one[at]), int(other[at]), int(count[at])))
    q = adjusted(p, family, method)
    return Pairs(one=one, other=other, count=count, p=p, q=q, family=family)


def product_pairs(
    groups: csr_array,
    code: Rows,
    leaves: Pairs,
    kept: NDArray[np.bool_],
    n_leaves: int,
    *,
    method: Method = "bh",
) -> Pairs:
    """Test the pairs of products whose categories make a kept pair.

    The family holds every such pair of products that are bought at all, seen together or not. A
    pair's q is at least that of its categories.
    """
    n = groups.shape[0]
    held = np.asarray(groups.sum(axis=0)).ravel().astype(np.int64)
    a, b = leaves.one[kept], leaves.other[kept]
    of_leaves = csr_array((leaves.q[kept] + 1.0, (a, b)), shape=(n_leaves, n_leaves))
    sizes = np.bincount(code[held > 0], minlength=n_leaves)
    family = int((sizes[a] * sizes[b]).sum())
    one, other, count = _together(groups)
    low, high = np.minimum(code[one], code[other]), np.maximum(code[one], code[other])
    above = np.asarray(of_leaves[low, high]).ravel() if len(one) else np.zeros(0)
    inside = above > 0
    one, other, count, above = one[inside], other[inside], count[inside], above[inside] - 1.0
    p = chance_p(count, held[one], held[other], n)
    q = np.maximum(adjusted(p, family, method), above)
    return Pairs(one=one, other=other, count=count, p=p, q=q, family=family)


def _is_leading(one: Rows, other: Rows, strength: Floats) -> NDArray[np.bool_]:
    """Return which pairs are among the `MOST_PARTNERS` strongest of one of their sides."""
    n = len(one)
    side, pair = np.concatenate([one, other]), np.concatenate([np.arange(n), np.arange(n)])
    order = np.lexsort((pair, -strength[pair], side))
    start = np.searchsorted(side[order], side[order])  # where each side's pairs begin
    leads = np.zeros(n, np.bool_)
    leads[pair[order[np.arange(2 * n) - start < MOST_PARTNERS]]] = True
    return leads


def _together(matrix: csr_array) -> tuple[Rows, Rows, Rows]:
    """Return each pair seen at least twice, the first below the second, and how often."""
    found = [np.zeros((3, 0), np.int64)]
    for row, common in shared(matrix):
        common.sort_indices()
        keep = (row < common.indices) & (common.data >= LEAST_TESTED)
        count = np.rint(common.data[keep]).astype(np.int64)
        found.append(np.stack([row[keep], common.indices[keep], count]))
    one, other, count = np.concatenate(found, axis=1)
    return one, other, count


def _by_code(groups: csr_array, code: Rows) -> csr_array:
    member = csr_array(
        (np.ones(len(code), np.float32), (np.arange(len(code)), code)),
        shape=(len(code), int(code.max(initial=-1)) + 1),
    )
    found = csr_array(groups @ member)
    found.data[:] = 1
    return found


def _own_codes(code: Rows) -> Rows:
    """Give each product without a category a code of its own, after the others."""
    own = np.asarray(code, np.int64).copy()
    without = own < 0
    own[without] = int(own.max(initial=-1)) + 1 + np.arange(int(without.sum()))
    return own


def _row(matrix: csr_array, row: int) -> Rows:
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)


def _none() -> Pairs:
    empty, zero = np.zeros(0, np.int64), np.zeros(0)
    return Pairs(one=empty, other=empty, count=empty, p=zero, q=zero, family=0)
