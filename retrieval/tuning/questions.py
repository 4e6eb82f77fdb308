"""Questions with known answers, made of a shop's own log: what came next, what was in the basket.

The log is cut at a moment. What lies before it may be learned from; of what comes after it
questions are made, as a shopper's visit would ask them. Nothing after the cut is learned from.

A log in which most shoppers begin at the very same moment has no common clock (its times are
places in a sequence). There the last basket of every fifth shopper is hidden instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.behaviour.base import NO_ROWS, PURCHASE, SECONDS_A_DAY, VIEW, Interactions, Rows
from retrieval.data.dataset import Catalogue, Dataset
from retrieval.query import Query

LATER, MOST_LATER = 0.15, 0.4
"""Share of the baskets that questions are made of: more where there are few baskets."""
ENOUGH_BASKETS = 1_500
SAME_START = 0.5
"""With at least this share of shoppers starting at one moment, times are places in a sequence."""
ONE_IN = 5
LONGEST_HISTORY = 50
LONGEST_SEARCH_DAYS = 1 / 24
"""What is chosen within an hour after a search answers it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What would have been asked, and the product that was taken."""

    query: Query
    taken: int
    """Product row."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A log cut in two, and the questions that the later part holds."""

    past: Interactions
    questions: dict[str, list[Question]] = field(default_factory=dict)
    """Task to its questions, oldest first."""


def hold_out(
    dataset: Dataset, log: Interactions, *, seed: int = 0, max_questions: int = 1_000
) -> Held:
    """Cut the log and make at most `max_questions` questions for each task."""
    is_past = past_of(log)
    end = float(log.day[is_past].max()) if is_past.any() else 0.0
    past, later = log.part(is_past, end_day=end), log.part(~is_past)
    rng = np.random.default_rng(seed)
    catalogue = dataset.catalogue
    made = {
        "next_product": _next_product(past, later, catalogue, rng),
        "basket": _baskets(past, later, catalogue, rng, across=False),
        "cross_sell": _baskets(past, later, catalogue, rng, across=True),
        "similar": _alternatives(later, catalogue, rng),
        "search": _searches(dataset, catalogue, is_past, end),
    }
    return Held(past=past, questions={t: _spread(q, max_questions) for t, q in made.items()})


def past_of(log: Interactions) -> NDArray[np.bool_]:
    """Return which events may be learned from: shape (n_events,)."""
    bought = log.type == PURCHASE
    if not bought.any():
        return np.ones(len(log.day), bool)
    if _has_clock(log):
        _, first = np.unique(log.basket[bought], return_index=True)
        share = min(MOST_LATER, max(LATER, ENOUGH_BASKETS / len(first)))
        cut = float(np.quantile(log.day[bought][first], 1 - share, method="lower"))
        return log.day <= cut
    last = np.full(log.n_shoppers, -1)
    last[log.shopper[bought]] = np.flatnonzero(bought)  # of several the last one stays
    begins = np.full(log.n_shoppers, np.inf)
    same = (last[log.shopper] >= 0) & bought
    same &= log.basket == log.basket[last[log.shopper]]
    np.minimum.at(begins, log.shopper[same], log.day[same])
    is_asked = np.arange(log.n_shoppers) % ONE_IN == 0
    return ~(is_asked[log.shopper] & (log.day >= begins[log.shopper]))


def _has_clock(log: Interactions) -> bool:
    first = np.full(log.n_shoppers, np.inf)
    np.minimum.at(first, log.shopper, log.day)
    _, counts = np.unique(first[np.isfinite(first)], return_counts=True)
    return log.n_shoppers < 2 or counts.max() < SAME_START * log.n_shoppers


def _next_product(
    past: Interactions, later: Interactions, catalogue: Catalogue, rng: np.random.Generator
) -> list[Question]:
    """What a shopper known from before bought first after the cut."""
    bought, before = later.only(PURCHASE), past.only(PURCHASE)
    histories = dict(_by(before.shopper, before.product))
    questions = []
    for shopper, places in _by(bought.shopper, np.arange(len(bought.day))):
        history = histories.get(shopper, NO_ROWS)
        if not len(history):
            continue
        first = places[bought.basket[places] == bought.basket[places[0]]]
        asked = Query(
            query_id=f"next-{shopper}",
            history=tuple(catalogue.product_ids[r] for r in history[-LONGEST_HISTORY:]),
            shopper_id=later.shopper_ids[shopper],
            k=10,
        )
        questions.append(Question(query=asked, taken=int(rng.choice(bought.product[first]))))
    return questions


