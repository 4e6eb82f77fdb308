"""What would bring a product in: the smallest change of a query that a run of it bears out.

Changes are tried in one order and the first that works is taken:

1. what keeps the product out is loosened, no further than it takes: a limit to the product's own
   value, a condition lifted, what it does not go with dropped;
2. beside that, one thing asked more narrowly: a limit at its price, its brand, its category;
3. one product fewer among those named, then one more (those most bought with it);
4. two things asked more narrowly;
5. a longer list, the shortest that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from retrieval.data.dataset import Product
from retrieval.eligibility import complement_mask
from retrieval.evidence import money
from retrieval.facts.turn import as_text
from retrieval.filters import broken
from retrieval.plan import Plan
from retrieval.query import Change, Query, Step, changed
from retrieval.store import Store

MAX_RUNS = 24
"""Runs of the ranker that one answer may take, those for a longer list apart."""
MAX_K = 50
"""A longer list than this is no help."""
MAX_PRODUCTS = 3
"""Products tried to be named besides, and of those named without."""
MIN_SHARED = 2
"""Baskets that a product must share with one that is tried besides."""


def smallest_change(
    store: Store, plan: Plan, product: Product, shows: Callable[[Query], bool]
) -> Change | None:
    """Return the first change that brings a product in; None if none of those tried does.

    Args:
        store: Where products and their company are looked up.
        plan: Of the query, for the kind of suggestion meant.
        product: What is not in the slate.
        shows: Runs a query and says whether its slate holds the product.
    """
    tried = _Tried(store, plan, product)
    for n, change in enumerate(tried.changes()):
        if n == MAX_RUNS:
            break
        if shows(change.query):
            return change
    return tried.longer(shows)


class _Tried:
    """The changes of one query for one product, smallest first."""

    def __init__(self, store: Store, plan: Plan, product: Product) -> None:
        self._store, self._plan, self._product = store, plan, product
        self._row = store.catalogue.row(product.product_id)
        base = Change(steps=(), query=plan.query)
        for step in self._needed():
            base = self._with(base, step)
        self._base = base

    def changes(self) -> Iterator[Change]:
        """Yield the changes but for longer lists."""
        if self._base.steps:
            yield self._base
        if self._plan.task == "bundle":
            return  # a set is solved as a whole: other wishes would be another set
        narrow = list(self._narrower())
        for step in (*narrow, *self._fewer(), *self._more()):
            yield self._with(self._base, step)
        for one, other in combinations(narrow, 2):
            yield self._with(self._with(self._base, one), other)

    def longer(self, shows: Callable[[Query], bool]) -> Change | None:
        """Return the shortest list that holds the product, found by halving."""
        low, high = self._plan.query.k, MAX_K
        if self._plan.task == "bundle" or high <= low or not shows(self._of_length(high).query):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if shows(self._of_length(middle).query):
                high = middle
            else:
                low = middle
        return self._of_length(high)

    def _of_length(self, k: int) -> Change:
        return self._with(self._base, Step(kind="longer", field="k", value=str(k)))

    # what may be changed

    def _needed(self) -> Iterator[Step]:
        """Yield what must be loosened or dropped for the product to be allowed at all."""
        plan, product, catalogue = self._plan, self._product, self._store.catalogue
        for name in broken(catalogue, plan.constraints, self._row):
            yield from self._loosened(name)
        if product.stock == 0 and plan.task != "search" and plan.constraints.in_stock is None:
            yield Step(kind="loosen", field="in_stock", value="False")
        if plan.task == "search" or not plan.has_anchor:
            return
        named = self._named()
        for field, product_id in named if len(named) > 1 else ():
            alone = np.array([catalogue.row(product_id)])
            is_pair = plan.task in ("cross_sell", "bundle", "basket")
            clashes = is_pair and self._store.compatibility.score(alone)[self._row] < 0
            if plan.task in ("cross_sell", "bundle"):
                mine = catalogue.leaf_code[self._row]
                clashes |= bool(catalogue.leaf_code[alone[0]] == mine >= 0)
                clashes &= not complement_mask(self._store, plan.context)[self._row]
            if product_id == product.product_id or clashes:
                yield Step(kind="drop", field=field, value=product_id)

    def _loosened(self, name: str) -> Iterator[Step]:
        asked, product = self._plan.query.constraints, self._product
        if name in ("price_max", "price_min") and product.price is not None:
            for limit in ("price_max", "total_max") if name == "price_max" else (name,):
                limited = getattr(asked, limit)
                if limited is not None and (name == "price_min" or limited < product.price):
                    yield Step(kind="loosen", field=limit, value=money(product.price))
        elif name == "rating_min" and product.rating is not None:
            yield Step(kind="loosen", field=name, value=str(product.rating))
        elif name == "exclude":
            yield Step(kind="drop", field=name, value=product.product_id)
        else:
            yield Step(kind="lift", field=name, value=as_text(getattr(asked, name)))

    def _narrower(self) -> Iterator[Step]:
        asked, product = self._base.query.constraints, self._product
        price = product.price
        if price is not None and (asked.price_max is None or asked.price_max > price):
            yield Step(kind="narrow", field="price_max", value=money(price))
        if product.brand and not asked.brands:
            yield Step(kind="narrow", field="brands", value=product.brand)
        if product.category and not asked.categories:
            yield Step(kind="narrow", field="categories", value=product.category[-1])

    def _named(self) -> list[tuple[str, str]]:
        """Return field and id of every known product named, the latest first."""
        query = self._plan.query
        known = self._store.catalogue
        return [
            (field, product_id)
            for field in ("basket", "anchors")
            for product_id in reversed(getattr(query, field))
            if product_id in known
        ]

    def _fewer(self) -> Iterator[Step]:
        dropped = {step.value for step in self._base.steps if step.kind == "drop"}
        left = [(f, p) for f, p in self._named() if p not in dropped]
        if len(left) > 1:
            for field, product_id in left[:MAX_PRODUCTS]:
                yield Step(kind="drop", field=field, value=product_id)

    def _more(self) -> Iterator[Step]:
        """Yield products to be named besides: those that share most of its baskets."""
        query = self._base.query
        field = "basket" if query.basket else "anchors"
        if not getattr(query, field):
            return
        scorer, catalogue = self._store.behaviour.association, self._store.catalogue
        together = scorer.partners(np.array([self._row])).astype(np.float64)
        lift = together / np.sqrt(np.maximum(scorer.n_holding(np.arange(len(together))), 1))
        lift[(together < MIN_SHARED) | (np.arange(len(together)) == self._row)] = 0
        lift[catalogue.rows([*query.basket, *query.anchors])] = 0
        for row in np.argsort(-np.round(lift, 9), kind="stable")[:MAX_PRODUCTS].tolist():
            if lift[row] > 0:
                yield Step(kind="add", field=field, value=catalogue.product_ids[row])

    def _with(self, change: Change, step: Step) -> Change:
        return Change(steps=(*change.steps, step), query=changed(change.query, step))
