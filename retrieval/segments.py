"""`python -m retrieval.segments --store STORE [--out FILE]`: a shop's segments, for a campaign.

Without `--out` the segments are written as JSON with the counts behind them; with `--shopper ID`
what is known of one shopper. `--out FILE.csv` or `FILE.json` writes every shopper. Exit status 2
with one line for a store, shopper or file that cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.behaviour.base import Interactions
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.segments import Segments
from retrieval.errors import ShopError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.segments", description="Segments of a store's shoppers."
    )
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument("--out", type=Path, help="write every shopper to this .csv or .json file")
    parser.add_argument("--shopper", metavar="ID", help="describe one shopper instead")
    options = parser.parse_args(arguments)
    try:
        segments = open_segments(options.store)
        found: object = segments.summary()
        if options.shopper is not None:
            found = segments.describe(options.shopper)
        if options.out is not None:
            found = {"written": segments.export(options.out), "file": str(options.out)}
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    return 0


def open_segments(store: Path) -> Segments:
    """Return the segments of a store; clusters are learned now where it holds none.

    Raises:
        StoreError: If the store cannot be read.
    """
    snapshot = open_snapshot(store)
    settings = load_manifest(snapshot).config.behaviour
    dataset = load_dataset(snapshot)
    catalogue = dataset.catalogue
    clusters = Clusters(catalogue.leaf_code, catalogue.leaves, settings)
    if (snapshot / "models" / "clusters.npz").is_file():
        clusters.load(snapshot / "models")
    return Segments(dataset, Interactions.of(dataset, settings), clusters)


if __name__ == "__main__":
    sys.exit(main())
