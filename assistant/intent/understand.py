# ruff: noqa: E501
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
from dataclasses import dataclass, replace

from assistant.conversation import Conversation
from assistant.intent import amounts, constraints, wishes
from assistant.intent.acts import CLEAR_ALL, PATTERNS, Act, find_acts
from assistant.intent.constraints import Said
from assistant.intent.language import language_of
from assistant.intent.lexicon import ShopWords
from assistant.intent.numerals import numbers
from assistant.intent.references import Reference, find_references, spoken_of
from assistant.intent.tables import COMPARATIVES, CONCEPTS, NAMED_SUPERLATIVES, STOP
from assistant.intent.understanding import (
    AttributeSuperlative,
    Intent,
    NamedSuperlative,
    Understanding,
)
from assistant.intent.utterance import Utterance, fold
from retrieval.query import Constraints

_AT_ONCE: tuple[Act, ...] = (
    "injection", "forget_me", "personalise_on", "personalise_off", "show_profile", "human",
)  # fmt: skip
_KEEPS_CONDITIONS: frozenset[Intent] = frozenset(
    {"question", "compare", "why", "why_not", "cart_add", "cart_remove", "cart_show", "cart_clear",
     "undo", "no_thanks", "thanks", "greeting", "out_of_scope", "human", "show_profile",
     "forget_me", "personalise_off", "personalise_on"}
)  # fmt: skip
_POINTS_BY_DEFAULT: frozenset[Intent] = frozenset({"question", "why", "better", "similar"})
_FINDS_TITLES: frozenset[Intent] = frozenset(
    {"compare", "question", "why_not", "goes_with", "better", "similar", "cart_add", "cart_remove"}
)
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
_WHOLE_STORE = re.compile(
    r"\b(?:you (?:have|sell|carry|stock|offer)|in (?:the|your) (?:whole |entire )?(?:store|shop|catalogue|catalog))\b|全店|店里|你们(?:店|这|家|卖)"
)
_EACH = re.compile(
    r"\b(?:each|apiece|per (?:item|piece|product|thing))\b|每(?:个|件|样|款)|单(?:个|件|价)"
)
_AFTER_PURCHASE = re.compile(
    r"\bwhat else\b|\beverything\b|\banything else\b|还(?:需要|要|得|该|缺)"
)
_SUPERLATIVES = re.compile("|".join(f"(?P<{k}>{v})" for k, v in NAMED_SUPERLATIVES.items()))
_ASKED = re.compile(
    r"是?多少钱|(?:是|有)?(?:哪|多少|几)(?:一)?(?:个|款|种|件)?|是什么|\bhow much\b|\bhow many\b"
)
_LIGHTER_FUEL = re.compile(r" (?:fluid|gas|fuel|case|refill)")
_COMPARATIVES = re.compile(
    "|".join(
        rf"\b{re.escape(p)}\b" if p.isascii() else re.escape(p)
        for p in sorted(COMPARATIVES, key=len, reverse=True)
    )
)
_IS_SUPERLATIVE = re.compile(r"est\b|^most |最")
_CONCEPTS = {
    concept: re.compile("|".join(
        rf"\b(?:{p})\b" if p.isascii() else p for p in pattern.split("|")
    ) if "(" not in pattern else rf"(?<![a-z])(?:{pattern})(?![a-z])")
    for concept, (pattern, _) in CONCEPTS.items()
}  # fmt: skip


@dataclass(slots=True)
class _Reading:
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


def understand(text: str, conversation: Conversation, words: ShopWords) -> Understanding:
    """Return what a message means in its conversation.

    Args:
        text: The message as typed; any length that a `Turn` allows.
        conversation: The state before this turn.
        words: The store's lexicon.

    Returns:
        The understanding; an unknown thing is a search, never a refusal.
    """
    u = Utterance(text)
    language = language_of(u.low, conversation.language, words.brand_words)
    held = conversation.constraints
    acts = find_acts(u.low)
    for act in _AT_ONCE:
        if act in acts:
            intent: Intent = "out_of_scope" if act == "injection" else act  # type: ignore[assignment]
            return Understanding(intent=intent, language=language, constraints=held)
    if "off_topic" in acts and not any(m.of("category") for m in words.mentions(u.low)):
        return Understanding(intent="out_of_scope", language=language, constraints=held)
    reading = _read(u, conversation, words)
    intent = _intent(reading)
    result = _conclude(reading, intent)
    return replace(result, language=language)


