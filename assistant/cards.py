"""Suggestions → cards: the shopper's view of a slate, every line checked before it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.answer import BundleCard, Card
from assistant.clauses import Clause, Speaker
from assistant.policy import can_add, chips, stock_word
from assistant.prompting import load_wordings
from assistant.scene import Reason
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.records import money
from retrieval.slate import Bundle, Slate, Suggestion

REASON_ORDER = (
    "compatibility", "bought_together", "comparison", "repurchase", "own_history",
    "viewed_together", "quote", "offer", "rating", "attribute",
)  # fmt: skip
BUNDLE_LABELS = {
    "best_fit": ("Best fit", "最合适"),
    "cheapest": ("Cheapest that works", "够用且最省"),
    "best_margin": ("Best margin", "毛利最好"),
}


def card(
    speaker: Speaker, suggestion: Suggestion, evidence: Mapping[str, Evidence], reason: Reason
) -> Card:
    """Return the card of one suggestion."""
    product = speaker.catalogue[suggestion.product_id]
    facts = [evidence[i] for i in suggestion.evidence_ids if i in evidence]
    line, ids = reason(suggestion, evidence)
    gains, losses, difference = (
        _upgrade(speaker, facts) if suggestion.offer_kind == "upsell" else ((), (), None)
    )
    listed = product.list_price
    show_list = listed is not None and product.price is not None and listed > product.price
    return Card(
        product_id=product.product_id,
        offer_kind=suggestion.offer_kind,
        title=product.title_in(speaker.language),
        brand=product.brand,
        category=speaker.category(" > ".join(product.category)) if product.category else "",
        price=None if product.price is None else speaker.money(money(product.price)),
        list_price=speaker.money(money(listed)) if show_list and listed is not None else None,
        stock=stock_word(product, speaker.language),
        can_add=can_add(product),
        rating=product.rating,
        rating_count=product.rating_count or 0,
        image_url=_picture(product),
        reason=line,
        reason_evidence_ids=ids,
        gains=gains,
        losses=losses,
        difference=difference,
        anchor_title=speaker.title(suggestion.anchor_id) if suggestion.anchor_id else None,
        chips=chips(speaker, facts),
    )


def plain_card(speaker: Speaker, product: Product, facts: list[Evidence]) -> Card:
    """Return a card without a reason, for pickers."""
    suggestion = Suggestion(
        product_id=product.product_id,
        offer_kind="similar",
        score=0.0,
        score_parts={},
        evidence_ids=tuple(f.evidence_id for f in facts),
    )
    evidence = {f.evidence_id: f for f in facts}
    return card(speaker, suggestion, evidence, lambda _s, _e: ("", ()))


def bundle_card(
    speaker: Speaker, bundle: Bundle, slate: Slate, reason: Reason, note: str
) -> BundleCard:
    """Return the card of a bundle."""
    english, chinese = BUNDLE_LABELS.get(bundle.name, (bundle.name, bundle.name))
    cards = []
    for product_id in bundle.product_ids:
        ids = [i for i in bundle.evidence_ids if product_id in slate.evidence[i].product_ids]
        suggestion = Suggestion(
            product_id=product_id,
            offer_kind="bundle",
            score=bundle.score,
            score_parts={},
            evidence_ids=tuple(i for i in ids if slate.evidence[i].kind != "total"),
        )
        cards.append(card(speaker, suggestion, slate.evidence, reason))
    return BundleCard(
        name=bundle.name,
        label=english if speaker.language == "en" else chinese,
        cards=tuple(cards),
        total=speaker.money(money(bundle.total)),
        note=note,
        product_ids=bundle.product_ids,
    )


def reason_clauses(
    speaker: Speaker, suggestion: Suggestion, evidence: Mapping[str, Evidence]
) -> list[Clause]:
    """Return the clauses that could be the card's one line, the most telling first."""
    order = {kind: place for place, kind in enumerate(REASON_ORDER)}
    facts = [evidence[i] for i in suggestion.evidence_ids if i in evidence]
    facts = sorted((f for f in facts if f.kind in order), key=lambda f: order[f.kind])
    found = []
    for fact in facts:
        clause = card_clause(speaker, fact, suggestion)
        if clause is not None:
            found.append(clause)
    return found


def card_clause(speaker: Speaker, fact: Evidence, suggestion: Suggestion) -> Clause | None:
    """Return the card's wording of one record, if it speaks for the product."""
    own = suggestion.product_id
    if fact.kind == "comparison":
        if fact.data["better"] != "this" or fact.product_ids[0] != own:
            return None
        said = speaker.compare(fact, as_upgrade=True)
        return Clause(key="card_gain", slots=said.slots, evidence=(fact,), product_id=own)
    if fact.kind == "compatibility" and not fact.data["works"]:
        return None
    if fact.kind in ("bought_together", "viewed_together") and fact.data["other"] != own:
        return None
    said_alone = speaker.say(fact, about=own)
    if said_alone is None or f"card_{said_alone.key}" not in load_wordings().clauses:
        return None
    slots = dict(said_alone.slots)
    if fact.kind == "compatibility":
        other = next(p for p in fact.product_ids if p != own)
        slots["anchor"] = speaker.title(other)
    return Clause(key=f"card_{said_alone.key}", slots=slots, evidence=(fact,), product_id=own)


def _upgrade(
    speaker: Speaker, facts: list[Evidence]
) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Return gains, losses and the difference in price as short lines from the two records."""
    gains: list[str] = []
    losses: list[str] = []
    difference = None
    for fact in facts:
        if fact.kind == "difference":
            difference = f"+{speaker.money(fact.data['difference'])}"
        if fact.kind == "comparison" and fact.data["better"] in ("this", "that"):
            name = fact.data["name"]
            this = speaker.value(fact.product_ids[0], name, fact.data["this"])
            that = speaker.value(fact.product_ids[1], name, fact.data["that"])
            line = f"{speaker.label(name)}: {this} ({that})"
            (gains if fact.data["better"] == "this" else losses).append(line)
    return tuple(gains), tuple(losses), difference


def _picture(product: Product) -> str | None:
    """Return the relative path of a local picture; other addresses are never fetched."""
    url = product.image_url or ""
    return url if url.startswith("images/") and ".." not in url else None
