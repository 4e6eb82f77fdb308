"""Plain systems to compare with, tuned as carefully as ours: equal small grids on validation.

A baseline learns from histories and gives every product a score for each context. All are matrix
products over sparse counts; none knows anything of our own scorers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from eval.data.base import Case, History, NextTask, Rows
from eval.measures import mean_rank, single_target

Scores = NDArray[np.float32]
CHUNK = 512
"""Cases scored together: 512 × 12,000 products × 4 bytes = 25 MB."""


class Baseline(Protocol):
    """Learns once, then scores contexts."""

    def score(self, contexts: Sequence[Rows]) -> Scores:
        """Return float32 of shape (n_contexts, n_products), higher is better."""
        ...


CaseScore = Callable[[Sequence[Case]], Scores]
"""The same of whole cases: shape (n_cases, n_products)."""


def of_cases(score: Callable[[Sequence[Rows]], Scores]) -> CaseScore:
    """Return a score of contexts as a score of cases."""
    return lambda cases: score([case.context for case in cases])


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a baseline is made, and the settings tried on validation."""

    name: str
    make: Callable[..., Baseline | OwnPurchases]
    """Called with (task, histories, **setting)."""
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def settings(self) -> Iterator[dict[str, Any]]:
        """Yield each combination of the grid."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))


class RandomOrder:
    """Scores from a generator: the floor under all floors."""

    def __init__(self, task: NextTask, histories: Sequence[History], *, seed: int = 0) -> None:
        self._n_products = len(task.products)
        self._rng = np.random.default_rng(seed)

    def score(self, contexts: Sequence[Rows]) -> Scores:
        """Return numbers without meaning."""
        return self._rng.random((len(contexts), self._n_products), dtype=np.float32)


class Popularity:
    """How many histories hold the product; later ones may count more."""

    def __init__(
        self, task: NextTask, histories: Sequence[History], *, half_life: float = np.inf
    ) -> None:
        last = max((h.order for h in histories), default=0)
        counts = np.zeros(len(task.products), np.float64)
        for history in histories:
            counts[list(set(history.rows))] += 0.5 ** ((last - history.order) / half_life)
        self._counts = counts.astype(np.float32)

    def score(self, contexts: Sequence[Rows]) -> Scores:
        """Return the same counts for every context."""
        return np.tile(self._counts, (len(contexts), 1))


class OwnPurchases:
    """How often the one who asks took the product before; ties go to what all take most.

    GP-TopFreq of Li et al. 2023, "A next basket recommendation reality check", which few models
    beat where things are bought again and again.
    """

    def __init__(
        self, task: NextTask, histories: Sequence[History], *, half_life: float = np.inf
    ) -> None:
        last = max((h.order for h in histories), default=0)
        owners = sorted({h.shopper for h in histories})
        self._row = {shopper: i for i, shopper in enumerate(owners)}
        taken = incidence([h.rows for h in histories], len(task.products))
        weight = [0.5 ** ((last - h.order) / half_life) for h in histories]
        owner = [self._row[h.shopper] for h in histories]
        places = (np.array(weight), (np.array(owner), np.arange(len(histories))))
        self._counts = sparse.csr_array(
            sparse.csr_array(places, shape=(len(owners) + 1, len(histories))) @ taken
        )
        self._common = 1e-6 * np.asarray(taken.mean(axis=0)).ravel()

    def score_cases(self, cases: Sequence[Case]) -> Scores:
        """Return the counts of whoever asks; nobody known has none."""
        rows = [self._row.get(case.shopper, self._counts.shape[0] - 1) for case in cases]
        return np.asarray(self._counts[rows].toarray() + self._common, np.float32)


class ItemKnn:
    """Cosine between products over histories, damped; later context products weigh more."""

    def __init__(
        self,
        task: NextTask,
        histories: Sequence[History],
        *,
        shrinkage: float = 10.0,
        decay: float = 0.8,
        exponent: float = 0.5,
    ) -> None:
        n_products = len(task.products)
        taken = incidence([h.rows for h in histories], n_products)
        # A long history says less of each pair (inverse user frequency).
        length = np.asarray(taken.sum(axis=1)).ravel()
        weighted = sparse.diags_array(1.0 / np.log2(2.0 + length)) @ taken
        together = sparse.coo_array(taken.T @ weighted)
        count = np.asarray(taken.sum(axis=0)).ravel()
        scale = (count[together.row] * count[together.col]) ** exponent + shrinkage
        keep = together.row != together.col
        self._similar = sparse.csr_array(
            ((together.data / scale)[keep], (together.row[keep], together.col[keep])),
            shape=(n_products, n_products),
        )
        self._decay = decay

    def score(self, contexts: Sequence[Rows]) -> Scores:
        """Return the weighted sum of similarities to the context."""
        weights = context_weights(contexts, self._similar.shape[0], self._decay)
        return np.asarray((weights @ self._similar).toarray(), np.float32)


class SequentialRules:
    """What was taken within `window` steps after a product, nearer steps counting more."""

    def __init__(
        self,
        task: NextTask,
        histories: Sequence[History],
        *,
        window: int = 5,
        decay: float = 0.5,
        shrinkage: float = 0.0,
    ) -> None:
        n_products = len(task.products)
        first, second, weight = [], [], []
        for history in histories:
            for place, row in enumerate(history.rows):
                for step, later in enumerate(history.rows[place + 1 : place + 1 + window], 1):
                    first.append(row)
                    second.append(later)
                    weight.append(1.0 / step)
        counts = sparse.csr_array(
            (np.array(weight, float), (np.array(first, int), np.array(second, int))),
            shape=(n_products, n_products),
        )
        base = np.asarray(counts.sum(axis=1)).ravel() + shrinkage
        self._rules = sparse.diags_array(1.0 / np.maximum(base, 1e-9)) @ counts
        self._decay = decay

    def score(self, contexts: Sequence[Rows]) -> Scores:
        """Return the weighted sum of rule confidences."""
        weights = context_weights(contexts, self._rules.shape[0], self._decay)
        return np.asarray((weights @ self._rules).toarray(), np.float32)


class TextBm25:
    """BM25 between the texts of context products and of all products."""

    def __init__(
        self,
        task: NextTask,
        histories: Sequence[History],
        *,
        decay: float = 0.8,
        k1: float = 1.2,
        b: float = 0.75,
        title_only: bool = True,
    ) -> None:
        self._weights, self._words = bm25_weights(task, k1=k1, b=b, title_only=title_only)
        self._decay = decay

    def score(self, contexts: Sequence[Rows]) -> Scores:
        """Return the weighted sum, each context product's text asked as a query."""
        weights = context_weights(contexts, self._words.shape[0], self._decay)
        asked = weights @ self._words
        return np.asarray((asked @ self._weights.T).toarray(), np.float32)


