"""Finds every number a reader would see: digits, words, Chinese numerals, each with its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from assistant.formatting import MONTHS

Unit = Literal["money", "percent", "times", "date", "plain"]

WORDS: dict[str, int] = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "thousand": 1000, "million": 10**6, "dozen": 12, "dozens": 12,
    "twice": 2, "double": 2, "thrice": 3, "triple": 3, "quarter": 4, "third": 3, "half": 2,
    "couple": 2, "hundreds": 100, "thousands": 1000,
}  # fmt: skip
HAN = {
    "零": 0, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
    "十": 10, "百": 100, "千": 1000, "万": 10000, "亿": 10**8, "半": 2, "双": 2, "倍": 0,
}  # fmt: skip
DIGITS = r"\d[\d,]*(?:\.\d+)?"
PATTERN = re.compile(
    rf"(?P<sign>[$€£¥])\s?(?P<money>{DIGITS})"
    rf"|(?P<percent>{DIGITS})\s?[%％]"
    rf"|(?P<times>{DIGITS})\s?(?:times\b|×|x\b|倍)"
    rf"|(?P<day>\d{{1,2}}) (?P<month>{'|'.join(MONTHS)}) (?P<year>\d{{4}})"
    r"|(?P<zyear>\d{4})年(?P<zmonth>\d{1,2})月(?P<zday>\d{1,2})日"
    rf"|(?P<plain>{DIGITS})"
    rf"|\b(?P<word>{'|'.join(WORDS)})\b"
    r"|(?P<han>[零两二三四五六七八九十百千万亿半双]+)",
    re.IGNORECASE,
)
OTHER_DIGITS = re.compile(r"(?![0-9])[\d\u00bc-\u00be\u2150-\u218b\u2460-\u249b\u2070-\u2089²³¹]")
"""Digits of other scripts, fractions, circled and raised digits: never ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number in a text."""

    value: str
    """The number without sign and separators; a date in ISO form."""
    unit: Unit
    text: str


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text in reading order."""
    found = []
    for match in PATTERN.finditer(text):
        g = match.groupdict()
        whole = match[0]
        if g["money"]:
            found.append(Quantity(value=plain(g["money"]), unit="money", text=whole))
        elif g["percent"]:
            found.append(Quantity(value=plain(g["percent"]), unit="percent", text=whole))
        elif g["times"]:
            found.append(Quantity(value=plain(g["times"]), unit="times", text=whole))
        elif g["day"]:
            month = [m.casefold() for m in MONTHS].index(g["month"].casefold()) + 1
            iso = f"{g['year']}-{month:02d}-{int(g['day']):02d}"
            found.append(Quantity(value=iso, unit="date", text=whole))
        elif g["zyear"]:
            iso = f"{g['zyear']}-{int(g['zmonth']):02d}-{int(g['zday']):02d}"
            found.append(Quantity(value=iso, unit="date", text=whole))
        elif g["plain"]:
            found.append(Quantity(value=plain(g["plain"]), unit="plain", text=whole))
        elif g["word"]:
            value = str(WORDS[g["word"].casefold()])
            found.append(Quantity(value=value, unit="plain", text=whole))
        else:
            found.append(Quantity(value=_han(g["han"]), unit="plain", text=whole))
    found += [Quantity(value="?", unit="plain", text=m[0]) for m in OTHER_DIGITS.finditer(text)]
    return found


def plain(number: str) -> str:
    """Return a canonical form: no separators, no trailing zeros ("1,450.00" → "1450")."""
    value = Decimal(number.replace(",", ""))
    return f"{value.normalize():f}"


def _han(text: str) -> str:
    """Return a short Chinese numeral's value ("三" → 3, "十二" → 12); "?" for others."""
    total, digit = 0, 0
    for character in text:
        value = HAN[character]
        if value in (10, 100, 1000):
            total += (digit or 1) * value
            digit = 0
        elif value >= 10_000:
            return "?"
        else:
            digit = value
    return str(total + digit)
