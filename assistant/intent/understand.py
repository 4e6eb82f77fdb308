"""Message → `Understanding`: the steps in their order.

1. the acts that need nothing else (personal data, a person, instructions to the program);
2. money, rating, stock: taken out of the text, so that "no more than" is no "more";
3. which act it is, with what is shown and spoken of;
4. what is pointed at, what is not wanted, what is wanted, what is left: the wish;
5. whether it is another thing than before, and the conditions that then hold.

Reading a question, an explanation or a cart operation changes no condition.
"""

from __future__ import annotations

import re
from dataclasses import replace

from assistant.conversation import Conversation
from assistant.intent import merging
from assistant.intent.acts import CLEAR_ALL, Act, find_acts
from assistant.intent.asking import read_about_products
from assistant.intent.conditions import (
    goes_on,
    is_same_goal,
    is_total,
    join_conditions,
    read_conditions,
    with_money,
)
from assistant.intent.deciding import decide_intent
from assistant.intent.language import language_of
from assistant.intent.lexicon import ShopWords
from assistant.intent.persons import turn_to_person
from assistant.intent.pointing import pointed_at
from assistant.intent.reading import Reading, read
from assistant.intent.understanding import (
    AttributeSuperlative,
    Intent,
    Understanding,
)
from assistant.intent.utterance import Utterance
from retrieval.query import Constraints

_AT_ONCE: tuple[Act, ...] = (
    "injection", "forget_me", "personalise_on", "personalise_off", "show_profile", "human",
)  # fmt: skip
_KEEPS_CONDITIONS: frozenset[Intent] = frozenset(
    {"question", "fit", "compare", "why", "why_not", "cart_add", "cart_remove", "cart_quantity",
     "cart_show", "cart_clear", "undo", "no_thanks", "thanks", "greeting", "out_of_scope", "human",
     "show_profile", "forget_me", "personalise_off", "personalise_on"}
)  # fmt: skip


ASKS_WHICH = re.compile(r"是?(?:哪|什么)一?(?:款|个|种|件)(?:呢|啊)?\s*[?？]*\s*$")
"""“最便宜的睡袋是哪款？” asks what “最便宜的睡袋” asks."""

OPPOSITES = {
    "heavy": "lightweight", "bulky": "compact", "big": "small", "large": "small", "small": "large",
    "thick": "thin", "thin": "thick", "long": "short", "short": "long", "stiff": "soft",
    "hard": "soft", "loud": "quiet", "重": "轻", "大": "小", "小": "大", "厚": "薄", "薄": "厚",
    "长": "短", "短": "长", "硬": "软",
}  # fmt: skip
NOT_TOO = re.compile(
    rf"(?:\bnot (?:too|so|very|overly) |不要?太)({'|'.join(OPPOSITES)})(?![a-z])", re.IGNORECASE
)
"""“Not too heavy” asks for what is light."""


def understand_turn(
    text: str, conversation: Conversation, words: ShopWords
) -> tuple[Conversation, Understanding]:
    """Return the conversation about whom a message is about, and what the message means in it."""
    turned = turn_to_person(text, conversation, words)
    if not (turned.resumes and not turned.text):
        return turned.conversation, understand(turned.text, turned.conversation, words)
    goal = turned.conversation
    language = language_of(Utterance(text).low, goal.language, words.brand_words)
    return goal, Understanding(intent="refine", language=language, constraints=goal.constraints)


def understand(text: str, conversation: Conversation, words: ShopWords) -> Understanding:
    """Return what a message means in its conversation.

    Args:
        text: The message as typed; any length that a `Turn` allows.
        conversation: The state before this turn.
        words: The store's lexicon.

    Returns:
        The understanding; an unknown thing is a search, never a refusal.
    """
    text = NOT_TOO.sub(lambda found: OPPOSITES[found[1].lower()], text)
    u = Utterance(ASKS_WHICH.sub("", text) if "最" in text else text)
    language = language_of(u.low, conversation.language, words.brand_words)
    held = conversation.constraints
    acts = find_acts(u.low)
    for act in _AT_ONCE:
        if act in acts:
            intent: Intent = "out_of_scope" if act == "injection" else act  # type: ignore[assignment]
            return Understanding(intent=intent, language=language, constraints=held)
    if "off_topic" in acts and not any(m.of("category") for m in words.mentions(u.low)):
        return Understanding(intent="out_of_scope", language=language, constraints=held)
    reading = read(u, conversation, words)
    intent = decide_intent(reading)
    result = _conclude(reading, intent)
    return replace(result, language=language)


def _conclude(reading: Reading, intent: Intent) -> Understanding:
    u, conversation = reading.u, reading.conversation
    clears = intent in {"search", "refine"} and CLEAR_ALL.search(u.open) is not None
    if clears:
        reading.said.notes.append("starts_over")
        u.take_all(CLEAR_ALL)
    low = u.open
    if intent in _KEEPS_CONDITIONS:
        return read_about_products(reading, intent)
    fresh = read_conditions(reading, intent)
    if intent == "search" and not fresh and goes_on(reading):
        intent = "refine"
    fresh = fresh or (intent == "search" and not is_same_goal(reading))
    now = join_conditions(reading, intent, fresh=fresh or clears, low=low)
    if clears:
        now = merging.merge(Constraints(), reading.said, fresh=True)
        now = with_money(reading, intent, now, low)
    references, notes = pointed_at(reading, intent)
    return Understanding(
        intent=intent,
        language=conversation.language,
        wish=reading.wish,
        constraints=now,
        changed=changed(conversation.constraints, now),
        references=references,
        anchor_text=reading.anchor,
        superlative=reading.superlative,
        attribute=_superlative_attribute(reading),
        quantity=None,
        occasion=reading.occasion,
        is_total=is_total(reading, intent, low),
        notes=tuple(dict.fromkeys((*reading.said.notes, *notes))),
    )


def changed(before: Constraints, after: Constraints) -> tuple[str, ...]:
    """Return the names of the fields that differ, in the order of the schema."""
    return tuple(n for n in Constraints.model_fields if getattr(before, n) != getattr(after, n))


def _superlative_attribute(reading: Reading) -> str | None:
    kind = reading.superlative
    return kind.attribute if isinstance(kind, AttributeSuperlative) else None
