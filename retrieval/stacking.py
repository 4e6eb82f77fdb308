"""What reductions take off a cart, and which of those that may be combined take most.

Rules, in exact arithmetic, the same for everybody:

- An offer *counts* when it runs at the moment, covers a line, is no coupon or is asked for, and the
  lines it covers come to `min_spend` before any reduction.
- Two offers go together when both are stackable or they cover no line in common. Of free deliveries
  one counts; a stackable one takes nothing off a line and goes with every other offer.
- Percentages come before amounts (coupons are amounts). Among one of these the offer that covers
  less, by the lines' sum, comes first, then the lower id. Each takes from what is left: a percent
  line by line, rounded half up to the cent; an amount once, at most what is left of its lines, and
  shared out over them in proportion to that, odd cents to the largest remainders.
- Delivery costs what the dearest free delivery that runs for any of the lines would save.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from retrieval.data.dataset import Product
from retrieval.promotion import CENT, Offer

Refusal = Literal["not running", "nothing in scope", "not asked for", "below its minimum spend"]
NOTHING = Decimal("0.00")
Places = frozenset[int]
Rank = tuple[Decimal, int, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A product in a cart; its price is stated."""

    product: Product
    quantity: int = 1

    @property
    def subtotal(self) -> Decimal:
        """Price times quantity, before any reduction."""
        return (self.product.price or NOTHING) * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A cart with a stack of offers applied."""

    total: Decimal
    """Lines before any reduction, without delivery."""
    savings: Mapping[str, Decimal]
    """Offer id to what it takes off in this stack, in the order of application."""
    line_totals: tuple[Decimal, ...]
    """What is left of each line."""
    delivery: Decimal
    """The fee before any offer; 0 where no offer says that there is one."""
    delivery_due: Decimal
    """What is left of the fee."""

    @property
    def to_pay(self) -> Decimal:
        """Lines after the reductions, and what is left of the fee."""
        return sum(self.line_totals, NOTHING) + self.delivery_due

    @property
    def saved(self) -> Decimal:
        """What the stack saves, a delivery fee included."""
        return self.total + self.delivery - self.to_pay


def covered(offer: Offer, lines: Sequence[Line]) -> Places:
    """Return the places of the lines in an offer's scope."""
    return frozenset(i for i, line in enumerate(lines) if offer.covers(line.product))


def scope_total(offer: Offer, lines: Sequence[Line]) -> Decimal:
    """Return what the lines in scope come to before any reduction."""
    return sum((lines[i].subtotal for i in covered(offer, lines)), NOTHING)


def refusal(
    offer: Offer, lines: Sequence[Line], at: datetime | None, asked: Collection[str]
) -> Refusal | None:
    """Return why an offer does not count for a cart, or None when it does."""
    if not offer.runs(at):
        return "not running"
    if not covered(offer, lines):
        return "nothing in scope"
    if offer.kind == "coupon" and offer.offer_id not in asked:
        return "not asked for"
    if offer.min_spend is not None and scope_total(offer, lines) < offer.min_spend:
        return "below its minimum spend"
    return None


def go_together(a: Offer, b: Offer, lines: Sequence[Line]) -> bool:
    """Whether two offers that count may be combined on these lines."""
    free = [o for o in (a, b) if o.kind == "free_delivery"]
    if len(free) == 2:
        return False
    if free and free[0].stackable:
        return True
    if not free and a.stackable and b.stackable:
        return True
    return not covered(a, lines) & covered(b, lines)


def apply_stack(offers: Sequence[Offer], lines: Sequence[Line], fee: Decimal = NOTHING) -> Priced:
    """Return the cart with these offers applied, in the order that the rules give.

    Args:
        offers: Offers that count and go together; this is not checked again.
        lines: The cart.
        fee: What delivery costs.
    """
    left = [line.subtotal for line in lines]
    due = fee
    savings: dict[str, Decimal] = {}
    for offer in sorted(offers, key=lambda o: _order(o, lines)):
        if offer.kind == "free_delivery":
            savings[offer.offer_id] = offer.saving(due)
            due -= savings[offer.offer_id]
            continue
        off = _taken(offer, sorted(covered(offer, lines)), left)
        left = [have - off.get(i, NOTHING) for i, have in enumerate(left)]
        savings[offer.offer_id] = sum(off.values(), NOTHING)
    return Priced(
        total=sum((line.subtotal for line in lines), NOTHING),
        savings=savings,
        line_totals=tuple(left),
        delivery=fee,
        delivery_due=due,
    )


