"""How the dense network learns: examples from the past, scaling, training, folds by shopper.

An example is one product that a shopper took, with the history before that moment, beside products
not taken. Knows arrays and tensors; what the columns mean is `dense_features`' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import PURCHASE, Interactions, Rows

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]
Tensors: TypeAlias = "dict[str, Tensor]"

FURTHEST = 8.0
"""Scaled features are cut at so many standard deviations."""
BATCH = 32
"""Examples (each with its negatives) a step."""
STOP_SHARE = 8
"""One shopper in so many is kept out of training to tell when to stop."""
CUTOFF = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One product that was taken."""

    shopper: int
    history: Rows
    """What the shopper took before that moment, oldest first."""
    target: int
    days_since: float | None
    """Days from the latest of the history to the target; None where the log has no days."""


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Examples as numbers: each a list whose first row is the product taken."""

    features: Floats
    """Shape (n_examples, 1 + n_negatives, n_features), not scaled."""
    shopper: Rows
    """Shape (n_examples,)."""

    def only(self, keep: NDArray[np.bool_]) -> Lists:
        """Return some of the examples."""
        return Lists(features=self.features[keep], shopper=self.shopper[keep])


def past_and_examples(
    log: Interactions, targets: Literal["time", "last"], share: float = 0.2
) -> tuple[Interactions, list[Example]]:
    """Divide a log into a past to take statistics from and examples that came later.

    Args:
        log: Events; purchases make the examples.
        targets: `time`: purchases of the latest `share`, the past ends where they begin. `last`:
            each shopper's last purchase, the past is all before it; for logs without real days.
        share: Part of the purchases that becomes examples, by time.

    Returns:
        The past, and the examples in order of shopper and time. What was bought at the same moment
        as a target is not in its history. Purchases with nothing before them are no examples.
    """
    order = np.lexsort((np.arange(len(log.day)), log.day, log.shopper))
    bought = order[log.type[order] == PURCHASE]
    starts = np.searchsorted(log.shopper[bought], np.arange(log.n_shoppers + 1))
    by_shopper = [bought[start:end] for start, end in pairwise(starts)]
    if targets == "last":
        last = np.array([mine[-1] for mine in by_shopper if len(mine) > 1], np.int64)
        is_target = np.isin(np.arange(len(log.day)), last)
        # nothing at or after a shopper's own target is past
        moment = np.full(log.n_shoppers, np.inf)
        moment[log.shopper[last]] = log.day[last]
        past = log.part(~is_target & (log.day <= moment[log.shopper]))
    else:
        cut = float(np.quantile(log.day[bought], 1 - share)) if len(bought) else np.inf
        is_target = (log.day >= cut) & (log.type == PURCHASE)
        past = log.part(log.day < cut, end_day=cut)
    examples = []
    for mine in by_shopper:
        for i, event in enumerate(mine):
            if not is_target[event]:
                continue
            before = mine[:i] if targets == "last" else mine[log.day[mine] < log.day[event]]
            if len(before):
                days = float(log.day[event] - log.day[before[-1]])
                examples.append(
                    Example(
                        shopper=int(log.shopper[event]),
                        history=log.product[before],
                        target=int(log.product[event]),
                        days_since=days if targets == "time" else None,
                    )
                )
    return past, examples


def folds_of(shopper: Rows, n_folds: int, rng: np.random.Generator) -> Rows:
    """Return a fold for each example, 0 to n_folds - 1; all of a shopper's share one."""
    names, place = np.unique(shopper, return_inverse=True)
    return (rng.permutation(len(names)) % n_folds)[place]


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """Mean and standard deviation of each feature."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, features: Floats) -> Scaler:
        """Take both over all axes but the last; a feature that never varies is only centred."""
        flat = features.reshape(-1, features.shape[-1]).astype(np.float64)
        spread = flat.std(axis=0)
        return cls(
            mean=flat.mean(axis=0).astype(np.float32),
            spread=np.where(spread > 1e-6, spread, 1.0).astype(np.float32),
        )

    def __call__(self, features: Floats) -> Floats:
        """Return scaled features, cut at `FURTHEST`."""
        scaled = (features - self.mean) / self.spread
        return np.clip(scaled, -FURTHEST, FURTHEST).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network with what it needs to be asked, and how its training went."""

    network: Tensors
    scaler: Scaler
    losses: tuple[float, ...]
    """Cross-entropy on the kept-out shoppers after each pass."""

    def __call__(self, features: Floats) -> Floats:
        """Return the chance to be taken, shape of `features` without its last axis."""
        import torch

        with torch.no_grad():
            logits = forward(self.network, torch.from_numpy(self.scaler(features)))
            return np.asarray(torch.sigmoid(logits).numpy(), np.float32)