# --- reading ------------------------------------------------------------------------------------


def _read(u: Utterance, conversation: Conversation, words: ShopWords) -> _Reading:
    said = Said()
    constraints.read_rating_and_stock(u, said)
    money = amounts.read_money(u)
    constraints.read_dropped(u, conversation, words, said)
    reading = _Reading(
        u=u,
        conversation=conversation,
        words=words,
        money=money,
        said=said,
        acts=find_acts(u.open),
        references=find_references(u, conversation, words),
    )
    said.notes += [f"currency:{c}" for c in amounts.foreign(money.currencies, words.currency)]
    return reading


def _superlative(reading: _Reading) -> NamedSuperlative | AttributeSuperlative | None:
    """Return "cheapest", "lightest" and the comparative forms; a reference is none."""
    low = reading.u.open
    pointed = [(r.start, r.end) for r in reading.references if r.how == "described"]
    for match in _SUPERLATIVES.finditer(low):
        if (
            not any(a <= match.start() < b for a, b in pointed)
            or _asks_which(low)
            or _WHOLE_STORE.search(low)
        ):
            return match.lastgroup  # type: ignore[return-value]
    for match in _COMPARATIVES.finditer(low):
        if _LIGHTER_FUEL.match(low, match.end()):
            continue
        if not any(a <= match.start() < b for a, b in pointed) or _asks_which(low):
            concept, direction = COMPARATIVES[match.group()]
            return AttributeSuperlative(
                attribute=reading.words.attribute_for(concept, _spoken_products(reading))
                or concept,
                direction="lower" if direction == "lower" else "higher",
            )
    return None


def _asks_which(low: str) -> bool:
    return re.search(r"\b(?:which|what)\b|哪|是什么", low) is not None


def _spoken_products(reading: _Reading) -> list:  # type: ignore[type-arg]
    ids = [p for r in reading.references for p in r.product_ids]
    ids = ids or [s.product_id for s in reading.conversation.shown]
    return [reading.words.catalogue[p] for p in ids if p in reading.words.catalogue]


# --- which act ----------------------------------------------------------------------------------


def _intent(reading: _Reading) -> Intent:
    for decide in (_cart_intent, _why_intent, _ask_intent, _offer_intent):
        intent = decide(reading)
        if intent is not None:
            return intent
    return _plain_intent(reading)


def _cart_intent(reading: _Reading) -> Intent | None:
    acts = reading.acts
    if "undo" in acts:
        return "undo"
    if "cart_clear" in acts:
        return "cart_clear"
    if "goes_with_cart" in acts:
        return "goes_with_cart"
    if "cart_remove" in acts:
        return "cart_remove"
    if "cart_add" in acts:
        names_cart = re.search(
            r"cart|basket|trolley|shopping bag|购物车|下单", acts["cart_add"].group()
        )
        if names_cart or reading.references:
            return "cart_add"
    return "cart_show" if "cart_show" in acts else None


def _why_intent(reading: _Reading) -> Intent | None:
    if "why_not" in reading.acts:
        return "why_not"
    return "why" if "why" in reading.acts else None


def _ask_intent(reading: _Reading) -> Intent | None:
    """Compare, count, superlative and questions about something pointed at."""
    acts, u = reading.acts, reading.u
    reading.superlative = _superlative(reading)
    many = sum(len(r.product_ids) for r in reading.references) > 1
    if "compare" in acts and not (
        reading.superlative and not many and not reading.conversation.shown
    ):
        return "compare"
    if "count" in acts:
        return "count"
    pointing = [r for r in reading.references if r.how != "all"]
    sides = {"extreme", "described"} if _asks_which(u.open) else {"extreme"}
    about_store = all(r.how in sides for r in pointing)
    asks_store = about_store or _WHOLE_STORE.search(u.low) is not None
    if reading.superlative and _is_superlative(u.open) and "aux" not in acts and asks_store:
        reading.references = []
        return "superlative"
    asks_better = "better" in acts and "than" not in u.open
    if "aux" in acts and (pointing or many) and not asks_better:
        return None if _asks_for_more(reading) else "question"
    if (
        "ask" in acts
        and (pointing or many)
        and not ({"goes_with", "better", "similar"} & set(acts))
    ):
        return "question"
    return None


