"""From a slate to what is shown and said about it; shared by the handlers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from assistant.answer import Card
from assistant.cards import bundle_card, card
from assistant.clauses import Clause
from assistant.conversation import Shown
from assistant.policy import complaint_is_due, constraint_labels, is_divided, with_caution
from assistant.scene import Outcome, Scene
from retrieval.evidence import Evidence
from retrieval.query import Constraints, OfferKind, Query
from retrieval.slate import Bundle, Slate, Suggestion

FEW_RATINGS = 3
"""A mean of fewer ratings is on the card, with its count, and not said."""
RELATIONS = ("compatibility", "bought_together", "repurchase", "own_history", "viewed_together")


def present(
    scene: Scene,
    query: Query,
    slate: Slate,
    *,
    opening: str,
    offer_kind: OfferKind | Literal["search"],
    **state: object,
) -> Outcome:
    """Return the outcome of showing a slate: cards, clauses, and the conversation's new state."""
    c = scene.conversation
    shown = tuple(
        Shown(product_id=s.product_id, offer_kind=s.offer_kind, anchor_id=s.anchor_id)
        for s in slate.suggestions
    )
    ids = [s.product_id for s in slate.suggestions]
    conversation = c.model_copy(
        update={
            "shown": shown or c.shown,
            "seen": tuple(dict.fromkeys([*c.seen, *ids]))[-200:],
            "focus": ids[0] if ids else c.focus,
            "offer_kind": offer_kind,
            "last_query": query,
            "anchors": query.anchors,
            **state,
        }
    )
    outcome = Outcome(conversation=conversation)
    outcome.take(slate)
    outcome.cards = tuple(
        cautioned(scene, outcome, card(scene.speaker, s, slate.evidence, scene.reason))
        for s in slate.suggestions
    )
    if slate.suggestions:
        outcome.pieces.append(opening)
    return outcome


def say_suggestions(scene: Scene, outcome: Outcome, suggestions: Sequence[Suggestion]) -> None:
    """Add the strongest clause of each of the first few, then praise and a due complaint."""
    spoken = suggestions[: scene.config.spoken]
    for suggestion in spoken:
        clause = main_clause(scene, suggestion, outcome)
        if clause is not None:
            outcome.pieces.append(clause)
    if spoken:
        say_reviews(scene, outcome, spoken[0])


def say_found(scene: Scene, outcome: Outcome, suggestions: Sequence[Suggestion]) -> None:
    """Say what a search found: the first with price, rating and reviews; others against it."""
    first = suggestions[0]
    facts = [outcome.evidence[i] for i in first.evidence_ids]
    for kind in ("price", "rating"):
        fact = next((f for f in facts if f.kind == kind and is_telling(f)), None)
        clause = scene.speaker.say(fact, about=first.product_id) if fact is not None else None
        if clause is not None:
            outcome.pieces.append(clause)
    say_reviews(scene, outcome, first)
    head = scene.product(first.product_id)
    for suggestion in suggestions[1 : scene.config.spoken]:
        fact = scene.records.difference(scene.product(suggestion.product_id), head)
        if fact is not None and fact.data["difference"] != "0.00":
            outcome.add(fact)
            outcome.pieces.append(scene.speaker.difference(fact))


def is_telling(fact: Evidence) -> bool:
    """Whether a rating rests on enough reviews to be said; other records always are."""
    return fact.kind != "rating" or int(fact.data["rating_count"]) >= FEW_RATINGS


def main_clause(scene: Scene, suggestion: Suggestion, outcome: Outcome) -> Clause | None:
    """Return the clause that says most: a relation, else the rating, else the price."""
    facts = [outcome.evidence[i] for i in suggestion.evidence_ids]
    for kind in (*RELATIONS, "rating", "price"):
        for fact in facts:
            if fact.kind != kind or fact.data.get("works") is False or not is_telling(fact):
                continue
            if kind in ("bought_together", "viewed_together") and (
                fact.data["other"] != suggestion.product_id
            ):
                continue
            return scene.speaker.say(fact, about=suggestion.product_id)
    return None


