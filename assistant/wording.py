"""Clauses → sentences: which wordings a clause has here, and how two of them make one sentence.

A wording depends on what the text has said so far: a product that the sentence before spoke of
becomes "it", a title said in full becomes short, and two short clauses about one product are joined
("It costs €129.00, and its 38 reviews average 4.4 of 5.").
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Template
from typing import Literal

from assistant.answer import Claim, Phrase
from assistant.clauses import Clause
from assistant.conversation import Language
from assistant.prompting import SLOT, load_wordings, lower_first

Piece = Clause | str
"""A clause to be worded, or the key of a phrase."""
Form = Literal["whole", "first", "second"]
"""A sentence by itself, or the first or second part of one that two clauses share."""
OPENINGS_ALIKE = 2
"""The same words open at most this many replies of a conversation."""
ENDS: Mapping[Language, tuple[str, str]] = {"en": (".", ","), "zh": ("。", "，")}
JOINED_OF_4 = 3
"""Of four pairs that could share a sentence, so many do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be said in one turn."""

    pieces: tuple[Piece, ...]
    language: Language
    shopper_turn: str
    seed: str
    """Decides between equal wordings, so that a turn reproduces."""
    openings: tuple[str, ...] = ()
    """First sentences of the replies so far."""
    short: Mapping[str, str] = field(default_factory=dict)
    """Title → the shorter name that is clear once the title has been said in full."""
    cancel: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the text any more."""


@dataclass(slots=True)
class Told:
    """What a reader of the text so far knows: which product it is about, which titles were said."""

    topic: str | None = None
    named: set[str] = field(default_factory=set)
    n_said: Counter[str] = field(default_factory=Counter)
    """Clauses by key, so that the next of a kind is worded otherwise."""
    last: dict[str, str] = field(default_factory=dict)
    """Clause key → the wording said last, for a model that has no memory of its own."""
    text: list[str] = field(default_factory=list)
    """Everything said, piece by piece."""

    def add(self, clause: Clause, claim: Claim, task: Task) -> None:
        """Note a clause that was said."""
        made = filled(clause, task, self)
        self.last[clause.key] = next((v for v, text in made if text == claim.text), "")
        self.topic = clause.product_id
        self.n_said[clause.key] += 1
        self.named |= {title for title in clause.slots.values() if title in claim.text}
        self.text.append(claim.text)

    def after(self, clause: Clause) -> Told:
        """Return what the reader will know once a clause has been said."""
        return replace(self, topic=clause.product_id, text=[*self.text, ""])


def groups(task: Task) -> list[tuple[Piece, ...]]:
    """Return the pieces in order, two clauses that are to share a sentence as one group."""
    known, found = load_wordings().clauses, list[tuple[Piece, ...]]()
    for place, piece in enumerate(task.pieces):
        before = found[-1][-1] if found else None
        if (
            isinstance(piece, Clause)
            and isinstance(before, Clause)
            and len(found[-1]) == 1
            and piece.product_id is not None
            and piece.product_id == before.product_id
            and piece.key != before.key
            and known[piece.key].joins
            and known[before.key].joins
            and drawn(f"{task.seed}:join:{place}", 4) < JOINED_OF_4
        ):
            found[-1] = (before, piece)
        else:
            found.append((piece,))
    return found


def wordings(
    clause: Clause, language: Language, told: Told | None = None, form: Form = "whole"
) -> tuple[str, ...]:
    """Return the clause's wordings, filled; those that need a slot it lacks are left out.

    Args:
        clause: What to say.
        language: Of the reply.
        told: What was said before: its product becomes "it".
        form: Whether it stands alone or shares a sentence.
    """
    task = Task(pieces=(), language=language, shopper_turn="", seed="")
    return tuple(text for _, text in filled(clause, task, told, form))


def filled(
    clause: Clause, task: Task, told: Told | None, form: Form = "whole"
) -> list[tuple[str, str]]:
    """Return wording and filled text of each that the clause has all slots for."""
    wording = load_wordings().clauses[clause.key]
    variants = wording.variants(task.language, known=is_known(clause, told))
    if form == "second":
        variants = wording.en_it if task.language == "en" else wording.zh_it
    slots = {**clause.slots, **shortened(clause, told, task.short)}
    return [
        (variant, shaped(Template(variant).substitute(slots), form, task.language))
        for variant in variants
        if set(SLOT.findall(variant)) <= set(slots)
    ]


def is_known(clause: Clause, told: Told | None) -> bool:
    """Whether the sentence before spoke of the clause's product."""
    return told is not None and told.topic is not None and told.topic == clause.product_id


def shortened(clause: Clause, told: Told | None, short: Mapping[str, str]) -> dict[str, str]:
    """Return the slots whose title was said already, with the shorter name."""
    if told is None:
        return {}
    return {
        name: short[value]
        for name, value in clause.slots.items()
        if value in told.named and value in short
    }


def shaped(text: str, form: Form, language: Language) -> str:
    """Return a sentence as it stands when two clauses share one."""
    stop, comma = ENDS[language]
    if form == "first":
        return text.removesuffix(stop) + comma
    if form == "second" and language == "en":
        return f"and {lower_first(text)}"
    return text


def phrase(key: str, task: Task, position: int) -> Phrase:
    """Return a phrase of the closed list; an opening is one that opened the fewest replies so far.

    When all of them have opened enough, the opening says that it repeats itself.
    """
    known = load_wordings()
    options = rotated(known.phrases[key][task.language], f"{task.seed}:{position}:{key}")
    if not position:
        used = Counter(task.openings)
        if is_worn(key, task):
            options = rotated(known.repeated(key, task.language), task.seed)
        options = sorted(options, key=lambda text: used[text])
    return Phrase(text=options[0])


def is_worn(key: str, task: Task) -> bool:
    """Whether every wording of a phrase has opened as many replies as it may."""
    used = Counter(task.openings)
    options = load_wordings().phrases[key][task.language]
    return all(used[text] >= OPENINGS_ALIKE for text in options)


def ordered(clause: Clause, task: Task, told: Told, form: Form) -> list[str]:
    """Return the wordings in this turn's rotation: those that say "it" first, fresh ones first."""
    texts = [text for _, text in filled(clause, task, told, form)]
    n_short = len(texts) - len(filled(clause, task, None, form)) if form != "second" else 0
    seed, step = f"{task.seed}:{clause.key}", told.n_said[clause.key]
    order = [*rotated(texts[:n_short], seed, step), *rotated(texts[n_short:], seed, step)]
    used = Counter(task.openings)
    return order if told.text else sorted(order, key=lambda text: used[text] >= OPENINGS_ALIKE)


def rotated(options: Sequence[str], seed: str, step: int = 0) -> list[str]:
    """Return the options, begun at a place that the seed decides."""
    if not options:
        return []
    start = (drawn(seed, 2**32) + step) % len(options)
    return [*options[start:], *options[:start]]


def drawn(seed: str, n: int) -> int:
    """Return a number from 0 to n-1 that the seed decides."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % n
