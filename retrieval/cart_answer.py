"""What is said of a cart: what its lines need, the top-up of least regret, the best offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from retrieval.checkout import CartQuery, Checkout, check_out
from retrieval.data.dataset import to_minor
from retrieval.evidence import Evidence, money
from retrieval.offers.needs import Need, in_need_first, needs_of
from retrieval.offers.topup import Filler, least_regret
from retrieval.pipeline import Recommender
from retrieval.promotion import CENT, Offer
from retrieval.query import Constraints, Query
from retrieval.slate import Slate, Suggestion
from retrieval.stacking import Line, Priced, refusal, scope_total
from retrieval.store import Store

COMPLETES, OF_NEED, FILLERS = 5, 20, 60
"""Suggestions that complete a cart; how many are looked at for one need; for a top-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """Products that reach a minimum spend, and whether that is worth it."""

    offer: Offer
    gap: int
    """What is missing, in minor units."""
    fillers: tuple[Filler, ...]
    before: Priced
    after: Priced

    @property
    def spend(self) -> int:
        """What the products cost, in minor units."""
        return sum(f.price for f in self.fillers)

    @property
    def unwanted(self) -> int:
        """Their price less their expected worth, in thousandths of a minor unit."""
        return sum(f.unwanted for f in self.fillers)

    @property
    def saves(self) -> int:
        """What is saved more than without it, in minor units."""
        return to_minor(self.after.saved - self.before.saved)

    @property
    def net(self) -> int:
        """Saved less what is spent without wanting it, in thousandths of a minor unit."""
        return 1000 * self.saves - self.unwanted


@dataclass(frozen=True, kw_only=True)
class CartAnswer:
    """All that is said of a cart, with its evidence."""

    checkout: Checkout
    needs: dict[int, tuple[Need, ...]]
    order: tuple[int, ...]
    """Places of the lines, those that need something first."""
    completes: tuple[tuple[Need, Suggestion], ...]
    top_up: TopUp | None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def answer_cart(recommender: Recommender, query: CartQuery) -> CartAnswer:
    """Return what completes a cart, tops it up, and which offers are best for it."""
    store, records = recommender.store, recommender.records
    checkout = check_out(store, query)
    rows = store.catalogue.rows([line.product.product_id for line in checkout.lines])
    sellable = (store.catalogue.stock != 0) & ~np.isnan(store.catalogue.price)
    needs = needs_of(records, rows, sellable)
    slate = _beside(recommender, checkout, k=FILLERS) if len(rows) else Slate(query_id="")
    evidence = {f.evidence_id: f for found in needs.values() for n in found for f in n.facts}
    completes = _completing(recommender, checkout, needs, slate, evidence)
    top_up = _best_top_up(store, checkout, slate)
    for fact in (_stack_fact(store, checkout), _top_up_fact(store, checkout, top_up)):
        if fact is not None:
            evidence[fact.evidence_id] = fact
    fillers = {store.catalogue.product_ids[f.row] for f in top_up.fillers} if top_up else set()
    for suggestion in slate.suggestions:
        if suggestion.product_id in fillers:
            evidence |= {i: slate.evidence[i] for i in suggestion.evidence_ids}
    return CartAnswer(
        checkout=checkout, needs=needs, order=tuple(in_need_first(rows.tolist(), needs)),
        completes=completes, top_up=top_up, evidence=evidence, notes=checkout.notes,
    )  # fmt: skip


def _beside(
    recommender: Recommender, checkout: Checkout, *, k: int, categories: tuple[str, ...] = ()
) -> Slate:
    query = checkout.query
    return recommender.recommend(
        Query(
            query_id=query.cart_id, offer_kind="cross_sell", k=k, at=query.at,
            basket=tuple(line.product.product_id for line in checkout.lines),
            shopper_id=query.shopper_id, personalise=query.personalise,
            constraints=Constraints(categories=categories),
        )
    )  # fmt: skip


def _completing(
    recommender: Recommender,
    checkout: Checkout,
    needs: dict[int, tuple[Need, ...]],
    slate: Slate,
    evidence: dict[str, Evidence],
) -> tuple[tuple[Need, Suggestion], ...]:
    """Return the best product for each need, the strongest needs first, one of a category."""
    catalogue = recommender.store.catalogue
    wanted = sorted(
        (need for found in needs.values() for need in found),
        key=lambda n: (n.kind != "fit", -n.strength, n.row, n.leaf),
    )
    found: dict[int, tuple[Need, Suggestion]] = {}
    for need in wanted:
        if need.leaf in found or len(found) == COMPLETES:
            continue
        asked = [slate]
        if not any(catalogue.row(s.product_id) in need.rows for s in slate.suggestions):
            path = (catalogue.leaves[need.leaf],)
            asked.append(_beside(recommender, checkout, k=OF_NEED, categories=path))
        for part in asked:
            serving = [s for s in part.suggestions if catalogue.row(s.product_id) in need.rows]
            if serving:
                found[need.leaf] = (need, serving[0])
                evidence |= {i: part.evidence[i] for i in serving[0].evidence_ids}
                break
    return tuple(found.values())


