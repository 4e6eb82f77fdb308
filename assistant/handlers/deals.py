"""What is on offer: products that a running offer reduces, and what it takes off."""

from __future__ import annotations

from assistant.handlers.present import present, say_none
from assistant.scene import Outcome, Scene


def deals(scene: Scene) -> Outcome:
    """Show what costs less at the moment, of the kind asked for and within the wishes."""
    wish = scene.understanding.wish
    query = scene.query(text=wish or None, anchors=())
    slate = scene.recommender.deals(query)
    outcome = present(scene, query, slate, opening="deals", offer_kind="search", wish=wish)
    if not slate.suggestions:
        say_none(scene, outcome, "deals_none")
        return outcome
    for suggestion in slate.suggestions[: scene.config.spoken]:
        for fact in (slate.evidence[i] for i in suggestion.evidence_ids):
            clause = scene.speaker.say(fact) if fact.kind == "offer" else None
            if clause is not None:
                outcome.pieces.append(clause)
    return outcome
