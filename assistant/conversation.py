"""Typed state of one chat: turns in, constraints, what was shown, the cart.

A `Conversation` is a value: every turn makes a new one, and `assistant.sessions` keeps it. Nothing
of it is taken from what a browser sends back.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retrieval.query import Constraints, OfferKind, Query

Language = Literal["en", "zh"]
ActionKind = Literal[
    "add_to_cart",
    "remove_from_cart",
    "set_quantity",
    "undo",
    "why",
    "why_not",
    "not_for_me",
    "goes_with",
    "better",
    "similar",
    "view",
    "remove_constraint",
    "show_profile",
    "forget_me",
    "personalise_off",
    "personalise_on",
    "start_over",
]
MAX_TURN_CHARACTERS = 2_000
ME = "me"
"""The person a goal is for where nobody else is named."""


class Value(BaseModel):
    """Closed and unchanging, as everything in a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Action(Value):
    """Something done with a button rather than with words."""

    kind: ActionKind
    product_id: str | None = None
    other_id: str | None = None
    """`why_not`: the product that was suggested instead."""
    name: str | None = None
    """`remove_constraint`: `field` or `field:value`, as `constraint_chips` names them."""
    quantity: Annotated[int, Field(ge=0, le=99)] | None = None
    reason: Annotated[str, Field(max_length=200)] | None = None
    """`not_for_me`: why."""
    action_id: Annotated[str, Field(max_length=64)] | None = None
    """The same id twice changes the cart once."""


class Turn(Value):
    """One message, or one action."""

    conversation_id: Annotated[str, Field(min_length=1, max_length=128)]
    shopper_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    text: Annotated[str, Field(max_length=MAX_TURN_CHARACTERS)] | None = None
    action: Action | None = None
    language: Language | None = None
    """What the screen is set to; a message in the other language wins."""

    @model_validator(mode="after")
    def _one_of(self) -> Turn:
        if (self.text is None) == (self.action is None):
            raise ValueError("a turn has either `text` or `action`")
        return self


class CartLine(Value):
    """One product in the cart; prices are looked up when the cart is shown."""

    product_id: str
    quantity: Annotated[int, Field(ge=1, le=99)] = 1


class Cart(Value):
    """The open cart."""

    lines: tuple[CartLine, ...] = ()

    @property
    def product_ids(self) -> tuple[str, ...]:
        """Ids in the order they were added."""
        return tuple(line.product_id for line in self.lines)

    def with_quantity(self, product_id: str, quantity: int) -> Cart:
        """Return the cart with this product's quantity set; 0 removes the line."""
        kept = [
            CartLine(product_id=product_id, quantity=quantity)
            if line.product_id == product_id
            else line
            for line in self.lines
            if line.product_id != product_id or quantity > 0
        ]
        if quantity > 0 and product_id not in self.product_ids:
            kept.append(CartLine(product_id=product_id, quantity=quantity))
        return Cart(lines=tuple(kept))

    def quantity(self, product_id: str) -> int:
        """Return how many of the product are in the cart."""
        return next((line.quantity for line in self.lines if line.product_id == product_id), 0)


class Shown(Value):
    """A product of the last slate, in its order; "the second one" is `shown[1]`."""

    product_id: str
    offer_kind: OfferKind
    anchor_id: str | None = None


class Message(Value):
    """One line of the transcript."""

    role: Literal["shopper", "assistant"]
    text: str


class Aside(Value):
    """A goal put aside while another person's is spoken of."""

    person: str
    wish: str = ""
    offer_kind: OfferKind | Literal["search"] = "search"
    anchors: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    shown: tuple[Shown, ...] = ()
    focus: str | None = None
    last_query: Query | None = None


class Conversation(Value):
    """Everything the assistant knows of one chat."""

    conversation_id: str
    shopper_id: str | None = None
    language: Language = "en"
    personalise: bool = True
    person: str = ME
    """Whom the present goal is for ("wife"), `ME` for the shopper."""
    asides: tuple[Aside, ...] = ()
    """Goals of other persons, to come back to; at most one a person."""
    wish: str = ""
    """Search words of the present goal, without the constraints."""
    offer_kind: OfferKind | Literal["search"] = "search"
    """What the last slate answered; a refinement asks the same again."""
    anchors: tuple[str, ...] = ()
    """Products the present goal relates to."""
    owned: tuple[str, ...] = ()
    """Categories or things the shopper said to have already ("I just bought a tent")."""
    constraints: Constraints = Constraints()
    shown: tuple[Shown, ...] = ()
    seen: tuple[str, ...] = ()
    """Products of all slates so far (for "show me others")."""
    focus: str | None = None
    """The product spoken of last: "it"."""
    rejected: tuple[str, ...] = ()
    """Products said to be "not for me"."""
    declined: tuple[str, ...] = ()
    """Leaf categories for which the shopper said "no thanks": no unasked suggestion again."""
    cart: Cart = Cart()
    past_carts: tuple[Cart, ...] = ()
    """For undo, newest last, at most ten."""
    done_actions: tuple[str, ...] = ()
    """Ids of actions already carried out, newest last, at most fifty."""
    viewed: tuple[str, ...] = ()
    """Products looked at, asked about or added in this chat, latest last, at most fifty."""
    transcript: tuple[Message, ...] = ()
    openings: tuple[str, ...] = ()
    """First sentences of the replies, so that they vary."""
    last_query: Query | None = None
    """What the last slate was asked with; why and why not run it again."""
    n_turns: int = 0

    def has_aside(self, person: str) -> bool:
        """Whether a goal of this person was put aside."""
        return any(aside.person == person for aside in self.asides)

    def turned_to(self, person: str) -> Conversation:
        """Return the conversation about another person's goal, the present one put aside."""
        names = [name for name in Aside.model_fields if name != "person"]
        present = Aside(person=self.person, **{name: getattr(self, name) for name in names})
        kept = tuple(a for a in self.asides if a.person not in (self.person, person))
        goal = next((a for a in self.asides if a.person == person), Aside(person=person))
        update = {name: getattr(goal, name) for name in Aside.model_fields}
        return self.model_copy(update=update | {"asides": (*kept, present)})


def constraint_chips(constraints: Constraints) -> dict[str, object]:
    """Return the set constraints as `field` or `field:value` → value, in a fixed order."""
    chips: dict[str, object] = {}
    for name, value in constraints:
        if value is None or value in ((), {}):
            continue
        if isinstance(value, tuple):
            chips.update({f"{name}:{v}": v for v in value})
        elif isinstance(value, Mapping):
            chips.update({f"{name}:{k}": f"{k}: {v}" for k, v in value.items()})
        else:
            chips[name] = value
    return chips


def without_constraint(constraints: Constraints, chip: str) -> Constraints:
    """Return the constraints less one chip; an unknown chip changes nothing."""
    name, _, part = chip.partition(":")
    if name not in Constraints.model_fields:
        return constraints
    value = getattr(constraints, name)
    if isinstance(value, tuple):
        return constraints.model_copy(update={name: tuple(v for v in value if v != part)})
    if isinstance(value, Mapping):
        return constraints.model_copy(update={name: {k: v for k, v in value.items() if k != part}})
    return constraints.model_copy(update={name: None})


def plain(value: object) -> object:
    """Return a constraint's value as JSON can hold it (money as a string)."""
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    return value
