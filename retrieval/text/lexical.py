"""Search by words: BM25 over the fields of products and over the sentences of reviews.

    snapshot/lexical/products/   `retrieval.text.bm25`, and the words as written (`words.json`)
    snapshot/lexical/spans/      `retrieval.text.bm25`

Everything is NPY and JSON, never pickle. Other languages come in through the products'
translations; the encoder reads one language only, words know no such border.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Dataset, Product
from retrieval.errors import StoreError
from retrieval.text.bm25 import Impacts, weigh
from retrieval.text.index import quotable_spans
from retrieval.text.spelling import Spelling, words_of
from retrieval.text.tokens import joined, normalise, tokenise, tokens

__all__ = ["LexicalIndex", "Match", "SpanIndex", "build_lexical", "tokenise"]

Scores = NDArray[np.float32]

FIELD_WEIGHT = {"title": 3.0, "brand": 2.0, "category": 2.0, "attributes": 1.0, "description": 1.0}
"""How much an occurrence in a field counts. The shop's own judgement, not tuned on any data."""
FIELDS = tuple(FIELD_WEIGHT)
WORDS_FILE = "words.json"


class Match(NamedTuple):
    """A word of the query that stands in a product, and in which of its fields."""

    word: str
    fields: tuple[str, ...]


def build_lexical(snapshot: Path, dataset: Dataset) -> None:
    """Index the products and the quotable spans of a dataset into a new snapshot."""
    from tqdm import tqdm

    words: Counter[str] = Counter()  # products that hold each word as written

    def read(product: Product) -> list[list[str]]:
        held = dict(_fields(product)).values()
        words.update({word for texts in held for text in texts for word in words_of(text)})
        return field_terms(product)

    products = dataset.catalogue.products
    shown = tqdm(products, desc="reading words", unit="product", delay=2)
    folder = snapshot / "lexical" / "products"
    weigh(map(read, shown), list(FIELD_WEIGHT.values())).save(folder)
    (folder / WORDS_FILE).write_text(json.dumps(words, ensure_ascii=False, sort_keys=True), "utf-8")
    spans = tqdm(quotable_spans(dataset)["text"], desc="reading words", unit="span", delay=2)
    weigh(([tokenise(text)] for text in spans), [1.0]).save(snapshot / "lexical" / "spans")


def field_terms(product: Product) -> list[list[str]]:
    """Return the index terms of each of the `FIELDS`."""
    texts = dict(_fields(product))
    return [[term for text in texts[field] for term in tokenise(text)] for field in FIELDS]


class SpanIndex:
    """BM25 over texts by row. Safe to use from several threads."""

    def __init__(self, impacts: Impacts) -> None:
        self.impacts = impacts
        """What each word adds to each row."""

    @classmethod
    def open(cls, snapshot: Path) -> SpanIndex:
        """Open the index over review sentences; rows as in the vector index `reviews`.

        Raises:
            StoreError: If it is missing or damaged.
        """
        return cls(Impacts.load(snapshot / "lexical" / "spans"))

    def __len__(self) -> int:
        return self.impacts.n

    def scores(self, text: str) -> Scores:
        """Return BM25 of every row for the words of `text`, float32 (n,); 0 means no match.

        Neighbouring words that the index knows as one ("head lamp") are looked for as one too.
        """
        known = self.impacts.terms
        terms = tokenise(text)
        return self.impacts.scores([*terms, *(t for t in joined(text) if t in known)])


class LexicalIndex(SpanIndex):
    """BM25 over products, which can also say which words matched where."""

    def __init__(self, impacts: Impacts, words: dict[str, int]) -> None:
        super().__init__(impacts)
        self.spelling = Spelling(words, impacts.terms)
        """Puts right what the index does not hold."""

    @classmethod
    def open(cls, snapshot: Path) -> LexicalIndex:
        """Open the index over products, rows as in the dataset.

        Raises:
            StoreError: If it is missing or damaged.
        """
        folder = snapshot / "lexical" / "products"
        impacts = Impacts.load(folder)
        try:
            words = json.loads((folder / WORDS_FILE).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{folder}: cannot be read ({error}); build the store again"
            ) from error
        return cls(impacts, words)

    def matches(self, text: str, row: int) -> list[Match]:
        """Return the words of `text` that the product in `row` has, with the fields they are in.

        Words are as the query wrote them, in its order, in lower case; what belongs together
        ("65 l", 帐篷) is one word.
        """
        plain = normalise(text)
        found = [
            (t.start, t.end, bits)
            for t in tokens(plain)
            if (bits := self.impacts.bits(t.term, row))
        ]
        return [
            Match(plain[start:end], tuple(f for i, f in enumerate(FIELDS) if bits >> i & 1))
            for start, end, bits in _merge(found)
        ]

    def matched_words(self, text: str, row: int) -> list[str]:
        """Return the words of `text` that the product in `row` has, each once."""
        return list(dict.fromkeys(match.word for match in self.matches(text, row)))


def _fields(product: Product) -> Iterator[tuple[str, list[str]]]:
    """The texts of each field, the original and its translations."""
    texts: dict[str, list[str]] = {
        "title": [product.title],
        "brand": [product.brand or ""],
        "category": [*product.category],
        "attributes": [f"{name} {value}" for name, value in product.attributes.items()],
        "description": [product.description],
    }
    for other in product.translations.values():
        texts["title"].append(str(other.get("title") or ""))
        texts["description"].append(str(other.get("description") or ""))
        category, attributes = other.get("category"), other.get("attributes")
        if isinstance(category, Iterable):
            texts["category"].extend(map(str, category))
        if isinstance(attributes, dict):
            texts["attributes"].extend(map(str, attributes.values()))
    yield from texts.items()


def _merge(found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join overlapping places into one; its fields are those of its longest parts."""
    merged: list[tuple[int, int, int]] = []
    for start, end, bits in sorted(found):
        if merged and start < merged[-1][1]:
            last_start, last_end, last_bits = merged[-1]
            longer = end - start > last_end - last_start
            merged[-1] = (last_start, max(end, last_end), bits if longer else last_bits)
        else:
            merged.append((start, end, bits))
    return merged
