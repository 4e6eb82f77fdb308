# ruff: noqa: E501
"""The conditions that hold after a turn: what is said now, joined to what was said before."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from assistant.intent import merging, wanted, wishes
from assistant.intent.acts import PATTERNS
from assistant.intent.excluded import read_excluded
from assistant.intent.measures import measures
from assistant.intent.reading import COMPARATIVE, LIGHTER_FUEL, SUPERLATIVE, Reading, has_goal
from assistant.intent.references import spoken_of
from assistant.intent.understanding import (
    Intent,
)
from assistant.intent.utterance import Utterance, fold
from retrieval.query import Constraints

_REFINES = re.compile(
    r"^\W*(?:(?:and|but|only|ok(?:ay)?|also|maybe|preferably|rather|just|please|yes|no|what about|how about|i meant?|what if),? )*(?:in|with|for|without|that|which|more|less|not|no|only|made|under|over|between|something|anything|ones?|a \w+(?:er)? one|it|they|rather|even|must|should|needs?)\b"
    r"|^(?:要|带|不要|更|再|最好|只要|换|改|能|可以|有没有更|适合|给)|的$"
)
_SEEKS = re.compile(
    r"\b(?:show me|looking for|search(?:ing)? for|find me|find|do you (?:have|sell|stock|carry)|have you got|got any|i(?:'m| am)? (?:also )?(?:need|want|after|looking)|i'd like|(?:how|what) about(?! (?:something|anything|one|in|for|with|if)\b)|now)\b|(?:找|推荐|有没有|想买|想要|需要|来一|看看|我要)"
)
_GENERIC = re.compile(
    r"\b(?:thing|item|product|stuff|article)s?\b|\b(?:you (?:have|sell|carry|stock|offer)|in (?:the|your) (?:store|shop|catalogue|catalog)|(?:of|overall|in) all|overall|here)\b|东西|商品|产品|全店|店里|你们(?:店|这|家|卖)|整个店"
)
_EACH = re.compile(
    r"\b(?:each|apiece|per (?:item|piece|product|thing))\b|每(?:个|件|样|款)|单(?:个|件|价)"
)
_AFTER_PURCHASE = re.compile(
    r"\bwhat else\b|\beverything\b|\banything else\b|还(?:需要|要|得|该|缺)"
)
_ASKED = re.compile(
    r"(?:大概|大约)?(?:是|要)?多少钱|(?:是|有)?(?:哪|多少|几)(?:一)?(?:个|款|种|件)?|是什么|\bhow much\b|\bhow many\b"
)
_TAKES_ITS_WORDS = (
    "goes_with",
    "goes_with_cart",
    "better",
    "similar",
    "more",
    "count",
    "deals",
    "bundle",
)
_NEEDS = re.compile(
    r"\b(?:what|anything|something) else(?: (?:do|would|should|will|might|could) i)?(?: also)?(?: (?:need|want|get|buy))?\b"
    r"|\bwhat (?:do|would|should|will|might) i (?:also |still |otherwise )?(?:need|want|get|buy)\b|\bi(?:'d| will| would|'ll)? (?:also )?need\b"
    r"|大家|别人|其他人|人们|(?:我)?还(?:需要|要|得|该|应该|可以|能|缺)(?:再)?(?:买|配|准备|带|添|加)?(?:点|些|置)?(?:什么|啥|哪些|别的)?"
)
_SECOND_QUESTION = re.compile(
    r"(?<=[a-z\u3400-\u9fff])[,?;.]\s*(?:and )?(?:what|which|how|does|is|do|配什么|用什么|什么|怎么).*$"
)
_INCLUDES = re.compile(
    r"(?:\b(?:include|including|includes|contain|containing|with|keep|must have|around|plus)\b|包含|包括|带上?|加上|要有|必须有|有)[^,.]{0,12}$"
)


def _take_acts(reading: Reading, intent: Intent) -> None:
    """Take the words of the act itself, so that they are no wish."""
    u = reading.u
    if intent in {"goes_with", "goes_with_cart"}:
        u.take_all(_NEEDS)
    if intent in _TAKES_ITS_WORDS:
        u.take_all(PATTERNS[intent])
    for act in ("thanks", "greeting", "no_thanks"):
        match = reading.acts.get(act)
        if match is not None and u.is_open(*match.span()):
            u.take(*match.span())


def read_conditions(reading: Reading, intent: Intent) -> bool:
    """Read everything that limits or names the wish; return whether it is clearly another thing."""
    u, words, said = reading.u, reading.words, reading.said
    reading.anchor, reading.bought = _read_anchor(reading, intent)
    reading.occasion = wishes.read_occasion(u, words)
    _take_acts(reading, intent)
    more = u.find(_SECOND_QUESTION) if intent == "search" else None
    if more and any(m.of("category") and m.end <= more.start() for m in words.mentions(u.open)):
        u.take(*more.span())
    _read_bundle_parts(reading, intent)
    brand = _brand_of_it(reading)
    read_excluded(u, words, reading.references, said, this_brand=brand)
    for reference in reading.references:
        if u.is_open(reference.start, reference.end) and reference.how != "brand":
            u.take(reference.start, reference.end)
    _take_superlative(reading)
    if intent in {"superlative", "count", "search"}:
        u.take_all(_ASKED)
    trial = Utterance(u.text)
    trial.open = u.open
    wishes.read_filler(trial, words)
    near = [e.name for m in wishes.heads(trial, words) for e in m.of("category")]
    scope = near or reading.conversation.constraints.categories
    wanted.read_sizes(u, words, scope, said)
    limits: list[tuple[int, int]] = []
    if intent != "bundle":  # "for two", 双人: no condition on every part
        limits += wanted.read_measures(u, words, scope, said)
    wanted.read_brands(u, words, said)
    if intent != "bundle":
        wanted.read_values(u, words, scope, said, limits=limits)
    wishes.read_filler(u, words)
    heads = (e.name for m in wishes.heads(u, words) for e in m.of("category"))
    said.categories = list(reading.sought) or list(dict.fromkeys(heads))
    reading.wish = wishes.rest(u)
    if intent == "search" and not reading.wish and not has_goal(reading.conversation):
        reading.wish = reading.occasion or ""
    return bool(said.categories) and not _same_categories(reading)


def _brand_of_it(reading: Reading) -> str | None:
    ids, _ = spoken_of(reading.conversation, reading.words)
    product = reading.words.product(ids[0]) if ids else None
    return product.brand if product else None


def _read_anchor(reading: Reading, intent: Intent) -> tuple[str | None, bool]:
    if intent not in {
        "goes_with",
        "goes_with_cart",
        "bundle",
        "search",
        "count",
        "superlative",
        "better",
    }:
        return None, False
    pointing = [r for r in reading.references if r.product_ids]
    trial = Utterance(reading.u.text)
    trial.open = reading.u.open
    complements = intent not in {"search", "count", "superlative"}
    anchor, bought = wishes.read_anchor(trial, reading.words, goes_with=complements)
    taken = [i for i in range(len(trial.open)) if trial.open[i] != reading.u.open[i]]
    if anchor and any(r.start <= i < r.end for r in pointing for i in taken):
        return None, bought
    reading.u.open = trial.open
    return anchor, bought


def _read_bundle_parts(reading: Reading, intent: Intent) -> None:
    """In a bundle, what is pointed at belongs to it ("with the second one")."""
    if intent == "bundle" or reading.conversation.offer_kind == "bundle":
        for reference in reading.references:
            before = reading.u.open[: reference.start]
            if not reference.product_ids or reference.note:
                continue
            negated = re.search(r"(?:\bnot\b|\bwithout\b|\bno\b|不要|除了)[^,.]{0,8}$", before)
            if not negated and (intent == "bundle" or _INCLUDES.search(before)):
                reading.said.must_include += reference.product_ids


def _take_superlative(reading: Reading) -> None:
    u = reading.u
    for pattern in (SUPERLATIVE, COMPARATIVE):
        for match in u.find_all(pattern):
            if not LIGHTER_FUEL.match(u.open, match.end()):
                u.take(*match.span())


def _same_categories(reading: Reading) -> bool:
    conversation = reading.conversation
    before = set(conversation.constraints.categories)
    if not before:
        before = {
            e.name
            for m in reading.words.mentions(fold(conversation.wish))
            for e in m.of("category")
        }
    return bool(before & set(reading.said.categories))


def is_same_goal(reading: Reading) -> bool:
    """Whether the message names the category that the chat is about already."""
    return (
        has_goal(reading.conversation)
        and bool(reading.said.categories)
        and _same_categories(reading)
    )


def goes_on(reading: Reading) -> bool:
    """Whether a message without another category goes on with the present goal."""
    if not has_goal(reading.conversation):
        return not reading.wish and bool(
            reading.money.relative or reading.money.removed or reading.said.dropped
        )
    if not reading.wish:
        return True
    low = reading.u.low
    if reading.said.categories or _only_properties(reading) or _only_conditions(reading):
        return True
    if any(not measure.start for measure in measures(fold(reading.wish))):  # "40 litres or more"
        return _SEEKS.search(low) is None
    if re.search(r"\bones?\b", low):
        return True
    return _REFINES.search(low) is not None and not _SEEKS.search(low)


def _only_conditions(reading: Reading) -> bool:
    """Whether conditions were said, and beside them only words that the shop does not know."""
    money, said = reading.money, reading.said
    has_money = any(v is not None for v in (money.minimum, money.maximum, money.last))
    has_said = bool(said.brands or said.attributes or said.exclude_words or said.rating_min)
    has_said |= bool(said.attributes_min or said.attributes_max)
    if not (has_money or has_said) or _SEEKS.search(reading.u.low):
        return False
    return not any(m.entries for m in reading.words.mentions(fold(reading.wish)))


def _only_properties(reading: Reading) -> bool:
    """Whether the wish is nothing but values and attributes ("waterproof")."""
    wish = fold(reading.wish)
    found = reading.words.mentions(wish)
    covered = sum(m.end - m.start for m in found if m.of("value") or m.of("attribute"))
    return covered > 0 and covered >= len(wish.replace(" ", ""))


def join_conditions(reading: Reading, intent: Intent, *, fresh: bool, low: str) -> Constraints:
    """Return the conditions that hold after this turn.

    A new wish, and complements or a bundle asked for after a search, keep only what stands for the
    shopper (`merging.STANDING`) and a total for everything. Similar, better and more of the same
    keep all.
    """
    conversation = reading.conversation
    held = conversation.constraints
    if intent in {"goes_with", "goes_with_cart"}:
        fresh = conversation.offer_kind != "cross_sell" or bool(reading.anchor)
    elif intent == "bundle":
        fresh = conversation.offer_kind != "bundle"
    elif intent in {"superlative", "count", "deals"}:
        fresh = bool(reading.said.categories) or _GENERIC.search(reading.u.low) is not None
    elif intent in {"similar", "better", "more"}:
        fresh = bool(reading.said.categories) and not _same_categories(reading)
    append = re.search(r"^\W*(?:or|also|and)\b|也|或者|还有", reading.u.low) is not None
    now = merging.merge(held, reading.said, fresh=fresh, append_brands=append)
    if (
        fresh
        and held.total_max is not None
        and conversation.offer_kind not in {"bundle", "cross_sell"}
    ):
        now = now.model_copy(update={"total_max": held.total_max})
    return with_money(reading, intent, now, low)


def with_money(reading: Reading, intent: Intent, now: Constraints, low: str) -> Constraints:
    """Return the conditions with what is said about money."""
    conversation, words = reading.conversation, reading.words
    money = reading.money
    in_bundle = intent == "bundle" or (intent == "refine" and conversation.offer_kind == "bundle")
    if not in_bundle and not (money.items_min and is_total(reading, intent, low)):
        money = replace(money, items_min=None, items_max=None)
    total = is_total(reading, intent, low) and (
        intent not in {"search", "refine"} or in_bundle or _said_total(reading)
    )
    renews = intent == "refine" and conversation.offer_kind == "cross_sell"
    if renews and merging.renews_total(now, money) and not _EACH.search(reading.u.low):
        total = True
    is_offer = intent in {"goes_with", "goes_with_cart"} or renews
    pointed = [p for r in reading.references for p in r.product_ids if p in words.catalogue]
    looked_at = words.catalogue[pointed[0]].price if pointed else None
    shown = [
        words.catalogue[s.product_id].price
        for s in conversation.shown
        if s.product_id in words.catalogue
    ]
    prices = [p for p in shown if p is not None]
    if money.relative and looked_at is None and not prices and now.price_max is None:
        reading.said.notes.append("cheaper_than_unknown")
    in_set = [s.product_id for s in conversation.shown if s.offer_kind == "bundle"]
    has_set = bool(in_set) and intent == "refine"
    return merging.merge_money(
        now,
        money,
        total=total,
        per_item=not (in_bundle or (total and is_offer)),
        prices=prices,
        looked_at=looked_at,
        set_price=sum(prices, Decimal(0)) if has_set and prices else None,
    )


def _said_total(reading: Reading) -> bool:
    return (
        re.search(
            r"\btotal|altogether|all together|overall|combined|in all\b|总|一共|合计|加起来|共计",
            reading.u.low,
        )
        is not None
    )


def is_total(reading: Reading, intent: Intent, low: str) -> bool:
    """Whether the amount is for everything together."""
    money = reading.money
    if (money.maximum is None and money.minimum is None and money.last is None) or _EACH.search(
        reading.u.low
    ):
        return False
    if money.is_total or intent == "bundle":
        return True
    if intent == "refine" and reading.conversation.offer_kind == "bundle":
        return True
    if intent in {"goes_with", "goes_with_cart"}:
        return reading.bought or _AFTER_PURCHASE.search(reading.u.low) is not None
    return False
