# ruff: noqa: E501
"""Which intent a message has: the acts its words hold, weighed with what is shown and spoken of."""

from __future__ import annotations

import re

from assistant.intent import wishes
from assistant.intent.acts import find_acts
from assistant.intent.carting import named_in_cart
from assistant.intent.reading import (
    CONCEPT_PATTERNS,
    WHOLE_STORE,
    Reading,
    asks_which,
    find_superlative,
    is_superlative,
)
from assistant.intent.references import Reference
from assistant.intent.understanding import (
    Intent,
)
from assistant.intent.utterance import Utterance, fold

_BOUGHT_BEFORE = re.compile(
    r"\b(?:the|this|that|my) (?:[a-z]+ ){1,3}(?:i|we) (?:just |recently )?(?:bought|ordered|purchased|got)\b"
)
"""A complaint or question about a purchase ("the tent I bought leaks")."""
_FITS = re.compile(
    r"\b(?:fits?|works?|goes?|match(?:es)?|compatible|suits?|for)\b|适合|适配|兼容|配|能用|一起用"
)
_COUNT_ALONE = re.compile(
    r"(?:two|three|\d)\W*$|[加要来买拿][一二两三四五六七八九十\d]+(?:个|件|款|瓶|盒|袋|包|双|条|只|把|张|套|份|罐|台|顶)"
)
"""“Add two”, 来两个: of what is spoken of."""
_HELD = re.compile(
    r"\b(?:with |for )?(?:the|my|this) (?P<a>[^,.!?\x1f]+?) in (?:my|the) (?:cart|basket|trolley)\b"
    r"|(?:能)?(?:和|跟|与)?购物车(?:里|中)(?:面)?的(?P<b>[\u3400-\u9fffa-z ]+?)(?=能|可以|搭|配|一起|用|的|$|[,.!?])"
)
"""A line of the cart, named as such."""
_THE_CART = re.compile(r"\b(?:my|the)\b.*$|购物车|我的|我买")
_WHATS_GOOD = re.compile(
    r"\bwhat(?:'s| is| are|s)? (?:a |an |some |the |your )?(?:good|best|nice|great|decent)\b"
)
ABOUT = re.compile(
    r"\b(?:add|put|throw|place|remove|delete|take|drop|get rid|buy|order|why|not|no|didn't|don't|isn't|did|you|recommend\w*|suggest\w*|show(?:ing|n)?|pick(?:ed)?|choose|chosen|include[d]?|compare[d]?|comparison|differences?|differ|between|vs|versus|tell|about|more|which|better|what|how|much|many|does|do|is|are|can|will|was|has|have|my|cart|basket|trolley|order|i|i'll|want|say|people|reviews?)\b"
    r"|加入|放进|加到|放到|添加|购物车|删掉|删除|移除|去掉|拿掉|为什么|为啥|怎么|没有|不|推荐|显示|选|给我|比较|对比|一下|区别|差别|哪个|什么|有|多少|怎么样|大家|觉得|评价|把|从|吗|要"
)


def decide_intent(reading: Reading) -> Intent:
    """Return the intent: cart, then reasons, questions, offers, and a search if nothing else."""
    for decide in (_fit_intent, _cart_intent, _why_intent, _ask_intent, _offer_intent):
        intent = decide(reading)
        if intent is not None:
            return intent
    return _plain_intent(reading)


def _fit_intent(reading: Reading) -> Intent | None:
    """A question whether one thing pointed at works with another, or with the cart."""
    sure = [r for r in reading.references if r.product_ids and r.how not in {"all", "brand"}]
    if not any(r.how in {"place", "pronoun"} for r in sure) and (held := _what_fits(reading)):
        reading.references = [held]
        return "goes_with"
    if "fit" not in reading.acts or not sure or _asks_for_more(reading):
        return None
    several = len({p for r in sure for p in r.product_ids}) > 1
    in_cart = bool(reading.conversation.cart.lines)
    return "fit" if several or (in_cart and _THE_CART.search(reading.u.low)) else None


