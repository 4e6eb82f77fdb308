"""Self-attention over what a shopper took: which product comes next.

SASRec (Kang and McAuley 2018) with three changes: a product starts from its text, so one that
nobody took has a place; many sampled negatives with a correction instead of one; and training stops
by nDCG@10 on held-out last steps (`attention_training`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from retrieval.behaviour.attention_network import (
    Floats,
    Tensors,
    new_network,
    next_logits,
    principal_axes,
    product_vectors,
)
from retrieval.behaviour.attention_training import Training, sequences_of, train
from retrieval.behaviour.base import Context, Interactions, Scores
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

if TYPE_CHECKING:
    from torch import Tensor


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
        patience: int = 5,
        negatives: int = 1024,
        dropout: float = 0.5,
        learning_rate: float = 1e-3,
        decay: float = 0.01,
        text_alone: float = 0.0,
        sharpness: float = 0.5,
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
            text_alone: Share of products that a training batch shows without their offset, so that
                the text learns to stand alone, as it must for a new product (Volkovs et al. 2017,
                DropoutNet). Without `vectors` it is 0.
            sharpness: Scores are chances to this power; 1 leaves them. A blend gains more from 0.5
                than from 1, as one sure product then drowns the others less.
            seed: Same seed, log and machine: same scores.

        Raises:
            ValueError: If `heads` does not divide `dim`.
        """
        if dim % heads:
            raise ValueError(f"`dim` must be a multiple of `heads`, got {dim} and {heads}")
        self.config = config or BehaviourConfig()
        self.vectors = vectors
        self.dim, self.layers, self.heads, self.max_len = dim, layers, heads, max_len
        self.sharpness, self.seed = sharpness, seed
        self.training = Training(
            heads=heads,
            epochs=epochs,
            patience=patience,
            negatives=negatives,
            dropout=dropout,
            learning_rate=learning_rate,
            decay=decay,
            text_alone=0.0 if vectors is None else text_alone,
            seed=seed,
        )
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
                network, self.history = train(network, sequences, taken, self.training)
            else:
                network["offset"].zero_()
                network["text"].zero_()
        return self._ready(network)

    def _ready(self, network: Tensors) -> Self:
        import torch

        with torch.no_grad():
            self._network = {name: t.detach() for name, t in network.items()}
            self._products = product_vectors(self._network)
        return self

    def score(self, context: Context) -> Scores:
        """Return each product's chance to come next, to the power `sharpness`; (n_products,)."""
        return np.asarray(self.score_many([context])[0], np.float32)

    def score_many(self, contexts: Sequence[Context]) -> Scores:
        """Return `score` of several contexts, shape (n_contexts, n_products)."""
        if self._network is None or self._products is None:
            raise NotFittedError("self_attention: not fitted; call `fit` or `load` first")
        scores = np.zeros((len(contexts), len(self._products)), np.float32)
        asked = [i for i, context in enumerate(contexts) if len(context.given)]
        if not asked or not self._products.any():
            return scores
        sequences = [contexts[i].given for i in asked]
        logits = next_logits(self._network, self._products, sequences, self.heads)
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
