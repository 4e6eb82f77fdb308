"""Evidence from what review sentences say of one aspect: who praises it, who complains.

Counts are of reviews, not of sentences: a review that praises and complains counts as mixed, on
neither side. Every record names the sentences it counted (`spans`), one a review.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from retrieval.aspects import Polarity, aspect_reader
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence, EvidenceKind, make_evidence
from retrieval.facts.quotable import reads_as_opinion
from retrieval.facts.reviews import HIGH_RATING, LOW_RATING, QUOTE_LENGTH, ReviewFacts

Side = Literal["praise", "complaint"]
SAID: Mapping[Side, str] = {"praise": "praise", "complaint": "complain about"}
SIGNS: Mapping[Side, int] = {"praise": 1, "complaint": -1}
Opinions = Mapping[str, Mapping[str, tuple[Polarity, tuple[int, ...]]]]
"""Aspect → review id → polarity of the review, and the rows of its sentences that say so."""


class OpinionFacts(ReviewFacts):
    """What shoppers think of one aspect of a product."""

    def opinions(self, product: Product) -> Opinions:
        """Return what the reviews of a product clearly say, aspect by aspect."""
        known = self._opinions.get(product.product_id)
        if known is None:
            known = self._opinions[product.product_id] = self._read(product)
        return known

    def aspect_opinion(self, product: Product, aspect: str, polarity: Side) -> Evidence | None:
        """How many of the reviews that are clear about an aspect praise it, or complain of it."""
        said = self.opinions(product).get(aspect, {})
        return self._opinion(
            "aspect_opinion",
            (product.product_id, aspect, polarity),
            product,
            aspect,
            polarity,
            {"n_opinions": len(said)},
            f"of the {len(said)} reviews of {product.title} that are clear about {aspect}",
        )

    def shared_complaint(self, product: Product, aspect: str | None = None) -> Evidence | None:
        """How many of all reviews complain about one aspect; that of most reviews if none is named.

        `n_reviews` counts all reviews of the product, rated or not.
        """
        n_reviews = self._n_reviews.get(product.product_id, 0)
        if aspect is None:
            aspect = self._most_complained_of(product)
        if aspect is None:
            return None
        return self._opinion(
            "shared_complaint",
            (product.product_id, aspect),
            product,
            aspect,
            "complaint",
            {"n_reviews": n_reviews},
            f"of all {n_reviews} reviews of {product.title}",
        )

    def disagreement(self, product: Product) -> Evidence | None:
        """How many reviews gave 4 or 5 stars and how many 1 or 2; None unless there are both."""
        ratings = self.store.ratings_by_product.get(product.product_id, ())
        n_high = sum(rating >= HIGH_RATING for rating in ratings)
        n_low = sum(rating <= LOW_RATING for rating in ratings)
        if not n_high or not n_low:
            return None
        return make_evidence(
            "disagreement",
            (product.product_id,),
            (product.product_id,),
            f"of {len(ratings)} rated reviews of {product.title} {n_high} gave 4 or 5 stars, "
            f"{n_low} gave 1 or 2",
            {"n_reviews": len(ratings), "n_high": n_high, "n_low": n_low},
            f"ratings of the reviews of {product.product_id}",
        )

    def _opinion(
        self,
        kind: EvidenceKind,
        key: tuple[str, ...],
        product: Product,
        aspect: str,
        polarity: Side,
        whole: dict[str, int],
        among: str,
    ) -> Evidence | None:
        said = self.opinions(product).get(aspect, {})
        spans = {review: rows for review, (own, rows) in said.items() if own == polarity}
        if not spans:
            return None
        rows = [row for found in spans.values() for row in found]
        rows = [row for row in rows if reads_as_opinion(self._span_text[row])]
        if not rows:
            return None
        fitting = [row for row in rows if len(self._span_text[row]) in QUOTE_LENGTH]
        chosen = self._most_telling(product, fitting or rows, None, sign=SIGNS[polarity])
        span = self.store.dataset.spans.row(chosen, named=True)
        ids = self.store.dataset.spans["span_id"]
        data = {
            "aspect": aspect,
            "polarity": polarity,
            "count": len(spans),
            **whole,
            "span_id": span["span_id"],
            "review_id": span["review_id"],
            "text": span["text"],
            "rating": self.store.reviews_by_id[span["review_id"]]["rating"],
            "spans": [ids[found[0]] for found in spans.values()],
        }
        return make_evidence(
            kind,
            key,
            (product.product_id,),
            f"{len(spans)} {among} {SAID[polarity]} {aspect}; one says “{span['text']}”",
            data,
            f"reviews of {product.product_id}, read with retrieval/aspects.yaml",
        )

    def _read(self, product: Product) -> Opinions:
        reader = aspect_reader()
        said: dict[str, dict[str, list[tuple[Polarity, int]]]] = {}
        reviews = self.store.dataset.spans["review_id"]
        for row in self.store.spans_by_product.get(product.product_id, ()):
            for aspect, polarity in reader.read(
                self._span_text[row], self._span_rating[row]
            ).items():
                said.setdefault(aspect, {}).setdefault(reviews[row], []).append((polarity, row))
        return {
            aspect: {review: _of_review(found) for review, found in by_review.items()}
            for aspect, by_review in said.items()
        }

    def _most_complained_of(self, product: Product) -> str | None:
        counts = Counter(
            aspect
            for aspect, said in self.opinions(product).items()
            for polarity, _ in said.values()
            if polarity == "complaint"
        )
        return max(sorted(counts), key=lambda aspect: counts[aspect]) if counts else None

    @cached_property
    def _opinions(self) -> dict[str, Opinions]:
        return {}

    @cached_property
    def _n_reviews(self) -> dict[str, int]:
        counted = self.store.dataset.reviews.group_by("product_id").len()
        return {product_id: int(n) for product_id, n in counted.iter_rows()}


def _of_review(found: list[tuple[Polarity, int]]) -> tuple[Polarity, tuple[int, ...]]:
    """Return the polarity of a review from its sentences, and the rows of these."""
    polarities = {polarity for polarity, _ in found}
    polarity: Polarity = polarities.pop() if len(polarities) == 1 else "mixed"
    return polarity, tuple(row for _, row in found)
