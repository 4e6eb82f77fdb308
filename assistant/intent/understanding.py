"""What one message means, as data. Knows no words and no rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from assistant.conversation import Language
from retrieval.query import Constraints

Intent = Literal[
    "search",
    "refine",
    "compare",
    "goes_with",
    "goes_with_cart",
    "better",
    "similar",
    "bundle",
    "question",
    "fit",
    "superlative",
    "count",
    "deals",
    "why",
    "why_not",
    "cart_add",
    "cart_remove",
    "cart_quantity",
    "cart_show",
    "cart_clear",
    "undo",
    "more",
    "no_thanks",
    "show_profile",
    "forget_me",
    "personalise_off",
    "personalise_on",
    "human",
    "greeting",
    "thanks",
    "out_of_scope",
]
NamedSuperlative = Literal["cheapest", "dearest", "best_rated", "most_reviewed", "newest"]
Direction = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeSuperlative:
    """The product at one end of an attribute: "the lightest tent"."""

    attribute: str
    """The store's attribute name where it has one, else a plain English word ("weight")."""
    direction: Direction
    """`lower`: the smallest value wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """One message, understood. Deterministic: same text, conversation and words, same value."""

    intent: Intent
    language: Language
    """Of the message; short ones that could be either ("ok") keep the conversation's."""
    wish: str = ""
    """Search words in the shopper's own words, without constraint phrases and filler.

    `search`: the whole wish. `refine`: words to add to the conversation's wish, mostly "". Other
    intents: what is left over, for a search if nothing better can be done.
    """
    constraints: Constraints = field(default_factory=Constraints)
    """Complete constraints after this turn: the conversation's with this turn's changes."""
    changed: tuple[str, ...] = ()
    """Fields of `constraints` that differ from the conversation's, in the order of the schema."""
    references: tuple[str, ...] = ()
    """Product ids that the message points at, in the order of the words."""
    anchor_text: str | None = None
    """A thing the shopper says to have, where it is no reference ("I just bought a tent")."""
    superlative: NamedSuperlative | AttributeSuperlative | None = None
    """With `refine` ("something lighter"): the direction to go in, from the references if any."""
    attribute: str | None = None
    """What a question or comparison is about: the store's attribute name, or one of `price`,
    `stock`, `rating`, `brand`; None if it is about none of them."""
    question: str | None = None
    """The question as asked, for the intents `question` and `compare`."""
    quantity: int | None = None
    """Cart: how many. None if not said."""
    occasion: str | None = None
    """What or whom it is for ("a weekend in the mountains", "my dad")."""
    is_total: bool = False
    """The amount said is for everything together, not for one product."""
    notes: tuple[str, ...] = ()
    """What was noticed and not acted on: `currency:EUR`, `no_such_place:5`, `ambiguous_reference`,
    `guessed_reference`, `unit_limit:under 2 kg`, `cheaper_than_unknown`, `starts_over`,
    `fits_only` (`goes_with`: only what states a fit)."""
