"""Fit every scorer of a store, save them, and load them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from retrieval.behaviour.association import AssociationScorer, CategoryAssociationScorer
from retrieval.behaviour.base import Interactions, Scorer
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.ease import EaseScorer
from retrieval.behaviour.item_cf import ItemCFScorer
from retrieval.behaviour.popularity import PopularityScorer
from retrieval.behaviour.profile import Profiles
from retrieval.behaviour.repurchase import RepurchaseScorer
from retrieval.behaviour.segment_popularity import SegmentPopularityScorer
from retrieval.behaviour.sequence import SequenceScorer
from retrieval.behaviour.user_knn import UserKnnScorer
from retrieval.config import StoreConfig
from retrieval.data.dataset import Catalogue, Dataset
from retrieval.workers import HERE, Workers

FOLDER = "models"
SETTINGS = "settings.json"
Setting = Mapping[str, Any]
GRIDS: Mapping[str, tuple[Setting, ...]] = {
    "popularity": ({}, {"half_life_days": 120.0}, {"half_life_days": 3650.0}),
    "association": ({}, {"damping": 50.0}),
    "item_cf": tuple(
        {"shrinkage": shrinkage, "activity_power": power}
        for shrinkage in (5.0, 100.0)
        for power in (0.5, 1.0)
    ),
    **dict.fromkeys(
        ("ease", "basket_ease"),
        tuple(
            {"regularisation": strength, "activity_power": power}
            for strength in (20.0, 200.0)
            for power in (0.5, 1.0)
        ),
    ),
    "repurchase": ({}, {"horizon_days": 28.0}),
    "user_knn": ({}, {"n_shoppers": 50}, {"n_shoppers": 800, "shrinkage": 0.0}),
    "sequence": tuple(
        {"window": window, "recency": recency} for window in (5, 20) for recency in (0.8, 0.5, 0.3)
    ),
}
"""Settings of each scorer that a build tries on the shop's own past; `{}` is as configured."""
ALWAYS = ("item_cf", "sequence")
"""Beside those that evidence is made of, every store has these."""
TRIED = ("ease", "basket_ease", "user_knn", "segment_popularity", "repurchase")
"""A build tries these and keeps the ones that its rankings use."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The fitted scorers of a store."""

    popularity: PopularityScorer
    association: AssociationScorer
    co_view: AssociationScorer
    category_association: CategoryAssociationScorer
    profiles: Profiles
    interactions: Interactions
    others: tuple[Scorer, ...] = ()
    """Scorers that are only asked for scores."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """What was chosen for each scorer."""

    @property
    def steps(self) -> int:
        """How many purchases ahead "bought next" looks."""
        return next(s.window for s in self.others if isinstance(s, SequenceScorer))

    @property
    def scorers(self) -> dict[str, Scorer]:
        """The scorers that answer a `Context`, by name."""
        found: tuple[Scorer, ...] = (
            self.popularity,
            self.association,
            self.co_view,
            self.category_association,
            *self.others,
        )
        return {scorer.name: scorer for scorer in found}


def make_scorer(
    name: str,
    catalogue: Catalogue,
    config: StoreConfig,
    setting: Setting | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> Scorer:
    """Return one unfitted scorer; `vectors` of the products are needed to fit `self_attention`.

    Raises:
        KeyError: If there is none of this name.
    """
    made, own = dict(setting or {}), config.behaviour
    if name == "popularity":
        half_life = made.get("half_life_days", own.popularity_half_life_days)
        return PopularityScorer(own.model_copy(update={"popularity_half_life_days": half_life}))
    if name == "association":
        return AssociationScorer(own.model_copy(update=made), leaf_code=catalogue.leaf_code)
    if name == "co_view":
        return AssociationScorer(own.model_copy(update=made), over="sessions")
    if name == "category_association":
        return CategoryAssociationScorer(catalogue.leaf_code, len(catalogue.leaves), own)
    if name == "repurchase":
        return RepurchaseScorer(own, leaf_code=catalogue.leaf_code, **made)
    if name == "segment_popularity":
        clusters = Clusters(catalogue.leaf_code, catalogue.leaves, own)
        return SegmentPopularityScorer(clusters, own)
    if name == "self_attention":
        from retrieval.behaviour.self_attention import SelfAttentionScorer

        return SelfAttentionScorer(own, vectors=vectors, **made)
    kinds: Mapping[str, Callable[..., Scorer]] = {
        "item_cf": ItemCFScorer,
        "sequence": SequenceScorer,
        "ease": EaseScorer,
        "basket_ease": partial(EaseScorer, over="baskets"),
        "user_knn": UserKnnScorer,
    }
    return kinds[name](own, **made)


def make_behaviour(
    interactions: Interactions,
    catalogue: Catalogue,
    config: StoreConfig,
    settings: Mapping[str, Setting] | None = None,
    more: Sequence[str] = (),
    vectors: NDArray[np.float32] | None = None,
) -> Behaviour:
    """Return the scorers, unfitted, with the settings that were chosen for them.

    Args:
        interactions: The log.
        catalogue: The products.
        config: The store's settings.
        settings: Scorer to what was chosen for it.
        more: Scorers beside those that every store has.
        vectors: Of the products, shape (n_products, dimension).
    """
    chosen = dict(settings or {})

    def make(name: str) -> Any:  # noqa: ANN401 - the field says which scorer it is
        return make_scorer(name, catalogue, config, chosen.get(name), vectors)

    return Behaviour(
        popularity=make("popularity"),
        association=make("association"),
        co_view=make("co_view"),
        category_association=make("category_association"),
        others=tuple(make(name) for name in (*ALWAYS, *more)),
        profiles=Profiles(interactions, catalogue),
        interactions=interactions,
        settings=chosen,
    )


def fitted(behaviour: Behaviour, workers: Workers = HERE) -> Behaviour:
    """Return the scorers, each fitted on the behaviour's own log by one of the workers."""
    scorers = behaviour.scorers
    found = workers.map(fit_scorer, scorers.values(), behaviour.interactions)
    made: dict[str, Any] = dict(zip(scorers, found, strict=True))
    others = tuple(made.pop(scorer.name) for scorer in behaviour.others)
    return replace(behaviour, **made, others=others)


