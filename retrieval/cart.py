"""`python -m retrieval.cart --store STORE [--queries FILE|-] [--out FILE|-]`.

One cart a line in, one answer a line out, in the same order: what the lines still need and what
would complete them, the top-up with the least regret, the best stack of offers. Exit status 2 and
one sentence on stderr for bad usage or bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from retrieval.cart_answer import CartAnswer, answer_cart
from retrieval.checkout import CartQuery, Checkout, parse_cart
from retrieval.errors import QueryError, ShopError
from retrieval.evidence import money
from retrieval.offers.needs import Need
from retrieval.pipeline import Recommender
from retrieval.promotion import Offer
from retrieval.stacking import apply_stack, refusal, scope_total
from retrieval.store import Store
from retrieval.text.quiet import go_offline


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
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument("--queries", default="-", help="JSON Lines file, or - for standard input")
    parser.add_argument("--out", default="-", help="JSON Lines file, or - for standard output")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    go_offline()
    try:
        with ExitStack() as stack:
            recommender = Recommender(Store.open(options.store, device=options.device))
            stack.callback(recommender.store.close)
            carts = _carts(_lines(stack, options.queries), options.queries)
            out = (
                sys.stdout
                if options.out == "-"
                else stack.enter_context(Path(options.out).open("w", encoding="utf-8"))
            )
            for cart in carts:
                answer = as_json(answer_cart(recommender, cart), recommender.store)
                out.write(json.dumps(answer, ensure_ascii=False) + "\n")
                out.flush()
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename or options.queries}: {error.strerror or error}\n")
        return 2
    return 0


def _lines(stack: ExitStack, name: str) -> Iterator[bytes]:
    if name == "-":
        return iter(sys.stdin.buffer)
    if not Path(name).is_file():
        raise QueryError(f"{name}: no such file; give a JSON Lines file of carts, or -")
    return iter(stack.enter_context(Path(name).open("rb")))


def _carts(lines: Iterator[bytes], name: str) -> Iterator[CartQuery]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"{where}: is not JSON ({error}); write one cart a line") from error
        yield parse_cart(data, where=where)


if __name__ == "__main__":
    sys.exit(main())