def _best_top_up(store: Store, checkout: Checkout, slate: Slate) -> TopUp | None:
    """Return the top-up that leaves most, of all minimum spends that are within reach."""
    fillers = [f for s in slate.suggestions if (f := _filler(store, s, slate)) is not None]
    found = []
    for offer in checkout.offers:
        why = refusal(offer, checkout.lines, checkout.at, checkout.asked)
        if why != "below its minimum spend" or offer.min_spend is None:
            continue
        gap = to_minor(offer.min_spend - scope_total(offer, checkout.lines))
        in_scope = [f for f in fillers if offer.covers(store.catalogue.products[f.row])]
        chosen = least_regret(in_scope, gap, _misfits(store, [f.row for f in in_scope]))
        if chosen is not None:
            added = [Line(product=store.catalogue.products[f.row]) for f in chosen]
            after = checkout.price((*checkout.lines, *added))
            found.append(
                TopUp(offer=offer, gap=gap, fillers=chosen, before=checkout.priced, after=after)
            )
    return max(found, key=lambda t: (t.net, t.offer.offer_id), default=None)


def _filler(store: Store, suggestion: Suggestion, slate: Slate) -> Filler | None:
    """Return a suggestion as a filler; its worth is the largest share that a record states."""
    row = store.catalogue.row(suggestion.product_id)
    product = store.catalogue.products[row]
    ties = [slate.evidence[i] for i in suggestion.evidence_ids]
    shares = [
        float(t.data["confidence"])
        for t in ties
        if t.kind == "bought_together" and t.data["other"] == suggestion.product_id
    ]
    if product.price is None or not shares:
        return None
    return Filler(
        row=row, price=to_minor(product.price), permille=round(10 * max(shares)),
        role=int(store.catalogue.leaf_code[row]), group=product.item_group_id,
    )  # fmt: skip


def _misfits(store: Store, rows: Sequence[int]) -> list[tuple[int, int]]:
    return [
        (row, other)
        for place, row in enumerate(rows)
        for score in [store.compatibility.score(np.array([row]))]
        for other in rows[place + 1 :]
        if score[other] < 0
    ]


def _stack_fact(store: Store, checkout: Checkout) -> Evidence | None:
    """Return the best stack as a record: what each offer takes off, and what is left to pay."""
    priced = checkout.priced
    if not checkout.lines:
        return None
    words = ", ".join(f"{name} {money(off)}" for name, off in priced.savings.items()) or "nothing"
    return Evidence(
        evidence_id=f"stack:{checkout.query.cart_id}",
        kind="stack",
        product_ids=tuple(line.product.product_id for line in checkout.lines),
        text=f"of {money(priced.total)} the best offers take {words}; "
        f"{money(priced.to_pay)} to pay",
        data={
            "offers": {name: money(off) for name, off in priced.savings.items()},
            "total": money(priced.total),
            "delivery": money(priced.delivery),
            "saved": money(priced.saved),
            "to_pay": money(priced.to_pay),
            "currency": store.currency,
        },
        origin="offers and this cart; every stack that may be combined was compared",
    )


def _top_up_fact(store: Store, checkout: Checkout, top_up: TopUp | None) -> Evidence | None:
    """Return the top-up as a record, with what it costs, saves and is expected to be worth."""
    if top_up is None:
        return None
    ids = tuple(store.catalogue.product_ids[f.row] for f in top_up.fillers)
    data = {"offer_id": top_up.offer.offer_id, "kind": top_up.offer.kind, "products": list(ids)}
    data |= _amounts(top_up) | {"currency": store.currency}
    verdict = "worth it" if top_up.net > 0 else "not worth it"
    return Evidence(
        evidence_id=f"top_up:{checkout.query.cart_id}:{top_up.offer.offer_id}",
        kind="top_up",
        product_ids=ids,
        text=f"{top_up.offer.offer_id} wants {data['gap']} more; {', '.join(ids)} cost "
        f"{data['spend']}, of which {data['unwanted']} would not be spent otherwise, and save "
        f"{data['saves']}: {verdict}",
        data=data,
        origin="offers, this cart, shares of baskets in the event log",
    )


def _amounts(top_up: TopUp) -> dict[str, Any]:
    gap, spend = Decimal(top_up.gap) / 100, Decimal(top_up.spend) / 100
    unwanted = (Decimal(top_up.unwanted) / 100_000).quantize(CENT, ROUND_HALF_UP)
    return {
        "gap": money(gap),
        "spend": money(spend),
        "over": money(spend - gap),
        "worth": money(spend - unwanted),
        "unwanted": money(unwanted),
        "regret": money(unwanted - gap),
        "saves": money(Decimal(top_up.saves) / 100),
        "to_pay_before": money(top_up.before.to_pay),
        "to_pay_after": money(top_up.after.to_pay),
        "worth_it": top_up.net > 0,
    }