def fit_scorer(scorer: Scorer, interactions: Interactions) -> Scorer:
    """Fit one scorer.

    Dense algebra takes one thread: its sums then round alike on any number of cores.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return scorer.fit(interactions)


def save_behaviour(behaviour: Behaviour, snapshot: Path) -> dict[str, int]:
    """Save fitted scorers under `snapshot/models`.

    Returns:
        Counts for the manifest: shoppers, events used, baskets, sessions.
    """
    folder = snapshot / FOLDER
    for scorer in behaviour.scorers.values():
        scorer.save(folder)
    names = [scorer.name for scorer in behaviour.others if scorer.name not in ALWAYS]
    kept = json.dumps({"settings": behaviour.settings, "more": names}, indent=1, sort_keys=True)
    (folder / SETTINGS).write_text(kept + "\n", "utf-8")
    return {
        "shoppers": behaviour.interactions.n_shoppers,
        "product_events": len(behaviour.interactions.product),
        "baskets": behaviour.association.n_groups,
        "sessions": behaviour.co_view.n_groups,
    }


def load_behaviour(snapshot: Path, dataset: Dataset, config: StoreConfig) -> Behaviour:
    """Load what `save_behaviour` saved."""
    folder = snapshot / FOLDER
    kept = json.loads((folder / SETTINGS).read_text("utf-8"))
    log = Interactions.of(dataset, config.behaviour)
    behaviour = make_behaviour(log, dataset.catalogue, config, kept["settings"], kept["more"])
    for scorer in behaviour.scorers.values():
        scorer.load(folder)
    return behaviour
