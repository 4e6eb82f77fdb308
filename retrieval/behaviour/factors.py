"""Latent factors: products as short vectors, learned from who took what.

ALS is weighted matrix factorisation of implicit feedback (Hu, Koren and Volinsky 2008). BPR learns
from pairs of a product taken and one not taken (Rendle et al. 2009). Both are learned by the
library `implicit` (extra `learn`); a query needs numpy alone, so a store opens without the library.

A context is answered without a row of its own in the log. Scores below 0 say "rather not"; they
become 0, as everywhere "nothing to say".
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from retrieval.behaviour.base import Context, Interactions, Scores
from retrieval.behaviour.taken import context_matrix, taken_matrix
from retrieval.config import BehaviourConfig
from retrieval.errors import ConfigError, NotFittedError

Factors = NDArray[np.float32]


class FactorScorer:
    """What ALS and BPR share: product factors, their file, and scores from them."""

    name: str

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        factors: int,
        regularisation: float,
        iterations: int,
        recency: float,
        include_given: bool,
        seed: int,
    ) -> None:
        if factors < 1 or iterations < 1:
            raise ValueError(
                f"`factors` and `iterations` must be at least 1, got {factors} and {iterations}"
            )
        self.config = config or BehaviourConfig()
        self.factors = factors
        self.regularisation = regularisation
        self.iterations = iterations
        self.recency = recency
        self.include_given = include_given
        self.seed = seed
        self._products: Factors | None = None

    @property
    def product_factors(self) -> Factors:
        """One row a product, shape (n_products, n_factors); zeros where nobody took it."""
        if self._products is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        return self._products

    def fit(self, interactions: Interactions) -> Self:
        """Learn product factors.

        Raises:
            ConfigError: If the library `implicit` is not installed.
        """
        taken = taken_matrix(interactions)
        if not taken.nnz:
            self._products = np.zeros((interactions.n_products, self.factors), np.float32)
            return self
        products = np.asarray(self._learn(taken), np.float32)
        is_taken = np.bincount(taken.indices, minlength=interactions.n_products) > 0
        self._products = np.where(is_taken[:, None], products, 0).astype(np.float32)
        return self

    def score(self, context: Context) -> Scores:
        """Return what the factors of the context expect of each product, negatives as 0."""
        return self.score_many([context])[0]

    def score_many(self, contexts: Sequence[Context]) -> Scores:
        """Return `score` of each context: shape (n_contexts, n_products)."""
        products = self.product_factors
        given = context_matrix(contexts, len(products), self.recency)
        tastes = self.tastes(given)
        scores = np.maximum(tastes @ products.T.astype(np.float64), 0.0).astype(np.float32)
        if not self.include_given:
            scores[np.repeat(np.arange(len(contexts)), np.diff(given.indptr)), given.indices] = 0.0
        return scores

    def tastes(self, given: csr_array) -> NDArray[np.float64]:
        """Return a vector for each row of weighted products: shape (n_rows, n_factors)."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write `<name>.npz`."""
        if self._products is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` before `save`")
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"{self.name}.npz", products=self._products)

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / f"{self.name}.npz", allow_pickle=False) as file:
            self._products = file["products"]
        return self

    def _learn(self, taken: csr_array) -> NDArray[np.floating[Any]]:
        raise NotImplementedError


class AlsScorer(FactorScorer):
    """Preference expected by weighted least squares; a context is folded in exactly."""

    name = "als"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        factors: int = 64,
        regularisation: float = 0.05,
        confidence: float = 10.0,
        iterations: int = 15,
        recency: float = 0.8,
        include_given: bool = True,
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            config: Not used; there because every scorer takes it.
            factors: Length of the vectors.
            regularisation: λ on squared factors; above 0, or a fold-in may have no answer.
            confidence: α of Hu et al.: what was taken with strength r counts 1 + αr, what was not
                counts 1.
            iterations: Rounds of alternating least squares.
            recency: Each step back in a history counts this much less in r; 1 counts all alike.
            include_given: False gives what the context names 0; it leads otherwise.
            seed: Of the first factors.
        """
        if regularisation <= 0:
            raise ValueError(f"`regularisation` must be above 0, got {regularisation}")
        super().__init__(
            config, factors=factors, regularisation=regularisation, iterations=iterations,
            recency=recency, include_given=include_given, seed=seed,
        )  # fmt: skip
        self.confidence = confidence

    def tastes(self, given: csr_array) -> NDArray[np.float64]:
        """Solve (YᵀY + Yᵀ(C - I)Y + λI) x = Yᵀ C p for each row: Hu et al. 2008, equation 4."""
        products = self.product_factors.astype(np.float64)
        n_factors = products.shape[1]
        base = products.T @ products + self.regularisation * np.eye(n_factors)
        tastes = np.zeros((given.shape[0], n_factors))
        for row in range(given.shape[0]):
            here = slice(given.indptr[row], given.indptr[row + 1])
            named = products[given.indices[here]]
            extra = self.confidence * given.data[here, None]  # c - 1
            left = base + named.T @ (extra * named)
            tastes[row] = np.linalg.solve(left, ((1.0 + extra) * named).sum(axis=0))
        return tastes

    def _learn(self, taken: csr_array) -> NDArray[np.floating[Any]]:
        with _implicit():
            from implicit.cpu.als import AlternatingLeastSquares

            # The library's matrix holds confidences: it adds (c - 1)·yyᵀ for what is stored.
            confidence = csr_matrix(taken, dtype=np.float32)
            confidence.data = 1.0 + self.confidence * confidence.data
            model = AlternatingLeastSquares(
                factors=self.factors, regularization=self.regularisation, alpha=1.0,
                iterations=self.iterations, random_state=self.seed, num_threads=1,
            )  # fmt: skip
            model.fit(confidence, show_progress=False)
        return np.asarray(model.item_factors)


class BprScorer(FactorScorer):
    """Closeness to the mean factors of the context."""

    name = "bpr"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        factors: int = 64,
        regularisation: float = 0.01,
        learning_rate: float = 0.05,
        iterations: int = 100,
        recency: float = 0.8,
        include_given: bool = True,
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            config: Not used; there because every scorer takes it.
            factors: Length of the vectors.
            regularisation: Shrinks factors at each step.
            learning_rate: Size of a step.
            iterations: Passes over the log.
            recency: Each step back in a history counts this much less in the mean.
            include_given: False gives what the context names 0; it leads otherwise.
            seed: Of the first factors and of the pairs drawn.
        """
        super().__init__(
            config, factors=factors, regularisation=regularisation, iterations=iterations,
            recency=recency, include_given=include_given, seed=seed,
        )  # fmt: skip
        self.learning_rate = learning_rate

    def tastes(self, given: csr_array) -> NDArray[np.float64]:
        """Return the weighted mean of the products' factors."""
        total = np.maximum(np.asarray(given.sum(axis=1)), 1e-12)
        return np.asarray((given @ self.product_factors.astype(np.float64)) / total[:, None])

    def _learn(self, taken: csr_array) -> NDArray[np.floating[Any]]:
        with _implicit():
            from implicit.cpu.bpr import BayesianPersonalizedRanking

            model = BayesianPersonalizedRanking(
                factors=self.factors, regularization=self.regularisation,
                learning_rate=self.learning_rate, iterations=self.iterations,
                random_state=self.seed, num_threads=1,
            )  # fmt: skip
            model.fit(csr_matrix(taken, dtype=np.float32), show_progress=False)
        # The last column is the product's bias, which is its popularity: another source's part.
        return np.asarray(model.item_factors)[:, : self.factors]


@contextmanager
def _implicit() -> Iterator[None]:
    """Say how to get the library where it is missing, and keep its advice on BLAS threads out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "implicit":
            raise
        raise ConfigError(
            "als and bpr need the library `implicit`, which is not installed; install it with "
            "`pip install 'whycart[learn]'`, or leave these scorers out"
        ) from error
