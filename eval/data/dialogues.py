"""Human shopping dialogues: what clients said to a human seller, intents voted by utterance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from eval.data.base import hash_files, need
from retrieval.data.dataset import Catalogue, Product
from retrieval.errors import DataError

SHELVES = {
    "Books": "Books_items.json",
    "Cellphones&Accessories": "Cellphones_and_Accessories_items.json",
    "Officeproducts": "Officeproducts_items.json",
    "SportsandOutdoors": "SportsandOutdoors_items.json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One message."""

    is_client: bool
    text: str
    votes: Mapping[str, float]
    """Label → votes of the annotators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One conversation about one shelf."""

    dialogue_id: str
    shelf: str
    utterances: Sequence[Utterance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogues:
    """All of them, with what could be bought."""

    dialogues: Sequence[Dialogue]
    shelves: Mapping[str, Catalogue]
    data_hash: str


def load_dialogues(data: Path) -> Dialogues:
    """Return the dialogues of `data`/dialogues.

    Raises:
        DataError: If a file is missing, or a dialogue names an unknown shelf.
    """
    paths = need(data / "dialogues", "dialogues.json", *SHELVES.values())
    shelves = {
        name: Catalogue([_product(f"{name}-{n}", row, name) for n, row in enumerate(_read(path))])
        for name, path in zip(SHELVES, paths[1:], strict=True)
    }
    found = [_dialogue(row, paths[0]) for row in _read(paths[0])]
    return Dialogues(dialogues=found, shelves=shelves, data_hash=hash_files(paths))


def _read(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return rows


def _product(product_id: str, row: Mapping[str, Any], shelf: str) -> Product:
    digits = str(row.get("price") or "").strip("$ ").replace(",", "")
    is_price = digits.replace(".", "", 1).isdigit()
    return Product(
        product_id=product_id,
        title=row["name"],
        description=row.get("short_description") or "",
        category=(shelf.replace("_", " "),),
        price=Decimal(digits) if is_price else None,
    )


def _dialogue(row: Mapping[str, Any], path: Path) -> Dialogue:
    shelf = str(row["id"]).partition(":")[0]
    if shelf not in SHELVES:
        raise DataError(
            f"{path}: `id` {row['id']!r} names the shelf {shelf!r}; there are {', '.join(SHELVES)}"
        )
    return Dialogue(
        dialogue_id=row["id"],
        shelf=shelf,
        utterances=[
            Utterance(
                is_client=u["participant"] == "Client",
                text=u["utterance"],
                votes={label: float(votes) for label, votes in u["intents"]},
            )
            for u in row["utterances"]
        ],
    )
