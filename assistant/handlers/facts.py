"""Questions about products, and comparisons."""

from __future__ import annotations

import re

from assistant.answer import Card
from assistant.cards import plain_card
from assistant.handlers.present import cautioned, say_complaint, say_disagreement, say_none
from assistant.intent.acts import PATTERNS
from assistant.intent.asking import POLICY
from assistant.policy import complaint_is_due
from assistant.scene import Outcome, Scene
from retrieval.aspects import aspect_reader
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.promotion import best_for

COLUMNS = ("price", "stock", "rating")
MAX_COMPARED = 6
MAX_FITS = 3
MAX_ASPECTS, FEWEST_OPINIONS = 2, 2
"""A question is answered for so many aspects, from so many clear reviews on."""
OPINION = re.compile(
    r"\b(?:like[ds]?|reviews?|reviewers?|buyers?|people|any good|worth|recommend\w*)\b"
    r"|评价|怎么说|口碑|好用|值得",
    re.IGNORECASE,
)
GRIPE = re.compile(
    r"\b(?:complain\w*|complaints?|downsides?|drawbacks?|problems?|bad|wrong|dislike)\b"
    r"|缺点|差评|不好|问题|毛病|抱怨",
    re.IGNORECASE,
)
"""Questions about what buyers think as a whole, and about what they complain of."""


def question(scene: Scene) -> Outcome:
    """Answer from the product's record; else from its reviews, quoted; else say nobody knows."""
    c, u = scene.conversation, scene.understanding
    if not u.references and POLICY.search(scene.text.lower()):
        return Outcome(conversation=c, pieces=["terms_unknown"])
    product_id = (u.references or ((c.focus,) if c.focus else ()))[:1]
    if not product_id:
        return Outcome(conversation=c, pieces=["question_which"])
    product = scene.product(product_id[0])
    outcome = Outcome(conversation=c.model_copy(update={"focus": product.product_id}))
    stated = _stated(scene, product) or _offered(scene, product)
    if stated is not None:
        outcome.add(stated)
        clause = scene.speaker.say(stated, about=product.product_id)
        if clause is not None:
            outcome.pieces += ["question_facts", clause]
    asked = u.question or scene.text
    store = scene.recommender.store
    vector = store.encoder.encode([asked], role="query")[0]
    found = [
        fact
        for fact, score in scene.records.passages(product, vector, asked, k=2)
        if score >= scene.config.answer_similarity
    ]
    said_all = u.attribute not in COLUMNS and _say_aspects(scene, outcome, product, asked)
    if said_all or GRIPE.search(asked):  # a sentence near "complain" need not be a complaint
        found = []
    if found:
        outcome.add(*found)
        outcome.pieces.append("question_reviews")
        outcome.pieces += [s for f in found if (s := scene.speaker.say(f)) is not None]
    if not outcome.pieces:
        _say_opinions(scene, outcome, product, asked)
    if not outcome.pieces:
        say_none(scene, outcome, "question_unknown")
    outcome.cards = (card_of(scene, product, outcome),)
    return outcome


def fit(scene: Scene) -> Outcome:
    """Say whether the first product pointed at works with the others, by what both state."""
    ids = dict.fromkeys(scene.understanding.references)
    if not ids:
        return Outcome(conversation=scene.conversation, pieces=["question_which"])
    first, *others = (scene.product(p) for p in ids)
    outcome = Outcome(
        conversation=scene.conversation.model_copy(update={"focus": first.product_id})
    )
    found = [fact for other in others if (fact := scene.records.compatibility(first, other))]
    for fact in found[:MAX_FITS]:
        outcome.add(fact)
        clause = scene.speaker.say(fact, about=first.product_id)
        if clause is not None:
            outcome.pieces.append(clause)
    if not outcome.pieces:
        say_none(scene, outcome, "question_unknown")
    outcome.cards = (card_of(scene, first, outcome),)
    return outcome


def _say_aspects(scene: Scene, outcome: Outcome, product: Product, asked: str) -> bool:
    """Say how many reviews praise what is asked about and how many complain; False if too few."""
    records, found = scene.records, []
    for aspect in aspect_reader().asked(asked)[:MAX_ASPECTS]:
        praise = records.aspect_opinion(product, aspect, "praise")
        complaint = records.aspect_opinion(product, aspect, "complaint")
        both = (complaint, praise) if GRIPE.search(asked) else (praise, complaint)
        found += [f for f in both if f is not None and f.data["n_opinions"] >= FEWEST_OPINIONS]
    outcome.add(*found)
    said = [scene.speaker.say(fact, about=product.product_id) for fact in found]
    outcome.pieces += [clause for clause in said if clause is not None]
    return bool(found)


