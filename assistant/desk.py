"""The agent's desk: bundle options with margin and reasons, and a message without the margin."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal

from assistant.answer import Desk, DeskOption
from assistant.cards import BUNDLE_LABELS, bundle_card
from assistant.handlers.present import main_clause
from assistant.scene import Outcome, Scene
from assistant.wording import Task, phrase
from retrieval.query import Constraints
from retrieval.slate import Bundle, Slate, Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRequest:
    """What an agent asks for."""

    shopper_id: str | None
    basket: tuple[str, ...]
    text: str
    total_max: Decimal | None
    min_items: int
    max_items: int
    must_include: tuple[str, ...]
    exclude: tuple[str, ...]
    margin_min: Decimal | None


def solve_desk(scene: Scene, request: DeskRequest) -> Desk:
    """Return up to three options; notes say what stands in the way when there is none."""
    started = time.perf_counter()
    query = scene.query(
        offer_kind="bundle",
        text=request.text.strip() or None,
        basket=request.basket,
        shopper_id=request.shopper_id,
        constraints=Constraints(
            total_max=request.total_max,
            min_items=request.min_items,
            max_items=max(request.min_items, request.max_items),
            must_include=request.must_include,
            exclude=request.exclude,
            margin_min=request.margin_min,
        ),
    )
    slate = scene.recommender.recommend(query)
    options = tuple(_option(scene, slate, bundle) for bundle in slate.bundles)
    return Desk(options=options, notes=slate.notes, ms=(time.perf_counter() - started) * 1000)


def _option(scene: Scene, slate: Slate, bundle: Bundle) -> DeskOption:
    english, chinese = BUNDLE_LABELS[bundle.name]
    reasons = []
    for product_id in bundle.product_ids:
        ids = tuple(i for i in bundle.evidence_ids if product_id in slate.evidence[i].product_ids)
        suggestion = Suggestion(
            product_id=product_id, offer_kind="bundle", score=0.0, score_parts={}, evidence_ids=ids
        )
        outcome = Outcome(conversation=scene.conversation, evidence=dict(slate.evidence))
        clause = main_clause(scene, suggestion, outcome)
        words = scene.reason_of(clause, slate.evidence)[0] if clause is not None else ""
        if words and words not in reasons:
            reasons.append(words)
    total = next(
        slate.evidence[i] for i in bundle.evidence_ids if slate.evidence[i].kind == "total"
    )
    sum_line = scene.reason_of(scene.speaker.total(total), slate.evidence)[0]
    card = bundle_card(scene.speaker, bundle, slate, scene.reason, sum_line)
    return DeskOption(
        name=bundle.name,
        label=english if scene.language == "en" else chinese,
        cards=card.cards,
        total=card.total,
        margin=None if bundle.margin is None else f"{100 * bundle.margin:.1f} %",
        reasons=tuple(reasons),
        message=_message(scene, [f"{c.title} – {c.price}" for c in card.cards], sum_line, reasons),
        optimal=bundle.optimal,
    )


def _message(scene: Scene, lines: list[str], total: str, reasons: list[str]) -> str:
    """Return plain text for the shopper; every line is a record or a checked sentence."""
    task = Task(pieces=(), language=scene.language, shopper_turn="", seed="desk")
    opening = phrase("bundle", task, 0).text
    products = "\n".join(f"• {line}" for line in lines)
    return "\n".join([opening, products, total, *reasons])
