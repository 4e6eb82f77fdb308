# ruff: noqa: E501
"""Which products count as meant, by intent: explicit references, names, and "it" where nothing else."""

from __future__ import annotations

import re

from assistant.intent.reading import CONCEPT_PATTERNS, Reading
from assistant.intent.references import Reference, spoken_of
from assistant.intent.understanding import (
    Intent,
)
from assistant.intent.utterance import fold

_POINTS_BY_DEFAULT: frozenset[Intent] = frozenset({"question", "fit", "why", "better", "similar"})
_FINDS_TITLES: frozenset[Intent] = frozenset(
    {"compare", "question", "why_not", "goes_with", "better", "similar", "cart_add", "cart_remove"}
)
_MOST_NAMED = 4
"""A name that this many products share (sizes of one model) still answers a question."""
_SOME_OF = re.compile(
    r"\b(?:\d+|one|two|three|four|five|a couple|another|one more) of (?:it|them|these|those|this|that)\b"
)


def is_explicit(reading: Reading) -> bool:
    """Whether something is pointed at for sure."""
    return any(r.product_ids and r.note is None for r in reading.references)


def named_products(reading: Reading, intent: Intent, wish: str) -> tuple[str, ...]:
    """Return products of the whole store that the left-over words name unambiguously."""
    if intent not in _FINDS_TITLES:
        return ()
    found: list[str] = []
    most = _MOST_NAMED if intent in {"question", "why_not", "similar", "better"} else 1
    for phrase in re.split(r"\b(?:and|vs\.?|versus|with|or|from|to)\b|[,和跟与]|还是", fold(wish)):
        if any(p.fullmatch(phrase.strip()) for p in CONCEPT_PATTERNS.values()):
            continue  # "waterproof?" is a property, also where a title has the word
        rows = reading.words.titled(phrase.strip()) or reading.words.named(phrase)
        if 0 < len(rows) <= most:
            found += [reading.words.catalogue.product_ids[row] for row in sorted(rows)]
    return tuple(dict.fromkeys(found))


def pointed_at(reading: Reading, intent: Intent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the product ids that count for the intent, and notes about them."""
    used = reading.references
    if intent in {"search", "refine", "superlative", "count", "more"}:
        used = [r for r in used if r.how in {"place", "described", "title"} or _than(reading, r)]
    if len(used) > 1 and not (intent == "compare" and len(used) == 2):
        sure = [r for r in used if r.note != "guessed_reference"]
        used = sure or used
        if (
            any(r.how in {"place", "title", "described", "brand"} for r in used)
            and intent != "compare"
        ):
            used = [r for r in used if r.how not in {"pronoun", "all"}] or used
    excluded = set(reading.said.exclude)
    ids = [p for r in used for p in r.product_ids if p not in excluded]
    notes = [r.note for r in used if r.note]
    if intent in {"cart_add", "cart_remove"} and "guessed_reference" in notes:
        return (), ("ambiguous_reference",)
    if (
        intent == "cart_add"
        and _SOME_OF.search(reading.u.low)
        and not any(r.how == "place" for r in used)
    ):
        found, note = spoken_of(reading.conversation, reading.words)
        return (found, ()) if note is None and found else ((), ("ambiguous_reference",))
    if not ids and intent == "compare" and not notes and reading.conversation.shown:
        ids = [
            s.product_id
            for s in reading.conversation.shown
            if s.product_id in reading.words.catalogue
        ]
    bare_add = intent in {"cart_add", "cart_remove"} and not notes
    if (
        not ids
        and not notes
        and (intent in _POINTS_BY_DEFAULT or bare_add)
        and not reading.anchor
        and not _names_a_thing(reading)
    ):
        found, note = spoken_of(reading.conversation, reading.words)
        if note is None or intent not in {"cart_add", "cart_remove"}:
            ids, notes = list(found), [note] if note else []
        else:
            notes = ["ambiguous_reference"]
    return tuple(dict.fromkeys(ids)), tuple(notes)


def _than(reading: Reading, reference: Reference) -> bool:
    return (
        re.search(r"(?:\bthan|\blike|\bas|比|像)\s*$", reading.u.low[: reference.start]) is not None
    )


def _names_a_thing(reading: Reading) -> bool:
    return any(m.of("category") or m.of("brand") for m in reading.words.mentions(reading.u.open))
