"""A year of events: what shoppers search, look at, put in carts, buy together and buy again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from eval.simulate.content import Shelf
from eval.simulate.market import N_BUCKETS, Market, candidates_in
from eval.simulate.shoppers import Shopper

YEAR_STARTS = datetime(2025, 10, 1, tzinfo=UTC)
YEAR_ENDS = datetime(2026, 10, 1, tzinfo=UTC)
TRIAL_STARTS = datetime(2026, 4, 20, tzinfo=UTC)
TRIAL_ENDS = datetime(2026, 5, 18, tzinfo=UTC)
TRIAL_OFFER = "spring-trial-15"
TRIAL_DEPARTMENT = "Sleep"
TRIAL_FACTOR = Decimal("0.85")
SALE_STARTS = datetime(2026, 8, 24, tzinfo=UTC)
"""Before this day, products with a list price sold at it."""

_MONTHS = (0.75, 0.7, 0.85, 1.05, 1.3, 1.5, 1.55, 1.25, 0.95, 0.8, 1.1, 1.2)
"""Demand of the whole shop, January to December."""
_HOURS = np.cumsum([1, 1, 0, 0, 0, 1, 2, 4, 5, 6, 6, 7, 8, 7, 6, 6, 7, 8, 10, 13, 14, 12, 7, 3])
"""Cumulative demand by hour of the day, UTC."""
_REPURCHASE_CHANCE = 0.55


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One purchased line, kept for reviews and truth."""

    shopper: Shopper
    product: int
    order: int
    at: datetime
    price: Decimal


class Choices:
    """Draws leaves and products for shoppers; tables are cumulative, so that a draw is one search."""

    def __init__(self, shelf: Shelf, market: Market) -> None:
        self.market = market
        self._leaves = {
            (name, month): np.cumsum(_leaf_weights(shelf, market, name, month))
            for name in shelf.segments
            for month in range(12)
        }
        self._products = {
            (leaf, bucket): np.cumsum(market.choice_weights(leaf, bucket))
            for leaf in range(len(market.leaves))
            for bucket in range(N_BUCKETS)
        }

    def leaf(self, shopper: Shopper, month: int, rng: np.random.Generator) -> int:
        """Draw a leaf by what the segment likes in the month (0 is January)."""
        table = self._leaves[shopper.segment, month]
        return int(np.searchsorted(table, rng.random() * table[-1]))

    def product(self, shopper: Shopper, leaf: int, rng: np.random.Generator) -> int:
        """Draw a product of a leaf by appeal and the shopper's eye for prices."""
        table = self._products[leaf, bucket_of(shopper)]
        return int(self.market.members[leaf][np.searchsorted(table, rng.random() * table[-1])])

    def beside(self, anchor: int, leaf: int, rng: np.random.Generator) -> int | None:
        """Draw a product of a leaf that makes sense beside an anchor; None if none does."""
        pool = candidates_in(self.market, anchor, leaf)
        if len(pool) == 0:
            return None
        table = np.cumsum(self.market.appeal[pool])
        return int(pool[np.searchsorted(table, rng.random() * table[-1])])


def bucket_of(shopper: Shopper) -> int:
    """Return the price-sensitivity group, 0 (low) to 2 (high)."""
    return min(N_BUCKETS - 1, int(shopper.price_sensitivity * N_BUCKETS))


def _leaf_weights(shelf: Shelf, market: Market, segment: str, month: int) -> np.ndarray:
    likes = shelf.segments[segment].likes
    demand = {
        leaf.en: leaf.demand for department in shelf.departments for leaf in department.leaves
    }
    return np.array(
        [
            demand[leaf]
            * likes.get(leaf, 0.6)
            * market.seasons[i, month]
            * (len(market.members[i]) > 0)
            for i, leaf in enumerate(market.leaves)
        ]
    )


