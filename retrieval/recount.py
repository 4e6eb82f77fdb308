"""`python -m retrieval.recount --store STORE EVIDENCE_ID…`: count a statistic again from the log.

Reads the events one by one and shares no code with the scorers. Writes one JSON object a line: the
counts found, what the evidence says, and whether they agree. Exit status 1 if any does not, 2 for
an id that is no statistic of this store.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.data.dataset import Dataset
from retrieval.errors import QueryError, ShopError
from retrieval.records import Records
from retrieval.store import Store
from retrieval.text.quiet import go_offline

Groups = dict[tuple[str, str], set[str]]
SEEN = ("view", "add_to_cart", "purchase")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.recount", description="Count a statistic again from the log."
    )
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument("evidence_ids", nargs="+", metavar="EVIDENCE_ID")
    options = parser.parse_args(arguments)
    go_offline()
    try:
        snapshot = open_snapshot(options.store)
        settings = load_manifest(snapshot).config.behaviour
        dataset = load_dataset(snapshot)
        store = Store.open(options.store)
        records = Records(store)
        gap = timedelta(minutes=settings.session_gap_minutes)
        groups = {
            "bought_together": baskets(dataset, gap),
            "viewed_together": sessions(dataset, gap),
        }
        agree = True
        for wanted in options.evidence_ids:
            fact = records.resolve(wanted)
            kind = wanted.split(":")[0]
            if fact is None or kind not in groups:
                raise QueryError(
                    f"{wanted!r}: is no count of this store; give an id of a slate that starts "
                    "with `bought_together:` or `viewed_together:`"
                )
            found = count(dataset, groups[kind], fact.data, max_size=settings.max_basket)
            said = {name: fact.data[name] for name in found}
            agree &= said == found
            line = {"evidence_id": wanted, "found": found, "said": said, "agrees": said == found}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        store.close()
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if agree else 1


def count(
    dataset: Dataset, groups: Groups, data: Mapping[str, object], *, max_size: int
) -> dict[str, int]:
    """Return count, n_anchor, n_other and n of a pair, groups of more products left out."""
    anchors = _meant(dataset, data.get("anchor"), data.get("anchor_category"))
    others = _meant(dataset, data.get("other"), data.get("other_category"))
    found = {"count": 0, "n_anchor": 0, "n_other": 0, "n": 0}
    for products in groups.values():
        if len(products) > max_size:
            continue
        has_anchor, has_other = bool(products & anchors), bool(products & others)
        found["n"] += 1
        found["n_anchor"] += has_anchor
        found["n_other"] += has_other
        found["count"] += has_anchor and has_other
    return found


def baskets(dataset: Dataset, gap: timedelta) -> Groups:
    """Return the products of each order; purchases without one go by their session."""
    return _groups(dataset, gap, by_order=True)


def sessions(dataset: Dataset, gap: timedelta) -> Groups:
    """Return the products of each session; without an id, a long gap starts a new one."""
    return _groups(dataset, gap, by_order=False)


def _groups(dataset: Dataset, gap: timedelta, *, by_order: bool) -> Groups:
    known = set(dataset.products["product_id"])
    last: dict[str, datetime] = {}
    number: dict[str, int] = defaultdict(int)
    groups: Groups = defaultdict(set)
    for event in dataset.events.iter_rows(named=True):  # by time
        if event["type"] not in SEEN or event["product_id"] not in known:
            continue
        shopper = event["shopper_id"]
        if shopper not in last or event["at"] - last[shopper] > gap:
            number[shopper] += 1
        last[shopper] = event["at"]
        session = (shopper, event["session_id"] or f"#{number[shopper]}")
        if not by_order:
            groups[session].add(event["product_id"])
        elif event["type"] == "purchase":
            groups[("order", event["order_id"]) if event["order_id"] else session].add(
                event["product_id"]
            )
    return groups


def _meant(dataset: Dataset, product_id: object, category: object) -> set[str]:
    if category is None:
        return {str(product_id)}
    rows = dataset.products.select("product_id", "category").iter_rows()
    return {name for name, path in rows if " > ".join(path or ()) == category}


if __name__ == "__main__":
    sys.exit(main())
