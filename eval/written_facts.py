"""Facts as they are written, and the values that records hold: read without the gate's code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from eval.shop_table import ShopTable

TAKEN = "\ue000"
MONEY_KEYS = frozenset(
    {
        "price", "list_price", "saving", "price_after", "difference", "total", "left", "budget",
        "price_this", "price_that", "price_max", "price_min", "total_max", "subtotal", "delivery",
        "saved", "to_pay", "gap", "spend", "over", "worth", "unwanted", "regret", "saves",
        "to_pay_before", "to_pay_after", "margin", "cheapest", "dearest",
    }
)  # fmt: skip
PERCENT_KEYS = frozenset({"confidence", "share", "low", "high"})
_N = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ENGLISH = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
CARDINALS = {w: n for n, w in enumerate(_ENGLISH)} | {w: 10 * n for n, w in enumerate(_TENS, 2)}
HAN = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "十": 10}
FACT = re.compile(
    rf"(?P<date>\d{{1,2}} (?:{'|'.join(_MONTHS)})[a-z]* \d{{4}}|\d{{4}}年\d{{1,2}}月\d{{1,2}}日"
    r"|\d{4}-\d{2}-\d{2})"
    rf"|(?P<money>[$€£¥]\s?(?:{_N})|(?:{_N})\s?(?:USD|EUR|GBP|CNY|JPY|dollars?|euros?|pounds?|元|块))"
    rf"|(?P<percent>(?:{_N})\s?(?:%|percent\b|per cent\b))"
    rf"|(?P<times>(?:{_N})\s?(?:times\b|×|x\b|倍))"
    r"|(?P<scale>(?:of|out of) 5\b(?! reviews)|(?:1 or 2|4 or 5|1–2|4–5)(?: stars?)?\b"
    r"|满分5分|(?:1或2|4或5|1–2|4–5)星)"
    r"|(?P<size>\d+(?:\.\d+)?\s?(?:kg|mg|g|ml|cl|l|km|cm|mm|m|kw|wh|w|mah|lm|oz|lbs?|inch(?:es)?|"
    r"liters?|litres?|升|克|千克|公斤|厘米|毫米|米|瓦|流明|人(?!购买)|寸)(?![A-Za-z])"
    r"|\bsize \d+\b(?!/)|尺码\s?\w+"
    r"|\b(?:XXS|XS|XL|XXL|XXXL)\b)"
    rf"|(?P<number>{_N})"
    r"|(?P<other>\b(?:half|halves|halved|twice|thrice|doubled?|doubles|tripled?|triples|quarters?|"
    r"dozens?|scores?|couple|pair|hundreds?|thousands?|millions?|billions?|first|second|third|"
    r"fourth|fifth|tenth)\b|半价|一半|半[个折]|[一二两三四五六七八九十几数][成折倍]|打折|第[一二三四五六七八九十]"
    r"|[百千万亿]|双倍|翻倍)"
    rf"|(?P<word>\b(?:{'|'.join(w for w in CARDINALS if w != 'one')})"
    rf"(?:[- ](?:{'|'.join(_ENGLISH)}))?\b"
    r"|\b(?:just|only) one\b|\bone (?:products?|reviews?|items?|pieces?|left)\b"
    r"|[二两三四五六七八九十零](?!者)[一二三四五六七八九十]*)"
    r"|(?P<none>\b(?:out of stock|sold out|not in stock|unavailable|back ?order\w*)\b"
    r"|缺货|售罄|断货|没有?现?货|无货)"
    r"|(?P<stock>\b(?:in stock|available now|left in the shop)\b"
    r"|\b(?:only|just|has) \S+ (?:of .* )?left\b"
    r"|有货|现货|现有库存|(?:仅剩|还剩|只剩|剩余)\s?\d+\s?件)"
    r"|(?P<day>\b(?:January|February|April|June|July|August|September|October|November|December"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|today|tomorrow|yesterday|tonight"
    r"|this week(?:end)?)\b|今天|明天|昨天|后天|星期.|周[一二三四五六日末]|本周|下周|\d+月)"
    r"|(?P<deal>\b(?:for free|is free|are free|free of charge|free (?:gift|shipping|delivery)"
    r"|discount\w*|coupons?|vouchers?|promo\w*|on sale|clearance|guarantee\w*|warranty|refunds?"
    r"|offer)\b|免费|赠送|白送|折扣|优惠|特价|清仓|保修|包邮)",
    re.IGNORECASE,
)
"""What counts as a fact in text that is no name: one group a sort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escape:
    """One fact on the screen that no cited record holds."""

    sort: str
    """Which sort of fact."""
    found: str
    """The fact as written."""
    where: str
    """The text it stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the cited records hold, by unit."""

    money: frozenset[Decimal]
    percent: frozenset[Decimal]
    plain: frozenset[Decimal]
    dates: frozenset[str]
    states: frozenset[str]
    """`in` and `out` of stock, `offer`, `rating`."""


