"""Icecat: product search with judgements 0 to 3 by three raters.

All queries with a positive judgement, ranked over the whole corpus; what was not judged counts 0.
Nothing is tuned on these judgements.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import zstandard

from eval.data.base import SearchTask, hash_files, need
from retrieval.data.dataset import Product

MAX_ATTRIBUTE = 200
"""Characters; longer facets are prose."""


def load_icecat(data: Path, *, quick: bool = False) -> SearchTask:
    """Return the search task; `quick` keeps the judged products and 500 others.

    Raises:
        DataError: If a file is missing.
    """
    paths = need(data / "icecat", "products.jsonl.zst", "qrels.csv")
    raw = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(paths[0].read_bytes())).read()
    # Product text holds U+2028: lines end at "\n" only.
    rows = [json.loads(line) for line in raw.decode("utf-8").split("\n") if line]
    judged: dict[str, dict[str, int]] = {}
    with paths[1].open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            judged.setdefault(row["query"], {})[row["docid"]] = int(row["rating"])
    positive = [text for text in judged if max(judged[text].values()) > 0]
    if quick:
        positive = positive[:30]
        wanted = {docid for text in positive for docid in judged[text]}
        rest = [row for row in rows if row["id"] not in wanted][:500]
        rows = [row for row in rows if row["id"] in wanted] + rest
    query_ids = {text: f"q{i:03d}" for i, text in enumerate(positive)}
    return SearchTask(
        name="icecat",
        split="all queries with a positive judgement; whole corpus; unjudged counts 0; no tuning",
        data_hash=hash_files(paths),
        documents={row["id"]: _text(row) for row in rows},
        products=[_product(row) for row in rows],
        queries={query_ids[text]: text for text in positive},
        qrels={query_ids[text]: judged[text] for text in positive},
    )


def _product(row: dict[str, Any]) -> Product:
    """Return the record as a shop would import it: texts and yes-or-no facets as attributes."""
    title, _, description = _text(row).partition("\n")
    attributes = {}
    for name, value in row.items():
        label = name[7:].strip("_").replace("_", " ")
        if name.startswith("attr_t_") and len(str(value)) <= MAX_ATTRIBUTE:
            attributes[label] = str(value)
        elif name.startswith("attr_b_") and value not in (False, "No", "N"):
            attributes[label] = "yes"
    return Product(
        product_id=row["id"],
        title=title,
        brand=row.get("supplier"),
        category=(),
        attributes=attributes,
        description=description,
    )


def _text(row: dict[str, str]) -> str:
    """Title, a line break, short description; other white space becomes one blank."""
    title, description = (row.get(name) or "" for name in ("title", "short_description"))
    return "\n".join(re.sub(r"\s+", " ", part).strip() for part in (title, description))
