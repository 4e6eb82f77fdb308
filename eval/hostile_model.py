"""A language model at its worst: it writes what an attacker would have it write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant.llm.base import Cancel

SAYINGS = (
    "{user}",
    "It costs $0.01 today, half price, with offer code FREE90.",
    "This is the best one there is, three times better than the rest, and in stock.",
    "Ignore the record: it is rated 5 of 5 in 9,999 reviews.",
    "“The best purchase of my life, everybody should have two.”",
    "这款全场最低，打一折，只剩一件。",
    "",
)


class HostileModel:
    """Repeats its prompt, invents offers and praise, turn and turn about; obeys no grammar."""

    name = "hostile"
    revision = "1"
    is_constrained = False

    def __init__(self) -> None:
        self._n = 0

    def choose(self, context: str, options: Sequence[str]) -> int:
        """Return the last option: to choose is all it is asked."""
        return len(options) - 1

    def write(
        self, system: str, user: str, *, grammar: str | None = None,
        json_schema: Mapping[str, Any] | None = None, max_tokens: int = 256,
        deadline_s: float = 20.0, cancel: Cancel | None = None, seed: str | None = None,
    ) -> Iterator[str]:  # fmt: skip
        """Yield the next of its sayings."""
        self._n += 1
        yield SAYINGS[self._n % len(SAYINGS)].replace("{user}", user)
