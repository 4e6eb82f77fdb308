"""The gate: no clause reaches a screen unless a record supports it.

It knows claims, evidence and the catalogue; it knows nothing of how clauses are composed. A claim
passes when

1. it cites evidence of a kind that can carry it, and that evidence is what the store says now;
2. every quotation stands word for word in a cited review;
3. every product or brand it names belongs to the cited evidence;
4. every number, in digits or words, is a value of the cited evidence *with that unit*, and parts
   and wholes ("38 of the 412") are the right way round;
5. comparisons are recomputed: better, worse, dearer and cheaper must follow from the two records;
6. what is left are connecting words of the project's own closed list, and a denial only where the
   evidence denies.

Verdicts carry their reason. The gate is the second line: decoding is constrained before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from assistant.answer import Answer, Claim, ClaimCheck, ClaimKind, Phrase
from assistant.clauses import PARTS
from assistant.conversation import Language
from assistant.formatting import as_decimal, readable
from assistant.prompting import connecting_words, load_wordings
from assistant.quantities import Quantity, plain, quantities
from retrieval.config import StoreConfig
from retrieval.data.dataset import Catalogue, Product
from retrieval.evidence import Evidence, EvidenceKind

CARRIES: Mapping[ClaimKind, frozenset[EvidenceKind]] = {
    "number": frozenset(
        {"price", "stock", "rating", "total", "count", "bound", "rank", "constraint", "cart"}
    ),
    "attribute": frozenset({"attribute", "category", "compatibility"}),
    "statistic": frozenset(
        {"bought_together", "viewed_together", "bought_next", "popularity", "own_history"}
    ),
    "comparison": frozenset({"comparison", "difference", "bound", "rank"}),
    "quote": frozenset({"quote", "complaint"}),
    "opinion": frozenset({"quote", "complaint"}),
    "offer": frozenset({"offer"}),
    "policy": frozenset({"constraint", "bound", "cart", "count"}),
}
STORED: frozenset[EvidenceKind] = frozenset(
    {
        "attribute", "category", "price", "stock", "rating", "quote", "complaint",
        "bought_together", "viewed_together", "popularity", "own_history", "compatibility",
        "comparison", "difference",
    }
)  # fmt: skip
"""Kinds that can be made again from their id; the gate does so."""
MONEY_FIELDS = frozenset(
    {
        "price", "list_price", "saving", "price_after", "price_this", "price_that", "difference",
        "total", "left", "budget", "value", "wanted", "actual",
    }
)  # fmt: skip
PERCENT_FIELDS = frozenset({"confidence", "low", "high", "share", "value"})
TIMES_FIELDS = frozenset({"lift"})
DATE_FIELDS = frozenset({"from", "to", "last_at", "created_at", "ends_at"})
PLAIN_FIELDS = frozenset(
    {
        "count", "n_anchor", "n_other", "n", "stock", "rating", "rating_count", "n_shoppers",
        "n_reviews", "rank", "k", "value", "wanted", "actual", "this_count", "that_count", "this",
        "that",
    }
)  # fmt: skip
PART_AND_WHOLE: Mapping[str, tuple[str, str]] = {
    "bought_together": ("count", "n_anchor"),
    "viewed_together": ("count", "n_anchor"),
    "bought_next": ("count", "n_anchor"),
    "complaint": ("count", "n_reviews"),
}
QUOTED = re.compile(r"[“\"「『]([^”\"」』]*)[”\"」』]")
OF = re.compile(r"(\d[\d,]*) of (?:the |its |their )?(\d[\d,]*)")
WHOLE = re.compile(
    r"\b[Oo]f (?:the )?(\d[\d,]*) (?:baskets|visits)"
    r"|(\d[\d,]*)(?:个[^，。0-9]*购物篮|次访问|条评价[里中])"
)
PART = re.compile(r"(\d[\d,]*)(?:个(?:同时|也)|次也|条(?:只)?给了)")
DENIALS = re.compile(
    r"\b(?:not|no|never|nothing|neither|nor|none|without|cannot|n't)\b|n't\b|不|没|无|别",
    re.IGNORECASE,
)
DENYING: frozenset[EvidenceKind] = frozenset({"constraint", "bound", "count", "rank", "cart"})
UP = re.compile(r"\b(?:gain|better)\b|更好|更优", re.IGNORECASE)
DOWN = re.compile(r"\b(?:lose|worse)\b|不如|稍逊", re.IGNORECASE)
MORE = re.compile(r"\bmore\b|贵", re.IGNORECASE)
LESS = re.compile(r"\b(?:less|cheaper)\b|便宜", re.IGNORECASE)
SUPERLATIVES = re.compile(
    r"\b(?:best|cheapest|dearest|most|lowest|highest|only|first)\b|最|唯一", re.IGNORECASE
)

Resolve = Callable[[str], Evidence | None]


class Gate:
    """Checks answers against evidence and one store's catalogue."""

    def __init__(self, catalogue: Catalogue, config: StoreConfig, resolve: Resolve) -> None:
        self._catalogue = catalogue
        self._config = config
        self._resolve = resolve
        self._brands = {b.casefold() for b in catalogue.brands if len(b) > 1}
        longest = sorted(self._brands, key=len, reverse=True)
        self._brand_pattern = (
            re.compile("|".join(_bounded(b) for b in longest)) if longest else None
        )
        self._words: dict[Language, frozenset[str]] = {
            language: load_wordings().words(language) for language in ("en", "zh")
        }

    def check_answer(
        self, answer: Answer, evidence: Mapping[str, Evidence], language: Language
    ) -> tuple[ClaimCheck, ...]:
        """Return one verdict per claim, in order; a bad phrase fails as an extra last verdict."""
        verdicts = [self.check(claim, evidence, language) for claim in answer.claims]
        for piece in answer.pieces:
            if isinstance(piece, Phrase):
                verdict = self.check_phrase(piece, language)
                if not verdict.supported:
                    verdicts.append(verdict)
        return tuple(verdicts)

    def check_phrase(self, phrase: Phrase, language: Language) -> ClaimCheck:
        """A phrase must be one of the closed list, as it stands there."""
        known = any(phrase.text in p[language] for p in load_wordings().phrases.values())
        reason = "a phrase of the closed list" if known else "a phrase outside the closed list"
        return ClaimCheck(supported=known, reason=reason)

    def check(
        self, claim: Claim, evidence: Mapping[str, Evidence], language: Language
    ) -> ClaimCheck:
        """Return the verdict on one claim, with its reason."""
        problem = next(self._problems(claim, evidence, language), None)
        if problem is not None:
            return ClaimCheck(supported=False, reason=problem)
        return ClaimCheck(supported=True, reason=f"agrees with {', '.join(claim.evidence_ids)}")

    def _problems(
        self, claim: Claim, evidence: Mapping[str, Evidence], language: Language
    ) -> Iterator[str]:
        missing = [i for i in claim.evidence_ids if i not in evidence]
        if missing or not claim.evidence_ids:
            yield f"cites no evidence of this turn ({', '.join(missing) or 'nothing cited'})"
            return
        facts = [evidence[i] for i in claim.evidence_ids]
        yield from self._wrong_evidence(claim, facts)
        text = claim.text
        for quotation in QUOTED.findall(text):
            if not self._is_quoted(quotation, facts):
                yield f"“{quotation[:60]}” stands in no cited record"
        if claim.kind in ("quote", "opinion") and not QUOTED.search(text):
            yield "states an opinion without quoting it"
        yield from self._wrong_order(claim, facts)
        bare = self._without_bound(QUOTED.sub(" ", text), facts, language)
        yield from self._foreign_names(bare)
        yield from self._wrong_numbers(bare, facts)
        yield from self._wrong_direction(claim, facts)
        yield from self._unknown_words(bare, language)
        if DENIALS.search(bare) and not any(_denies(f) for f in facts):
            yield "denies what its evidence does not deny"
        if SUPERLATIVES.search(bare) and not any(f.kind in ("bound", "rank") for f in facts):
            yield "uses a superlative that no table look-up supports"

    def _wrong_evidence(self, claim: Claim, facts: Iterable[Evidence]) -> Iterator[str]:
        for fact in facts:
            if fact.kind not in CARRIES[claim.kind]:
                yield f"a {claim.kind} claim cannot rest on {fact.kind} evidence"
            if fact.kind in STORED:
                now = self._resolve(fact.evidence_id)
                if now is None:
                    yield f"{fact.evidence_id} is no record of this store"
                elif dict(now.data) != dict(fact.data):
                    yield f"{fact.evidence_id} differs from what the store says"

    # what the evidence allows to be written

    def _without_bound(self, text: str, facts: Iterable[Evidence], language: Language) -> str:
        """Blank out every name and value that the cited evidence holds, longest first."""
        strings = {s for fact in facts for s in self._strings(fact, language) if s}
        for string in sorted(strings, key=len, reverse=True):
            text = re.sub(_bounded(string), " ", text)
        return text

    def _strings(self, fact: Evidence, language: Language) -> Iterator[str]:
        ids = [*fact.product_ids]
        for field in ("anchor", "other", "holder", "product_id", "ahead"):
            ids.append(str(fact.data.get(field)))
        products = [self._catalogue[i] for i in ids if i in self._catalogue]
        for product in products:
            yield from _titles(product, language)
        yield from self._attribute_strings(fact, products, language)
        for field in ("label", "offer_id", "chip", "spoken"):
            value = fact.data.get(field)
            yield from value if isinstance(value, list) else [str(value or "")]
        for field in ("category", "anchor_category", "of"):
            value = fact.data.get(field)
            names = value if isinstance(value, list) else str(value or "").split(" > ")
            for one in names:
                yield str(one)
                yield from self._category_names(str(one), language)
        if fact.kind == "rank":
            yield from (part[0 if language == "en" else 1] for part in PARTS.values())

    def _attribute_strings(
        self, fact: Evidence, products: Iterable[Product], language: Language
    ) -> Iterator[str]:
        name = fact.data.get("name")
        if isinstance(name, str):
            yield readable(name)
            label = self._config.labels.get(language, {}).get(name, readable(name))
            yield from (label, label[:1].lower() + label[1:])
            yield from (_translated(product, name, language) for product in products)
            if name == "rating":
                yield "评分"
        for field in ("value", "this", "that", "wanted", "actual"):
            value = fact.data.get(field)
            if isinstance(value, str) and as_decimal(value) is None:
                yield value

    def _category_names(self, name: str, language: Language) -> Iterator[str]:
        for product in self._catalogue.products:
            if name in product.category:
                translated = product.translations.get(language, {}).get("category")
                if isinstance(translated, list) and len(translated) == len(product.category):
                    yield str(translated[product.category.index(name)])
                return

    def _is_quoted(self, quotation: str, facts: Iterable[Evidence]) -> bool:
        for fact in facts:
            if fact.kind in ("quote", "complaint") and _same(quotation) in _same(fact.data["text"]):
                return True
            spoken = [fact.data.get("chip"), fact.data.get("of"), fact.data.get("anchor_category")]
            if any(quotation and quotation in str(s) for s in spoken if s):
                return True
            for field in ("of", "anchor_category", "category"):
                value = fact.data.get(field)
                names = value if isinstance(value, list) else str(value or "").split(" > ")
                if any(
                    quotation in (name, *self._category_names(str(name), "zh"))
                    for name in names
                    if name
                ):
                    return True
            if fact.kind == "rank" and any(quotation in part for part in PARTS.values()):
                return True
        return False

    # single checks

    def _foreign_names(self, bare: str) -> Iterator[str]:
        found = self._brand_pattern.search(bare.casefold()) if self._brand_pattern else None
        if found is not None:
            yield f"names “{found[0]}”, which is not in its evidence"

    def _wrong_numbers(self, bare: str, facts: Iterable[Evidence]) -> Iterator[str]:
        allowed = {unit: set[str]() for unit in ("money", "percent", "times", "date", "plain")}
        for fact in facts:
            for unit, values in _values(fact).items():
                allowed[unit] |= values
        for quantity in quantities(bare):
            if quantity.value not in allowed[quantity.unit] and not _is_scale(quantity, facts):
                yield f"“{quantity.text}” is no {quantity.unit} value of its evidence"

    def _wrong_order(self, claim: Claim, facts: Iterable[Evidence]) -> Iterator[str]:
        """Parts and wholes, anchors and products must be the right way round."""
        for fact in facts:
            if fact.kind not in PART_AND_WHOLE:
                continue
            part, whole = (str(fact.data[name]) for name in PART_AND_WHOLE[fact.kind])
            text = QUOTED.sub(" ", claim.text)
            for found in OF.finditer(text):
                if (plain(found[1]), plain(found[2])) != (part, whole):
                    yield f"“{found[0]}” should be {part} of {whole}"
            for found in WHOLE.finditer(text):
                if plain(found[1] or found[2]) != whole:
                    yield f"“{found[0]}” should be {whole}"
            for found in PART.finditer(text):
                if plain(found[1]) != part:
                    yield f"“{found[0]}” should be {part}"
            anchor = fact.data.get("anchor")
            if anchor and not self._is_anchor(claim.text, anchor):
                yield "the product that the baskets were chosen by is named the wrong way round"

    def _is_anchor(self, text: str, anchor: str) -> bool:
        leads = ("with ", "looked at ", "含", "买", "浏览", "看过")
        return any(
            f"{lead}{title}" in text
            for title in {
                *_titles(self._catalogue[anchor], "en"),
                *_titles(self._catalogue[anchor], "zh"),
            }
            for lead in leads
        )

    def _wrong_direction(self, claim: Claim, facts: Iterable[Evidence]) -> Iterator[str]:
        for fact in facts:
            if fact.kind == "difference":
                first = self._first_named(claim.text, fact.product_ids)
                dearer = fact.product_ids[0 if fact.data["dearer"] == "this" else 1]
                if MORE.search(claim.text) and first != dearer:
                    yield f"{first} is not the dearer one"
                if LESS.search(claim.text) and first == dearer:
                    yield f"{first} is not the cheaper one"
            if fact.kind == "comparison":
                better = fact.data["better"]
                if better not in ("this", "neither", "that"):
                    yield "the comparison has no verdict"
                if UP.search(claim.text) and better != "this":
                    yield f"{fact.data['name']} is not better"
                if DOWN.search(claim.text) and better != "that":
                    yield f"{fact.data['name']} is not worse"
                yield from self._wrong_sides(claim, fact)

    def _wrong_sides(self, claim: Claim, fact: Evidence) -> Iterator[str]:
        """The first value in the text must be the first product's."""
        this, that = (
            {str(fact.data[side]), *(_translated(self._catalogue[p], fact.data["name"], "zh"),)}
            for side, p in zip(("this", "that"), fact.product_ids, strict=True)
        )
        text = claim.text
        for product_id in fact.product_ids:
            for title in sorted(
                {
                    *_titles(self._catalogue[product_id], "en"),
                    *_titles(self._catalogue[product_id], "zh"),
                },
                key=len,
                reverse=True,
            ):
                text = text.replace(title, " ")
        at_this = min((text.find(v) for v in this if v and v in text), default=-1)
        at_that = max((text.rfind(v) for v in that if v and v in text), default=-1)
        if at_this < 0 or at_that < 0 or (at_this > at_that and this != that):
            yield f"the two values of {fact.data['name']} are missing or the wrong way round"

    def _first_named(self, text: str, product_ids: Iterable[str]) -> str:
        places = []
        for product_id in product_ids:
            product = self._catalogue[product_id]
            found = [
                (text.find(t), -len(t))
                for t in {*_titles(product, "en"), *_titles(product, "zh")}
                if t in text
            ]
            places.append((*min(found, default=(len(text), 0)), product_id))
        return min(places)[2]

    def _unknown_words(self, bare: str, language: Language) -> Iterator[str]:
        known = self._words[language]
        for word in connecting_words(bare, language):
            if word not in known and word.strip("'"):
                yield f"“{word}” is neither in its evidence nor a connecting word"


