"""One shop twice: as it was before its last baskets, and with some products made new in it.

A share of the products becomes new: all their events go, their reviews and their rating with them,
as if they had been put on the shelf at the moment of the cut. The other shop keeps what it knew of
them, so that the same question can be asked of both. Reviews and ratings of the others stay.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.artifacts import open_snapshot
from retrieval.build import build_store
from retrieval.config import load_config
from retrieval.errors import DataError

LATER = 0.15
"""Share of the baskets that questions are made of."""
NEW = 0.15
"""Share of the products made new."""
_OF_BEHAVIOUR = ("rating", "rating_count")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """What one order after the cut held, and what its shopper looked at before it in that visit."""

    order_id: str
    shopper_id: str
    product_ids: tuple[str, ...]
    """In the order of the lines, each once."""
    viewed: tuple[str, ...]
    """Products looked at before the first line, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdShops:
    """The two stores, and what came after the cut."""

    warm: Path
    cold: Path
    new: frozenset[str]
    """Ids of the products made new."""
    baskets: tuple[Basket, ...]
    """Oldest first; all of them begin after the cut."""
    past: Mapping[str, tuple[str, ...]]
    """Shopper to what was bought before the cut, oldest first."""
    cut: str
    """ISO moment of the first basket after the cut."""


def make_shops(sample: Path, store: Path, work: Path, *, seed: int, groups: bool) -> ColdShops:
    """Build both shops under `work`, unless they are there already, and return the questions.

    Args:
        sample: A folder with `products.jsonl`, `events.jsonl.zst`, `reviews.jsonl`, `store.toml`.
        store: A store of the same files; its vectors are reused.
        work: Where the two stores go.
        seed: Of the draw of new products.
        groups: Draw whole item groups, so that no new product has a variant that is known.

    Raises:
        DataError: If a file is missing.
    """
    products = read_rows(sample / "products.jsonl")
    events = read_rows(sample / "events.jsonl.zst")
    reviews = read_rows(sample / "reviews.jsonl")
    cut, baskets = _later_baskets(events)
    new = _draw(products, seed, groups=groups)
    past = [row for row in events if row["at"] < cut]
    files = work / "files"
    files.mkdir(parents=True, exist_ok=True)
    shops: dict[str, tuple[Sequence[Row], Sequence[Row], Sequence[Row]]] = {
        "warm": (products, past, reviews),
        f"cold-{seed}{'-groups' * groups}": (
            [_unrated(row) if row["product_id"] in new else row for row in products],
            [row for row in past if row.get("product_id") not in new],
            [row for row in reviews if row["product_id"] not in new],
        ),
    }
    for name, tables in shops.items():
        done = work / f"{name}.done"
        if not done.exists():
            _build(sample, store, work / name, files, tables)
            done.touch()
    bought: dict[str, list[str]] = {}
    for row in past:
        if row["type"] == "purchase":
            bought.setdefault(row["shopper_id"], []).append(row["product_id"])
    warm, cold = (work / name for name in shops)
    return ColdShops(
        warm=warm,
        cold=cold,
        new=frozenset(new),
        baskets=baskets,
        past={shopper: tuple(ids) for shopper, ids in bought.items()},
        cut=cut,
    )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the JSON rows of a `.jsonl` or `.jsonl.zst` file.

    Raises:
        DataError: If there is no such file.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; `make samples` writes the outfitter's")
    if path.suffix != ".zst":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    import zstandard

    with path.open("rb") as file:
        whole = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file)
        return [json.loads(line) for line in io.TextIOWrapper(whole, "utf-8") if line.strip()]


def _later_baskets(events: Sequence[Row]) -> tuple[str, tuple[Basket, ...]]:
    """Return the moment of the cut and the baskets that begin there or later."""
    lines: dict[str, list[Row]] = {}
    for row in events:
        if row["type"] == "purchase":
            lines.setdefault(row["order_id"], []).append(row)
    begins = sorted(rows[0]["at"] for rows in lines.values())
    cut = begins[int(len(begins) * (1 - LATER))]
    views: dict[str, list[Row]] = {}
    for row in events:
        if row["type"] == "view" and row["at"] >= cut:
            views.setdefault(row.get("session_id") or "", []).append(row)
    baskets = [
        Basket(
            order_id=order,
            shopper_id=rows[0]["shopper_id"],
            product_ids=tuple(dict.fromkeys(row["product_id"] for row in rows)),
            viewed=tuple(
                row["product_id"]
                for row in views.get(rows[0].get("session_id") or "-", ())
                if row["at"] < rows[0]["at"]
            ),
        )
        for order, rows in sorted(lines.items(), key=lambda item: (item[1][0]["at"], item[0]))
        if rows[0]["at"] >= cut
    ]
    return cut, tuple(baskets)


def _draw(products: Sequence[Row], seed: int, *, groups: bool) -> set[str]:
    rng = np.random.default_rng(seed)
    unit_of = {
        row["product_id"]: row.get("item_group_id") or row["product_id"] if groups
        else row["product_id"]
        for row in products
    }  # fmt: skip
    units = sorted(set(unit_of.values()))
    wanted, taken = NEW * len(products), set[str]()
    for place in rng.permutation(len(units)):
        if len(taken) >= wanted:
            break
        taken |= {product for product, unit in unit_of.items() if unit == units[place]}
    return taken


def _unrated(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _OF_BEHAVIOUR}


def _build(
    sample: Path, store: Path, out: Path, files: Path, tables: Sequence[Iterable[Row]]
) -> None:
    names = ("products", "events", "reviews")
    for name, rows in zip(names, tables, strict=True):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (files / f"{name}.jsonl").write_text(lines, "utf-8")
    config = load_config(sample / "store.toml")
    shop = config.shop.model_copy(update={"images": None})
    if not out.exists():
        shutil.copytree(open_snapshot(store), out)  # whose vectors the build takes over
    build_store(
        products=files / "products.jsonl",
        events=files / "events.jsonl",
        reviews=files / "reviews.jsonl",
        out=out,
        config=config.model_copy(update={"shop": shop}),
        base=sample,
        on_error="skip",
    )
