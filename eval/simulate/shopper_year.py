"""One shopper's year: planned orders, repurchases, the promotion, and looking without buying."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import cast

import numpy as np

from eval.simulate.choices import Choices
from eval.simulate.content import Shelf
from eval.simulate.event_log import EventLog
from eval.simulate.market import Market
from eval.simulate.shoppers import Shopper
from eval.simulate.year import (
    TRIAL_DEPARTMENT,
    TRIAL_ENDS,
    TRIAL_FACTOR,
    TRIAL_OFFER,
    TRIAL_STARTS,
    YEAR_ENDS,
    day_table,
    draw_moment,
)

_REPURCHASE_CHANCE = 0.55
_REFUND_CHANCE = 0.035
_SKIPS_PER_UPLIFT = 5.0
"""About one shopper in five plans an order in the promotion's weeks: skipping it with five times
the uplift changes the chance of an order by the uplift."""

_PLANNED, _FROM_TRIAL = -1, -2
"""Why an order happens, where it is not the repurchase of a product."""


def simulate_year(
    shelf: Shelf, market: Market, shoppers: list[Shopper], rng: np.random.Generator
) -> Iterator[EventLog]:
    """Yield each shopper's log; final ids are given later, in order of time."""
    choices = Choices(shelf, market)
    days = day_table()
    for shopper in shoppers:
        yield _ShopperYear(choices, shopper, days, rng).run()


