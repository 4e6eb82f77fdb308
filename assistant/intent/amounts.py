# ruff: noqa: E501, SIM905
"""Money in a message: how much, up to or from, for one thing or for all.

Numbers with a unit are no money (`measures`); a bare number is money only beside a word that makes
it so ("under fifty", 500以内). "Around 50" is 40 to 60 (20 % either way). A bare "$50" is a ceiling.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from assistant.intent.measures import measures
from assistant.intent.numerals import Number, numbers
from assistant.intent.utterance import TAKEN, Utterance

AROUND = Decimal("0.2")
"""Share by which "around" reaches below and above."""
_MOST_AMOUNTS = 8
"""More in one message are not read."""
_SMALLEST_BARE = 20
"""A bare number below this is no price after "for" or before another noun."""

Relative = Literal["cheaper", "much_cheaper", "half", "dearer"]


@dataclass(slots=True)
class Money:
    """What a message says about money. Only what was said is set."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    last: Decimal | None = None
    """A new value for whatever amount was said last ("make it 80")."""
    wrong: Decimal | None = None
    """What `last` corrects ("180, not 80")."""
    is_total: bool = False
    """Said outright ("in total", 预算)."""
    removed: bool = False
    """"Forget the budget": no limits any more."""
    relative: Relative | None = None
    items_min: int | None = None
    items_max: int | None = None
    currencies: list[str] = field(default_factory=list)
    """ISO codes said, where the words name one."""


_PREFIXES = {
    "us$": "USD", "hk$": "HKD", "nt$": "TWD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD",
    "$": "$", "¥": "¥", "€": "EUR", "£": "GBP", "usd": "USD", "cny": "CNY", "rmb": "CNY",
    "eur": "EUR", "gbp": "GBP", "hkd": "HKD", "jpy": "JPY", "人民币": "CNY", "美元": "USD",
}  # fmt: skip
_SUFFIXES = {
    "dollars": "$", "dollar": "$", "bucks": "$", "buck": "$", "usd": "USD", "euros": "EUR",
    "euro": "EUR", "eur": "EUR", "pounds": "GBP", "pound": "GBP", "quid": "GBP", "gbp": "GBP",
    "rmb": "CNY", "cny": "CNY", "yuan": "CNY", "yen": "JPY", "jpy": "JPY", "块钱": "", "块": "",
    "元钱": "", "元人民币": "CNY", "元": "", "人民币": "CNY", "美元": "USD", "美金": "USD",
    "美刀": "USD", "刀": "USD", "欧元": "EUR", "英镑": "GBP", "欧": "EUR", "港币": "HKD", "日元": "JPY",
    "€": "EUR", "£": "GBP", "$": "$", "¥": "¥",
}  # fmt: skip
_DOLLARS = frozenset({"USD", "AUD", "CAD", "HKD", "TWD", "SGD", "NZD"})
_YENS = frozenset({"CNY", "JPY"})
_PREFIX = re.compile(
    "(?:" + "|".join(re.escape(p) for p in sorted(_PREFIXES, key=len, reverse=True)) + r")\s?$"
)
_SUFFIX = re.compile(
    r"\s?(?:" + "|".join(re.escape(s) for s in sorted(_SUFFIXES, key=len, reverse=True))
    + r")(?![a-z])"
)  # fmt: skip

