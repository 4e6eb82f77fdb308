"""The dense network: shopper, product, history and review features, one chance to be taken.

A feed-forward network on `dense_features`, trained on binary cross-entropy against products not
taken, its settings tuned by `optuna` (tree-structured Parzen estimator; Bergstra et al. 2011) on
folds by shopper. It scores all products like any scorer, or the rows it is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import PURCHASE, Context, Interactions, Rows, Scores
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Catalogue
from retrieval.errors import ConfigError, NotFittedError
from retrieval.learning.dense_features import DenseFeatures, Floats, Moment
from retrieval.learning.dense_training import (
    Example,
    Lists,
    Scaler,
    Trained,
    cross_validate,
    mean_of,
    past_and_examples,
    train,
)

if TYPE_CHECKING:
    from optuna import Study, Trial

DEFAULTS: Mapping[str, Any] = {
    "width": 64, "depth": 2, "dropout": 0.2, "learning_rate": 2e-3, "decay": 1e-3,
}  # fmt: skip
"""Tried first; what tuning chooses is never worse on the folds."""
UNKNOWN_DAYS = 5
"""Every so many examples are taught without their days, as contexts without a shopper come."""
FOLDER = "dense_network"


class DenseNetwork:
    """Chance of each product to be taken next, by the network."""

    name = "dense_network"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        catalogue: Catalogue,
        vectors: Floats,
        review_vectors: Floats | None = None,
        eligible: NDArray[np.bool_] | None = None,
        targets: Literal["time", "last"] = "time",
        negatives: int = 20,
        most_examples: int = 4_000,
        folds: int = 3,
        trials: int = 8,
        epochs: int = 30,
        patience: int = 3,
        seed: int = 0,
    ) -> None:
        """Set up over a catalogue.

        Args:
            config: Settings of the behaviour statistics among the features.
            catalogue: Products in row order.
            vectors: Unit text vectors, shape (n_products, d).
            review_vectors: Mean vectors of each product's review sentences, same rows.
            eligible: Products that may stand as negatives, shape (n_products,); None for all.
            targets: Which purchases are examples; see `past_and_examples`.
            negatives: Products not taken beside each one taken.
            most_examples: More examples than this are thinned evenly.
            folds: Groups of shoppers for cross-validation, at least 2.
            trials: Settings tried, the defaults first; 0 keeps the defaults and needs no `optuna`.
            epochs: At most so many passes.
            patience: Passes without a lower loss before training stops.
            seed: Same seed, log and machine: same scores.
        """
        self.features = DenseFeatures(catalogue, vectors, review_vectors, config)
        self.n_products = len(catalogue)
        self.eligible = np.ones(self.n_products, bool) if eligible is None else eligible
        self.targets: Literal["time", "last"] = targets
        self.negatives, self.most_examples = negatives, most_examples
        self.folds, self.trials = folds, trials
        self.epochs, self.patience, self.seed = epochs, patience, seed
        self.chosen: dict[str, Any] = dict(DEFAULTS)
        """The settings in use."""
        self.table: list[dict[str, float]] = []
        """Cross-validation of the chosen settings, one row a fold."""
        self.tried: list[dict[str, Any]] = []
        """Every setting tried with its nDCG@10 over the folds."""
        self._trained: Trained | None = None
        self._is_fitted = False
        self._days_since: NDArray[np.float32] = np.zeros(0, np.float32)

    def fit(self, interactions: Interactions) -> Self:
        """Learn from what shoppers took late in the log, by what was known before.

        The behaviour statistics are then taken from the whole log. With fewer examples than two a
        fold the network has nothing to say.

        Raises:
            ConfigError: If settings shall be tuned and `optuna` is not installed.
        """
        past, examples = past_and_examples(interactions, self.targets)
        step = max(1.0, len(examples) / self.most_examples)
        examples = [examples[int(i * step)] for i in range(int(len(examples) / step))]
        self._trained, self.table, self.tried = None, [], []
        self.chosen = dict(DEFAULTS)
        if len({example.shopper for example in examples}) >= 2 * self.folds:
            lists = self._lists(self.features.fit(past), past, examples)
            self._tune(lists)
            self._trained = train(lists, self.chosen, **self._training())
        self.features.fit(interactions)
        self._days_since = _days_since(interactions)
        self._is_fitted = True
        return self

    def _training(self) -> dict[str, int]:
        return {"epochs": self.epochs, "patience": self.patience, "seed": self.seed}

    def _lists(
        self, features: DenseFeatures, past: Interactions, examples: Sequence[Example]
    ) -> Lists:
        """Put each example beside products not taken: eligible, half alike, half by their count."""
        rng = np.random.default_rng(self.seed)
        count = np.bincount(past.product, minlength=self.n_products) * self.eligible
        chances = 0.5 * self.eligible / max(1, self.eligible.sum()) + 0.5 * count / max(
            1, count.sum()
        )
        chances = np.cumsum(chances / chances.sum())
        found = np.zeros((len(examples), 1 + self.negatives, features.n), np.float32)
        for i, example in enumerate(examples):
            drawn = np.searchsorted(chances, rng.random(2 * self.negatives + 10), side="right")
            drawn = np.minimum(drawn, self.n_products - 1)
            drawn = np.resize(drawn[drawn != example.target], self.negatives)
            days = None if i % UNKNOWN_DAYS == 0 else example.days_since
            found[i] = features.of(
                Context(history=example.history),
                np.concatenate([[example.target], drawn]).astype(np.int64),
                Moment(days_since=days),
            )
        return Lists(features=found, shopper=np.array([e.shopper for e in examples], np.int64))

    def _tune(self, lists: Lists) -> None:
        """Choose the settings with the best nDCG@10 over the folds."""

        def over_folds(setting: Mapping[str, Any]) -> float:
            table = cross_validate(lists, setting, n_folds=self.folds, **self._training())
            value = mean_of(table, "ndcg")
            if not self.tried or value > max(row["ndcg"] for row in self.tried):
                self.chosen, self.table = dict(setting), table
            self.tried.append({**setting, "ndcg": value})
            return value

        if self.trials < 1:
            over_folds(DEFAULTS)
            return
        study = _new_study(self.seed)
        study.enqueue_trial(dict(DEFAULTS))
        study.optimize(lambda trial: over_folds(_suggested(trial)), n_trials=self.trials)

    def score(self, context: Context) -> Scores:
        """Return each product's chance to be taken next, shape (n_products,)."""
        return self.score_rows(context, np.arange(self.n_products))

    def score_rows(self, context: Context, rows: Rows) -> Scores:
        """Return the chance of some products, shape (n_rows,): re-ranking of candidates."""
        if not self._is_fitted:
            raise NotFittedError("dense_network: not fitted; call `fit` or `load` first")
        if self._trained is None:
            return np.zeros(len(rows), np.float32)
        days = None
        known = context.shopper is not None and context.shopper < len(self._days_since)
        if known and self.targets == "time":
            found = float(self._days_since[context.shopper])
            days = None if np.isnan(found) else found
        return self._trained(self.features.of(context, rows, Moment(days_since=days)))

    def score_many(self, contexts: Sequence[Context]) -> Scores:
        """Return `score` of several contexts, shape (n_contexts, n_products)."""
        scores = np.zeros((len(contexts), self.n_products), np.float32)
        for i, context in enumerate(contexts):
            scores[i] = self.score(context)
        return scores

    def save(self, folder: Path) -> None:
        """Write `dense_network/`: weights and scaling, settings and folds, behaviour statistics."""
        from safetensors.numpy import save_file

        if not self._is_fitted:
            raise NotFittedError("dense_network: not fitted; call `fit` before `save`")
        own = folder / FOLDER
        self.features.save(own)
        arrays: dict[str, Any] = {"days_since": self._days_since}
        if self._trained is not None:
            arrays |= {f"layer.{k}": t.numpy() for k, t in self._trained.network.items()}
            arrays |= {"mean": self._trained.scaler.mean, "spread": self._trained.scaler.spread}
        save_file(arrays, own / "network.safetensors")
        about = {
            "targets": self.targets,
            "setting": self.chosen,
            "folds": self.table,
            "tried": self.tried,
            "losses": [] if self._trained is None else list(self._trained.losses),
            "features": list(self.features.names),
        }
        (own / "network.json").write_text(json.dumps(about, indent=1), "utf-8")

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote; the catalogue and vectors must be those it was fitted over."""
        from safetensors.numpy import load_file
        from torch import from_numpy

        own = folder / FOLDER
        self.features.load(own)
        arrays = load_file(own / "network.safetensors")
        about = json.loads((own / "network.json").read_text("utf-8"))
        self.targets = about["targets"]
        self.chosen, self.table, self.tried = about["setting"], about["folds"], about["tried"]
        self._days_since = arrays.pop("days_since")
        self._trained = None
        if arrays:
            layers = {k.removeprefix("layer."): a for k, a in arrays.items() if "layer." in k}
            self._trained = Trained(
                network={name: from_numpy(array) for name, array in layers.items()},
                scaler=Scaler(mean=arrays["mean"], spread=arrays["spread"]),
                losses=tuple(about["losses"]),
            )
        self._is_fitted = True
        return self


def _days_since(log: Interactions) -> NDArray[np.float32]:
    """Return days from each shopper's latest purchase to the log's end, NaN without one."""
    latest = np.full(log.n_shoppers, np.nan)
    bought = log.type == PURCHASE
    np.fmax.at(latest, log.shopper[bought], log.day[bought])
    return (log.end_day - latest).astype(np.float32)


def _suggested(trial: Trial) -> dict[str, Any]:
    """Return a setting to try."""
    return {
        "width": trial.suggest_categorical("width", [32, 64, 128]),
        "depth": trial.suggest_int("depth", 1, 3),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "decay": trial.suggest_float("decay", 1e-5, 1e-1, log=True),
    }


def _new_study(seed: int) -> Study:
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "dense_network: tuning needs the package optuna, which is not installed; install "
            "`whycart[learn]`, or set `trials` to 0 for the default settings"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
