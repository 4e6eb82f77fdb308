"""Association rules over baskets or sessions, with the counts behind every number.

support = P(i, j), confidence = P(j | i), lift = P(i, j) / (P(i) P(j)); intervals are Wilson's
(1927) at 95 %. Only pairs seen at least `min_support` times are spoken of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from retrieval.behaviour.base import (
    BLOCK,
    PURCHASE,
    Context,
    Interactions,
    Rows,
    Scores,
    keep_top,
    load_sparse,
    row_sum,
    save_sparse,
    shared,
    stacked,
)
from retrieval.behaviour.discovery import wilson
from retrieval.behaviour.rules import PairRules
from retrieval.behaviour.triples import TripleCounts, triple_rules
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

MAX_MASKS = 16
"""A slate relates to few categories, and asks of each for every place."""
MAX_HELD = 4_096
"""Sets of several products, most of them categories, whose groups are kept."""
HALF_WEIGHT = 0.3
"""The weight of a rule that counts half: a tenth of the baskets at eight times chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """How often two things share a basket (or a session)."""

    count: int
    """Baskets with both."""
    n_anchor: int
    """Baskets with the anchor."""
    n_other: int
    """Baskets with the other."""
    n: int
    """All baskets."""

    @property
    def confidence(self) -> float:
        """Share of the anchor's baskets that also hold the other."""
        return self.count / self.n_anchor if self.n_anchor else 0.0

    @property
    def lift(self) -> float:
        """How many times more often than by chance; 1.0 is chance."""
        expected = self.n_anchor * self.n_other
        return self.count * self.n / expected if expected else 0.0

    @property
    def is_above_chance(self) -> bool:
        """Whether the pair is seen more often than by chance, without rounding."""
        return self.count * self.n > self.n_anchor * self.n_other

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the confidence."""
        return wilson(self.count, self.n_anchor)


def rule_weights(groups: csr_array, *, damping: float, min_support: int) -> csr_array:
    """Score pairs by confidence × log2(lift), both damped; pairs at or below chance get nothing.

    Damping adds pseudo-groups to both marginal counts, so that a pair seen thrice cannot outweigh
    one seen three hundred times.

    Args:
        groups: Binary matrix of shape (n_groups, n_products).
        damping: Pseudo-groups added to each product's count, at least 0.
        min_support: Pairs in fewer groups are left out.

    Returns:
        Matrix of shape (n_products, n_products), row = anchor, empty diagonal.
    """
    if damping < 0:
        raise ValueError(f"`damping` must be at least 0, got {damping}")
    n_groups = max(1, groups.shape[0])
    counts = np.asarray(groups.sum(axis=0)).ravel() + damping
    kept = []
    for row, together in shared(groups):
        often = (row != together.indices) & (together.data >= min_support)
        row, col, count = row[often], together.indices[often], together.data[often].astype(float)
        lift = count * n_groups / (counts[row] * counts[col])
        weight = count / counts[row] * np.log2(np.maximum(lift, 1.0))
        kept.append(csr_array((weight, (row % BLOCK, col)), shape=together.shape))
    matrix = stacked(kept, groups.shape[1])
    matrix.eliminate_zeros()
    return matrix


class AssociationScorer:
    """What is bought (or looked at) together, product by product."""

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        over: Literal["baskets", "sessions"] = "baskets",
        min_support: int | None = None,
        leaf_code: Rows | None = None,
    ) -> None:
        """Set up; `min_support` for scoring may be lower than that for speaking of a pair.

        With `leaf_code` of shape (n_products,), -1 for none, pairs are also tested for being more
        than chance and more than their categories' company (`rules`).
        """
        self.config = config or BehaviourConfig()
        self.name = "association" if over == "baskets" else "co_view"
        self.over = over
        self.score_support = min_support or max(2, self.config.min_support // 3)
        self._weights: csr_array | None = None
        self._groups: csc_array | None = None  # by product: which groups hold it
        self._contents: csr_array | None = None  # by group: what it holds
        self._held: dict[bytes, Rows] = {}  # groups with any of several products, asked before
        self._masks: dict[bytes, NDArray[np.bool_]] = {}  # the same as masks, for a few
        self._leaf_code = leaf_code
        self._rules: PairRules | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Count pairs in baskets (purchases of one order) or sessions (anything looked at)."""
        events = interactions.only(PURCHASE) if self.over == "baskets" else interactions
        key = events.basket if self.over == "baskets" else events.session
        groups = events.groups(key, self.config.max_basket)
        weights = rule_weights(groups, damping=self.config.damping, min_support=self.score_support)
        self._groups, self._contents, self._held = csc_array(groups), groups, {}
        self._masks = {}
        self._weights = keep_top(weights, self.config.neighbours)
        self._rules = None
        return self

    @property
    def rules(self) -> PairRules:
        """Which pairs are declared at `config.false_discovery`; tested at first use."""
        if self._contents is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        if self._rules is None:
            self._rules = self._unfitted_rules().fit(self._contents)
        return self._rules

    def triples(self) -> tuple[TripleCounts, ...]:
        """Return the declared (A, B) → C that are in at least `config.min_support` groups."""
        if self._contents is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        return triple_rules(
            self._contents, min_support=self.config.min_support, rate=self.config.false_discovery
        )

    def _unfitted_rules(self) -> PairRules:
        if self._leaf_code is None:
            raise ValueError(f"{self.name}: pairs are only tested with `leaf_code` given")
        return PairRules(self._leaf_code, rate=self.config.false_discovery)

    def score(self, context: Context) -> Scores:
        """Return the summed rule weights from everything the context names."""
        if self._weights is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        given = np.unique(context.given)
        return row_sum(self._weights, given, np.ones(len(given)))

    def pair(self, anchor: Rows, other: Rows) -> PairCounts:
        """Count exactly, from the baskets themselves; each side is any one of several products."""
        if self._groups is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        with_anchor, with_other = self._holding(anchor), self._holding(other)
        if len(anchor) > 1:
            count = int(np.count_nonzero(self._is_held(anchor, with_anchor)[with_other]))
        else:
            count = _n_common(with_anchor, with_other)
        return PairCounts(
            count=count,
            n_anchor=len(with_anchor),
            n_other=len(with_other),
            n=int(self._groups.shape[0]),
        )

    def partners(self, anchor: Rows) -> NDArray[np.int64]:
        """Return, per product, how many of the anchors' groups hold it: shape (n_products,)."""
        if self._contents is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        held = self._contents[self._holding(anchor)].indices
        return np.bincount(held, minlength=self._contents.shape[1])

    def is_tied(self, anchor: Rows, min_support: int) -> NDArray[np.bool_]:
        """Return which products may be spoken of beside the anchors: shape (n_products,).

        Those that share at least `min_support` groups with any of them, more often than by chance.
        """
        together, n_anchor = self.partners(anchor), len(self._holding(anchor))
        often = np.flatnonzero(together >= min_support)
        chance = n_anchor * self.n_holding(often)
        is_tied = np.zeros(len(together), np.bool_)
        is_tied[often[together[often] * self.n_groups > chance]] = True
        return is_tied

    def n_holding(self, products: Rows) -> NDArray[np.int64]:
        """Return how many groups hold each of the products: shape (n_rows,)."""
        if self._groups is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        starts = self._groups.indptr
        return (starts[products + 1] - starts[products]).astype(np.int64)

    @property
    def n_groups(self) -> int:
        """Baskets or sessions counted."""
        return 0 if self._groups is None else int(self._groups.shape[0])

    def _is_held(self, products: Rows, held: Rows) -> NDArray[np.bool_]:
        """Return which groups hold any of the products, from their rows: shape (n_groups,)."""
        key = products.tobytes()
        found = self._masks.get(key)
        if found is None:
            if len(self._masks) >= MAX_MASKS:
                self._masks.clear()
            found = np.zeros(self.n_groups, np.bool_)
            found[held] = True
            self._masks[key] = found
        return found

    def n_with(self, product: int) -> int:
        """Return how many groups hold one product."""
        return len(self._holding(np.array([product])))

    def _holding(self, products: Rows) -> Rows:
        groups = self._groups
        assert groups is not None
        if len(products) == 1:
            own = int(products[0])
            return groups.indices[groups.indptr[own] : groups.indptr[own + 1]]  # each once
        key = np.asarray(products, np.int64).tobytes()
        found = self._held.get(key)
        if found is None:
            if len(self._held) >= MAX_HELD:
                self._held.clear()
            found = self._held[key] = np.unique(groups[:, products].indices)
        return found

    def save(self, folder: Path) -> None:
        """Write `association.npz` or `co_view.npz`; with leaf codes the tested pairs beside it."""
        if self._weights is None or self._contents is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` before `save`")
        save_sparse(folder / f"{self.name}.npz", weights=self._weights, groups=self._contents)
        if self._leaf_code is not None:
            self.rules.save(folder / f"{self.name}_rules.npz")

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        stored = load_sparse(folder / f"{self.name}.npz")
        self._weights, self._contents = stored["weights"], stored["groups"]
        self._groups, self._held, self._masks = csc_array(self._contents), {}, {}
        tested = folder / f"{self.name}_rules.npz"
        if self._leaf_code is not None and tested.is_file():  # else tested at first use
            self._rules = self._unfitted_rules().load(tested)
        return self


def _n_common(one: Rows, two: Rows) -> int:
    """Count what two ascending arrays share."""
    few, many = (one, two) if len(one) < len(two) else (two, one)
    if not len(few):
        return 0
    return int(np.count_nonzero(many.take(many.searchsorted(few), mode="clip") == few))


class CategoryAssociationScorer:
    """Category to category: what a leaf's baskets hold beside it, for products too rare for rules.

    Needs the leaf of each product; inside a leaf the share of its buyers decides.
    """

    name = "category_association"

    def __init__(
        self, leaf_code: Rows, n_leaves: int, config: BehaviourConfig | None = None
    ) -> None:
        """Set up with `leaf_code` of shape (n_products,), -1 for none."""
        self.config = config or BehaviourConfig()
        self.leaf_code = leaf_code
        self.n_leaves = n_leaves
        self._weights: csr_array | None = None
        self._within: Scores = np.zeros(len(leaf_code), np.float32)

    def fit(self, interactions: Interactions) -> Self:
        """Count leaf pairs over baskets."""
        bought = interactions.only(PURCHASE)
        baskets = bought.groups(bought.basket, self.config.max_basket)
        known = np.flatnonzero(self.leaf_code >= 0)
        member = csr_array(
            (np.ones(len(known), np.float32), (known, self.leaf_code[known])),
            shape=(len(self.leaf_code), max(1, self.n_leaves)),
        )
        leaves = csr_array(baskets @ member)
        leaves.data[:] = 1
        self._weights = rule_weights(
            leaves, damping=self.config.damping, min_support=self.config.min_support
        )
        counts = np.asarray(baskets.sum(axis=0)).ravel()
        top = np.zeros(max(1, self.n_leaves), np.float64)
        np.maximum.at(top, self.leaf_code[known], counts[known])
        self._within = np.zeros(len(self.leaf_code), np.float32)
        self._within[known] = np.sqrt((counts[known] + 0.5) / (top[self.leaf_code[known]] + 0.5))
        return self

    def score(self, context: Context) -> Scores:
        """Return leaf weight × how much the product leads its leaf (0 to 1)."""
        if self._weights is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        named = [int(c) for c in self.leaf_code[context.given] if c >= 0]
        leaves = np.unique(np.array([*named, *context.anchor_leaves], np.int64))
        by_leaf = row_sum(self._weights, leaves, np.ones(len(leaves)))
        found = np.append(by_leaf, np.float32(0))[self.leaf_code]  # the last is for -1
        found *= self._within
        return found

    def save(self, folder: Path) -> None:
        """Write `category_association.npz`."""
        if self._weights is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` before `save`")
        within = csr_array(self._within.reshape(1, -1))
        save_sparse(folder / f"{self.name}.npz", weights=self._weights, within=within)

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        stored = load_sparse(folder / f"{self.name}.npz")
        self._weights = stored["weights"]
        self._within = stored["within"].toarray().ravel().astype(np.float32)
        return self