def _cart_intent(reading: Reading) -> Intent | None:
    acts = reading.acts
    if reading.cart_change is not None:
        return "cart_add" if reading.cart_change.kind == "more" else "cart_quantity"
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
        counted = _COUNT_ALONE.search(acts["cart_add"].group()) and reading.conversation.focus
        if names_cart or reading.references or counted:
            return "cart_add"
    return "cart_show" if "cart_show" in acts else None


def _why_intent(reading: Reading) -> Intent | None:
    if "why_not" in reading.acts:
        return "why_not"
    conversation = reading.conversation
    if "why" in reading.acts and (conversation.shown or conversation.focus or reading.references):
        return "why"
    return "question" if "why" in reading.acts else None


def _ask_intent(reading: Reading) -> Intent | None:
    """Compare, count, offers, superlative and questions about something pointed at."""
    acts, u = reading.acts, reading.u
    reading.superlative = find_superlative(reading)
    many = sum(len(r.product_ids) for r in reading.references) > 1
    if "compare" in acts and not (
        reading.superlative and not many and not reading.conversation.shown
    ):
        return "compare"
    if "count" in acts:
        return "count"
    if "deals" in acts and not any(r.product_ids for r in reading.references):
        return "deals"
    pointing = [r for r in reading.references if r.how != "all"]
    sides = {"extreme", "described"} if asks_which(u.open) else {"extreme"}
    about_store = all(r.how in sides for r in pointing)
    asks_store = about_store or WHOLE_STORE.search(u.low) is not None
    if reading.superlative and is_superlative(u.open) and "aux" not in acts and asks_store:
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


def _asks_for_more(reading: Reading) -> bool:
    """Tell "is there anything that goes with this?" from a question about one product."""
    if re.search(r"\b(?:wrong|bad|special|problems?|issues?)\b|问题|毛病", reading.u.open):
        return False
    return (
        re.search(
            r"\bis there\b|\bare there\b|\banything\b|\bsomething\b|有没有(?!货)|有什么(?!缺|优|问|颜|尺)|有.{1,12}(?:的|款)吗",
            reading.u.open,
        )
        is not None
    )


def _offer_intent(reading: Reading) -> Intent | None:
    acts = reading.acts
    if _BOUGHT_BEFORE.search(reading.u.low):
        return "question"
    if ("bundle" in acts and not _is_product_kit(reading)) or "件套" in reading.u.low:
        return "bundle"
    if "better" in acts and "worth" in acts["better"].group():
        return "better"
    is_search = _asks_which_one(reading) or _is_a_property(reading) or _names_another(reading)
    if "goes_with" in acts and not is_search:
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


def _what_fits(reading: Reading) -> Reference | None:
    """Return the line of the cart in "which tents fit the footprint in my cart?"."""
    low = reading.u.open
    held = _HELD.search(low) if _FITS.search(low) else None
    if held is None:
        return None
    ids = named_in_cart(held["a"] or held["b"], reading.conversation, reading.words)
    others = [m for m in reading.words.mentions(low) if not held.start() <= m.start < held.end()]
    reading.sought = tuple(dict.fromkeys(e.name for m in others for e in m.of("category")))
    if not ids or not reading.sought:
        return None
    reading.said.notes.append("fits_only")
    return Reference(start=held.start(), end=held.end(), product_ids=ids, how="title")


def _is_a_property(reading: Reading) -> bool:
    """Tell "stoves that work with butane", a search, from complements."""
    match = re.search(
        r"^(?!.*\b(?:my|this|it|these|the first|the second)\b).*?\b(?:that|which|compatible) ?(?:is |are |can |)?(?:compatible |works? |goes? |fits? |used? |be used )?(?:with|for|on)\b",
        reading.u.open,
    )
    if match is None or reading.references:
        return False
    return any(
        m.of("category") and m.end <= match.end() for m in reading.words.mentions(reading.u.open)
    )


def _names_another(reading: Reading) -> bool:
    """Tell "I also need poles", another wish, from "what else do I need?"."""
    match = reading.acts.get("goes_with")
    if match is None or not re.fullmatch(r"also (?:need|buy|get|require)", match.group()):
        return False
    return any(
        m.of("category") and m.start >= match.end() for m in reading.words.mentions(reading.u.open)
    )


