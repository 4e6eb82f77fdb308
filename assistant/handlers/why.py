"""Why this, why not that, what would change it: answered by the ranker, run again."""

from __future__ import annotations

import re

import numpy as np

from assistant.cards import plain_card
from assistant.clauses import Clause
from assistant.handlers.present import labels_of, say_none, say_reviews, with_data
from assistant.scene import Outcome, Scene
from retrieval.evidence import Evidence
from retrieval.pipeline import Part, Why, WhyNot
from retrieval.query import Change, Constraints, Query, Step
from retrieval.records import money

CHEAPER = re.compile(r"\bcheap|\bless expensive|便宜", re.IGNORECASE)
CHANGES = {
    "price_max": "change_price", "total_max": "change_price", "price_min": "change_price_min",
    "rating_min": "change_instead", "k": "change_longer",
}  # fmt: skip
NOT_CLAUSES = {"price_max": "not_price_max", "price_min": "not_price_min", "in_stock": "not_stock"}


def why(scene: Scene) -> Outcome:
    """Say what decided for a product: the part that counted most, and its records."""
    c, u = scene.conversation, scene.understanding
    product_id = next(iter(u.references), c.focus)
    if product_id is None:
        return Outcome(conversation=c, pieces=["question_which"])
    if c.last_query is None:
        return _why_seen(scene, Outcome(conversation=c, pieces=["question_facts"]), product_id)
    outcome = Outcome(conversation=c.model_copy(update={"focus": product_id}), pieces=["why"])
    answer = scene.recommender.why(c.last_query, product_id)
    if answer is None:
        return _why_seen(scene, outcome, product_id)
    outcome.add(*answer.cited)
    said: set[str] = set()
    for part in answer.parts:
        outcome.pieces.append(_part(scene, outcome, answer, part, c.last_query))
        for fact in (f for f in part.facts if f.evidence_id not in said):
            said.add(fact.evidence_id)
            clause = _record(scene, fact, product_id)
            if clause is not None:
                outcome.pieces.append(clause)
    slate = scene.recommender.recommend(c.last_query)
    outcome.evidence |= {i: slate.evidence[i] for i in answer.suggestion.evidence_ids}
    say_reviews(scene, outcome, answer.suggestion)
    return outcome


def _record(scene: Scene, fact: Evidence, product_id: str) -> Clause | None:
    """Return the clause of a record behind a part."""
    if fact.kind == "comparison":
        return scene.speaker.compare(fact, as_upgrade=True)
    if fact.kind == "difference":
        return scene.speaker.difference(fact)
    return scene.speaker.say(fact, about=product_id)


def _why_seen(scene: Scene, outcome: Outcome, product_id: str) -> Outcome:
    """A product of an earlier slate: only what its record says."""
    product = scene.product(product_id)
    facts = [
        scene.records.price(product),
        scene.records.rating(product),
        scene.records.praise(product),
    ]
    outcome.add(*facts)
    for fact in facts:
        clause = scene.speaker.say(fact, about=product_id) if fact is not None else None
        if clause is not None:
            outcome.pieces.append(clause)
    return outcome


def _part(scene: Scene, outcome: Outcome, answer: Why, part: Part, query: Query) -> Clause:
    """Return the clause that names a part which decided; the first one counted most."""
    found = answer.suggestion
    fact = Evidence(
        evidence_id=f"rank:{query.query_id}:{found.product_id}:{part.source}",
        kind="rank",
        product_ids=(found.product_id,),
        text=f"score {found.score:.3f}, of which {part.source} {part.value:.3f}",
        data={
            "score": f"{found.score:.3f}",
            "parts": {k: f"{v:.3f}" for k, v in found.score_parts.items()},
            "part": part.source,
        },
        origin="the ranker, run again",
    )
    outcome.add(fact)
    slots = {
        "product": scene.speaker.title(found.product_id),
        "part": scene.speaker.part(part.source),
    }
    key = "why_top_part" if part is answer.parts[0] else "why_part_too"
    return Clause(key=key, slots=slots, evidence=(fact,), product_id=found.product_id)


