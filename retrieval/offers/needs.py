"""What a cart still needs: for each line, the fits and the strong complements that nothing serves.

A line needs something when it states `fits X` and nothing in the cart works with it, or when a
record says that its buyers take a category along often and far above chance and the cart holds
nothing of that category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retrieval.behaviour.base import Rows
from retrieval.compatibility import PREFIX
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.filters import Mask
from retrieval.records import Records
from retrieval.store import Store

OFTEN, ABOVE_CHANCE = 10.0, 2.5
"""A strong complement: in percent the lower end of the 95 % interval, and how many times chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a line lacks in this cart."""

    kind: Literal["fit", "together"]
    row: int
    """The line's product."""
    leaf: int
    """The category that would serve it."""
    rows: frozenset[int]
    """The products that would."""
    strength: float
    """Share of baskets with the line (or its category) that hold the category, in percent; 0
    where too few baskets say so."""
    facts: tuple[Evidence, ...]


def needs_of(records: Records, cart: Rows, sellable: Mask) -> dict[int, tuple[Need, ...]]:
    """Return row → what it still needs, the strongest first.

    Args:
        records: The store's records.
        cart: Rows of the cart.
        sellable: What can be bought now, shape (n_products,).
    """
    found = {}
    for row in dict.fromkeys(cart.tolist()):
        fits = _fits(records, row, cart, sellable)
        named = {need.leaf for need in fits}
        others = [need for need in _together(records, row, cart) if need.leaf not in named]
        ordered = sorted([*fits, *others], key=lambda n: (n.kind != "fit", -n.strength, n.leaf))
        found[row] = tuple(ordered)
    return found


def in_need_first(cart: Sequence[int], needs: dict[int, tuple[Need, ...]]) -> list[int]:
    """Return the places of the lines: unmet fits first, then by the strongest unmet complement."""

    def urgency(place: int) -> tuple[bool, float, int]:
        found = needs.get(cart[place], ())
        has_fit = any(need.kind == "fit" for need in found)
        return not has_fit, -max((need.strength for need in found), default=0.0), place

    return sorted(range(len(cart)), key=urgency)


def _fits(records: Records, row: int, cart: Rows, sellable: Mask) -> list[Need]:
    """Return what the line states to fit, unless the cart holds it or the store sells none."""
    store = records.store
    product = store.catalogue.products[row]
    stated = [n for n in product.attributes if n.casefold().startswith(PREFIX)]
    if not stated:
        return []
    score = store.compatibility.score(np.array([row]))
    if (score[cart] > 0).any():
        return []
    rows = np.flatnonzero((score > 0) & sellable)
    leaves = store.catalogue.leaf_code[rows]
    found = []
    for leaf in sorted({int(leaf) for leaf in leaves if leaf >= 0}):
        tie = _tie(records, product, row, leaf)
        facts = [records.attribute(product, name) for name in stated]
        found.append(
            Need(
                kind="fit", row=row, leaf=leaf,
                rows=frozenset(int(r) for r in rows[leaves == leaf]),
                strength=0.0 if tie is None else float(tie.data["confidence"]),
                facts=tuple(f for f in (*facts, tie) if f is not None),
            )
        )  # fmt: skip
    return found


def _together(records: Records, row: int, cart: Rows) -> list[Need]:
    """Return the categories that buyers of the line take along and the cart holds nothing of."""
    store = records.store
    code = store.catalogue.leaf_code
    product = store.catalogue.products[row]
    held = {int(leaf) for leaf in code[cart]}
    found = []
    for leaf in _often_beside(store, row):
        tie = None if leaf in held else _tie(records, product, row, leaf)
        if tie is None or float(tie.data["low"]) < OFTEN or float(tie.data["lift"]) < ABOVE_CHANCE:
            continue
        found.append(
            Need(
                kind="together", row=row, leaf=leaf,
                rows=frozenset(int(r) for r in store.rows_of_leaf(leaf)),
                strength=float(tie.data["confidence"]), facts=(tie,),
            )
        )  # fmt: skip
    return found


def _often_beside(store: Store, row: int) -> list[int]:
    """Return the leaves that at least `OFTEN` percent of the line's baskets may hold.

    Baskets that hold a leaf are at most the sum over its products: what this leaves out could not
    pass either.
    """
    code, scorer = store.catalogue.leaf_code, store.behaviour.association
    likely: set[int] = set()
    own = int(code[row])
    for rows in (np.array([row]), store.rows_of_leaf(own) if own >= 0 else np.array([row])):
        n_anchor = int(scorer.n_holding(rows).max(initial=1))  # at least so many baskets
        sums = np.bincount(code[code >= 0], scorer.partners(rows)[code >= 0])
        likely |= {int(leaf) for leaf in np.flatnonzero(100 * sums >= OFTEN * n_anchor)}
    return sorted(likely - {own})


def _tie(records: Records, product: Product, row: int, leaf: int) -> Evidence | None:
    """Return the record that ties a line to a category: its own baskets, else its category's."""
    own = int(records.store.catalogue.leaf_code[row])
    tie = records.bought_together(product, leaf) if leaf != own else None
    if tie is None and own >= 0 and own != leaf:
        tie = records.bought_together(own, leaf)
    return tie
