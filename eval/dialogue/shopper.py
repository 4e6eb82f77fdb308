"""The simulated shopper: reveals a hidden goal bit by bit, resists, and never names a product.

It is code, with no language model, and reads only what a screen shows. Each family of goals is one
generator: what is said goes out, the next screen comes in. What could not be had is noted in
`faults`; wishes that take shape on the way ("cheaper than that one") replace those of the goal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from assistant.clauses import Speaker
from assistant.conversation import Language
from eval.dialogue.goals import Goal, Want
from eval.dialogue.screen import Screen, Seen
from eval.dialogue.wording import Half, phrases, place, word
from retrieval.data.dataset import Catalogue

LANGUAGES: tuple[Language, ...] = ("en", "zh")
CENT = Decimal("0.01")
PATIENCE = 4
"""How often a shopper pushes back before giving up on one wish."""
TOGETHER = 0.3
"""Share of conditions said in one breath with what came before."""
ASKS, SOFTENS = 0.25, 0.15
"""Shares of choices before which a question is asked, and of messages with a soft beginning."""
PLACES = 4
"""Cards looked at."""
WORKS = re.compile(r"\bworks with\b|(?<!not )\bgo together\b|(?<!不)相配|可以配套")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message, and what it does (for the judge, not for the assistant)."""

    act: str
    text: str
    points: bool = False
    """Names a place that the screen has."""
    told: Want | None = None
    """Everything that had been said when this was chosen."""


Turns = Generator[Said, Screen, None]


class Names:
    """What categories and values are called in a language."""

    def __init__(self, catalogue: Catalogue, speakers: Mapping[Language, Speaker]) -> None:
        self._catalogue = catalogue
        self._speakers = speakers

    def category(self, name: str, language: Language) -> str:
        """Return a category's name as said."""
        called = self._speakers[language].category(name)
        return called.lower() if called.isascii() else called

    def leaf(self, product_id: str) -> str:
        """Return the category of a product."""
        return self._catalogue[product_id].leaf

    def label(self, name: str, language: Language) -> str:
        """Return a category's name as cards write it."""
        return self._speakers[language].category(name)

    def value(self, name: str, value: str, language: Language) -> str:
        """Return an attribute's value as said."""
        having = (p for p in self._catalogue.products if p.attributes.get(name) == value)
        product = next(having, None)
        return value if product is None else self._speakers[language].value(product, name, value)


