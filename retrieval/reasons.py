"""The evidence of one suggestion, strongest first; where nothing fits, what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Product
from retrieval.eligibility import suitable
from retrieval.evidence import Evidence
from retrieval.filters import allowed, nearest_bounds
from retrieval.offers.upsell import Upgrade, upgrades_of
from retrieval.plan import Plan, moment
from retrieval.promotion import best_for
from retrieval.query import Constraints
from retrieval.records import Records
from retrieval.slate import Candidate

MAX_ANCHORS = 6
"""Of many products named, the last ones are looked at for ties."""
MAX_TIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why one product is suggested."""

    facts: tuple[Evidence, ...]
    anchor_id: str | None = None
    """The product it relates to most."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The facts' ids, in order, each once."""
        return tuple(dict.fromkeys(fact.evidence_id for fact in self.facts))


def reasons_for(
    records: Records, plan: Plan, candidate: Candidate, upgrade: Upgrade | None = None
) -> Reasons:
    """Return the evidence of one suggestion, strongest first, and the anchor it relates to."""
    store = records.store
    product = store.catalogue.products[candidate.row]
    facts: list[Evidence | None] = []
    anchor_id = None
    if upgrade is not None:
        anchor_id = upgrade.difference.product_ids[1]
        facts += [*upgrade.gains, *upgrade.losses, upgrade.difference]
    elif plan.has_anchor and plan.task != "search":
        related, anchor_id = ties(records, plan, product)
        facts += related
    vector = None
    if plan.text:
        vector = store.encoder.encode([plan.text], role="query")[0]
        words = store.lexical.matched_words(plan.text, candidate.row)
        facts.append(records.match(product, words))
    if plan.shopper_id is not None:
        facts.append(records.repurchase(plan.shopper_id, product))
        facts.append(records.own_history(plan.shopper_id, product))
    offer = best_for(product, tuple(store.promotions.values()), moment(store, plan.query))
    facts += [
        records.price(product),
        records.rating(product),
        records.praise(product, about=vector),
        records.offer(product, offer) if offer else None,
        records.stock(product),
        records.category(product),
        records.popularity(product) if candidate.parts.get("popularity") else None,
    ]
    return Reasons(facts=tuple(f for f in facts if f is not None), anchor_id=anchor_id)


def ties(records: Records, plan: Plan, product: Product) -> tuple[list[Evidence], str | None]:
    """Return what ties the product to what the query names, and to which of it most.

    Records of both products go before those of the anchor's category, and those before records
    of both categories.
    """
    store = records.store
    catalogue, row = store.catalogue, store.catalogue.row(product.product_id)
    rows = [int(r) for r in plan.context.given[-MAX_ANCHORS:] if int(r) != row]
    by_product: list[tuple[float, Evidence, str]] = []
    by_leaf: list[tuple[float, Evidence, str | None]] = []
    is_similar = plan.task == "similar"
    for anchor in (catalogue.products[r] for r in rows):
        fit = records.compatibility(anchor, product)
        if fit is not None and fit.data["works"]:
            by_product.append((1e6, fit, anchor.product_id))
        tie = (records.viewed_together if is_similar else records.bought_together)(anchor, product)
        if tie is not None:
            by_product.append((strength(tie), tie, anchor.product_id))
    leaves: dict[int, str | None] = dict.fromkeys(plan.context.anchor_leaves)
    if not by_product and not is_similar:
        codes = {int(catalogue.leaf_code[r]): catalogue.product_ids[r] for r in rows}
        leaves |= {code: anchor_id for code, anchor_id in codes.items() if code >= 0}
    own_leaf = int(catalogue.leaf_code[row])
    for leaf, anchor_id in leaves.items():
        tie = records.bought_together(leaf, product)
        if tie is None and own_leaf >= 0 and own_leaf != leaf:
            tie = records.bought_together(leaf, own_leaf)
        if tie is not None:
            by_leaf.append((strength(tie), tie, anchor_id))
    found = [
        *sorted(by_product, key=lambda t: (-t[0], t[1].evidence_id)),
        *sorted(by_leaf, key=lambda t: (-t[0], t[1].evidence_id)),
    ]
    anchor_id = next((anchor for _, _, anchor in found if anchor), None)
    if anchor_id is None and is_similar and len(plan.related()):
        anchor_id = catalogue.product_ids[int(plan.related()[-1])]
    return [fact for _, fact, _ in found[:MAX_TIES]], anchor_id


def strength(tie: Evidence) -> float:
    """Return how much a count says: count × log2(lift + 1)."""
    return float(tie.data["count"]) * log2(float(tie.data["lift"]) + 1)


def nothing_fits(records: Records, plan: Plan) -> tuple[list[Evidence], tuple[str, ...]]:
    """Return the nearest bounds of the constraints in the way, and a note for each; else why."""
    store, constraints = records.store, plan.constraints
    among, of = _wished(records, plan)
    facts = []
    if constraints != Constraints():
        facts = [
            records.bound(bound, of, getattr(constraints, bound.name))
            for bound in nearest_bounds(store.catalogue, constraints, among)
        ]
    if facts:
        return facts, tuple(f"nothing fits; {fact.text}" for fact in facts)
    if among.any() and not (among & allowed(store.catalogue, constraints)).any():
        names = ", ".join(sorted(constraints.model_fields_set))
        return [], (f"nothing fits: {of} never meet {names} together, nor with one dropped",)
    return [], (_empty_note(plan),)


def _wished(records: Records, plan: Plan) -> tuple[NDArray[np.bool_], str]:
    """Return which products would answer but for the constraints, and their name."""
    store = records.store
    mask = suitable(store, plan)
    if plan.task == "upsell":
        rows = [u.candidate.row for u in upgrades_of(records, plan.related(), mask)]
        found = np.zeros(len(mask), bool)
        found[rows] = True
        return found, "better ones of the same category"
    subject = store.subjects.find(plan.text) if plan.text else None
    if subject is not None:
        return mask & subject.mask, subject.label
    if plan.task == "search" and plan.text:
        return mask & (store.lexical.scores(plan.text) > 0), "these wishes"
    named = {"cross_sell": "what goes with it", "similar": "the same category"}
    return mask, named.get(plan.task, "these wishes")


def _empty_note(plan: Plan) -> str:
    if plan.task in ("cross_sell", "similar", "basket", "upsell") and not plan.has_anchor:
        return f"{plan.task} needs an anchor or a basket of known products"
    if plan.task == "upsell":
        if not len(plan.related()):
            return "upsell needs an anchor or a basket of known products"
        return "no dearer product of the same category is better by its specifications or ratings"
    return "no product of this store answers the query"
