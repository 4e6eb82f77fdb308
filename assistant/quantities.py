"""Finds every number a reader would see: digits, words, Chinese numerals, each with its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from assistant.formatting import MONTHS, SIGNS

Unit = Literal["money", "percent", "times", "date", "plain"]

WORDS: dict[str, int] = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9,
    "dozen": 12, "dozens": 12, "score": 20, "scores": 20, "hundreds": 100, "thousands": 1000,
    "millions": 10**6, "once": 1, "single": 1, "twice": 2, "double": 2, "doubled": 2,
    "doubles": 2, "pair": 2, "couple": 2, "thrice": 3, "triple": 3, "trio": 3,
    "quadruple": 4, "half": 2, "halves": 2, "halved": 2, "quarter": 4, "quarters": 4,
    "second": 2, "third": 3, "thirds": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10,
}  # fmt: skip
"""Number words. "one" and "both" are not among them: pronouns first ("the dearer one")."""
HAN = {
    "零": 0, "〇": 0, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8,
    "九": 9, "十": 10, "百": 100, "千": 1000, "万": 10000, "亿": 10**8, "半": 2, "双": 2,
    "俩": 2, "仨": 3, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8,
    "玖": 9, "拾": 10, "佰": 100, "仟": 1000, "廿": 20, "卅": 30,
}  # fmt: skip
"""Chinese numerals. "一" is not among them: 一起, 一样, 一款 count nothing."""
DIGITS = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
PATTERN = re.compile(
    rf"(?P<sign>[{''.join(sorted(set(SIGNS.values())))}])\s?(?P<money>{DIGITS})"
    rf"|(?P<percent>{DIGITS})\s?(?:[%％]|percent\b|per\scent\b)"
    rf"|(?P<times>{DIGITS})\s?(?:times\b|×|x\b|倍)"
    rf"|(?P<day>[0-9]{{1,2}}) (?P<month>{'|'.join(MONTHS)}) (?P<year>[0-9]{{4}})"
    r"|(?P<zyear>[0-9]{4})年(?P<zmonth>[0-9]{1,2})月(?P<zday>[0-9]{1,2})日"
    rf"|(?P<coded>{DIGITS})\s(?P<code>(?-i:[A-Z]{{3}}))\b"
    rf"|(?P<plain>{DIGITS})"
    rf"|\b(?P<word>{'|'.join(WORDS)})\b"
    rf"|(?P<han>[{''.join(HAN)}一]*[{''.join(HAN)}][{''.join(HAN)}一]*)",
    re.IGNORECASE,
)
OTHER_DIGITS = re.compile(r"(?![0-9])[\d\u00bc-\u00be\u2150-\u218b\u2460-\u249b\u2070-\u2089²³¹]")
"""Digits of other scripts, fractions, circled and raised digits: never ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number in a text."""

    value: str
    """The number without sign and separators; a date in ISO form; "?" if it cannot be read."""
    unit: Unit
    text: str
    start: int
    end: int
    currency: str | None = None
    """Money only: the sign or the code as written."""


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text in reading order."""
    found = [_quantity(match) for match in PATTERN.finditer(text)]
    found += [
        Quantity(value="?", unit="plain", text=m[0], start=m.start(), end=m.end())
        for m in OTHER_DIGITS.finditer(text)
        if not any(q.start <= m.start() < q.end for q in found)
    ]
    return sorted(found, key=lambda q: q.start)


def _quantity(match: re.Match[str]) -> Quantity:
    value, unit = _read(match.groupdict())
    return Quantity(
        value=value,
        unit=unit,
        text=match[0],
        start=match.start(),
        end=match.end(),
        currency=match["sign"] or match["code"],
    )


def _read(g: dict[str, str]) -> tuple[str, Unit]:
    """Return the value and the unit of one match."""
    if g["money"] or g["coded"]:
        return plain(g["money"] or g["coded"]), "money"
    if g["percent"]:
        return plain(g["percent"]), "percent"
    if g["times"]:
        return plain(g["times"]), "times"
    if g["day"]:
        month = [m.casefold() for m in MONTHS].index(g["month"].casefold()) + 1
        return f"{g['year']}-{month:02d}-{int(g['day']):02d}", "date"
    if g["zyear"]:
        return f"{g['zyear']}-{int(g['zmonth']):02d}-{int(g['zday']):02d}", "date"
    if g["plain"]:
        return plain(g["plain"]), "plain"
    if g["word"]:
        return str(WORDS[g["word"].casefold()]), "plain"
    return _han(g["han"]), "plain"


def plain(number: str) -> str:
    """Return a canonical form: no separators, no trailing zeros ("1,450.00" → "1450")."""
    value = Decimal(number.replace(",", ""))
    return f"{value.normalize():f}"


def _han(text: str) -> str:
    """Return a short Chinese numeral's value ("三" → 3, "十二" → 12); "?" for others."""
    total, digit = 0, 0
    for character in text:
        value = HAN.get(character, 1)
        if value in (10, 100, 1000):
            total += (digit or 1) * value
            digit = 0
        elif value >= 10_000:
            return "?"
        else:
            digit = value
    return str(total + digit)
