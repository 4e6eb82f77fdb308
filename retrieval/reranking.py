"""Trade a little relevance for variety: no slate of five colours of one bottle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from retrieval.data.dataset import Catalogue
from retrieval.slate import Candidate


def diversify(
    ranked: Sequence[Candidate], catalogue: Catalogue, *, k: int, max_per_leaf: int | None = None
) -> tuple[Candidate, ...]:
    """Return up to k, in order, at most one of an item group and `max_per_leaf` of a leaf.

    Products held back come after the others, in their order, when there are fewer than k.
    """
    taken: list[Candidate] = []
    held: list[Candidate] = []
    groups: set[str] = set()
    leaves: Counter[int] = Counter()
    for candidate in ranked:
        product = catalogue.products[candidate.row]
        leaf = int(catalogue.leaf_code[candidate.row])
        group = product.item_group_id
        if (group and group in groups) or (
            max_per_leaf is not None and leaf >= 0 and leaves[leaf] >= max_per_leaf
        ):
            held.append(candidate)
            continue
        taken.append(candidate)
        leaves[leaf] += 1
        if group:
            groups.add(group)
        if len(taken) == k:
            return tuple(taken)
    return tuple([*taken, *held][:k])
