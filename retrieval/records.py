"""Makes evidence out of the store's records: the only place where evidence is born.

Every method returns None when the record does not exist or says too little (a pair below minimum
support), so that nothing can be said of it. Ids of stored facts can be resolved again with
`Records.resolve`; those of one turn (counts, totals, ranks) cannot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote as quoted
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.association import AssociationScorer, PairCounts
from retrieval.behaviour.base import PURCHASE, TYPES
from retrieval.compatibility import Fit, fit_between
from retrieval.data.dataset import Product, to_money
from retrieval.evidence import Evidence, EvidenceKind
from retrieval.filters import Bound
from retrieval.store import Store, date_of

NUMBER = re.compile(r"^\s*([-+]?\d[\d,]*(?:\.\d+)?)\s*(.*)$")
LOW_RATING, HIGH_RATING = 2, 4
CLEAR_LEAN = 0.1
"""A sentence leaning less than this either way is quoted as neither praise nor complaint."""
ENOUGH_LEAN = 0.3
"""Leaning more than this makes no sentence more telling."""
QUOTE_LENGTH = range(25, 171)
CATEGORY = "category="
EMPTY_ROWS: NDArray[np.int64] = np.zeros(0, np.int64)
HEDGES = re.compile(
    r"\b(not|n't|never|but|however|only|except|gripe|complain|wish|unfortunately|although|though|"
    r"hardly|disappoint\w*|poor\w*|broke\w*|return\w*|refund\w*)\b|但|不|没|可惜|就是",
    re.IGNORECASE,
)
"""Words that make a sentence of a good review doubtful as praise."""


def evidence_id(kind: str, *parts: str) -> str:
    """Return `kind:part:part`, parts escaped so that `:` separates nothing else."""
    return ":".join([kind, *(quoted(part, safe="-._~ >=#&") for part in parts)])


def number_of(value: str) -> tuple[Decimal, str] | None:
    """Return the leading number and the unit of "1450 g"; None if there is no number."""
    match = NUMBER.match(value)
    return (Decimal(match[1].replace(",", "")), match[2].strip()) if match else None


class Records:
    """Evidence from one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # what the catalogue states

    def attribute(self, product: Product, name: str) -> Evidence | None:
        """One specification."""
        value = product.attributes.get(name)
        if value is None:
            return None
        return _evidence(
            "attribute",
            (product.product_id, name),
            (product.product_id,),
            f"{product.title}: {name} {value}",
            {"name": name, "value": value},
            "catalogue",
        )

    def category(self, product: Product) -> Evidence | None:
        """Where the catalogue places the product."""
        if not product.category:
            return None
        return _evidence(
            "category",
            (product.product_id,),
            (product.product_id,),
            f"{product.title} is in {' > '.join(product.category)}",
            {"category": list(product.category)},
            "catalogue",
        )

    def price(self, product: Product) -> Evidence | None:
        """What it costs, and what it did if the shop states a list price above."""
        if product.price is None:
            return None
        data: dict[str, Any] = {"price": money(product.price), "currency": self.store.currency}
        if product.list_price is not None and product.list_price > product.price:
            data["list_price"] = money(product.list_price)
            data["saving"] = money(product.list_price - product.price)
        return _evidence(
            "price",
            (product.product_id,),
            (product.product_id,),
            f"{product.title} costs {data['price']} {self.store.currency}",
            data,
            "catalogue",
        )

    def stock(self, product: Product) -> Evidence | None:
        """How many are on hand."""
        if product.stock is None:
            return None
        return _evidence(
            "stock",
            (product.product_id,),
            (product.product_id,),
            f"{product.title}: {product.stock} in stock",
            {"stock": product.stock},
            "catalogue",
        )

    def rating(self, product: Product) -> Evidence | None:
        """Mean rating and the number of ratings behind it."""
        if product.rating is None or not product.rating_count:
            return None
        return _evidence(
            "rating",
            (product.product_id,),
            (product.product_id,),
            f"{product.title} is rated {product.rating:.1f} of 5 by {product.rating_count} reviews",
            {"rating": f"{product.rating:.1f}", "rating_count": product.rating_count},
            "catalogue",
        )

    # what shoppers wrote

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
        return _evidence(
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
            s for s in spans if leans[s] > CLEAR_LEAN and not HEDGES.search(self._span_text[s])
        ]
        return self.quote(self._most_telling(product, spans, about, sign=1)) if spans else None

    def complaint(self, product: Product) -> Evidence | None:
        """The most typical sentence of the reviews rated 1 or 2, with how many those are."""
        low = self._spans(product, lambda rating: rating <= LOW_RATING)
        spans = [s for s in low if self.store.span_leans[s] < -CLEAR_LEAN]
        n_reviews = self.store.review_count(product.product_id)
        if not spans or not n_reviews:
            return None
        chosen = self._most_telling(product, spans, None, sign=-1)
        span = self.store.dataset.spans.row(chosen, named=True)
        n_low = self._n_low(product.product_id)
        data = {
            "span_id": span["span_id"],
            "review_id": span["review_id"],
            "text": span["text"],
            "count": n_low,
            "n_reviews": n_reviews,
            "rating": self.store.reviews_by_id[span["review_id"]]["rating"],
            "share": f"{100 * n_low / n_reviews:.0f}",
        }
        return _evidence(
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
        """Review sentences of a product that speak of a question, best first, with similarity."""
        spans = np.array(self.store.spans_by_product.get(product.product_id, ()), np.int64)
        if not len(spans):
            return []
        similarity = np.asarray(self.store.span_vectors.vectors[spans]) @ vector
        lexical = self.store.span_lexical.scores(text)[spans]
        score = similarity + 0.3 * (lexical > 0) + 0.02 * np.minimum(lexical, 10)
        order = np.lexsort((spans, -score))[:k]
        return [(self.quote(int(spans[i])), float(score[i])) for i in order]

    def _spans(self, product: Product, rated: Callable[[float], bool]) -> list[int]:
        found = []
        for span in self.store.spans_by_product.get(product.product_id, ()):
            rating = self.store.reviews_by_id[self._span_review[span]]["rating"]
            if (
                isinstance(rating, float)
                and rated(rating)
                and len(self._span_text[span]) in QUOTE_LENGTH
            ):
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

    def _n_low(self, product_id: str) -> int:
        """How many reviews of the product gave 1 or 2 stars, quotable or not."""
        return self._low_counts.get(product_id, 0)

    @cached_property
    def _low_counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for review in self.store.reviews_by_id.values():
            rating = review["rating"]
            if isinstance(rating, float) and rating <= LOW_RATING:
                name = str(review["product_id"])
                counts[name] = counts.get(name, 0) + 1
        return counts

    @cached_property
    def _span_text(self) -> list[str]:
        return self.store.dataset.spans["text"].to_list()

    @cached_property
    def _span_review(self) -> list[str]:
        return self.store.dataset.spans["review_id"].to_list()

    # what shoppers did

    def bought_together(self, anchor: Product | int, other: Product) -> Evidence | None:
        """Baskets that hold both; the anchor is a product or a leaf category's code."""
        return self._together("bought_together", self.store.behaviour.association, anchor, other)

    def viewed_together(self, anchor: Product | int, other: Product) -> Evidence | None:
        """Sessions in which both were looked at."""
        return self._together("viewed_together", self.store.behaviour.co_view, anchor, other)

    def _together(
        self, kind: EvidenceKind, scorer: AssociationScorer, anchor: Product | int, other: Product
    ) -> Evidence | None:
        catalogue = self.store.catalogue
        if isinstance(anchor, Product):
            rows, name, key = catalogue.rows([anchor.product_id]), anchor.title, anchor.product_id
            ids: tuple[str, ...] = (anchor.product_id, other.product_id)
        else:
            rows = np.flatnonzero(catalogue.leaf_code == anchor)
            name = catalogue.leaves[anchor]
            key, ids = CATEGORY + name, (other.product_id,)
        pair = scorer.pair(rows, catalogue.rows([other.product_id]))
        if pair.count < self.store.config.behaviour.min_support or pair.lift <= 1:
            return None
        noun = "baskets" if kind == "bought_together" else "sessions"
        data = _pair_data(pair) | {
            "anchor": key if isinstance(anchor, Product) else None,
            "anchor_category": None if isinstance(anchor, Product) else name,
            "other": other.product_id,
            "from": self.store.window[0],
            "to": self.store.window[1],
        }
        low, high = data["low"], data["high"]
        return _evidence(
            kind,
            (key, other.product_id),
            ids,
            f"{pair.count} of the {pair.n_anchor} {noun} with {name} also hold {other.title} "
            f"({data['confidence']} %, 95 % interval {low}–{high} %), {data['lift']} times chance, "
            f"{data['from']} to {data['to']}",
            data,
            f"event log, {pair.n} {noun}",
        )

    def popularity(self, product: Product) -> Evidence | None:
        """How many shoppers bought it."""
        n = int(
            self.store.behaviour.popularity.n_buyers[self.store.catalogue.row(product.product_id)]
        )
        if n < self.store.config.behaviour.min_support:
            return None
        start, end = self.store.window
        return _evidence(
            "popularity",
            (product.product_id,),
            (product.product_id,),
            f"{n} shoppers bought {product.title}, {start} to {end}",
            {"n_shoppers": n, "from": start, "to": end},
            "event log, distinct buyers",
        )

    def own_history(self, shopper_id: str, product: Product) -> Evidence | None:
        """What this shopper did with this product."""
        events = self.store.behaviour.profiles.events_with(
            shopper_id, self.store.catalogue.row(product.product_id)
        )
        if not events:
            return None
        bought = [e for e in events if e[0] == PURCHASE]
        kind, last = bought[-1] if bought else events[-1]
        count = len(bought) if bought else sum(1 for e in events if e[0] == kind)
        verb = {"view": "looked at", "add_to_cart": "put in the cart", "purchase": "bought"}[
            TYPES[kind]
        ]
        return _evidence(
            "own_history",
            (shopper_id, product.product_id),
            (product.product_id,),
            f"you {verb} {product.title} {count} time(s), last on {date_of(last)}",
            {"type": TYPES[kind], "count": count, "last_at": date_of(last)},
            "your own events in the log",
        )

    # what two records say together

    def compatibility(self, a: Product, b: Product) -> Evidence | None:
        """What the two products' specifications say of each other."""
        fit = fit_between(a, b)
        return None if fit is None else self._fit(fit)

    def _fit(self, fit: Fit) -> Evidence:
        catalogue = self.store.catalogue
        holder, other = catalogue[fit.holder_id], catalogue[fit.other_id]
        word = "works with" if fit.works else "does not work with"
        return _evidence(
            "compatibility",
            (fit.holder_id, fit.other_id),
            (fit.holder_id, fit.other_id),
            f"{holder.title} {word} {other.title}: fits {fit.name} "
            f"{holder.attributes.get('fits ' + fit.name, '')}; {fit.name} {fit.value}",
            {
                "name": fit.name,
                "value": fit.value,
                "wanted": holder.attributes.get("fits " + fit.name, ""),
                "holder": fit.holder_id,
                "other": fit.other_id,
                "works": fit.works,
            },
            "catalogue, both products",
        )

    def comparison(self, this: Product, that: Product, name: str) -> Evidence | None:
        """One specification of two products, side by side."""
        mine, theirs = this.attributes.get(name), that.attributes.get(name)
        if mine is None or theirs is None:
            return None
        return _evidence(
            "comparison",
            (this.product_id, that.product_id, name),
            (this.product_id, that.product_id),
            f"{name}: {this.title} {mine}, {that.title} {theirs}",
            {
                "name": name,
                "this": mine,
                "that": theirs,
                "better": self.better(name, mine, theirs),
                "direction": self.store.config.directions.get(name),
            },
            "catalogue, both products",
        )

    def better(self, name: str, this: str, that: str) -> str:
        """Return `this`, `that` or `neither`, by the attribute's direction; units must agree."""
        a, b = number_of(this), number_of(that)
        direction = self.store.config.directions.get(name)
        if a is None or b is None or direction is None or a[1] != b[1] or a[0] == b[0]:
            return "neither"
        higher = a[0] > b[0]
        return "this" if higher == (direction == "higher") else "that"

    def rating_comparison(self, this: Product, that: Product) -> Evidence | None:
        """Mean ratings of two products with their counts."""
        if this.rating is None or that.rating is None:
            return None
        better = "this" if this.rating > that.rating else "that"
        return _evidence(
            "comparison",
            (this.product_id, that.product_id, "rating"),
            (this.product_id, that.product_id),
            f"rating: {this.title} {this.rating:.1f} ({this.rating_count}), "
            f"{that.title} {that.rating:.1f} ({that.rating_count})",
            {
                "name": "rating",
                "this": f"{this.rating:.1f}",
                "that": f"{that.rating:.1f}",
                "this_count": this.rating_count or 0,
                "that_count": that.rating_count or 0,
                "better": better if this.rating != that.rating else "neither",
                "direction": "higher",
            },
            "catalogue, both products",
        )

    def difference(self, this: Product, that: Product) -> Evidence | None:
        """The difference in price, this less that."""
        if this.price is None or that.price is None:
            return None
        return _evidence(
            "difference",
            (this.product_id, that.product_id),
            (this.product_id, that.product_id),
            f"{this.title} costs {money(this.price - that.price)} more than {that.title}",
            {
                "price_this": money(this.price),
                "price_that": money(that.price),
                "difference": money(abs(this.price - that.price)),
                "dearer": "this" if this.price > that.price else "that",
                "currency": self.store.currency,
            },
            "catalogue, both products",
        )

    # what holds for one turn

    def total(self, products: Sequence[Product], budget: Decimal | None, key: str) -> Evidence:
        """The sum of prices, and what is left of a budget."""
        prices = {p.product_id: money(p.price or Decimal(0)) for p in products}
        total = sum((p.price or Decimal(0) for p in products), Decimal(0))
        data: dict[str, Any] = {
            "prices": prices, "total": money(total), "n": len(products),
            "currency": self.store.currency,
        }  # fmt: skip
        if budget is not None:
            data |= {"budget": money(budget), "left": money(budget - total)}
        return _evidence(
            "total",
            (key,),
            tuple(prices),
            f"together {money(total)}",
            data,
            "sum of catalogue prices",
        )

    def count(self, n: int, conditions: Mapping[str, Any], label: str) -> Evidence:
        """How many products meet some conditions, over the whole table."""
        key = json.dumps([label, dict(conditions)], sort_keys=True, ensure_ascii=False, default=str)
        return _evidence(
            "count",
            (key,),
            (),
            f"{n} products: {label}",
            {"n": n, "label": label, "conditions": dict(conditions)},
            "catalogue, all products",
        )

    def extreme(self, product: Product, by: str, of: str, n: int, value: str) -> Evidence:
        """The product at one end of a column, over the whole table."""
        return _evidence(
            "bound",
            (by, of, product.product_id),
            (product.product_id,),
            f"{by} of {n} in {of}: {product.title} ({value})",
            {"name": by, "of": of, "n": n, "value": value, "product_id": product.product_id},
            "catalogue, all products",
        )

    def bound(self, bound: Bound, of: str, wanted: object) -> Evidence:
        """The nearest possible value of a constraint that nothing meets."""
        product = self.store.catalogue.products[bound.row]
        value = money(bound.value) if isinstance(bound.value, Decimal) else bound.value
        return _evidence(
            "bound",
            (bound.name, of, product.product_id),
            (product.product_id,),
            f"nearest {bound.name} for {of}: {value} ({product.title})",
            {
                "name": bound.name, "of": of, "value": value, "wanted": str(wanted),
                "product_id": product.product_id, "currency": self.store.currency,
            },
            "catalogue, all products",
        )  # fmt: skip

    def match(self, product: Product, words: Sequence[str]) -> Evidence | None:
        """The words of the query that stand in the product's record."""
        if not words:
            return None
        return _evidence(
            "match",
            (product.product_id, *words),
            (product.product_id,),
            f"{product.title} matches {', '.join(words)}",
            {"words": list(words)},
            "catalogue text",
        )

    # from an id back to the record

    def resolve(self, wanted: str) -> Evidence | None:
        """Make the evidence of an id again from the store's records; None if it cannot be."""
        kind, *parts = (unquote(part) for part in wanted.split(":"))
        catalogue = self.store.catalogue
        try:
            if kind == "quote":
                return self.quote(self._span_row[parts[0]])
            if kind == "own_history":
                return self.own_history(parts[0], catalogue[parts[1]])
            if kind in ("bought_together", "viewed_together"):
                make = self.bought_together if kind == "bought_together" else self.viewed_together
                leaf = parts[0].removeprefix(CATEGORY)
                is_leaf = leaf != parts[0]
                anchor = catalogue.leaves.index(leaf) if is_leaf else catalogue[leaf]
                return make(anchor, catalogue[parts[1]])
            if len(parts) == 1:
                return self._of_one(kind, catalogue[parts[0]])
            return self._of_two(kind, catalogue[parts[0]], *parts[1:])
        except (KeyError, IndexError, ValueError):
            return None

    def _of_one(self, kind: str, product: Product) -> Evidence | None:
        makers: dict[str, Callable[[Product], Evidence | None]] = {
            "category": self.category,
            "price": self.price,
            "stock": self.stock,
            "rating": self.rating,
            "popularity": self.popularity,
            "complaint": self.complaint,
        }
        return makers[kind](product) if kind in makers else None

    def _of_two(self, kind: str, product: Product, second: str, *rest: str) -> Evidence | None:
        if kind == "attribute":
            return self.attribute(product, second)
        other = self.store.catalogue[second]
        if kind == "comparison":
            if rest[0] == "rating":
                return self.rating_comparison(product, other)
            return self.comparison(product, other, rest[0])
        if kind == "compatibility":
            return self.compatibility(product, other)
        return self.difference(product, other) if kind == "difference" else None

    @cached_property
    def _span_row(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.store.dataset.spans["span_id"])}


def money(amount: Decimal) -> str:
    """Return the amount with two decimals."""
    return f"{amount:.2f}"


def minor_to_text(minor: float) -> str:
    """Return minor units as an amount with two decimals."""
    return money(to_money(round(minor)) or Decimal(0))


def _pair_data(pair: PairCounts) -> dict[str, Any]:
    low, high = pair.interval
    return {
        "count": pair.count,
        "n_anchor": pair.n_anchor,
        "n_other": pair.n_other,
        "n": pair.n,
        "confidence": f"{100 * pair.confidence:.1f}",
        "low": f"{100 * low:.1f}",
        "high": f"{100 * high:.1f}",
        "lift": f"{pair.lift:.1f}",
    }


def _evidence(
    kind: EvidenceKind,
    key: Sequence[str],
    product_ids: tuple[str, ...],
    text: str,
    data: Mapping[str, Any],
    origin: str,
) -> Evidence:
    return Evidence(
        evidence_id=evidence_id(kind, *key),
        kind=kind,
        product_ids=product_ids,
        text=text,
        data=data,
        origin=origin,
    )
