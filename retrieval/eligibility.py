"""What may be shown at all for a plan: hard constraints, then what the task itself rules out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.behaviour.base import Context
from retrieval.filters import Mask, allowed
from retrieval.plan import Plan
from retrieval.query import Constraints
from retrieval.store import Store


def eligible(store: Store, plan: Plan) -> Mask:
    """Return which products may be shown: shape (n_products,)."""
    mask = allowed(store.catalogue, plan.constraints) & suitable(store, plan)
    if plan.task == "search" and plan.text and _is_bounded(plan.constraints):
        subject = store.subjects.find(plan.text)
        if subject is not None and subject.leaves:
            mask &= subject.mask  # "a tent under 20" never shows a cup under 20
    return mask


def suitable(store: Store, plan: Plan) -> Mask:
    """Return what the task allows before any constraint: shape (n_products,)."""
    catalogue = store.catalogue
    mask = np.ones(len(catalogue), bool)
    if plan.task == "search":
        return mask
    mask[plan.context.given] = False
    if plan.constraints.in_stock is None:
        mask &= catalogue.stock != 0
    if plan.task in ("cross_sell", "bundle") and plan.has_anchor:
        mask &= complement_mask(store, plan.context)
    if plan.task == "basket":
        mask &= store.compatibility.score(plan.context.given) >= 0
    if plan.task == "similar":
        mask &= _alternatives(store, plan)
    mask[owned(store, plan)] = False
    if plan.task == "next_product":  # what is used up may come next again
        history = plan.context.history
        again = history[store.behaviour.popularity.is_bought_again(history)]
        mask[again] = catalogue.stock[again] != 0 if plan.constraints.in_stock is None else True
    return mask


def complement_mask(store: Store, context: Context) -> Mask:
    """Return which products may complement what the context names: shape (n_products,).

    A product of the anchor's own leaf category is its substitute, however often both are bought;
    so is another variant of the anchor. One that states another fit than the anchor's cannot
    complement it, and one without a category cannot be of another category.
    """
    catalogue = store.catalogue
    leaves = _leaves(store, context)
    mask = catalogue.leaf_code >= 0 if leaves else np.ones(len(catalogue), bool)
    for leaf in leaves:
        mask[store.rows_of_leaf(leaf)] = False
    mask[context.given] = False
    for row in context.given:
        mask[store.variants(int(row))] = False
    return mask & (store.compatibility.score(context.given) >= 0)


def tied(store: Store, context: Context, kin: Mask) -> Mask:
    """Return which products a record ties to what the context names: shape (n_products,).

    A declared rule between the two; baskets with the product or its category, often enough and
    above chance, where a declared rule joins the two categories (`kin`, see `kindred`); or
    specifications that fit.
    """
    code, scorer = store.catalogue.leaf_code, store.behaviour.association
    least = store.config.behaviour.min_support
    mask = store.compatibility.score(context.given) > 0
    named = [np.array([row]) for row in np.unique(context.given)]
    leaves = {int(leaf) for leaf in code[context.given] if leaf >= 0} | set(context.anchor_leaves)
    for rows in [*named, *(store.rows_of_leaf(leaf) for leaf in sorted(leaves))]:
        mask |= scorer.is_tied(rows, least) & kin
    for row in np.unique(context.given):
        mask[scorer.rules.partners(int(row))] = True
    return mask


def kindred(store: Store, context: Context) -> Mask:
    """Return whose category a declared rule joins to one that is named: shape (n_products,)."""
    rows = np.concatenate([context.given, *map(store.rows_of_leaf, context.anchor_leaves)])
    return store.behaviour.association.rules.kin(rows)


def owned(store: Store, plan: Plan) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows that the shopper has and that nobody buys twice, latest first."""
    if plan.profile is None or plan.task in ("search", "next_product"):
        return np.zeros(0, np.int64)
    bought = plan.profile.purchased
    return bought[~store.behaviour.popularity.is_bought_again(bought)]


def _alternatives(store: Store, plan: Plan) -> Mask:
    """The leaf categories of what is named; where those hold nothing else, one level up.

    One level up, what goes with the anchor or does not fit it is no alternative to it.
    """
    code = store.catalogue.leaf_code
    named = Context(history=plan.related(), anchor_leaves=plan.context.anchor_leaves)
    leaves = _leaves(store, named)
    if not leaves:
        return np.ones(len(code), bool)
    mask = np.isin(code, leaves)
    others = mask.copy()
    others[plan.context.given] = False
    if others.any():
        return mask
    above = {path.rpartition(" > ")[0] for path in (store.catalogue.leaves[i] for i in leaves)}
    near = [
        i for i, path in enumerate(store.catalogue.leaves) if path.rpartition(" > ")[0] in above
    ]
    apart = store.compatibility.score(plan.context.given) == 0
    return np.isin(code, near) & apart & ~tied(store, plan.context, kindred(store, plan.context))


def _leaves(store: Store, context: Context) -> Sequence[int]:
    named = store.catalogue.leaf_code[context.given]
    return sorted({int(code) for code in named if code >= 0} | set(context.anchor_leaves))


def _is_bounded(c: Constraints) -> bool:
    """Whether a condition on a value is set: what is named then comes first."""
    return (
        any(v is not None for v in (c.price_min, c.price_max, c.rating_min)) or bool(c.in_stock)
        or bool(c.attributes) or bool(c.brands) or bool(c.attributes_min) or bool(c.attributes_max)
    )  # fmt: skip
