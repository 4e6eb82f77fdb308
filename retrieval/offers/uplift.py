"""How much an offer changes what a shopper does: uplift, learned from a randomised trial.

A propensity model finds who buys; an offer given to them is a gift. Uplift is the difference the
offer makes, P(buys | offer) - P(buys | none). It shows only in a comparison of shoppers who were
shown the offer with those who were not, by a coin. Learners are scikit-uplift's meta-learners
around scikit-learn estimators (extra `learn`): one model with interactions (Lo 2002), class
transformation (Jaskowski & Jaroszewicz 2012), two models (Radcliffe 2007).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from retrieval.errors import ConfigError, DataError
from retrieval.offers.shopper_features import ShopperFeatures
from retrieval.offers.trial import Trial

Floats = NDArray[np.float64]
Learner = Literal["two_models", "solo", "class_transformation", "two_models_trees"]
LEARNERS: tuple[Learner, ...] = get_args(Learner)
N_FOLDS = 5
N_RESAMPLES = 20
INVERSE_PENALTY = 0.01
"""`C` of the logistic regressions: some thousand shoppers say little of each feature."""
IMBALANCE_P = 0.001
"""A trial whose arms differ before it with a smaller p-value is not taken for randomised."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """What is expected of each shopper; arrays have shape (n_shoppers,)."""

    uplift: Floats
    """P(buys in scope | offer) - P(buys in scope | none)."""
    standard_error: Floats
    """Of `uplift`, over resampled trials; 0 where it was not asked for."""
    if_not: Floats
    """P(buys in scope | none)."""


class UpliftModel:
    """A fitted learner of uplift, with a model of what happens without the offer.

    Args:
        learner: Which meta-learner.
        n_resamples: Trials drawn with replacement; their spread is the standard error. 0: none.
        seed: Of resampling and of trees.
    """

    def __init__(
        self, learner: Learner = "two_models", *, n_resamples: int = N_RESAMPLES, seed: int = 0
    ) -> None:
        if learner not in LEARNERS:
            raise ValueError(f"`learner` must be one of {', '.join(LEARNERS)}, got {learner!r}")
        self.learner = learner
        self.n_resamples = n_resamples
        self.seed = seed
        self._models: list[Any] = []
        self._if_not: Any = None

    def fit(
        self, features: Floats, treated: NDArray[np.bool_], responded: NDArray[np.bool_]
    ) -> UpliftModel:
        """Learn from a trial: features (n_shoppers, n_features), two arrays (n_shoppers,).

        Raises:
            DataError: If an arm has fewer than two shoppers who responded, or who did not.
            ConfigError: If the extra `learn` is not installed.
        """
        for arm in (True, False):
            n_yes = int(responded[treated == arm].sum())
            if min(n_yes, int((treated == arm).sum()) - n_yes) < 2:
                name = "shown the offer" if arm else "not shown it"
                raise DataError(
                    f"{n_yes} of the {int((treated == arm).sum())} shoppers who were {name} bought "
                    "in its scope, which says nothing about who is moved by it; take a larger trial"
                )
        rng = np.random.default_rng(self.seed)
        whole = np.arange(len(responded))
        draws = [_draw(treated, responded, rng) for _ in range(self.n_resamples)]
        with _quiet():
            self._models = [
                _learner(self.learner, self.seed).fit(
                    features[rows], responded[rows].astype(int), treated[rows].astype(int)
                )
                for rows in (whole, *draws)
            ]
            self._if_not = _logistic().fit(features[~treated], responded[~treated].astype(int))
        return self

    def predict(self, features: Floats) -> Response:
        """Return the expected response of each shopper, features as they were in `fit`."""
        with _quiet():
            found = np.array([np.asarray(m.predict(features), float) for m in self._models])
            if_not = self._if_not.predict_proba(features)[:, 1]
        spread = found[1:].std(axis=0, ddof=1) if len(found) > 2 else np.zeros(len(features))
        # A chance stays a chance: neither model knows the other.
        uplift = np.clip(found[0], -if_not, 1 - if_not)
        return Response(uplift=uplift, standard_error=spread, if_not=if_not)


def cross_fit(
    learner: Learner,
    features: Floats,
    treated: NDArray[np.bool_],
    responded: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> Response:
    """Predict each shopper of a trial by a model fitted on the other folds."""
    uplift, if_not = np.zeros(len(responded)), np.zeros(len(responded))
    for learn, ask in folds(treated, responded, seed=seed):
        model = UpliftModel(learner, n_resamples=0, seed=seed)
        found = model.fit(features[learn], treated[learn], responded[learn]).predict(features[ask])
        uplift[ask], if_not[ask] = found.uplift, found.if_not
    return Response(uplift=uplift, standard_error=np.zeros(len(uplift)), if_not=if_not)


def cross_fit_propensity(
    features: Floats,
    treated: NDArray[np.bool_],
    responded: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> Floats:
    """Predict who buys, whoever was shown the offer: the ranking that uplift is compared with."""
    found = np.zeros(len(responded))
    for learn, ask in folds(treated, responded, seed=seed):
        model = _logistic().fit(features[learn], responded[learn].astype(int))
        found[ask] = model.predict_proba(features[ask])[:, 1]
    return found


def folds(
    treated: NDArray[np.bool_], responded: NDArray[np.bool_], *, seed: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (rows to learn from, rows to ask), stratified by arm and outcome."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(responded), np.int64)
    for stratum in range(4):
        rows = np.flatnonzero(2 * treated + responded == stratum)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % N_FOLDS
    for number in range(N_FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Whether the arms were alike before the trial."""

    p: float
    """Of the joint test that no feature tells the arms apart."""
    largest: float
    """Largest standardised difference of a mean."""
    feature: str
    """Where it is."""

    @property
    def looks_randomised(self) -> bool:
        """Whether a coin may have made the arms."""
        return self.p >= IMBALANCE_P