def say_reviews(scene: Scene, outcome: Outcome, suggestion: Suggestion) -> None:
    """Add what a reviewer praises about a product, and what enough of them complain of."""
    for fact in (outcome.evidence[i] for i in suggestion.evidence_ids):
        if fact.kind == "quote":
            clause = scene.speaker.say(fact, about=suggestion.product_id)
            if clause is not None:
                outcome.pieces.append(clause)
            break
    say_complaint(scene, outcome, suggestion.product_id)


def say_complaint(scene: Scene, outcome: Outcome, product_id: str) -> None:
    """Add the complaints that at least the set share of a product's reviews stands for."""
    said: set[str] = set()
    for fact in due_complaints(scene, product_id):
        clause = scene.speaker.say(fact, about=product_id)
        if clause is not None and fact.data["text"] not in said:
            said.add(fact.data["text"])
            outcome.add(fact)
            outcome.pieces.append(clause)


def due_complaints(scene: Scene, product_id: str) -> list[Evidence]:
    """Return what enough reviews share, the complaint about one aspect before the low ratings."""
    product, share = scene.product(product_id), scene.config.complaint_share
    found = [scene.records.shared_complaint(product), scene.records.complaint(product)]
    return [fact for fact in found if fact is not None and complaint_is_due(fact, share)]


def cautioned(scene: Scene, outcome: Outcome, shown: Card) -> Card:
    """Return the card with a chip for the first complaint that is due, its record added."""
    due = due_complaints(scene, shown.product_id)
    if not due:
        return shown
    outcome.add(due[0])
    return with_caution(scene.speaker, shown, due[0])


def say_disagreement(scene: Scene, outcome: Outcome, product_id: str) -> None:
    """Add that reviews disagree, where they do."""
    fact = scene.records.disagreement(scene.product(product_id))
    if fact is not None and is_divided(fact):
        outcome.add(fact)
        clause = scene.speaker.say(fact, about=product_id)
        if clause is not None:
            outcome.pieces.append(clause)


def say_nothing_fits(
    scene: Scene, outcome: Outcome, slate: Slate, constraints: Constraints, otherwise: str
) -> None:
    """Say the true bounds that stand in the way, or that there is nothing."""
    labels = labels_of(scene, constraints)
    bounds = [fact for fact in slate.evidence.values() if fact.kind == "bound"]
    for fact in bounds[:2]:
        chip = next((v for k, v in labels.items() if k.startswith(fact.data["name"])), "")
        named = with_data(fact, chip=chip)
        outcome.add(named)
        outcome.pieces.append(scene.speaker.bound(named, chip=chip))
    if bounds:
        outcome.pieces.append("nothing_relax")
    else:
        say_none(scene, outcome, otherwise)


def say_none(scene: Scene, outcome: Outcome, key: str) -> None:
    """Say that the table holds nothing, with the count of zero as its record."""
    fact = scene.records.count(0, {"asked": scene.text[:200]}, key)
    outcome.add(fact)
    outcome.pieces.append(Clause(key=key, slots={}, evidence=(fact,)))


def show_bundles(scene: Scene, outcome: Outcome, slate: Slate, bundles: Sequence[Bundle]) -> None:
    """Add bundle cards, each with its checked sum; the margin option is for staff."""
    for bundle in (b for b in bundles if b.name != "best_margin"):
        total = next(
            slate.evidence[i] for i in bundle.evidence_ids if slate.evidence[i].kind == "total"
        )
        note, _ = scene.reason_of(scene.speaker.total(total), {total.evidence_id: total})
        made = bundle_card(scene.speaker, bundle, slate, scene.reason, note)
        cards = tuple(cautioned(scene, outcome, shown) for shown in made.cards)
        outcome.bundle_cards += (replace(made, cards=cards),)
        outcome.bundles += (bundle.for_shoppers(),)


def labels_of(scene: Scene, constraints: Constraints) -> dict[str, str]:
    """Return the constraint chips in words."""
    ids = [*constraints.must_include, *constraints.exclude]
    titles = {i: scene.speaker.title(i) for i in ids if i in scene.catalogue}
    return constraint_labels(scene.speaker, constraints, titles)


def with_data(fact: Evidence, **more: object) -> Evidence:
    """Return evidence of one turn with more fields, for words that only the turn knows."""
    return Evidence(
        evidence_id=fact.evidence_id,
        kind=fact.kind,
        product_ids=fact.product_ids,
        text=fact.text,
        data={**fact.data, **more},
        origin=fact.origin,
    )
