"""Review sentences with the aspects they speak of: read by hand, and planted by the simulator.

The sentences of the real reviews are not ours: `opinion_labels.jsonl` holds where each stands and
what it says. How they were labelled: docs/evaluation.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from eval.data.base import need
from retrieval.artifacts import load_dataset, open_snapshot
from retrieval.data.spans import split_spans
from retrieval.errors import DataError

LABELS = Path(__file__).with_name("opinion_labels.jsonl")
GLUED = re.compile(r",(?=[A-Z])")
"""Where the reviews of one `amazon_in` product are joined."""
PLANTED: Mapping[str, str] = {
    "comfort": "comfort", "value": "value", "price": "value", "build": "quality",
    "durability": "quality", "weight": "weight", "packed size": "packed_size",
    "ease of use": "ease_of_use", "zips": "zips", "looks": "looks", "taste": "taste",
    "warmth": "warmth", "fit": "fit", "sizing": "fit", "keeping dry": "waterproofing",
    "waterproofing": "waterproofing", "battery life": "battery", "smell": "smell", "odour": "smell",
    "noise": "noise", "room": "room", "space": "room", "capacity": "room",
}  # fmt: skip
"""The simulator's aspects that have one of ours; its others are left out."""
POLARITIES = {"positive": "praise", "negative": "complaint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One sentence and what it says."""

    text: str
    rating: float | None
    aspects: Mapping[str, str]
    """Aspect → praise, complaint or mixed; empty where it speaks of none."""
    is_random: bool
    """False: drawn among the sentences that are let through."""
    group: str


def read_by_hand(data: Path, split: str = "held_out") -> list[Labelled]:
    """Return the hand-labelled sentences of one split.

    Raises:
        DataError: If the reviews are missing, or a label names a sentence that is not there.
    """
    texts = {"clothing": _clothing(data), "amazon_in": _amazon(data)}
    found = []
    for row in map(json.loads, LABELS.read_text("utf-8").split("\n")[:-1]):
        if row["split"] != split:
            continue
        text, rating = texts[row["data"]][row["row"]]
        sentences = _sentences(text, glued=row["data"] == "amazon_in")
        if row["sentence"] >= len(sentences):
            raise DataError(
                f"{LABELS}: row {row['row']} of {row['data']} has no sentence {row['sentence']}; "
                "use the reviews that docs/evaluation.md names"
            )
        found.append(
            Labelled(
                text=sentences[row["sentence"]],
                rating=rating,
                aspects=row["aspects"],
                is_random=row["sample"] == "random",
                group=row["data"],
            )
        )
    return found


def planted(store: Path, truth: Path) -> list[Labelled]:
    """Return the simulated sentences of the held-out half of the products, each text once."""
    path = truth / "review_aspects.jsonl"
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); make it with `python -m eval.simulate`"
        ) from error
    said = {(r["review_id"], r["sentence"]): r for r in map(json.loads, filter(None, lines))}
    dataset = load_dataset(open_snapshot(store))
    ratings = dict(dataset.reviews.select("review_id", "rating").iter_rows())
    known = {s.text for s in _planted_of(dataset.spans, said, ratings, held_out=False)}
    kept = {s.text: s for s in _planted_of(dataset.spans, said, ratings, held_out=True)}
    return [sentence for text, sentence in kept.items() if text not in known]


def _planted_of(
    spans: pl.DataFrame,
    said: Mapping[tuple[str, int], Mapping[str, str]],
    ratings: Mapping[str, float],
    *,
    held_out: bool,
) -> Iterator[Labelled]:
    for span in spans.iter_rows(named=True):
        row = said.get((span["review_id"], int(span["span_id"].rsplit("#", 1)[1])))
        if row is None or row["aspect"] not in PLANTED or _is_held(span["product_id"]) != held_out:
            continue
        yield Labelled(
            text=span["text"],
            rating=ratings[span["review_id"]],
            aspects={PLANTED[row["aspect"]]: POLARITIES[row["polarity"]]},
            is_random=True,
            group="Chinese" if re.search(r"[\u4e00-\u9fff]", span["text"]) else "English",
        )


def _is_held(product_id: str) -> bool:
    return int(sha256(f"outfitter:{product_id}".encode()).hexdigest(), 16) % 2 == 1


def _clothing(data: Path) -> Sequence[tuple[str, float | None]]:
    (path,) = need(data / "clothing_reviews", "reviews.parquet")
    rows = pl.read_parquet(path).select("Review Text", "Rating")
    return [(text or "", float(rating)) for text, rating in rows.iter_rows()]


def _amazon(data: Path) -> Sequence[tuple[str, float | None]]:
    (path,) = need(data / "amazon_in", "amazon_in.parquet")
    return [(text or "", None) for text in pl.read_parquet(path)["review_content"]]


def _sentences(text: str, *, glued: bool) -> list[str]:
    parts = GLUED.split(text) if glued else [text]
    return [part[begin:end] for part in parts for begin, end in split_spans(part)]