def why_not(scene: Scene) -> Outcome:
    """Say why a product is not in the slate, and what would bring it in."""
    c = scene.conversation
    if c.last_query is None:
        asked = scene.understanding.references
        if asked:  # nothing was suggested yet: what its record says is all there is to say
            outcome = Outcome(conversation=c, pieces=["question_facts"])
            return _why_seen(scene, outcome, asked[0])
        return Outcome(conversation=c, pieces=["why_not_unknown"])
    product_id, looked_for_cheaper = _asked_about(scene, c.last_query)
    if product_id is None:
        outcome = Outcome(conversation=c)
        if looked_for_cheaper:
            _say_cheapest_already(scene, outcome, c.last_query)
        else:
            outcome.pieces.append("why_not_unknown")
        return outcome
    answer = scene.recommender.why_not(c.last_query, product_id)
    outcome = Outcome(conversation=c.model_copy(update={"focus": product_id}))
    outcome.add(*answer.evidence)
    product = scene.product(product_id)
    price, rating = scene.records.price(product), scene.records.rating(product)
    outcome.add(price, rating)
    outcome.cards = (
        plain_card(scene.speaker, product, [f for f in (price, rating) if f is not None]),
    )
    if answer.verdict == "shown":
        _say_shown(scene, outcome, answer, c.last_query)
        return outcome
    outcome.pieces.append("why_not")
    _say(scene, outcome, answer, c.last_query)
    _say_change(scene, outcome, answer, c.last_query)
    return outcome


def _say_cheapest_already(scene: Scene, outcome: Outcome, query: Query) -> None:
    """Say that the one in question is itself the cheapest of its category within the wishes."""
    c = scene.conversation
    head = scene.product(c.focus or c.shown[0].product_id)
    relaxed = query.constraints.model_copy(update={"price_max": None, "price_min": None})
    mask = scene.recommender.allowed(relaxed) & ~np.isnan(scene.catalogue.price)
    mask &= (
        scene.catalogue.leaf_code == scene.catalogue.leaf_code[scene.catalogue.row(head.product_id)]
    )
    if head.price is None or not head.category or mask.sum() < 2:
        say_none(scene, outcome, "why_not_cheaper_none")
        return
    value, path = money(head.price), " > ".join(head.category)
    fact = scene.records.extreme(head, "cheapest", path, int(mask.sum()), value)
    outcome.add(fact)
    slots = {
        "product": scene.speaker.title(head),
        "n": str(fact.data["n"]),
        "of": scene.speaker.category(path),
        "value": scene.speaker.money(value),
    }
    outcome.pieces.append(
        Clause(key="extreme_cheapest", slots=slots, evidence=(fact,), product_id=head.product_id)
    )


def _say_shown(scene: Scene, outcome: Outcome, answer: WhyNot, query: Query) -> None:
    """Say that it is in the list, and where."""
    fact = Evidence(
        evidence_id=f"rank:{query.query_id}:{answer.product_id}",
        kind="rank",
        product_ids=(answer.product_id,),
        text=f"place {answer.rank} of {answer.n_ranked} shown",
        data={"rank": answer.rank, "n": answer.n_ranked},
        origin="the ranker, run again",
    )
    outcome.add(fact)
    slots = {
        "product": scene.speaker.title(answer.product_id),
        "rank": str(answer.rank),
        "n": str(answer.n_ranked),
    }
    outcome.pieces.append(
        Clause(key="why_shown", slots=slots, evidence=(fact,), product_id=answer.product_id)
    )
    _against_first(scene, outcome, answer.product_id)