N = r"(?P<n>[\ue000-\ue7ff])"
M = r"(?P<m>[\ue000-\ue7ff])"
_ANY = r"[\ue000-\ue7ff]"
_NOT_EN = r"(?:\bno|\bnot|\bnothing|\bnever|n't|\bwithout)\b[a-z' ]{0,30}?"
_MORE = r"(?:over|above|beyond|exceed(?:ing)?|(?:more|higher|dearer|costlier|pricier)(?: expensive)? than)"
_LESS = r"(?:under|below|less(?: expensive)? than|lower than|cheaper than)"
_AT_MOST_EN = r"(?:at most|up to|max(?:imum)?(?: of)?|no more than|not more than|under|keep it to)"
_AT_LEAST_EN = r"(?:at least|min(?:imum)?(?: of)?|no less than)"
_AT_MOST_ZH = r"(?:最多|至多|不超过|不要超过|别超过|不多于)"
_AT_LEAST_ZH = r"(?:至少|最少|起码|不少于)"
_FILL = (
    r"(?: ?(?:was|were|now|be|would be|around|about|a|the|of|is|at|:|=|only|maybe|like|say))*\s*"
)

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("items", rf"(?:{_AT_MOST_EN} |{_AT_LEAST_EN} |exactly |just )?{N}[ -]?(?:items?|things?|products?|pieces?|articles?|pcs)\b(?: (?:at most|max(?:imum)?|or (?:less|fewer)))?"),
        ("items", rf"(?:{_AT_MOST_ZH}|{_AT_LEAST_ZH})?{N}\s?(?:件套|样东西|件东西|件商品|样商品|个东西|件产品|种东西|件(?=[\s,.\x1f]|$|以)|样(?=[\s,.\x1f]|$|以))(?:以内|以下)?(?:就好|就行|吧)?"),
        ("range", rf"(?:\b(?:between|from|in the range(?: of)?|anywhere from|priced?)\b|在|从)?\s*{N}\s*(?:-|~|\bto\b|\bup to\b|到|至)\s*{M}\s*(?:之间|区间|价位|左右)?"),
        ("max", rf"{N}\s*(?=in total\b|altogether\b|total\b|all in\b|overall\b)"),
        ("range", rf"\bbetween {N} (?:and|&) {M}"),
        ("range", rf"(?:在|介于)?{N}(?:和|与|跟){M}之间"),
        ("range", rf"{_MORE} {N} (?:and|but) {_LESS} {M}"),
        ("correct", rf"(?:\b(?:i (?:meant|mean|wanted)|make (?:it|that)|it'?s|rather|should be|is) )?(?:under |to |up to |at most )?{N},? (?:and )?(?:not|instead of|rather than) {M}"),
        ("correct", rf"\bnot {M}[,;:]? ?(?:but|i (?:meant|mean)|it'?s|rather|make (?:it|that)|sorry)? ?{N}"),
        ("correct", rf"(?:应该|我说的|其实|而)*(?:是|为)?{N}(?:以内)?[,;]?\s?(?:而)?不是{M}(?:以内)?"),
        ("correct", rf"不是{M}(?:以内)?[,;]?\s?(?:而|应该|我说的)*(?:是|为){N}(?:以内)?"),
        ("last", rf"\bi (?:meant|mean) (?:under |up to )?{N}"),
        ("last", rf"(?:\bmake (?:it|that)|\bchange (?:it|that|the (?:budget|price|limit))? ?to|\blet'?s say|\bsay|\brather|\b(?:raise|increase|bump|lower|reduce|drop|cut|extend|stretch|push)(?: it| that| the budget| my budget| the limit| the price)?(?: up| down)? to|\bgo (?:up|down|as high as)(?: to)?) ?(?:to |like |about )?{N}(?: instead| then| is fine| please)?"),
        ("last", rf"\b(?:actually|instead|rather|no),? {N}(?= *(?:$|[,.!?]|instead|is |would |please|then|max))(?: (?:is|would be|should be))?(?: (?:fine|ok(?:ay)?|alright|good|instead|then))?"),
        ("last", rf"{N}(?:'s| is| would be| should be| will)? (?:also |totally |perfectly |absolutely |still )?(?:fine|ok(?:ay)?|alright|all right|acceptable|instead|works|do)(?: too| then| as well)?\b"),
        ("last", rf"(?:改成|改为|改到|换成|变成|调到|调成|提高到|提到|加到|增加到|升到|降到|降低到|放宽到|那就|还是|其实|就){N}(?:以内|以下)?(?:也行|也可以|都行|可以|吧|好了)*"),
        ("last", rf"{N}(?:以内|以下)?(?:也行|也可以|也成|都可以|都行|可以接受|也能接受|可以|也ok|吧)"),
        ("max", rf"{_NOT_EN}\b{_MORE}\s*{N}"),
        ("min", rf"{_NOT_EN}\b{_LESS}\s*{N}"),
        ("max", rf"(?:\b(?:under|below|beneath|less(?: expensive)? than|lower than|cheaper than|up to|upto|at (?:the )?most|max(?:imum)?\.?|no more(?: expensive)? than|within|inside|not exceeding|capped at|limit(?:ed)?(?: to)?|cap|(?:can|could|will|want to|only|to|'ll) (?:only )?spend|afford|got)\b|<=?|≤|\bbudget\b){_FILL}{N}"),
        ("max", rf"(?:(?<!不)低于|(?<!不)少于|不超过|不高于|不多于|(?<!不)小于|别超过|不要超过|不能超过|不超|最多|至多|最高|顶多|上限|不到|便宜于|控制在|预算(?:大概|大约|差不多|只有|有|是|为|在|:)*)\s*{N}(?:块|元)?(?:以内|以下|之内|之下|左右|内)?"),
        ("max", rf"{N}\s*(?:or (?:less|under|below|cheaper|lower)|and (?:under|below|less)|max(?:imum)?\b|tops\b|at (?:the )?most|budget\b|limit\b|的?预算|以下|以内|之内|之下|封顶|内(?=[\s,.的买]|$))"),
        ("min", rf"(?:\b(?:{_MORE[3:-1]}|at least|min(?:imum)?\.?(?: of)?|starting (?:at|from)|no less than|upwards of|no cheaper than)\b|>=?|≥){_FILL}{N}(?: (?:and|or) (?:up|above|more|over))?"),
        ("min", rf"(?:高于|超过|大于|多于|至少|不低于|不少于|不小于|最少|起码|最低|贵于)\s*{N}(?:以上)?"),
        ("min", rf"(?:\bfrom )?{N}\s*(?:and (?:up|above|over|more|upwards)|or (?:more|above|over|higher|up)|\+|upwards?\b|up\b|以上|起步|起(?!来)|往上|朝上|之上|开外)"),
        ("around", rf"(?:\b(?:around|about|roughly|approx(?:imately|\.)?|circa|close to|near|nearly|in the region of)\b|~|大约|大概|差不多|约|将近|接近)\s*(?:a |the )?{N}(?:左右|上下)?"),
        ("around", rf"{N}(?:-?ish\b| or so\b| or thereabouts\b| give or take\b|\s?(?:左右|上下|附近|前后|来块钱?|来元|多块钱?|多元|多))"),
        ("for", rf"\b(?:for|at|with|spend|costs?|i have|i've got)\s*(?:only |just )?{N}(?: to spend)?"),
        ("alone", rf"^\W*{N}\W*(?:please\W*)?$"),
        ("bare", N),
    )
)  # fmt: skip
_TOTAL = re.compile(
    r"\b(?:in |as a |for a |a )?(?:grand )?total(?: of)?\b|\baltogether\b|\ball[- ]together\b|\boverall\b|\bcombined\b"
    r"|\ball-in(?:clusive)?\b|\ball inclusive\b|(?<!\bthem )(?<!\bthese )(?<!\bthose )\ball in\b(?! (?:my|the|your|a)\b)|\bin all\b|\bfor (?:everything|all(?: of)?(?: it| them| these| those| three| four)?|the lot)\b"
    r"|\bmy (?:whole |total )?budget\b|\bbudget\b|总共|一共|总价|总预算|合计|加起来|全部加(?![入到进放上购])|总计|共计|预算"
)
_EVERYTHING = re.compile(r"\beverything (?:for|under|within|below)\b")
_REMOVED = re.compile(
    r"\b(?:forget|ignore|drop|remove|lift|skip|never mind|scrap|without|no)(?: about)?(?: the| my| any| a)?(?: price| spending| budget)? ?(?:budget|limits?|price (?:limit|range|cap)|price|cap)\b(?! of)"
    r"|\b(?:any price|price (?:doesn'?t|does not|isn'?t|is not|is no) (?:matter|important|an? (?:issue|problem|object|concern)|issue|object|problem)|money (?:is no object|doesn'?t matter|is not an issue)|cost (?:doesn'?t matter|is no object|isn'?t an issue)|whatever (?:it costs|the price|the cost)|no (?:matter|limit on) (?:the |what )?(?:price|cost|it costs)|i don'?t (?:care|mind)(?: about)?(?: the)? (?:price|cost|budget))\b"
    r"|\b(?:more expensive|dearer|pricier|expensive ones?|a higher price|higher prices?)(?: ones?)?(?: is| are|'s)? (?:also |perfectly |totally )?(?:fine|ok(?:ay)?|alright|good|possible|acceptable)\b|\b(?:can|could|may|might) (?:also )?(?:be|cost) (?:a bit |a little )?more(?: expensive)?\b"
    r"|(?:不限|不看|不考虑|不管|忽略|取消|去掉|忘掉|别管)(?:价格|价钱|预算|价位)(?:限制|了)?|(?:价格|价钱|预算|价位)(?:不限|无所谓|不重要|不是问题|没关系|都行|随意|没有?限制|不设限)|(?:贵|贵一?点|贵一?些|更贵)(?:的)?(?:也行|也可以|也没关系|没关系|没事|也没事|也能接受|无所谓|都行|也成)|多少钱都(?:行|可以)|不差钱"
)
_CHEAPER = re.compile(
    r"\b(?:(?:something|anything|one|ones|some|any|a|an|bit|little|slightly|even|you have|make it|go|got|too|it|but|and) )*(?:(?P<much>(?:much|far|way|a lot|lots|significantly) )|(?:a (?:bit|little) |slightly |even |any )?)(?:cheaper|less expensive|more affordable|lower[- ]priced?|lower price|less (?:costly|pricey))(?: ones?| options?| alternatives?)?\b"
    r"|\b(?:(?:it'?s|that'?s|this is|they'?re|these are|those are|all|bit|a|little|is|are|way|far|still|much) )*too (?:expensive|dear|pricey|costly|much(?: money)?)\b|\bbetter (?:on )?price\b|\blower (?:the )?price\b|\bnot (?:so|too|that|as) (?:expensive|dear|pricey)\b|\btoo much for me\b|\bcan'?t afford (?:that|it|this|them|those)\b"
    r"|(?P<zhmuch>便宜(?:很多|得多|多了|不少)|太贵太贵)|(?:(?:有没有|有|要|来|换|再|更|找|能|能不能|可以)*(?:再|更)?便宜(?:一点|点|一些|些)(?:的|儿)?(?:吗|呢)?|(?:有没有|有|要|来|换)?更便宜(?:的)?|(?:都|有点|有些|还是)?太贵了?|贵了(?:点|些)?|(?:不要|别)太贵(?:的)?|价格低(?:一点|点|些)(?:的)?|(?:有点|有些)贵)"
)
_HALF = re.compile(
    r"\b(?:something |anything |one |ones )?(?:at |for |about )?half (?:(?:of )?(?:the|that|its|this) )?(?:price|as (?:much|expensive)|the cost)\b|\b50 ?(?:%|percent|per cent) (?:cheaper|less)\b"
    r"|半价(?:的)?|一半(?:的)?(?:价格|价钱|价)(?:的)?|便宜一半(?:的)?|对折(?:的)?"
)
_DEARER = re.compile(
    r"\b(?:more expensive|pricier|dearer|higher[- ]priced)(?: ones?| options?)?\b|贵一点的?|贵点的?|更贵的?"
)


