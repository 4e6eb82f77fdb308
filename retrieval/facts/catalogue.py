"""Evidence from the product table: what one product states, and what two say of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.compatibility import PREFIX, Fit, fit_between
from retrieval.data.amounts import number_of
from retrieval.data.dataset import Product
from retrieval.data.spans import is_quotable, split_spans
from retrieval.evidence import Evidence, EvidenceKind, make_evidence, money
from retrieval.facts.quotable import reads_as_opinion, reads_as_value
from retrieval.placement import reasons
from retrieval.promotion import Offer
from retrieval.store import Store
from retrieval.text.index import document_text

CATALOGUE, BOTH = "catalogue", "catalogue, both products"


class CatalogueFacts:
    """What the catalogue states."""

    store: Store

    def attribute(self, product: Product, name: str) -> Evidence | None:
        """One specification; `brand` too, which the catalogue keeps apart."""
        value = product.attributes.get(name, product.brand if name == "brand" else None)
        if value is None or not (reads_as_value(name) and reads_as_value(value)):
            return None
        text = f"{product.title}: {name} {value}"
        return _of(product, "attribute", text, {"name": name, "value": value}, name)

    def category(self, product: Product) -> Evidence | None:
        """Where the catalogue places the product."""
        if not product.category:
            return None
        text = f"{product.title} is in {' > '.join(product.category)}"
        return _of(product, "category", text, {"category": list(product.category)})

    def placement(self, product: Product) -> Evidence | None:
        """Why the shop's own interest would put it higher; never by how much, nor the margin."""
        reason = reasons(self.store).get(self.store.catalogue.row(product.product_id))
        if reason is None:
            return None
        return make_evidence(
            "placement",
            (product.product_id,),
            (product.product_id,),
            f"the shop puts {product.title} higher: {reason}",
            {"reason": reason},
            "settings of the shop",
        )

    def price(self, product: Product) -> Evidence | None:
        """What it costs, and what it did if the shop states a list price above."""
        if product.price is None:
            return None
        data: dict[str, Any] = {"price": money(product.price), "currency": self.store.currency}
        if product.list_price is not None and product.list_price > product.price:
            data["list_price"] = money(product.list_price)
            data["saving"] = money(product.list_price - product.price)
        text = f"{product.title} costs {data['price']} {self.store.currency}"
        return _of(product, "price", text, data)

    def stock(self, product: Product) -> Evidence | None:
        """How many are on hand."""
        if product.stock is None:
            return None
        text = f"{product.title}: {product.stock} in stock"
        return _of(product, "stock", text, {"stock": product.stock})

    def rating(self, product: Product) -> Evidence | None:
        """Mean rating and the number of ratings behind it."""
        if product.rating is None or not product.rating_count:
            return None
        text = f"{product.title} is rated {product.rating:.1f} of 5 by {product.rating_count}"
        data = {"rating": f"{product.rating:.1f}", "rating_count": product.rating_count}
        return _of(product, "rating", f"{text} reviews", data)

    def offer(self, product: Product, offer: Offer) -> Evidence | None:
        """What one promotion takes off one piece of the product."""
        if product.price is None or not offer.covers(product):
            return None
        saving = offer.saving(product.price)
        return make_evidence(
            "offer",
            (offer.offer_id, product.product_id),
            (product.product_id,),
            f"offer {offer.offer_id} takes {money(saving)} off {product.title}",
            {
                "offer_id": offer.offer_id,
                "kind": offer.kind,
                "value": f"{offer.value.normalize():f}",
                "saving": money(saving),
                "price": money(product.price),
                "price_after": money(product.price - saving),
                "ends_at": offer.ends_at.date().isoformat() if offer.ends_at else None,
                "currency": self.store.currency,
            },
            "offers",
        )

    def match(self, product: Product, words: Sequence[str]) -> Evidence | None:
        """The words of the query that stand in the product's record."""
        if not words:
            return None
        text = f"{product.title} matches {', '.join(words)}"
        return make_evidence(
            "match",
            (product.product_id, *words),
            (product.product_id,),
            text,
            {"words": list(words)},
            "catalogue text",
        )

    def likeness(self, product: Product, about: NDArray[np.float32]) -> Evidence | None:
        """What of the product's text makes it like a query: without it the likeness falls most.

        A sentence of the description, a specification, the brand or the category; None where the
        likeness does not fall without any of them.

        Args:
            product: Whose text is compared.
            about: What it is compared with, shape (d,).
        """
        left_out: list[tuple[Evidence | None, Product]] = [
            (self.attribute(product, name), replace(product, attributes=_but(product, name)))
            for name in product.attributes
        ]
        left_out.append((self.category(product), replace(product, category=())))
        left_out.append((self.attribute(product, "brand"), replace(product, brand=None)))
        text = product.description
        for a, b in split_spans(text):
            if is_quotable(text[a:b]) and reads_as_opinion(text[a:b]):
                shorter = replace(product, description=text[:a] + text[b:].lstrip())
                left_out.append((self.description_at(product, a, b), shorter))
        told = [(fact, document_text(rest)) for fact, rest in left_out if fact is not None]
        if not told:
            return None
        texts = [document_text(product), *(rest for _, rest in told)]
        alike = np.round(self.store.encoder.encode(texts, role="passage") @ about, 6)
        falls = alike[0] - alike[1:]
        most = int(np.argmax(falls))
        return told[most][0] if falls[most] > 0 else None

    def description_at(self, product: Product, start: int, end: int) -> Evidence | None:
        """One sentence of the description, word for word."""
        text = product.description[start:end]
        if (start, end) not in split_spans(product.description):
            return None
        return _of(
            product,
            "description",
            f"the shop describes {product.title}: “{text}”",
            {"text": text, "start": start, "end": end},
            str(start),
            str(end),
        )

    def compatibility(self, a: Product, b: Product) -> Evidence | None:
        """What the two products' specifications say of each other."""
        fit = fit_between(a, b)
        if fit is None or not all(map(reads_as_value, (fit.name, fit.value, fit.wanted))):
            return None
        return self._fit(fit)

    def _fit(self, fit: Fit) -> Evidence:
        catalogue = self.store.catalogue
        holder, other = catalogue[fit.holder_id], catalogue[fit.other_id]
        word = "works with" if fit.works else "does not work with"
        return make_evidence(
            "compatibility",
            (fit.holder_id, fit.other_id),
            (fit.holder_id, fit.other_id),
            f"{holder.title} {word} {other.title}: {PREFIX}{fit.name} {fit.wanted}; "
            f"{fit.name} {fit.value}",
            {
                "name": fit.name,
                "value": fit.value,
                "wanted": fit.wanted,
                "holder": fit.holder_id,
                "other": fit.other_id,
                "works": fit.works,
            },
            BOTH,
        )

    def comparison(self, this: Product, that: Product, name: str) -> Evidence | None:
        """One specification of two products, side by side."""
        if name == "rating":  # the mean of the reviews, also where an attribute has this name
            return self.rating_comparison(this, that)
        mine, theirs = this.attributes.get(name), that.attributes.get(name)
        if mine is None or theirs is None:
            return None
        if not all(map(reads_as_value, (name, mine, theirs))):
            return None
        return _of_two(
            this,
            that,
            "comparison",
            f"{name}: {this.title} {mine}, {that.title} {theirs}",
            {
                "name": name,
                "this": mine,
                "that": theirs,
                "better": self.better(name, mine, theirs),
                "direction": self.store.config.directions.get(name),
            },
            name,
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
        mine, theirs = f"{this.rating:.1f}", f"{that.rating:.1f}"
        better = "this" if this.rating > that.rating else "that"
        return _of_two(
            this,
            that,
            "comparison",
            f"rating: {this.title} {mine} ({this.rating_count or 0}), "
            f"{that.title} {theirs} ({that.rating_count or 0})",
            {
                "name": "rating",
                "this": mine,
                "that": theirs,
                "this_count": this.rating_count or 0,
                "that_count": that.rating_count or 0,
                "better": better if mine != theirs else "neither",
                "direction": "higher",
            },
            "rating",
        )

    def difference(self, this: Product, that: Product) -> Evidence | None:
        """The difference in price, this less that."""
        if this.price is None or that.price is None:
            return None
        apart, is_dearer = money(abs(this.price - that.price)), this.price > that.price
        return _of_two(
            this,
            that,
            "difference",
            f"{this.title} costs {apart} {'more' if is_dearer else 'less'} than {that.title}",
            {
                "price_this": money(this.price),
                "price_that": money(that.price),
                "difference": apart,
                "dearer": "this" if is_dearer else "that",
                "currency": self.store.currency,
            },
        )


def _but(product: Product, name: str) -> dict[str, str]:
    return {other: value for other, value in product.attributes.items() if other != name}


def _of(
    product: Product, kind: EvidenceKind, text: str, data: dict[str, Any], *more: str
) -> Evidence:
    one = product.product_id
    return make_evidence(kind, (one, *more), (one,), text, data, CATALOGUE)


def _of_two(
    this: Product,
    that: Product,
    kind: EvidenceKind,
    text: str,
    data: dict[str, Any],
    *more: str,
) -> Evidence:
    two = (this.product_id, that.product_id)
    return make_evidence(kind, (*two, *more), two, text, data, BOTH)
