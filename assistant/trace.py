"""What one turn did, for operators: one structured log line, without the shopper's words."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

log = logging.getLogger("whycart.turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One turn: what was understood, which parts answered, how the words came to be."""

    turn: int
    intent: str
    language: str
    composer: str
    model: str | None
    revision: str | None
    """Hash of the model's files, adapter included; what an endpoint calls its model."""
    store: str
    n_suggestions: int
    n_claims: int
    first_try: int
    repaired: int
    fell_back: int
    by_model: int
    tokens: int = 0
    """Pieces of text that the model wrote."""
    reasons: tuple[str, ...] = ()
    ms: Mapping[str, float] = field(default_factory=dict)

    def emit(self) -> None:
        """Log it at INFO."""
        log.info("%s", json.dumps(asdict(self), ensure_ascii=False))
