"""Text to index terms, for English and for scripts without spaces.

English words are stemmed and stop words dropped. Numbers stay, and once more joined with their unit
("65 L", "65l" and "65 litres" share `65l`; "2-person" and "for 2 people" share `2person`). Han,
kana and hangul become single characters and overlapping pairs, so no word list is needed.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple


class Token(NamedTuple):
    """An index term and where it stands in the normalised text."""

    term: str
    start: int
    end: int


_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_PIECE = re.compile(
    rf"(?P<cjk>[{_CJK}]+)"
    r"|(?P<number>\d+(?:[.,]\d+)*)(?P<glue>\s?-?\s?)(?P<unit>[a-z\"″']+)(?![\w])"
    rf"|(?P<word>[^\W_{_CJK}]+(?:['’][a-z]+)?(?:[.][^\W_{_CJK}]+)*)"
)
_LETTERS = re.compile(r"[a-z]+$")
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
        elif match["number"]:
            yield from _amount(match)
        else:
            yield from _word(match["word"], match.start())


def _characters(run: str, start: int) -> Iterator[Token]:
    for i, character in enumerate(run):
        if character not in _CJK_STOP:
            yield Token(character, start + i, start + i + 1)
        pair = run[i : i + 2]
        if len(pair) == 2 and not _CJK_STOP.intersection(pair):
            yield Token(pair, start + i, start + i + 2)


def _amount(match: re.Match[str]) -> Iterator[Token]:
    number, unit, start = match["number"].replace(",", "."), match["unit"], match.start()
    known = UNITS.get(unit)
    shown = known or unit
    yield Token(number, start, start + len(match["number"]))
    if len(shown) >= SHOWN_UNIT_LENGTH or (known is None and match["glue"]):
        for term, _, _ in _word(shown, 0):
            yield Token(term, match.start("unit"), match.end())
    if known is not None or (match["glue"] in {"", "-"} and _LETTERS.match(unit)):
        yield Token(number + (known or _stem(unit)), start, match.end())


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
