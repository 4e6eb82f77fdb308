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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Literal, Protocol

from assistant.answer import Claim, Phrase
from assistant.clauses import Clause
from assistant.conversation import Language
from assistant.llm import LanguageModel, slot_grammar
from assistant.prompting import load_prompt, load_wordings
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
        for position, piece in enumerate(task.pieces):
            if isinstance(piece, str):
                yield phrase(piece, task, position)
                continue
            claim = first_accepted(piece, task, position, accept, tally)
            if claim is not None:
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
        said: list[str] = []
        for position, piece in enumerate(task.pieces):
            made: Claim | Phrase | None
            if isinstance(piece, str):
                made = phrase(piece, task, position)
            else:
                made = self._word(piece, task, said, ends_at, accept, tally)
                made = made or first_accepted(piece, task, position, accept, tally)
            if made is not None:
                said.append(made.text)
                yield made

    def _word(
        self, clause: Clause, task: Task, said: Sequence[str], ends_at: float, accept: Accept,
        tally: Tally,
    ) -> Claim | None:  # fmt: skip
        left = ends_at - time.monotonic()
        if left <= 0 or (self.mode == "write" and task.language != "en"):
            return None
        make = self._choose if self.mode == "choose" else self._write
        for attempt in range(2 if self.mode == "write" else 1):
            try:
                text = make(clause, task, said, max(0.1, ends_at - time.monotonic()))
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

    def _choose(self, clause: Clause, task: Task, said: Sequence[str], _left: float) -> str:
        options = wordings(clause, task.language)
        if len(options) == 1:
            return options[0]
        system, user = load_prompt("choose_wording").fill(
            shopper_turn=task.shopper_turn, so_far=" ".join(said[-3:])
        )
        return options[self.model.choose(f"{system}\n{user}", options)]

    def _write(self, clause: Clause, task: Task, said: Sequence[str], left: float) -> str:
        del said
        model_sees = wordings(clause, task.language)[0]
        system, user = load_prompt("compose_clause").fill(
            shopper_turn=task.shopper_turn,
            clause=model_sees,
            slots="\n".join(f"{name}: {value}" for name, value in clause.slots.items()),
        )
        words = sorted(load_wordings().words(task.language))
        grammar = slot_grammar(clause.slots, words, max_words=40)
        pieces = self.model.write(
            system, user, grammar=grammar, max_tokens=MAX_CLAUSE_TOKENS, deadline_s=left
        )
        return re.sub(r"\s+", " ", "".join(pieces)).strip()


def wordings(clause: Clause, language: Language) -> tuple[str, ...]:
    """Return the clause's wordings, filled; those that need a slot it lacks are left out."""
    variants = load_wordings().clauses[clause.key].variants(language)
    filled = []
    for variant in variants:
        try:
            filled.append(Template(variant).substitute(clause.slots))
        except KeyError:
            continue
    return tuple(filled)


def first_accepted(
    clause: Clause, task: Task, position: int, accept: Accept, tally: Tally
) -> Claim | None:
    """Return the first variant, in this turn's rotation, that is accepted; None if none is."""
    options = wordings(clause, task.language)
    start = _pick(f"{task.seed}:{position}:{clause.key}", len(options)) if options else 0
    for step in range(len(options)):
        claim = clause.claim(options[(start + step) % len(options)])
        if accept(claim):
            if step:
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
    start = _pick(f"{task.seed}:{position}:{key}", len(options))
    rotated = [options[(start + step) % len(options)] for step in range(len(options))]
    fresh = [text for text in rotated if text not in task.avoid]
    return Phrase(text=(fresh or rotated)[0])


def _pick(seed: str, n: int) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % n