def _asked_about(scene: Scene, query: Query) -> tuple[str | None, bool]:
    """Return the product meant, and whether a cheaper one had to be looked for.

    "Why not the cheaper one?" means, if nothing shown is pointed at, the nearest cheaper product
    of the same category as the first one shown that is not itself shown.
    """
    c, u = scene.conversation, scene.understanding
    shown = {s.product_id for s in c.shown}
    wants_cheaper = CHEAPER.search(scene.text) is not None
    if u.references and not (wants_cheaper and u.references[0] in shown):
        return u.references[0], False
    if u.anchor_text or u.wish:
        subject = scene.recommender.store.subjects.find(u.anchor_text or u.wish)
        if subject is not None and subject.mask.any() and not subject.leaves:
            return scene.catalogue.product_ids[int(np.flatnonzero(subject.mask)[0])], False
    head = c.focus or (c.shown[0].product_id if c.shown else None)
    if head is None or head not in scene.catalogue:
        return None, False
    row = scene.catalogue.row(head)
    relaxed = query.constraints.model_copy(update={"price_max": None, "price_min": None})
    mask = scene.recommender.allowed(relaxed)
    mask &= scene.catalogue.leaf_code == scene.catalogue.leaf_code[row]
    with np.errstate(invalid="ignore"):
        mask &= scene.catalogue.price < scene.catalogue.price[row]
    rows = [int(r) for r in np.flatnonzero(mask) if scene.catalogue.product_ids[r] not in shown]
    if not rows:
        return None, True
    nearest = max(rows, key=lambda r: (scene.catalogue.price[r], -r))
    return scene.catalogue.product_ids[nearest], True


def _say(scene: Scene, outcome: Outcome, answer: WhyNot, query: Query) -> None:
    product_id = answer.product_id
    slots = {"product": scene.speaker.title(product_id)}
    if answer.verdict == "constraint":
        _say_constraints(scene, outcome, answer, query)
    elif answer.verdict == "outranked":
        fact = answer.evidence[0]
        slots |= {
            "rank": str(answer.rank), "n": str(answer.n_ranked), "k": str(answer.k),
            "ahead": scene.speaker.title(answer.ahead_id or product_id),
            "part": scene.speaker.part(answer.deciding_part or ""),
        }  # fmt: skip
        for key in ("why_rank", "why_part") if answer.deciding_part else ("why_rank",):
            outcome.pieces.append(
                Clause(key=key, slots=slots, evidence=(fact,), product_id=product_id)
            )
        _against_first(scene, outcome, product_id)
    elif answer.verdict == "same_category" and answer.evidence:
        slots["category"] = scene.speaker.category(" > ".join(scene.product(product_id).category))
        outcome.pieces.append(
            Clause(key="not_category", slots=slots, evidence=answer.evidence, product_id=product_id)
        )
    elif answer.verdict == "variety":
        slots |= {"rank": str(answer.rank), "n": str(answer.n_ranked)}
        outcome.pieces.append(
            Clause(key="why_variety", slots=slots, evidence=answer.evidence, product_id=product_id)
        )
    elif answer.verdict in ("unfit", "out_of_stock", "owned"):
        said = [scene.speaker.say(f, about=product_id) for f in answer.evidence]
        outcome.pieces += [s for s in said if s is not None]
        if answer.verdict == "owned":
            outcome.pieces.append("why_not_owned")
    elif answer.verdict == "already_there":
        outcome.pieces.append("why_not_there")
    else:
        key = "why_not_not_better" if answer.verdict == "not_better" else "why_not_no_signal"
        say_none(scene, outcome, key)


def _say_constraints(scene: Scene, outcome: Outcome, answer: WhyNot, query: Query) -> None:
    for fact in answer.evidence:
        name = fact.data["name"]
        chip = _label(scene, query.constraints, name)
        fact = with_data(fact, chip=chip)
        outcome.add(fact)
        slots = {
            "product": scene.speaker.title(answer.product_id),
            "chip": chip,
            "actual": str(fact.data["actual"] or ""),
            "wanted": str(fact.data["wanted"]),
        }
        if name in ("price_max", "price_min") and fact.data["actual"]:
            slots["actual"] = scene.speaker.money(fact.data["actual"])
            slots["wanted"] = scene.speaker.money(fact.data["wanted"])
        key = NOT_CLAUSES.get(name, "not_other" if fact.data["actual"] else "not_other_unstated")
        if name in ("price_max", "price_min") and not fact.data["actual"]:
            key = "not_other_unstated"
        clause = Clause(key=key, slots=slots, evidence=(fact,), product_id=answer.product_id)
        outcome.pieces.append(clause)