def read_money(u: Utterance, limits: Sequence[tuple[int, int]] = ()) -> Money:
    """Read and take everything the message says about money and about how many things.

    `limits` are places of numbers that belong to something else ("r-value over 4").
    """
    money = Money()
    money.removed = u.take_all(_REMOVED)
    money.is_total = bool(u.find(_TOTAL) or u.find(_EVERYTHING))
    for _ in range(_MOST_AMOUNTS):
        if not _read_one(u, money, limits):
            break
    u.take_all(_TOTAL)
    if u.take_all(_HALF):
        money.relative = "half"
    elif match := u.find(_CHEAPER):
        if not _is_definite(u.open, match):
            money.relative = "much_cheaper" if match["much"] or match["zhmuch"] else "cheaper"
            u.take(*match.span())
    elif (match := u.find(_DEARER)) and not _is_definite(u.open, match):
        money.relative = "dearer"
    return money


def _is_definite(low: str, match: re.Match[str]) -> bool:
    """Whether "the cheaper one" or 便宜的那个 is meant: a reference, not a wish."""
    before, after = low[: match.start()], low[match.end() :]
    if re.search(r"\b(?:the|which|is|are|what)(?: one)?(?: is| are)?(?: the)? ?$", before):
        return True
    word = re.match(r"\s*(?:(?:的)?(?:那|这|哪)|的?第)", after)
    return word is not None