def _is_superlative(low: str) -> bool:
    if _SUPERLATIVES.search(low):
        return True
    match = _COMPARATIVES.search(low)
    return match is not None and _IS_SUPERLATIVE.search(match.group()) is not None


def _asks_for_more(reading: _Reading) -> bool:
    """Tell "is there anything that goes with this?" from a question about one product."""
    return (
        re.search(
            r"\bis there\b|\bare there\b|\banything\b|\bsomething\b|有没有(?!货)|有什么(?!缺|优|问|颜|尺)|有.{1,12}(?:的|款)吗",
            reading.u.open,
        )
        is not None
    )


def _offer_intent(reading: _Reading) -> Intent | None:
    acts = reading.acts
    if ("bundle" in acts and not _is_product_kit(reading)) or "件套" in reading.u.low:
        return "bundle"
    if "better" in acts and "worth" in acts["better"].group():
        return "better"
    if "goes_with" in acts and not _asks_which_one(reading):
        what = acts["goes_with"].group()
        alone = "what else" in what or "还" in what
        has_goal = reading.conversation.focus or reading.conversation.anchors or reading.references
        if alone and not has_goal and reading.conversation.cart.lines and not _has_anchor(reading):
            return "goes_with_cart"
        return "goes_with"
    for act in ("similar", "better", "more"):
        if act in acts and not (act == "better" and _is_only_quality(reading)):
            return act
    return None


def _is_only_quality(reading: _Reading) -> bool:
    """Tell 防水好一点的帐篷, a wish, from a better one than something."""
    conversation, match = reading.conversation, reading.acts["better"]
    known = conversation.shown or conversation.focus or reading.references
    wished = any(m.of("category") for m in reading.words.mentions(reading.u.open))
    return wished and not known and not re.search("upgrad|worth|升级|值", match.group())


def _asks_which_one(reading: _Reading) -> bool:
    """Tell 哪款炉头好？配什么燃料？, a search with a second question, from a complement."""
    low = reading.u.open
    found = re.search(r"哪(?:一)?(?:款|个|种)|\bwhich\b", low)
    return found is not None and any(
        m.of("category") and m.start == found.end() for m in reading.words.mentions(low)
    )


def _has_anchor(reading: _Reading) -> bool:
    trial = Utterance(reading.u.text)
    return wishes.read_anchor(trial, reading.words)[0] is not None


def _is_product_kit(reading: _Reading) -> bool:
    """Tell "a repair kit", which is a product when the shop has titles with these words."""
    match = re.search(r"\b([a-z]+(?: aid)?) (kits?|sets?|packages?|collections?)\b", reading.u.open)
    if match is None or match[1] in {
        "a",
        "the",
        "starter",
        "complete",
        "full",
        "whole",
        "this",
        "one",
        "your",
    }:
        return False
    if re.search(r"\bbundle|套", reading.u.open):
        return False
    rows = reading.words.titled(f"{match[1]} {match[2]}")
    return (
        bool(rows)
        or any(
            m.of("category") and m.start <= match.start(2) < m.end
            for m in reading.words.mentions(reading.u.open)
        )
        or match[1] in {"aid", "repair", "first aid", "tool", "drum", "sewing", "model"}
    )


def _plain_intent(reading: _Reading) -> Intent:
    """Questions without anything pointed at, small talk, and the rest: a search."""
    acts = reading.acts
    for act in ("no_thanks", "thanks", "greeting"):
        if act in acts and not _wishes_besides(reading, acts[act]):
            return act
    has_category = any(m.of("category") for m in reading.words.mentions(reading.u.open))
    shown = bool(reading.conversation.shown or reading.conversation.focus)
    asks = "ask" in acts and not (has_category and _is_request(reading))
    if asks and (shown or acts["ask"].group() not in {"评价", "评论", "好评", "口碑"}):
        return "question"
    if "aux" in acts and has_category and not shown and _names_one(reading):
        return "question"
    if "aux" in acts and not has_category and shown and not _seeks_products(reading):
        return "question"
    return "search"


def _names_one(reading: _Reading) -> bool:
    """Whether "is the Kettle stove any good?" names exactly one product of the store."""
    trial = Utterance(reading.u.text)
    trial.open = reading.u.open
    wishes.read_filler(trial, reading.words)
    trial.take_all(_ABOUT)
    phrase = re.split(r"\b(?:with|for|in|to|on)\b", fold(wishes.rest(trial)))[0]
    return len(reading.words.titled(phrase)) == 1 or bool(reading.words.named(phrase))