def bm25_weights(
    task: NextTask, *, k1: float, b: float, title_only: bool
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return (BM25 document weights, words by product), each (n_products, n_words).

    Each product's words as a query are scaled to length 1, so that long texts do not shout.
    """
    from sklearn.feature_extraction.text import (
        CountVectorizer,
    )

    texts = [p.title + " " + " ".join(p.category) for p in task.products]
    if not title_only:
        texts = task.texts()
    counter = CountVectorizer(token_pattern=r"(?u)\b\w+\b", stop_words="english")
    counts = sparse.csr_array(counter.fit_transform(texts).astype(float))
    length = np.asarray(counts.sum(axis=1)).ravel()
    holds = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log(1.0 + (counts.shape[0] - holds + 0.5) / (holds + 0.5))
    entries = counts.tocoo()
    norm = k1 * (1.0 - b + b * length / max(length.mean(), 1e-9))
    value = idf[entries.col] * entries.data * (k1 + 1.0) / (entries.data + norm[entries.row])
    weights = sparse.csr_array((value, (entries.row, entries.col)), shape=counts.shape)
    words = counts.copy()
    words.data = np.ones_like(words.data) * idf[words.indices]
    size = np.sqrt(np.asarray(words.power(2).sum(axis=1)).ravel())
    words = sparse.csr_array(sparse.diags_array(1.0 / np.maximum(size, 1e-9)) @ words)
    return weights, words


def incidence(rows: Sequence[Rows], n_products: int) -> sparse.csr_array:
    """Return the binary matrix (n_histories, n_products)."""
    unique = [sorted(set(r)) for r in rows]
    indices = np.fromiter(itertools.chain.from_iterable(unique), int)
    indptr = np.concatenate([[0], np.cumsum([len(r) for r in unique])]).astype(int)
    return sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=(len(rows), n_products))


def context_weights(contexts: Sequence[Rows], n_products: int, decay: float) -> sparse.csr_array:
    """Return (n_contexts, n_products): 1 for the last product, `decay` times less each step back.

    A decay of 1 takes the context as a set; 0 looks at the last product only.
    """
    first, second, weight = [], [], []
    for i, rows in enumerate(contexts):
        for age, row in enumerate(reversed(rows)):
            value = decay**age
            if value < 1e-6:
                break
            first.append(i)
            second.append(row)
            weight.append(value)
    return sparse.csr_array(
        (np.array(weight, float), (np.array(first, int), np.array(second, int))),
        shape=(len(contexts), n_products),
    )


def recipes(task: NextTask, seed: int) -> list[Recipe]:
    """Return the baselines of a task with their grids (twelve settings where there is a choice)."""
    decays = [1.0] if task.is_basket else [1.0, 0.8, 0.5, 0.2]
    has_time = len({h.order for h in task.fit}) > 1
    half_lives = [np.inf, 16.0, 8.0, 4.0] if has_time else [np.inf]
    knn: dict[str, list[Any]] = {"shrinkage": [0.0, 2.0, 10.0], "decay": decays}
    words: dict[str, list[Any]] = {"decay": decays, "b": [0.3, 0.75]}
    if task.is_basket:
        knn |= {"shrinkage": [0.0, 10.0, 50.0], "exponent": [0.3, 0.5, 0.7, 0.9]}
        words |= {"k1": [0.6, 1.2, 2.0]}
    if task.is_basket or any(product.description for product in task.products):
        words["title_only"] = [True, False]
    made = [
        Recipe(name="random", make=lambda t, h: RandomOrder(t, h, seed=seed)),
        Recipe(name="popularity", make=Popularity, grid={"half_life": half_lives}),
        Recipe(
            name="item-kNN",
            make=ItemKnn,
            grid=knn,
        ),
        Recipe(
            name="BM25",
            make=TextBm25,
            grid=words,
        ),
    ]  # fmt: skip
    if any(history.shopper for history in task.fit):
        made.append(Recipe(name="own purchases", make=OwnPurchases, grid={"half_life": half_lives}))
    if not task.is_basket:
        made.append(
            Recipe(
                name="sequential rules",
                make=SequentialRules,
                grid={"window": [1, 5, 20], "decay": [0.8, 0.5, 0.2, 0.0]},
            )
        )
    return made


def case_score(baseline: Baseline | OwnPurchases) -> CaseScore:
    """Return how a baseline scores cases."""
    if isinstance(baseline, OwnPurchases):
        return baseline.score_cases
    return of_cases(baseline.score)


def score_all(
    score: CaseScore, task: NextTask, cases: Sequence[Case]
) -> Iterator[tuple[Sequence[Case], Scores]]:
    """Yield chunks of cases with their scores, masked as the task says."""
    for start in range(0, len(cases), CHUNK):
        chunk = cases[start : start + CHUNK]
        scores = score(chunk)
        mask(scores, task, chunk)
        yield chunk, scores


def mask(scores: Scores, task: NextTask, cases: Sequence[Case]) -> None:
    """Set what the task does not rank to -inf, in place: products taken, blocked departments."""
    codes = np.asarray(task.blocks)
    for i, case in enumerate(cases):
        if not task.include_seen:
            scores[i, list(case.context)] = -np.inf
        if len(codes):
            scores[i, np.isin(codes, codes[list(case.context)])] = -np.inf


def ranks_of(
    baseline: Baseline | OwnPurchases, task: NextTask, cases: Sequence[Case]
) -> NDArray[np.float64]:
    """Return the mean rank of each case's hidden product."""
    parts = [
        mean_rank(scores, np.array([case.target for case in chunk]))
        for chunk, scores in score_all(case_score(baseline), task, cases)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def tune(recipe: Recipe, task: NextTask) -> tuple[dict[str, Any], float]:
    """Return the setting with the best nDCG@10 on the tuning cases, and that value."""
    best: tuple[float, dict[str, Any]] = (-1.0, {})
    settings = list(recipe.settings())
    if len(settings) == 1:
        return settings[0], float("nan")
    for setting in settings:
        baseline = recipe.make(task, task.tune_fit, **setting)
        ranks = ranks_of(baseline, task, task.tune_cases)
        value = float(single_target(ranks)["nDCG@10"].mean()) if len(ranks) else 0.0
        if value > best[0]:
            best = (value, setting)
    return best[1], best[0]
