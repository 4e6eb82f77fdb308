"""A task as a shop would have it: build a store of what may be learned from, and ask it.

Nothing here chooses a weight or a setting. The store's build does, from the histories it is given;
the cases that it makes of them are its own, and the task's test cases are asked once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.cli import RunOptions, progress, say
from eval.data.base import Case, History, NextTask
from retrieval.build import build_store
from retrieval.config import EncoderConfig, LearningConfig, StoreConfig
from retrieval.data.dataset import Product
from retrieval.pipeline import Recommender
from retrieval.query import Constraints, Query
from retrieval.store import Store

BEGIN = datetime(2020, 1, 6, tzinfo=UTC)
DEPTH = 100


def store_of(
    task: NextTask, histories: Sequence[History], options: RunOptions, *, learned: bool = True
) -> Store:
    """Build a store of the task's products and these histories, and open it.

    Texts that an earlier build embedded are not embedded again.
    """
    folder = options.cache / "stores" / task.name
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "products.jsonl", (_product(p) for p in task.products))
    _write(folder / "events.jsonl", _events(task, histories))
    config = StoreConfig(
        encoder=EncoderConfig(model=options.encoder), learning=LearningConfig(enabled=learned)
    )
    report = build_store(
        products=folder / "products.jsonl",
        events=folder / "events.jsonl",
        out=folder / "store",
        config=config,
        device=options.device,  # type: ignore[arg-type]
        progress=False,
    )
    say(f"{task.name}: built in {report['seconds']['total']:.0f} s, {report['seconds']}")
    return Store.open(folder / "store", device=options.device)


def rankings(
    store: Store, task: NextTask, cases: Sequence[Case], *, label: str
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return the first rows and scores of each case, as the shop would show them."""
    recommender = Recommender(store)
    rows = {product.product_id: i for i, product in enumerate(task.products)}
    own = np.array([rows[p] for p in store.catalogue.product_ids])
    found = []
    for case in progress(cases, label, len(cases)):
        shown = recommender.shown(query_of(task, case))
        found.append((own[[c.row for c in shown]], np.array([c.score for c in shown])))
    return found


def query_of(task: NextTask, case: Case) -> Query:
    """Return the case as a shop would be asked."""
    ids = tuple(task.products[row].product_id for row in case.context)
    if not task.is_basket:
        return Query(query_id=case.query_id, history=ids, k=DEPTH)
    blocked = (
        sorted({task.products[row].category[0] for row in case.context}) if task.blocks else ()
    )
    return Query(
        query_id=case.query_id,
        shopper_id=case.shopper or None,
        basket=ids,
        k=DEPTH,
        constraints=Constraints(exclude_categories=tuple(blocked)),
    )


def ranks_of(
    cases: Sequence[Case], found: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]
) -> NDArray[np.float64]:
    """Return the place of each case's answer; infinite below `DEPTH`."""
    ranks = np.full(len(cases), np.inf)
    for i, (case, (rows, _)) in enumerate(zip(cases, found, strict=True)):
        place = np.flatnonzero(rows == case.target)
        if len(place):
            ranks[i] = place[0] + 1
    return ranks


def _product(product: Product) -> dict[str, Any]:
    fields = {
        "product_id": product.product_id,
        "title": product.title,
        "description": product.description or None,
        "category": list(product.category) or None,
        "brand": product.brand,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _events(task: NextTask, histories: Sequence[History]) -> Any:  # noqa: ANN401
    """Yield purchases: a basket at one moment in its week, a sequence one a day."""
    for i, history in enumerate(histories):
        start = BEGIN + timedelta(
            weeks=history.order, seconds=(i % 86_400) if task.is_basket else 0
        )
        for step, row in enumerate(history.rows):
            at = start if task.is_basket else start + timedelta(days=step)
            yield {
                "event_id": f"e{i}-{step}",
                "shopper_id": history.shopper or f"s{i}",
                "order_id": f"o{i}" if task.is_basket else f"o{i}-{step}",
                "type": "purchase",
                "at": at.isoformat(),
                "product_id": task.products[row].product_id,
            }


def _write(path: Path, rows: Any) -> None:  # noqa: ANN401
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
