"""Claim → Answer → Reply: what the assistant says, clause by clause, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assistant.conversation import Language
from retrieval.evidence import Evidence
from retrieval.query import OfferKind
from retrieval.slate import Bundle, Suggestion

ClaimKind = Literal[
    "number", "attribute", "statistic", "comparison", "quote", "opinion", "offer", "policy"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement that can be true or false."""

    text: str
    kind: ClaimKind
    evidence_ids: tuple[str, ...]
    product_id: str | None = None
    """The product it speaks of, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCheck:
    """The gate's verdict on one claim."""

    supported: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words without any fact in them, from a closed list of the project's own ("Here you go.")."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The text of a reply in pieces, in reading order."""

    pieces: tuple[Claim | Phrase, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The factual pieces."""
        return tuple(p for p in self.pieces if isinstance(p, Claim))

    def as_text(self, language: Language = "en") -> str:
        """Join the pieces as a paragraph."""
        return ("" if language == "zh" else " ").join(p.text for p in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A small button that opens one piece of evidence."""

    label: str
    evidence_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A suggestion as the shopper sees it; every text is in the shopper's language and checked."""

    product_id: str
    offer_kind: OfferKind
    title: str
    brand: str | None
    category: str
    price: str | None
    """Formatted ("$24.95"); None if not stated."""
    list_price: str | None
    """Formatted, only when it is above the price."""
    stock: str
    """A stock word: "In stock", "Only 3 left", "Out of stock", "Stock not stated"."""
    can_add: bool
    rating: float | None
    rating_count: int
    image_url: str | None
    """Relative path inside the store's pictures, or None."""
    reason: str
    """One line, the claim that matters most; empty when there is none."""
    reason_evidence_ids: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    """Upsell: what the dearer one has more of."""
    losses: tuple[str, ...] = ()
    difference: str | None = None
    """Upsell: formatted difference in price ("+$30.00")."""
    anchor_title: str | None = None
    chips: tuple[Chip, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCard:
    """A bundle as the shopper sees it."""

    name: str
    """`best_fit`, `cheapest` or `best_margin` (the last never reaches a shopper)."""
    label: str
    """The name in the shopper's language ("Best fit")."""
    cards: tuple[Card, ...]
    total: str
    """Formatted."""
    note: str
    """One checked line: the sum, and what is left of the budget."""
    product_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one turn, whole and checked."""

    conversation_id: str
    language: Language
    answer: Answer
    checks: tuple[ClaimCheck, ...]
    """One per claim of `answer`, in order. A shown reply holds only supported ones."""
    suggestions: tuple[Suggestion, ...] = ()
    cards: tuple[Card, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    bundle_cards: tuple[BundleCard, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    constraints: Mapping[str, Any] = field(default_factory=dict)
    """As `Constraints`, JSON values, only what is set."""
    chips: Mapping[str, str] = field(default_factory=dict)
    """Removable constraint chips: name for `remove_constraint` → label."""
    cart: Mapping[str, Any] = field(default_factory=dict)
    """{"lines": [{"product_id", "title", "quantity", "price", "subtotal"}], "total"}, formatted."""
    composer: Literal["llm", "template"] = "template"
    suggested_replies: tuple[str, ...] = ()
    """Short things the shopper may want to say next."""
    notes: tuple[str, ...] = ()
    ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The whole reply as shown."""
        return self.answer.as_text(self.language)

    def as_json(self) -> dict[str, Any]:
        """Return the reply as `python -m assistant.chat --jsonl` writes it."""
        return {
            "conversation_id": self.conversation_id,
            "text": self.text,
            "language": self.language,
            "suggestions": [s.as_json() for s in self.suggestions],
            "bundles": [b.as_json() for b in self.bundles],
            "claims": [
                {
                    "text": claim.text,
                    "kind": claim.kind,
                    "evidence_ids": list(claim.evidence_ids),
                    "supported": check.supported,
                }
                for claim, check in zip(self.answer.claims, self.checks, strict=True)
            ],
            "evidence": {i: e.as_json() for i, e in self.evidence.items()},
            "constraints": dict(self.constraints),
            "cart": dict(self.cart),
            "composer": self.composer,
            "notes": list(self.notes),
            "ms": {k: round(v, 3) for k, v in self.ms.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """One record opened: what a chip shows."""

    evidence_id: str
    kind: str
    title: str
    """The fact in words, in the shopper's language."""
    fields: tuple[tuple[str, str], ...]
    """Label and value, in reading order: counts, window, interval, date …"""
    rows: tuple[tuple[str, ...], ...] = ()
    """The raw record itself, header first (the catalogue's line, the review, sample baskets)."""
    quote: str | None = None
    """The review's whole text, where the evidence is a quote."""
    quote_span: tuple[int, int] | None = None
    """The quoted characters within `quote`."""
    complaint: str | None = None
    """The strongest complaint about the product, in the reviewers' words."""
    origin: str = ""
    recompute: str | None = None
    """The command that shows the record again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The turn was understood; what is being done, in words ("Looking through 640 products")."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsReady:
    """The suggestions, before the text."""

    cards: tuple[Card, ...]
    bundle_cards: tuple[BundleCard, ...]
    chips: Mapping[str, str]
    cart: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceReady:
    """One clause that passed the gate, with a phrase's pieces having no evidence."""

    text: str
    evidence_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The whole reply; the last update of a turn."""

    reply: Reply


Update = Started | CardsReady | PieceReady | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOption:
    """One bundle on the agent's desk. Staff only: it holds the margin."""

    name: str
    label: str
    cards: tuple[Card, ...]
    total: str
    margin: str | None
    """Formatted share of the total ("31.4 %"); None if a product states none."""
    reasons: tuple[str, ...]
    """Checked sentences, one or two a product."""
    message: str
    """Text for the shopper, without the margin."""
    optimal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The answer to an agent's request."""

    options: tuple[DeskOption, ...]
    notes: tuple[str, ...] = ()
    """Why there is none, or what was ignored."""
    ms: float = 0.0
