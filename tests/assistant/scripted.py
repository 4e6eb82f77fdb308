"""A language model whose words are written by the test, and which remembers what it was asked."""

import threading
from collections.abc import Iterator, Sequence

from retrieval.errors import ModelError


class ScriptedLLM:
    """Says the given texts in turn, the last one for ever; an exception among them is raised."""

    name = "scripted"
    revision = "0"

    def __init__(
        self,
        *texts: str | Exception,
        choices: Sequence[int] = (0,),
        is_constrained: bool = False,
    ):
        self.texts = list(texts)
        self.choices = list(choices)
        self.is_constrained = is_constrained
        self.written: list[dict[str, object]] = []
        """What `write` was asked, argument by argument."""
        self.chosen: list[tuple[str, tuple[str, ...]]] = []
        """What `choose` was asked: context, options."""

    def choose(self, context: str, options: Sequence[str]) -> int:
        self.chosen.append((context, tuple(options)))
        choice = self.choices[min(len(self.chosen), len(self.choices)) - 1]
        return choice if choice < len(options) else 0

    def write(
        self,
        system: str,
        user: str,
        *,
        grammar: str | None = None,
        json_schema=None,
        max_tokens: int = 256,
        deadline_s: float = 20.0,
        cancel: threading.Event | None = None,
        seed: str | None = None,
    ) -> Iterator[str]:
        self.written.append(
            {
                "system": system,
                "user": user,
                "grammar": grammar,
                "json_schema": json_schema,
                "max_tokens": max_tokens,
                "deadline_s": deadline_s,
                "seed": seed,
            }
        )
        if not self.texts:
            raise ModelError("nothing was scripted for this question")
        text = self.texts[min(len(self.written), len(self.texts)) - 1]
        if isinstance(text, Exception):
            raise text
        for start in range(0, len(text), 16):
            if cancel is not None and cancel.is_set():
                return
            yield text[start : start + 16]
