"""Which raw rows a record rests on, and as much beside them that it does not.

For a record of events the cited rows are the events that make its count, the control as many events
of the same products and types outside it: for "38 of the 412 baskets with the tent also held the
mat" the tent's lines in those 38 baskets, and the tent's lines in 38 of the other 374. For a record
of the catalogue they are the values or words stated, and as many values or words beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.removal import Removal
from retrieval.behaviour.base import PURCHASE, TYPES
from retrieval.evidence import Evidence
from retrieval.store import Store
from retrieval.text.tokens import tokenise

Mask = NDArray[np.bool_]
WORD = re.compile(r"\w+")
TEXTS = ("title", "description")
"""Columns whose words are taken out one by one, beside the values of attributes."""


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What is taken out for a record, and instead of it."""

    cited: Removal
    control: Removal


class RawEvidence:
    """Finds the raw rows behind records of one store."""

    def __init__(self, store: Store, rng: np.random.Generator) -> None:
        self._store, self._rng = store, rng
        self._log = store.behaviour.interactions
        self._rows = {
            row["product_id"]: row for row in store.dataset.products.iter_rows(named=True)
        }

    def removed(
        self, product_id: str, facts: Collection[Evidence], shopper_id: str | None
    ) -> Removed | None:
        """Return what the records of a suggestion rest on, and as much beside it.

        None where nothing is beside it.
        """
        mine = np.zeros(len(self._log.product), bool)
        beside = np.zeros(len(self._log.product), bool)
        for fact in (fact for fact in facts if fact.kind in EVENTS):
            counted, free = self._events(fact, shopper_id)
            mine |= counted
            beside |= free
        places = np.flatnonzero(beside & ~mine)
        n = min(int(mine.sum()), len(places))
        control = np.sort(self._rng.choice(places, n, replace=False)) if n else places[:0]
        stated = [fact for fact in facts if fact.kind not in EVENTS]
        cut = self._stated(product_id, stated) if stated else _Cut()
        instead = self._instead(product_id, cut)
        both = Removed(
            cited=Removal(
                events=np.flatnonzero(mine),
                products={product_id: cut.columns} if cut.columns else {},
            ),
            control=Removal(events=control, products={product_id: instead} if instead else {}),
        )
        return None if both.control.is_empty or both.cited.is_empty else both

    # events

    def _events(self, fact: Evidence, shopper_id: str | None) -> tuple[Mask, Mask]:
        """Return the events that make a record's count, and the like of them that do not."""
        log, data = self._log, fact.data
        bought = log.type == PURCHASE
        if fact.kind in ("bought_together", "viewed_together"):
            group = log.basket if fact.kind == "bought_together" else log.session
            counted = bought if fact.kind == "bought_together" else group >= 0
            anchor = counted & self._of(data["anchor"], data.get("anchor_category"))
            other = counted & self._of(data["other"], data.get("other_category"))
            shared = np.isin(group, group[other & (group >= 0)])
            return anchor & shared, anchor & ~shared
        if fact.kind == "bought_next":
            anchor = bought & self._of(data["anchor"], None)
            other = bought & self._of(data["other"], None)
            shared = np.isin(log.shopper, log.shopper[other])
            return anchor & shared, anchor & ~shared
        if fact.kind == "popularity":
            own = self._of(fact.product_ids[0], None)
            return bought & own, bought & ~own
        row = self._store.behaviour.profiles.row(shopper_id or "")
        mine = (log.shopper == row) & (log.type == TYPES.index(data.get("type", "purchase")))
        about = self._of(next(iter(fact.product_ids), None), data.get("category"))
        return mine & about, mine & ~about

    def _of(self, product_id: object, category: object) -> Mask:
        """Return the events with a product, or with any product of a category."""
        catalogue = self._store.catalogue
        if product_id is not None:
            return self._log.product == catalogue.row(str(product_id))
        leaf = catalogue.leaves.index(str(category))
        return catalogue.leaf_code[self._log.product] == leaf

    # what the catalogue states

    def _stated(self, product_id: str, facts: Collection[Evidence]) -> _Cut:
        """Return the columns of a product without what the records state."""
        row, cut = self._rows[product_id], _Cut()
        for fact in facts:
            name = str(fact.data.get("name"))
            if fact.kind == "match":
                cut.terms |= {term for word in fact.data["words"] for term in tokenise(word)}
            elif fact.kind == "description":
                cut.spans.append((fact.data["start"], fact.data["end"]))
            elif fact.kind == "category":
                cut.columns["category"] = []
                cut.n_words += len(WORD.findall(" ".join(fact.data["category"])))
            elif fact.kind == "difference":
                cut.columns["price_minor"] = None
                cut.n_values += 1
            elif fact.kind == "rating" or name == "rating":
                cut.columns |= {"rating": None, "rating_count": None}
                cut.n_values += 1
            elif fact.kind == "compatibility":
                cut.attributes |= _fitting(row, fact)
            elif name == "brand" and name not in json.loads(row["attributes"]):
                cut.columns["brand"] = None
                cut.n_words += len(WORD.findall(str(row["brand"])))
            else:
                cut.attributes.add(name)
        _take_out(row, cut)
        return cut

    def _instead(self, product_id: str, cut: _Cut) -> dict[str, object]:
        """Return the columns without as many other values and words, drawn at random."""
        row = self._rows[product_id]
        held = json.loads(row["attributes"] or "{}")
        free = self._rng.permutation(sorted(set(held) - cut.attributes)).tolist()
        drawn = set(free[: cut.n_values])
        left = {name: value for name, value in held.items() if name not in drawn}
        found: dict[str, object] = {}
        if drawn:
            found["attributes"] = json.dumps(left, ensure_ascii=False)
        return found | self._without_words(row, cut, left) if cut.n_words else found

    def _without_words(
        self, row: Mapping[str, Any], cut: _Cut, attributes: Mapping[str, str]
    ) -> dict[str, object]:
        """Take as many words out of the texts that no record cites."""
        texts = {name: str(row[name] or "") for name in TEXTS}
        texts |= {f"attribute {name}": value for name, value in attributes.items()}
        places = [
            (name, match.start(), match.end())
            for name, text in texts.items()
            for match in WORD.finditer(text)
            if not set(tokenise(match[0])) & cut.terms
            and not (name == "description" and cut.holds(match.start()))
            and name.removeprefix("attribute ") not in cut.attributes
        ]
        chosen = self._rng.permutation(len(places))[: cut.n_words]
        for name, start, end in sorted((places[i] for i in chosen), key=lambda p: -p[1]):
            texts[name] = texts[name][:start] + texts[name][end:]
        left = {name: texts[f"attribute {name}"] for name in attributes}
        return {
            **{name: " ".join(texts[name].split()) for name in TEXTS},
            "attributes": json.dumps(left, ensure_ascii=False),
        }


