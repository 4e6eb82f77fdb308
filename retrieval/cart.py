"""`python -m retrieval.cart --store STORE [--queries FILE|-] [--out FILE|-]`.

One cart a line in, one answer a line out, in the same order: what the lines still need and what
would complete them, the top-up with the least regret, the best stack of offers. Exit status 2 and
one sentence on stderr for bad usage or bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from retrieval.cart_answer import CartAnswer, answer_cart
from retrieval.checkout import Checkout, parse_cart
from retrieval.door import add_files, answer_lines
from retrieval.evidence import money
from retrieval.offers.needs import Need
from retrieval.promotion import Offer
from retrieval.stacking import apply_stack, refusal, scope_total
from retrieval.store import Store


def as_json(answer: CartAnswer, store: Store) -> dict[str, Any]:
    """Return the answer as the door writes it; money is text with two decimals."""
    checkout, priced = answer.checkout, answer.checkout.priced
    lines = [checkout.lines[place] for place in answer.order]
    return {
        "cart_id": checkout.query.cart_id,
        "lines": [
            {
                "product_id": line.product.product_id,
                "quantity": line.quantity,
                "subtotal": money(line.subtotal),
                "needs": [
                    _need(store, need)
                    for need in answer.needs[store.catalogue.row(line.product.product_id)]
                ],
            }
            for line in lines
        ],
        "completes": [
            suggestion.as_json() | {"for": store.catalogue.product_ids[need.row]}
            | _need(store, need)
            | {"evidence_ids": list(dict.fromkeys([*_ids(need), *suggestion.evidence_ids]))}
            for need, suggestion in answer.completes
        ],
        "top_up": _top_up(answer),
        "coupons": _coupons(checkout),
        "total": money(priced.total),
        "total_after": money(priced.to_pay - priced.delivery_due),
        "delivery": {"fee": money(priced.delivery), "to_pay": money(priced.delivery_due)},
        "notes": list(answer.notes),
        "evidence": {i: e.as_json() for i, e in answer.evidence.items()},
    }  # fmt: skip


def _need(store: Store, need: Need) -> dict[str, Any]:
    return {
        "kind": need.kind,
        "category": store.catalogue.leaves[need.leaf],
        "evidence_ids": _ids(need),
    }


def _ids(need: Need) -> list[str]:
    return [fact.evidence_id for fact in need.facts]


def _top_up(answer: CartAnswer) -> dict[str, Any] | None:
    facts = [f for f in answer.evidence.values() if f.kind == "top_up"]
    if not facts:
        return None
    return {**facts[0].data, "evidence_ids": [facts[0].evidence_id]}


def _coupons(checkout: Checkout) -> dict[str, Any]:
    """Return the best stack, and of every offer for these lines what it does alone or why not."""
    priced = checkout.priced
    facts = [f"stack:{checkout.query.cart_id}"] if checkout.lines else []
    return {
        "best": list(priced.savings),
        "savings": {name: money(off) for name, off in priced.savings.items()},
        "saved": money(priced.saved),
        "considered": [
            _considered(offer, checkout)
            for offer in checkout.offers
            if offer.offer_id in (checkout.query.coupons or ())
            or refusal(offer, checkout.lines, checkout.at, checkout.asked)
            not in ("not running", "nothing in scope")
        ],
        "evidence_ids": facts,
    }


def _considered(offer: Offer, checkout: Checkout) -> dict[str, Any]:
    why = refusal(offer, checkout.lines, checkout.at, checkout.asked)
    alone = apply_stack((offer,), checkout.lines, checkout.priced.delivery) if why is None else None
    found: dict[str, Any] = {
        "offer_id": offer.offer_id,
        "kind": offer.kind,
        "is_in_best": offer.offer_id in checkout.priced.savings,
        "saves_alone": None if alone is None else money(alone.saved),
        "reason": why,
    }
    if why == "below its minimum spend" and offer.min_spend is not None:
        found["missing"] = money(offer.min_spend - scope_total(offer, checkout.lines))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.cart", description="Complete, top up and price carts."
    )
    add_files(parser)
    return answer_lines(
        parser.parse_args(arguments),
        parse_cart,
        lambda recommender, cart: as_json(answer_cart(recommender, cart), recommender.store),
        what=("cart", "carts"),
    )


if __name__ == "__main__":
    sys.exit(main())
