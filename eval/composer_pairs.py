"""Cards and the sentences that answer them: what the project's own composer is trained on.

A card says which clause is wanted, which slots there are, whether the product is already spoken of
and whether the clause shares a sentence (`prompts/compose_card.yaml`). No value of any store stands
on it, so what is learned holds for every store; whether it does is measured on stores of other
goods (`eval.run_composers`). The sentences are the project's own wordings, which the gate passes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from assistant.asking import Asked
from assistant.clauses import Clause
from assistant.prompting import SLOT, Wording, load_prompt, load_wordings
from assistant.wording import Form, Task, shaped

PROMPT = "compose_card"
SPARED_FROM = 4
"""Of a clause with at least so many wordings, one is kept from training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One card with one sentence that answers it."""

    key: str
    system: str
    user: str
    sentence: str
    """With its slots unfilled."""


def spared(key: str) -> str | None:
    """Return the wording of a clause that is kept from training; None if it has too few."""
    wording = load_wordings().clauses[key]
    variants = wording.all_variants("en")
    if len(variants) < SPARED_FROM:
        return None
    return min(variants, key=lambda text: hashlib.sha256(text.encode()).digest())


def pairs() -> list[Pair]:
    """Return every card that a conversation can ask, with each wording that answers it."""
    found = []
    for key, wording in load_wordings().clauses.items():
        if key.startswith("card_") or not wording.slots:
            continue
        for known in (False, True) if wording.en_it else (False,):
            forms: tuple[Form, ...] = ("whole", "first") if wording.joins else ("whole",)
            for form in (*forms, "second") if wording.joins and known else forms:
                found += _answers(key, wording, known, form)
    return found


def _answers(key: str, wording: Wording, known: bool, form: Form) -> list[Pair]:
    clause = Clause(key=key, slots=dict.fromkeys(wording.slots, ""), evidence=())
    ask = Asked.of(clause, form, known=known)
    task = Task(pieces=(), language="en", shopper_turn="", seed="")
    system, user = load_prompt(PROMPT).fill(**ask.variables(PROMPT, task))
    kept = spared(key)
    variants = wording.en_it if known and wording.en_it else wording.en
    return [
        Pair(key=key, system=system, user=user, sentence=shaped(text, form, "en"))
        for text in variants
        if text != kept and set(SLOT.findall(text)) <= set(clause.slots) and _can(text, form)
    ]


def _can(text: str, form: Form) -> bool:
    return form == "whole" or text.endswith(".")
