"""Offering: what goes with it, something better, alternatives, bundles."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assistant.clauses import Clause, Speaker
from assistant.conversation import Conversation, Shown
from assistant.handlers.present import (
    present,
    say_complaint,
    say_none,
    say_nothing_fits,
    say_reviews,
    say_suggestions,
    show_bundles,
)
from assistant.scene import Outcome, Scene
from retrieval.evidence import Evidence
from retrieval.pipeline import Recommender
from retrieval.query import Constraints, Query
from retrieval.slate import Slate

GAINS_SAID, LOSSES_SAID = 3, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What an offer relates to: products, or whole categories, with the words that named it."""

    product_ids: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def goes_with(scene: Scene) -> Outcome:
    """Complements of what the shopper has or points at; within a total, also a set of them."""
    c = scene.conversation
    anchor = find_anchor(scene)
    if anchor is None:
        return Outcome(conversation=c, pieces=["anchor_which"])
    cart = scene.session().get("basket", ())
    others = tuple(p for p in cart if p not in anchor.product_ids)
    return _complements(scene, anchor, basket=others, opening="goes_with")


def goes_with_cart(scene: Scene) -> Outcome:
    """Complements of the cart."""
    cart = scene.conversation.cart.product_ids
    if not cart:
        return Outcome(conversation=scene.conversation, pieces=["cart_empty"])
    return _complements(scene, Anchor(), basket=cart, opening="goes_with_cart")


def _complements(scene: Scene, anchor: Anchor, *, basket: tuple[str, ...], opening: str) -> Outcome:
    constraints = scene.conversation.constraints
    query = scene.query(
        offer_kind="cross_sell",
        anchors=anchor.product_ids,
        anchor_categories=anchor.categories,
        basket=basket,
        text=None,
        constraints=_each_within_total(constraints),
    )
    slate = scene.recommender.recommend(query)
    if "fits_only" in scene.understanding.notes:
        slate = _fitting(scene, slate, anchor)
    outcome = present(
        scene, query, slate, opening=opening, offer_kind="cross_sell", owned=anchor.categories
    )
    if not slate.suggestions:
        say_nothing_fits(scene, outcome, slate, query.constraints, "nothing_goes")
        return outcome
    say_suggestions(scene, outcome, slate.suggestions)
    if constraints.total_max is not None:
        _add_set(scene, outcome, query, constraints)
    return outcome


def _fitting(scene: Scene, slate: Slate, anchor: Anchor) -> Slate:
    """Return only what states that it works with an anchor; all where nothing does."""
    anchors = [scene.product(p) for p in anchor.product_ids]

    def works(product_id: str) -> bool:
        facts = (scene.records.compatibility(scene.product(product_id), a) for a in anchors)
        return any(fact is not None and fact.data["works"] for fact in facts)

    stated = tuple(s for s in slate.suggestions if works(s.product_id))
    return replace(slate, suggestions=stated) if stated else slate


def _add_set(scene: Scene, outcome: Outcome, query: Query, constraints: Constraints) -> None:
    """Add the best set within the total, and say its sum."""
    asked = query.constraints.model_copy(
        update={
            "total_max": constraints.total_max,
            "price_max": constraints.price_max,
            "exclude": query.constraints.exclude,
        }
    )
    slate = scene.recommender.recommend(
        query.model_copy(update={"offer_kind": "bundle", "constraints": asked})
    )
    best = [b for b in slate.bundles if b.name == "best_fit"]
    outcome.evidence |= slate.evidence
    show_bundles(scene, outcome, slate, best)
    for bundle in best:
        fact = next(
            slate.evidence[i] for i in bundle.evidence_ids if slate.evidence[i].kind == "total"
        )
        outcome.pieces += ["bundle", scene.speaker.total(fact)]


def better(scene: Scene) -> Outcome:
    """A step up for the same need, with gains, losses and the difference in price."""
    anchor = find_anchor(scene)
    if anchor is None:
        return Outcome(conversation=scene.conversation, pieces=["anchor_which"])
    anchors = anchor.product_ids or _most_bought(scene, anchor.categories)
    query = scene.query(offer_kind="upsell", anchors=anchors[:1], text=None, k=3)
    return _show_upgrades(scene, query)


