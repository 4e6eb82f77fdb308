"""What is cheaper at the moment: products that a running offer takes something off."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import numpy as np

from retrieval.behaviour.base import Context
from retrieval.eligibility import eligible
from retrieval.plan import Plan
from retrieval.promotion import best_for
from retrieval.slate import Candidate
from retrieval.store import Store

PER_OFFER = 2
"""Products of one offer in a list, so that it shows what else runs."""


def deals(store: Store, plan: Plan, at: datetime | None) -> tuple[Candidate, ...]:
    """Return products that an offer reduces, those bought most first, `k` at most.

    Args:
        store: Where offers and products are.
        plan: Its constraints hold; words that name a kind of product narrow the list.
        at: The moment asked about.
    """
    running = [offer for offer in store.promotions.values() if offer.runs(at)]
    mask = eligible(store, plan) & (store.catalogue.stock != 0)
    subject = store.subjects.find(plan.text) if plan.text else None
    if subject is not None:
        mask &= subject.mask
    bought = store.behaviour.popularity.score(Context())
    found: list[Candidate] = []
    used: Counter[str] = Counter()
    for row in np.lexsort((np.arange(len(mask)), -bought)).tolist():
        if len(found) == plan.query.k or not running:
            break
        offer = best_for(store.catalogue.products[row], running, at) if mask[row] else None
        if offer is not None and used[offer.offer_id] < PER_OFFER:
            used[offer.offer_id] += 1
            found.append(Candidate(row=row, parts={"popularity": float(bought[row])}))
    return tuple(found)
