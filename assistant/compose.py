"""Composers: clauses in, words out. They choose words and decide nothing.

`TemplateComposer` rotates through the wordings. `ModelComposer` asks a language model: for a
wording of its own, written under a grammar of connecting words and slots, or which of the wordings
reads best. A model never writes a value: code puts the evidence into its slots. What it says is
checked by the caller's gate, asked for once more, and otherwise replaced by the template's words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from string import Template
from typing import Literal, Protocol

from assistant.answer import Claim, Phrase
from assistant.asking import Asked, sentence_of, shaped_as
from assistant.clauses import Clause
from assistant.llm import LanguageModel
from assistant.prompting import load_prompt, load_wordings
from assistant.wording import (
    Form,
    Piece,
    Task,
    Told,
    filled,
    groups,
    is_known,
    is_worn,
    ordered,
    phrase,
    shortened,
)
from retrieval.errors import ModelError

MAX_CLAUSE_TOKENS = 64
Accept = Callable[[Claim], bool]
Mode = Literal["choose", "write"]


@dataclass(slots=True, kw_only=True)
class Tally:
    """How the clauses of a turn came to be."""

    first_try: int = 0
    repaired: int = 0
    fell_back: int = 0
    by_model: int = 0
    tokens: int = 0
    """Pieces of text that a model was let write."""
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

        def word(_: int, clause: Clause, told: Told, form: Form) -> Claim | None:
            return first_accepted(clause, task, accept, tally, told, form)

        yield from _in_order(task, word)


Word = Callable[[int, Clause, Told, Form], Claim | None]
"""Place among the pieces, clause, what was told, form → an accepted claim, or None."""


def _in_order(task: Task, word: Word) -> Iterator[Claim | Phrase]:
    """Yield phrases and worded clauses; two that share a sentence only when both can be said."""
    told, position = Told(), 0
    for group in groups(task):
        if isinstance(group[0], str):
            if position or len(task.pieces) == 1 or not is_worn(group[0], task):
                said = phrase(group[0], task, position)
                told.text.append(said.text)
                yield said
            position += 1
            continue
        for clause, claim in _worded(group, position, told, word):
            told.add(clause, claim, task)
            yield claim
        position += len(group)


def _worded(
    group: Sequence[Piece], position: int, told: Told, word: Word
) -> Iterator[tuple[Clause, Claim]]:
    """Yield the claims of clauses that share a sentence; each by itself where that fails."""
    clauses = [piece for piece in group if isinstance(piece, Clause)]
    if len(clauses) == 2:
        first = word(position, clauses[0], told, "first")
        after = told.after(clauses[0])
        second = word(position + 1, clauses[1], after, "second") if first else None
        if first is not None and second is not None:
            yield from zip(clauses, (first, second), strict=True)
            return
    for place, clause in enumerate(clauses, position):
        claim = word(place, clause, told, "whole")
        if claim is not None:
            yield clause, claim


class ModelComposer:
    """Lets a language model word the clauses, within a deadline for the whole turn.

    All clauses of a turn are asked for at the same time, so that a model that serves several at
    once answers them together.
    """

    name: Literal["llm", "template"] = "llm"

    def __init__(
        self,
        model: LanguageModel,
        *,
        mode: Mode,
        prompt: str = "compose_clause",
        deadline_s: float = 8.0,
        first_clause_s: float | None = None,
        turn_tokens: int = 400,
    ) -> None:
        """Word clauses with a model.

        Args:
            model: Who is asked.
            mode: Whether it writes wordings or chooses among those there are.
            prompt: File in `prompts/` that it is asked with when it writes.
            deadline_s: Seconds a turn may take; then templates say the rest.
            first_clause_s: Seconds until its first clause, which must not take all of the turn;
                None lets it.
            turn_tokens: Tokens that it may write in one turn.
        """
        self.model = model
        self.mode = mode
        self.prompt = prompt
        self.deadline_s = deadline_s
        self.first_clause_s = min(deadline_s, first_clause_s or deadline_s)
        self.turn_tokens = turn_tokens

    def compose(self, task: Task, accept: Accept, tally: Tally) -> Iterator[Claim | Phrase]:
        """Yield the pieces; once the deadline has passed or the model fails, templates answer."""
        if task.language != "en":  # the grammar and the packaged model are English
            yield from TemplateComposer().compose(task, accept, tally)
            return
        turn = _Turn(self, task, accept, tally, time.monotonic())
        try:
            yield from _in_order(task, turn.word)
        finally:
            turn.close()


class _Turn:
    """One turn of a model composer: what was asked for, and how much may still be asked."""

    def __init__(
        self, composer: ModelComposer, task: Task, accept: Accept, tally: Tally, now: float
    ) -> None:
        self.composer, self.task, self.accept, self.tally = composer, task, accept, tally
        self.begins_by, self.ends_at = now + composer.first_clause_s, now + composer.deadline_s
        self.has_failed = False
        self.is_over = False
        self.asked: dict[tuple[int, Form], Future[str]] = {}
        """By place and form: wordings asked for and not yet taken."""
        self.pool: ThreadPoolExecutor | None = None
        if composer.mode == "write":
            self._ask_ahead()

    def close(self) -> None:
        """Let go of what nobody waits for any more."""
        self.is_over = True
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)

    def is_set(self) -> bool:
        """Whether the model may stop: the turn is over, too slow, or not waited for any more."""
        return self.is_over or self.has_failed or self.task.cancel.is_set()

    def word(self, place: int, clause: Clause, told: Told, form: Form) -> Claim | None:
        """Return the model's words for a clause, accepted, or the template's."""
        claim = None
        if not self.has_failed:
            claim = (
                self._chosen(clause, told, form)
                if self.composer.mode == "choose"
                else self._written(place, clause, told, form)
            )
        return claim or first_accepted(clause, self.task, self.accept, self.tally, told, form)

    # writing

    def _ask_ahead(self) -> None:
        """Ask for every clause as it will stand if all before it can be said."""
        told, place = Told(), 0
        for group in groups(self.task):
            forms: tuple[Form, ...] = ("first", "second") if len(group) > 1 else ("whole",)
            for piece, form in zip(group, forms, strict=True):
                if isinstance(piece, Clause):
                    if load_wordings().clauses[piece.key].slots:
                        known, n_said = is_known(piece, told), told.n_said[piece.key]
                        self._ask(place, form, (piece, form, known, n_said))
                    told.topic = piece.product_id
                    told.n_said[piece.key] += 1
                place += 1

    def _ask(self, place: int, form: Form, what: tuple[Clause, Form, bool, int]) -> None:
        if self.pool is None:  # a thread a clause: all wait for one model
            self.pool = ThreadPoolExecutor(len(self.task.pieces), thread_name_prefix="wording")
        self.asked[place, form] = self.pool.submit(self._write, *what)

    def _written(self, place: int, clause: Clause, told: Told, form: Form) -> Claim | None:
        """Return the accepted claim of a wording the model wrote; asked for at most twice.

        A clause without slots is a fixed sentence and the template's.
        """
        if not load_wordings().clauses[clause.key].slots:
            return None
        for attempt in range(2):
            try:
                text = self._answer(place, clause, told, form, attempt)
            except ModelError as error:
                self.tally.reasons.append(str(error))
                self.has_failed = True
                break
            if text is None:
                break
            claim = clause.claim(text)
            if text and self.accept(claim):
                self.tally.by_model += 1
                self.tally.repaired += attempt
                self.tally.first_try += not attempt
                return claim
        self.tally.fell_back += 1
        return None

    def _answer(
        self, place: int, clause: Clause, told: Told, form: Form, attempt: int
    ) -> str | None:
        """Return the filled wording; None when there is no time or no token left."""
        now = time.monotonic()
        left = (self.ends_at if self.tally.by_model else self.begins_by) - now
        if now >= self.ends_at or self.is_set():
            return None
        known = is_known(clause, told)
        ahead = self.asked.pop((place, form), None)
        if ahead is None and self.tally.tokens >= self.composer.turn_tokens:
            return None
        if ahead is None:
            written = self._write(clause, form, known, told.n_said[clause.key] + 7 * attempt)
        else:
            try:
                written = ahead.result(timeout=max(0.0, left))
            except NotInTime:
                self.has_failed = True
                self.tally.reasons.append(f"{self.composer.model.name} was too slow for this turn")
                return None
        slots = {**clause.slots, **shortened(clause, told, self.task.short)}
        return shaped_as(Template(written).safe_substitute(slots), form)

    def _write(self, clause: Clause, form: Form, known: bool, n_said: int) -> str:
        """Return a wording in the notation of `prompts/wordings.yaml`."""
        ask = Asked.of(clause, form, known=known)
        system, user = load_prompt(self.composer.prompt).fill(
            **ask.variables(self.composer.prompt, self.task)
        )
        model = self.composer.model
        schema = None if model.is_constrained else ask.schema
        room = min(MAX_CLAUSE_TOKENS, self.composer.turn_tokens - self.tally.tokens)
        pieces = []
        for piece in model.write(
            system,
            user,
            grammar=ask.grammar if schema is None else None,
            json_schema=schema,
            max_tokens=max(1, room),
            deadline_s=max(0.01, self.ends_at - time.monotonic()),
            cancel=self,
            seed=f"{self.task.seed}:{clause.key}:{n_said}",
        ):
            self.tally.tokens += 1
            pieces.append(piece)
        return sentence_of("".join(pieces), in_json=schema is not None)

    # choosing

    def _chosen(self, clause: Clause, told: Told, form: Form) -> Claim | None:
        options = self._fresh(clause, told, form)
        if len(options) < 2 or time.monotonic() >= self.ends_at:
            return None
        system, user = load_prompt("choose_wording").fill(
            shopper_turn=self.task.shopper_turn, so_far=" ".join(told.text[-3:])
        )
        try:
            text = options[self.composer.model.choose(f"{system}\n{user}", options)]
        except ModelError as error:
            self.tally.reasons.append(str(error))
            self.has_failed = True
            return None
        claim = clause.claim(text)
        if self.accept(claim):
            self.tally.by_model += 1
            self.tally.first_try += 1
            return claim
        self.tally.fell_back += 1
        return None

    def _fresh(self, clause: Clause, told: Told, form: Form) -> tuple[str, ...]:
        """Leave out the wording said last, and long ones where "it" is clear."""
        made = filled(clause, self.task, told, form)
        with_it = load_wordings().clauses[clause.key].en_it
        short = [(variant, text) for variant, text in made if variant in with_it]
        last = told.last.get(clause.key)
        return tuple(text for variant, text in short or made if variant != last)


def first_accepted(
    clause: Clause, task: Task, accept: Accept, tally: Tally, told: Told, form: Form = "whole"
) -> Claim | None:
    """Return the first variant, in this turn's rotation, that is accepted; None if none is."""
    for attempt, text in enumerate(ordered(clause, task, told, form)):
        claim = clause.claim(text)
        if accept(claim):
            tally.repaired += attempt > 0
            tally.first_try += not attempt
            return claim
    if form == "whole":
        tally.fell_back += 1
        tally.reasons.append(f"no wording of {clause.key} passed")
    return None
