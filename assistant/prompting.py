"""Loads the files in `prompts/` and fills them. Code never builds prompt text.

Filled values are data: marks (`<<<`, `>>>`) inside them are broken, and nothing in them is read
again, so a shopper's `$price` stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from string import Template
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.answer import ClaimKind
from assistant.conversation import Language
from assistant.errors import PromptError
from retrieval.evidence import EvidenceKind

SLOT = re.compile(r"\$([a-z_]+)")
MARKS = re.compile(r"<{3,}|>{3,}")

Model = TypeVar("Model", bound=BaseModel)


class Prompt(BaseModel):
    """One prompt file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: int
    purpose: str
    variables: tuple[str, ...]
    system: str
    user: str

    def fill(self, **values: str) -> tuple[str, str]:
        """Return the system and the user text.

        Raises:
            PromptError: Naming every missing and every unknown variable.
        """
        missing = sorted(set(self.variables) - set(values))
        unknown = sorted(set(values) - set(self.variables))
        if missing or unknown:
            raise PromptError(
                f"prompt {self.name}: missing {missing or 'none'}, unknown {unknown or 'none'}"
            )
        safe = {name: MARKS.sub("…", value) for name, value in values.items()}
        return Template(self.system).substitute(safe), Template(self.user).substitute(safe)


class Wording(BaseModel):
    """One clause: what it claims and the ways to say it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClaimKind
    evidence: tuple[EvidenceKind, ...]
    en: tuple[str, ...]
    zh: tuple[str, ...]
    en_it: tuple[str, ...] = ()
    """For a product that the sentence before spoke of: "it" instead of its name."""
    zh_it: tuple[str, ...] = ()
    joins: bool = False
    """Short enough to share a sentence with another clause about the same product."""

    def variants(self, language: Language, *, known: bool = False) -> tuple[str, ...]:
        """The wordings of a language, unfilled; those that say "it" first if it is known."""
        plain, short = (self.en, self.en_it) if language == "en" else (self.zh, self.zh_it)
        return (*short, *plain) if known else plain

    def all_variants(self, language: Language) -> tuple[str, ...]:
        """Every wording of a language, unfilled."""
        return self.variants(language, known=True)

    @property
    def slots(self) -> frozenset[str]:
        """Every slot that some variant uses."""
        both = (*self.all_variants("en"), *self.all_variants("zh"))
        return frozenset(SLOT.findall(" ".join(both)))


class Wordings(BaseModel):
    """The closed list of clauses and phrases."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["wordings"]
    version: int
    purpose: str
    clauses: Mapping[str, Wording]
    phrases: Mapping[str, Mapping[Language, tuple[str, ...]]]

    def repeated(self, key: str, language: Language) -> tuple[str, ...]:
        """Return a phrase's texts as they are said when they were said often ("As before: …")."""
        leads, texts = self.phrases["again"][language], self.phrases[key][language]
        return tuple(f"{lead}{lower_first(text)}" for text in texts for lead in leads)


def lower_first(text: str) -> str:
    """Return a sentence as it stands after other words; "I" stays what it is."""
    return text if text.startswith(("I ", "I'")) else text[:1].lower() + text[1:]


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same reader in C, where it was built: fifteen times as fast."""


@cache
def load_prompt(name: str) -> Prompt:
    """Read `prompts/<name>.yaml`.

    Raises:
        PromptError: If the file is missing, malformed, or its variables do not match its text.
    """
    prompt = _read(name, Prompt)
    used = set(SLOT.findall(prompt.system + prompt.user))
    if used != set(prompt.variables):
        raise PromptError(
            f"prompts/{name}.yaml: variables {sorted(prompt.variables)} but the text uses "
            f"{sorted(used)}; make them the same"
        )
    return prompt


@cache
def load_wordings() -> Wordings:
    """Read `prompts/wordings.yaml`."""
    return _read("wordings", Wordings)


def _read(name: str, model: type[Model]) -> Model:
    file = resources.files("prompts").joinpath(f"{name}.yaml")
    try:
        return model.model_validate(yaml.load(file.read_text("utf-8"), LOADER))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise PromptError(f"prompts/{name}.yaml: {error}") from error