def _is_only_quality(reading: Reading) -> bool:
    """Tell 防水好一点的帐篷, a wish, from a better one than something."""
    conversation, match = reading.conversation, reading.acts["better"]
    known = conversation.shown or conversation.focus or reading.references
    wished = any(m.of("category") for m in reading.words.mentions(reading.u.open))
    return wished and not known and not re.search("upgrad|worth|升级|值", match.group())


def _asks_which_one(reading: Reading) -> bool:
    """Tell 哪款炉头好？配什么燃料？, a search with a second question, from a complement."""
    low = reading.u.open
    found = re.search(r"哪(?:一)?(?:款|个|种)|\bwhich\b", low)
    return found is not None and any(
        m.of("category") and m.start == found.end() for m in reading.words.mentions(low)
    )


def _has_anchor(reading: Reading) -> bool:
    trial = Utterance(reading.u.text)
    return wishes.read_anchor(trial, reading.words, goes_with=True)[0] is not None


def _is_product_kit(reading: Reading) -> bool:
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


def _plain_intent(reading: Reading) -> Intent:
    """Questions without anything pointed at, small talk, and the rest: a search."""
    acts = reading.acts
    for act in ("no_thanks", "thanks", "greeting"):
        if act in acts and not _wishes_besides(reading, acts[act]):
            return act
    has_category = any(m.of("category") for m in reading.words.mentions(reading.u.open))
    shown = bool(reading.conversation.shown or reading.conversation.focus)
    asks = "ask" in acts and not (has_category and _is_request(reading))
    prices = (
        CONCEPT_PATTERNS["price"].search(reading.u.open) is not None and has_category and not shown
    )
    asks = asks and not prices and not _WHATS_GOOD.search(reading.u.open)
    if asks and (shown or acts["ask"].group() not in {"评价", "评论", "好评", "口碑"}):
        return "question"
    if "aux" in acts and has_category and not shown and _names_one(reading):
        return "question"
    if "aux" in acts and not has_category and shown and not _seeks_products(reading):
        return "question"
    return "search"


def _names_one(reading: Reading) -> bool:
    """Whether "is the Kettle stove any good?" names exactly one product of the store."""
    trial = Utterance(reading.u.text)
    trial.open = reading.u.open
    wishes.read_filler(trial, reading.words)
    trial.take_all(ABOUT)
    phrase = re.split(r"\b(?:with|for|in|to|on)\b", fold(wishes.rest(trial)))[0]
    return len(reading.words.titled(phrase)) == 1 or bool(reading.words.named(phrase))


def _is_request(reading: Reading) -> bool:
    return (
        re.search(
            r"\bwhat(?:'s| is| are)?(?: the| a)? (?:good|best|nice)\b|\b(?:which|what) [a-z]+(?: [a-z]+)? (?:is|are|would|should|do|for|fits?|works?|has|have|can|suits?|keeps?|you)\b|哪(?:一)?(?:款|个|种)|\bwhat .{1,30}(?:do you (?:have|recommend|sell)|should i|would you|have you)|\bhow about\b|\bwhat about\b|有什么|有哪些|推荐|哪些",
            reading.u.open,
        )
        is not None
    )


def _seeks_products(reading: Reading) -> bool:
    return (
        re.search(
            r"^\W*(?:有没有|有|能不能|可以|可不可以|能).{0,12}(?:便宜|推荐|看|找|换|更|别的|的吗|的么)|\bthere\b|\byou (?:have|sell)\b|便宜",
            reading.u.open,
        )
        is not None
    )


def _wishes_besides(reading: Reading, match: re.Match[str]) -> bool:
    trial = Utterance(reading.u.text)
    trial.open = reading.u.open
    trial.take(*match.span())
    if any(m.entries for m in reading.words.mentions(trial.open)):
        return True
    wishes.read_filler(trial, reading.words)
    money = reading.money
    said_money = money.maximum or money.minimum or money.last or money.relative
    return bool(said_money) or len(wishes.rest(trial)) > 24 or "ask" in find_acts(trial.open)
