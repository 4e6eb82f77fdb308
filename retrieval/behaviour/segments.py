"""Segments of a shop: behaviour clusters with neutral names, and recency, frequency, value.

Every statement comes with the counts behind it, so that a person can check it. Names are made of
category names and orders a year; categories with sensitive words never take part.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.behaviour.base import ADD, VIEW, Interactions, Rows
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.rfv import Rfv, rfv_of
from retrieval.data.dataset import Dataset
from retrieval.errors import DataError, QueryError

DAYS_A_YEAR = 365.25
NAMED = 2
"""Categories in a segment's name."""
SHOWN = 5
"""Categories described."""
MOSTLY = 0.5
"""Share of a segment's days from which "mostly" is true."""
NO_SEGMENT = "no category known"
FIELDS = (
    "shopper_id", "segment", "likelihood", "rfv_segment", "r", "f", "v", "recency_days", "n_orders",
    "value", "currency", "n_purchases", "n_priced", "n_views", "n_add_to_cart",
)  # fmt: skip


class Segments:
    """The segments of one shop's shoppers."""

    def __init__(self, dataset: Dataset, interactions: Interactions, clusters: Clusters) -> None:
        """Take what is counted; `clusters` are fitted on the interactions unless they are."""
        if not clusters.is_fitted:
            clusters.fit(interactions)
        self.clusters = clusters
        self.shopper_ids = interactions.shopper_ids
        self._currency = dataset.currency
        self._row = {shopper_id: row for row, shopper_id in enumerate(self.shopper_ids)}
        self._rfv = rfv_of(dataset)
        self._days = clusters.category_days(interactions)
        n = interactions.n_shoppers
        kind, shopper = interactions.type, interactions.shopper
        self._n_views = np.bincount(shopper[kind == VIEW], minlength=n)
        self._n_adds = np.bincount(shopper[kind == ADD], minlength=n)
        days = interactions.day
        self._years = max(1.0, interactions.end_day - days.min(initial=interactions.end_day)) / (
            DAYS_A_YEAR
        )
        self._labels = clusters.labels
        self.names = tuple(self._names())

    def summary(self) -> list[dict[str, Any]]:
        """Return one entry a cluster: name, sizes, and its categories with their counts."""
        return [self._facts(cluster) for cluster in range(self.clusters.n_clusters)]

    def describe(self, shopper_id: str) -> dict[str, Any]:
        """Return everything that is known of one shopper's segments, with counts.

        Raises:
            QueryError: If the log does not know the shopper.
        """
        row = self._row.get(shopper_id)
        if row is None:
            raise QueryError(
                f"{shopper_id!r}: is no shopper of this store's log; give an id that has events"
            )
        start, end = self._days.indptr[row], self._days.indptr[row + 1]
        own = Counter({
            self.clusters.leaves[leaf]: int(n)
            for leaf, n in zip(
                self._days.indices[start:end], self._days.data[start:end], strict=True
            )
        })  # fmt: skip
        label = int(self._labels[row])
        categories = [{"category": c, "days": n} for c, n in sorted(own.items(), key=_most_first)]
        return {
            **self._entry(shopper_id),
            "last_purchase_at": self._last(shopper_id),
            "compared_with": len(self._rfv),
            "categories": categories,
            "cluster": None if label < 0 else self._facts(label),
            "likelihoods": {
                name: round(float(p), 4)
                for name, p in zip(self.names, self.clusters.memberships[row], strict=True)
            },
        }

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield one row a shopper, in order of their ids."""
        for shopper_id in self.shopper_ids:
            yield self._entry(shopper_id)

    def export(self, path: Path) -> int:
        """Write all shoppers as CSV, or as JSON with the segments' counts, by the file's ending.

        Returns:
            How many shoppers were written.

        Raises:
            DataError: If the ending is neither, or the file cannot be written.
        """
        if path.suffix.lower() not in (".csv", ".json"):
            raise DataError(f"{path}: segments are written as `.csv` or `.json`; name such a file")
        rows = list(self.entries())
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                if path.suffix.lower() == ".csv":
                    writer = csv.DictWriter(file, FIELDS)
                    writer.writeheader()
                    writer.writerows(rows)
                else:
                    found = {"segments": self.summary(), "shoppers": rows}
                    json.dump(found, file, ensure_ascii=False, indent=1)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written ({error.strerror}); name a file in a folder that is "
                "there and open to writing"
            ) from error
        return len(rows)

    def _entry(self, shopper_id: str) -> dict[str, Any]:
        row = self._row[shopper_id]
        label, rfv = int(self._labels[row]), self._rfv.get(shopper_id)
        counted = asdict(rfv) if rfv else {}
        entry = {
            "shopper_id": shopper_id,
            "segment": self.names[label] if label >= 0 else NO_SEGMENT,
            "likelihood": round(float(self.clusters.memberships[row].max(initial=0.0)), 4),
            "rfv_segment": rfv.segment if rfv else "has not bought",
            **{name: counted.get(name) for name in ("r", "f", "v", "recency_days")},
            **{name: counted.get(name, 0) for name in ("n_orders", "n_purchases", "n_priced")},
            "value": f"{counted.get('value', 0):.2f}",
            "currency": self._currency,
            "n_views": int(self._n_views[row]),
            "n_add_to_cart": int(self._n_adds[row]),
        }
        return {name: entry[name] for name in FIELDS}

    def _last(self, shopper_id: str) -> str | None:
        rfv: Rfv | None = self._rfv.get(shopper_id)
        return rfv.last_purchase_at.isoformat() if rfv else None

    def _facts(self, cluster: int) -> dict[str, Any]:
        members = np.flatnonzero(self._labels == cluster)
        days = np.asarray(self._days[members].sum(axis=0))
        everybody = np.asarray(self._days.sum(axis=0))
        return {
            "segment": self.names[cluster],
            "n_shoppers": len(members),
            "n_orders": self._n_orders(members),
            "orders_a_year": round(self._orders_a_year(members), 2),
            "category_days": int(days.sum()),
            "categories": [
                {
                    "category": self.clusters.leaves[leaf],
                    "days": int(days[leaf]),
                    "share": round(float(days[leaf] / days.sum()), 4),
                    "share_of_all": round(float(everybody[leaf] / everybody.sum()), 4),
                }
                for leaf in self._leading(cluster)[:SHOWN]
                if days[leaf]
            ],
            "stability": self.clusters.stability,
        }

    def _leading(self, cluster: int) -> Sequence[int]:
        """Return the categories that set a cluster apart: share × log of share over everybody's."""
        share = self.clusters.shares[cluster]
        average = self.clusters.sizes @ self.clusters.shares
        return [int(i) for i in np.argsort(-share * np.log(share / average), kind="stable")]

    def _names(self) -> Iterator[str]:
        used: Counter[str] = Counter()
        for cluster in range(self.clusters.n_clusters):
            leading = self._leading(cluster)[:NAMED]
            short = [self.clusters.leaves[leaf].rpartition(" > ")[2] for leaf in leading]
            share = float(self.clusters.shares[cluster][list(leading)].sum())
            what = " and ".join(short)
            about = f"mostly {what}" if share >= MOSTLY else f"more {what} than others"
            rate = self._orders_a_year(np.flatnonzero(self._labels == cluster))
            name = f"{about}, {_rate(rate)}"
            used[name] += 1
            yield name if used[name] == 1 else f"{name} ({used[name]})"

    def _n_orders(self, members: Rows) -> int:
        found = (self._rfv.get(self.shopper_ids[row]) for row in members)
        return sum(rfv.n_orders for rfv in found if rfv)

    def _orders_a_year(self, members: Rows) -> float:
        return self._n_orders(members) / max(1, len(members)) / self._years


def _rate(orders: float) -> str:
    if orders < 1:
        return "less than 1 order a year"
    return f"{round(orders)} order{'' if round(orders) == 1 else 's'} a year"


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