def _show_upgrades(scene: Scene, query: Query) -> Outcome:
    slate = scene.recommender.recommend(query)
    outcome = present(scene, query, slate, opening="better", offer_kind="upsell")
    if not slate.suggestions:
        say_none(scene, outcome, "better_none")
        return outcome
    first = slate.suggestions[0]
    facts = [slate.evidence[i] for i in first.evidence_ids]
    outcome.pieces += [scene.speaker.difference(f) for f in facts if f.kind == "difference"]
    changes = [f for f in facts if f.kind == "comparison"]
    gains = [f for f in changes if f.data["better"] == "this"][:GAINS_SAID]
    losses = [f for f in changes if f.data["better"] == "that"][:LOSSES_SAID]
    outcome.pieces += [scene.speaker.compare(f, as_upgrade=True) for f in (*gains, *losses)]
    gained = {f.data["name"] for f in changes if f.data["better"] == "this"}
    if is_unneeded(scene.recommender, query, gained):
        say_none(scene, outcome, "gain_unasked")
    say_reviews(scene, outcome, first)
    return outcome


def is_unneeded(recommender: Recommender, query: Query, gained: set[str]) -> bool:
    """Whether the anchor meets all conditions and nothing gained is what one of them names."""
    asked = query.constraints
    named = {*asked.attributes, *asked.exclude_attributes}
    named |= {*asked.attributes_min, *asked.attributes_max}
    named |= {"rating"} if asked.rating_min is not None else set()
    row = recommender.store.catalogue.row(query.anchors[0])
    return bool(named) and not named & gained and bool(recommender.allowed(asked)[row])


def similar(scene: Scene) -> Outcome:
    """Alternatives for the same need."""
    anchor = find_anchor(scene)
    if anchor is None:
        return Outcome(conversation=scene.conversation, pieces=["anchor_which"])
    anchors = anchor.product_ids or _most_bought(scene, anchor.categories)
    query = scene.query(offer_kind="similar", anchors=anchors[:1], text=None)
    return _show_similar(scene, query)


def _show_similar(scene: Scene, query: Query) -> Outcome:
    slate = scene.recommender.recommend(query)
    outcome = present(scene, query, slate, opening="similar", offer_kind="similar")
    if slate.suggestions:
        say_suggestions(scene, outcome, slate.suggestions)
    else:
        say_nothing_fits(scene, outcome, slate, query.constraints, "nothing")
    return outcome


def again(scene: Scene) -> Outcome:
    """Ask for upgrades or alternatives of the same product with the constraints of now."""
    last = scene.conversation.last_query
    assert last is not None
    query = scene.query(offer_kind=last.offer_kind, anchors=last.anchors, text=None, k=last.k)
    return (
        _show_upgrades(scene, query) if last.offer_kind == "upsell" else _show_similar(scene, query)
    )


def bundle(scene: Scene) -> Outcome:
    """A set under a total: best fit and the cheapest that works."""
    c, u = scene.conversation, scene.understanding
    wish = u.wish or (c.wish if u.intent == "refine" else "")
    has_thing = bool(u.references or u.anchor_text) or (u.intent == "refine" and bool(c.anchors))
    anchor = find_anchor(scene) if has_thing else None
    if anchor is None:
        wish = u.occasion or u.anchor_text or wish
    query = scene.query(
        offer_kind="bundle",
        text=wish or None,
        anchors=anchor.product_ids if anchor else (),
        anchor_categories=anchor.categories if anchor else (),
        constraints=_total_only(c.constraints, is_total=u.is_total),
    )
    slate = scene.recommender.recommend(query)
    outcome = present(
        scene, query, Slate(query_id=query.query_id, notes=slate.notes, ms=slate.ms),
        opening="bundle", offer_kind="bundle", wish=wish or c.wish,
        constraints=query.constraints.model_copy(update={"exclude": c.constraints.exclude}),
    )  # fmt: skip
    outcome.evidence |= slate.evidence
    if not slate.bundles:
        facts = [f for f in slate.evidence.values() if f.kind == "total"]
        outcome.pieces += [scene.speaker.total(f) for f in facts]
        if not facts:
            say_none(scene, outcome, "nothing")
        return outcome
    outcome.pieces.append("bundle")
    outcome.suggestions = slate.suggestions
    show_bundles(scene, outcome, slate, slate.bundles)
    best = slate.bundles[0]
    outcome.conversation = _shown_in_bundle(outcome, best.product_ids)
    total = next(slate.evidence[i] for i in best.evidence_ids if slate.evidence[i].kind == "total")
    outcome.pieces.append(scene.speaker.total(total))
    said: set[str] = set()
    for suggestion in slate.suggestions[: scene.config.spoken]:
        for fact in (slate.evidence[i] for i in suggestion.evidence_ids):
            if fact.kind in ("compatibility", "bought_together", "rating") and (
                fact.evidence_id not in said
            ):
                clause = said_of(scene.speaker, fact, suggestion.product_id)
                said.add(fact.evidence_id)
                if clause is not None:
                    outcome.pieces.append(clause)
                    break
    say_complaint(scene, outcome, best.product_ids[0])
    return outcome


