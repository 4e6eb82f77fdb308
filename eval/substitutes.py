"""Beauty: how many of what is offered beside a product are its substitutes, how many complements.

A page's `bought_together` stands for complements and its `also_viewed` without those for
substitutes. Nine in ten products that are bought together are also viewed together, so what is
bought together only is too rare to judge by; it is counted and reported.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from eval.cli import RunOptions, say
from eval.data.base import hash_files, need
from eval.results import System, TaskResult

K, POOL, FOLDS, SHRINKAGE = 10, 40, 5, 2.0
WEIGHT = 1.0
"""Of the classifier's log odds beside the log of the item-kNN score."""
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Products, what their pages list, and which sequences hold them; rows are products."""

    bought: Sequence[frozenset[int]]
    viewed: Sequence[frozenset[int]]
    kinds: Sequence[frozenset[str]]
    brands: Sequence[str | None]
    fold: Rows
    held: csr_array
    """Shape (n_sequences, n_products)."""
    next_to: csr_array
    """How often one follows the other at once: shape (n_products, n_products)."""
    data_hash: str


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The item-kNN neighbours of every product asked about."""

    anchor: Rows
    other: Rows
    score: Floats
    is_bought: NDArray[np.bool_]
    is_viewed: NDArray[np.bool_]
    is_same_kind: NDArray[np.bool_]
    odds: Floats
    """Of being bought together rather than only viewed, from a model that saw neither product."""


def evaluate_substitutes(options: RunOptions) -> TaskResult:
    """Compare item-kNN, the rule of another category, and a classifier of pairs."""
    pages = load_pages(options)
    asked = [i for i in range(len(pages.kinds)) if pages.bought[i] or pages.viewed[i]]
    asked = asked[: 600 if options.quick else None]
    say(f"substitutes: {len(asked)} products")
    pairs = _pairs(pages, np.array(asked))
    rest = ~pairs.is_same_kind
    learned = np.log(pairs.score) + WEIGHT * pairs.odds
    systems = {
        "item-kNN": (pairs.score, np.ones(len(rest), bool)),
        "ours: another category": (pairs.score, rest),
        "ours: classifier": (learned, np.ones(len(rest), bool)),
        "ours: another category, classifier": (learned, rest),
        "ours: same category (similar)": (pairs.score, ~rest),
    }
    measured = [
        System(
            name=name,
            values=_values(pages, pairs, np.array(asked), score, keep),
            is_baseline=not name.startswith("ours"),
        )
        for name, (score, keep) in systems.items()
    ]
    n_bought = sum(map(len, pages.bought))
    n_both = sum(len(a & b) for a, b in zip(pages.bought, pages.viewed, strict=True))
    judged = pairs.is_bought | pairs.is_viewed
    return TaskResult(
        name="substitutes",
        question="Beside one product: how many of ten are only viewed with it, how many bought?",
        split=f"all products with a list; the classifier by {FOLDS}-fold cross-validation over "
        "products (pairs with a product of the fold are not learned from)",
        data_hash=pages.data_hash,
        systems=measured,
        ours="ours: another category",
        headline="substitutes@10",
        facts={
            "bought together": n_bought,
            "of these also viewed": n_both,
            "AUC of the classifier": round(
                _auc(pairs.odds[judged], pairs.is_bought[judged]), 3
            ),
        },
        notes=(
            "substitutes@10: share of the shown that the page lists as viewed and not as bought "
            "together. complements@10: as bought together. R@10 over products that list any.",
        ),
    )  # fmt: skip


def load_pages(options: RunOptions) -> Pages:
    """Read products and sequences."""
    paths = need(options.data / "beauty", "sequences_beauty.parquet", "products_beauty.parquet")
    frame = pl.read_parquet(paths[1]).sort("asin")
    ids = frame["asin"].to_list()
    row_of = {asin: row for row, asin in enumerate(ids)}
    sequences = [
        np.array([row_of[a] for a in asins]) for asins in pl.read_parquet(paths[0])["asins"]
    ]

    def listed(column: str) -> list[frozenset[int]]:
        lists = frame[column].to_list()
        return [
            frozenset(row_of[o] for o in others or () if o in row_of) - {row}
            for row, others in enumerate(lists)
        ]

    n, held = len(ids), np.concatenate(sequences)
    of = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
    first = np.concatenate([s[:-1] for s in sequences])
    then = np.concatenate([s[1:] for s in sequences])
    return Pages(
        bought=listed("bought_together"),
        viewed=listed("also_viewed"),
        kinds=[frozenset(names or ()) for names in frame["categories"].to_list()],
        brands=frame["brand"].to_list(),
        fold=np.array([zlib.crc32(asin.encode()) % FOLDS for asin in ids]),
        held=csr_array((np.ones(len(held)), (of, held)), shape=(len(sequences), n)),
        next_to=csr_array((np.ones(len(first)), (first, then)), shape=(n, n)),
        data_hash=hash_files(paths),
    )


