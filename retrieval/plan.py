"""What a query comes down to on one store: known ids, the task, the context, the weights, notes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from retrieval.additive import Weight, contribution
from retrieval.behaviour.base import NO_ROWS, SECONDS_A_DAY, Context, Rows, day_of
from retrieval.behaviour.profile import Profile
from retrieval.filters import fold
from retrieval.query import Constraints, Query
from retrieval.store import Store

Task = Literal[
    "search", "similar", "cross_sell", "upsell", "bundle", "basket", "next_product", "any"
]
SUBJECT_WEIGHT = 0.6
"""Search: what the wish names by category goes before what merely resembles it."""
WORDS = ("lexical", "semantic")
BEHAVIOUR = (
    "popularity", "association", "category_association", "item_cf", "sequence", "co_view", "ease",
    "basket_ease", "user_knn", "self_attention", "segment_popularity", "repurchase",
)  # fmt: skip
PERSONAL = ("profile", "repurchase")
"""Sources that are silent unless the shopper is known."""
RELATIVES = "relatives"
CARRIED = 1.0
"""How much of their relatives' behaviour new products inherit where the shop's past does not say;
more would reward being unknown."""
_LIKENESS = ("nearest", "same_brand", "compatibility", "profile")
SOURCES: Mapping[str, tuple[str, ...]] = {
    "search": (*WORDS, "subject", "popularity", "profile", "rating"),
    "similar": (*BEHAVIOUR, "semantic", "same_brand", "profile", "rating"),
    "cross_sell": (*BEHAVIOUR, "semantic", *_LIKENESS),
    "basket": (*BEHAVIOUR, *WORDS, *_LIKENESS, "same_category"),
    "next_product": (*BEHAVIOUR, *WORDS, *_LIKENESS, "same_category"),
}
"""What a build may weigh for each task. In all of them new products inherit what behaviour says of
their relatives; `relatives` rests on the weights of the others."""
RATING_WEIGHT = 0.1
"""Where behaviour has nothing to say, well-rated products come first."""
LATEST_PURCHASES = 5
"""Products a shopper bought last that stand in for anchors when none are named."""
OWN_SEQUENCE = 20
"""Products of a shopper's own purchases that say what may come next."""
MAX_NAMED = 5
ONE = np.ones(1)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a query comes down to on this store."""

    query: Query
    task: Task
    context: Context
    constraints: Constraints
    """The query's; where no bundle is asked for, a limit on the total limits each price."""
    profile: Profile | None = None
    """None for an unknown shopper and when personalisation is off."""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str | None:
        """The words asked with; None if there is no letter or digit in them."""
        text = (self.query.text or "").strip()
        return text if re.search(r"[^\W_]", text) else None

    @property
    def shopper_id(self) -> str | None:
        """The shopper whose records may be used."""
        return self.profile.shopper_id if self.profile else None

    @property
    def has_anchor(self) -> bool:
        """Whether suggestions relate to something: products or categories."""
        return bool(len(self.context.given) or self.context.anchor_leaves)

    def related(self) -> Rows:
        """Return the products that suggestions relate to, the most important last.

        Anchors and the basket; the history only where there is neither.
        """
        named = np.concatenate([self.context.basket, self.context.anchors])
        return named if len(named) else self.context.history

    def of(self, task: Task, *, context: Context | None = None, with_text: bool = True) -> Plan:
        """Return the same plan for another task."""
        query = self.query if with_text else self.query.model_copy(update={"text": None})
        return replace(self, task=task, query=query, context=context or self.context)


def make_plan(store: Store, query: Query) -> Plan:
    """Resolve ids, drop what is personal when asked to, and decide the task."""
    notes = [*_unknown_products(store, query)]
    if query.text:
        text, made = store.lexical.spelling.correct(query.text, is_word=store.encoder.knows)
        query = query.model_copy(update={"text": text})
        notes += [f"searched for “{c.read}” instead of “{c.wrote}”" for c in made]
    profile = None
    if query.shopper_id is not None and query.personalise:
        profile = store.behaviour.profiles.of(query.shopper_id)
        if profile is None:
            notes.append(f"unknown shopper {query.shopper_id}: general suggestions")
    leaves = []
    for path in query.anchor_categories:
        found = _leaves_named(store, path)
        leaves += found
        if not found:
            notes.append(f"unknown category in anchor_categories: {path}")
    anchors = _once(store, query.anchors)
    context = Context(
        anchors=anchors,
        basket=np.setdiff1d(_once(store, query.basket), anchors, assume_unique=True)
        if len(anchors)
        else _once(store, query.basket),
        history=store.catalogue.rows(query.history) if query.personalise else NO_ROWS,
        anchor_leaves=tuple(dict.fromkeys(leaves)),
        shopper=store.behaviour.profiles.row(profile.shopper_id) if profile else None,
        at=None if query.at is None else day_of(query.at),
    )
    task = _task(query, context)
    plan = Plan(
        query=query,
        task=task,
        context=context,
        constraints=query.constraints if task == "bundle" else _per_product(query.constraints),
        profile=profile,
        notes=tuple(notes),
    )
    return _with_own_history(store, _with_must_haves(store, plan))


def weights_of(store: Store, plan: Plan) -> Mapping[str, Weight]:
    """Return how each source counts for the plan; new products inherit from their relatives."""
    weights = _own_weights(store, plan)
    task = "cross_sell" if plan.task == "bundle" and plan.has_anchor else plan.task
    if task not in SOURCES or RELATIVES in weights or not len(store.relatives.rows):
        return weights
    share = store.learned.carried.get(task, CARRIED)
    return {**weights, RELATIVES: share * highest(weights)}


