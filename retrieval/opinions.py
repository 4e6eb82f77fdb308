"""Which review sentences praise and which complain, by likeness to a few plain ones.

The rating says how a review leans as a whole; a five-star review may still hold its one gripe, and
a one-star review its one kind word. The lean of a sentence is its cosine to sentences of praise
less its cosine to sentences of complaint. It only chooses *which* sentence is quoted, word for
word; nothing is concluded from it.
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


def leans(vectors: NDArray[np.float32], encoder: Encoder) -> NDArray[np.float32]:
    """Return the lean of each sentence: above 0 is praise; shape (n,).

    Args:
        vectors: Unit vectors of the sentences, shape (n, d).
        encoder: The encoder that made them.
    """
    praise = encoder.encode(list(PRAISE)).mean(axis=0)
    complaint = encoder.encode(list(COMPLAINT)).mean(axis=0)
    return np.asarray(vectors @ (praise - complaint), np.float32)