def best_stack(
    offers: Sequence[Offer],
    lines: Sequence[Line],
    at: datetime | None,
    asked: Collection[str] = (),
) -> Priced:
    """Return the cart with the stack that saves most; of equal ones the shorter, then lower ids.

    Exact: offers that share no line save the same whatever the others do, so each group of offers
    that do is searched by itself.
    """
    fee = delivery_fee(offers, lines, at)
    counting = [o for o in offers if refusal(o, lines, at, asked) is None]
    chosen = [offer for group in _groups(counting, lines) for offer in _best_of(group, lines, fee)]
    return apply_stack(chosen, lines, fee)


def delivery_fee(offers: Sequence[Offer], lines: Sequence[Line], at: datetime | None) -> Decimal:
    """Return what delivery costs before any offer: what the offers say that they would save."""
    fees = (
        o.value for o in offers if o.kind == "free_delivery" and o.runs(at) and covered(o, lines)
    )
    return max(fees, default=NOTHING).quantize(CENT, ROUND_HALF_UP)


def _order(offer: Offer, lines: Sequence[Line]) -> tuple[int, Decimal, str]:
    step = {"percent": 0, "free_delivery": 2}.get(offer.kind, 1)
    return step, scope_total(offer, lines), offer.offer_id


def _taken(offer: Offer, places: Sequence[int], left: Sequence[Decimal]) -> dict[int, Decimal]:
    """Return what an offer takes off each of its lines."""
    if offer.kind == "percent":
        return {i: offer.saving(left[i]) for i in places}
    there = sum((left[i] for i in places), NOTHING)
    off = offer.saving(there)
    if not there:
        return dict.fromkeys(places, NOTHING)
    shares = {i: int(off * left[i] / there / CENT) for i in places}  # whole cents, rounded down
    odd = int(off / CENT) - sum(shares.values())
    by_remainder = sorted(places, key=lambda i: (shares[i] - off * left[i] / there / CENT, i))
    for i in by_remainder[:odd]:
        shares[i] += 1
    return {i: n * CENT for i, n in shares.items()}


def _groups(offers: Sequence[Offer], lines: Sequence[Line]) -> list[list[Offer]]:
    """Return the offers in groups that share no line (free deliveries with what they exclude)."""
    groups: list[list[Offer]] = []
    for offer in offers:
        near = [g for g in groups if any(_touch(offer, other, lines) for other in g)]
        groups = [g for g in groups if g not in near]
        groups.append([offer, *(other for g in near for other in g)])
    return groups


def _touch(a: Offer, b: Offer, lines: Sequence[Line]) -> bool:
    if not go_together(a, b, lines):
        return True
    are_reductions = "free_delivery" not in (a.kind, b.kind)
    return are_reductions and bool(covered(a, lines) & covered(b, lines))


def _best_of(group: Sequence[Offer], lines: Sequence[Line], fee: Decimal) -> tuple[Offer, ...]:
    """Return the stack of a group that saves most, by branch and bound.

    No offer saves more in a stack than alone, so a stack and all that may still join it save at
    most what they save alone, summed.
    """
    alone = {o.offer_id: apply_stack((o,), lines, fee).saved for o in group}
    order = sorted(group, key=lambda o: (-alone[o.offer_id], o.offer_id))
    best: tuple[Rank, tuple[Offer, ...]] = ((NOTHING, 0, ()), ())

    def search(stack: tuple[Offer, ...], open_from: int) -> None:
        nonlocal best
        saved = apply_stack(stack, lines, fee).saved
        rank = (-saved, len(stack), tuple(sorted(o.offer_id for o in stack)))
        best = min(best, (rank, stack), key=lambda found: found[0])
        for place in range(open_from, len(order)):
            joining = [*stack, *order[place:]]
            if sum((alone[o.offer_id] for o in joining), NOTHING) < -best[0][0]:
                return
            if all(go_together(order[place], other, lines) for other in stack):
                search((*stack, order[place]), place + 1)

    search((), 0)
    return best[1]