def _say_opinions(scene: Scene, outcome: Outcome, product: Product, asked: str) -> None:
    """Answer what buyers think: the rating and a praise, or the complaint that was asked for."""
    records, complains = scene.records, GRIPE.search(asked) is not None
    if not complains and not OPINION.search(asked):
        return
    found = [] if complains else [records.rating(product), records.praise(product)]
    rated, shared = records.complaint(product), records.shared_complaint(product)
    if complaint_is_due(shared, scene.config.complaint_share):
        found.append(shared)
    if shared is None or rated is None or rated.data["text"] != shared.data["text"]:
        found.append(rated)
    outcome.add(*found)
    said = [scene.speaker.say(f, about=product.product_id) for f in found if f is not None]
    outcome.pieces += [clause for clause in said if clause is not None]
    say_disagreement(scene, outcome, product.product_id)


def _stated(scene: Scene, product: Product) -> Evidence | None:
    """Return the record that the question asks for by name, if the product states it."""
    name = scene.understanding.attribute
    if name == "price":
        return scene.records.price(product)
    if name == "stock":
        return scene.records.stock(product)
    if name == "rating":
        return scene.records.rating(product)
    return scene.records.attribute(product, name) if name else None


def _offered(scene: Scene, product: Product) -> Evidence | None:
    """Return the running offer that takes most off the product, if offers are asked about."""
    if PATTERNS["deals"].search(scene.text.lower()) is None:
        return None
    at = scene.recommender.at(scene.query())
    offer = best_for(product, tuple(scene.recommender.store.promotions.values()), at)
    return scene.records.offer(product, offer) if offer is not None else None


def card_of(scene: Scene, product: Product, outcome: Outcome) -> Card:
    """Return the plain card of a product, with the records it shows."""
    facts = [
        scene.records.price(product),
        scene.records.rating(product),
        scene.records.stock(product),
    ]
    outcome.add(*facts)
    shown = plain_card(scene.speaker, product, [f for f in facts if f is not None])
    return cautioned(scene, outcome, shown)


def about(scene: Scene) -> Outcome:
    """Tell of the product pointed at ("the lightest one"): price, rating, reviews."""
    product = scene.product(scene.understanding.references[0])
    c = scene.conversation.model_copy(update={"focus": product.product_id})
    outcome = Outcome(conversation=c, pieces=["question_facts"])
    found = [
        scene.records.price(product),
        scene.records.rating(product),
        scene.records.praise(product),
    ]
    outcome.add(*found)
    for fact in found:
        clause = scene.speaker.say(fact, about=product.product_id) if fact is not None else None
        if clause is not None:
            outcome.pieces.append(clause)
    say_disagreement(scene, outcome, product.product_id)
    say_complaint(scene, outcome, product.product_id)
    outcome.cards = (card_of(scene, product, outcome),)
    return outcome


def compare(scene: Scene) -> Outcome:
    """Put two products side by side: price, ratings, and the specifications that both state."""
    c, u = scene.conversation, scene.understanding
    ids = list(dict.fromkeys(u.references))
    if len(ids) == 1 and c.focus and c.focus != ids[0]:
        ids = [c.focus, *ids]
    if len(ids) < 2:
        ids = [s.product_id for s in c.shown[:2]]
    if len(ids) < 2:
        return Outcome(conversation=c, pieces=["compare_which"])
    this, that = scene.product(ids[0]), scene.product(ids[1])
    outcome = Outcome(conversation=c.model_copy(update={"focus": this.product_id}))
    outcome.pieces.append("compare")
    difference = scene.records.difference(this, that)
    if difference is not None:
        outcome.add(difference)
        if difference.data["difference"] != "0.00" and u.attribute in (None, "price"):
            outcome.pieces.append(scene.speaker.difference(difference))
    for fact in _comparisons(scene, this, that):
        outcome.add(fact)
        outcome.pieces.append(scene.speaker.compare(fact, as_upgrade=False))
    for product in (this, that):
        say_complaint(scene, outcome, product.product_id)
    outcome.cards = tuple(card_of(scene, product, outcome) for product in (this, that))
    return outcome


def _comparisons(scene: Scene, this: Product, that: Product) -> list[Evidence]:
    asked = scene.understanding.attribute
    names = [asked] if asked and asked not in COLUMNS else list(this.attributes)
    found = [scene.records.rating_comparison(this, that)]
    found += [scene.records.comparison(this, that, name) for name in names]
    facts = [f for f in found if f is not None and f.data["this"] != f.data["that"]]
    facts = [f for f in facts if f.data["this"].partition(" ")[0] not in this.title.split()[:1]]
    facts.sort(key=lambda f: f.data["better"] == "neither")
    return facts[:MAX_COMPARED]