def _read_one(u: Utterance, money: Money, limits: Sequence[tuple[int, int]]) -> bool:
    """Read the first amount by the first rule that fits; return False when there is none."""
    amounts = _amounts(u, limits)
    skeleton, places = _skeleton(u.open, amounts)
    for kind, rule in _RULES:
        for match in rule.finditer(skeleton):
            first = amounts[ord(match["n"]) - 0xE000]
            second = amounts[ord(match["m"]) - 0xE000] if "m" in rule.groupindex else None
            if _fits(kind, first, second, skeleton, match):
                _apply(kind, first, second, skeleton, match, money)
                u.take(places[match.start()], places[match.end()])
                return True
    return False


@dataclass(frozen=True, slots=True)
class _Amount:
    number: Number
    start: int
    end: int
    currency: str | None
    """None without any currency word; "" for one that names no country (块)."""


def _amounts(u: Utterance, limits: Sequence[tuple[int, int]]) -> list[_Amount]:
    measured = [*limits, *((m.start, m.end) for m in measures(u.open))]
    found = []
    for number in numbers(u.open):
        prefix = _PREFIX.search(u.open, 0, number.start)
        suffix = _SUFFIX.match(u.open, number.end)
        currency = None
        if prefix:
            currency = _PREFIXES[prefix.group().strip()]
        elif suffix:
            currency = _SUFFIXES[suffix.group().strip()]
        alone = u.open[number.start : number.end] in {"一", "二", "两", "one"}  # 一起, 一下
        if currency is None and (alone or any(a <= number.start < b for a, b in measured)):
            continue
        start = prefix.start() if prefix else number.start
        end = suffix.end() if suffix else number.end
        found.append(_Amount(number, start, end, currency))
    return found[:0x700]


