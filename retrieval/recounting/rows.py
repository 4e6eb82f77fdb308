"""What the product, review and offer tables say, read from their rows as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from retrieval.aspects import aspect_reader
from retrieval.data.dataset import Dataset
from retrieval.text.tokens import tokenise

Row = Mapping[str, Any]
Found = dict[str, Any]
LOW = 2
"""Reviews of at most so many stars complain."""
NUMBER = re.compile(r"\s*([-+]?\d[\d,]*(?:\.\d+)?)\s*(.*)", re.DOTALL)


class RawRows:
    """The tables of one shop; every method returns what a record's `data` should hold."""

    def __init__(self, dataset: Dataset, directions: Mapping[str, str]) -> None:
        """Keep the tables; `directions` says which attributes are better higher or lower."""
        self._dataset = dataset
        self._directions = directions

    def has(self, product_id: str) -> bool:
        """Whether there is such a product."""
        return product_id in self._products

    @cached_property
    def _products(self) -> Mapping[str, Row]:
        return {row["product_id"]: row for row in self._dataset.products.iter_rows(named=True)}

    @cached_property
    def _reviews(self) -> Mapping[str, Row]:
        return {row["review_id"]: row for row in self._dataset.reviews.iter_rows(named=True)}

    @cached_property
    def _spans(self) -> Mapping[str, Row]:
        return {row["span_id"]: row for row in self._dataset.spans.iter_rows(named=True)}

    def price(self, product_id: str) -> Found:
        """Price, and the list price where it is above."""
        row = self._products[product_id]
        price, listed = row["price_minor"], row["list_price_minor"]
        found = {"price": _money(price), "currency": self._dataset.currency}
        if listed is not None and listed > price:
            found |= {"list_price": _money(listed), "saving": _money(listed - price)}
        return found

    def placement(self, product_id: str, sponsored: Collection[str]) -> Found:
        """Why the shop would put a product higher: paid for, else what it earns."""
        return {"reason": "sponsored" if product_id in sponsored else "interest"}

    def stock(self, product_id: str) -> Found:
        """Pieces on hand."""
        return {"stock": self._products[product_id]["stock"]}

    def rating(self, product_id: str) -> Found:
        """Mean rating and how many."""
        row = self._products[product_id]
        return {"rating": f"{row['rating']:.1f}", "rating_count": row["rating_count"]}

    def category(self, product_id: str) -> Found:
        """The path, broad to narrow."""
        return {"category": list(self._products[product_id]["category"])}

    def attribute(self, product_id: str, name: str) -> Found:
        """One specification; the brand has a column of its own."""
        return {"name": name, "value": self._stated(product_id, name)}

    def match(self, product_id: str, *words: str) -> Found:
        """Which of the words stand anywhere in the product's row."""
        row = self._products[product_id]
        texts = [row["title"], row["description"], row["brand"], *(row["category"] or ())]
        texts += [row["attributes"].replace('"', " "), row["translations"].replace('"', " ")]
        held = set(tokenise(" . ".join(text or "" for text in texts)))
        return {"words": [word for word in words if held.issuperset(tokenise(word))]}

    def description(self, product_id: str, start: str, end: str) -> Found:
        """A sentence of the description, cut again by its offsets."""
        text = self._products[product_id]["description"][int(start) : int(end)]
        return {"text": text, "start": int(start), "end": int(end)}

    def quote(self, span_id: str) -> Found:
        """A sentence of a review, cut again by its offsets."""
        span = self._spans[span_id]
        review = self._reviews[span["review_id"]]
        written = review["created_at"]
        return {
            "span_id": span_id,
            "review_id": review["review_id"],
            "text": review["text"][span["start"] : span["end"]],
            "start": span["start"],
            "end": span["end"],
            "rating": review["rating"],
            "created_at": written.date().isoformat() if written else None,
            "verified": review["verified"],
            "language": review["language"],
        }

    def complaint(self, product_id: str, span_id: str) -> Found:
        """How many of a product's rated reviews complain, and one sentence of them."""
        rated = [
            review["rating"]
            for review in self._reviews.values()
            if review["product_id"] == product_id and review["rating"] is not None
        ]
        quote, low = self.quote(span_id), sum(rating <= LOW for rating in rated)
        return {
            **{name: quote[name] for name in ("span_id", "review_id", "text", "rating")},
            "count": low,
            "n_reviews": len(rated),
            "share": f"{100 * low / len(rated):.0f}",
        }

    def aspect_opinion(self, product_id: str, aspect: str, polarity: str, *, span_id: str) -> Found:
        """How many reviews are clear about an aspect, and which of them lean one way."""
        said = self._said(product_id, aspect)
        agree = sorted(review for review, found in said.items() if found == {polarity})
        return self._opinion(span_id) | {
            "aspect": aspect,
            "polarity": polarity,
            "count": len(agree),
            "n_opinions": len(said),
        }

    def shared_complaint(self, product_id: str, aspect: str, *, span_id: str) -> Found:
        """How many of all reviews of a product complain about an aspect."""
        found = self.aspect_opinion(product_id, aspect, "complaint", span_id=span_id)
        del found["n_opinions"]
        return found | {"n_reviews": sum(1 for _ in self._reviews_of(product_id))}

    def disagreement(self, product_id: str) -> Found:
        """How many reviews gave 4 or 5 stars, and how many 1 or 2."""
        rated = [r["rating"] for r in self._reviews_of(product_id) if r["rating"] is not None]
        return {
            "n_reviews": len(rated),
            "n_high": sum(rating > LOW + 1 for rating in rated),
            "n_low": sum(rating <= LOW for rating in rated),
        }

    def _opinion(self, span_id: str) -> Found:
        quote = self.quote(span_id)
        return {name: quote[name] for name in ("span_id", "review_id", "text", "rating")}

    def _reviews_of(self, product_id: str) -> Iterator[Row]:
        return (r for r in self._reviews.values() if r["product_id"] == product_id)

    def _said(self, product_id: str, aspect: str) -> Mapping[str, set[str]]:
        """Return review → what its sentences say of the aspect, read again from its text."""
        said: dict[str, set[str]] = {}
        for span in self._spans.values():
            if span["product_id"] != product_id:
                continue
            review = self._reviews[span["review_id"]]
            text = review["text"][span["start"] : span["end"]]
            polarity = aspect_reader().read(text, review["rating"]).get(aspect)
            if polarity is not None:
                said.setdefault(span["review_id"], set()).add(polarity)
        return said

    def offer(self, offer_id: str, product_id: str) -> Found:
        """What an offer takes off one piece."""
        offers = self._dataset.offers.iter_rows(named=True)
        offer = next(row for row in offers if row["offer_id"] == offer_id)
        price, value = self._products[product_id]["price_minor"], Decimal(str(offer["value"]))
        off = price * min(value, Decimal(100)) / 100 if offer["kind"] == "percent" else value * 100
        saving = min(price, int(off.quantize(Decimal(1), ROUND_HALF_UP)))
        ends_at = offer["ends_at"]
        return {
            "offer_id": offer_id,
            "kind": offer["kind"],
            "value": f"{value.normalize():f}",
            "saving": _money(saving),
            "price": _money(price),
            "price_after": _money(price - saving),
            "ends_at": ends_at.date().isoformat() if ends_at else None,
            "currency": self._dataset.currency,
        }

    def difference(self, this: str, that: str) -> Found:
        """Which of two costs more, and by how much."""
        mine, theirs = (self._products[name]["price_minor"] for name in (this, that))
        return {
            "price_this": _money(mine),
            "price_that": _money(theirs),
            "difference": _money(abs(mine - theirs)),
            "dearer": "this" if mine > theirs else "that",
            "currency": self._dataset.currency,
        }

    def comparison(self, this: str, that: str, name: str) -> Found:
        """One specification, or the rating, of two products."""
        if name == "rating":
            return self._ratings(this, that)
        mine, theirs = self._stated(this, name), self._stated(that, name)
        direction = self._directions.get(name)
        found = {"name": name, "this": mine, "that": theirs, "direction": direction}
        return found | {"better": _better(mine, theirs, direction)}

    def compatibility(self, one: str, two: str) -> Found:
        """What each states to fit of the other; a stated fit that fails goes first."""
        found = [*self._fits(one, two), *self._fits(two, one)]
        return next((fit for fit in found if not fit["works"]), found[0])

    def _ratings(self, this: str, that: str) -> Found:
        one, two = self._products[this], self._products[that]
        mine, theirs = f"{one['rating']:.1f}", f"{two['rating']:.1f}"
        higher = "this" if one["rating"] > two["rating"] else "that"
        return {
            "name": "rating",
            "this": mine,
            "that": theirs,
            "this_count": one["rating_count"] or 0,
            "that_count": two["rating_count"] or 0,
            "better": higher if mine != theirs else "neither",
            "direction": "higher",
        }

    def _fits(self, holder: str, other: str) -> list[Found]:
        wanted, stated = self._attributes(holder), self._attributes(other)
        return [
            {
                "name": name,
                "value": value,
                "wanted": fit,
                "holder": holder,
                "other": other,
                "works": bool(_values(fit) & _values(value)),
            }
            for key, fit in wanted.items()
            for name, value in stated.items()
            if _plain(key) == f"fits {_plain(name)}"
        ]

    def _stated(self, product_id: str, name: str) -> str | None:
        value: str | None = self._attributes(product_id).get(name)
        return self._products[product_id]["brand"] if value is None and name == "brand" else value

    def _attributes(self, product_id: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._products[product_id]["attributes"] or "{}")
        return found


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _values(text: str) -> set[str]:
    return {_plain(part) for part in re.split("[,;/]", text)} - {""}


def _better(this: str | None, that: str | None, direction: str | None) -> str:
    """Return the better of two numbers with one unit; `neither` where nothing says so."""
    mine, theirs = NUMBER.match(this or ""), NUMBER.match(that or "")
    if mine is None or theirs is None or direction is None or mine[2].strip() != theirs[2].strip():
        return "neither"
    a, b = (Decimal(found[1].replace(",", "")) for found in (mine, theirs))
    if a == b:
        return "neither"
    return "this" if (a > b) == (direction == "higher") else "that"
