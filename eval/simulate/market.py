"""What draws shoppers to products, and which products belong together: the planted structure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from eval.simulate.content import Shelf
from eval.simulate.product import Product

N_BUCKETS = 3
"""Price-sensitivity groups that choose alike: low, middle, high."""
N_SUBSTITUTES = 6
_ANCHORS_SHARE = 0.45
"""Share of a leaf's products, most wanted first, that get complements of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The planted structure; products are meant by their position."""

    products: list[Product]
    leaves: list[str]
    leaf_of: np.ndarray
    """Shape (n_products,): position of the leaf."""
    members: list[np.ndarray]
    """Per leaf, its products."""
    appeal: np.ndarray
    """Shape (n_products,): how much a product is wanted within its leaf; sums to 1 per leaf."""
    fitting: dict[int, frozenset[int]]
    """Product to the products it works with, in both directions."""
    fitted_leaves: frozenset[tuple[int, int]]
    """Pairs of leaves between which only fitting products make sense."""
    belonging: dict[tuple[int, int], np.ndarray]
    """(leaf, other leaf) to the products of the other that belong to the first, if not all do."""
    complements: dict[int, list[tuple[int, float]]]
    """Anchor to (complement, chance that a basket with the anchor gets it)."""
    leaf_complements: dict[int, list[tuple[int, float]]]
    substitutes: dict[int, list[int]]
    """Product to its closest alternatives of the same leaf, closest first."""
    seasons: np.ndarray
    """Shape (n_leaves, 12): monthly weight, mean 1."""

    def choice_weights(self, leaf: int, bucket: int) -> np.ndarray:
        """Return the chance of each member of a leaf for one price-sensitivity group."""
        members = self.members[leaf]
        prices = np.log([float(self.products[i].price) for i in members])
        sensitivity = (-0.35, 0.2, 0.8)[bucket]
        weights = self.appeal[members] * np.exp(-sensitivity * (prices - prices.mean()))
        return weights / weights.sum()


def make_market(shelf: Shelf, products: list[Product], rng: np.random.Generator) -> Market:
    """Plant popularity, substitutes, compatibility and complements."""
    leaves = [leaf.en for department in shelf.departments for leaf in department.leaves]
    position = {leaf: i for i, leaf in enumerate(leaves)}
    leaf_of = np.array([position[product.leaf.en] for product in products])
    members = [np.flatnonzero(leaf_of == i) for i in range(len(leaves))]
    appeal = _appeal(products, members, rng)
    fitting = find_fitting(products)
    fitted_leaves = frozenset(
        (int(leaf_of[i]), int(leaf_of[j])) for i, others in fitting.items() for j in others
    )
    leaf_complements = {
        position[leaf]: [(position[other], chance) for other, chance in others.items()]
        for leaf, others in shelf.complements.items()
    }
    market = Market(
        products=products,
        leaves=leaves,
        leaf_of=leaf_of,
        members=members,
        appeal=appeal,
        fitting=fitting,
        fitted_leaves=fitted_leaves,
        belonging=_belonging(shelf, products, position),
        complements={},
        leaf_complements=leaf_complements,
        substitutes=_substitutes(products, members),
        seasons=_seasons(shelf, leaves),
    )
    market.complements.update(_plant_complements(market, rng))
    return market


def find_fitting(products: list[Product]) -> dict[int, frozenset[int]]:
    """Return who works with whom: `fits X: V` on one side, `X: V` on the other, other leaf."""
    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, product in enumerate(products):
        for name, value in product.attributes.items():
            holders[name, value].append(i)
    fitting: dict[int, set[int]] = defaultdict(set)
    for i, product in enumerate(products):
        for name, value in product.attributes.items():
            if not name.startswith("fits "):
                continue
            for j in holders[name.removeprefix("fits "), value]:
                if products[j].leaf.en != product.leaf.en:
                    fitting[i].add(j)
                    fitting[j].add(i)
    return {i: frozenset(others) for i, others in sorted(fitting.items())}


