"""Which sentence answers a question, and how sure that is.

    P(answers) = 1 / (1 + exp(-(offset + Σ weight · sign)))

Signs that can be read off a sentence: the share of the question's words that it holds, rare words
counting more; how near its meaning is; where a quantity is asked for, whether it states a number;
where yes or no is asked for, whether it begins with one. The weights are a logistic regression on
ePQA (9,770 labelled sentences, 977 questions of shoppers); `eval/run_retrieval.py` measures them
refitted across questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.text.bm25 import Impacts
from retrieval.text.tokens import tokenise

Floats = NDArray[np.float64]
SIGNS = (
    "words held",
    "nearness",
    "number asked and stated",
    "number asked and missing",
    "yes or no",
)
WEIGHTS = np.array([1.944, 5.042, 0.364, -0.854, 0.937])
OFFSET = -3.462
USUAL_NEARNESS = (0.15, 0.5)
"""Where nearness is not known: what it usually is, by the share of words held."""
QUANTITY = re.compile(
    r"\bhow (?:many|much|long|big|tall|wide|deep|heavy|high|far|often|old|large|thick|cold|warm)\b"
    r"|\bwhat (?:size|is the (?:size|weight|length|width|height|diameter|voltage|capacity))\b"
    r"|\b(?:dimensions?|weigh|measures?|volts?|watts?)\b"
    r"|多少|多久|多长|多大|多重|多高|几个|几天|几小时|尺寸|重量",
    re.IGNORECASE,
)
YES_OR_NO = re.compile(
    r"(?:does|do|is|are|can|will|would|has|have|did|could|should|was)\b", re.IGNORECASE
)
YES = re.compile(r"(?:yes|no|not|it (?:does|will|is|can))\b", re.IGNORECASE)


def signs(
    question: str, sentences: Sequence[str], index: Impacts, nearness: NDArray[np.float32] | None
) -> Floats:
    """Return what speaks for each sentence: shape (n_sentences, 5), columns as `SIGNS`.

    Args:
        question: As it was asked.
        sentences: What may answer it.
        index: Says how rare a word is among all sentences.
        nearness: Cosine of question and sentences, shape (n_sentences,); None where the encoder
            does not read the question's language.
    """
    asked = {t: np.log(1 + index.n / (1 + index.count(t))) for t in tokenise(question)}
    whole = sum(asked.values()) or 1.0
    held = np.array(
        [sum(asked[t] for t in asked.keys() & set(tokenise(s))) / whole for s in sentences], float
    )
    near = USUAL_NEARNESS[0] + USUAL_NEARNESS[1] * held if nearness is None else nearness
    has_number = np.array([bool(re.search(r"\d", s)) for s in sentences], bool)
    is_asked = QUANTITY.search(question) is not None
    is_closed = YES_OR_NO.match(question) is not None
    said = np.array([is_closed and YES.match(s) is not None for s in sentences], bool)
    columns = [held, near, is_asked & has_number, is_asked & ~has_number, said]
    return np.stack(columns, axis=1).astype(np.float64)


def probabilities(found: Floats) -> Floats:
    """Return the probability that each sentence answers, from its signs: shape (n_sentences,)."""
    return np.asarray(1.0 / (1.0 + np.exp(-(OFFSET + found @ WEIGHTS))), np.float64)
