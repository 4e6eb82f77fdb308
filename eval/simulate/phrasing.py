"""Small grammar of the written content: alternatives, slots and conditions.

`[a|b|]` picks one of the alternatives (an empty one is allowed), `{name}` takes a slot's value, and
a condition such as `weight<2000 & tier>0.6` says for which products a sentence is true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_SLOT = re.compile(r"\{([^{}]+)\}")
_TEST = re.compile(r"^(.+?)\s*(<=|>=|!=|<|>|=)\s*(.+)$")
_LOOSE_SPACE = re.compile(r" +(?=[ ,.;!?])")
_NUMBER = re.compile(r"^-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One statement about a product in both languages, true where `when` holds."""

    en: str
    zh: str
    when: str = ""


def parse_sentences(block: str) -> tuple[Sentence, ...]:
    """Read `english || chinese || condition` lines; the condition may be left out.

    Raises:
        ValueError: If a line has no Chinese part.
    """
    sentences = []
    for line in block.strip().splitlines():
        parts = [part.strip() for part in line.split("||")]
        if len(parts) not in (2, 3) or not parts[0] or not parts[1]:
            raise ValueError(f"expected `english || chinese || condition`, got {line!r}")
        sentences.append(
            Sentence(en=parts[0], zh=parts[1], when=parts[2] if len(parts) == 3 else "")
        )
    return tuple(sentences)


def choose(text: str, rng: np.random.Generator) -> str:
    """Resolve every `[a|b]`, innermost first."""
    while match := _CHOICE.search(text):
        options = match.group(1).split("|")
        text = (
            text[: match.start()] + options[int(rng.integers(len(options)))] + text[match.end() :]
        )
    return _LOOSE_SPACE.sub("", text).strip()


def fill(text: str, slots: Mapping[str, str]) -> str:
    """Put the slots' values into a text.

    Raises:
        KeyError: If the text names a slot that is not there; it names text and slot.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in slots:
            raise KeyError(f"no slot {name!r} for {text!r}; known: {', '.join(sorted(slots))}")
        return slots[name]

    return _SLOT.sub(value, text)


def slot_names(text: str) -> set[str]:
    """Return the names of the slots a text needs."""
    return set(_SLOT.findall(text))


def number_in(value: str) -> float | None:
    """Return the number a value begins with; None if it begins otherwise."""
    match = _NUMBER.match(value)
    return float(match.group()) if match else None


def holds(when: str, slots: Mapping[str, str]) -> bool:
    """Say whether a condition is true of the slots; an absent slot makes it false.

    Raises:
        ValueError: If the condition cannot be read.
    """
    return all(_holds_one(part.strip(), slots) for part in when.split("&") if part.strip())


def _holds_one(test: str, slots: Mapping[str, str]) -> bool:
    match = _TEST.match(test)
    if match is None:
        raise ValueError(f"cannot read the condition {test!r}; write `name<number` or `name=word`")
    name, sign, wanted = (part.strip() for part in match.groups())
    if name not in slots:
        return False
    value = slots[name]
    if sign in ("=", "!="):
        return (value == wanted) == (sign == "=")
    left, right = number_in(value), float(wanted)
    if left is None:
        return False
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]