def simulate_year(
    shelf: Shelf, market: Market, shoppers: list[Shopper], rng: np.random.Generator
) -> Iterator[tuple[Shopper, list[dict[str, object]], list[Line]]]:
    """Yield each shopper's events and purchased lines; ids are given later, in order of time."""
    choices = Choices(shelf, market)
    days = _day_table()
    for shopper in shoppers:
        yield (shopper, *_ShopperYear(shelf, choices, shopper, days, rng).run())


def _day_table() -> np.ndarray:
    weights = []
    for offset in range((YEAR_ENDS - YEAR_STARTS).days):
        day = YEAR_STARTS + timedelta(days=offset)
        weekend = 1.35 if day.weekday() >= 5 else 1.0
        gifts = (
            1.5 if (day.month, day.day) >= (11, 25) and (day.month, day.day) <= (12, 18) else 1.0
        )
        weights.append(_MONTHS[day.month - 1] * weekend * gifts)
    return np.cumsum(weights)


class _ShopperYear:
    """One shopper's year: planned orders, repurchases, the promotion, and sessions without order."""

    def __init__(
        self,
        shelf: Shelf,
        choices: Choices,
        shopper: Shopper,
        days: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self.shelf = shelf
        self.choices = choices
        self.market = choices.market
        self.shopper = shopper
        self.days = days
        self.rng = rng
        self.events: list[dict[str, object]] = []
        self.lines: list[Line] = []
        self.n_orders = 0
        self.n_sessions = 0

    def run(self) -> tuple[list[dict[str, object]], list[Line]]:
        rng, shopper = self.rng, self.shopper
        due: list[
            tuple[datetime, int, int]
        ] = []  # at, tie-break, product or -1 for a planned order
        for number in range(shopper.n_orders):
            heapq.heappush(due, (self._moment(), number, -1))
        trial = self._trial_view() if shopper.is_treated else None
        if trial is not None and rng.random() < max(0.0, shopper.uplift):
            at = trial + timedelta(hours=float(rng.uniform(1, 200)))
            if at < TRIAL_ENDS:
                heapq.heappush(due, (at, 10_000, -2))
        avoids_trial = shopper.is_treated and rng.random() < max(0.0, -shopper.uplift) * 8
        n_pushed = 20_000
        while due:
            at, _, product = heapq.heappop(due)
            if avoids_trial and product == -1 and TRIAL_STARTS <= at < TRIAL_ENDS:
                continue
            basket = self._basket(at, product)
            for bought in self._shop(at, basket, repurchase=product >= 0, trial=trial):
                cycle = self.market.products[bought].kind.repurchase_days
                if cycle is None or rng.random() > _REPURCHASE_CHANCE:
                    continue
                again = at + timedelta(days=float(rng.gamma(9, cycle / 9)))
                if again < YEAR_ENDS - timedelta(hours=2):
                    n_pushed += 1
                    heapq.heappush(due, (again, n_pushed, bought))
        for _ in range(int(rng.poisson(0.9 + 0.35 * shopper.n_orders))):
            self._browse(self._moment())
        return self.events, self.lines

    def _moment(self) -> datetime:
        rng = self.rng
        day = int(np.searchsorted(self.days, rng.random() * self.days[-1]))
        hour = int(np.searchsorted(_HOURS, rng.random() * _HOURS[-1]))
        seconds = min(hour * 3600 + int(rng.integers(3600)), 23 * 3600)
        return YEAR_STARTS + timedelta(days=day, seconds=seconds)

    def _trial_view(self) -> datetime:
        at = TRIAL_STARTS + timedelta(seconds=int(self.rng.integers(10 * 86400)))
        self._event("offer_view", at, None, offer_id=TRIAL_OFFER)
        return at

    def _basket(self, at: datetime, product: int) -> list[int]:
        """Compose what is bought: an anchor, what belongs to it, and now and then something else."""
        rng, choices, shopper = self.rng, self.choices, self.shopper
        month = at.month - 1
        if product >= 0:
            others = self.market.substitutes[product]
            anchor = others[0] if others and rng.random() < 0.12 else product
        elif product == -2:
            sleep = [i for i, d in self._trial_leaves() if d]
            anchor = choices.product(shopper, sleep[int(rng.integers(len(sleep)))], rng)
        else:
            anchor = choices.product(shopper, choices.leaf(shopper, month, rng), rng)
        basket = [anchor]
        patience = 0.45 if product >= 0 else 1.0
        for other, chance in self.market.complements.get(anchor, ()):
            if rng.random() < chance * patience:
                basket.append(other)
        for leaf, chance in self.market.leaf_complements.get(int(self.market.leaf_of[anchor]), ()):
            if rng.random() < 0.35 * chance * patience:
                found = choices.beside(anchor, leaf, rng)
                if found is not None:
                    basket.append(found)
        for _ in range(int(rng.poisson(0.45))):
            basket.append(choices.product(shopper, choices.leaf(shopper, month, rng), rng))
        return list(dict.fromkeys(basket))

    def _trial_leaves(self) -> list[tuple[int, bool]]:
        inside = {
            leaf.en
            for department in self.shelf.departments
            if department.department.en == TRIAL_DEPARTMENT
            for leaf in department.leaves
        }
        return [(i, leaf in inside) for i, leaf in enumerate(self.market.leaves)]

    def _shop(
        self, at: datetime, basket: list[int], *, repurchase: bool, trial: datetime | None
    ) -> list[int]:
        """Write one session that ends in an order; return what was bought."""
        rng = self.rng
        session = self._session()
        clock = at
        for position, product in enumerate(basket):
            if (position == 0 and not repurchase and rng.random() < 0.75) or rng.random() < 0.12:
                clock = self._search(clock, session, product)
            if not repurchase:
                clock = self._look_around(clock, session, product, most=4 if position == 0 else 2)
            clock = self._step(clock)
            self._event("view", clock, session, product=product)
            clock = self._step(clock)
            self._cart_event("add_to_cart", clock, session, product)
            if rng.random() < 0.06:
                clock = self._unsure(clock, session, product)
        clock = self._step(clock) + timedelta(seconds=60)
        order = f"{self.shopper.shopper_id}/{self.n_orders}"
        number, self.n_orders = self.n_orders, self.n_orders + 1
        has_trial = trial is not None and trial <= at < TRIAL_ENDS
        redeemed = False
        for product in basket:
            price = self.price_at(product, at)
            offer = None
            if (
                has_trial
                and self.market.products[product].record["category"][0] == TRIAL_DEPARTMENT
            ):  # type: ignore[index]
                price = (price * TRIAL_FACTOR).quantize(Decimal("0.01"), ROUND_HALF_UP)
                offer, redeemed = TRIAL_OFFER, True
            quantity = self._quantity(product)
            self._event(
                "purchase", clock, session, product=product, order=order, price=price,
                quantity=quantity, offer_id=offer,
            )  # fmt: skip
            self.lines.append(
                Line(shopper=self.shopper, product=product, order=number, at=clock, price=price)
            )
            if rng.random() < 0.035:
                back = clock + timedelta(days=float(rng.uniform(4, 24)))
                if back < YEAR_ENDS:
                    self._event(
                        "refund", back, None, product=product, order=order, price=price, quantity=1
                    )
        if redeemed:
            self._event("offer_redeem", clock, session, order=order, offer_id=TRIAL_OFFER)
        return basket

    def _look_around(self, clock: datetime, session: str, product: int, *, most: int) -> datetime:
        substitutes = self.market.substitutes[product]
        n = min(len(substitutes), int(self.rng.integers(0, most)))
        for i in sorted(self.rng.permutation(len(substitutes))[:n].tolist(), reverse=True):
            clock = self._step(clock)
            self._event("view", clock, session, product=substitutes[i])
        return clock

    def _unsure(self, clock: datetime, session: str, product: int) -> datetime:
        """Put an alternative in the cart and take it out again."""
        substitutes = self.market.substitutes[product]
        if not substitutes:
            return clock
        other = substitutes[0]
        for kind in ("view", "add_to_cart", "remove_from_cart"):
            clock = self._step(clock)
            if kind == "view":
                self._event(kind, clock, session, product=other)
            else:
                self._cart_event(kind, clock, session, other)
        return clock

    def _browse(self, at: datetime) -> None:
        """Write a session without an order: a search, some looks, sometimes a forgotten cart."""
        rng = self.rng
        session = self._session()
        leaf = self.choices.leaf(self.shopper, at.month - 1, rng)
        product = self.choices.product(self.shopper, leaf, rng)
        clock = self._search(at, session, product) if rng.random() < 0.65 else at
        self._event("view", clock, session, product=product)
        for _ in range(int(rng.poisson(2.6))):
            clock = self._step(clock)
            substitutes = self.market.substitutes[product]
            if substitutes and rng.random() < 0.8:
                product = substitutes[int(rng.integers(len(substitutes)))]
            else:
                product = self.choices.product(
                    self.shopper, self.choices.leaf(self.shopper, at.month - 1, rng), rng
                )
            self._event("view", clock, session, product=product)
        if rng.random() < 0.25:
            clock = self._step(clock)
            self._cart_event("add_to_cart", clock, session, product)
            if rng.random() < 0.4:
                self._cart_event("remove_from_cart", self._step(clock), session, product)

    def _search(self, clock: datetime, session: str, product: int) -> datetime:
        leaf = self.market.products[product].leaf
        words = leaf.search
        if leaf.search_zh and self.rng.random() < 0.07:
            words = leaf.search_zh
        text = words[int(self.rng.integers(len(words)))]
        self._event("search", clock, session, search_text=text)
        return self._step(clock)

    def _step(self, clock: datetime) -> datetime:
        return clock + timedelta(seconds=5 + int(self.rng.exponential(55)))

    def _session(self) -> str:
        self.n_sessions += 1
        return f"{self.shopper.shopper_id}/{self.n_sessions}"

    def _quantity(self, product: int) -> int:
        if self.market.products[product].kind.repurchase_days is None:
            return 1 if self.rng.random() < 0.93 else 2
        return 1 + int(self.rng.poisson(0.7))

    def price_at(self, product: int, at: datetime) -> Decimal:
        """Return what the product cost at a time: the list price before the sale began."""
        record = self.market.products[product].record
        price = record.get("list_price") if at < SALE_STARTS else None
        return Decimal(str(price or record["price"]))

    def _cart_event(self, kind: str, at: datetime, session: str, product: int) -> None:
        self._event(
            kind, at, session, product=product, quantity=1, price=self.price_at(product, at)
        )

    def _event(
        self,
        kind: str,
        at: datetime,
        session: str | None,
        *,
        product: int | None = None,
        order: str | None = None,
        price: Decimal | None = None,
        quantity: int | None = None,
        search_text: str | None = None,
        offer_id: str | None = None,
    ) -> None:
        event: dict[str, object] = {"shopper_id": self.shopper.shopper_id, "type": kind, "at": at}
        optional = {
            "session_id": session,
            "order_id": order,
            "product_id": None if product is None else self.market.products[product].product_id,
            "search_text": search_text,
            "quantity": quantity,
            "price": None if price is None else f"{price:.2f}",
            "offer_id": offer_id,
        }
        self.events.append(event | {k: v for k, v in optional.items() if v is not None})


def number_events(events: list[dict[str, object]]) -> list[dict[str, object]]:
    """Order events by time and give events, sessions and orders their final ids."""
    events = sorted(events, key=lambda event: event["at"])  # type: ignore[arg-type, return-value]
    ids: dict[str, dict[object, str]] = {"session_id": {}, "order_id": {}}
    numbered = []
    for number, event in enumerate(events, start=1):
        record: dict[str, object] = {"event_id": f"e-{number:07d}"} | event
        at = event["at"]
        assert isinstance(at, datetime)
        record["at"] = f"{at.isoformat()[:19]}Z"
        for name, prefix in (("session_id", "v"), ("order_id", "o")):
            if name in record:
                known = ids[name]
                record[name] = known.setdefault(record[name], f"{prefix}-{len(known) + 1:06d}")
        numbered.append(record)
    return numbered