class Shopper:
    """One shopper in one conversation."""

    def __init__(self, goal: Goal, names: Names, half: Half, rng: np.random.Generator) -> None:
        self.goal, self.names, self.half, self.rng = goal, names, half, rng
        self.language: Language = goal.language
        self.wants = list(goal.wants)
        self.faults: list[str] = []
        self.cards: tuple[Seen, ...] = ()
        self.screen = Screen(cart={})

    def talk(self) -> Turns:
        """Say everything, one message at a time."""
        yield from getattr(self, f"_{self.goal.family}", self._search)()

    # --- saying ---------------------------------------------------------------------------------

    def _words(self, act: str, **slots: object) -> str:
        return word(act, self.language, self.half, self.rng, **slots)

    def _tell(self, act: str, **slots: object) -> Turns:
        """Say one thing and look at the answer."""
        number = slots.get("place")
        points = isinstance(number, int)
        if isinstance(number, int):
            slots["place"] = place(number, self.language)
        text = self._words(act, **slots)
        if self.rng.random() < SOFTENS:
            text = self._words("softeners") + text
        yield from self._speak(Said(act=act, text=text, points=points))

    def _speak(self, said: Said) -> Turns:
        """Say it; a single card beside an answer is no new list."""
        self.screen = yield said
        if self.screen.cards and said.act not in ("does_it_fit", "ask_about", "total"):
            self.cards = self.screen.cards

    def _category(self, want: Want) -> str:
        return self.names.category(want.category, self.language)

    def _conditions(self, want: Want) -> list[tuple[str, dict[str, object]]]:
        """Return act and slots of everything the wish demands, in a drawn order."""
        found: list[tuple[str, dict[str, object]]] = []
        if want.price_max is not None:
            found.append(("price_max", {"amount": money(want.price_max)}))
        if want.price_min is not None:
            found.append(("price_min", {"amount": money(want.price_min)}))
        if want.brand:
            found.append(("brand", {"brand": want.brand}))
        if want.not_brand:
            found.append(("not_brand", {"brand": want.not_brand}))
        if want.value:
            value = self.names.value(*want.value, self.language)
            found.append((f"value_{want.value[0]}", {"value": value}))
        if want.not_value:
            value = self.names.value(*want.not_value, self.language)
            found.append((f"not_{want.not_value[0]}", {"value": value}))
        if want.rating_min:
            found.append(("rating_min", {"rating": f"{want.rating_min:g}"}))
        if want.in_stock:
            found.append(("in_stock", {}))
        return [found[i] for i in self.rng.permutation(len(found))]

    def _find(self, want: Want, act: str = "open", **slots: object) -> Turns:
        """Name the category, vaguely, then everything else bit by bit."""
        yield from self._tell(act, category=self._category(want), **slots)
        yield from self._reveal(want)

    def _reveal(self, want: Want) -> Turns:
        waiting: list[str] = []
        conditions = self._conditions(want)
        for number, (act, slots) in enumerate(conditions):
            waiting.append(self._words(act, **slots))
            last = number == len(conditions) - 1
            if last or self.rng.random() >= TOGETHER:
                joint = "，" if self.language == "zh" else ", "
                yield from self._speak(Said(act=act, text=joint.join(waiting)))
                waiting = []

    # --- looking and taking -----------------------------------------------------------------------

    def _suits(self, card: Seen, want: Want) -> bool:
        """Whether a card breaks nothing that can be seen on it."""
        called = {self.names.label(want.category, language) for language in LANGUAGES}
        other = {self.names.label(want.not_category, language) for language in LANGUAGES}
        return (
            card.can_add
            and card.price is not None
            and (not want.category or card.category in called)
            and (not want.not_category or card.category not in other)
            and (want.price_max is None or card.price <= want.price_max)
            and (want.price_min is None or card.price >= want.price_min)
            and (want.brand is None or card.brand == want.brand)
            and (want.not_brand is None or card.brand != want.not_brand)
            and (want.rating_min is None or (card.rating or 0) >= want.rating_min)
        )

    def _suiting(self, want: Want) -> list[int]:
        return [n for n, c in enumerate(self.cards[:PLACES], 1) if self._suits(c, want)]

    def _drawn(self, places: list[int]) -> int:
        return places[int(self.rng.integers(len(places)))]

    def _choose(self, want: Want) -> Turns:
        """Take one that suits; push back while none does."""
        for _ in range(PATIENCE):
            places = self._suiting(want)
            if places:
                number = self._drawn(places)
                if self.rng.random() < ASKS:
                    yield from self._ask_and_take(number)
                else:
                    yield from self._take(number, told=want)
                return
            yield from self._push_back(want)
        self.faults.append(f"nothing shown suits: {want}")

    def _ask_and_take(self, number: int) -> Turns:
        """Ask about one, then take it, called "it" or by its place."""
        yield from self._tell("ask_about", place=number)
        if self.rng.random() < ASKS:
            yield from self._take(number)
        else:
            yield from self._tell("take_it")

    def _take(self, number: int, *, told: Want | None = None) -> Turns:
        before = sum(self.screen.cart.values())
        text = self._words("take", place=place(number, self.language))
        yield from self._speak(Said(act="take", text=text, points=True, told=told))
        if sum(self.screen.cart.values()) == before:
            yield from self._tell("take", place=number)

    def _push_back(self, want: Want) -> Turns:
        """Say again what the cards break, or ask for others."""
        looked = self.cards[:PLACES]
        called = self._category(want)
        if want.category and not any(c.category.lower() == called.lower() for c in looked):
            yield from self._tell("open", category=called)
            yield from self._reveal(want)
        elif want.price_max is not None and all((c.price or 0) > want.price_max for c in looked):
            yield from self._tell("too_dear", amount=money(want.price_max))
        elif want.brand and all(c.brand != want.brand for c in looked):
            yield from self._tell("brand", brand=want.brand)
        else:
            yield from self._tell("more")

    def _ask_total(self) -> Turns:
        yield from self._tell("total")
        if self.screen.total not in self.screen.text:
            self.faults.append(f"asked for the total ({self.screen.total}), not answered")

    def _person(self) -> str:
        options = phrases()["persons"][self.language][self.half]
        return options[int(self.rng.integers(len(options)))]

    # --- families -------------------------------------------------------------------------------

    def _search(self) -> Turns:
        yield from self._find(self.wants[0])
        yield from self._choose(self.wants[0])
        yield from self._tell("thanks")

    def _correction(self) -> Turns:
        want, wrong = self.wants[0], self.goal.other
        assert wrong is not None
        assert wrong.price_max is not None
        assert want.price_max is not None
        yield from self._tell("open", category=self._category(want))
        yield from self._tell("price_max", amount=money(wrong.price_max))
        slots = {"amount": money(want.price_max), "wrong": money(wrong.price_max)}
        yield from self._tell("correct_amount", **slots)
        yield from self._reveal(replace(want, price_max=None))
        yield from self._choose(want)

    def _change_of_mind(self) -> Turns:
        assert self.goal.other is not None
        yield from self._find(self.goal.other)
        yield from self._find(self.wants[0], "instead")
        yield from self._choose(self.wants[0])

    def _cheaper(self) -> Turns:
        want = self.wants[0]
        yield from self._find(want)
        places = self._suiting(want)
        if not places:
            self.faults.append(f"nothing shown suits: {want}")
            return
        dearest = max(places, key=lambda n: self.cards[n - 1].price or 0)
        price = self.cards[dearest - 1].price
        assert price is not None
        yield from self._tell("cheaper_than", place=dearest)
        self.wants[0] = replace(want, price_max=price - CENT)
        yield from self._choose(self.wants[0])

    def _quantity(self) -> Turns:
        want = self.wants[0]
        yield from self._find(want)
        yield from self._choose(want)
        yield from self._tell("more_of_it", n=want.quantity - 1, total=want.quantity)
        yield from self._ask_total()

    def _two_items(self) -> Turns:
        first, second = self.wants
        yield from self._find(first)
        yield from self._choose(first)
        yield from self._find(second, "next")
        yield from self._choose(second)
        yield from self._ask_total()

    def _second_person(self) -> Turns:
        mine, other = self.wants
        yield from self._find(mine)
        yield from self._find(other, "other_person", person=self._person())
        yield from self._choose(other)
        yield from self._tell("back_to_me")
        if not self._suiting(mine):
            self.faults.append("my own wishes were forgotten")
        yield from self._choose(mine)

    def _gift(self) -> Turns:
        want = self.wants[0]
        assert want.price_max is not None
        assert want.price_min is not None
        yield from self._tell("gift", category=self._category(want), person=self._person())
        limits = {"low": money(want.price_min), "amount": money(want.price_max)}
        yield from self._tell("between", **limits)
        yield from self._choose(want)

    def _goes_with(self) -> Turns:
        first, second = self.wants
        assert second.price_max is not None
        yield from self._find(first)
        yield from self._choose(first)
        yield from self._tell("goes_with")
        yield from self._tell("price_max", amount=money(second.price_max))
        yield from self._choose(second)

    def _declined(self) -> Turns:
        yield from self._find(self.wants[0])
        yield from self._choose(self.wants[0])
        yield from self._tell("goes_with")
        yield from self._tell("no_thanks")
        yield from self._tell("what_else")
        yield from self._tell("no_thanks")

    def _upsell(self) -> Turns:
        want = self.wants[0]
        yield from self._find(want)
        places = self._suiting(want)
        if not places:
            self.faults.append(f"nothing shown suits: {want}")
            return
        first = self._drawn(places)
        price = self.cards[first - 1].price
        assert price is not None
        yield from self._tell("better", place=first)
        dearer = replace(want, price_min=price + CENT)
        if self.screen.cards and self._suiting(dearer):
            self.wants[0] = dearer
            yield from self._choose(dearer)
        else:  # there is no better one: the first it is
            yield from self._find(replace(want, price_max=price))
            yield from self._choose(want)

    def _bundle(self) -> Turns:
        goal = self.goal
        assert goal.total_max is not None
        slots = {"category": self._category(self.wants[0]), "amount": money(goal.total_max)}
        yield from self._tell("bundle", **slots)
        yield from self._tell("items_max", n=goal.items_max)
        if not self.screen.sets:
            self.faults.append("no set was shown")
            return
        yield from self._tell("take_all")

    def _impossible(self) -> Turns:
        yield from self._find(self.wants[0])
        yield from self._tell("give_up")
        self.wants = []

    def _relax(self) -> Turns:
        assert self.goal.other is not None
        assert self.wants[0].price_max is not None
        yield from self._find(self.goal.other)
        yield from self._tell("raise", amount=money(self.wants[0].price_max))
        yield from self._choose(self.wants[0])

    def _language_switch(self) -> Turns:
        want = self.wants[0]
        yield from self._find(replace(want, value=None, brand=None))
        self.language = "zh" if self.language == "en" else "en"
        yield from self._reveal(replace(want, price_max=None, price_min=None))
        yield from self._tell("more")
        yield from self._choose(want)

    def _regret(self) -> Turns:
        """Take one, put it back, take another."""
        want = self.wants[0]
        yield from self._find(want)
        yield from self._choose(want)
        yield from self._tell("put_back")
        if self.screen.cart:
            self.faults.append("what was put back is still in the cart")
        yield from self._choose(want)

    def _fit(self) -> Turns:
        want = self.wants[0]
        yield from self._find(want)
        held = self.names.category(self._held(0), self.language)
        for number in self._suiting(want):
            yield from self._tell("does_it_fit", place=number, category=held)
            if works(self.screen.text):
                yield from self._take(number)
                return
        yield from self._tell("which_fits", category=self._category(want), held=held)
        yield from self._choose(want)

    def _cart_edit(self) -> Turns:
        assert self.goal.other is not None
        more = self.wants[1]
        steps: list[Callable[[], Turns]] = [
            lambda: self._tell("remove", category=self._category(self.goal.other or more)),
            lambda: self._tell("set_quantity", category=self._category(more), total=more.quantity),
        ]
        for i in self.rng.permutation(2):
            yield from steps[int(i)]()
        yield from self._ask_total()

    def _held(self, number: int) -> str:
        """Return the category of what is in the cart before the first word."""
        return self.names.leaf(self.goal.cart[number][0])


def works(text: str) -> bool:
    """Whether an answer says that two products fit, as a shopper reads it."""
    return WORKS.search(text) is not None


def money(amount: Decimal) -> str:
    """Return an amount as it is said."""
    return f"{amount.normalize():f}"
