"""The self-attention network as plain functions over named tensors: no data, no training.

A product's vector is its text, turned by one learned matrix, plus an offset of its own; it serves
as input and as output (SASRec, Kang and McAuley 2018, section 3.4, shares them too). Blocks
normalise first, and a step attends to itself and to what came before it, never to what comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import Rows

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]
Tensors: TypeAlias = "dict[str, Tensor]"
"""Name to torch tensor; the whole state of a network."""
TEMPERATURE = 0.07
"""A logit is a cosine over this; so a product cannot win by the length of its vector."""
WIDEN = 2
"""The feed-forward part of a block is this many times wider than the vectors."""


def principal_axes(vectors: Floats, dim: int) -> Floats:
    """Return unit rows of shape (n, dim): the vectors on their leading axes, zeros beyond them.

    The axes are those of the covariance about the mean, so what all products share says nothing.
    """
    about = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(about.T @ about)
    axes = axes[:, ::-1][:, :dim]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    kept = np.zeros((len(vectors), dim))
    kept[:, : axes.shape[1]] = about @ axes
    size = np.linalg.norm(kept, axis=1, keepdims=True)
    return np.asarray(kept / np.maximum(size, 1e-9), np.float32)


def new_network(text: Floats, seen: NDArray[np.bool_], layers: int, max_len: int) -> Tensors:
    """Return the tensors before training; torch's generator must be seeded by the caller.

    Args:
        text: Unit rows of shape (n_products, dim).
        seen: Products of the log; only these get an offset.
        layers: Number of attention blocks.
        max_len: Longest sequence.
    """
    import torch

    n, dim = text.shape

    def normal(*shape: int, size: float) -> Tensor:
        return torch.randn(*shape) * size

    made: Tensors = {
        "text": torch.from_numpy(text.copy()),
        "turn": torch.eye(dim),
        "offset": normal(n, dim, size=0.02) * torch.from_numpy(seen[:, None].astype(np.float32)),
        "position": normal(max_len, dim, size=0.02),
        "out.scale": torch.ones(dim),
        "out.shift": torch.zeros(dim),
    }
    for i in range(layers):
        made |= {
            f"{i}.norm.scale": torch.ones(dim),
            f"{i}.norm.shift": torch.zeros(dim),
            f"{i}.qkv": normal(dim, 3 * dim, size=dim**-0.5),
            f"{i}.mix": normal(dim, dim, size=(2 * layers * dim) ** -0.5),
            f"{i}.wide.scale": torch.ones(dim),
            f"{i}.wide.shift": torch.zeros(dim),
            f"{i}.up": normal(dim, WIDEN * dim, size=dim**-0.5),
            f"{i}.up.shift": torch.zeros(WIDEN * dim),
            f"{i}.down": normal(WIDEN * dim, dim, size=(2 * layers * WIDEN * dim) ** -0.5),
            f"{i}.down.shift": torch.zeros(dim),
        }
    return made


def product_vectors(
    network: Tensors, rows: Tensor | slice = slice(None), *, text_alone: Tensor | None = None
) -> Tensor:
    """Return the unit vectors of products, shape (n, dim); zeros where nothing is known.

    `text_alone` marks products whose offset is left out, shape (n, 1).
    """
    import torch.nn.functional as f

    offset = network["offset"][rows]
    if text_alone is not None:
        offset = offset.masked_fill(text_alone, 0.0)
    return f.normalize(network["text"][rows] @ network["turn"] + offset, dim=-1)


def states(network: Tensors, given: Tensor, heads: int, dropout: float = 0.0) -> Tensor:
    """Return what is expected next after each step.

    Args:
        network: Made by `new_network`, trained or not.
        given: Product vectors of the steps, shape (n_sequences, length, dim), filled at the end.
        heads: Attention heads; must divide `dim`.
        dropout: Share of values dropped while training; 0 when asked.

    Returns:
        Shape (n_sequences, length, dim); its product with a product's vector is the logit.
    """
    import torch.nn.functional as f

    n, length, dim = given.shape

    def drop(x: Tensor) -> Tensor:
        return f.dropout(x, dropout) if dropout else x

    def norm(x: Tensor, name: str) -> Tensor:
        return f.layer_norm(x, (dim,), network[f"{name}.scale"], network[f"{name}.shift"])

    x = drop(given + network["position"][:length])
    for i in range(sum(name.endswith(".qkv") for name in network)):
        qkv = norm(x, f"{i}.norm") @ network[f"{i}.qkv"]
        q, k, v = qkv.view(n, length, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        seen = f.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + drop(seen.transpose(1, 2).reshape(n, length, dim) @ network[f"{i}.mix"])
        wide = f.gelu(norm(x, f"{i}.wide") @ network[f"{i}.up"] + network[f"{i}.up.shift"])
        x = x + drop(wide @ network[f"{i}.down"] + network[f"{i}.down.shift"])
    return f.normalize(norm(x, "out"), dim=-1) / TEMPERATURE


def padded(sequences: Sequence[Rows]) -> tuple[Rows, Rows]:
    """Return rows of shape (n_sequences, longest), -1 after each end, and the lengths."""
    lengths = np.array([len(s) for s in sequences], np.int64)
    filled = np.full((len(sequences), int(lengths.max(initial=0))), -1, np.int64)
    filled[np.arange(filled.shape[1]) < lengths[:, None]] = np.concatenate(sequences)
    return filled, lengths


def next_logits(
    network: Tensors, products: Tensor, sequences: Sequence[Rows], heads: int
) -> Floats:
    """Return the logits of what follows the end of each sequence, shape (n_sequences, n_products).

    Args:
        network: As of `new_network`.
        products: Vectors of all products, from `product_vectors`.
        sequences: Product rows; only as many of the latest as there are positions are looked at.
        heads: Attention heads.
    """
    import torch

    given, lengths = padded([s[-len(network["position"]) :] for s in sequences])
    with torch.no_grad():
        state = states(network, products[torch.from_numpy(given)], heads)
        last = state[torch.arange(len(given)), torch.from_numpy(lengths - 1)]
        return np.asarray((last @ products.T).numpy(), np.float32)
