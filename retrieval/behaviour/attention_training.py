"""How the self-attention network learns: sequences from a log, sampled softmax, when to stop.

The loss is the softmax over products with the sum over the others estimated from sampled negatives,
each divided by its chance of being drawn (importance sampling; Bengio and Senécal 2008; the
positive is left out of the correction, as it is never drawn). One binary negative a step, as first
published, is what made the method look weak (Petrov and Macdonald 2023, gSASRec; Klenitskiy and
Vasilev 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.attention_network import (
    Floats,
    Tensors,
    next_logits,
    padded,
    product_vectors,
    states,
)
from retrieval.behaviour.base import PURCHASE, Interactions, Rows

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
CHUNK = 256
CUTOFF = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Settings of the training; see `SelfAttentionScorer`."""

    heads: int
    epochs: int
    patience: int
    negatives: int
    dropout: float
    learning_rate: float
    decay: float
    text_alone: float
    seed: int


def train(
    network: Tensors, sequences: Sequence[Rows], taken: Rows, how: Training
) -> tuple[Tensors, list[float]]:
    """Return the tensors of the pass with the best nDCG@10 on held-out last steps, and all values.

    Args:
        network: As of `new_network`; its tensors are changed.
        sequences: At least one, each of two products or more.
        taken: How often each product stands in them, shape (n_products,).
        how: Settings. With too few sequences to hold any out all passes are made.
    """
    import torch

    rng = np.random.default_rng(how.seed)
    long = [i for i, s in enumerate(sequences) if len(s) > 2]
    n_held = min(len(long) // HELD_SHARE, HELD_MOST)
    held = set(rng.choice(long, n_held, replace=False).tolist()) if n_held else set()
    tests = [sequences[i] for i in sorted(held)]
    lessons = [s[:-1] if i in held else s for i, s in enumerate(sequences)]
    learned = [t.requires_grad_() for name, t in network.items() if name not in FIXED]
    optimiser = torch.optim.AdamW(learned, lr=how.learning_rate, weight_decay=how.decay)
    chances = draw_chances(taken)
    values: list[float] = []
    best = network
    for _ in range(how.epochs):
        for batch in _batches(lessons, rng):
            optimiser.zero_grad(set_to_none=True)
            _loss(network, batch, chances, how, rng).backward()
            optimiser.step()
        values.append(_held_ndcg(network, tests, how.heads) if tests else float(len(values)))
        place = int(np.argmax(values))
        if place == len(values) - 1:
            best = {name: tensor.detach().clone() for name, tensor in network.items()}
        elif len(values) - 1 - place >= how.patience:
            break
    return best, values


def _loss(
    network: Tensors,
    batch: Sequence[Rows],
    chances: Chances,
    how: Training,
    rng: np.random.Generator,
) -> Tensor:
    """Return the mean softmax loss of the next product over the steps of a batch."""
    import torch

    given, lengths = padded([s[:-1] for s in batch])
    target = np.concatenate([s[1:] for s in batch])
    drawn, shift = draw(chances, how.negatives, rng)
    rows, place = np.unique(np.concatenate([given.ravel(), target, drawn]), return_inverse=True)
    # row -1 (filling) takes the last product's vector: nothing attends to it
    alone = torch.from_numpy(rng.random((len(rows), 1)) < how.text_alone)
    vectors = product_vectors(network, torch.from_numpy(rows), text_alone=alone)
    at = torch.from_numpy(place)
    steps = vectors[at[: given.size]].view(*given.shape, vectors.shape[1])
    inside = torch.from_numpy(np.arange(given.shape[1]) < lengths[:, None])
    state = states(network, steps, how.heads, how.dropout)[inside]
    right = vectors[at[given.size : given.size + len(target)]]
    positive = (state * right).sum(-1, keepdim=True)
    others = state @ vectors[at[given.size + len(target) :]].T - torch.from_numpy(shift)
    same = torch.from_numpy(target[:, None] == drawn[None, :])
    logits = torch.cat([positive, others.masked_fill(same, -1e9)], dim=1)
    return (torch.logsumexp(logits, dim=1) - positive[:, 0]).mean()


def _held_ndcg(network: Tensors, tests: Sequence[Rows], heads: int) -> float:
    """Return mean nDCG@10 of the last steps, products of the sequence so far passed over."""
    import torch

    gains = []
    with torch.no_grad():
        products = product_vectors(network)
    for start in range(0, len(tests), CHUNK):
        chunk = tests[start : start + CHUNK]
        logits = next_logits(network, products, [s[:-1] for s in chunk], heads)
        own = logits[np.arange(len(chunk)), [s[-1] for s in chunk]].copy()
        for i, sequence in enumerate(chunk):
            logits[i, sequence[:-1]] = -np.inf
        place = (logits > own[:, None]).sum(axis=1)
        gains.append(np.where(place < CUTOFF, 1 / np.log2(place + 2), 0.0))
    return float(np.concatenate(gains).mean())


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


def draw_chances(taken: Rows) -> Chances:
    """Return the chance of each product to be drawn: half alike over the seen, half by count.

    Products nobody took are never drawn: that nobody could take them says nothing against them.
    """
    seen = taken > 0
    return np.asarray(0.5 * seen / seen.sum() + 0.5 * taken / taken.sum())


def draw(chances: Chances, n: int, rng: np.random.Generator) -> tuple[Rows, Floats]:
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
