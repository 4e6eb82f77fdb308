"""Self-attention over what a shopper took: which product comes next (SASRec).

Kang and McAuley 2018, with three changes. A product starts from its text, so one that nobody took
has a place. The loss is the softmax over products with the sum over the others estimated from
sampled negatives, each divided by its chance of being drawn (importance sampling; Bengio and
Senécal 2008; the positive itself is left out of the correction, as it is never drawn). One binary
negative a step, as first published, is what made the method look weak (Petrov and Macdonald 2023,
gSASRec; Klenitskiy and Vasilev 2023). Training stops by nDCG@10 on held-out last steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.attention_network import (
    Floats,
    Tensors,
    new_network,
    padded,
    principal_axes,
    product_vectors,
    states,
)
from retrieval.behaviour.base import PURCHASE, Context, Interactions, Rows, Scores
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

if TYPE_CHECKING:
    from torch import Tensor

Chances = NDArray[np.float64]

FIXED = ("text",)
"""Tensors that training leaves as they are."""
BATCH = 128
POOL = 32
"""Batches are cut from this many batches' worth of sequences sorted by length."""
HELD_SHARE, HELD_MOST = 10, 1_500
"""Of one shopper in ten, at most 1,500, the last step is kept back to tell when to stop."""


class SelfAttentionScorer:
    """Chance of each product to be the next, by the network, over all products."""

    name = "self_attention"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        vectors: Floats | None = None,
        dim: int = 64,
        layers: int = 2,
        heads: int = 2,
        max_len: int = 50,
        epochs: int = 30,
        patience: int = 3,
        negatives: int = 1024,
        dropout: float = 0.3,
        learning_rate: float = 1e-3,
        decay: float = 0.01,
        sharpness: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            config: Unused as yet; every scorer takes it.
            vectors: Text vectors of all products, shape (n_products, d). Needed by `fit` alone;
                None starts every product at nothing but its own offset.
            dim: Length of the product vectors; a multiple of `heads`.
            layers: Attention blocks.
            heads: Attention heads.
            max_len: Only the latest so many steps are looked at.
            epochs: At most so many passes over the log.
            patience: Passes without a better nDCG@10 before training stops.
            negatives: Products drawn for a batch; at or above the number of products all are used.
            dropout: Share of values dropped while training.
            learning_rate: Of AdamW.
            decay: Weight decay of AdamW.
            sharpness: Scores are probabilities to this power; 1 leaves them.
            seed: Same seed, log and machine: same scores.

        Raises:
            ValueError: If `heads` does not divide `dim`.
        """
        if dim % heads:
            raise ValueError(f"`dim` must be a multiple of `heads`, got {dim} and {heads}")
        self.config = config or BehaviourConfig()
        self.vectors = vectors
        self.dim, self.layers, self.heads, self.max_len = dim, layers, heads, max_len
        self.epochs, self.patience, self.negatives = epochs, patience, negatives
        self.dropout, self.learning_rate, self.decay = dropout, learning_rate, decay
        self.sharpness, self.seed = sharpness, seed
        self.history: list[float] = []
        """nDCG@10 on the held-out steps after each pass."""
        self._network: Tensors | None = None
        self._products: Tensor | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Learn from each shopper's purchases in time order.

        A shopper with fewer than two purchases lends all events instead. Without any sequence of
        two steps the scorer has nothing to say.

        Raises:
            ValueError: If `vectors` has another number of rows than the log has products.
        """
        import torch

        n = interactions.n_products
        if self.vectors is not None and len(self.vectors) != n:
            raise ValueError(
                f"`vectors` must have {n} rows, one a product, got {len(self.vectors)}"
            )
        sequences = [s[-self.max_len - 1 :] for s in sequences_of(interactions)]
        taken = np.bincount(np.concatenate([*sequences, np.zeros(0, np.int64)]), minlength=n)
        text = np.zeros((n, self.dim), np.float32)
        if self.vectors is not None and n:
            text = principal_axes(self.vectors, self.dim)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = new_network(text, taken > 0, self.layers, self.max_len)
            if sequences:
                network = self._train(network, sequences, taken)
            else:
                network["offset"].zero_()
                network["text"].zero_()
        return self._ready(network)

    def _train(self, network: Tensors, sequences: list[Rows], taken: Rows) -> Tensors:
        """Return the tensors of the pass with the best nDCG@10 on the held-out steps."""
        import torch

        rng = np.random.default_rng(self.seed)
        long = [i for i, s in enumerate(sequences) if len(s) > 2]
        n_held = min(len(long) // HELD_SHARE, HELD_MOST)
        held = set(rng.choice(long, n_held, replace=False).tolist()) if n_held else set()
        tests = [sequences[i] for i in sorted(held)]
        lessons = [s[:-1] if i in held else s for i, s in enumerate(sequences)]
        learned = [t.requires_grad_() for name, t in network.items() if name not in FIXED]
        optimiser = torch.optim.AdamW(learned, lr=self.learning_rate, weight_decay=self.decay)
        chances = _chances(taken)
        best, kept, waited = -1.0, _copy(network), 0
        self.history = []
        for _ in range(self.epochs):
            for batch in _batches(lessons, rng):
                optimiser.zero_grad(set_to_none=True)
                self._loss(network, batch, chances, rng).backward()
                optimiser.step()
            value = self._held_ndcg(network, tests) if tests else float(len(self.history))
            self.history.append(value)
            if value > best:
                best, kept, waited = value, _copy(network), 0
            else:
                waited += 1
                if waited >= self.patience:
                    break
        return kept

    def _loss(
        self, network: Tensors, batch: Sequence[Rows], chances: Chances, rng: np.random.Generator
    ) -> Tensor:
        """Return the mean softmax loss of the next product over the steps of a batch."""
        import torch

        given, lengths = padded([s[:-1] for s in batch])
        target = np.concatenate([s[1:] for s in batch])
        drawn, shift = _draw(chances, self.negatives, rng)
        rows, place = np.unique(np.concatenate([given.ravel(), target, drawn]), return_inverse=True)
        # row -1 (filling) takes the last product's vector: nothing attends to it
        vectors = product_vectors(network, torch.from_numpy(rows))
        at = torch.from_numpy(place)
        steps = vectors[at[: given.size]].view(*given.shape, self.dim)
        inside = torch.from_numpy(np.arange(given.shape[1]) < lengths[:, None])
        state = states(network, steps, self.heads, self.dropout)[inside]
        right = vectors[at[given.size : given.size + len(target)]]
        positive = (state * right).sum(-1, keepdim=True)
        others = state @ vectors[at[given.size + len(target) :]].T - torch.from_numpy(shift)
        same = torch.from_numpy(target[:, None] == drawn[None, :])
        logits = torch.cat([positive, others.masked_fill(same, -1e9)], dim=1)
        return (torch.logsumexp(logits, dim=1) - positive[:, 0]).mean()

    def _held_ndcg(self, network: Tensors, tests: Sequence[Rows]) -> float:
        """Return mean nDCG@10 of the last steps, products of the sequence so far passed over."""
        import torch

        gains = []
        with torch.no_grad():
            products = product_vectors(network)
            for start in range(0, len(tests), 256):
                chunk = tests[start : start + 256]
                logits = self._logits(network, products, [s[:-1] for s in chunk])
                target = np.array([s[-1] for s in chunk])
                own = logits[np.arange(len(chunk)), target].copy()
                for i, sequence in enumerate(chunk):
                    logits[i, sequence[:-1]] = -np.inf
                place = (logits > own[:, None]).sum(axis=1)
                gains.append(np.where(place < 10, 1 / np.log2(place + 2), 0.0))
        return float(np.concatenate(gains).mean())

    def _logits(self, network: Tensors, products: Tensor, sequences: Sequence[Rows]) -> Floats:
        import torch

        given, lengths = padded([s[-self.max_len :] for s in sequences])
        with torch.no_grad():
            state = states(network, products[torch.from_numpy(given)], self.heads)
            last = state[torch.arange(len(given)), torch.from_numpy(lengths - 1)]
            return np.asarray((last @ products.T).numpy(), np.float32)

    def _ready(self, network: Tensors) -> Self:
        import torch

        with torch.no_grad():
            self._network = {name: t.detach() for name, t in network.items()}
            self._products = product_vectors(self._network)
        return self

    def score(self, context: Context) -> Scores:
        """Return each product's chance to come next after what the context names."""
        return np.asarray(self.score_many([context])[0], np.float32)

    def score_many(self, contexts: Sequence[Context]) -> Scores:
        """Return `score` of several contexts, shape (n_contexts, n_products)."""
        if self._network is None or self._products is None:
            raise NotFittedError("self_attention: not fitted; call `fit` or `load` first")
        scores = np.zeros((len(contexts), len(self._products)), np.float32)
        asked = [i for i, context in enumerate(contexts) if len(context.given)]
        if not asked or not self._products.any():
            return scores
        logits = self._logits(self._network, self._products, [contexts[i].given for i in asked])
        logits -= logits.max(axis=1, keepdims=True)
        chance = np.exp(logits)
        scores[asked] = (chance / chance.sum(axis=1, keepdims=True)) ** self.sharpness
        return scores

    def save(self, folder: Path) -> None:
        """Write `self_attention.safetensors`: all that `load` needs, no text and no log."""
        from safetensors.torch import save_file

        if self._network is None:
            raise NotFittedError("self_attention: not fitted; call `fit` before `save`")
        folder.mkdir(parents=True, exist_ok=True)
        shape = {"heads": str(self.heads), "max_len": str(self.max_len)}
        network = {name: tensor.contiguous() for name, tensor in self._network.items()}
        save_file(network, folder / "self_attention.safetensors", metadata=shape)

    def load(self, folder: Path) -> Self:
        """Read `self_attention.safetensors`; the saved shape wins over the constructor's."""
        from safetensors import safe_open

        with safe_open(folder / "self_attention.safetensors", framework="pt") as file:
            shape = file.metadata()
            network = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.heads, self.max_len = int(shape["heads"]), int(shape["max_len"])
        self.dim = int(network["text"].shape[1])
        return self._ready(network)


def sequences_of(interactions: Interactions) -> list[Rows]:
    """Return each shopper's sequence of at least two products, oldest first.

    Purchases; or all events, the same product twice in a row once, of who bought less than twice.
    """
    order = np.lexsort((np.arange(len(interactions.day)), interactions.day, interactions.shopper))
    shopper, product = interactions.shopper[order], interactions.product[order]
    bought = interactions.type[order] == PURCHASE
    ends = np.searchsorted(shopper, np.arange(interactions.n_shoppers + 1))
    found: list[Rows] = []
    for start, end in pairwise(ends):
        here = product[start:end]
        purchases = here[bought[start:end]]
        if len(purchases) < 2:
            purchases = here[np.diff(here, prepend=-1) != 0]
        if len(purchases) > 1:
            found.append(purchases)
    return found


def _chances(taken: Rows) -> Chances:
    """Return the chance of each product to be drawn: half alike over the seen, half by count.

    Products nobody took are never drawn: that nobody could take them says nothing against them.
    """
    seen = taken > 0
    return np.asarray(0.5 * seen / seen.sum() + 0.5 * taken / taken.sum())


def _draw(chances: Chances, n: int, rng: np.random.Generator) -> tuple[Rows, Floats]:
    """Return negatives and what to take off their logits; all seen products if `n` allows.

    With n draws of chance q, sum over draws of exp(logit) / (n q) is the sum over all products in
    expectation; so log(n q) is taken off.
    """
    seen = np.flatnonzero(chances)
    if len(seen) <= n:
        return seen, np.zeros(len(seen), np.float32)
    drawn = np.searchsorted(np.cumsum(chances), rng.random(n) * chances.sum())
    drawn = np.minimum(drawn, len(chances) - 1).astype(np.int64)
    return drawn, np.log(n * chances[drawn]).astype(np.float32)


def _batches(sequences: Sequence[Rows], rng: np.random.Generator) -> Iterator[list[Rows]]:
    """Yield all sequences once in random batches of similar length."""
    order = rng.permutation([i for i, s in enumerate(sequences) if len(s) > 1])
    cut: list[Rows] = []
    for start in range(0, len(order), BATCH * POOL):
        pool = order[start : start + BATCH * POOL]
        pool = pool[np.argsort([len(sequences[i]) for i in pool], kind="stable")]
        cut += [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
    for i in rng.permutation(len(cut)):
        yield [sequences[j] for j in cut[i]]


def _copy(network: Tensors) -> Tensors:
    return {name: tensor.detach().clone() for name, tensor in network.items()}