def check_balance(trial: Trial, features: ShopperFeatures) -> Balance:
    """Test whether the arms differ before the trial by more than a coin does.

    The F test of a regression of treatment on the features, the joint test of randomisation.
    """
    values, treated = features.values, trial.treated
    spread = values.std(axis=0)
    varies = spread > 1e-9
    z = (values[:, varies] - values[:, varies].mean(axis=0)) / spread[varies]
    difference = np.abs(z[treated].mean(axis=0) - z[~treated].mean(axis=0))
    y = treated - treated.mean()
    fitted, _, rank, _ = np.linalg.lstsq(z, y, rcond=1e-8)
    explained = float(((z @ fitted) ** 2).sum())
    left = max(float((y**2).sum()) - explained, 1e-12)
    n_left = max(len(y) - int(rank) - 1, 1)
    f = explained / max(int(rank), 1) / (left / n_left)
    worst = int(difference.argmax()) if len(difference) else 0
    names = [name for name, keep in zip(features.names, varies, strict=True) if keep]
    return Balance(
        p=float(stats.f.sf(f, int(rank), n_left)),
        largest=float(difference[worst]) if len(difference) else 0.0,
        feature=names[worst] if names else "",
    )


def _draw(
    treated: NDArray[np.bool_], responded: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a trial of the same size with replacement, within arm and outcome."""
    strata = (np.flatnonzero(2 * treated + responded == stratum) for stratum in range(4))
    return np.concatenate([rng.choice(rows, len(rows)) for rows in strata if len(rows)])


def _logistic() -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=1_000))


def _trees(seed: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_depth=3, max_iter=60, learning_rate=0.05, min_samples_leaf=40,
        l2_regularization=5.0, early_stopping=False, random_state=seed,
    )  # fmt: skip


def _learner(name: Learner, seed: int) -> Any:  # noqa: ANN401 - scikit-uplift has no types
    try:
        from sklift.models import ClassTransformation, SoloModel, TwoModels
    except ImportError as error:
        raise ConfigError(
            "learning who is moved by an offer needs scikit-uplift; install it with "
            "`pip install 'whycart[learn]'`"
        ) from error
    if name == "solo":
        return SoloModel(_logistic(), method="treatment_interaction")
    if name == "class_transformation":
        return ClassTransformation(_logistic())
    if name == "two_models_trees":
        return TwoModels(_trees(seed), _trees(seed))
    return TwoModels(_logistic(), _logistic())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the library says of its own use of scikit-learn, and of uneven arms.

    `ClassTransformation` warns when the arms are not equal to the last shopper.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", message=".*approximate.*|.*treatment.*")
        yield
