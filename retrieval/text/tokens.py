"""Text to index terms, for English and for scripts without spaces.

English words are stemmed and stop words dropped. Numbers stay, and once more joined with their unit
in its smallest form ("2 L", "2l", "2 litres", "2000 ml" and "2 升" share `2000ml`; "2-person",
"for two people" and 双人 share `2person`). Han, kana and hangul become single characters and
overlapping pairs, so no word list is needed.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple


class Token(NamedTuple):
    """An index term and where it stands in the normalised text."""

    term: str
    start: int
    end: int


_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10,
    "twelve": 12,
    "单": 1, "一": 1, "双": 2, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "八": 8,
    "十": 10,
}  # fmt: skip
_COUNTED = "persons?|people|man|men|pack|pieces?|pcs|seasons?|burners?|doors?"
_HAN_UNITS = {
    "毫升": "ml", "升": "l", "克": "g", "公斤": "kg", "千克": "kg", "毫米": "mm", "厘米": "cm",
    "公里": "km", "米": "m", "英寸": "inch", "毫安时": "mah", "毫安": "mah", "瓦时": "wh",
    "瓦": "w", "伏": "v", "流明": "lm", "小时": "h", "分钟": "min", "人": "person",
    "件": "pack", "季": "season", "度": "c",
}  # fmt: skip
_HAN_UNIT = "|".join(sorted(_HAN_UNITS, key=len, reverse=True))
_NUMBER_WORD = "|".join(word for word in _NUMBER_WORDS if word.isascii())
_HAN_NUMBER = r"\d+(?:[.,]\d+)*\s?|[单双两一二三四五六八十](?=[人季])"
_NUMBER = rf"\d+(?:[.,]\d+)*|(?<![a-z])(?:{_NUMBER_WORD})(?=[\s-](?:{_COUNTED})(?![\w]))"
_THOUSAND = r"(?:(?P<thousand>k)(?=\s?(?:mah|lm|lumens?|w|watts?|dpi|rpm|pa)(?![\w])))?"
_PIECE = re.compile(
    rf"(?P<han_number>{_HAN_NUMBER})(?P<han_unit>{_HAN_UNIT})"
    rf"|(?P<cjk>[{_CJK}]+)"
    rf"|(?P<number>{_NUMBER}){_THOUSAND}(?P<glue>\s?-?\s?)(?P<unit>[a-z\"″']+)(?![\w])"
    rf"|(?P<word>[^\W_{_CJK}]+(?:['’][a-z]+)?(?:[.][^\W_{_CJK}]+)*)"
)
_MODEL = re.compile(r"(?<![\w-])[a-z]{1,8}[-/]\d{2,}[a-z\d]*(?![\w-])")
"""A model number with a hyphen, to be found without it: `tn-2110` is `tn2110` too."""
_LETTERS = re.compile(r"[a-z]+$")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:[.]\d+)?$")
_UNIT_NAMES = {
    "l": "l liter liters litre litres ltr",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "g": "g gram grams gramme grammes",
    "kg": "kg kgs kilo kilos kilogram kilograms",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "km": "km kilometer kilometers kilometre kilometres",
    "inch": "in inch inches \" ″ ''",
    "ft": "ft foot feet '",
    "oz": "oz ounce ounces",
    "lb": "lb lbs pound pounds",
    "w": "w watt watts",
    "wh": "wh",
    "v": "v volt volts",
    "mah": "mah",
    "lm": "lm lumen lumens",
    "hz": "hz hertz",
    "mhz": "mhz",
    "ghz": "ghz",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "h": "h hr hrs hour hours",
    "min": "min mins minute minutes",
    "person": "person persons people man men p berth",
    "pack": "pack packs pk pcs pc piece pieces ct count",
    "season": "season seasons",
    "cup": "cup cups",
    "burner": "burner burners",
    "c": "c celsius °c",
}
_SMALLEST = {
    "l": ("ml", 1_000), "kg": ("g", 1_000), "cm": ("mm", 10), "m": ("mm", 1_000),
    "km": ("mm", 1_000_000), "ghz": ("mhz", 1_000), "gb": ("mb", 1_000), "tb": ("mb", 1_000_000),
    "h": ("min", 60),
}  # fmt: skip
"""A unit to the smallest one of its kind, and how many of those it is."""
UNITS = {name: unit for unit, names in _UNIT_NAMES.items() for name in names.split()}
"""Spelling of a unit to the one that is indexed."""
SHOWN_UNIT_LENGTH = 3
"""A unit this long is a word of its own too: `person`, not `l`."""

_STOP_WORDS = """
a about all also am an and any are as at be been being but by can could did do does doing for from
get give had has have he her him his how i i'd i'll i'm i've if in into is it it's its just let
like looking me more most my need no not of off on or our please s she should show so some something
such t than that that's the their them then there these they this those to too us very want was we
were what what's when where which while who why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_CJK_STOP = frozenset("的了吗呢吧啊呀和与或是在我你他她它们这那个有要想给把被就都也很请")

