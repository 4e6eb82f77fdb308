"""Numbers with a unit: "65 l", "2-person", 双人. They are never prices."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.intent.numerals import NUMBER, numbers
from assistant.intent.tables import UNIT_ATTRIBUTES, UNITS

_UNIT = "|".join(
    rf"(?P<u{i}>(?:{english})(?![a-z0-9])|(?:{chinese}))"
    for i, (english, chinese) in enumerate(UNITS.values())
)
_NAMES = tuple(UNITS)
_AFTER = re.compile(rf"[\s-]{{0,2}}(?:{_UNIT})(?:装|款|使用|用|睡|住)?")
_ONE_LETTER = re.compile(r"[a-z]$")
_MAY_STAND_APART = frozenset("lmgw")
_ZH_PERSONS = {"单人": "1", "双人": "2"}
_PERSON_WORD = re.compile(r"单人|双人")
_ZH_FOR_PERSONS = re.compile(
    r"(?P<n>[一二两三四五六七八九十\d])个人(?:用|睡|住|的|去|(?=$|[\s,.!?\x1f]))"
)
_FOR_PERSONS = re.compile(
    r"\b(?:for|sleeps|fits|seats) (?P<n>\d|one|two|three|four|five|six|seven|eight|ten)(?= *(?:$"
    r"|[,.!?;\x1f]| (?:of us|please|under|below|with|and|in|for|that|on|over|at|around)\b))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number with a unit, and its place."""

    unit: str
    number: str
    """Normalised: no trailing zeros ("2", "1.5")."""
    start: int
    end: int


def measures(low: str) -> list[Measure]:
    """Return the measures of folded text, left to right."""
    found = []
    for number in numbers(low):
        after = _AFTER.match(low, number.end)
        if after is None:
            continue
        unit = _NAMES[next(i for i in range(len(_NAMES)) if after[f"u{i}"])]
        said = after.group().lstrip(" -")
        apart = number.in_words or (after.group()[0] == " " and said not in _MAY_STAND_APART)
        if apart and _ONE_LETTER.match(said):
            continue
        if unit == "person" and said.startswith("m") and not after.group().startswith("-"):
            continue  # "two men" are not a size
        found.append(
            Measure(unit=unit, number=plain(str(number.value)), start=number.start, end=after.end())
        )
    for match in _PERSON_WORD.finditer(low):
        found.append(
            Measure(
                unit="person",
                number=_ZH_PERSONS[match.group()],
                start=match.start(),
                end=match.end(),
            )
        )
    for match in (*_FOR_PERSONS.finditer(low), *_ZH_FOR_PERSONS.finditer(low)):
        value = numbers(match["n"])[0].value
        if not any(m.start <= match.start("n") < m.end for m in found):
            found.append(
                Measure(
                    unit="person", number=plain(str(value)), start=match.start(), end=match.end()
                )
            )
    return sorted(found, key=lambda m: m.start)


def as_measure(value: str) -> tuple[str, str] | None:
    """Return (unit, number) if a folded attribute value is one measure and nothing else."""
    match = NUMBER.match(value)
    if match is None:
        return None
    after = _AFTER.fullmatch(value, match.end())
    if after is None or not numbers(value):
        return None
    unit = _NAMES[next(i for i in range(len(_NAMES)) if after[f"u{i}"])]
    return unit, plain(str(numbers(value)[0].value))


def bare_measure(name: str, value: str) -> tuple[str, str] | None:
    """Return (unit, number) of a bare number whose attribute's name says the unit (`persons`)."""
    if not re.fullmatch(r"\d+(?:\.\d+)?", value):
        return None
    for unit, hints in UNIT_ATTRIBUTES.items():
        if any(hint in name for hint in hints):
            return unit, plain(value)
    return None


def plain(number: str) -> str:
    """Return a number without trailing zeros or separators."""
    number = number.replace(",", "")
    return number.rstrip("0").rstrip(".") if "." in number else number
