"""Numbers in digits, English and Chinese words, with their places.

Own parser: the packages looked at fail on what shoppers write ("a hundred and twenty", 两三百), and
all of it is a page of code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1_000, "grand": 1_000}
_ZH_DIGITS = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "俩": 2, "三": 3, "四": 4, "五": 5, "六": 6,
    "七": 7, "八": 8, "九": 9,
}  # fmt: skip
_ZH_SCALES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}

_W = "|".join((*_UNITS, *_TENS))
_S = "|".join(_SCALES)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+,\d{2}(?!\d)|\d+(?:\.\d+)?)"
_ZH = "零〇一二两三四五六七八九"
NUMBER = re.compile(
    rf"""
    (?<![a-z0-9.,])(?P<zh>(?:\d+(?:\.\d+)?[百千万]|[{_ZH}十百千万])[{_ZH}十百千万]*\d*)
    | (?<![a-z0-9.])(?P<digits>{_DIGITS})(?:\s?(?P<k>k|grand)(?![a-z0-9]))?(?![0-9])
    | \b(?P<words>(?:a\s(?:couple\s(?:of\s)?)?(?:{_S})|(?:{_W}))\b
        (?:(?:\s|-|(?<=hundred)\sand\s|(?<=thousand)\sand\s)(?:{_W}|{_S})\b)*)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number and its place in the folded text. `upper` is set for 两三百 (200 to 300)."""

    value: Decimal
    start: int
    end: int
    upper: Decimal | None = None
    in_words: bool = False


def numbers(low: str) -> list[Number]:
    """Return the numbers of folded text, left to right."""
    found = []
    for match in NUMBER.finditer(low):
        if match["words"] and low[: match.start()].endswith("between "):
            pair = _between(match["words"], match.start())
            if pair:
                found += pair
                continue
        parsed = _parse(match)
        if parsed is not None:
            value, upper = parsed
            found.append(
                Number(
                    value=value,
                    upper=upper,
                    start=match.start(),
                    end=match.end(),
                    in_words=bool(match["words"]),
                )
            )
    return found


def _between(phrase: str, start: int) -> list[Number]:
    """Split "one hundred and two hundred" after "between": the first `and` that makes a range."""
    for cut in re.finditer(" and ", phrase):
        low, high = english(phrase[: cut.start()]), english(phrase[cut.end() :])
        if low is not None and high is not None and low < high:
            return [
                Number(value=Decimal(v), start=start + a, end=start + b, in_words=True)
                for v, a, b in ((low, 0, cut.start()), (high, cut.end(), len(phrase)))
            ]
    return []


def _parse(match: re.Match[str]) -> tuple[Decimal, Decimal | None] | None:
    if match["zh"]:
        return chinese(match["zh"])
    if match["words"]:
        value = english(match["words"])
        return None if value is None else (Decimal(value), None)
    digits = match["digits"]
    decimal_comma = re.fullmatch(r"\d+,\d{2}", digits)
    number = Decimal(digits.replace(",", "." if decimal_comma else ""))
    return (number * 1_000 if match["k"] else number), None


def english(phrase: str) -> int | None:
    """Return the value of English number words, or None if they are no number ("fifty sixty")."""
    total = current = 0
    for word in re.findall(r"[a-z]+", phrase):
        if word in {"a", "and", "of"}:
            continue
        if word == "couple":
            current = 2
        elif word in _SCALES:
            scale = _SCALES[word]
            if scale == 100 and current > 99:
                return None
            if scale == 100:
                current = (current or 1) * 100
            else:
                total, current = total + (current or 1) * 1_000, 0
        else:
            value = _UNITS.get(word, _TENS.get(word, 0))
            if current == 0 or (current % 100 == 0 and value < 100):
                current += value
            elif 0 < current < 10 and value >= 10:  # "one fifty"
                current = current * 100 + value
            elif current % 10 == 0 and current % 100 >= 20 and value < 10:
                current += value
            else:
                return None
    return total + current


def chinese(phrase: str) -> tuple[Decimal, Decimal | None] | None:
    """Return value and, for 两三百, the upper value; None if the characters are no number.

    Spoken endings are filled up: 一百五 is 150, 三千二 is 3200, 1万2 is 12000.
    """
    pair = re.fullmatch(rf"([{_ZH}])([{_ZH}])([十百千万]+)", phrase)
    if pair and _ZH_DIGITS[pair[2]] - _ZH_DIGITS[pair[1]] == 1:
        low, high = (chinese(digit + pair[3]) for digit in pair.group(1, 2))
        return None if low is None or high is None else (low[0], high[0])
    parts = re.findall(rf"\d+(?:\.\d+)?|[{_ZH}]|[十百千万]", phrase)
    if len(parts) > 1 and not any(p in _ZH_SCALES for p in parts):
        return None  # 一二三: a list or a code, not a number
    total = section = Decimal(0)  # `section` is what stands before 万
    digit: Decimal | None = None
    scale, zero = 1, False
    for part in parts:
        if part in _ZH_SCALES:
            scale, zero = _ZH_SCALES[part], False
            if scale == 10_000:
                total, section = ((section + (digit or 0)) or Decimal(1)) * scale, Decimal(0)
            else:
                section += (1 if digit is None else digit) * scale
            digit = None
        elif part in {"零", "〇"}:
            zero, digit = True, Decimal(0) if len(parts) == 1 else None
        else:
            if digit is not None:
                return None
            digit = Decimal(part) if part[0].isdigit() else Decimal(_ZH_DIGITS[part])
    if digit is not None:
        spoken = scale > 10 and not zero and digit < 10
        section += digit * (scale // 10 if spoken else 1)
    return total + section, None
