"""One product of a bundle replaced by the next best that keeps every constraint."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.slate import Slate


def swap(
    recommender: Recommender, query: Query, product_ids: Sequence[str], product_id: str
) -> Slate:
    """Return the bundles that hold all of a bundle but one product, and another in its place.

    The first is the best; `conflict` evidence says why when nothing can take the place.

    Args:
        recommender: The open store.
        query: The query that the bundle answered.
        product_ids: The bundle.
        product_id: What is to be replaced, one of them and no must-have.

    Raises:
        ValueError: If the product is not in the bundle, or a must-have.
    """
    if product_id not in product_ids:
        raise ValueError(f"`product_id` must be one of {list(product_ids)}, got {product_id!r}")
    if product_id in query.constraints.must_include:
        raise ValueError(f"{product_id!r} is a must-have; take it off `must_include` first")
    kept = tuple(p for p in product_ids if p != product_id)
    constraints = query.constraints.model_copy(
        update={
            "must_include": kept,
            "exclude": (*query.constraints.exclude, product_id),
            "min_items": len(product_ids),
            "max_items": len(product_ids),
        }
    )
    return recommender.recommend(
        query.model_copy(
            update={
                "query_id": f"{query.query_id}:swap:{product_id}",
                "offer_kind": "bundle",
                "constraints": constraints,
            }
        )
    )