def _is_request(reading: _Reading) -> bool:
    return (
        re.search(
            r"\bwhat(?:'s| is| are)?(?: the| a)? (?:good|best|nice)\b|\b(?:which|what) [a-z]+(?: [a-z]+)? (?:is|are|would|should|do|for|fits?|works?|has|have|can|suits?|keeps?|you)\b|哪(?:一)?(?:款|个|种)|\bwhat .{1,30}(?:do you (?:have|recommend|sell)|should i|would you|have you)|\bhow about\b|\bwhat about\b|有什么|有哪些|推荐|哪些",
            reading.u.open,
        )
        is not None
    )


def _seeks_products(reading: _Reading) -> bool:
    return (
        re.search(
            r"^\W*(?:有没有|有|能不能|可以|可不可以|能).{0,12}(?:便宜|推荐|看|找|换|更|别的|的吗|的么)|\bthere\b|\byou (?:have|sell)\b|便宜",
            reading.u.open,
        )
        is not None
    )


def _wishes_besides(reading: _Reading, match: re.Match[str]) -> bool:
    trial = Utterance(reading.u.text)
    trial.open = reading.u.open
    trial.take(*match.span())
    if any(m.entries for m in reading.words.mentions(trial.open)):
        return True
    wishes.read_filler(trial, reading.words)
    said_money = reading.money.maximum or reading.money.minimum or reading.money.relative
    return bool(said_money) or len(wishes.rest(trial)) > 24 or "ask" in find_acts(trial.open)


# --- conclusions --------------------------------------------------------------------------------


def _conclude(reading: _Reading, intent: Intent) -> Understanding:
    u, conversation = reading.u, reading.conversation
    clears = intent in {"search", "refine"} and CLEAR_ALL.search(u.open) is not None
    if clears:
        reading.said.notes.append("starts_over")
        u.take_all(CLEAR_ALL)
    low = u.open
    if intent in _KEEPS_CONDITIONS:
        return _about_products(reading, intent)
    fresh = _read_conditions(reading, intent)
    if intent == "search" and not fresh and _refines(reading):
        intent = "refine"
    fresh = fresh or (intent == "search" and not _same_goal(reading))
    now = _joined(reading, intent, fresh=fresh or clears, low=low)
    if clears:
        now = constraints.merge(Constraints(), reading.said, fresh=True)
        now = _with_money(reading, intent, now, low)
    references, notes = _pointed_at(reading, intent)
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
        is_total=_is_total(reading, intent, low),
        notes=tuple(dict.fromkeys((*reading.said.notes, *notes))),
    )


def changed(before: Constraints, after: Constraints) -> tuple[str, ...]:
    """Return the names of the fields that differ, in the order of the schema."""
    return tuple(n for n in Constraints.model_fields if getattr(before, n) != getattr(after, n))


def _superlative_attribute(reading: _Reading) -> str | None:
    kind = reading.superlative
    return kind.attribute if isinstance(kind, AttributeSuperlative) else None


def _about_products(reading: _Reading, intent: Intent) -> Understanding:
    """Questions, comparisons, explanations, the cart: no condition changes."""
    u = reading.u
    attribute = _attribute(reading) if intent in {"question", "compare", "why", "why_not"} else None
    asked = u.text if intent in {"question", "compare"} else None
    quantity = _quantity(reading) if intent in {"cart_add", "cart_remove"} else None
    if reading.superlative is None and intent == "compare":
        reading.superlative = _superlative(reading)
    references, notes = _pointed_at(reading, intent)
    for reference in reading.references:
        u.take(reference.start, reference.end)
    if intent == "question" and _POLICY.search(u.low) and not _explicit(reading):
        references, notes = (), ()
    asked_as = reading.acts.get(intent)
    if asked_as is not None and len(asked_as.group()) < 30 and u.is_open(*asked_as.span()):
        u.take(*asked_as.span())
    wishes.read_filler(u, reading.words)
    u.take_all(_ABOUT)
    wish = wishes.rest(u)
    if not references or notes == ("guessed_reference",):
        named = _named(reading, intent, wish)
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


