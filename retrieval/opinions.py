"""Which review sentences praise and which complain, learned from the store's own ratings.

The rating says how a review leans as a whole; a five-star review may still hold its one gripe, and
a one-star review its one kind word. Ridge regression from sentence vectors to the rating of the
review they stand in gives every sentence a lean of its own: words that stand in bad reviews lean
down wherever they stand. A store with few rated sentences is helped by a few plain ones of ours.

The lean only chooses *which* sentence is quoted, word for word; nothing is concluded from it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.text.encoder import Encoder

PRAISE = (
    "It works very well and I am pleased with it.",
    "Very comfortable and well made, does exactly what it should.",
    "Easy to use, light, and it has held up without any trouble.",
)
COMPLAINT = (
    "It broke after a few uses and I am disappointed.",
    "It leaks, it is uncomfortable, and it feels cheap.",
    "Hard to use, heavier than stated, and I would not buy it again.",
)
PENALTY = 10.0
"""Ridge penalty; our own sentences weigh as much as twenty of the store's each."""
OWN_WEIGHT = 20.0


def leans(
    vectors: NDArray[np.float32], ratings: NDArray[np.float64], encoder: Encoder
) -> NDArray[np.float32]:
    """Return the lean of each sentence, about -1 to 1: above 0 is praise; shape (n,).

    Args:
        vectors: Unit vectors of the sentences, shape (n, d).
        ratings: Rating of the review of each sentence, 1 to 5, NaN if not stated; shape (n,).
        encoder: The encoder that made the vectors.
    """
    if not len(vectors):
        return np.zeros(0, np.float32)
    own = encoder.encode([*PRAISE, *COMPLAINT]).astype(np.float64)
    target = np.array([1.0] * len(PRAISE) + [-1.0] * len(COMPLAINT))
    rated = np.flatnonzero(~np.isnan(ratings))
    known = np.asarray(vectors[rated], np.float64)
    felt = (ratings[rated] - 3.0) / 2.0
    bad = felt < 0
    share = np.clip(bad.mean() if len(felt) else 0.5, 0.02, 0.98)
    weight = np.where(bad, 0.5 / share, 0.5 / (1 - share))  # as many bad ones as good ones
    x = np.concatenate([known, own])
    w = np.concatenate([weight, np.full(len(own), OWN_WEIGHT)])
    y = np.concatenate([felt, target])
    x1 = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalty = np.eye(x1.shape[1]) * PENALTY
    penalty[-1, -1] = 0.0
    beta = np.linalg.solve(x1.T @ (x1 * w[:, None]) + penalty, x1.T @ (w * y))
    found = np.asarray(vectors, np.float64) @ beta[:-1] + beta[-1]
    return np.asarray(found, np.float32)