def _denies(fact: Evidence) -> bool:
    if fact.kind == "compatibility":
        return not fact.data["works"]
    if fact.kind == "stock":
        return fact.data["stock"] == 0
    if fact.kind == "comparison":
        return fact.data["better"] == "that"  # 不如
    return fact.kind in DENYING or fact.kind == "category"


def _is_scale(quantity: Quantity, facts: Iterable[Evidence]) -> bool:
    """The scale of ratings: "of 5", "满分5分", "1 or 2 stars"."""
    kinds = {fact.kind for fact in facts}
    if quantity.unit != "plain":
        return False
    rated = bool(kinds & {"rating", "bound", "comparison"})
    return (quantity.value == "5" and rated) or (
        quantity.value in ("1", "2") and "complaint" in kinds
    )


def _values(fact: Evidence) -> dict[str, set[str]]:
    """Return every number that a fact allows, by unit."""
    found: dict[str, set[str]] = {u: set() for u in ("money", "percent", "times", "date", "plain")}
    fields = {
        "money": MONEY_FIELDS,
        "percent": PERCENT_FIELDS,
        "times": TIMES_FIELDS,
        "plain": PLAIN_FIELDS,
    }
    for name, value in fact.data.items():
        number = _number(value)
        if name in DATE_FIELDS and isinstance(value, str):
            found["date"].add(value)
        if number is None:
            continue
        for unit, names in fields.items():
            if name in names:
                found[unit].add(number)
    return found


def _number(value: Any) -> str | None:  # noqa: ANN401 - evidence data is JSON
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    return None if as_decimal(text) is None else plain(text)


def _titles(product: Product, language: Language) -> Iterator[str]:
    for title in {product.title, product.title_in(language)}:
        yield title
        if len(title) > 80:
            yield title[:80].rsplit(" ", 1)[0].rstrip(",;–- ")


def _translated(product: Product, name: str, language: Language) -> str:
    attributes = product.translations.get(language, {}).get("attributes")
    return str(attributes.get(name) or "") if isinstance(attributes, Mapping) else ""


def _bounded(string: str) -> str:
    """Match a string whole: not inside a longer word or number."""
    before = r"(?<![A-Za-z0-9.])" if re.match(r"[A-Za-z0-9]", string) else ""
    after = r"(?![A-Za-z0-9]|[.,]\d)" if re.search(r"[A-Za-z0-9]$", string) else ""
    return before + re.escape(string) + after


def _same(text: str) -> str:
    return " ".join(text.split())
