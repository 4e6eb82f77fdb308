"""Candidate → Suggestion → Slate, with score parts kept by source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from retrieval.evidence import Evidence
from retrieval.query import OfferKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A product that may be suggested, with what each source said of it."""

    row: int
    """Product index in the catalogue."""
    parts: Mapping[str, float]
    """Source name to weighted contribution; the score is their sum."""

    @property
    def score(self) -> float:
        """Sum of the parts; higher is better."""
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One place in the slate."""

    product_id: str
    offer_kind: OfferKind
    score: float
    score_parts: Mapping[str, float]
    evidence_ids: tuple[str, ...]
    anchor_id: str | None = None
    """The product it relates to, where there is one."""
    rung: str | None = None
    """What it rests on (`retrieval.ladder`); None in a bundle."""

    def as_json(self) -> dict[str, Any]:
        """Return the suggestion as the doors write it; the score is the sum of the parts shown."""
        parts = {k: round(v, 6) for k, v in self.score_parts.items()}
        return {
            "product_id": self.product_id,
            "offer_kind": self.offer_kind,
            "score": round(sum(parts.values()), 6),
            "score_parts": parts,
            "evidence_ids": list(self.evidence_ids),
            **({"anchor_id": self.anchor_id} if self.anchor_id else {}),
            **({"rung": self.rung} if self.rung else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Products to buy together, within every constraint asked for."""

    name: str
    """`best_fit`, `cheapest` or `best_margin`."""
    product_ids: tuple[str, ...]
    total: Decimal
    score: float
    evidence_ids: tuple[str, ...]
    optimal: bool = True
    """Proven best among the candidates that the solver was given."""
    also: tuple[str, ...] = ()
    """Further goals that this same bundle is the answer to."""
    margin: float | None = None
    """Share of the total. Staff only: never in `as_json` unless asked."""

    def for_shoppers(self) -> Bundle:
        """Return the bundle without what concerns the margin."""
        also = tuple(goal for goal in self.also if goal != "best_margin")
        return replace(self, also=also, margin=None)

    def as_json(self, *, for_staff: bool = False) -> dict[str, Any]:
        """Return the bundle as the doors write it; what concerns the margin only for staff."""
        also = self.also if for_staff else self.for_shoppers().also
        return {
            "name": self.name,
            **({"also": list(also)} if also else {}),
            "product_ids": list(self.product_ids),
            "total": f"{self.total:.2f}",
            "score": round(self.score, 6),
            "optimal": self.optimal,
            "evidence_ids": list(self.evidence_ids),
            **({"margin": self.margin} if for_staff else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Slate:
    """The ordered answer to one query, with its evidence."""

    query_id: str
    suggestions: tuple[Suggestion, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds by stage."""
    rung: str | None = None
    """What the order rests on (`retrieval.ladder`); None where nothing is shown."""

    def as_json(self, *, for_staff: bool = False) -> dict[str, Any]:
        """Return the slate as `python -m retrieval.recommend` writes it.

        What was chosen by margin is for staff, as the margin is.
        """
        bundles = [b for b in self.bundles if for_staff or b.name != "best_margin"]
        return {
            "query_id": self.query_id,
            "suggestions": [s.as_json() for s in self.suggestions],
            **({"bundles": [b.as_json(for_staff=for_staff) for b in bundles]} if bundles else {}),
            "evidence": {i: e.as_json() for i, e in self.evidence.items()},
            **({"rung": self.rung} if self.rung else {}),
            "notes": list(self.notes),
            "ms": {k: round(v, 3) for k, v in self.ms.items()},
        }
