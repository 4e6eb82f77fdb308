# ruff: noqa: E501
"""Messages about products that change no condition: questions, comparisons, reasons, the cart."""

from __future__ import annotations

import re

from assistant.intent import wishes
from assistant.intent.carting import named_in_cart
from assistant.intent.deciding import ABOUT
from assistant.intent.numerals import numbers
from assistant.intent.pointing import is_explicit, named_products, pointed_at
from assistant.intent.reading import CONCEPT_PATTERNS, Reading, find_superlative, spoken_products
from assistant.intent.tables import STOP
from assistant.intent.understanding import (
    Intent,
    Understanding,
)
from assistant.intent.utterance import fold

POLICY = re.compile(
    r"\b(?:ship(?:ping|ped|s)?|deliver(?:y|ed|s|ies)?|return(?:s|able|ed)?|warrant(?:y|ies)|guarantee[ds]?|refunds?|exchange|policy|policies|payments?|pay with|paypal|credit cards?|invoice|vouchers?|coupons?|discounts?|promo\w*|opening hours|store hours)\b|送货|发货|配送|快递|退货|退换|换货|退款|付款|支付|发票|运费|包邮|优惠|折扣|打折"
)
"""Questions to the shop rather than about a product."""
_WHO_SAYS = re.compile(
    r"\b(?:do|did|have) (?:the )?(?:other )?(?:people|reviewers|customers|buyers|others|owners|users)\b"
)
_ANOTHER = re.compile(r"\b(?:another|one more)\b|再(?:来|加)一")


def read_about_products(reading: Reading, intent: Intent) -> Understanding:
    """Questions, comparisons, explanations, the cart: no condition changes."""
    u = reading.u
    attribute = _attribute(reading) if intent in {"question", "compare", "why", "why_not"} else None
    asked = u.text if intent in {"question", "fit", "compare"} else None
    quantity = _quantity(reading) if intent in {"cart_add", "cart_remove"} else None
    if reading.superlative is None and intent == "compare":
        reading.superlative = find_superlative(reading)
    references, notes = _meant(reading, intent)
    if reading.cart_change is not None:
        quantity = reading.cart_change.quantity
    for reference in reading.references:
        u.take(reference.start, reference.end)
    asked_as = reading.acts.get(intent)
    if asked_as is not None and len(asked_as.group()) < 30 and u.is_open(*asked_as.span()):
        u.take(*asked_as.span())
    wishes.read_filler(u, reading.words)
    u.take_all(ABOUT)
    wish = wishes.rest(u)
    pointed = any(r.product_ids for r in reading.references)
    if wish and references and all(r.how == "brand" for r in reading.references if r.product_ids):
        references = _other_of_brand(reading, wish) or references
    if intent == "cart_remove" and wish and not (pointed or _named_in_cart(reading)):
        references = ()
    if not references or (notes == ("guessed_reference",) and not pointed):
        named = named_products(reading, intent, wish)
        if named:
            references, notes = named, ()
    return Understanding(
        intent=intent,
        language=reading.conversation.language,
        wish=wish if intent not in {"thanks", "greeting", "no_thanks", "undo"} else "",
        constraints=reading.conversation.constraints,
        references=references,
        superlative=reading.superlative if intent == "compare" else None,
        attribute=attribute,
        question=asked,
        quantity=quantity,
        notes=tuple(dict.fromkeys((*reading.said.notes, *notes))),
    )


def _meant(reading: Reading, intent: Intent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the products that count, lines of the cart included, and notes about them."""
    if reading.cart_change is not None:
        return (reading.cart_change.product_id,), ()
    if (
        intent == "question"
        and POLICY.search(reading.u.low)
        and not any(r.how not in {"pronoun", "all"} and r.note is None for r in reading.references)
    ):
        return (), ()
    references, notes = pointed_at(reading, intent)
    if intent == "fit" and len(references) == 1:
        references += _named_in_cart(reading) or reading.conversation.cart.product_ids
    if intent == "cart_remove" and not is_explicit(reading):
        references = _named_in_cart(reading) or references
    return references, notes


def _other_of_brand(reading: Reading, wish: str) -> tuple[str, ...]:
    """Return the one product that brand and left-over words name ("the Fjellro Quartet")."""
    words = reading.words
    shown = [p for r in reading.references for i in r.product_ids if (p := words.product(i))]
    found = [words.catalogue.products[row] for row in words.titled(fold(wish))]
    of_brand = [p.product_id for p in found if p.brand in {one.brand for one in shown}]
    return tuple(of_brand) if len(of_brand) == 1 else ()


def _named_in_cart(reading: Reading) -> tuple[str, ...]:
    """Return the products of the cart that the words name."""
    return named_in_cart(reading.u.low, reading.conversation, reading.words)


def _attribute(reading: Reading) -> str | None:
    """Return what a question is about: an attribute the shop names, else a general concept."""
    low, products = (
        _WHO_SAYS.sub(lambda m: " " * len(m.group()), reading.u.low),
        spoken_products(reading),
    )
    for mention in reading.words.mentions(low):
        names = mention.of("attribute")
        if names and not mention.of("category") and low[mention.start : mention.end] not in STOP:
            return names[0].name
    for concept in ("price", "stock", "rating", "brand"):
        if CONCEPT_PATTERNS[concept].search(low):
            return concept
    for concept, pattern in CONCEPT_PATTERNS.items():
        if pattern.search(low):
            return reading.words.attribute_for(concept, products) or concept
    for reference in reading.references:
        low = _blank(low, reference.start, reference.end)
    for mention in reading.words.mentions(low):
        values = mention.of("value")
        if values and not mention.of("category") and not mention.of("brand"):
            return values[0].name
    return None


def _blank(low: str, start: int, end: int) -> str:
    return low[:start] + " " * (end - start) + low[end:]


def _quantity(reading: Reading) -> int | None:
    low = reading.u.open
    for reference in reading.references:
        if reference.how != "described":
            low = (
                low[: reference.start]
                + " " * (reference.end - reference.start)
                + low[reference.end :]
            )
    low = re.sub(
        r"第[一二三四五六七八九十\d]+|(?:这|那)一|\bone\b(?! of| more)|一下|一起",
        lambda m: " " * len(m.group()),
        low,
    )
    for number in numbers(low):
        attached = re.match(
            r"-?(?:person|man|season|p\b|l\b|人|季|升|号|码)", low[number.end :].lstrip(" ")
        )
        if number.value == int(number.value) and 0 < number.value <= 99 and not attached:
            return int(number.value)
    return 1 if _ANOTHER.search(low) else None
