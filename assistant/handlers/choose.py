"""“Which of these is the lightest?”: the one at that end, held against the others shown."""

from __future__ import annotations

import numpy as np

from assistant.handlers import facts
from assistant.handlers.search import by_end
from assistant.scene import Outcome, Scene
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence

MAX_AGAINST = 3
"""Others that the chosen one is held against."""


def compare(scene: Scene) -> Outcome:
    """Hold products against each other: all against the one asked for, else two side by side."""
    c, u = scene.conversation, scene.understanding
    ids = u.references if len(u.references) > 1 else tuple(s.product_id for s in c.shown)
    known = [scene.catalogue.row(i) for i in dict.fromkeys(ids) if i in scene.catalogue]
    if u.superlative is None or len(known) < 2:
        return facts.compare(scene)
    found, _, name = by_end(scene, np.array(known))
    products = [scene.catalogue.products[row] for row, _ in found]
    against = [
        (other, fact)
        for other in products[1 : 1 + MAX_AGAINST]
        if (fact := _held_against(scene, products[0], other, name)) is not None
    ]
    if not against:
        return facts.compare(scene)
    outcome = Outcome(conversation=c.model_copy(update={"focus": products[0].product_id}))
    outcome.pieces.append("compare")
    for _, fact in against:
        outcome.add(fact)
        outcome.pieces.append(
            scene.speaker.difference(fact)
            if fact.kind == "difference"
            else scene.speaker.compare(fact, as_upgrade=True)
        )
    shown = (products[0], *(other for other, _ in against))
    outcome.cards = tuple(facts.card_of(scene, product, outcome) for product in shown)
    return outcome


def _held_against(
    scene: Scene, first: Product, other: Product, name: str | None
) -> Evidence | None:
    """Return the record of what was asked about, where the two differ in it."""
    if scene.understanding.superlative in ("cheapest", "dearest"):
        fact = scene.records.difference(first, other)
        return fact if fact is not None and fact.data["difference"] != "0.00" else None
    fact = (
        scene.records.comparison(first, other, name)
        if name
        else scene.records.rating_comparison(first, other)
    )
    return fact if fact is not None and fact.data["this"] != fact.data["that"] else None
