"""The table of methods that `eval.run_methods` compares: how each is made and what is tried.

A method is a scorer of the shop (`retrieval.behaviour.base.Scorer`). To add one, add a `Source` to
`methods`; grids hold at most twelve settings, so that all are tuned with the same effort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.data.base import NextTask
from eval.ours import Source, behaviour_sources
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.ease import EaseScorer
from retrieval.behaviour.factors import AlsScorer, BprScorer
from retrieval.behaviour.segment_popularity import SegmentPopularityScorer
from retrieval.behaviour.self_attention import SelfAttentionScorer
from retrieval.behaviour.user_knn import UserKnnScorer
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Catalogue
from retrieval.learning.dense_network import DenseNetwork

Grid = Mapping[str, Sequence[Any]]


def methods(task: NextTask) -> list[Source]:
    """Return every method that the task can ask, the configured scorers first."""
    return [*behaviour_sources(task), *collaborative(task)]


NETWORKS = ("self_attention", "dense_network")
"""Minutes of training each, so they run only where `--method` names them."""


def networks(task: NextTask, vectors: NDArray[np.float32]) -> list[Source]:
    """Return the trained networks of a task of histories; none for baskets.

    The dense network tunes itself on folds of what it may learn from, so its grid is empty.
    """
    if task.is_basket:
        return []
    catalogue = Catalogue(task.products)
    return [
        Source(
            name="self_attention",
            make=partial(SelfAttentionScorer, vectors=vectors),
            grid={"dropout": [0.3, 0.5]},
        ),
        Source(
            name="dense_network",
            make=partial(DenseNetwork, catalogue=catalogue, vectors=vectors, targets="last"),
            grid={},
        ),
    ]


def collaborative(task: NextTask) -> list[Source]:
    """Return EASE, shopper neighbours, factors and segments with grids of at most twelve."""
    kept = BehaviourConfig(neighbours=200)
    recency = [1.0] if task.is_basket else [0.8, 0.5]
    power = [0.0, 0.5, 1.0] if task.is_basket else [0.5]
    late = 1.0 if task.is_basket else 0.5
    found = [
        Source(
            name="ease",
            make=partial(EaseScorer, max_items=12_500),
            grid={
                "regularisation": [50.0, 200.0, 1_000.0, 4_000.0]
                if task.is_basket
                else [1.0, 5.0, 20.0, 100.0],
                "activity_power": power,
                "recency": recency,
            },
        ),
        Source(
            name="user_knn",
            make=partial(UserKnnScorer, kept),
            grid={"n_shoppers": [50, 200, 800], "shrinkage": [0.0, 2.0], "recency": recency},
        ),
        Source(
            name="als",
            make=partial(AlsScorer, kept, recency=late),
            grid={
                "factors": [64, 128],
                "confidence": [2.0, 10.0, 40.0],
                "regularisation": [0.1, 10.0],
            },
        ),
        Source(
            name="bpr",
            make=partial(BprScorer, kept, recency=late),
            grid={
                "factors": [64, 128],
                "learning_rate": [0.02, 0.05],
                "regularisation": [0.01, 0.05],
                "iterations": [100],
            },
        ),
    ]
    catalogue = Catalogue(task.products)
    if 1 < len(catalogue.leaves) < len(task.products):

        def clustered(n_clusters: int, half_life: float = 60.0) -> SegmentPopularityScorer:
            return SegmentPopularityScorer(
                groups(n_clusters), BehaviourConfig(popularity_half_life_days=half_life)
            )

        def groups(n_clusters: int) -> Clusters:
            return Clusters(
                catalogue.leaf_code, catalogue.leaves, max_clusters=n_clusters,
                min_clusters=n_clusters, n_seeds=1, min_days=2,
            )  # fmt: skip

        found += [
            Source(
                name="segment_popularity",
                make=clustered,
                grid={"n_clusters": [4, 8, 16], "half_life": [30.0, 60.0, 3650.0]},
            ),
            Source(
                name="user_knn_clusters",
                make=lambda n_clusters, **s: UserKnnScorer(kept, clusters=groups(n_clusters), **s),
                grid={"n_clusters": [4, 8], "n_shoppers": [200, 800], "recency": recency},
            ),
        ]
    return found