_POLICY = re.compile(
    r"\b(?:ship(?:ping|ped|s)?|deliver(?:y|ed|s|ies)?|returns?|refunds?|exchange|policy|policies|payments?|pay with|paypal|credit cards?|invoice|vouchers?|coupons?|discounts?|promo\w*|opening hours|store hours)\b|送货|发货|配送|快递|退货|退换|换货|退款|付款|支付|发票|运费|包邮|优惠|折扣|打折"
)
"""Questions to the shop rather than about a product."""


_MOST_NAMED = 4
"""A name that this many products share (sizes of one model) still answers a question."""


def _explicit(reading: _Reading) -> bool:
    return any(r.product_ids and r.note is None for r in reading.references)


def _named(reading: _Reading, intent: Intent, wish: str) -> tuple[str, ...]:
    """Return products of the whole store that the left-over words name unambiguously."""
    if intent not in _FINDS_TITLES:
        return ()
    found: list[str] = []
    most = _MOST_NAMED if intent in {"question", "why_not", "similar", "better"} else 1
    for phrase in re.split(r"\b(?:and|vs\.?|versus|with|or|from|to)\b|[,和跟与]|还是", fold(wish)):
        rows = reading.words.titled(phrase.strip()) or reading.words.named(phrase)
        if 0 < len(rows) <= most:
            found += [reading.words.catalogue.product_ids[row] for row in sorted(rows)]
    return tuple(dict.fromkeys(found))


def _attribute(reading: _Reading) -> str | None:
    """Return what a question is about: an attribute the shop names, else a general concept."""
    low, products = (
        _WHO_SAYS.sub(lambda m: " " * len(m.group()), reading.u.low),
        _spoken_products(reading),
    )
    for mention in reading.words.mentions(low):
        names = mention.of("attribute")
        if names and not mention.of("category") and low[mention.start : mention.end] not in STOP:
            return names[0].name
    for concept in ("price", "stock", "rating", "brand"):
        if _CONCEPTS[concept].search(low):
            return concept
    for concept, pattern in _CONCEPTS.items():
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


_WHO_SAYS = re.compile(
    r"\b(?:do|did|have) (?:the )?(?:other )?(?:people|reviewers|customers|buyers|others|owners|users)\b"
)
_ANOTHER = re.compile(r"\b(?:another|one more)\b|再(?:来|加)一")


def _quantity(reading: _Reading) -> int | None:
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


_ABOUT = re.compile(
    r"\b(?:add|put|throw|place|remove|delete|take|drop|get rid|buy|order|why|not|no|didn't|don't|isn't|did|you|recommend\w*|suggest\w*|show(?:ing|n)?|pick(?:ed)?|choose|chosen|include[d]?|compare[d]?|comparison|differences?|differ|between|vs|versus|tell|about|more|which|better|what|how|much|many|does|do|is|are|can|will|was|has|have|my|cart|basket|trolley|order|i|i'll|want|say|people|reviews?)\b"
    r"|加入|放进|加到|放到|添加|购物车|删掉|删除|移除|去掉|拿掉|为什么|为啥|怎么|没有|不|推荐|显示|选|给我|比较|对比|一下|区别|差别|哪个|什么|有|多少|怎么样|大家|觉得|评价|把|从|吗|要"
)


def _take_acts(reading: _Reading, intent: Intent) -> None:
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


_TAKES_ITS_WORDS = ("goes_with", "goes_with_cart", "better", "similar", "more", "count", "bundle")
_NEEDS = re.compile(
    r"\b(?:what|anything|something) else(?: (?:do|would|should|will|might|could) i)?(?: also)?(?: (?:need|want|get|buy))?\b"
    r"|\bwhat (?:do|would|should|will|might) i (?:also |still |otherwise )?(?:need|want|get|buy)\b|\bi(?:'d| will| would|'ll)? (?:also )?need\b"
    r"|大家|别人|其他人|人们|(?:我)?还(?:需要|要|得|该|应该|可以|能|缺)(?:再)?(?:买|配|准备|带|添|加)?(?:点|些|置)?(?:什么|啥|哪些|别的)?"
)
_SECOND_QUESTION = re.compile(
    r"(?<=[a-z\u3400-\u9fff])[,?;.]\s*(?:and )?(?:what|which|how|does|is|do|配什么|用什么|什么|怎么).*$"
)