def _pairs(pages: Pages, asked: Rows) -> Pairs:
    together = (pages.held.T @ pages.held).tocsr()
    together.setdiag(0)
    together.eliminate_zeros()
    n_held = np.asarray(pages.held.sum(axis=0)).ravel()
    scale = diags_array(1 / np.sqrt(n_held + SHRINKAGE))
    near = (scale @ together @ scale).tocsr()
    anchors, others, scores = [], [], []
    for i in asked:
        part = slice(near.indptr[i], near.indptr[i + 1])
        best = np.argsort(-near.data[part], kind="stable")[:POOL]
        others.append(near.indices[part][best])
        scores.append(near.data[part][best])
        anchors.append(np.full(len(best), i))
    anchor, other, score = map(np.concatenate, (anchors, others, scores))
    listed = list(zip(anchor.tolist(), other.tolist(), strict=True))
    is_bought = np.array([o in pages.bought[a] for a, o in listed])
    is_viewed = np.array([o in pages.viewed[a] for a, o in listed])
    features = _features(pages, together, n_held, anchor, other, score)
    return Pairs(
        anchor=anchor, other=other, score=score, is_bought=is_bought, is_viewed=is_viewed,
        is_same_kind=np.array([pages.kinds[a] == pages.kinds[o] for a, o in listed]),
        odds=_odds(pages, features, anchor, other, is_bought, is_viewed),
    )  # fmt: skip


def _features(
    pages: Pages, together: csr_array, n_held: Floats, a: Rows, o: Rows, score: Floats
) -> Floats:
    """Return what is known of each pair: shape (n_pairs, n_features). The source has no prices."""
    count = together[a, o]
    beside = pages.next_to[a, o] + pages.next_to[o, a]
    kinds = [(pages.kinds[i], pages.kinds[j]) for i, j in zip(a.tolist(), o.tolist(), strict=True)]
    norm = np.sqrt(np.asarray(together.power(2).sum(axis=1)).ravel())
    scaled = diags_array(1 / np.maximum(norm, 1)) @ together
    alike = np.asarray(scaled[a].multiply(scaled[o]).sum(axis=1)).ravel()
    columns = [
        np.log(score), np.log1p(count), np.log1p(beside), beside / np.maximum(count, 1),
        np.array([x == y for x, y in kinds], float),
        np.array([len(x & y) / max(1, len(x | y)) for x, y in kinds]),
        np.array([pages.brands[i] == pages.brands[j] for i, j in zip(a, o, strict=True)], float),
        alike, np.log(count * pages.held.shape[0] / (n_held[a] * n_held[o])),
        np.log(n_held[a]), np.log(n_held[o]),
    ]  # fmt: skip
    return np.column_stack(columns)


def _odds(
    pages: Pages, features: Floats, a: Rows, o: Rows, bought: NDArray[np.bool_],
    viewed: NDArray[np.bool_],
) -> Floats:  # fmt: skip
    """Return each pair's log odds by logistic regression on the pairs of other products."""
    from sklearn.linear_model import LogisticRegression

    odds = np.zeros(len(a))
    for fold in range(FOLDS):
        is_asked = pages.fold[a] == fold
        learns = (bought | viewed) & ~is_asked & (pages.fold[o] != fold)
        if len(np.unique(bought[learns])) < 2:
            continue  # nothing to tell apart
        mean, spread = features[learns].mean(axis=0), features[learns].std(axis=0) + 1e-9
        model = LogisticRegression(max_iter=300).fit(
            (features[learns] - mean) / spread, bought[learns]
        )
        odds[is_asked] = model.decision_function((features[is_asked] - mean) / spread)
    return odds


def _values(
    pages: Pages, pairs: Pairs, asked: Rows, score: Floats, keep: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Return one value a product asked about: shares of what is shown, and recall."""
    found: dict[str, list[float]] = {"substitutes@10": [], "complements@10": [], "R@10": []}
    starts = np.searchsorted(pairs.anchor, asked)
    ends = np.searchsorted(pairs.anchor, asked, side="right")
    for i, start, end in zip(asked.tolist(), starts, ends, strict=True):
        rows = np.arange(start, end)[keep[start:end]]
        shown = rows[np.argsort(-score[rows], kind="stable")[:K]]
        bought = pairs.is_bought[shown]
        only_viewed = pairs.is_viewed[shown] & ~bought
        found["substitutes@10"].append(float(only_viewed.mean()) if len(shown) else 0.0)
        found["complements@10"].append(float(bought.mean()) if len(shown) else 0.0)
        found["R@10"].append(bought.sum() / len(pages.bought[i]) if pages.bought[i] else np.nan)
    values = {name: np.array(v) for name, v in found.items()}
    values["R@10"] = values["R@10"][~np.isnan(values["R@10"])]
    return values


def _auc(scores: Floats, is_positive: NDArray[np.bool_]) -> float:
    """Return the share of pairs of a positive and a negative that are in the right order."""
    rank = np.argsort(np.argsort(scores, kind="stable"), kind="stable") + 1
    n, m = int(is_positive.sum()), int((~is_positive).sum())
    return float((rank[is_positive].sum() - n * (n + 1) / 2) / (n * m)) if n and m else 0.5