class _ShopperYear:
    def __init__(
        self, choices: Choices, shopper: Shopper, days: np.ndarray, rng: np.random.Generator
    ) -> None:
        self.choices = choices
        self.market = choices.market
        self.shopper = shopper
        self.days = days
        self.rng = rng
        self.log = EventLog(shopper=shopper, products=choices.market.products)

    def run(self) -> EventLog:
        """Play the year in order of time; what is bought may be due again later."""
        rng = self.rng
        due: list[tuple[datetime, int, int]] = []  # when, tie-break, why
        for _ in range(self.shopper.n_orders):
            heapq.heappush(due, (draw_moment(self.days, rng), len(due), _PLANNED))
        trial_seen_at = self._see_trial() if self.shopper.is_treated else None
        if trial_seen_at is not None and rng.random() < self.shopper.uplift:
            at = trial_seen_at + timedelta(hours=float(rng.uniform(1, 200)))
            heapq.heappush(due, (at, len(due), _FROM_TRIAL))
        is_put_off = (
            trial_seen_at is not None and rng.random() < -self.shopper.uplift * _SKIPS_PER_UPLIFT
        )
        n_pushed = len(due)
        while due:
            at, _, why = heapq.heappop(due)
            if is_put_off and why == _PLANNED and TRIAL_STARTS <= at < TRIAL_ENDS:
                continue
            for product in self._order(at, why, trial_seen_at):
                again = self._due_again(product, at)
                if again is not None:
                    n_pushed += 1
                    heapq.heappush(due, (again, n_pushed, product))
        for _ in range(int(rng.poisson(0.9 + 0.35 * self.shopper.n_orders))):
            self._browse(draw_moment(self.days, rng))
        return self.log

    def _see_trial(self) -> datetime:
        at = TRIAL_STARTS + timedelta(seconds=int(self.rng.integers(10 * 86400)))
        self.log.add("offer_view", at, offer_id=TRIAL_OFFER)
        return at

    def _due_again(self, product: int, at: datetime) -> datetime | None:
        cycle = self.market.products[product].kind.repurchase_days
        if cycle is None or self.rng.random() > _REPURCHASE_CHANCE:
            return None
        again = at + timedelta(days=float(self.rng.gamma(9, cycle / 9)))
        return again if again < YEAR_ENDS - timedelta(hours=2) else None

    def _order(self, at: datetime, why: int, trial_seen_at: datetime | None) -> list[int]:
        """Write one session that ends in an order; return what was bought."""
        choices, rng, month = self.choices, self.rng, at.month - 1
        if why == _PLANNED:
            anchor = choices.anchor(self.shopper, month, rng)
        elif why == _FROM_TRIAL:
            anchor = choices.trial_product(self.shopper, rng)
        else:
            anchor = choices.again(why, rng)
        is_repurchase = why >= 0
        basket = choices.basket(anchor, self.shopper, month, rng, is_repurchase=is_repurchase)
        session = self.log.new_session()
        clock = at
        for position, product in enumerate(basket):
            clock = self._find(clock, session, product, position, is_repurchase=is_repurchase)
        clock = self._step(clock) + timedelta(minutes=1)
        has_offer = trial_seen_at is not None and trial_seen_at <= at < TRIAL_ENDS
        self._pay(clock, session, basket, has_offer=has_offer)
        return basket

    def _find(
        self, clock: datetime, session: str, product: int, position: int, *, is_repurchase: bool
    ) -> datetime:
        """Search, compare, look at the product and put it into the cart."""
        rng = self.rng
        is_first = position == 0
        if rng.random() < (0.75 if is_first and not is_repurchase else 0.12):
            clock = self._search(clock, session, product)
        if not is_repurchase:
            clock = self._compare(clock, session, product, at_most=3 if is_first else 1)
        clock = self._step(clock)
        self.log.view(clock, session, product)
        clock = self._step(clock)
        self.log.cart("add_to_cart", clock, session, product)
        if rng.random() < 0.06 and self.market.substitutes[product]:
            other = self.market.substitutes[product][0]
            clock = self._step(clock)
            self.log.view(clock, session, other)
            for kind in ("add_to_cart", "remove_from_cart"):
                clock = self._step(clock)
                self.log.cart(kind, clock, session, other)
        return clock

    def _pay(self, clock: datetime, session: str, basket: list[int], *, has_offer: bool) -> None:
        order = self.log.new_order()
        is_redeemed = False
        for product in basket:
            price = self.log.price_at(product, clock)
            is_reduced = has_offer and self._is_promoted(product)
            if is_reduced:
                price = (price * TRIAL_FACTOR).quantize(Decimal("0.01"), ROUND_HALF_UP)
                is_redeemed = True
            bought = {
                "order_id": self.log.order_id(order),
                "product_id": self.market.products[product].product_id,
                "price": f"{price:.2f}",
            }
            offer_id = TRIAL_OFFER if is_reduced else None
            quantity = self._quantity(product)
            self.log.add(
                "purchase",
                clock,
                session_id=session,
                **bought,
                quantity=quantity,
                offer_id=offer_id,
            )
            self.log.lines.append(
                self.log.line(product=product, order=order, at=clock, price=price)
            )
            sent_back_at = clock + timedelta(days=float(self.rng.uniform(4, 24)))
            if self.rng.random() < _REFUND_CHANCE and sent_back_at < YEAR_ENDS:
                self.log.add("refund", sent_back_at, **bought, quantity=1)
        if is_redeemed:
            self.log.add(
                "offer_redeem",
                clock,
                session_id=session,
                order_id=self.log.order_id(order),
                offer_id=TRIAL_OFFER,
            )

    def _is_promoted(self, product: int) -> bool:
        path = cast(list[str], self.market.products[product].record["category"])
        return path[0] == TRIAL_DEPARTMENT

    def _compare(self, clock: datetime, session: str, product: int, *, at_most: int) -> datetime:
        """Look at some alternatives first, the closest last."""
        substitutes = self.market.substitutes[product]
        n = min(len(substitutes), int(self.rng.integers(0, at_most + 1)))
        for i in sorted(self.rng.permutation(len(substitutes))[:n].tolist(), reverse=True):
            clock = self._step(clock)
            self.log.view(clock, session, substitutes[i])
        return clock

    def _browse(self, at: datetime) -> None:
        """Write a session without an order: a search, some looks, sometimes a forgotten cart."""
        rng, month = self.rng, at.month - 1
        session = self.log.new_session()
        product = self.choices.anchor(self.shopper, month, rng)
        clock = self._search(at, session, product) if rng.random() < 0.65 else at
        self.log.view(clock, session, product)
        for _ in range(int(rng.poisson(2.6))):
            substitutes = self.market.substitutes[product]
            if substitutes and rng.random() < 0.8:
                product = substitutes[int(rng.integers(len(substitutes)))]
            else:
                product = self.choices.anchor(self.shopper, month, rng)
            clock = self._step(clock)
            self.log.view(clock, session, product)
        if rng.random() < 0.25:
            clock = self._step(clock)
            self.log.cart("add_to_cart", clock, session, product)
            if rng.random() < 0.4:
                self.log.cart("remove_from_cart", self._step(clock), session, product)

    def _search(self, clock: datetime, session: str, product: int) -> datetime:
        leaf = self.market.products[product].leaf
        words = leaf.search_zh if leaf.search_zh and self.rng.random() < 0.07 else leaf.search
        text = words[int(self.rng.integers(len(words)))]
        self.log.add("search", clock, session_id=session, search_text=text)
        return self._step(clock)

    def _step(self, clock: datetime) -> datetime:
        return clock + timedelta(seconds=5 + int(self.rng.exponential(55)))

    def _quantity(self, product: int) -> int:
        if self.market.products[product].kind.repurchase_days is None:
            return 1 if self.rng.random() < 0.93 else 2
        return 1 + int(self.rng.poisson(0.7))