def said_of(speaker: Speaker, fact: Evidence, product_id: str) -> Clause | None:
    """Return the clause of a record about the product it ties; None where it ties categories."""
    return speaker.say(fact, about=fact.data.get("other") or product_id)


def _shown_in_bundle(outcome: Outcome, product_ids: tuple[str, ...]) -> Conversation:
    shown = tuple(Shown(product_id=p, offer_kind="bundle") for p in product_ids)
    return outcome.conversation.model_copy(update={"shown": shown, "focus": product_ids[0]})


def find_anchor(scene: Scene) -> Anchor | None:
    """Return what is meant by "this", "my stove", "a tent I just bought"; None if unclear.

    A product pointed at comes first; then what the shopper's own orders hold of the named kind;
    then the kind as a whole; then what the last turn was about; then the cart.
    """
    c, u = scene.conversation, scene.understanding
    if u.references:
        return Anchor(product_ids=u.references[:3])
    if u.anchor_text:
        return _named(scene, u.anchor_text)
    if c.offer_kind in ("cross_sell", "bundle") and (c.anchors or c.owned) and u.intent == "refine":
        return Anchor(product_ids=c.anchors, categories=c.owned)
    if u.wish and u.intent != "refine":
        named = _named(scene, u.wish)
        if named is not None:
            return named
    if c.focus is not None:
        return Anchor(product_ids=(c.focus,))
    return Anchor(product_ids=c.cart.product_ids) if c.cart.lines else None


def _named(scene: Scene, words: str) -> Anchor | None:
    store, c = scene.recommender.store, scene.conversation
    subject = store.subjects.find(words)
    if subject is None:
        return None
    if c.personalise and c.shopper_id is not None:
        profile = store.behaviour.profiles.of(c.shopper_id)
        if profile is not None:
            own = [int(r) for r in profile.purchased if subject.mask[r]]
            if own:
                return Anchor(product_ids=(store.catalogue.product_ids[own[0]],))
    in_cart = [p for p in c.cart.product_ids if subject.mask[store.catalogue.row(p)]]
    if in_cart:
        return Anchor(product_ids=tuple(in_cart))
    if subject.leaves:
        return Anchor(categories=tuple(store.catalogue.leaves[code] for code in subject.leaves))
    rows = [int(r) for r in subject.mask.nonzero()[0][:3]]
    return Anchor(product_ids=tuple(store.catalogue.product_ids[r] for r in rows))


def _most_bought(scene: Scene, categories: tuple[str, ...]) -> tuple[str, ...]:
    """Return the most bought product of the categories."""
    store = scene.recommender.store
    codes = {store.catalogue.leaves.index(path) for path in categories}
    buyers = store.behaviour.popularity.n_buyers
    rows = [r for r, code in enumerate(store.catalogue.leaf_code) if int(code) in codes]
    if not rows:
        return ()
    return (store.catalogue.product_ids[max(rows, key=lambda r: (int(buyers[r]), -r))],)


def _each_within_total(constraints: Constraints) -> Constraints:
    """No single product may cost more than the total."""
    if constraints.total_max is None:
        return constraints
    limits = [v for v in (constraints.price_max, constraints.total_max) if v is not None]
    return constraints.model_copy(update={"price_max": min(limits), "total_max": None})


def _total_only(constraints: Constraints, *, is_total: bool) -> Constraints:
    """For a bundle an amount said for the whole is its total; a size or kind is not for each."""
    constraints = constraints.model_copy(
        update={"attributes": {}, "attributes_min": {}, "attributes_max": {}, "categories": ()}
    )
    if is_total and constraints.total_max is None and constraints.price_max is not None:
        return constraints.model_copy(
            update={"total_max": constraints.price_max, "price_max": None}
        )
    return constraints