def _baskets(
    past: Interactions,
    later: Interactions,
    catalogue: Catalogue,
    rng: np.random.Generator,
    *,
    across: bool,
) -> list[Question]:
    """One product of a basket hidden; `across`: one of a leaf category that the rest lacks.

    Across categories one half is asked with the rest of the basket, the other with one product.
    Shoppers known from before are named.
    """
    bought, known = later.only(PURCHASE), set(past.shopper.tolist())
    shopper_of = dict(zip(bought.basket.tolist(), bought.shopper.tolist(), strict=True))
    questions = []
    for basket, rows in _by(bought.basket, bought.product):
        held = list(dict.fromkeys(int(r) for r in rows))
        if len(held) < 2:
            continue
        taken = int(rng.choice(held))
        rest = [row for row in held if row != taken]
        leaf = catalogue.leaf_code
        if across:
            if leaf[taken] < 0 or bool((leaf[rest] == leaf[taken]).any()):
                continue
            if rng.random() < 0.5:
                rest = [int(rng.choice(rest))]
        ids = tuple(catalogue.product_ids[r] for r in rest)
        shopper = shopper_of[basket]
        asked = Query(
            query_id=f"basket-{basket}",
            basket=ids,
            shopper_id=later.shopper_ids[shopper] if shopper in known else None,
            offer_kind="cross_sell" if across else None,
            k=10,
        )
        questions.append(Question(query=asked, taken=taken))
    return questions


def _alternatives(
    later: Interactions, catalogue: Catalogue, rng: np.random.Generator
) -> list[Question]:
    """Two products of one leaf category looked at in a session: the second answers the first."""
    seen = later.only(VIEW)
    questions = []
    for session, rows in _by(seen.session, seen.product):
        viewed = list(dict.fromkeys(int(r) for r in rows))
        pairs = [
            (a, b)
            for a, b in pairwise(viewed)
            if catalogue.leaf_code[a] == catalogue.leaf_code[b] >= 0
        ]
        if pairs:
            anchor, taken = pairs[int(rng.integers(len(pairs)))]
            asked = Query(
                query_id=f"similar-{session}",
                anchors=(catalogue.product_ids[anchor],),
                offer_kind="similar",
                k=10,
            )
            questions.append(Question(query=asked, taken=taken))
    return questions


def _searches(
    dataset: Dataset, catalogue: Catalogue, is_past: NDArray[np.bool_], end: float
) -> list[Question]:
    """What was bought, else put in the cart, else looked at first within an hour of a search."""
    if is_past.all():
        return []
    events = dataset.events.filter(
        (pl.col("at").dt.epoch("us") > end * SECONDS_A_DAY * 1e6)
        & pl.col("type").is_in(["search", "view", "add_to_cart", "purchase"])
    ).select("event_id", "shopper_id", "type", "at", "product_id", "search_text")
    rank = {"purchase": 0, "add_to_cart": 1, "view": 2}
    questions = []
    for _, group in events.group_by("shopper_id", maintain_order=True):
        rows = group.rows(named=True)
        for place, row in enumerate(rows):
            if row["type"] != "search" or not (row["search_text"] or "").strip():
                continue
            best: tuple[int, str] | None = None
            for after in rows[place + 1 :]:
                gap = (after["at"] - row["at"]).total_seconds() / SECONDS_A_DAY
                if after["type"] == "search" or gap > LONGEST_SEARCH_DAYS:
                    break
                found = (rank[after["type"]], after["product_id"])
                if after["product_id"] in catalogue and (best is None or found[0] < best[0]):
                    best = found
            if best is not None:
                asked = Query(query_id=f"search-{row['event_id']}", text=row["search_text"], k=10)
                questions.append(Question(query=asked, taken=catalogue.row(best[1])))
    return questions


def _by(key: Rows, value: Rows) -> list[tuple[int, Rows]]:
    """Return the values of each key, in their order; keys by their first event."""
    known = np.flatnonzero(key >= 0)
    order = known[np.argsort(key[known], kind="stable")]
    names, starts = np.unique(key[order], return_index=True)
    parts = np.split(order, starts[1:]) if len(names) else []
    found = [(int(n), rows) for n, rows in zip(names, parts, strict=True)]
    return [(n, value[rows]) for n, rows in sorted(found, key=lambda pair: int(pair[1][0]))]


def _spread(questions: Sequence[Question], n: int) -> list[Question]:
    """Return at most n, evenly spread over time."""
    if len(questions) <= n:
        return list(questions)
    step = len(questions) / n
    return [questions[int(i * step)] for i in range(n)]
