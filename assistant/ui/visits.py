"""What a conversation has on the screen, kept on the server so that a reload brings it back.

The conversation itself (constraints, cart, transcript) belongs to the service. This is only the
look of it: cards and clauses already shown. It is a bounded memory, not a record: when a visit has
been dropped, or the app restarted, the screen is rebuilt from the conversation's transcript.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistant.answer import BundleCard, Card, PieceReady
from assistant.conversation import Language

MAX_TURNS_SHOWN = 60


@dataclass(slots=True, kw_only=True)
class ShownTurn:
    """One message or action and what has come back so far."""

    key: str
    said: str
    language: Language
    status: str = ""
    cards: tuple[Card, ...] = ()
    bundle_cards: tuple[BundleCard, ...] = ()
    pieces: list[PieceReady] = field(default_factory=list)
    suggested_replies: tuple[str, ...] = ()
    error: str = ""
    is_stopped: bool = False
    is_done: bool = False


@dataclass(slots=True, kw_only=True)
class Visit:
    """One conversation's screen."""

    conversation_id: str
    language: Language
    shopper_id: str | None = None
    is_personal: bool = True
    turns: list[ShownTurn] = field(default_factory=list)
    n_turns: int = 0
    chips: Mapping[str, str] = field(default_factory=dict)
    cart: Mapping[str, Any] = field(default_factory=dict)
    _cancel: threading.Event | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def next_key(self) -> str:
        """Name of the place where the next turn will stand."""
        return f"t{self.n_turns + 1}"

    def begin(self, said: str) -> tuple[ShownTurn, threading.Event] | None:
        """Open the next turn; None while another one is being answered."""
        with self._lock:
            if self._cancel is not None:
                return None
            self._cancel = threading.Event()
            shown = ShownTurn(key=self.next_key, said=said, language=self.language)
            self.n_turns += 1
            return shown, self._cancel

    def keep(self, shown: ShownTurn) -> None:
        """Put a turn on the screen for good."""
        if shown not in self.turns:
            self.turns.append(shown)
            del self.turns[:-MAX_TURNS_SHOWN]

    def end(self) -> None:
        """Close the open turn."""
        with self._lock:
            self._cancel = None

    def stop(self) -> None:
        """Ask the open turn to stop, if there is one."""
        with self._lock:
            if self._cancel is not None:
                self._cancel.set()

    def title_of(self, product_id: str | None) -> str:
        """Return the title under which the product was shown, or its id."""
        for shown in reversed(self.turns):
            for card in (*shown.cards, *(c for b in shown.bundle_cards for c in b.cards)):
                if card.product_id == product_id:
                    return card.title
        for line in self.cart.get("lines", ()):
            if line["product_id"] == product_id:
                return str(line["title"])
        return product_id or ""


class Visits:
    """The visits of one shop, the least recently used dropped first."""

    def __init__(self, *, max_visits: int = 2_000) -> None:
        """Keep at most that many."""
        self._max_visits = max_visits
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, conversation_id: str) -> Visit | None:
        """Return the visit, if it is still remembered."""
        with self._lock:
            visit = self._visits.get(conversation_id)
            if visit is not None:
                self._visits.move_to_end(conversation_id)
            return visit

    def put(self, visit: Visit) -> Visit:
        """Remember a visit and return it; one that came first wins."""
        with self._lock:
            visit = self._visits.setdefault(visit.conversation_id, visit)
            self._visits.move_to_end(visit.conversation_id)
            while len(self._visits) > self._max_visits:
                self._visits.popitem(last=False)
            return visit
