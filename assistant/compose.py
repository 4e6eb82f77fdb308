"""Composers: clauses in, words out. They choose words and decide nothing.

`TemplateComposer` rotates through the wordings. `ModelComposer` asks a language model: a small one
chooses among wordings that are all true, a larger one writes the clause itself under a grammar that
knows only connecting words and the clause's own slots. What a model returns is checked by the
caller's gate, repaired once, and otherwise replaced by the template's words.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Literal, Protocol

from assistant.answer import Claim, Phrase
from assistant.clauses import Clause
from assistant.conversation import Language
from assistant.llm import LanguageModel, slot_grammar
from assistant.prompting import SLOT, load_prompt, load_wordings
from assistant.readings import reading
from retrieval.errors import ModelError

MAX_CLAUSE_TOKENS = 160
Piece = Clause | str
"""A clause to be worded, or the key of a phrase."""
Accept = Callable[[Claim], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be said in one turn."""

    pieces: tuple[Piece, ...]
    language: Language
    shopper_turn: str
    seed: str
    """Decides between equal wordings, so that a turn reproduces."""
    avoid: tuple[str, ...] = ()
    """Openings of the last replies."""
    short: Mapping[str, str] = field(default_factory=dict)
    """Title → the shorter name that is clear once the title has been said in full."""


@dataclass(slots=True)
class Told:
    """What a reader of the text so far knows: which product it is about, which titles were said."""

    topic: str | None = None
    named: set[str] = field(default_factory=set)
    n_said: Counter[str] = field(default_factory=Counter)
    """Clauses by key, so that the next of a kind is worded otherwise."""
    last: dict[str, str] = field(default_factory=dict)
    """Clause key → the wording said last, for a model that has no memory of its own."""

    def add(self, clause: Clause, claim: Claim, task: Task) -> None:
        """Note a clause that was said."""
        made = _filled(clause, task.language, self, task.short)
        self.last[clause.key] = next((v for v, text in made if text == claim.text), "")
        self.topic = clause.product_id
        self.n_said[clause.key] += 1
        self.named |= {title for title in clause.slots.values() if title in claim.text}


@dataclass(slots=True, kw_only=True)
class Tally:
    """How the clauses of a turn came to be."""

    first_try: int = 0
    repaired: int = 0
    fell_back: int = 0
    by_model: int = 0
    reasons: list[str] = field(default_factory=list)


class Composer(Protocol):
    """Words for a task, piece by piece, so that a reply can be streamed."""

    name: Literal["llm", "template"]

    def compose(self, task: Task, accept: Accept, tally: Tally) -> Iterator[Claim | Phrase]:
        """Yield the pieces in order; every claim yielded was accepted."""
        ...


class TemplateComposer:
    """Fills the wordings, another variant each time."""

    name: Literal["llm", "template"] = "template"

    def compose(self, task: Task, accept: Accept, tally: Tally) -> Iterator[Claim | Phrase]:
        """Yield the pieces; a clause that no variant makes acceptable is left out."""
        told = Told()
        for position, piece in enumerate(task.pieces):
            if isinstance(piece, str):
                yield phrase(piece, task, position)
                continue
            claim = first_accepted(piece, task, accept, tally, told)
            if claim is not None:
                told.add(piece, claim, task)
                yield claim


