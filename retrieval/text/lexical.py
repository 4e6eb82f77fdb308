"""Search by words: BM25 over the fields of products and over the sentences of reviews.

    snapshot/lexical/products/   bm25s arrays, plus which fields hold a term (`fields.npy`)
    snapshot/lexical/spans/      bm25s arrays

Everything is NPY and JSON, never pickle. Other languages come in through the products'
translations; the encoder reads one language only, words know no such border.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.data.dataset import Dataset, Product
from retrieval.errors import StoreError
from retrieval.text.index import quotable_spans
from retrieval.text.tokens import normalise, tokenise, tokens

__all__ = ["LexicalIndex", "Match", "SpanIndex", "build_lexical", "tokenise"]

Scores = NDArray[np.float32]

K1 = 1.2
"""How fast further occurrences of a word stop counting."""
B = 0.5
"""How much a long text is held against a product: 0 not at all, 1 in full."""
FIELDS = ("title", "brand", "category", "attributes", "description")
FIELD_WEIGHT = {"title": 3, "brand": 2, "category": 2, "attributes": 1, "description": 1}
"""A field counts as if it stood this many times in the text."""
FIELDS_FILE = "fields.npy"


class Match(NamedTuple):
    """A word of the query that stands in a product, and in which of its fields."""

    word: str
    fields: tuple[str, ...]


def build_lexical(snapshot: Path, dataset: Dataset) -> None:
    """Index the products and the quotable spans of a dataset into a new snapshot."""
    from tqdm import tqdm

    products = dataset.catalogue.products
    by_field = [
        {field: [term for text in texts for term in tokenise(text)] for field, texts in _fields(p)}
        for p in tqdm(products, desc="reading words", unit="product", delay=2)
    ]
    weighted = [
        [term for field in FIELDS for term in terms[field] * FIELD_WEIGHT[field]]
        for terms in by_field
    ]
    folder = snapshot / "lexical" / "products"
    index = _build(folder, weighted)
    np.save(folder / FIELDS_FILE, _field_bits(index, by_field), allow_pickle=False)
    spans = quotable_spans(dataset)["text"].to_list()
    _build(
        snapshot / "lexical" / "spans",
        [tokenise(text) for text in tqdm(spans, desc="reading words", unit="span", delay=2)],
    )


class SpanIndex:
    """BM25 over texts by row. Safe to use from several threads."""

    def __init__(self, index: Any, n: int) -> None:  # noqa: ANN401 - a bm25s.BM25
        self._index = index
        self._n = n

    @classmethod
    def open(cls, snapshot: Path) -> SpanIndex:
        """Open the index over review sentences; rows as in the vector index `reviews`.

        Raises:
            StoreError: If it is missing or damaged.
        """
        return cls(*_load(snapshot / "lexical" / "spans"))

    def __len__(self) -> int:
        return self._n

    def scores(self, text: str) -> Scores:
        """Return BM25 of every row for the words of `text`, float32 (n,); 0 means no match."""
        terms = [term for term in tokenise(text) if term and term in self._vocabulary]
        if not terms:
            return np.zeros(self._n, np.float32)
        return np.asarray(self._index.get_scores(terms), np.float32)

    @property
    def _vocabulary(self) -> dict[str, int]:
        return {} if self._index is None else self._index.vocab_dict


class LexicalIndex(SpanIndex):
    """BM25 over products, which can also say which words matched where."""

    def __init__(self, index: Any, n: int, fields: NDArray[np.uint8]) -> None:  # noqa: ANN401
        super().__init__(index, n)
        self._fields = fields

    @classmethod
    def open(cls, snapshot: Path) -> LexicalIndex:
        """Open the index over products, rows as in the dataset.

        Raises:
            StoreError: If it is missing or damaged.
        """
        folder = snapshot / "lexical" / "products"
        index, n = _load(folder)
        try:
            fields = np.load(folder / FIELDS_FILE, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{folder}: cannot be read ({error}); build the store again"
            ) from error
        return cls(index, n, fields)

    def matches(self, text: str, row: int) -> list[Match]:
        """Return the words of `text` that the product in `row` has, with the fields they are in.

        Words are as the query wrote them, in its order, in lower case; what belongs together
        ("65 l", 帐篷) is one word.
        """
        plain = normalise(text)
        found = [(t.start, t.end, bits) for t in tokens(plain) if (bits := self._bits(t.term, row))]
        return [
            Match(plain[start:end], tuple(f for i, f in enumerate(FIELDS) if bits >> i & 1))
            for start, end, bits in _merge(found)
        ]

    def matched_words(self, text: str, row: int) -> list[str]:
        """Return the words of `text` that the product in `row` has, each once."""
        return list(dict.fromkeys(match.word for match in self.matches(text, row)))

    def _bits(self, term: str, row: int) -> int:
        """Which fields of a product hold the term, as bits in the order of `FIELDS`."""
        number = self._vocabulary.get(term)
        if number is None:
            return 0
        arrays = self._index.scores
        if number + 1 >= len(arrays["indptr"]):
            return 0
        start, end = arrays["indptr"][number], arrays["indptr"][number + 1]
        at = np.flatnonzero(arrays["indices"][start:end] == row)
        return int(self._fields[start + at[0]]) if len(at) else 0


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


def _build(folder: Path, corpus: list[list[str]]) -> Any:  # noqa: ANN401
    """Index token lists and save; None when there is no word at all."""
    folder.mkdir(parents=True)
    vocabulary = any(corpus)
    (folder / "size.json").write_text(json.dumps({"rows": len(corpus), "empty": not vocabulary}))
    if not vocabulary:
        return None
    import bm25s

    index = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy")
    index.index(corpus, show_progress=False)
    index.save(str(folder), allow_pickle=False, show_progress=False)
    return index


def _load(folder: Path) -> tuple[Any, int]:
    try:
        size = json.loads((folder / "size.json").read_text("utf-8"))
        if size["empty"]:
            return None, size["rows"]
        import bm25s

        index = bm25s.BM25.load(str(folder), allow_pickle=False, show_progress=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{folder}: the word index cannot be read ({error}); build the store again with "
            "`python -m retrieval.build`"
        ) from error
    return index, size["rows"]


def _field_bits(index: Any, by_field: Sequence[dict[str, list[str]]]) -> NDArray[np.uint8]:  # noqa: ANN401
    """For each stored (term, product), in the index's own order, bits of the fields it is in."""
    if index is None:
        return np.zeros(0, np.uint8)
    n = len(by_field)
    bits: dict[int, int] = {}
    for row, terms in enumerate(by_field):
        for i, field in enumerate(FIELDS):
            for term in terms[field]:
                key = index.vocab_dict[term] * n + row
                bits[key] = bits.get(key, 0) | 1 << i
    starts, rows = index.scores["indptr"], index.scores["indices"]
    columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    keys = columns.astype(np.int64) * n + rows
    return np.array([bits.get(key, 0) for key in keys.tolist()], np.uint8)


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
