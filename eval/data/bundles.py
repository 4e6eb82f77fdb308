"""Crowd-made bundles: hide the last product of a bundle, rank all products.

Split by *session*, never by bundle: several workers bundled the same session, so a split by bundle
leaks. Five folds over sessions, each tested once: one fifth is asked, one fifth tunes, three fifths
are learned from. Most hidden products are new in the test, so results are reported with and without
those.
"""

from __future__ import annotations

import csv
import zlib
from collections import defaultdict
from pathlib import Path

from eval.data.base import Case, History, NextTask, hash_files, need, take
from retrieval.data.dataset import Product

FILES = ("bundle_item.csv", "session_bundle.csv", "item_titles.csv", "item_categories.csv")
N_FOLDS = 5


def load_bundles(data: Path, domain: str, *, fold: int = 0, quick: bool = False) -> NextTask:
    """Return one fold (0 to 4) of the completion task of a domain, `electronic` or `food`.

    Raises:
        DataError: If a file is missing.
    """
    folder = data / "bundles" / domain
    paths = need(folder, *FILES)
    bundle_item, session_bundle, titles, categories = (_read(path) for path in paths)
    category_of = dict(categories)
    products = [
        Product(product_id=item, title=title or "untitled", category=parse_path(category_of[item]))
        for item, title in sorted(titles, key=lambda row: int(row[0]))
    ]
    row_of = {product.product_id: row for row, product in enumerate(products)}
    items: dict[str, list[int]] = defaultdict(list)
    for bundle, item in bundle_item:
        items[bundle].append(row_of[item])
    by_part: dict[str, list[str]] = {"train": [], "tune": [], "test": []}
    for session, bundle in session_bundle:
        by_part[part_of_session(session, fold)].append(bundle)
    learned = {
        "tune": [History(rows=tuple(items[b])) for b in by_part["train"]],
        "test": [History(rows=tuple(items[b])) for b in by_part["train"] + by_part["tune"]],
    }
    return NextTask(
        name=f"bundles-{domain}",
        split="five folds by session: 3/5 learn, 1/5 tune, 1/5 test; last product hidden",
        data_hash=hash_files(paths),
        products=products,
        is_basket=True,
        tune_fit=learned["tune"],
        tune_cases=take(
            _cases(by_part["tune"], items, learned["tune"], "v"), 150 if quick else None
        ),
        fit=learned["test"],
        test_cases=take(
            _cases(by_part["test"], items, learned["test"], "t"), 150 if quick else None
        ),
        notes=("`seen`: the hidden product occurs in what was learned from; `new`: it does not.",),
    )


def part_of_session(session: str, fold: int = 0) -> str:
    """Return `train`, `tune` or `test` for a session id, the same in every run."""
    part = (zlib.crc32(f"session {session}".encode()) - fold) % N_FOLDS
    return "test" if part == 0 else "tune" if part == 1 else "train"


def parse_path(text: str) -> tuple[str, ...]:
    """Return the first category path of `[[A,B,C],[A,D]]`; it looks like JSON and is not."""
    first = text.strip().lstrip("[").split("]")[0]
    return tuple(name.strip() for name in first.split(",") if name.strip())


def _read(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [(row[0], row[1] if len(row) > 1 else "") for row in rows if row]


def _cases(
    bundles: list[str], items: dict[str, list[int]], learned: list[History], prefix: str
) -> list[Case]:
    seen = {row for history in learned for row in history.rows}
    return [
        Case(
            query_id=f"{prefix}{bundle}",
            context=tuple(row for row in items[bundle] if row != items[bundle][-1]),
            target=items[bundle][-1],
            group="seen" if items[bundle][-1] in seen else "new",
        )
        for bundle in bundles
        if len(set(items[bundle])) > 1
    ]
