"""What a composer may ask of a language model, and who may ask at the same time."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from retrieval.errors import ModelBusyError

Schema = Mapping[str, Any]
HEAT = 0.7
"""Temperature of words that are drawn by a seed."""


class Cancel(Protocol):
    """Says whether a text is still wanted; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it is not wanted any more."""
        ...


class LanguageModel(Protocol):
    """What a composer may ask of a language model. Safe to call from several threads."""

    name: str
    revision: str
    """Hash of a local model's files, or what an endpoint calls its model."""
    is_constrained: bool
    """True when `write` enforces its grammar, token by token."""

    def choose(self, context: str, options: Sequence[str]) -> int:
        """Return the number of the option that reads best after the context.

        All options must be true: this is taste, not judgement. Same question, same answer.
        """
        ...

    def write(
        self,
        system: str,
        user: str,
        *,
        grammar: str | None = None,
        json_schema: Schema | None = None,
        max_tokens: int = 256,
        deadline_s: float = 20.0,
        cancel: Cancel | None = None,
        seed: str | None = None,
    ) -> Iterator[str]:
        """Yield the reply piece by piece; closing the iterator or setting `cancel` stops the model.

        Args:
            system: What the model is told to do.
            user: What it is to work on; data, never a template.
            grammar: Lark grammar that the text must follow (`wording_grammar`).
            json_schema: The text must be JSON of this schema; not with `grammar`.
            max_tokens: At most this many tokens; a text can end unfinished.
            deadline_s: Seconds after which the model gives up, waiting for a place included.
            cancel: Set by anyone who no longer wants the text.
            seed: Draws the words by chance, the same ones for the same seed; None takes the
                likeliest.

        Raises:
            ModelBusyError: If too many are waiting already.
            ModelError: If the deadline passes or the model fails.
        """
        ...


class Places:
    """A few may work at once, a few more may wait, the rest are told to come back."""

    def __init__(self, places: int, waiting: int) -> None:
        self._free = threading.Semaphore(places)
        self._queue = threading.Semaphore(places + waiting)

    @contextmanager
    def take(self, *, deadline_s: float, cancel: Cancel | None = None) -> Iterator[None]:
        """Hold a place while inside.

        Raises:
            ModelBusyError: If too many wait, or none gets free in time.
        """
        if not self._queue.acquire(blocking=False):
            raise ModelBusyError("the language model has too many askers; try again in a moment")
        try:
            if not self._wait(deadline_s, cancel):
                raise ModelBusyError(f"the language model was not free within {deadline_s:g} s")
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._queue.release()

    def _wait(self, deadline_s: float, cancel: Cancel | None) -> bool:
        end = time.monotonic() + deadline_s
        while not self._free.acquire(timeout=0.1):
            if time.monotonic() > end or (cancel is not None and cancel.is_set()):
                return False
        return True


def as_number(seed: str) -> int:
    """Return a whole number below 2**64 that stands for the seed."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
