"""Fit every scorer of a store, save them, and load them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retrieval.behaviour.association import AssociationScorer, CategoryAssociationScorer
from retrieval.behaviour.base import Interactions, Scorer
from retrieval.behaviour.item_cf import ItemCFScorer
from retrieval.behaviour.popularity import PopularityScorer
from retrieval.behaviour.profile import Profiles
from retrieval.behaviour.sequence import SequenceScorer
from retrieval.config import StoreConfig
from retrieval.data.dataset import Dataset

FOLDER = "models"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The fitted scorers of a store."""

    popularity: PopularityScorer
    association: AssociationScorer
    co_view: AssociationScorer
    category_association: CategoryAssociationScorer
    item_cf: ItemCFScorer
    sequence: SequenceScorer
    profiles: Profiles
    interactions: Interactions

    @property
    def scorers(self) -> dict[str, Scorer]:
        """The scorers that answer a `Context`, by name."""
        found: tuple[Scorer, ...] = (
            self.popularity,
            self.association,
            self.co_view,
            self.category_association,
            self.item_cf,
            self.sequence,
        )
        return {scorer.name: scorer for scorer in found}


def _unfitted(dataset: Dataset, config: StoreConfig) -> Behaviour:
    catalogue, settings = dataset.catalogue, config.behaviour
    interactions = Interactions.of(dataset, settings)
    return Behaviour(
        popularity=PopularityScorer(settings),
        association=AssociationScorer(settings),
        co_view=AssociationScorer(settings, over="sessions"),
        category_association=CategoryAssociationScorer(
            catalogue.leaf_code, len(catalogue.leaves), settings
        ),
        item_cf=ItemCFScorer(settings),
        sequence=SequenceScorer(settings),
        profiles=Profiles(interactions, catalogue),
        interactions=interactions,
    )


def fit_behaviour(snapshot: Path, dataset: Dataset, config: StoreConfig) -> dict[str, int]:
    """Fit all scorers on the dataset's events and save them under `snapshot/models`.

    Returns:
        Counts for the manifest: shoppers, events used, baskets, sessions.
    """
    behaviour = _unfitted(dataset, config)
    for scorer in behaviour.scorers.values():
        scorer.fit(behaviour.interactions).save(snapshot / FOLDER)
    return {
        "shoppers": behaviour.interactions.n_shoppers,
        "product_events": len(behaviour.interactions.product),
        "baskets": behaviour.association.n_groups,
        "sessions": behaviour.co_view.n_groups,
    }


def load_behaviour(snapshot: Path, dataset: Dataset, config: StoreConfig) -> Behaviour:
    """Load what `fit_behaviour` saved."""
    behaviour = _unfitted(dataset, config)
    for scorer in behaviour.scorers.values():
        scorer.load(snapshot / FOLDER)
    return behaviour