def _say_change(scene: Scene, outcome: Outcome, answer: WhyNot, query: Query) -> None:
    """Say the smallest change that would bring the product in, if one was found."""
    change = answer.change
    if change is None:
        return
    product = scene.product(answer.product_id)
    fact = scene.records.change(product, change)
    labels = [_step_label(scene, step, query, change) for step in change.steps]
    if len(labels) > 1:  # one by itself has a sentence that says so
        without = "without {}" if scene.language == "en" else "去掉{}"
        labels = [
            without.format(label) if _is_lifted(step) else label
            for step, label in zip(change.steps, labels, strict=True)
        ]
    fact = with_data(fact, chip="; ".join(labels))
    outcome.add(fact)
    slots = {"product": scene.speaker.title(product), "chip": "; ".join(labels)}
    step = change.steps[0]
    key = "change_several" if len(change.steps) > 1 else _change_key(step)
    if key in ("change_price", "change_price_min"):
        slots["value"] = scene.speaker.money(step.value)
    elif key == "change_longer":
        slots["value"] = step.value
    elif key in ("change_add", "change_without"):
        slots["anchor"] = scene.speaker.title(step.value)
    outcome.pieces.append(
        Clause(key=key, slots=slots, evidence=(fact,), product_id=product.product_id)
    )


def _is_lifted(step: Step) -> bool:
    """Whether a step takes a condition away; products that are dropped have a sign of their own."""
    of_products = step.field in ("basket", "anchors")
    return not of_products and (step.kind in ("lift", "drop") or step.field == "in_stock")


def _change_key(step: Step) -> str:
    """Return the clause that says one step."""
    if step.field in CHANGES:
        return CHANGES[step.field]
    if step.kind == "narrow":
        return "change_only"
    if step.field in ("basket", "anchors"):
        return "change_add" if step.kind == "add" else "change_without"
    return "change_drop"


def _step_label(scene: Scene, step: Step, query: Query, change: Change) -> str:
    """Return what a step changes as a chip reads: the condition that is lifted or comes in."""
    if step.field in ("basket", "anchors"):
        sign = "+" if step.kind == "add" else "−"
        return f"{sign}{scene.speaker.title(step.value)}"
    is_new = step.kind in ("narrow", "loosen")
    constraints = change.query.constraints if is_new else query.constraints
    if step.field == "in_stock":  # sold-out products stay out without being asked to
        constraints = Constraints(in_stock=True)
    return _label(scene, constraints, step.field, step.value if step.kind == "drop" else "")


def _label(scene: Scene, constraints: Constraints, field: str, value: str = "") -> str:
    """Return the chips of a constraint in words: of one of its values, or of all."""
    named = labels_of(scene, constraints)
    wanted = f"{field}:{value}" if value else field
    found = [text for name, text in named.items() if wanted in (name, name.partition(":")[0])]
    return ", ".join(found) or field


def _against_first(scene: Scene, outcome: Outcome, product_id: str) -> None:
    """Add price and rating against the first one shown, where they are of one category."""
    shown = scene.conversation.shown
    if not shown or shown[0].product_id == product_id:
        return
    this, that = scene.product(product_id), scene.product(shown[0].product_id)
    if this.category != that.category:
        return
    difference = scene.records.difference(this, that)
    if difference is not None and difference.data["difference"] != "0.00":
        outcome.add(difference)
        outcome.pieces.append(scene.speaker.difference(difference))
    rating = scene.records.rating_comparison(this, that)
    if rating is not None:
        outcome.add(rating)
        outcome.pieces.append(scene.speaker.compare(rating, as_upgrade=False))
