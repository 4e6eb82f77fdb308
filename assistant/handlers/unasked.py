"""The one thing said without being asked: a complement of what was put into the cart in words.

Only if a record ties the two products; never of a category that was declined, nothing shown before,
and nothing above what is left of a stated budget.
"""

from __future__ import annotations

from decimal import Decimal

from assistant.cards import card
from assistant.conversation import Shown
from assistant.handlers.present import cautioned
from assistant.scene import Outcome, Scene
from retrieval.evidence import Evidence
from retrieval.query import Constraints
from retrieval.slate import Slate, Suggestion

CONVINCING = ("compatibility", "bought_together")


def suggest_complement(scene: Scene, outcome: Outcome, product_id: str) -> None:
    """Add one complement with its reason to a turn that put a product into the cart."""
    before, after = scene.conversation.cart, outcome.conversation.cart
    if not scene.config.unasked or after.quantity(product_id) <= before.quantity(product_id):
        return
    constraints = _constraints(scene, outcome)
    if constraints.price_max is not None and constraints.price_max <= 0:
        return
    others = tuple(p for p in after.product_ids if p != product_id)
    query = scene.query(
        offer_kind="cross_sell",
        anchors=(product_id,),
        basket=others if scene.conversation.personalise else (),
        constraints=constraints,
    )
    slate = scene.recommender.recommend(query)
    for suggestion in slate.suggestions:
        tie = _tie(slate, suggestion, product_id)
        if tie is not None:
            _say(scene, outcome, slate, suggestion, tie)
            return


def _constraints(scene: Scene, outcome: Outcome) -> Constraints:
    """Return the wishes that are not about the thing looked for, and what is left to spend."""
    c = outcome.conversation
    asked = c.constraints
    limits = [] if asked.price_max is None else [asked.price_max]
    if asked.total_max is not None:
        prices = ((scene.product(line.product_id).price, line.quantity) for line in c.cart.lines)
        spent = sum(((price or Decimal(0)) * n for price, n in prices), Decimal(0))
        limits.append(asked.total_max - spent)
    return Constraints(
        exclude=tuple(dict.fromkeys([*asked.exclude, *c.seen, *c.cart.product_ids])),
        exclude_categories=asked.exclude_categories,
        exclude_brands=asked.exclude_brands,
        exclude_words=asked.exclude_words,
        exclude_attributes=asked.exclude_attributes,
        rating_min=asked.rating_min,
        price_max=min(limits, default=None),
        in_stock=True,
    )


def _tie(slate: Slate, suggestion: Suggestion, product_id: str) -> Evidence | None:
    """Return the record that ties the two products, not only their categories."""
    for fact in (slate.evidence[i] for i in suggestion.evidence_ids):
        both = {product_id, suggestion.product_id} == set(fact.product_ids)
        if fact.kind in CONVINCING and both and fact.data.get("works") is not False:
            return fact
    return None


def _say(
    scene: Scene, outcome: Outcome, slate: Slate, suggestion: Suggestion, tie: Evidence
) -> None:
    clause = scene.speaker.say(tie, about=suggestion.product_id)
    if clause is None:
        return
    outcome.evidence |= {i: slate.evidence[i] for i in suggestion.evidence_ids}
    outcome.suggestions += (suggestion,)
    made = card(scene.speaker, suggestion, slate.evidence, scene.reason)
    outcome.cards += (cautioned(scene, outcome, made),)
    outcome.pieces += ["unasked", clause]
    c = outcome.conversation
    shown = Shown(
        product_id=suggestion.product_id, offer_kind="cross_sell", anchor_id=suggestion.anchor_id
    )
    update = {"shown": (*c.shown, shown), "seen": (*c.seen, suggestion.product_id)[-200:]}
    outcome.conversation = c.model_copy(update=update)