def _skeleton(low: str, amounts: list[_Amount]) -> tuple[str, list[int]]:
    """Return the text with one private character per amount, and each place's place in `low`."""
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for i, amount in enumerate(amounts):
        pieces.append(low[at : amount.start] + chr(0xE000 + i))
        places += [*range(at, amount.start), amount.start]
        at = amount.end
    pieces.append(low[at:])
    places += range(at, len(low) + 1)
    return "".join(pieces), places


_NEXT_WORD = re.compile(r"\s*-?([a-z]{2,})")
_GOES_ON = frozenset(
    "for in with and or please that per each total which on at if to because but including max maximum"
    " tops budget would is as thanks dollar apiece from by not no without i we my only one can could".split()
)  # fmt: skip


def _fits(
    kind: str, first: _Amount, second: _Amount | None, skeleton: str, match: re.Match[str]
) -> bool:
    said = first.currency is not None or (second is not None and second.currency is not None)
    value = first.number.value
    if kind == "items":
        return first.currency is None and 1 <= value <= 99 and value == int(value)
    if value <= 0 and kind != "range":
        return False
    if re.match(r"\s?(?:%|percent|折|% off)", skeleton[match.end() :]):
        return False
    if said or first.number.upper is not None:
        return True
    if kind == "bare":
        return False
    word = _NEXT_WORD.match(skeleton, match.end())
    noun_follows = word is not None and word[1] not in _GOES_ON
    before = skeleton[: match.start()]
    if kind == "range":
        explicit = not _ANY_START.match(match.group())
        return explicit or (not noun_follows and value >= 5) or "之间" in match.group()
    if kind in {"for", "alone"}:
        return value >= _SMALLEST_BARE and not noun_follows
    if kind in {"correct", "last"}:
        return not noun_follows and (kind == "correct" or value >= 5)
    if re.search(r"(?:size|尺码|码)\s*$", before):
        return False
    return not (noun_follows and value < _SMALLEST_BARE)


_ANY_START = re.compile(rf"\s*{_ANY}")


def _apply(
    kind: str,
    first: _Amount,
    second: _Amount | None,
    skeleton: str,
    match: re.Match[str],
    money: Money,
) -> None:
    low = first.number.value
    high = first.number.upper or low
    money.currencies += [a.currency for a in (first, second) if a is not None and a.currency]
    if kind == "items":
        _apply_items(int(low), match.group(), money)
    elif kind == "range" and second is not None:
        other = second.number.upper or second.number.value
        money.minimum, money.maximum = min(low, other), max(low, other)
    elif kind == "correct" and second is not None:
        money.last, money.wrong = high, second.number.value
    elif kind == "min":
        money.minimum = low
    elif kind == "around" or (high != low and kind in {"bare", "alone", "for"}):
        spread = AROUND if high == low else Decimal(0)
        money.minimum = _cents(low * (1 - spread))
        money.maximum = _cents(high * (1 + spread))
    elif kind in {"last", "alone"}:
        money.last = high
    else:
        money.maximum = high


_AT_MOST = re.compile(rf"{_AT_MOST_EN}|{_AT_MOST_ZH}|or (?:less|fewer)|以[内下]")
_AT_LEAST = re.compile(rf"{_AT_LEAST_EN}|{_AT_LEAST_ZH}")


def _apply_items(n: int, said: str, money: Money) -> None:
    if not _AT_LEAST.search(said):
        money.items_max = n
    if not _AT_MOST.search(said):
        money.items_min = n


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01")).normalize() + Decimal(0)


def foreign(currencies: list[str], store: str) -> list[str]:
    """Return the currencies said that cannot be the store's."""
    return [
        {"$": "USD", "¥": "CNY"}.get(c, c)
        for c in dict.fromkeys(currencies)
        if c and c != store and not (c == "$" and store in _DOLLARS)
        and not (c == "¥" and store in _YENS)
    ]  # fmt: skip


__all__ = ["AROUND", "TAKEN", "Money", "foreign", "read_money"]