def train(
    lists: Lists, setting: Mapping[str, Any], *, epochs: int, patience: int, seed: int
) -> Trained:
    """Train on binary cross-entropy, stopping early by a share of the shoppers.

    The scaler is fitted on the shoppers trained on, not on those kept out.

    Args:
        lists: Examples.
        setting: `width`, `depth`, `dropout`, `learning_rate`, `decay`.
        epochs: At most so many passes.
        patience: Passes without a lower loss before it stops.
        seed: Of the split, the first weights, the order and the dropout.
    """
    import torch
    import torch.nn.functional as f

    rng = np.random.default_rng(seed)
    kept_out = folds_of(lists.shopper, STOP_SHARE, rng) == 0
    if kept_out.all():
        kept_out[:] = False
    scaler = Scaler.of(lists.features[~kept_out])
    taught = torch.from_numpy(scaler(lists.features[~kept_out]))
    asked = torch.from_numpy(scaler(lists.features[kept_out] if kept_out.any() else lists.features))

    def loss(network: Tensors, features: Tensor, dropout: float) -> Tensor:
        logits = forward(network, features, dropout)
        right = torch.zeros_like(logits)
        right[:, 0] = 1.0
        return f.binary_cross_entropy_with_logits(logits, right)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_network(taught.shape[-1], int(setting["width"]), int(setting["depth"]))
        optimiser = torch.optim.AdamW(
            [t.requires_grad_() for t in network.values()],
            lr=setting["learning_rate"],
            weight_decay=setting["decay"],
        )
        losses: list[float] = []
        best = network
        for _ in range(epochs):
            order = rng.permutation(len(taught))
            for start in range(0, len(order), BATCH):
                optimiser.zero_grad(set_to_none=True)
                batch = torch.from_numpy(order[start : start + BATCH])
                loss(network, taught[batch], float(setting["dropout"])).backward()
                optimiser.step()
            with torch.no_grad():
                losses.append(float(loss(network, asked, 0.0)))
            if losses[-1] <= min(losses):
                best = {name: t.detach().clone() for name, t in network.items()}
            elif len(losses) - 1 - int(np.argmin(losses)) >= patience:
                break
    return Trained(network=best, scaler=scaler, losses=tuple(losses))


def new_network(n_features: int, width: int, depth: int) -> Tensors:
    """Return the tensors of a feed-forward network with `depth` hidden layers before training."""
    import torch

    sizes = [n_features, *(width // 2**i for i in range(depth)), 1]
    made: Tensors = {}
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        made[f"{i}.weight"] = torch.randn(n_in, n_out) * (2 / n_in) ** 0.5
        made[f"{i}.shift"] = torch.zeros(n_out)
    return made


def forward(network: Tensors, features: Tensor, dropout: float = 0.0) -> Tensor:
    """Return logits, shape of `features` without its last axis."""
    import torch.nn.functional as f

    x, n_layers = features, len(network) // 2
    for i in range(n_layers):
        x = x @ network[f"{i}.weight"] + network[f"{i}.shift"]
        if i < n_layers - 1:
            x = f.relu(x)
            x = f.dropout(x, dropout) if dropout else x
    return x[..., 0]


def cross_validate(
    lists: Lists, setting: Mapping[str, Any], *, n_folds: int, epochs: int, patience: int, seed: int
) -> list[dict[str, float]]:
    """Return one row a fold: sizes, cross-entropy, AUC and nDCG@10 of the fold's own lists.

    nDCG and AUC are among the list's few negatives, so they compare settings and not methods.
    """
    fold = folds_of(lists.shopper, n_folds, np.random.default_rng(seed))
    table = []
    for i in range(n_folds):
        inside = lists.only(fold != i)
        trained = train(inside, setting, epochs=epochs, patience=patience, seed=seed)
        table.append(
            {
                "fold": i,
                "shoppers": len(np.unique(lists.shopper[fold == i])),
                "examples": int((fold == i).sum()),
                "passes": len(trained.losses),
                **judge(trained(lists.features[fold == i])),
            }
        )
    return table


def judge(chances: Floats) -> dict[str, float]:
    """Return cross-entropy, AUC and nDCG@10 of lists whose first place is right, ties at half."""
    sure = np.clip(chances.astype(np.float64), 1e-7, 1 - 1e-7)
    right = np.zeros(sure.shape)
    right[:, 0] = 1
    above = (sure[:, 1:] > sure[:, :1]).sum(axis=1)
    place = above + (sure[:, 1:] == sure[:, :1]).sum(axis=1) / 2
    return {
        "log_loss": float(-(right * np.log(sure) + (1 - right) * np.log1p(-sure)).mean()),
        "auc": float(1 - (place / max(1, sure.shape[1] - 1)).mean()),
        "ndcg": float(np.where(place < CUTOFF, 1 / np.log2(place + 2), 0.0).mean()),
    }


def mean_of(table: Sequence[Mapping[str, float]], column: str) -> float:
    """Return a column's mean over the folds, each counting by its examples."""
    n = np.array([row["examples"] for row in table], float)
    return float((np.array([row[column] for row in table]) * n).sum() / n.sum())