def highest(weights: Mapping[str, Weight]) -> float:
    """Return the most that behaviour can add to a score by these weights."""
    return sum(contribution(weights[s], ONE)[0] for s in BEHAVIOUR if weights.get(s))


def _own_weights(store: Store, plan: Plan) -> Mapping[str, Weight]:
    """Return how each source counts: as learned from the shop's past, or configured.

    Curves were learned on questions without words (search: on words alone), so they answer those.
    """
    task = "cross_sell" if plan.task == "bundle" and plan.has_anchor else plan.task
    task = "search" if plan.task == "bundle" and not plan.has_anchor else task
    learned = store.learned.of(task, is_known=plan.profile is not None)
    if learned is not None and (plan.text is not None) == (task == "search"):
        return learned
    weights = configured_weights(store, task)
    if plan.text is not None:
        if task == "cross_sell":  # words say what is wanted of the complement
            weights |= {s: store.config.ranking.cross_sell.get(s, 0.0) for s in WORDS}
    elif task == "search":
        for source in WORDS:
            weights.pop(source, None)
        weights.pop("subject", None)
    elif task not in ("basket", "next_product"):
        weights.pop("lexical", None)
    if not plan.has_anchor and plan.text is None:
        weights["rating"] = RATING_WEIGHT  # a shelf to look along: everything that is allowed
    return weights


def configured_weights(store: Store, task: str) -> dict[str, float]:
    """Return the settings' weights for a question as the curves are learned on."""
    ranking = store.config.ranking
    if task == "search":
        return {"subject": SUBJECT_WEIGHT, **ranking.search}
    if task == "cross_sell":  # likeness to the anchor is no sign of a complement
        return {s: w for s, w in ranking.cross_sell.items() if s not in WORDS}
    if task == "similar":
        return {s: w for s, w in ranking.similar.items() if s != "lexical"}
    return dict({"basket": ranking.basket, "next_product": ranking.next_product}.get(task, {}))


def moment(store: Store, query: Query) -> datetime | None:
    """Return the moment a query is about: its own, else the end of the log, else None."""
    if query.at is not None:
        return query.at
    end = store.behaviour.interactions.end_day
    return datetime.fromtimestamp(end * SECONDS_A_DAY, UTC) if end else None


def _task(query: Query, context: Context) -> Task:
    """Decide what is asked when the query does not say it."""
    has_products = bool(len(context.anchors) or len(context.basket) or context.anchor_leaves)
    has_words = re.search(r"[^\W_]", query.text or "") is not None
    if (
        query.offer_kind == "similar"
        and has_words
        and not has_products
        and not len(context.history)
    ):
        return "search"  # alternatives to what words describe
    if query.offer_kind not in (None, "any"):
        return query.offer_kind
    if has_products and query.offer_kind == "any":
        return "any"
    if len(context.basket):
        return "basket"
    if has_products:
        return "any"
    if has_words:
        return "search"
    return "next_product"


def _with_must_haves(store: Store, plan: Plan) -> Plan:
    """A bundle around must-haves relates to them when nothing else is named."""
    if plan.task != "bundle" or plan.has_anchor or plan.text:
        return plan
    anchors = _once(store, plan.constraints.must_include)
    return replace(plan, context=replace(plan.context, anchors=anchors))


def _with_own_history(store: Store, plan: Plan) -> Plan:
    """Let the shopper's own purchases speak where the query names no product."""
    if plan.profile is None or plan.has_anchor or not len(plan.profile.purchased):
        return plan
    bought = plan.profile.purchased  # latest first
    if plan.task == "next_product":
        return replace(plan, context=replace(plan.context, history=bought[:OWN_SEQUENCE][::-1]))
    if plan.task in ("cross_sell", "similar", "upsell") and plan.text is None:
        note = f"nothing named: related to the latest purchases of {plan.profile.shopper_id}"
        context = replace(plan.context, history=bought[:LATEST_PURCHASES][::-1])
        return replace(plan, context=context, notes=(*plan.notes, note))
    return plan


def _once(store: Store, product_ids: Sequence[str]) -> Rows:
    return store.catalogue.rows(list(dict.fromkeys(product_ids)))


def _unknown_products(store: Store, query: Query) -> list[str]:
    named = {name: getattr(query, name) for name in ("anchors", "basket", "history")}
    for name in ("must_include", "exclude"):
        named[f"constraints.{name}"] = getattr(query.constraints, name)
    notes = []
    for name, product_ids in named.items():
        unknown = [p for p in dict.fromkeys(product_ids) if p not in store.catalogue]
        if unknown:
            more = f" and {len(unknown) - MAX_NAMED} more" if len(unknown) > MAX_NAMED else ""
            notes.append(f"unknown product in {name}: {', '.join(unknown[:MAX_NAMED])}{more}")
    return notes


def _leaves_named(store: Store, path: str) -> list[int]:
    """Return the leaves at or below a category path."""
    wanted = fold(path)
    return [
        code
        for code, leaf in enumerate(store.catalogue.leaves)
        if fold(leaf) == wanted or (wanted and fold(leaf).startswith(wanted + " > "))
    ]


def _per_product(constraints: Constraints) -> Constraints:
    """Without a bundle, nothing dearer than the whole total can be meant."""
    total, price = constraints.total_max, constraints.price_max
    if total is None or (price is not None and price <= total):
        return constraints
    return constraints.model_copy(update={"price_max": total})
