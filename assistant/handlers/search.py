"""Finding: search, refine, more, the cheapest, how many."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import numpy as np

from assistant.clauses import Clause
from assistant.handlers import facts, offers
from assistant.handlers.present import (
    labels_of,
    present,
    say_found,
    say_none,
    say_nothing_fits,
    say_suggestions,
    with_data,
)
from assistant.intent import AttributeSuperlative
from assistant.scene import Outcome, Scene
from retrieval.data.amounts import amount_of
from retrieval.data.dataset import Catalogue
from retrieval.query import Constraints, Query
from retrieval.records import money
from retrieval.slate import Slate, Suggestion
from retrieval.text.subject import Subject

SUPERLATIVE_CARDS = 3
MAX_NAMES = 3
"""Categories named one by one; more are only hinted at."""


def search(scene: Scene) -> Outcome:
    """Find products by words and meaning within the constraints."""
    return _search(scene, scene.understanding.wish)


def refine(scene: Scene) -> Outcome:
    """Ask the last question again with the constraints as they are now."""
    c, u = scene.conversation, scene.understanding
    wish = " ".join(part for part in (c.wish, u.wish) if part).strip()
    if c.offer_kind == "cross_sell":
        return offers.goes_with(scene)
    if c.offer_kind == "bundle":
        return offers.bundle(scene)
    if c.offer_kind in ("upsell", "similar") and c.last_query is not None and c.anchors:
        return offers.again(scene)
    if u.superlative:
        return superlative(scene)
    if u.references and not u.changed and not u.wish:
        return facts.about(scene)
    return _search(scene, wish)


def more(scene: Scene) -> Outcome:
    """Show others than those seen so far."""
    c = scene.conversation
    if c.last_query is None:
        return _search(scene, scene.understanding.wish or c.wish)
    constraints = c.last_query.constraints
    constraints = constraints.model_copy(
        update={
            "exclude": tuple(dict.fromkeys([*constraints.exclude, *c.seen])),
            "exclude_categories": scene.without_declined(constraints),
        }
    )
    query = c.last_query.model_copy(update={"constraints": constraints, "k": scene.config.cards})
    slate = scene.recommender.recommend(query)
    outcome = present(scene, query, slate, opening="search", offer_kind=c.offer_kind)
    if slate.suggestions:
        outcome.conversation = outcome.conversation.model_copy(update={"last_query": c.last_query})
        say_suggestions(scene, outcome, slate.suggestions)
    else:
        say_none(scene, outcome, "more_none")
    return outcome


def _search(scene: Scene, wish: str) -> Outcome:
    session = {} if wish else scene.session()  # words say what is wanted
    query = scene.query(text=wish or None, anchors=(), **session)
    slate = scene.recommender.recommend(query)
    subject = scene.recommender.store.subjects.find(wish) if wish else None
    matched = subject is not None or any(e.kind == "match" for e in slate.evidence.values())
    opening = "search" if matched or not wish else "search_loose"
    outcome = present(scene, query, slate, opening=opening, offer_kind="search", wish=wish)
    if not slate.suggestions:
        say_nothing_fits(scene, outcome, slate, query.constraints, "nothing")
        return outcome
    kind = _subject(scene, wish) if subject is not None and subject.leaves else None
    if kind is not None:
        _say_count(scene, outcome, kind, query)
    say_found(scene, outcome, slate.suggestions)
    return outcome


def _say_count(scene: Scene, outcome: Outcome, subject: Subject, query: Query) -> int:
    """Say how many products the subject and the constraints leave, counted over the table."""
    mask = subject.mask & scene.recommender.allowed(query.constraints)
    n = int(mask.sum())
    name = scene.speaker.category(subject.label)
    chips = labels_of(scene, scene.conversation.constraints)
    labels = [v for k, v in chips.items() if not k.startswith(("total_max", "categories"))]
    label = " · ".join([name, *labels])
    conditions = query.constraints.model_dump(mode="json", exclude_defaults=True)
    fact = scene.records.count(n, {"of": subject.label, **conditions}, label)
    outcome.add(fact)
    key = "count_none" if n == 0 else "count_one" if n == 1 else "count"
    outcome.pieces.append(Clause(key=key, slots={"n": str(n), "label": label}, evidence=(fact,)))
    return n


def count(scene: Scene) -> Outcome:
    """Answer "how many", from the table, and show the first of them."""
    wish = scene.understanding.wish or scene.conversation.wish
    subject = _subject(scene, wish)
    query = scene.query(text=wish or None)
    slate = scene.recommender.recommend(query)
    if subject is None:
        slate = Slate(query_id=query.query_id)
    outcome = present(scene, query, slate, opening="search", offer_kind="search", wish=wish)
    outcome.pieces.clear()
    if subject is None:
        say_none(scene, outcome, "nothing")
    else:
        _say_count(scene, outcome, subject, query)
    return outcome


def superlative(scene: Scene) -> Outcome:
    """Answer "the cheapest", "the lightest": from the whole column, never from a short list."""
    u, c = scene.understanding, scene.conversation
    wish = u.wish or c.wish
    subject = _subject(scene, wish)
    query = scene.query(text=wish or None)
    if subject is None or u.superlative == "newest":  # no record says how new a product is
        return _search(scene, wish)
    rows = np.flatnonzero(subject.mask & scene.recommender.allowed(query.constraints))
    ordered, key, label = by_end(scene, rows)
    if not ordered and len(rows):  # they are there, and none states what they would be sorted by
        return _search(scene, wish)
    if not ordered:
        slate = scene.recommender.recommend(query)
        outcome = present(
            scene, query, Slate(query_id=query.query_id, evidence=slate.evidence),
            opening="search", offer_kind="search", wish=wish,
        )  # fmt: skip
        say_nothing_fits(scene, outcome, slate, query.constraints, "nothing")
        return outcome
    first, value = ordered[0]
    name = scene.speaker.category(subject.label)
    product = scene.catalogue.products[first]
    fact = scene.records.extreme(product, label or key, subject.label, len(ordered), value)
    if label:
        fact = with_data(fact, direction="lower" if key == "lowest" else "higher")
    suggestions, evidence = [], {fact.evidence_id: fact}
    for place, (row, _) in enumerate(ordered[:SUPERLATIVE_CARDS]):
        one = scene.catalogue.products[row]
        stated = [
            f
            for f in (
                scene.records.attribute(one, label) if label else None,
                scene.records.price(one),
                scene.records.rating(one),
                scene.records.praise(one),
                scene.records.stock(one),
            )
            if f is not None
        ]
        if place == 0:
            stated.insert(0, fact)
        evidence |= {f.evidence_id: f for f in stated}
        suggestions.append(
            Suggestion(
                product_id=one.product_id,
                offer_kind="similar",
                score=1.0 / (place + 1),
                score_parts={key: 1.0 / (place + 1)},
                evidence_ids=tuple(f.evidence_id for f in stated),
            )
        )
    slate = Slate(query_id=query.query_id, suggestions=tuple(suggestions), evidence=evidence)
    outcome = present(scene, query, slate, opening="search", offer_kind="search", wish=wish)
    outcome.pieces.clear()
    shown = scene.speaker.money(value) if key in ("cheapest", "dearest") else value
    slots = {
        "product": scene.speaker.title(product), "n": str(len(ordered)), "of": name,
        "value": shown, "label": scene.speaker.label(label) if label else "",
    }  # fmt: skip
    clause = "extreme_one" if len(ordered) == 1 else f"extreme_{key}"
    outcome.pieces.append(
        Clause(key=clause, slots=slots, evidence=(fact,), product_id=product.product_id)
    )
    return outcome


def by_end(
    scene: Scene, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[list[tuple[int, str]], str, str | None]:
    """Return rows with their values, the wanted end first; the key; the attribute if one."""
    wanted = scene.understanding.superlative or "cheapest"
    catalogue = scene.catalogue
    if isinstance(wanted, AttributeSuperlative):
        key = "lowest" if wanted.direction == "lower" else "highest"
        return by_attribute(catalogue, rows, wanted), key, wanted.attribute
    column, sign = {
        "cheapest": (catalogue.price, 1),
        "dearest": (catalogue.price, -1),
        "best_rated": (catalogue.rating, -1),
        "most_reviewed": (catalogue.rating_count.astype(float), -1),
    }[wanted]
    stated = [int(r) for r in rows if not np.isnan(column[r])]
    stated.sort(key=lambda r: (sign * column[r], -int(catalogue.rating_count[r]), r))
    return [(row, _value(scene, row, wanted)) for row in stated], wanted, None


def by_attribute(
    catalogue: Catalogue, rows: Iterable[int], wanted: AttributeSuperlative
) -> list[tuple[int, str]]:
    """Return rows that state the attribute in the commonest kind of unit, the wanted end first."""
    found: dict[str, list[tuple[Decimal, int, str]]] = {}
    for row in rows:
        value = catalogue.products[int(row)].attributes.get(wanted.attribute)
        amount = amount_of(value) if value else None
        if amount is not None and value is not None:
            found.setdefault(amount[1], []).append((amount[0], int(row), value))
    sign = 1 if wanted.direction == "lower" else -1
    most = max(found.values(), key=len, default=[])
    return [(row, value) for _, row, value in sorted(most, key=lambda f: (sign * f[0], f[1]))]


def _value(scene: Scene, row: int, key: str) -> str:
    product = scene.catalogue.products[row]
    if key in ("cheapest", "dearest"):
        return money(product.price) if product.price is not None else ""
    return f"{product.rating:.1f}" if key == "best_rated" else str(product.rating_count or 0)


def _subject(scene: Scene, wish: str) -> Subject | None:
    """Return what the wish and the category constraint name together; without both, the shop."""
    subject = scene.recommender.store.subjects.find(wish) if wish else None
    names = scene.conversation.constraints.categories
    if not names:
        title = scene.speaker.config.shop.title.get(scene.language) or "shop"
        everything = np.ones(len(scene.catalogue), bool)
        return subject if wish else Subject(label=title, leaves=(), mask=everything)
    within = scene.recommender.allowed(Constraints(categories=names))
    label = _widest(scene, names)
    if subject is None or not (subject.mask & within).any():
        return Subject(label=label, leaves=(), mask=within)
    if not (subject.mask & ~within).any():
        return subject
    if (within & ~subject.mask).any():
        label = f"{scene.speaker.category(subject.label)}, {label}"
    return Subject(label=label, leaves=(), mask=subject.mask & within)


def _widest(scene: Scene, names: tuple[str, ...]) -> str:
    """Return the category name that holds all the others; all of them where none does."""
    found = {
        name: {p.product_id for p in scene.catalogue.products if name in p.category}
        for name in names
    }
    widest = max(names, key=lambda name: len(found[name]))
    if set().union(*found.values()) <= found[widest]:
        return widest
    said = [scene.speaker.category(name) for name in names]
    return " / ".join(said[:MAX_NAMES]) + (" …" if len(said) > MAX_NAMES else "")