_stemming = threading.local()  # a stemmer holds a buffer, so one a thread


def normalise(text: str) -> str:
    """Return the text as tokens see it: compatibility forms folded, lower case, no accents."""
    folded = unicodedata.normalize("NFKD", text.replace("″", '"')).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return unicodedata.normalize("NFKC", plain)


def tokenise(text: str) -> list[str]:
    """Return the index terms of a text, in order, repeats kept."""
    return [token.term for token in tokens(normalise(text))]


def tokens(text: str) -> Iterator[Token]:
    """Yield the terms of a normalised text with their places; places of joined terms overlap."""
    for match in _PIECE.finditer(text):
        if match["cjk"]:
            yield from _characters(match["cjk"], match.start())
        elif match["han_unit"]:
            yield from _han_amount(match)
        elif match["number"]:
            yield from _amount(match)
        else:
            yield from _word(match["word"], match.start())
    for match in _MODEL.finditer(text):
        yield Token(re.sub(r"\W", "", match[0]), match.start(), match.end())


def joined(text: str) -> list[str]:
    """Return what neighbouring words would be as one: `headlamp` for "head lamp"."""
    words = [m["word"] for m in _PIECE.finditer(normalise(text)) if m["word"]]
    return [
        _stem(a + b)
        for a, b in pairwise(words)
        if _LETTERS.match(a) and _LETTERS.match(b) and not STOP_WORDS & {a, b}
    ]


def _characters(run: str, start: int) -> Iterator[Token]:
    for i, character in enumerate(run):
        if character not in _CJK_STOP:
            yield Token(character, start + i, start + i + 1)
        pair = run[i : i + 2]
        if len(pair) == 2 and not _CJK_STOP.intersection(pair):
            yield Token(pair, start + i, start + i + 2)


def _amount(match: re.Match[str]) -> Iterator[Token]:
    unit, start = match["unit"], match.start()
    value = _value(match["number"], thousand=bool(match["thousand"]))
    known = UNITS.get(unit)
    shown = known or unit
    yield Token(_plain(value), start, match.start("glue"))
    if len(shown) >= SHOWN_UNIT_LENGTH or (known is None and match["glue"]):
        for term, _, _ in _word(shown, 0):
            yield Token(term, match.start("unit"), match.end())
    if known is not None:
        yield Token(_measure(value, known), start, match.end())
    elif match["glue"] in {"", "-"} and _LETTERS.match(unit):
        yield Token(_plain(value) + _stem(unit), start, match.end())


def _han_amount(match: re.Match[str]) -> Iterator[Token]:
    """Tokens of "2升" and "双人": the characters as ever, and the amount."""
    written, start = match["han_number"].strip(), match.start()
    if written[0].isdigit():
        value = _value(written)
        yield Token(_plain(value), start, start + len(written))
        yield from _characters(match["han_unit"], match.start("han_unit"))
    else:
        value = Decimal(_NUMBER_WORDS[written])
        yield from _characters(match[0], start)
    yield Token(_measure(value, _HAN_UNITS[match["han_unit"]]), start, match.end())


def _value(written: str, *, thousand: bool = False) -> Decimal:
    """Return the number: a comma before just three digits parts thousands, else it is a point."""
    if written in _NUMBER_WORDS:
        return Decimal(_NUMBER_WORDS[written])
    if _THOUSANDS.match(written):
        plain = written.replace(",", "")
    else:
        plain = written.replace(",", ".")
        if plain.count(".") > 1:  # 1.000.000, or a version
            plain = plain.replace(".", "")
    return Decimal(plain) * (1_000 if thousand else 1)


def _plain(value: Decimal) -> str:
    """Return `2.5` for 2.50 and `2000` for 2E+3."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _measure(value: Decimal, unit: str) -> str:
    smallest, factor = _SMALLEST.get(unit, (unit, 1))
    return _plain(value * factor) + smallest


def _word(word: str, start: int) -> Iterator[Token]:
    word = word.replace("’", "'")
    if word in STOP_WORDS:
        return
    bare = word.removesuffix("'s")
    term = _stem(bare) if _LETTERS.match(bare) else bare
    if term:
        yield Token(term, start, start + len(word))


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    stemmer: Any = getattr(_stemming, "english", None)
    if stemmer is None:
        import Stemmer

        stemmer = _stemming.english = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))