def _appeal(
    products: list[Product], members: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Zipf-like within each leaf: a few products carry it, the rest sell now and then."""
    appeal = np.zeros(len(products))
    for group in members:
        ranks = rng.permutation(len(group)) + 1.0
        weights = (ranks + 1.0) ** -1.15 * np.array(
            [products[i].demand * products[i].kind.demand for i in group]
        )
        appeal[group] = weights / weights.sum()
    return appeal


def _substitutes(products: list[Product], members: list[np.ndarray]) -> dict[int, list[int]]:
    substitutes: dict[int, list[int]] = {}
    for group in members:
        for i in group:
            here = products[i]
            distance = []
            for j in group:
                there = products[j]
                if there.group == here.group:
                    continue
                gap = abs(np.log(float(there.price) / float(here.price)))
                gap += 0.0 if there.kind.key == here.kind.key else 1.2
                if gap < 2.2:
                    distance.append((gap, int(j)))
            substitutes[int(i)] = [j for _, j in sorted(distance)[:N_SUBSTITUTES]]
    return substitutes


def _seasons(shelf: Shelf, leaves: list[str]) -> np.ndarray:
    by_leaf = {
        leaf.en: shelf.seasons[leaf.season]
        for department in shelf.departments
        for leaf in department.leaves
    }
    weights = np.array([by_leaf[leaf] for leaf in leaves], dtype=float)
    return np.asarray(weights / weights.mean(axis=1, keepdims=True))


def _plant_complements(
    market: Market, rng: np.random.Generator
) -> dict[int, list[tuple[int, float]]]:
    """Give a leaf's most wanted products complements of their own in the leaves that go with it."""
    planted: dict[int, list[tuple[int, float]]] = {}
    for leaf, others in sorted(market.leaf_complements.items()):
        group = market.members[leaf]
        order = group[np.argsort(-market.appeal[group], kind="stable")]
        for i in order[: max(2, round(len(order) * _ANCHORS_SHARE))]:
            chosen: list[tuple[int, float]] = []
            for other, chance in others:
                pool = candidates_in(market, int(i), other)
                if len(pool) == 0 or rng.random() > 0.75:
                    continue
                weights = market.appeal[pool] ** 0.8
                weights = weights * _price_harmony(market, int(i), pool)
                j = int(rng.choice(pool, p=weights / weights.sum()))
                chosen.append((j, round(min(0.5, chance * float(rng.uniform(0.7, 1.3))), 3)))
            planted[int(i)] = chosen
    return planted


def _belonging(
    shelf: Shelf, products: list[Product], position: dict[str, int]
) -> dict[tuple[int, int], np.ndarray]:
    return {
        (position[leaf], position[other]): np.array(
            [
                i
                for i, product in enumerate(products)
                if product.leaf.en == other and product.kind.key in kinds
            ],
            dtype=int,
        )
        for leaf, others in shelf.only_kinds.items()
        for other, kinds in others.items()
    }


def _price_harmony(market: Market, anchor: int, pool: np.ndarray) -> np.ndarray:
    """Dear things go with dear things: weight falls with the gap in level and with excess price."""
    gaps = np.array([market.products[j].level - market.products[anchor].level for j in pool])
    prices = np.array([float(market.products[j].price) for j in pool])
    excess = np.maximum(0.0, np.log(prices / float(market.products[anchor].price)))
    return np.asarray(np.exp(-2.5 * np.abs(gaps) - 1.5 * excess))


def candidates_in(market: Market, anchor: int, leaf: int) -> np.ndarray:
    """Return a leaf's products that make sense beside an anchor: fitting ones where it matters."""
    here = int(market.leaf_of[anchor])
    pool = market.belonging.get((here, leaf), market.members[leaf])
    if (here, leaf) in market.fitted_leaves:
        fits = market.fitting.get(anchor, frozenset())
        return np.array([j for j in pool if int(j) in fits], dtype=int)
    cut = market.products[anchor].attributes.get("fit")  # women's with women's
    if cut is None:
        return pool
    return np.array(
        [j for j in pool if market.products[j].attributes.get("fit", cut) == cut], dtype=int
    )
