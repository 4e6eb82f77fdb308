"""What every loader returns, and where the data lie.

A task holds its own split: what may be learned from while tuning, what a setting is chosen on, what
may be learned from for the final numbers, and what is reported. Nothing else of the data reaches a
system under test.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.data.dataset import Product
from retrieval.errors import DataError

DATA_VARIABLE = "WHYCART_DATA"
DEFAULT_DATA = Path("../shared/data")

Rows = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one shopper (or one basket) took, oldest first."""

    rows: Rows
    """Product rows, in order of time where the data have one."""
    order: int = 0
    """Position in time against other histories; equal where the data do not say."""
    shopper: str = ""
    """Whose it is; empty where the data do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question: given these products, which one comes next (or completes the set)?"""

    query_id: str
    context: Rows
    """Product rows, oldest first where there is an order."""
    target: int
    """The row that was hidden."""
    shopper: str = ""
    """Who asks; empty for nobody known."""
    group: str = ""
    """A slice to report by, such as `cross_department`; empty for none."""


@dataclass(frozen=True, kw_only=True)
class NextTask:
    """Rank all products for each case; one hidden product is right."""

    name: str
    split: str
    """How the data were divided, in words."""
    data_hash: str
    products: Sequence[Product]
    """In row order."""
    is_basket: bool = False
    """True: a history is a set taken together; False: a sequence in time."""
    include_seen: bool = False
    """True: a product of the context may be the answer again."""
    blocks: Sequence[int] = ()
    """One code a product; if given, products sharing a code with the context are not ranked."""
    tune_fit: Sequence[History] = ()
    tune_cases: Sequence[Case] = ()
    fit: Sequence[History] = ()
    test_cases: Sequence[Case] = ()
    notes: Sequence[str] = ()

    @property
    def product_ids(self) -> tuple[str, ...]:
        """Ids in row order."""
        return tuple(product.product_id for product in self.products)

    def texts(self) -> list[str]:
        """Return what is known of each product in words: title, brand, category, description."""
        return [product_text(product) for product in self.products]


@dataclass(frozen=True, kw_only=True)
class SearchTask:
    """Rank products (or sentences) for a query in words."""

    name: str
    split: str
    data_hash: str
    documents: Mapping[str, str]
    """Document id to text, in index order."""
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    """Query id to (document id to relevance)."""
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Query id to the only documents it ranks; empty: all documents."""
    products: Sequence[Product] = ()
    """The documents as products with their fields, in index order; empty: plain texts."""
    unanswerable: Mapping[str, str] = field(default_factory=dict)
    """Query id to a query that no candidate answers; its candidates are in `candidates` too."""
    notes: Sequence[str] = ()


def product_text(product: Product) -> str:
    """Return title, brand, categories and description as one line."""
    parts = [product.title, product.brand or "", " ".join(product.category), product.description]
    return " ".join(part for part in parts if part)


def data_dir(given: Path | None = None) -> Path:
    """Return the data folder: the flag, else `WHYCART_DATA`, else `../shared/data`.

    Raises:
        DataError: If it is not there, saying how to name it.
    """
    folder = given or Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA)
    if not folder.is_dir():
        raise DataError(
            f"{folder}: the evaluation data are not there; name their folder with `--data DIR` "
            f"or the variable {DATA_VARIABLE}"
        )
    return folder


def need(folder: Path, *names: str) -> list[Path]:
    """Return the paths of `names` in `folder`.

    Raises:
        DataError: Naming the first one that is missing.
    """
    paths = [folder / name for name in names]
    for path in paths:
        if not path.is_file():
            raise DataError(
                f"{path}: the file is missing; point `--data` (or {DATA_VARIABLE}) at the folder "
                f"that holds `{folder.name}/`"
            )
    return paths


def hash_files(paths: Sequence[Path]) -> str:
    """Return the SHA-256 over names and contents of the files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def take(cases: Sequence[Case], n: int | None) -> list[Case]:
    """Return at most `n` cases, evenly spread over the sequence (None: all)."""
    if n is None or len(cases) <= n:
        return list(cases)
    step = len(cases) / n
    return [cases[int(i * step)] for i in range(n)]
