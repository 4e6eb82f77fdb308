"""Evidence from reviews: sentences word for word, and how many complain."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.aspects import aspect_reader
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence, make_evidence
from retrieval.facts.quotable import reads_as_opinion
from retrieval.store import Store
from retrieval.text.answers import probabilities, signs
from retrieval.text.languages import is_foreign

LOW_RATING, HIGH_RATING = 2, 4
QUOTE_LENGTH = range(25, 171)
"""Characters of a sentence that is chosen to be shown; shorter ones say little."""
CLEAR_PRAISE, CLEAR_COMPLAINT = 0.2, 0.1
"""A sentence leaning less than this is quoted as neither praise nor complaint. Complaints are only
looked for in reviews of 1 and 2 stars, so less will do."""
ENOUGH_LEAN = 0.3
"""Leaning more than this makes no sentence more telling."""
HEDGES = re.compile(
    r"\b(not|n't|never|but|however|only|except|gripe|complain|wish|unfortunately|although|though|"
    r"hardly|disappoint\w*|poor\w*|broke\w*|return\w*|refund\w*|catch|bother\w*|beware|warn\w*|"
    r"downsides?|drawbacks?|minus|improvement|less good)\b|但|不|没|可惜|就是",
    re.IGNORECASE,
)
"""Words that make a sentence of a good review doubtful as praise."""

STORIES = re.compile(
    r"\bfirst time\b|\btook (?:it|them|this)\b|\b(?:bought|ordered|ordering|gift|present) |"
    r"\bbe kind\b|\bmy (?:sister|brother|wife|husband|nephew|niece|son|daughter|kids?|friend|"
    r"partner|dad|mum|mom|mother|father)\b|第一次|买来|送给|老婆|老公|孩子|朋友",
    re.IGNORECASE,
)
"""Words of sentences that tell of the writer and not of the product."""


class ReviewFacts:
    """What shoppers wrote."""

    store: Store

    def quote(self, span: int) -> Evidence:
        """One sentence of one review, word for word."""
        row = self.store.dataset.spans.row(span, named=True)
        review = self.store.reviews_by_id[row["review_id"]]
        created_at = review["created_at"]
        data = {
            "span_id": row["span_id"],
            "review_id": row["review_id"],
            "text": row["text"],
            "start": row["start"],
            "end": row["end"],
            "rating": review["rating"],
            "created_at": created_at.date().isoformat()
            if isinstance(created_at, datetime)
            else None,
            "verified": review["verified"],
            "language": review["language"],
        }
        return make_evidence(
            "quote",
            (row["span_id"],),
            (row["product_id"],),
            f"review {row['review_id']}: “{row['text']}”",
            data,
            f"review {row['review_id']}, characters {row['start']} to {row['end']}",
        )

    def praise(
        self, product: Product, *, about: NDArray[np.float32] | None = None
    ) -> Evidence | None:
        """A quotable sentence of a well-rated review, nearest to a query vector if given."""
        spans = self._spans(product, lambda rating: rating >= HIGH_RATING)
        leans = self.store.span_leans
        spans = [
            s
            for s in spans
            if leans[s] > CLEAR_PRAISE and not _is_beside_the_point(self._span_text[s])
        ]
        while spans:
            chosen = self._most_telling(product, spans, about, sign=1)
            said = aspect_reader().read(self._span_text[chosen])
            if "complaint" not in said.values():
                return self.quote(chosen)
            spans.remove(chosen)  # it leans to praise and complains: "no small pockets, I dig"
        return None

    def complaint(self, product: Product) -> Evidence | None:
        """The most telling sentence of the reviews rated 1 or 2, with how many those are.

        `count` and `n_reviews` count rated reviews, quotable or not.
        """
        low = self._spans(product, lambda rating: rating <= LOW_RATING)
        spans = [s for s in low if self.store.span_leans[s] < -CLEAR_COMPLAINT]
        if not spans:
            return None
        ratings = self.store.ratings_by_product[product.product_id]
        n_reviews, n_low = len(ratings), sum(rating <= LOW_RATING for rating in ratings)
        chosen = self._most_telling(product, spans, None, sign=-1)
        span = self.store.dataset.spans.row(chosen, named=True)
        data = {
            "span_id": span["span_id"],
            "review_id": span["review_id"],
            "text": span["text"],
            "count": n_low,
            "n_reviews": n_reviews,
            "rating": self.store.reviews_by_id[span["review_id"]]["rating"],
            "share": f"{100 * n_low / n_reviews:.0f}",
        }
        return make_evidence(
            "complaint",
            (product.product_id,),
            (product.product_id,),
            f"{n_low} of {n_reviews} reviews of {product.title} gave 1 or 2 stars; one says "
            f"“{span['text']}”",
            data,
            f"reviews of {product.product_id} rated 1 or 2",
        )

    def passages(
        self, product: Product, vector: NDArray[np.float32], text: str, *, k: int
    ) -> list[tuple[Evidence, float]]:
        """Review sentences that answer a question, best first, with how probably they do.

        Args:
            product: Whose reviews are asked.
            vector: The question as the store's encoder reads it, shape (d,).
            text: The question; in another script than Latin only its words count.
            k: At most this many.
        """
        own = self.store.spans_by_product.get(product.product_id, ())
        spans = np.array([s for s in own if reads_as_opinion(self._span_text[s])], np.int64)
        if not len(spans):
            return []
        nearness = np.asarray(self.store.span_vectors.vectors[spans]) @ vector
        sentences = [self._span_text[span] for span in spans]
        found = signs(
            text, sentences, self.store.span_lexical.impacts, None if is_foreign(text) else nearness
        )
        score = np.round(probabilities(found), 6)
        order = np.lexsort((spans, -score))[:k]
        return [(self.quote(int(spans[i])), float(score[i])) for i in order]

    def _spans(self, product: Product, rated: Callable[[float], bool]) -> list[int]:
        found = []
        for span in self.store.spans_by_product.get(product.product_id, ()):
            rating = self._span_rating[span]
            text = self._span_text[span]
            if rating is None or not rated(rating) or len(text) not in QUOTE_LENGTH:
                continue
            if reads_as_opinion(text):
                found.append(span)
        return found

    def _most_telling(
        self,
        product: Product,
        spans: Sequence[int],
        about: NDArray[np.float32] | None,
        *,
        sign: int,
    ) -> int:
        """Return the span that leans clearly and speaks most of the product, or of the query.

        Likeness to the product's own text keeps out "would buy again", which fits anything.
        """
        rows = np.array(spans)
        vectors = np.asarray(self.store.span_vectors.vectors[rows])
        own = np.asarray(
            self.store.product_vectors.vectors[self.store.catalogue.row(product.product_id)]
        )
        lean = np.minimum(sign * self.store.span_leans[rows], ENOUGH_LEAN)
        score = lean + vectors @ own + (0.0 if about is None else vectors @ about)
        return int(rows[int(np.argmax(np.round(score, 6)))])

    @cached_property
    def _span_text(self) -> list[str]:
        return self.store.dataset.spans["text"].to_list()

    @cached_property
    def _span_rating(self) -> list[float | None]:
        reviews = self.store.dataset.reviews.select("review_id", "rating")
        spans = self.store.dataset.spans.select("review_id")
        return spans.join(reviews, on="review_id", how="left", maintain_order="left")[
            "rating"
        ].to_list()

    @cached_property
    def _span_row(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.store.dataset.spans["span_id"])}


def _is_beside_the_point(text: str) -> bool:
    """Whether a sentence is too hedged, or too much about its writer, to be quoted as praise."""
    return bool(HEDGES.search(text) or STORIES.search(text))