class ModelComposer:
    """Lets a language model word the clauses, within a deadline for the whole turn."""

    name: Literal["llm", "template"] = "llm"

    def __init__(
        self, model: LanguageModel, *, mode: Literal["choose", "write"], deadline_s: float = 8.0
    ) -> None:
        self.model = model
        self.mode = mode
        self.deadline_s = deadline_s

    def compose(self, task: Task, accept: Accept, tally: Tally) -> Iterator[Claim | Phrase]:
        """Yield the pieces; once the deadline has passed or the model fails, templates answer."""
        ends_at = time.monotonic() + self.deadline_s
        said, told = list[str](), Told()
        for position, piece in enumerate(task.pieces):
            if isinstance(piece, str):
                opening = phrase(piece, task, position)
                said.append(opening.text)
                yield opening
                continue
            claim = self._word(piece, task, said, told, ends_at, accept, tally)
            claim = claim or first_accepted(piece, task, accept, tally, told)
            if claim is not None:
                said.append(claim.text)
                told.add(piece, claim, task)
                yield claim

    def _word(
        self, clause: Clause, task: Task, said: Sequence[str], told: Told, ends_at: float,
        accept: Accept, tally: Tally,
    ) -> Claim | None:  # fmt: skip
        """Return the model's words for a clause, accepted; None where the template must answer."""
        if task.language != "en":  # the packaged model reads English; the grammar is English
            return None
        options = wordings(clause, task.language, told, task.short)
        if self.mode == "choose":
            options = self._fresh(clause, task, told)
            if len(options) < 2:
                return None
        for attempt in range(2 if self.mode == "write" else 1):
            left = ends_at - time.monotonic()
            if left <= 0:
                return None
            try:
                text = (
                    self._choose(options, task, said)
                    if self.mode == "choose"
                    else self._write(clause, options[0], task, told, left)
                )
            except ModelError as error:
                tally.reasons.append(str(error))
                break
            claim = clause.claim(text)
            if text and accept(claim):
                tally.by_model += 1
                if attempt:
                    tally.repaired += 1
                else:
                    tally.first_try += 1
                return claim
        tally.fell_back += 1
        return None

    def _fresh(self, clause: Clause, task: Task, told: Told) -> tuple[str, ...]:
        """Leave out the wording said last, and long ones where "it" is clear."""
        made = _filled(clause, task.language, told, task.short)
        with_it = load_wordings().clauses[clause.key].en_it
        short = [(variant, text) for variant, text in made if variant in with_it]
        last = told.last.get(clause.key)
        return tuple(text for variant, text in short or made if variant != last)

    def _choose(self, options: Sequence[str], task: Task, said: Sequence[str]) -> str:
        system, user = load_prompt("choose_wording").fill(
            shopper_turn=task.shopper_turn, so_far=" ".join(said[-3:])
        )
        return options[self.model.choose(f"{system}\n{user}", options)]

    def _write(self, clause: Clause, model_sees: str, task: Task, told: Told, left: float) -> str:
        slots = {name: value for name, value in clause.slots.items() if value in model_sees}
        slots |= {name: short for name, short in _short(clause, told, task.short).items() if short}
        system, user = load_prompt("compose_clause").fill(
            shopper_turn=task.shopper_turn,
            clause=model_sees,
            slots="\n".join(f"{name}: {value}" for name, value in slots.items()),
        )
        kinds = tuple(dict.fromkeys(fact.kind for fact in clause.evidence))
        kind = load_wordings().clauses[clause.key].kind
        words = sorted(reading(kind, kinds, task.language).words)
        grammar = slot_grammar(slots, words, max_words=40)
        pieces = self.model.write(
            system, user, grammar=grammar, max_tokens=MAX_CLAUSE_TOKENS, deadline_s=left
        )
        return re.sub(r"\s+", " ", "".join(pieces)).strip()


def wordings(
    clause: Clause,
    language: Language,
    told: Told | None = None,
    short: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Return the clause's wordings, filled; those that need a slot it lacks are left out.

    Args:
        clause: What to say.
        language: Of the reply.
        told: What was said before: its product becomes "it", its titles become short.
        short: Title → shorter name.
    """
    return tuple(text for _, text in _filled(clause, language, told, short or {}))


def _filled(
    clause: Clause, language: Language, told: Told | None, short: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return wording and filled text of each that the clause has all slots for."""
    known = told is not None and told.topic is not None and told.topic == clause.product_id
    variants = load_wordings().clauses[clause.key].variants(language, known=known)
    slots = {**clause.slots, **(_short(clause, told, short) if told else {})}
    return [
        (variant, Template(variant).substitute(slots))
        for variant in variants
        if set(SLOT.findall(variant)) <= set(slots)
    ]


def _short(clause: Clause, told: Told, short: Mapping[str, str]) -> dict[str, str]:
    """Return the slots whose title was said already, with the shorter name."""
    return {
        name: short[value]
        for name, value in clause.slots.items()
        if value in told.named and value in short
    }


def first_accepted(
    clause: Clause, task: Task, accept: Accept, tally: Tally, told: Told
) -> Claim | None:
    """Return the first variant, in this turn's rotation, that is accepted; None if none is.

    Those that say "it" go first where that is clear.
    """
    options = wordings(clause, task.language, told, task.short)
    n_short = len(options) - len(wordings(clause, task.language))
    seed, step = f"{task.seed}:{clause.key}", told.n_said[clause.key]
    order = [*_rotated(options[:n_short], seed, step), *_rotated(options[n_short:], seed, step)]
    for attempt, text in enumerate(order):
        claim = clause.claim(text)
        if accept(claim):
            if attempt:
                tally.repaired += 1
            else:
                tally.first_try += 1
            return claim
    tally.fell_back += 1
    tally.reasons.append(f"no wording of {clause.key} passed")
    return None


def phrase(key: str, task: Task, position: int) -> Phrase:
    """Return a phrase of the closed list; an opening that was used lately is passed over."""
    options = load_wordings().phrases[key][task.language]
    rotated = _rotated(options, f"{task.seed}:{position}:{key}")
    fresh = [text for text in rotated if text not in task.avoid]
    return Phrase(text=(fresh or rotated)[0])


def _rotated(options: Sequence[str], seed: str, step: int = 0) -> list[str]:
    if not options:
        return []
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") + step
    start %= len(options)
    return [*options[start:], *options[:start]]
