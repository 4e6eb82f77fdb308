"""What all scorers share: the log as arrays, the question as rows, and the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Dataset

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]

SECONDS_A_DAY = 86_400.0
TYPES = ("view", "add_to_cart", "purchase")
VIEW, ADD, PURCHASE = range(3)
NO_ROWS: Rows = np.zeros(0, np.int64)
BLOCK = 512
"""Rows of a product of sparse matrices that are held at once."""


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Who did what with which product when: one element an event, sorted by time.

    Arrays have shape (n_events,). `day` counts days since 1970 in UTC. `basket` and `session` are
    -1 where the event belongs to none.
    """

    n_products: int
    shopper_ids: tuple[str, ...]
    shopper: Rows
    product: Rows
    type: NDArray[np.int8]
    day: NDArray[np.float64]
    basket: Rows
    session: Rows
    end_day: float
    """The end of the log: the last event's moment."""

    @property
    def n_shoppers(self) -> int:
        """How many shoppers the log knows."""
        return len(self.shopper_ids)

    @classmethod
    def of(cls, dataset: Dataset, config: BehaviourConfig) -> Interactions:
        """Take the views, add-to-carts and purchases of known products out of a dataset.

        Events without a session id belong together while the gap to the shopper's event before is
        at most `config.session_gap_minutes`. A purchase without an order id is a basket with the
        shopper's other purchases of that session.
        """
        row_of = pl.DataFrame(
            {
                "product_id": dataset.products["product_id"],
                "product": np.arange(dataset.products.height, dtype=np.int64),
            },
            schema={"product_id": pl.String, "product": pl.Int64},
        )
        gap = pl.duration(seconds=int(config.session_gap_minutes * 60))
        events = (
            dataset.events.select(
                "shopper_id", "type", "at", "session_id", "order_id", "product_id"
            )
            .filter(pl.col("type").is_in(TYPES))
            .join(row_of, on="product_id", how="inner", maintain_order="left")
            .with_columns(
                own_session=(
                    (pl.col("at").diff().over("shopper_id") > gap)
                    .fill_null(value=True)
                    .cum_sum()
                    .over("shopper_id")
                ).cast(pl.String)
            )
            .with_columns(
                session_key=pl.concat_str(
                    "shopper_id",
                    pl.coalesce("session_id", "own_session"),
                    separator="\x1f",
                )
            )
            .with_columns(
                basket_key=pl.when(pl.col("type") == "purchase").then(
                    pl.coalesce("order_id", "session_key")
                )
            )
        )
        shopper_ids, shopper = _rows_of(events["shopper_id"])
        _, session = _rows_of(events["session_key"])
        _, basket = _rows_of(events["basket_key"])
        day = events["at"].dt.epoch("us").to_numpy().astype(np.float64) / (SECONDS_A_DAY * 1e6)
        code = events["type"].replace_strict(
            {t: i for i, t in enumerate(TYPES)}, return_dtype=pl.Int8
        )
        last = dataset.events["at"].max()
        return cls(
            n_products=dataset.products.height,
            shopper_ids=shopper_ids,
            shopper=shopper,
            product=events["product"].to_numpy(),
            type=code.to_numpy(),
            day=day,
            basket=basket,
            session=session,
            end_day=day_of(last) if isinstance(last, datetime) else 0.0,
        )

    @classmethod
    def of_sequences(cls, sequences: Sequence[Sequence[int]], n_products: int) -> Interactions:
        """Make a log of purchases from histories of product rows, one shopper and basket each."""
        lengths = [len(s) for s in sequences]
        shopper = np.repeat(np.arange(len(sequences)), lengths).astype(np.int64)
        step = np.concatenate([np.arange(n) for n in lengths]) if lengths else np.zeros(0)
        return cls(
            n_products=n_products,
            shopper_ids=tuple(str(i) for i in range(len(sequences))),
            shopper=shopper,
            product=np.array([p for s in sequences for p in s], np.int64),
            type=np.full(len(shopper), PURCHASE, np.int8),
            day=step.astype(np.float64),
            basket=shopper.copy(),
            session=shopper.copy(),
            end_day=float(step.max()) if len(step) else 0.0,
        )

    def only(self, *types: int) -> Interactions:
        """Return the events of these types."""
        return self.part(np.isin(self.type, types))

    def part(self, keep: NDArray[np.bool_], *, end_day: float | None = None) -> Interactions:
        """Return the events that are marked; `end_day` says where the log then ends."""
        return Interactions(
            n_products=self.n_products,
            shopper_ids=self.shopper_ids,
            shopper=self.shopper[keep],
            product=self.product[keep],
            type=self.type[keep],
            day=self.day[keep],
            basket=self.basket[keep],
            session=self.session[keep],
            end_day=self.end_day if end_day is None else end_day,
        )

    def groups(self, key: Rows, max_size: int) -> csr_array:
        """Return the binary matrix (n_groups, n_products) of `key`, larger groups left out."""
        keep = key >= 0
        if not keep.any():
            return csr_array((0, self.n_products), dtype=np.float32)
        names, group = np.unique(key[keep], return_inverse=True)
        matrix = csr_array(
            (np.ones(len(group), np.float32), (group, self.product[keep])),
            shape=(len(names), self.n_products),
        )
        matrix.sum_duplicates()
        matrix.data[:] = 1
        return csr_array(matrix[np.diff(matrix.indptr) <= max_size])


