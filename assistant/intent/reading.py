# ruff: noqa: E501
"""What the steps find in one message, in one place: `Reading`, filled as the message is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.conversation import Conversation
from assistant.intent import amounts
from assistant.intent.acts import Act, find_acts
from assistant.intent.carting import TOTAL, CartChange, read_cart_change
from assistant.intent.lexicon import Mention, ShopWords
from assistant.intent.measures import measures
from assistant.intent.references import Reference, find_references
from assistant.intent.said import Said, read_dropped, read_rating_and_stock
from assistant.intent.tables import COMPARATIVES, CONCEPTS, NAMED_SUPERLATIVES, STOP
from assistant.intent.understanding import (
    AttributeSuperlative,
    NamedSuperlative,
)
from assistant.intent.utterance import Utterance
from assistant.intent.wanted import LIMIT
from retrieval.data.amounts import amount_of

if TYPE_CHECKING:
    from retrieval.data.dataset import Product

_OFFERS: tuple[Act, ...] = ("goes_with", "bundle", "better", "similar", "more", "count")
WHOLE_STORE = re.compile(
    r"\b(?:you (?:have|sell|carry|stock|offer)|in (?:the|your) (?:whole |entire )?(?:store|shop|catalogue|catalog))\b|全店|店里|你们(?:店|这|家|卖)"
)
SUPERLATIVE = re.compile("|".join(f"(?P<{k}>{v})" for k, v in NAMED_SUPERLATIVES.items()))
LIGHTER_FUEL = re.compile(r" (?:fluid|gas|fuel|case|refill)")
_THAN_AMOUNT = re.compile(r" than \d")
"""“Lighter than 2 kg” is a limit."""
COMPARATIVE = re.compile(
    "|".join(
        rf"\b{re.escape(p)}\b" if p.isascii() else re.escape(p)
        for p in sorted(COMPARATIVES, key=len, reverse=True)
    )
)
_IS_SUPERLATIVE = re.compile(r"est\b|^most |最")
CONCEPT_PATTERNS = {
    concept: re.compile("|".join(
        rf"\b(?:{p})\b" if p.isascii() else p for p in pattern.split("|")
    ) if "(" not in pattern else rf"(?<![a-z])(?:{pattern})(?![a-z])")
    for concept, (pattern, _) in CONCEPTS.items()
}  # fmt: skip
_LIMIT_WORDS = re.compile(
    r"\W{0,3}(?:(?:is|of|over|under|above|below|at least|at most|up to|more than|less than|higher than|lower than|around|about|>=?|<=?|:|为|是|在|至少|低于|高于|超过|大于|小于|不低于|不超过) ?)*(?P<n>\d+(?:\.\d+)?)"
)


@dataclass(slots=True)
class Reading:
    """What the steps have found so far."""

    u: Utterance
    conversation: Conversation
    words: ShopWords
    money: amounts.Money
    said: Said
    acts: dict[Act, re.Match[str]]
    references: list[Reference]
    anchor: str | None = None
    bought: bool = False
    superlative: NamedSuperlative | AttributeSuperlative | None = None
    wish: str = ""
    occasion: str | None = None
    cart_change: CartChange | None = None
    sought: tuple[str, ...] = ()
    """Categories asked for beside a line of the cart ("which tents fit the footprint …")."""


def read(u: Utterance, conversation: Conversation, words: ShopWords) -> Reading:
    """Read what is taken out first, the acts in what is left, and what is pointed at."""
    said = Said()
    cart_change = read_cart_change(u.low, conversation, words)
    read_rating_and_stock(u, said)
    money = amounts.read_money(u, _attribute_limits(u, words, said))
    read_dropped(u, conversation, words, said)
    reading = Reading(
        u=u,
        conversation=conversation,
        words=words,
        money=money,
        said=said,
        acts=_acts(u, words),
        references=find_references(u, conversation, words),
        cart_change=cart_change,
    )
    if (total := TOTAL.search(u.low)) and (conversation.cart.lines or not conversation.shown):
        reading.acts.setdefault("cart_show", total)
    said.notes += [f"currency:{c}" for c in amounts.foreign(money.currencies, words.currency)]
    return reading


def _acts(u: Utterance, words: ShopWords) -> dict[Act, re.Match[str]]:
    """Return the acts; an offer's word inside a category's name ("Bottle accessories") is none."""
    acts = find_acts(u.open)
    names = [(m.start, m.end) for m in words.mentions(u.open) if m.of("category")]
    return {
        act: match
        for act, match in acts.items()
        if act not in _OFFERS or not any(a <= match.start() and match.end() <= b for a, b in names)
    }


def _attribute_limits(u: Utterance, words: ShopWords, said: Said) -> list[tuple[int, int]]:
    """Return the places of numbers that belong to an attribute ("r-value over 4")."""
    found = []
    measured = {measure.start for measure in measures(u.open)}
    for mention in words.mentions(u.open):
        match = _LIMIT_WORDS.match(u.open, mention.end)
        if match is not None and match.start("n") in measured:
            continue  # "two people under 2 kg" limits no people; `wanted` reads amounts with units
        name = u.open[mention.start : mention.end]
        if match and mention.of("attribute") and not mention.of("category") and name not in STOP:
            found.append((mention.start, match.end()))
            if not _bound_bare(u, words, mention, match, said):
                said.notes.append(f"unit_limit:{u.text[mention.start : match.end()]}")
    return found


def _bound_bare(
    u: Utterance, words: ShopWords, mention: Mention, match: re.Match[str], said: Said
) -> bool:
    """Limit an attribute whose values are numbers alone ("persons over 3"); False if it is not."""
    limit = LIMIT.search(u.low[: match.start("n")])
    name = mention.of("attribute")[0].name
    amounts_of = (amount_of(p.attributes.get(name, "")) for p in words.catalogue.products)
    if limit is None or next((a[1] for a in amounts_of if a is not None), None) != "":
        return False
    (said.attributes_max if limit["max"] else said.attributes_min)[name] = match["n"]
    u.take(mention.start, match.end())
    return True


def find_superlative(reading: Reading) -> NamedSuperlative | AttributeSuperlative | None:
    """Return "cheapest", "lightest" and the comparative forms; a reference is none."""
    low = reading.u.open
    pointed = [(r.start, r.end) for r in reading.references if r.how == "described"]
    for match in SUPERLATIVE.finditer(low):
        if (
            not any(a <= match.start() < b for a, b in pointed)
            or asks_which(low)
            or WHOLE_STORE.search(low)
        ):
            return match.lastgroup  # type: ignore[return-value]
    for match in COMPARATIVE.finditer(low):
        if LIGHTER_FUEL.match(low, match.end()) or _THAN_AMOUNT.match(low, match.end()):
            continue
        if not any(a <= match.start() < b for a, b in pointed) or asks_which(low):
            concept, direction = COMPARATIVES[match.group()]
            return AttributeSuperlative(
                attribute=reading.words.attribute_for(concept, spoken_products(reading)) or concept,
                direction="lower" if direction == "lower" else "higher",
            )
    return None


def asks_which(low: str) -> bool:
    """Whether it asks which product, rather than naming one."""
    return re.search(r"\b(?:which|what)\b|哪|是什么", low) is not None


def spoken_products(reading: Reading) -> list[Product]:
    """Return the products pointed at, or all that are shown."""
    ids = [p for r in reading.references for p in r.product_ids]
    ids = ids or [s.product_id for s in reading.conversation.shown]
    return [reading.words.catalogue[p] for p in ids if p in reading.words.catalogue]


def is_superlative(low: str) -> bool:
    """Whether folded text holds a superlative, not only a comparative."""
    if SUPERLATIVE.search(low):
        return True
    match = COMPARATIVE.search(low)
    return match is not None and _IS_SUPERLATIVE.search(match.group()) is not None


def has_goal(conversation: Conversation) -> bool:
    """Whether the chat is about something already."""
    return bool(conversation.wish or conversation.shown or conversation.anchors)
