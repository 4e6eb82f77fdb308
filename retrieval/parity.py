"""`python -m retrieval.parity --store STORE [--shoppers N] [--products N] [--seed N]`.

Audits that the same product at the same moment with the same eligibility has the same price for
everyone. For every product it asks for a price at every moment around which an offer for it starts
or ends, in every class of eligibility (which of its coupons are asked for, which minimum spends the
quantity reaches), as nobody and as several shoppers with personalisation on and off. Prints one
JSON object; exit status 1 when two prices differ, 2 for bad usage.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product as every
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.checkout import MAX_QUANTITY, CartLine, CartQuery, check_out
from retrieval.data.dataset import Product
from retrieval.errors import ShopError
from retrieval.promotion import Offer
from retrieval.store import Store
from retrieval.text.quiet import go_offline

PriceOf = Callable[[Store, CartQuery], Decimal]
INSTANT = timedelta(microseconds=1)
MAX_COUPONS = 4
"""Of more coupons for one product none, each and all are asked for, not every set."""
SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two prices for one product, moment and eligibility."""

    query: CartQuery
    price: Decimal
    expected: Decimal
    """What nobody in particular pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was asked, and what differed."""

    n_prices: int
    n_products: int
    n_cases: int
    """Products × moments × classes of eligibility."""
    n_identities: int
    differences: tuple[Difference, ...]


def price_to_pay(store: Store, query: CartQuery) -> Decimal:
    """Return what a cart comes to after the best offers, delivery included."""
    return check_out(store, query).priced.to_pay


def audit(
    store: Store,
    shoppers: Sequence[str],
    *,
    price_of: PriceOf = price_to_pay,
    products: Sequence[Product] | None = None,
) -> Audit:
    """Ask for every price as every identity, and return the differences."""
    asked = [p for p in (products or store.catalogue.products) if p.price is not None]
    identities: list[tuple[str | None, bool]] = [(None, False)]
    identities += [(s, is_on) for s in shoppers for is_on in (True, False)]
    n_prices = n_cases = 0
    differences: list[Difference] = []
    for product in asked:
        for query in cases(product, tuple(store.promotions.values())):
            n_cases += 1
            expected = price_of(store, query)
            for shopper_id, is_on in identities:
                own = query.model_copy(update={"shopper_id": shopper_id, "personalise": is_on})
                price = price_of(store, own)
                n_prices += 1
                if price != expected:
                    differences.append(Difference(query=own, price=price, expected=expected))
    return Audit(
        n_prices=n_prices, n_products=len(asked), n_cases=n_cases, n_identities=len(identities),
        differences=tuple(differences),
    )  # fmt: skip


def cases(product: Product, offers: Sequence[Offer]) -> Iterator[CartQuery]:
    """Yield every moment × class of eligibility of one product, as nobody asks."""
    own = [offer for offer in offers if offer.covers(product)]
    for at, coupons, quantity in every(_moments(own), _coupons(own), _quantities(product, own)):
        yield CartQuery(
            cart_id=product.product_id,
            lines=(CartLine(product_id=product.product_id, quantity=quantity),),
            coupons=coupons,
            personalise=False,
            at=at,
        )


def _moments(offers: Sequence[Offer]) -> list[datetime | None]:
    """Return the moments just before, at and just after each start and end; and none stated."""
    found: set[datetime] = set()
    for offer in offers:
        for edge in (offer.starts_at, offer.ends_at):
            if edge is not None:
                found |= {edge - INSTANT, edge, edge + INSTANT}
    return [None, *sorted(found)]


def _coupons(offers: Sequence[Offer]) -> list[tuple[str, ...]]:
    """Return the sets of coupons that can be asked for."""
    ids = [offer.offer_id for offer in offers if offer.kind == "coupon"]
    if len(ids) > MAX_COUPONS:
        return [(), *((one,) for one in ids), tuple(ids)]
    return [
        tuple(one for one, is_in in zip(ids, taken, strict=True) if is_in)
        for taken in every((False, True), repeat=len(ids))
    ]


def _quantities(product: Product, offers: Sequence[Offer]) -> list[int]:
    """Return one piece, and for each minimum spend the least quantity that reaches it."""
    price = product.price or Decimal(1)
    found = {1}
    for offer in offers:
        if offer.min_spend is not None:
            found.add(min(MAX_QUANTITY, max(1, math.ceil(offer.min_spend / price))))
    return sorted(found)


def as_json(found: Audit) -> dict[str, Any]:
    """Return the audit as the door writes it."""
    return {
        "is_equal": not found.differences,
        "prices": found.n_prices,
        "products": found.n_products,
        "cases": found.n_cases,
        "identities": found.n_identities,
        "differences": len(found.differences),
        "examples": [
            {
                "query": one.query.model_dump(mode="json", exclude_none=True),
                "price": str(one.price),
                "expected": str(one.expected),
            }
            for one in found.differences[:SHOWN]
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.parity", description="Audit that prices depend on no shopper."
    )
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument("--shoppers", type=int, default=2, help="shoppers drawn from the log")
    parser.add_argument("--products", type=int, default=None, help="audit a sample; else all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    go_offline()
    try:
        store = Store.open(options.store, device="cpu")
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        found = audit(
            store,
            draw_shoppers(store, options.shoppers, options.seed),
            products=_sample(store.catalogue.products, options.products, options.seed),
        )
    finally:
        store.close()
    sys.stdout.write(json.dumps(as_json(found), ensure_ascii=False) + "\n")
    return 0 if not found.differences else 1


def draw_shoppers(store: Store, n: int, seed: int) -> list[str]:
    """Return shoppers of the log, and one that it does not know."""
    known = sorted(store.dataset.events["shopper_id"].unique().to_list())
    chosen = np.random.default_rng(seed).permutation(len(known))[:n]
    return [*(known[int(i)] for i in sorted(chosen)), "nobody-in-the-log"]


def _sample(products: Sequence[Product], n: int | None, seed: int) -> Sequence[Product]:
    if n is None or n >= len(products):
        return products
    chosen = np.random.default_rng(seed).permutation(len(products))[:n]
    return [products[int(i)] for i in sorted(chosen)]


if __name__ == "__main__":
    sys.exit(main())
