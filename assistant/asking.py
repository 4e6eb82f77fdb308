"""What a language model is asked when it words a clause: everything but the clause's values."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass

from assistant.clauses import Clause
from assistant.llm import sentence_pattern, wording_grammar
from assistant.prompting import SLOT, load_wordings
from assistant.wording import Form, Task, shaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a model is asked for: one clause, without any of its values."""

    key: str
    form: Form
    known: bool
    slots: tuple[str, ...]
    complete: frozenset[frozenset[str]]
    """Which slots a sentence must hold to say enough."""
    wordings: tuple[str, ...]

    @classmethod
    def of(cls, clause: Clause, form: Form, *, known: bool) -> Asked:
        """Take from the closed list what may be said of this clause here."""
        wording = load_wordings().clauses[clause.key]
        variants = wording.en_it if form == "second" else wording.variants("en", known=known)
        usable = [v for v in variants if set(SLOT.findall(v)) <= set(clause.slots)]
        complete = frozenset(frozenset(SLOT.findall(v)) for v in usable)
        return cls(
            key=clause.key,
            form=form,
            known=known,
            slots=tuple(sorted(frozenset().union(*complete))),
            complete=complete,
            wordings=tuple(shaped(v, form, "en") for v in usable),
        )

    @property
    def grammar(self) -> str:
        """The grammar that a local model is held to."""
        return wording_grammar(self.wordings, self.complete)

    @property
    def schema(self) -> dict[str, object]:
        """The JSON schema that an endpoint is held to: one sentence of the wordings' pieces."""
        pattern = sentence_pattern(self.wordings)
        return {
            "type": "object",
            "properties": {"sentence": {"type": "string", "pattern": f"^{pattern}$"}},
            "required": ["sentence"],
            "additionalProperties": False,
        }

    def variables(self, prompt: str, task: Task) -> dict[str, str]:
        """Return what a prompt is filled with; only larger models read the shopper's words."""
        known = "yes" if self.known else "no"
        slots = " ".join(f"${name}" for name in self.slots)
        if prompt == "compose_card":
            return {"clause": self.key, "slots": slots, "it": known, "form": self.form}
        return {
            "shopper_turn": task.shopper_turn,
            "slots": slots,
            "wordings": "\n".join(self.wordings),
        }


def sentence_of(text: str, *, in_json: bool) -> str:
    """Return the sentence of an answer; one that is not as asked is taken as it stands."""
    if in_json:
        with suppress(ValueError, KeyError, TypeError):
            text = str(json.loads(text)["sentence"])
    return re.sub(r"\s+", " ", text).strip()


def shaped_as(text: str, form: Form) -> str:
    """Return a model's sentence; one that must share a sentence and does not is no answer."""
    if form == "first":
        return text if text.endswith(",") else ""
    if form == "second":
        return text if text.startswith("and ") else ""
    return text
