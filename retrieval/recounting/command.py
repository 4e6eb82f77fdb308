"""`python -m retrieval.evidence STORE EVIDENCE_ID…`: show records and work them out again.

Behaviour is counted again event by event, what catalogue and reviews say is read again from their
rows. Writes one JSON object a line: `evidence_id`, the `record`, what was `found`, what the record
`said`, and whether it `agrees`. Exit status 1 if any does not, 2 for an id that names no record of
this store.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.config import StoreConfig
from retrieval.data.dataset import Dataset
from retrieval.errors import QueryError, ShopError
from retrieval.evidence import Evidence, EvidenceKind
from retrieval.facts.behaviour import CATEGORY
from retrieval.records import OF_ONE_TURN, Records
from retrieval.recounting.log import EventLog, Found
from retrieval.recounting.rows import RawRows
from retrieval.store import Store
from retrieval.text.quiet import go_offline


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.evidence",
        description="Show records and work them out again from the raw rows.",
    )
    parser.add_argument("store", type=Path, help="a store made by retrieval.build")
    parser.add_argument("evidence_ids", nargs="+", metavar="EVIDENCE_ID")
    options = parser.parse_args(arguments)
    go_offline()
    agree = True
    try:
        snapshot = open_snapshot(options.store)
        recount = Recount(load_dataset(snapshot), load_manifest(snapshot).config)
        store = Store.open(options.store)
        try:
            records = Records(store)
            for wanted in options.evidence_ids:
                line = recount.check(wanted, _record(records, wanted))
                agree &= line["agrees"]
                sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        finally:
            store.close()
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if agree else 1


def _record(records: Records, wanted: str) -> Evidence:
    """Return the record of an id.

    Raises:
        QueryError: If it is of no kind, of one turn only, or this store has no such record.
    """
    kind = wanted.partition(":")[0]
    if kind in OF_ONE_TURN:
        raise QueryError(
            f"{wanted!r}: a `{kind}` record holds for one question and cannot be made again from "
            "its id; ask the question again with `python -m retrieval.recommend`"
        )
    if kind not in get_args(EvidenceKind):
        raise QueryError(
            f"{wanted!r}: `{kind}` is no kind of evidence; give an id as a slate writes it, such "
            "as `price:P1`"
        )
    fact = records.resolve(wanted)
    if fact is None:
        raise QueryError(
            f"{wanted!r}: this store has no such record; give an id of a slate of this store"
        )
    return fact


class Recount:
    """Works the record of an id out again from the tables."""

    def __init__(self, dataset: Dataset, config: StoreConfig) -> None:
        self.log = EventLog(dataset, config.behaviour)
        self.rows = RawRows(dataset, config.directions)
        self._sponsored = config.ranking.commercial.sponsored

    def check(self, wanted: str, fact: Evidence) -> dict[str, Any]:
        """Return the record, what the raw rows say, what it said, and whether they agree."""
        found = self.find(wanted, fact)
        said = {name: fact.data.get(name) for name in found}
        return {
            "evidence_id": wanted,
            "record": fact.as_json(),
            "found": found,
            "said": said,
            "agrees": said == found,
        }

    def find(self, wanted: str, fact: Evidence) -> Found:
        """Return what the raw rows say; `fact` gives what the id does not name."""
        kind, *parts = (unquote(part) for part in wanted.split(":"))
        if kind in ("bought_together", "viewed_together"):
            anchors, others = (self._meant(part) for part in parts)
            return self.log.together(kind, anchors, others) | self.log.window
        if kind == "bought_next":
            within = int(fact.data["within"])
            return self.log.next_after(parts[0], parts[1], within) | self.log.window
        if kind == "popularity":
            return self.log.popularity(*parts) | self.log.window
        if kind == "own_history":
            return self.log.own_history(parts[0], self._meant(parts[1]))
        if kind == "repurchase":
            return self.log.repurchase(*parts)
        if kind == "placement":
            return self.rows.placement(parts[0], self._sponsored)
        if kind == "complaint":
            return self.rows.complaint(parts[0], fact.data["span_id"])
        if kind in ("aspect_opinion", "shared_complaint"):
            opinion: Found = getattr(self.rows, kind)(*parts, span_id=fact.data["span_id"])
            return opinion
        read: Found = getattr(self.rows, kind)(*parts)
        return read

    def _meant(self, name: str) -> frozenset[str]:
        if name.startswith(CATEGORY) and not self.rows.has(name):
            return self.log.in_category(name.removeprefix(CATEGORY))
        return frozenset([name])
