"""A store without some of its raw rows: what reads them is fitted again, weights and curves kept.

Shopper clusters are kept as well: they say who is alike, and one product's events hardly move them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import numpy as np

from retrieval.additive import contribution
from retrieval.behaviour.base import NO_ROWS, Rows, Scorer, Scores
from retrieval.behaviour.fitting import Behaviour, fit_scorer, make_behaviour, make_scorer
from retrieval.behaviour.segment_popularity import SegmentPopularityScorer
from retrieval.candidates import scaled, source_scores
from retrieval.data.dataset import PRODUCT_COLUMNS, Catalogue, Dataset, frame
from retrieval.eligibility import eligible
from retrieval.filters import Mask
from retrieval.pipeline import Recommender
from retrieval.plan import Plan, weights_of
from retrieval.query import Query
from retrieval.store import Store
from retrieval.text.bm25 import weigh
from retrieval.text.index import VectorIndex, document_text
from retrieval.text.lexical import FIELD_WEIGHT, LexicalIndex, field_terms


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Raw rows that are taken out."""

    events: Rows = field(default_factory=lambda: NO_ROWS)
    """Places in the store's log of interactions."""
    products: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Product id → columns of its row as they become."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is taken out."""
        return not len(self.events) and not self.products


def without(store: Store, removal: Removal, sources: Mapping[str, object]) -> Store:
    """Return the store as a build without these rows would make it, for rankings by `sources`."""
    dataset = _dataset(store, removal)
    names = set(sources)
    if not removal.events.size and not _moves_leaves(removal):
        names = set()  # no scorer reads the other columns
    found = replace(store, dataset=dataset, behaviour=_behaviour(store, dataset, removal, names))
    if not removal.products:
        return found
    lexical = _lexical(store, dataset, removal) if "lexical" in sources else store.lexical
    return replace(found, lexical=lexical, product_vectors=_vectors(store, dataset, removal))


def _dataset(store: Store, removal: Removal) -> Dataset:
    if not removal.products:
        return store.dataset
    rows = store.dataset.products.rows(named=True)
    changed = [{**row, **removal.products.get(row["product_id"], {})} for row in rows]
    return replace(store.dataset, products=frame(changed, PRODUCT_COLUMNS))


def _moves_leaves(removal: Removal) -> bool:
    return any("category" in columns for columns in removal.products.values())


def _behaviour(store: Store, dataset: Dataset, removal: Removal, names: set[str]) -> Behaviour:
    old = store.behaviour
    keep = np.ones(len(old.interactions.product), bool)
    keep[removal.events] = False
    log = old.interactions.part(keep)
    more = [s.name for s in old.others if s.name not in ("item_cf", "sequence")]
    made = make_behaviour(log, dataset.catalogue, store.config, old.settings, more)
    fitted: dict[str, Scorer] = {}
    for name, scorer in old.scorers.items():
        if name not in names:
            fitted[name] = scorer
        elif isinstance(scorer, SegmentPopularityScorer):
            own = SegmentPopularityScorer(scorer.clusters, scorer.config, prior=scorer.prior)
            fitted[name] = own.fit(log)
        else:
            new = make_scorer(name, dataset.catalogue, store.config, old.settings.get(name))
            fitted[name] = fit_scorer(new, log)
    others = tuple(fitted.pop(scorer.name) for scorer in old.others)
    return replace(made, others=others, **fitted)  # type: ignore[arg-type]


_TERMS: WeakKeyDictionary[Catalogue, list[list[list[str]]]] = WeakKeyDictionary()
"""The index terms of a whole catalogue, read once: a removal changes one row of them."""


def _lexical(store: Store, dataset: Dataset, removal: Removal) -> LexicalIndex:
    """Return the word index of the changed products; what is spelled how stays as it was."""
    catalogue = store.catalogue
    if catalogue not in _TERMS:
        _TERMS[catalogue] = [field_terms(product) for product in catalogue.products]
    terms = list(_TERMS[catalogue])
    for product_id in removal.products:
        terms[catalogue.row(product_id)] = field_terms(dataset.catalogue[product_id])
    found = LexicalIndex(weigh(terms, list(FIELD_WEIGHT.values())), {})
    found.spelling = store.lexical.spelling
    return found


def _vectors(store: Store, dataset: Dataset, removal: Removal) -> VectorIndex:
    vectors = np.array(store.product_vectors.vectors)
    for product_id in removal.products:
        text = document_text(dataset.catalogue[product_id])
        vectors[dataset.catalogue.row(product_id)] = store.encoder.encode([text])[0]
    return VectorIndex(vectors, store.product_vectors.ids, None)


class Scale:
    """One query's scores at the scale of its first run: what others score moves nothing."""

    def __init__(self, store: Store, query: Query) -> None:
        self.store, self.query = store, query
        self.plan = _one_kind(Recommender(store).plan(query))
        self.weights = {} if self.plan.task == "upsell" else weights_of(store, self.plan)
        self._tops = self._largest(eligible(store, self.plan))

    def score(self, store: Store, row: int) -> float:
        """Return the score of a product in a store of the same products; 0 if it is left out."""
        recommender = Recommender(store)
        plan = _one_kind(recommender.plan(self.query))
        found = next((c for c in recommender.ranked(plan) if c.row == row), None)
        if found is None:
            return 0.0
        if self.plan.task == "upsell":
            return found.score
        return sum(self._part(store, plan, source, row) for source in self.weights)

    def _part(self, store: Store, plan: Plan, source: str, row: int) -> float:
        top = self._tops.get(source, 0.0)
        said: Scores | None
        if source == "semantic" and plan.text:
            said = self._relative(store, plan.text, row)
        else:
            found = source_scores(store, plan, source)
            said = None if found is None else found[row : row + 1]
        if said is None or top <= 0:
            return 0.0
        values = scaled(source, np.asarray(said, np.float32), top=top)
        return float(contribution(self.weights[source], values)[0])

    def _relative(self, store: Store, text: str, row: int) -> Scores:
        """Return likeness to a text between the first run's mean and its best."""
        vector = self.store.encoder.encode([text], role="query")[0]
        first = self.store.product_vectors.similarities(vector)
        own = store.product_vectors.similarities(vector)[row : row + 1]
        usual, best = float(first.mean()), float(first.max())
        return np.maximum((own - usual) / max(best - usual, 1e-9), 0.0)

    def _largest(self, mask: Mask) -> dict[str, float]:
        tops = {}
        for source in self.weights:
            found = source_scores(self.store, self.plan, source)
            if found is not None:
                tops[source] = float((found * mask).max(initial=0.0))
        return tops


def rank_of(store: Store, query: Query, row: int) -> int | None:
    """Return the place of a product in a fresh run; None where it is no candidate."""
    recommender = Recommender(store)
    rows = [c.row for c in recommender.ranked(_one_kind(recommender.plan(query)))]
    return rows.index(row) + 1 if row in rows else None


def _one_kind(plan: Plan) -> Plan:
    return plan.of("cross_sell") if plan.task == "any" else plan