def _rows_of(names: pl.Series) -> tuple[tuple[str, ...], Rows]:
    """Number the names in their sorted order; null becomes -1."""
    distinct = names.drop_nulls().unique().sort()
    rows = names.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64)
    return tuple(distinct), rows.fill_null(-1).to_numpy()


def day_of(moment: datetime) -> float:
    """Return days since 1970 of an aware moment."""
    return moment.timestamp() / SECONDS_A_DAY


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a scorer is asked with, as product rows."""

    anchors: Rows = field(default_factory=lambda: NO_ROWS)
    basket: Rows = field(default_factory=lambda: NO_ROWS)
    history: Rows = field(default_factory=lambda: NO_ROWS)
    """Oldest first."""
    anchor_leaves: tuple[int, ...] = ()
    """Leaf categories meant as anchors ("I just bought a tent", no product named)."""
    shopper: int | None = None
    at: float | None = None
    """The moment asked about, days since 1970; None is the end of the log."""

    @property
    def given(self) -> Rows:
        """Everything the context names: history, basket, anchors, in this order."""
        return np.concatenate([self.history, self.basket, self.anchors])


class Scorer(Protocol):
    """Gives one number per product; higher is better, 0 means nothing to say."""

    name: str

    def fit(self, interactions: Interactions) -> Self:
        """Learn from a log and return itself."""
        ...

    def score(self, context: Context) -> Scores:
        """Return scores of shape (n_products,), none negative.

        Raises:
            NotFittedError: If `fit` or `load` came not before.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted state, without pickle."""
        ...

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote and return itself."""
        ...


def save_sparse(path: Path, **matrices: csr_array) -> None:
    """Write named sparse matrices as one NPZ."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, matrix in matrices.items():
        arrays |= {
            f"{name}.data": matrix.data,
            f"{name}.indices": matrix.indices,
            f"{name}.indptr": matrix.indptr,
            f"{name}.shape": np.array(matrix.shape),
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load_sparse(path: Path) -> dict[str, csr_array]:
    """Read what `save_sparse` wrote."""
    with np.load(path, allow_pickle=False) as file:
        names = sorted({key.rsplit(".", 1)[0] for key in file.files})
        return {
            name: csr_array(
                (file[f"{name}.data"], file[f"{name}.indices"], file[f"{name}.indptr"]),
                shape=tuple(file[f"{name}.shape"]),
            )
            for name in names
        }


def shared(matrix: csr_array) -> Iterator[tuple[Rows, csr_array]]:
    """Yield `matrix.T @ matrix` by blocks of rows: the whole is far larger than what is kept of it.

    Yields:
        The row in the whole of each stored value, and the block: shape (n_block, n_columns).
    """
    turned = csr_array(matrix.T)
    for begin in range(0, turned.shape[0], BLOCK):
        block = csr_array(turned[begin : begin + BLOCK] @ matrix)
        yield begin + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr)), block


def stacked(blocks: Sequence[csr_array], n_columns: int) -> csr_array:
    """Return blocks of rows as one matrix."""
    return csr_array(vstack(blocks)) if blocks else csr_array((0, n_columns))


def keep_top(matrix: csr_array, k: int) -> csr_array:
    """Keep the k largest of each row; ties go to the lower column."""
    matrix = csr_array(matrix)
    keep = np.ones(matrix.nnz, bool)
    for row in np.flatnonzero(np.diff(matrix.indptr) > k):
        here = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values, columns = matrix.data[here], matrix.indices[here]
        edge = np.partition(values, -k)[-k]
        tied = np.flatnonzero(values == edge)
        keep[here] = values > edge
        free = k - np.count_nonzero(keep[here])
        keep[here.start + tied[np.argsort(columns[tied])[:free]]] = True
    starts = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    return csr_array((matrix.data[keep], matrix.indices[keep], starts), shape=matrix.shape)


def recent_row_sum(matrix: csr_array, context: Context, recency: float) -> Scores:
    """Return the sum of the matrix rows that the context names.

    The last product of the history counts 1 and each one before it `recency` times less. A basket
    and anchors have no order: each of them counts 1.
    """
    weights = np.ones(len(context.given))
    n = len(context.history)
    weights[:n] = recency ** np.arange(n)[::-1].astype(np.float64)
    return row_sum(matrix, context.given, weights)


def row_sum(matrix: csr_array, rows: Rows, weights: NDArray[np.float64]) -> Scores:
    """Return sum of weight × matrix row over `rows`, dense, shape (n_columns,)."""
    total = np.zeros(matrix.shape[1], np.float64)
    for row, weight in zip(rows, weights, strict=True):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        total[matrix.indices[start:end]] += weight * matrix.data[start:end]
    return total.astype(np.float32)