@dataclass(kw_only=True)
class _Cut:
    """What is taken out of one product's row."""

    columns: dict[str, object] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Of the description."""
    n_values: int = 0
    n_words: int = 0

    def holds(self, place: int) -> bool:
        """Whether a place of the description lies in a sentence that is cited."""
        return any(start <= place < end for start, end in self.spans)


EVENTS = frozenset(
    {
        "bought_together", "viewed_together", "bought_next", "popularity", "own_history",
        "repurchase",
    }
)  # fmt: skip


def _fitting(row: Mapping[str, Any], fact: Evidence) -> set[str]:
    """Return the attributes of a product that state a fit, as holder or as the other."""
    name = str(fact.data["name"])
    wanted = name if row["product_id"] == fact.data["other"] else f"fits {name}"
    held = json.loads(row["attributes"])
    return {own for own in held if own.casefold() == wanted.casefold()}


def _take_out(row: Mapping[str, Any], cut: _Cut) -> None:
    """Fill the columns without the attributes, sentences and words of a cut."""
    description = str(row["description"] or "")
    for start, end in sorted(cut.spans, reverse=True):
        cut.n_words += len(WORD.findall(description[start:end]))
        description = description[:start] + description[end:].lstrip()
    held = json.loads(row["attributes"] or "{}")
    left = {name: value for name, value in held.items() if name not in cut.attributes}
    cut.n_values += len(cut.attributes)
    if cut.spans:
        cut.columns["description"] = description
    if cut.attributes:
        cut.columns["attributes"] = json.dumps(left, ensure_ascii=False)
    if not cut.terms:
        return
    plain = _Plain(cut.terms)
    category = cut.columns.get("category", row["category"] or [])
    cut.columns |= {
        "title": plain(row["title"]),
        "description": plain(description),
        "brand": plain(row["brand"] or "") or None,
        "category": [name for name in plain.each(category) if name],
        "attributes": json.dumps(
            {plain(name): value for name, value in plain.each(left).items()}, ensure_ascii=False
        ),
        "translations": json.dumps(
            plain.each(json.loads(row["translations"] or "{}")), ensure_ascii=False
        ),
    }
    cut.n_words += plain.n


class _Plain:
    """Takes words out of texts, and counts them."""

    def __init__(self, terms: set[str]) -> None:
        self._terms = terms
        self.n = 0

    def __call__(self, text: str) -> str:
        """Return the text without every word that is one of the terms."""
        found = WORD.sub(self._kept, text)
        return text if found == text else " ".join(found.split())

    def _kept(self, word: re.Match[str]) -> str:
        gone = bool(set(tokenise(word[0])) & self._terms)
        self.n += gone
        return "" if gone else word[0]

    def each(self, held: Any) -> Any:  # noqa: ANN401 - JSON
        """Return lists and objects with every text in them so changed."""
        if isinstance(held, str):
            return self(held)
        if isinstance(held, dict):
            return {name: self.each(value) for name, value in held.items()}
        return [self.each(value) for value in held] if isinstance(held, list) else held
