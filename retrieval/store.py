"""An open store: one immutable snapshot with its tables, indexes and fitted scorers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.artifacts import Manifest, load_dataset, load_manifest, open_snapshot
from retrieval.behaviour.association import HALF_WEIGHT
from retrieval.behaviour.base import NO_ROWS, SECONDS_A_DAY
from retrieval.behaviour.fitting import Behaviour, load_behaviour
from retrieval.compatibility import CompatibilityIndex
from retrieval.config import StoreConfig
from retrieval.data.dataset import Catalogue, Dataset
from retrieval.errors import StoreError
from retrieval.learned import Learned
from retrieval.opinions import leans
from retrieval.promotion import Offer, offers_of
from retrieval.relations import Relations
from retrieval.relatives import Relatives
from retrieval.text.encoder import Encoder, load_encoder
from retrieval.text.index import VectorIndex
from retrieval.text.languages import LanguageIndex
from retrieval.text.lexical import LexicalIndex, SpanIndex, tokenise
from retrieval.text.reranker import Reranker, load_reranker
from retrieval.text.subject import SubjectFinder


@dataclass(frozen=True, kw_only=True)
class Store:
    """Everything that flow 1 reads. Nothing in it changes while it is open."""

    snapshot: Path
    manifest: Manifest
    dataset: Dataset
    config: StoreConfig
    encoder: Encoder
    product_vectors: VectorIndex
    span_vectors: VectorIndex
    lexical: LexicalIndex
    span_lexical: SpanIndex
    behaviour: Behaviour
    learned: Learned = field(default_factory=Learned)
    """What the build learned from the shop's past."""
    languages: LanguageIndex | None = None
    """Products in the languages that `encoder` does not read; None where there are none."""
    reranker: Reranker | None = None
    """Reads the best of a search again; None where the settings name none."""

    @classmethod
    def open(cls, path: Path, *, device: str = "auto") -> Store:
        """Open the snapshot that `path` names now.

        Raises:
            StoreError: If it is missing, damaged, of another format, or made with another encoder.
        """
        return cls.of_snapshot(open_snapshot(path), device=device)

    @classmethod
    def of_snapshot(cls, snapshot: Path, *, device: str = "auto") -> Store:
        """Open a snapshot by its own folder.

        Raises:
            StoreError: If it is damaged, of another format, or made with another encoder.
        """
        manifest = load_manifest(snapshot)
        config = manifest.config
        dataset = load_dataset(snapshot)
        encoder = load_encoder(config.encoder, device=device)
        product_vectors = VectorIndex.open(snapshot, "products")
        span_vectors = VectorIndex.open(snapshot, "reviews")
        if product_vectors.ids != dataset.catalogue.product_ids:
            raise StoreError(f"{snapshot}: index and products differ; build the store again")
        if span_vectors.ids != tuple(dataset.spans["span_id"]):
            raise StoreError(f"{snapshot}: index and sentences differ; build the store again")
        limit = config.encoder.max_tokens
        reranker = load_reranker(config.search, max_tokens=limit, device=device)
        noted = manifest.models.get("reranker")
        if reranker is not None and noted is not None and noted.sha256 != reranker.model_hash:
            raise StoreError(
                f"{snapshot}: was built with other weights of {reranker.model_id}; build the store "
                "again"
            )
        return cls(
            snapshot=snapshot,
            manifest=manifest,
            dataset=dataset,
            config=config,
            encoder=encoder,
            product_vectors=product_vectors,
            span_vectors=span_vectors,
            lexical=LexicalIndex.open(snapshot),
            span_lexical=SpanIndex.open(snapshot),
            behaviour=load_behaviour(snapshot, dataset, config),
            learned=Learned.load(snapshot),
            languages=LanguageIndex.open(snapshot, dataset, config.encoder, device=device),
            reranker=reranker,
        )

    @property
    def catalogue(self) -> Catalogue:
        """The products."""
        return self.dataset.catalogue

    @property
    def currency(self) -> str:
        """ISO 4217."""
        return self.dataset.currency

    @cached_property
    def compatibility(self) -> CompatibilityIndex:
        """What works with what."""
        return CompatibilityIndex(self.catalogue)

    @cached_property
    def relatives(self) -> Relatives:
        """Whose behaviour stands in for that of new products."""
        return Relatives.of(
            self.behaviour.interactions,
            self.catalogue.leaf_code,
            self.product_vectors.vectors,
            self.config.behaviour.min_support,
        )

    @cached_property
    def relations(self) -> Relations:
        """What related pairs usually are to each other, for new products."""
        is_new = np.zeros(len(self.catalogue), bool)
        is_new[self.relatives.rows] = True
        return Relations(
            self.behaviour.association,
            self.compatibility,
            leaf_code=self.catalogue.leaf_code,
            brand_code=self.catalogue.brand_code,
            is_new=is_new,
            half=HALF_WEIGHT,
        )

    @cached_property
    def subjects(self) -> SubjectFinder:
        """What a wish names."""
        return SubjectFinder(self.catalogue, tokenise)

    @cached_property
    def window(self) -> tuple[str, str]:
        """First and last day of the log, ISO dates; empty strings without events."""
        at = self.dataset.events["at"]
        first, last = at.min(), at.max()
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            return "", ""
        return first.date().isoformat(), last.date().isoformat()

    @cached_property
    def spans_by_product(self) -> dict[str, tuple[int, ...]]:
        """Product id to the rows of its quotable review sentences."""
        rows = self.dataset.spans.with_row_index("row").group_by("product_id").agg("row")
        return {product_id: tuple(sorted(found)) for product_id, found in rows.iter_rows()}

    @cached_property
    def reviews_by_id(self) -> dict[str, dict[str, object]]:
        """Review id to its row."""
        return {row["review_id"]: row for row in self.dataset.reviews.iter_rows(named=True)}

    @cached_property
    def span_leans(self) -> NDArray[np.float32]:
        """Whether each quotable sentence praises (above 0) or complains: shape (n_spans,)."""
        rated = dict(self.dataset.reviews.select("review_id", "rating").iter_rows())
        ratings = np.array([rated[i] for i in self.dataset.spans["review_id"]], np.float64)
        return leans(np.asarray(self.span_vectors.vectors), ratings, self.encoder)

    @cached_property
    def ratings_by_product(self) -> dict[str, tuple[float, ...]]:
        """Product id to the ratings of its reviews that state one."""
        rated = self.dataset.reviews.filter(pl.col("rating").is_not_null())
        rows = rated.group_by("product_id").agg("rating")
        return {product_id: tuple(found) for product_id, found in rows.iter_rows()}

    @cached_property
    def promotions(self) -> Mapping[str, Offer]:
        """Price reductions by id."""
        return {offer.offer_id: offer for offer in offers_of(self.dataset.offers)}

    def variants(self, row: int) -> NDArray[np.int64]:
        """Return the rows of the product's item group, itself among them; itself if it has none."""
        group = self.catalogue.products[row].item_group_id
        return self._rows_by_group.get(group or "", np.array([row], np.int64))

    @cached_property
    def _rows_by_group(self) -> dict[str, NDArray[np.int64]]:
        found: dict[str, list[int]] = {}
        for row, product in enumerate(self.catalogue.products):
            if product.item_group_id:
                found.setdefault(product.item_group_id, []).append(row)
        return {group: np.array(rows, np.int64) for group, rows in found.items()}

    def rows_of_leaf(self, leaf: int) -> NDArray[np.int64]:
        """Return the rows of the products in a leaf category, ascending; none for code -1."""
        return self._rows_by_leaf.get(leaf, NO_ROWS)

    @cached_property
    def _rows_by_leaf(self) -> dict[int, NDArray[np.int64]]:
        code = self.catalogue.leaf_code
        order = np.argsort(code, kind="stable")
        codes, starts = np.unique(code[order], return_index=True)
        parts = np.split(order, starts[1:]) if len(codes) else []
        return {int(c): rows for c, rows in zip(codes, parts, strict=True) if c >= 0}

    def close(self) -> None:
        """Let go of the indexes."""
        self.product_vectors.close()
        self.span_vectors.close()


def date_of(day: float) -> str:
    """Return the ISO date of days since 1970."""
    return datetime.fromtimestamp(day * SECONDS_A_DAY, UTC).date().isoformat()