def facts_beyond(text: str, values: Values, table: ShopTable, where: str) -> Iterator[Escape]:
    """Yield the facts of a text that the values do not hold."""
    for match in FACT.finditer(text):
        sort = str(match.lastgroup)
        if not _holds(sort, match[0], values):
            yield Escape(sort=sort, found=match[0], where=where)
    for sort, pattern in (("brand", table.brands), ("offer code", table.offer_ids)):
        for match in pattern.finditer(text):
            yield Escape(sort=sort, found=match[0], where=where)
    for name in table.names_in(text):
        yield Escape(sort="product", found=name, where=where)
    for character in text:
        if character.isalpha() and not character.isascii() and not "一" <= character <= "鿿":
            yield Escape(sort="letter", found=character, where=where)


def _holds(sort: str, written: str, values: Values) -> bool:
    """Whether the records hold a fact of this sort."""
    number = re.search(_N, written)
    amount = Decimal(number[0].replace(",", "")) if number else None
    match sort:
        case "money":
            return amount in values.money
        case "percent" | "times" | "number":
            return amount in (values.percent if sort == "percent" else values.plain)
        case "date":
            return _iso(written) in values.dates
        case "word":
            return _spelt(written) in values.plain
        case "none":
            return "out" in values.states
        case "stock":
            return "in" in values.states
        case "deal":
            return written.casefold() in ("offer", "优惠") and "offer" in values.states
        case "scale":
            return "rating" in values.states
    return False


def values_of(records: Sequence[Mapping[str, Any]]) -> Values:
    """Return the values of the records by unit."""
    found: dict[str, set[Any]] = {"money": set(), "percent": set(), "plain": set(), "dates": set()}
    states: set[str] = set()
    for record in records:
        data, kind = record["data"], record.get("kind", "")
        is_money = data.get("name") in MONEY_KEYS or kind == "total"
        for key, value in leaves(data):
            amount = decimal_of(str(value))
            if amount is not None:
                is_price = key in MONEY_KEYS or (is_money and key in ("value", "wanted", "actual"))
                unit = "percent" if key in PERCENT_KEYS else "money" if is_price else "plain"
                found[unit].add(amount)
            elif re.match(r"\d{4}-\d{2}-\d{2}", str(value)):
                found["dates"].add(str(value)[:10])
        states |= _states(kind, data)
    return Values(**{name: frozenset(v) for name, v in found.items()}, states=frozenset(states))


def _states(kind: str, data: Mapping[str, Any]) -> set[str]:
    """Return what a record lets be said in words: in or out of stock, an offer, a scale."""
    states = set()
    if kind == "stock":
        states.add("in" if data["stock"] else "out")
    if data.get("name") == "in_stock":
        states |= {"out", "in"}  # “not in stock, and you asked for what is”
    if data.get("in_stock") is not None:
        states.add("in")
    if kind == "offer" or (kind == "count" and data["label"] == "deals_none"):
        states.add("offer")  # none runs, which is said of offers too
    if kind in ("rating", "complaint", "disagreement") or data.get("name") in (
        "best_rated",
        "rating",
    ):
        states.add("rating")
    return states


def leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield every plain value of nested data with the name of its field."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, key if key == "prices" else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner, key)
    elif value is not None and not isinstance(value, bool):
        yield key, value


def decimal_of(text: str) -> Decimal | None:
    """Return the number that a text is; None if it is none."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _iso(written: str) -> str:
    """Return a date in ISO form."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        return written
    if "年" in written:
        year, month, day = (int(n) for n in re.findall(r"\d+", written))
    else:
        first, name, last = written.split()
        year, month, day = int(last), _MONTHS.index(name[:3].title()) + 1, int(first)
    return f"{year:04d}-{month:02d}-{day:02d}"


def _spelt(written: str) -> Decimal | None:
    """Return the value of a number in words."""
    words = [CARDINALS[w] for w in re.split(r"[- ]", written.casefold()) if w in CARDINALS]
    if words:
        return Decimal(sum(words))
    if "十" in written:
        tens, _, ones = written.partition("十")
        return Decimal(10 * HAN.get(tens or "一", 0) + HAN.get(ones or "零", 0))
    digits = [HAN.get(c) for c in written]
    return Decimal("".join(str(d) for d in digits)) if None not in digits else None