def _read_conditions(reading: _Reading, intent: Intent) -> bool:
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
    constraints.read_excluded(u, words, reading.references, said, this_brand=brand)
    for reference in reading.references:
        if u.is_open(reference.start, reference.end) and reference.how != "brand":
            u.take(reference.start, reference.end)
    _take_superlative(reading)
    if intent in {"superlative", "count"}:
        u.take_all(_ASKED)
    constraints.read_sizes(u, words, said)
    trial = Utterance(u.text)
    trial.open = u.open
    wishes.read_filler(trial, words)
    near = [e.name for m in wishes.heads(trial, words) for e in m.of("category")]
    scope = near or reading.conversation.constraints.categories
    if intent != "bundle":  # "for two" is no condition on every part
        constraints.read_measures(u, words, scope, said)
    constraints.read_brands(u, words, said)
    constraints.read_values(u, words, scope, said)
    wishes.read_filler(u, words)
    said.categories = list(
        dict.fromkeys(e.name for m in wishes.heads(u, words) for e in m.of("category"))
    )
    reading.wish = wishes.rest(u)
    return bool(said.categories) and not _same_categories(reading)


def _brand_of_it(reading: _Reading) -> str | None:
    ids, _ = spoken_of(reading.conversation, reading.words)
    product = reading.words.product(ids[0]) if ids else None
    return product.brand if product else None


def _read_anchor(reading: _Reading, intent: Intent) -> tuple[str | None, bool]:
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
    only_known = "goes_with" not in reading.acts
    anchor, bought = wishes.read_anchor(trial, reading.words, only_known=only_known)
    taken = [i for i in range(len(trial.open)) if trial.open[i] != reading.u.open[i]]
    if anchor and any(r.start <= i < r.end for r in pointing for i in taken):
        return None, bought
    reading.u.open = trial.open
    return anchor, bought


_INCLUDES = re.compile(
    r"(?:\b(?:include|including|includes|contain|containing|with|keep|must have|around|plus)\b|包含|包括|带上?|加上|要有|必须有|有)[^,.]{0,12}$"
)


def _read_bundle_parts(reading: _Reading, intent: Intent) -> None:
    """In a bundle, what is pointed at belongs to it ("with the second one")."""
    if intent == "bundle" or reading.conversation.offer_kind == "bundle":
        for reference in reading.references:
            before = reading.u.open[: reference.start]
            if not reference.product_ids or reference.note:
                continue
            negated = re.search(r"(?:\bnot\b|\bwithout\b|\bno\b|不要|除了)[^,.]{0,8}$", before)
            if not negated and (intent == "bundle" or _INCLUDES.search(before)):
                reading.said.must_include += reference.product_ids


def _take_superlative(reading: _Reading) -> None:
    u = reading.u
    for pattern in (_SUPERLATIVES, _COMPARATIVES):
        for match in u.find_all(pattern):
            if not _LIGHTER_FUEL.match(u.open, match.end()):
                u.take(*match.span())


def _same_categories(reading: _Reading) -> bool:
    conversation = reading.conversation
    before = set(conversation.constraints.categories)
    if not before:
        before = {
            e.name
            for m in reading.words.mentions(fold(conversation.wish))
            for e in m.of("category")
        }
    return bool(before & set(reading.said.categories))


def _has_goal(conversation: Conversation) -> bool:
    return bool(conversation.wish or conversation.shown or conversation.anchors)


def _same_goal(reading: _Reading) -> bool:
    return (
        _has_goal(reading.conversation)
        and bool(reading.said.categories)
        and _same_categories(reading)
    )


def _refines(reading: _Reading) -> bool:
    """Whether a message without another category goes on with the present goal."""
    if not _has_goal(reading.conversation):
        return not reading.wish and bool(
            reading.money.relative or reading.money.removed or reading.said.dropped
        )
    if not reading.wish:
        return True
    low = reading.u.low
    if reading.said.categories or _only_properties(reading):
        return True
    return _REFINES.search(low) is not None and not _SEEKS.search(low)


def _only_properties(reading: _Reading) -> bool:
    """Whether the wish is nothing but values and attributes ("waterproof")."""
    wish = fold(reading.wish)
    found = reading.words.mentions(wish)
    covered = sum(m.end - m.start for m in found if m.of("value") or m.of("attribute"))
    return covered > 0 and covered >= len(wish.replace(" ", ""))


