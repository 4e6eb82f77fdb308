"""Hidden goals: what a simulated shopper wants in the cart at the end, drawn from a catalogue.

Every goal rests on products that exist: a condition is taken from one of them, so that something
fits, and is kept only where it leaves something else out. An impossible goal asks for less money
than the cheapest product costs; its answer is that product's price.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Literal

import numpy as np

from assistant.conversation import Language
from retrieval.data.dataset import Catalogue, Product
from retrieval.errors import DataError

Family = Literal[
    "search", "correction", "change_of_mind", "exclusion", "cheaper", "quantity", "two_items",
    "second_person", "gift", "goes_with", "declined", "upsell", "bundle", "impossible", "relax",
    "language_switch", "rated", "regret", "fit", "cart_edit",
]  # fmt: skip
FAMILIES: tuple[Family, ...] = Family.__args__  # type: ignore[attr-defined]
SAID_OF = ("colour", "material", "persons", "season", "size")
"""Attributes that a shopper names by their value alone."""
FEWEST = 6
"""A category with fewer products is no goal: there is nothing to choose from."""
FEWEST_SHELVES = 4
ROUND_TO = (Decimal(5), Decimal(1), Decimal("0.5"))
_PLAIN = re.compile(r"[A-Za-z][A-Za-z -]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One line of the cart: how many of one product, within these conditions."""

    category: str = ""
    """Name on the product's path; empty: any but those of `not_category`."""
    not_category: str = ""
    price_max: Decimal | None = None
    price_min: Decimal | None = None
    brand: str | None = None
    not_brand: str | None = None
    value: tuple[str, str] | None = None
    """Attribute and value."""
    not_value: tuple[str, str] | None = None
    rating_min: float | None = None
    in_stock: bool = False
    quantity: int = 1

    def fits(self, product: Product) -> bool:
        """Whether the catalogue's record meets every condition; what is not stated meets none."""
        price = product.price
        return (
            price is not None
            and (not self.category or self.category in product.category)
            and (not self.not_category or self.not_category not in product.category)
            and (self.price_max is None or price <= self.price_max)
            and (self.price_min is None or price >= self.price_min)
            and (self.brand is None or product.brand == self.brand)
            and (self.not_brand is None or product.brand != self.not_brand)
            and (self.value is None or _holds(product, *self.value))
            and (self.not_value is None or not _holds(product, *self.not_value))
            and (self.rating_min is None or (product.rating or 0) >= self.rating_min)
            and (not self.in_stock or bool(product.stock))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What one shopper wants, hidden from the assistant."""

    goal_id: str
    family: Family
    language: Language
    wants: tuple[Want, ...]
    cart: tuple[tuple[str, int], ...] = ()
    """Product id and quantity of what is in the cart before the first word."""
    other: Want | None = None
    """What is said first and taken back, or the category that is left for another."""
    total_max: Decimal | None = None
    items_max: int | None = None
    bound: Decimal | None = None
    """Impossible goals: the lowest price there is."""


def _holds(product: Product, name: str, value: str) -> bool:
    stated = product.attributes.get(name, "")
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", stated, re.IGNORECASE) is not None


class GoalMaker:
    """Draws goals from one catalogue."""

    def __init__(self, catalogue: Catalogue, rng: np.random.Generator) -> None:
        self.rng = rng
        self.catalogue = catalogue
        found: dict[str, list[Product]] = defaultdict(list)
        for product in catalogue.products:
            if product.price and product.stock != 0:
                found[product.leaf].append(product)
        self.shelves = {
            name: products
            for name, products in found.items()
            if len(products) >= FEWEST
            and _PLAIN.fullmatch(name)
            and len(name.split()) <= 3
            and not any(name.casefold() == p.title.casefold() for p in products)
        }
        self.has_ratings = any(p.rating for p in catalogue.products)

    def families(self) -> tuple[Family, ...]:
        """Return the families that this catalogue can be asked about."""
        without: set[Family] = set() if self.has_ratings else {"rated", "exclusion", "fit"}
        return tuple(f for f in FAMILIES if f not in without)

    def goal(self, family: Family, language: Language, number: int) -> Goal:
        """Return one goal of a family."""
        base = Goal(goal_id=f"{family}-{language}-{number}", family=family, language=language,
                    wants=(self.want(),))  # fmt: skip
        make = getattr(self, f"_{family}", None)
        return make(base) if make is not None else base

    # --- parts ----------------------------------------------------------------------------------

    def want(self, shelf: str | None = None, *, conditions: int = 4) -> Want:
        """Return a wish for one product with a budget and up to `conditions` - 1 more."""
        shelf = shelf or self._shelf()
        model = self._pick(self.shelves[shelf])
        want = Want(category=shelf, price_max=_above(model))
        kinds = [k for k in ("value", "brand", "price_min") if self.rng.random() < 0.6]
        for kind in kinds[: conditions - 1]:
            tighter = self._tighter(want, kind, model)
            if tighter is not None:
                want = tighter
        return want

    def _tighter(self, want: Want, kind: str, model: Product) -> Want | None:
        """Return the wish with one condition more that the model meets and others do not."""
        if kind == "brand" and model.brand:
            made = replace(want, brand=model.brand)
        elif kind == "value":
            named = [(n, model.attributes[n]) for n in SAID_OF if n in model.attributes]
            named = [(n, v) for n, v in named if len(v) <= 16 and _sayable(v)]
            if not named:
                return None
            made = replace(want, value=named[int(self.rng.integers(len(named)))])
        elif kind == "price_min" and model.price and model.price > 20:
            made = replace(want, price_min=(model.price / 2).quantize(Decimal(1)))
        else:
            return None
        before, after = self._n(want), self._n(made)
        return made if 1 <= after < before else None

    def _n(self, want: Want) -> int:
        return sum(want.fits(p) for p in self.shelves.get(want.category, ()))

    def _shelf(self, *but: str) -> str:
        names = [name for name in sorted(self.shelves) if name not in but]
        return names[int(self.rng.integers(len(names)))]

    def _pick(self, products: Sequence[Product]) -> Product:
        return products[int(self.rng.integers(len(products)))]

    # --- families -------------------------------------------------------------------------------

    def _correction(self, base: Goal) -> Goal:
        want = base.wants[0]
        assert want.price_max is not None
        wrong = (want.price_max / 10).quantize(Decimal(1)) if self.rng.random() < 0.5 else None
        wrong = wrong or want.price_max * 2 + 1
        return replace(base, other=replace(want, price_max=wrong))

    def _change_of_mind(self, base: Goal) -> Goal:
        return replace(base, other=self.want(self._shelf(base.wants[0].category), conditions=1))

    def _exclusion(self, base: Goal) -> Goal:
        while True:
            shelf = self._shelf()
            name = "colour" if self.rng.random() < 0.5 else "brand"
            model = self._pick(self.shelves[shelf])
            plain = Want(category=shelf, price_max=_above(model))
            if name == "brand":
                made = replace(plain, not_brand=self._pick(self.shelves[shelf]).brand)
            else:
                colour = self._pick(self.shelves[shelf]).attributes.get("colour")
                made = replace(plain, not_value=(name, colour)) if colour else plain
            if 2 <= self._n(made) < self._n(plain):
                return replace(base, wants=(made,))

    def _cheaper(self, base: Goal) -> Goal:
        return replace(base, wants=(Want(category=self._shelf()),))

    def _quantity(self, base: Goal) -> Goal:
        while True:  # enough in stock for all of them
            want = replace(self.want(), quantity=int(self.rng.integers(2, 4)), in_stock=False)
            rows = [p for p in self.shelves[want.category] if want.fits(p)]
            if all(p.stock is None or p.stock >= want.quantity for p in rows):
                return replace(base, wants=(want,))

    def _two_items(self, base: Goal) -> Goal:
        return replace(base, wants=(base.wants[0], self.want(self._shelf(base.wants[0].category))))

    def _second_person(self, base: Goal) -> Goal:
        return self._two_items(base)

    def _gift(self, base: Goal) -> Goal:
        want = self.want(conditions=1)
        assert want.price_max is not None
        return replace(base, wants=(replace(want, price_min=want.price_max / 4),))

    def _goes_with(self, base: Goal) -> Goal:
        want = self.want(conditions=1)
        prices = sorted(p.price for p in self.catalogue.products if p.price)
        limit = _ceiling(prices[len(prices) // 2], Decimal(1))
        with_it = Want(not_category=want.category, price_max=limit)
        return replace(base, wants=(want, with_it))

    def _declined(self, base: Goal) -> Goal:
        return replace(base, wants=(self.want(conditions=1),))

    def _upsell(self, base: Goal) -> Goal:
        while True:
            shelf = self._shelf()
            prices = sorted(p.price for p in self.shelves[shelf] if p.price)
            if prices[-1] > prices[0] * Decimal("1.5"):
                top = _ceiling(prices[-1], Decimal(1))
                return replace(base, wants=(Want(category=shelf, price_max=top),))

    def _bundle(self, base: Goal) -> Goal:
        shelf = self._shelf()
        prices = sorted(p.price for p in self.shelves[shelf] if p.price)
        total = _ceiling(prices[len(prices) // 2] * 3, Decimal(5))
        limit = int(self.rng.integers(2, 4))
        return replace(
            base, wants=(Want(category=shelf),), total_max=total, items_max=limit
        )  # fmt: skip

    def _impossible(self, base: Goal) -> Goal:
        while True:
            shelf = self._shelf()
            prices = [p.price for p in self.catalogue.products if shelf in p.category and p.price]
            low = min(prices)
            asked = (low * Decimal("0.6")).quantize(Decimal(1))
            if 0 < asked < low:
                want = Want(category=shelf, price_max=asked)
                return replace(base, wants=(want,), bound=low)

    def _relax(self, base: Goal) -> Goal:
        made = self._impossible(base)
        assert made.bound is not None
        want = replace(made.wants[0], price_max=_ceiling(made.bound * Decimal("1.5"), Decimal(1)))
        return replace(made, wants=(want,), other=made.wants[0])

    def _rated(self, base: Goal) -> Goal:
        while True:
            want = replace(self.want(conditions=1), rating_min=4.0, in_stock=True)
            if self._n(want) >= 1:
                return replace(base, wants=(want,))

    def _fit(self, base: Goal) -> Goal:
        """One product in the cart, and a wish for another category that states a fit with it."""
        pairs = sorted(set(self._stated_fits()))
        anchor_id, shelf = pairs[int(self.rng.integers(len(pairs)))]
        return replace(base, wants=(Want(category=shelf),), cart=((anchor_id, 1),))

    def _stated_fits(self) -> Iterator[tuple[str, str]]:
        from retrieval.compatibility import fit_between

        for anchor in self.catalogue.products:
            if anchor.leaf not in self.shelves or anchor.stock == 0:
                continue
            for shelf, products in self.shelves.items():
                fits = [fit_between(anchor, p) for p in products] if shelf != anchor.leaf else []
                if any(f and f.works for f in fits) and any(f and not f.works for f in fits):
                    yield anchor.product_id, shelf

    def _cart_edit(self, base: Goal) -> Goal:
        names: list[str] = []
        while len(names) < 3:
            names.append(self._shelf(*names))
        kept, more, less = (self._pick(self._plenty(name)) for name in names)
        wants = (Want(category=kept.leaf), Want(category=more.leaf, quantity=3))
        cart = ((kept.product_id, 1), (less.product_id, 1), (more.product_id, 1))
        return replace(base, wants=wants, cart=cart, other=Want(category=less.leaf))

    def _plenty(self, shelf: str) -> list[Product]:
        """Return products of which three can be had; any where none is stated to be enough."""
        rows = self.shelves[shelf]
        return [p for p in rows if p.stock is None or p.stock >= 3] or rows


def make_goals(catalogue: Catalogue, n: int, *, seed: int) -> list[Goal]:
    """Return `n` goals, the families in turn, each in English and Chinese.

    Raises:
        DataError: If too few categories have enough products.
    """
    maker = GoalMaker(catalogue, np.random.default_rng(seed))
    if len(maker.shelves) < FEWEST_SHELVES:
        raise DataError(
            f"{len(maker.shelves)} categories of this store have at least {FEWEST} products to "
            f"choose from; goals need {FEWEST_SHELVES}, so take a larger store"
        )
    families = maker.families()
    kinds = [(family, language) for language in ("en", "zh") for family in families]
    return [maker.goal(*kinds[i % len(kinds)], i // len(kinds)) for i in range(n)]  # type: ignore[arg-type]


def _above(model: Product) -> Decimal:
    """Return a round amount that the model stays within."""
    assert model.price is not None
    step = next((s for s in ROUND_TO if model.price > s * 4), Decimal("0.5"))
    return _ceiling(model.price * Decimal("1.1"), step)


def _ceiling(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(ROUND_CEILING) * step


def _sayable(value: str) -> bool:
    return not re.search(r"[,;/–x]|\d\s", value)
