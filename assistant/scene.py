"""What a handler of one turn works with, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assistant.answer import BundleCard, Card
from assistant.clauses import Clause, Speaker
from assistant.config import AssistantConfig
from assistant.conversation import Conversation, Language
from assistant.intent import Understanding
from assistant.wording import Piece
from retrieval.data.dataset import Catalogue, Product
from retrieval.evidence import Evidence
from retrieval.pipeline import Recommender
from retrieval.query import Constraints, Query
from retrieval.records import Records
from retrieval.slate import Bundle, Slate, Suggestion

UNASKED = ("cross_sell", "bundle")
"""Offers whose categories the ranker chooses, not the shopper."""
Reason = Callable[[Suggestion, Mapping[str, Evidence]], tuple[str, tuple[str, ...]]]
"""A suggestion's one checked line, and the evidence behind it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One turn on one store."""

    recommender: Recommender
    speaker: Speaker
    config: AssistantConfig
    conversation: Conversation
    understanding: Understanding
    text: str
    reason: Reason
    reason_of: Callable[[Clause, Mapping[str, Evidence]], tuple[str, tuple[str, ...]]]
    """The first checked wording of one clause, and its evidence ids; empty if none passes."""

    @property
    def catalogue(self) -> Catalogue:
        """The products."""
        return self.recommender.store.catalogue

    @property
    def records(self) -> Records:
        """Where evidence comes from."""
        return self.recommender.records

    @property
    def language(self) -> Language:
        """The language of the reply."""
        return self.conversation.language

    def product(self, product_id: str) -> Product:
        """Return a product."""
        return self.catalogue[product_id]

    def query(self, **fields: object) -> Query:
        """Return a query of this conversation; what was rejected stays out."""
        c = self.conversation
        constraints = Constraints.model_validate(fields.pop("constraints", c.constraints))
        rejected = tuple(dict.fromkeys([*constraints.exclude, *c.rejected]))
        update: dict[str, object] = {"exclude": rejected}
        if fields.get("offer_kind") in UNASKED or not fields.get("text"):
            update["exclude_categories"] = self.without_declined(constraints)
        values: dict[str, object] = {
            "query_id": f"{c.conversation_id[:8]}-{c.n_turns + 1}",
            "shopper_id": c.shopper_id,
            "personalise": c.personalise,
            "k": self.config.cards,
            "constraints": constraints.model_copy(update=update),
        }
        return Query.model_validate(values | fields)

    def without_declined(self, constraints: Constraints) -> tuple[str, ...]:
        """Return what is excluded, with the categories declined that are not asked for by name."""
        asked = {*constraints.categories, *self.conversation.constraints.categories}
        declined = [name for name in self.conversation.declined if name not in asked]
        return tuple(dict.fromkeys([*constraints.exclude_categories, *declined]))

    def session(self) -> dict[str, tuple[str, ...]]:
        """Return what this visit says so far, as fields of a query; nothing if it may not be used.

        `basket` is the open cart, `history` what was looked at and is not in it, latest last.
        """
        c = self.conversation
        if not c.personalise:
            return {}
        basket = c.cart.product_ids
        return {"basket": basket, "history": tuple(p for p in c.viewed if p not in basket)}


@dataclass(kw_only=True)
class Outcome:
    """What a handler decided; the composer only words it."""

    conversation: Conversation
    pieces: list[Piece] = field(default_factory=list)
    suggestions: tuple[Suggestion, ...] = ()
    cards: tuple[Card, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    bundle_cards: tuple[BundleCard, ...] = ()
    evidence: dict[str, Evidence] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    suggested_replies: tuple[str, ...] = ()
    ms: dict[str, float] = field(default_factory=dict)

    def take(self, slate: Slate) -> None:
        """Add a slate's suggestions, evidence, notes and times."""
        self.suggestions += slate.suggestions
        self.evidence |= slate.evidence
        self.notes += slate.notes
        for name, value in slate.ms.items():
            self.ms[name] = self.ms.get(name, 0.0) + value

    def add(self, *facts: Evidence | None) -> None:
        """Add evidence."""
        self.evidence |= {fact.evidence_id: fact for fact in facts if fact is not None}