def _joined(reading: _Reading, intent: Intent, *, fresh: bool, low: str) -> Constraints:
    conversation = reading.conversation
    held = conversation.constraints
    if intent in {"goes_with", "goes_with_cart"}:
        fresh = conversation.offer_kind != "cross_sell" or bool(reading.anchor)
    elif intent == "bundle":
        fresh = conversation.offer_kind != "bundle"
    elif intent in {"superlative", "count"}:
        fresh = bool(reading.said.categories) or _GENERIC.search(reading.u.low) is not None
    elif intent in {"similar", "better", "more"}:
        fresh = bool(reading.said.categories) and not _same_categories(reading)
    append = re.search(r"^\W*(?:or|also|and)\b|也|或者|还有", reading.u.low) is not None
    now = constraints.merge(held, reading.said, fresh=fresh, append_brands=append)
    if (
        fresh
        and held.total_max is not None
        and conversation.offer_kind not in {"bundle", "cross_sell"}
    ):
        now = now.model_copy(update={"total_max": held.total_max})
    return _with_money(reading, intent, now, low)


def _with_money(reading: _Reading, intent: Intent, now: Constraints, low: str) -> Constraints:
    conversation, words = reading.conversation, reading.words
    money = reading.money
    in_bundle = intent == "bundle" or (intent == "refine" and conversation.offer_kind == "bundle")
    if not in_bundle and not (money.items_min and _is_total(reading, intent, low)):
        money = replace(money, items_min=None, items_max=None)
    total = _is_total(reading, intent, low) and (
        intent not in {"search", "refine"} or in_bundle or _said_total(reading)
    )
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
    return constraints.merge_money(
        now, money, total=total, per_item=not in_bundle, prices=prices, looked_at=looked_at
    )


def _said_total(reading: _Reading) -> bool:
    return (
        re.search(
            r"\btotal|altogether|all together|overall|combined|in all\b|总|一共|合计|加起来|共计",
            reading.u.low,
        )
        is not None
    )


def _is_total(reading: _Reading, intent: Intent, low: str) -> bool:
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


def _pointed_at(reading: _Reading, intent: Intent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the product ids that count for the intent, and notes about them."""
    used = reading.references
    if intent in {"search", "refine", "superlative", "count", "more"}:
        used = [r for r in used if r.how in {"place", "described", "title"} or _than(reading, r)]
    if (
        intent in {"compare", "cart_add", "question", "why", "why_not", "cart_remove"}
        and len(used) > 1
    ):
        sure = [r for r in used if r.note != "guessed_reference"]
        used = sure or used
        if (
            any(r.how in {"place", "title", "described", "brand"} for r in used)
            and intent != "compare"
        ):
            used = [r for r in used if r.how not in {"pronoun", "all"}] or used
    excluded = set(reading.said.exclude)
    ids = [p for r in used for p in r.product_ids if p not in excluded]
    notes = [r.note for r in used if r.note]
    if intent in {"cart_add", "cart_remove"} and "guessed_reference" in notes:
        return (), ("ambiguous_reference",)
    if (
        intent == "cart_add"
        and _SOME_OF.search(reading.u.low)
        and not any(r.how == "place" for r in used)
    ):
        found, note = spoken_of(reading.conversation, reading.words)
        return (found, ()) if note is None and found else ((), ("ambiguous_reference",))
    if not ids and intent == "compare" and not notes and reading.conversation.shown:
        ids = [
            s.product_id
            for s in reading.conversation.shown
            if s.product_id in reading.words.catalogue
        ]
    bare_add = intent in {"cart_add", "cart_remove"} and not notes
    if (
        not ids
        and not notes
        and (intent in _POINTS_BY_DEFAULT or bare_add)
        and not reading.anchor
        and not _names_a_thing(reading)
    ):
        found, note = spoken_of(reading.conversation, reading.words)
        if note is None or intent not in {"cart_add", "cart_remove"}:
            ids, notes = list(found), [note] if note else []
        else:
            notes = ["ambiguous_reference"]
    return tuple(dict.fromkeys(ids)), tuple(notes)


_SOME_OF = re.compile(
    r"\b(?:\d+|one|two|three|four|five|a couple|another|one more) of (?:it|them|these|those|this|that)\b"
)


def _than(reading: _Reading, reference: Reference) -> bool:
    return (
        re.search(r"(?:\bthan|\blike|\bas|比|像)\s*$", reading.u.low[: reference.start]) is not None
    )


def _names_a_thing(reading: _Reading) -> bool:
    return any(m.of("category") or m.of("brand") for m in reading.words.mentions(reading.u.open))
