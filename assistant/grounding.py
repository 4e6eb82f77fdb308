"""The gate: no clause reaches a screen unless a record supports it.

It knows claims, evidence and the catalogue; it knows nothing of how clauses are composed. A claim
passes when

1. it cites evidence of this turn, of a kind that can carry it, and that evidence is what the store
   says now: read again by its id, or, for sums and limits, added up again (`recounting`);
2. every quotation is a cited review sentence, whole and word for word;
3. it says which product it speaks of, and names no other product or brand;
4. every number, in digits or words, is a value of the evidence with that unit and currency, and
   stands where that value belongs: "38 of the 412" is not "412 of the 38";
5. it says no less than some wording says, and nothing that the record does not bear out
   (`meanings`): better, worse, cheaper, cheapest, in stock, denials;
6. what is left are words that the project's own wordings use for such evidence (`readings`), in
   characters that they use, each after a word that it follows there.

Verdicts carry their reason. The gate is the second line: decoding is constrained before it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from assistant.answer import Answer, Claim, ClaimCheck, ClaimKind, Phrase
from assistant.clauses import Speaker
from assistant.conversation import Language
from assistant.formatting import SIGNS, as_decimal
from assistant.meanings import contradictions, losing_parts, top_part, unpaired
from assistant.prompting import load_wordings
from assistant.quantities import Quantity, plain
from assistant.readings import (
    NAME,
    QUOTE,
    Number,
    Reading,
    fits,
    numbers,
    reading,
    runs_of,
)
from assistant.recounting import miscounts
from retrieval.config import StoreConfig
from retrieval.data.dataset import Catalogue
from retrieval.evidence import Evidence, EvidenceKind
from retrieval.records import OF_ONE_TURN

CARRIES: Mapping[ClaimKind, frozenset[EvidenceKind]] = {
    "number": frozenset(
        {
            "price",
            "stock",
            "rating",
            "total",
            "count",
            "bound",
            "rank",
            "constraint",
            "change",
            "cart",
            "disagreement",
        }
    ),
    "attribute": frozenset({"attribute", "category", "compatibility", "match"}),
    "statistic": frozenset(
        {
            "bought_together",
            "viewed_together",
            "bought_next",
            "popularity",
            "own_history",
            "repurchase",
        }
    ),
    "comparison": frozenset({"comparison", "difference", "bound", "rank"}),
    "quote": frozenset({"quote", "complaint", "description"}),
    "opinion": frozenset({"aspect_opinion", "shared_complaint"}),
    "offer": frozenset({"offer"}),
    "policy": frozenset({"placement", "constraint", "change", "bound", "cart", "count"}),
}
QUOTED = frozenset({"quote", "complaint", "description", "aspect_opinion", "shared_complaint"})
"""Kinds that hold a sentence to be quoted."""
MONEY_FIELDS = frozenset(
    {"price", "list_price", "saving", "price_after", "difference", "total", "left", "budget"}
)
UNIT_FIELDS = {"confidence": "percent", "lift": "times"}
DATE_FIELDS = frozenset({"from", "to", "last_at"})
MONEY_NAMES = frozenset({"price_max", "price_min", "total_max", "cheapest", "dearest"})
"""Limits and table look-ups whose `value`, `wanted` and `actual` are amounts of money."""
LEADS = (
    "with ", "without ", "that looked at ", "who bought ", "含", "买", "浏览", "看过", "买过",
    "加上", "不算",
)  # fmt: skip
"""What stands directly before the product whose baskets or visits were counted."""
TIES = ("bought_together", "viewed_together", "bought_next")
MORE = re.compile(r"\bmore\b|贵", re.IGNORECASE)
LESS = re.compile(r"\b(?:less|cheaper)\b|便宜", re.IGNORECASE)
QUOTATION = re.compile(r"[“”‘「」『』\"]")
MARKED = re.compile(rf"[“「『\"]\s*{NAME}\s*[”」』\"]")
UNSEEN = frozenset({"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"})
"""Unicode categories that a reader cannot see or that reorder what is seen."""

Resolve = Callable[[str], Evidence | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim taken apart."""

    claim: Claim
    facts: tuple[Evidence, ...]
    language: Language
    topic: str | None
    bare: str
    """The text with names, values and quotations of the evidence taken out."""
    places: Mapping[str, list[int]]
    """Field → where its name, value or number stands."""
    numbers: tuple[tuple[Number, tuple[str, ...]], ...]
    """Every number left in the text, with the fields that have its value and unit."""
    reading: Reading


class Gate:
    """Checks answers against evidence and one store's catalogue."""

    def __init__(
        self, catalogue: Catalogue, config: StoreConfig, currency: str, resolve: Resolve
    ) -> None:
        self._catalogue = catalogue
        self._currency = currency
        self._resolve = resolve
        self._speakers: Mapping[Language, Speaker] = {
            language: Speaker(catalogue, config, currency, language) for language in ("en", "zh")
        }

    @cached_property
    def _brand_pattern(self) -> re.Pattern[str] | None:
        brands = {b.casefold() for b in self._catalogue.brands if len(b) > 1}
        longest = sorted(brands, key=len, reverse=True)
        return re.compile("|".join(_bounded(b) for b in longest)) if longest else None

    @cached_property
    def _characters(self) -> frozenset[str]:
        texts = [
            text
            for wording in load_wordings().clauses.values()
            for language in ("en", "zh")
            for text in wording.all_variants(language)
        ]
        digits_and_names = f"0123456789.,%{NAME}{QUOTE}{''.join(SIGNS.values())}{self._currency}"
        return frozenset("".join(texts)) | frozenset(digits_and_names)

    def check_answer(
        self, answer: Answer, evidence: Mapping[str, Evidence], language: Language
    ) -> tuple[ClaimCheck, ...]:
        """Return one verdict per claim, in order; a bad phrase fails as an extra last verdict."""
        verdicts, topic = [], None
        for claim in answer.claims:
            verdicts.append(self.check(claim, evidence, language, topic=topic))
            topic = claim.product_id
        for piece in answer.pieces:
            if isinstance(piece, Phrase):
                verdict = self.check_phrase(piece, language)
                if not verdict.supported:
                    verdicts.append(verdict)
        return tuple(verdicts)

    def check_phrase(self, phrase: Phrase, language: Language) -> ClaimCheck:
        """A phrase must be one of the closed list, as it stands there."""
        wording = load_wordings()
        known = any(
            phrase.text in (*texts[language], *wording.repeated(key, language))
            for key, texts in wording.phrases.items()
        )
        reason = "a phrase of the closed list" if known else "a phrase outside the closed list"
        return ClaimCheck(supported=known, reason=reason)

    def check(
        self,
        claim: Claim,
        evidence: Mapping[str, Evidence],
        language: Language,
        *,
        topic: str | None = None,
    ) -> ClaimCheck:
        """Return the verdict on one claim, with its reason.

        Args:
            claim: What is to be said.
            evidence: All records of this turn.
            language: Of the reply.
            topic: The product that the claim before spoke of, or that the card shows: "it".
        """
        problem = next(self._problems(claim, evidence, language, topic), None)
        if problem is not None:
            return ClaimCheck(supported=False, reason=problem)
        return ClaimCheck(supported=True, reason=f"agrees with {', '.join(claim.evidence_ids)}")

    def _problems(
        self,
        claim: Claim,
        evidence: Mapping[str, Evidence],
        language: Language,
        topic: str | None,
    ) -> Iterator[str]:
        missing = [i for i in claim.evidence_ids if i not in evidence]
        if missing or not claim.evidence_ids:
            yield f"cites no evidence of this turn ({', '.join(missing) or 'nothing cited'})"
            return
        facts = tuple(evidence[i] for i in claim.evidence_ids)
        case = self._take_apart(claim, facts, evidence, language, topic)
        for check in (
            self._wrong_kind,
            self._stale,
            self._miscounted,
            self._unseen,
            self._wrong_quotes,
            self._foreign_names,
            self._unclear_product,
            self._wrong_numbers,
            self._wrong_places,
            self._wrong_currency,
            self._wrong_order,
            self._wrong_direction,
            self._contradictions,
            self._other_clause,
            self._strange_characters,
            self._incomplete,
            self._strange_order,
        ):
            yield from check(case)

    # taking the text apart

    def _take_apart(
        self,
        claim: Claim,
        facts: tuple[Evidence, ...],
        evidence: Mapping[str, Evidence],
        language: Language,
        topic: str | None,
    ) -> Case:
        """Take the evidence's quotations, names and values out, longest first."""
        text = _without_quotes(claim.text, facts)
        kinds = tuple(dict.fromkeys(fact.kind for fact in facts))
        attested = reading(claim.kind, kinds, language)
        spoken = frozenset().union(*attested.variants)
        strings: dict[str, set[str]] = {}
        for fact in facts:
            named = self._name_strings(fact, claim, evidence, language)
            said = ((n, s) for n, s in self._value_strings(fact, language) if n in spoken)
            for name, string in (*named, *said):
                strings.setdefault(string, set()).add(name)
        bare, places = _taken_out(text, strings)
        if QUOTE in text:
            places["quote"] = [text.index(QUOTE)]
        values = _values(facts, attested)
        found = tuple((n, _fields(n.quantity, values)) for n in numbers(bare))
        for number, names in found:
            for name in names:
                if fits(number, name, attested):
                    places.setdefault(name, []).append(number.quantity.start)
        return Case(
            claim=claim,
            facts=facts,
            language=language,
            topic=topic,
            bare=bare,
            places=places,
            numbers=found,
            reading=attested,
        )

    def _name_strings(
        self, fact: Evidence, claim: Claim, evidence: Mapping[str, Evidence], language: Language
    ) -> Iterator[tuple[str, str]]:
        """Yield role and name of every product of the record."""
        for role, product_id in _roles(fact, claim):
            for name in self._names(product_id, evidence, language):
                yield role, name

    def _value_strings(self, fact: Evidence, language: Language) -> Iterator[tuple[str, str]]:
        """Yield field and string of every text value of the record, as it is read."""
        speaker, data = self._speakers[language], fact.data
        name = str(data.get("name", ""))
        found = [("label", speaker.label(name))]
        for one, owner in _owners(fact):
            value = data.get(one)
            if isinstance(value, str) and as_decimal(value) is None:
                found.append((one, value))
                if owner in self._catalogue:
                    found.append((one, speaker.value(owner, name, value)))
        found += [(one, str(data.get(one, ""))) for one in ("label", "offer_id")]
        found += _quoted_values(fact)
        if data.get("aspect"):
            found.append(("aspect", speaker.aspect(data["aspect"])))
        paths = {"of": data.get("of"), "category": data.get("anchor_category")}
        if fact.kind in ("category", "own_history"):
            path = data.get("category")
            paths["category"] = path if isinstance(path, str) else " > ".join(path or ())
        found += [(one, speaker.category(str(path))) for one, path in paths.items() if path]
        parts = [data["part"]] if "part" in data else [*losing_parts(fact), top_part(fact)]
        found += [("part", speaker.part(part)) for part in parts if part is not None]
        return ((one, string) for one, string in found if string)

    def _names(
        self, product_id: str, evidence: Mapping[str, Evidence], language: Language
    ) -> Iterator[str]:
        """Yield a product's title, and its short one if nothing else in this turn is called so."""
        if product_id not in self._catalogue:
            return
        speaker = self._speakers[language]
        yield speaker.title(product_id)
        yield self._catalogue[product_id].title_in(language)
        short = speaker.short_title(product_id)
        if short is not None and short not in {
            speaker.short_title(other)
            for fact in evidence.values()
            for other in fact.product_ids
            if other != product_id and other in self._catalogue
        }:
            yield short

    # the evidence

    def _wrong_kind(self, case: Case) -> Iterator[str]:
        for fact in case.facts:
            if fact.kind not in CARRIES[case.claim.kind]:
                yield f"a {case.claim.kind} claim cannot rest on {fact.kind} evidence"

    def _stale(self, case: Case) -> Iterator[str]:
        for fact in case.facts:
            if fact.kind not in OF_ONE_TURN:
                now = self._resolve(fact.evidence_id)
                if now is None:
                    yield f"{fact.evidence_id} is no record of this store"
                elif dict(now.data) != dict(fact.data) or now.product_ids != fact.product_ids:
                    yield f"{fact.evidence_id} differs from what the store says"

    def _miscounted(self, case: Case) -> Iterator[str]:
        for fact in case.facts:
            for problem in miscounts(fact, self._catalogue):
                yield f"{fact.evidence_id} does not add up: {problem}"

    # the text

    def _unseen(self, case: Case) -> Iterator[str]:
        if not case.claim.text.strip():
            yield "says nothing"
        for character in case.claim.text:
            if unicodedata.category(character) in UNSEEN and character not in "\n\t":
                yield f"holds the unseen character U+{ord(character):04X}"

    def _wrong_quotes(self, case: Case) -> Iterator[str]:
        if QUOTATION.search(MARKED.sub(NAME, case.bare)):
            yield "quotes what stands in no cited record, or not all of it"
        if case.claim.kind in ("quote", "opinion") and QUOTE not in case.bare:
            yield "states an opinion without quoting it"

    def _foreign_names(self, case: Case) -> Iterator[str]:
        pattern = self._brand_pattern
        found = pattern.search(case.bare.casefold()) if pattern is not None else None
        if found is not None:
            yield f"names “{found[0]}”, which is not in its evidence"

    def _unclear_product(self, case: Case) -> Iterator[str]:
        """The product must be of the evidence, and named unless the text is about it already."""
        own = case.claim.product_id
        known = {p for fact in case.facts for p in fact.product_ids}
        if own is not None and known and own not in known:
            yield f"speaks of {own}, its evidence of {', '.join(sorted(known))}"
        roles = {
            role for fact in case.facts for role, one in _roles(fact, case.claim) if one == own
        }
        if own is not None and case.topic != own and not roles & set(case.places):
            yield f"does not say that it speaks of {own}"
        if any("category" in f.data for f in case.facts) and "category" not in case.places:
            yield "does not say of which category it speaks"

    def _wrong_numbers(self, case: Case) -> Iterator[str]:
        for number, names in case.numbers:
            if not names:
                quantity = number.quantity
                yield f"“{quantity.text}” is no {quantity.unit} value of its evidence"

    def _wrong_places(self, case: Case) -> Iterator[str]:
        """A number stands where the wordings put another field of the same record."""
        for number, names in case.numbers:
            if names and not any(fits(number, name, case.reading) for name in names):
                yield f"“{number.quantity.text}” is {' or '.join(names)}, in the wrong place"

    def _wrong_currency(self, case: Case) -> Iterator[str]:
        currencies = {str(f.data.get("currency") or self._currency) for f in case.facts}
        written = {SIGNS.get(c, c) for c in currencies}
        for number, _ in case.numbers:
            if number.quantity.currency not in (None, *written):
                yield f"“{number.quantity.text}” is not in the shop's currency"

    def _wrong_order(self, case: Case) -> Iterator[str]:
        """Anchors and products, this and that must be the right way round."""
        for fact in case.facts:
            places = case.places
            if fact.data.get("anchor") is not None or (
                fact.kind == "change" and "anchor" in places
            ):
                led = {role: self._is_led(case, role) for role in ("anchor", "product")}
                if not led["anchor"] or led["product"]:
                    yield "the product whose baskets were counted is named the wrong way round"
            if fact.kind == "comparison":
                sides = [(a, b) for a, b in (("product", "anchor"), ("this", "that"))]
                for first, second in sides:
                    if first in places and second in places and (
                        min(places[first]) > min(places[second])
                        or (first == "this" and max(places[first]) > max(places[second]))
                    ):  # fmt: skip
                        yield f"{fact.data['name']} has its two sides the wrong way round"

    def _is_led(self, case: Case, role: str) -> bool:
        text = case.claim.text.casefold()
        return any(text[:at].endswith(LEADS) for at in case.places.get(role, ()))

    def _wrong_direction(self, case: Case) -> Iterator[str]:
        """More and less must follow from the two prices; the first one named is the subject."""
        for fact in case.facts:
            if fact.kind != "difference":
                continue
            more, less = MORE.search(case.bare), LESS.search(case.bare)
            if bool(more) == bool(less):
                yield "does not say which one costs more"
                continue
            at = case.places
            subject = (
                "that"
                if "product" in at and "anchor" in at and min(at["anchor"]) < min(at["product"])
                else "this"
            )
            if (subject == fact.data["dearer"]) != bool(more):
                dearer = fact.product_ids[0 if fact.data["dearer"] == "this" else 1]
                yield f"the other way round: {dearer} is the dearer one"

    def _contradictions(self, case: Case) -> Iterator[str]:
        yield from unpaired(case.bare, case.facts)
        for fact in case.facts:
            yield from contradictions(case.bare, fact)

    def _other_clause(self, case: Case) -> Iterator[str]:
        """A record that says which clause it stands for can carry no other."""
        for fact in case.facts:
            key = _clause_key(fact)
            if key and case.claim.text not in load_wordings().clauses[key].all_variants(
                case.language
            ):
                yield f"is not what “{key}” says"

    def _strange_characters(self, case: Case) -> Iterator[str]:
        strange = [c for c in case.bare if c not in self._characters and not c.isalpha()]
        if strange:
            yield f"holds “{strange[0]}” (U+{ord(strange[0]):04X}), which no wording uses"
        for character in case.bare:
            if character.isalpha() and not character.isascii() and not "一" <= character <= "鿿":
                yield f"holds the letter “{character}” (U+{ord(character):04X}) outside its names"

    def _strange_order(self, case: Case) -> Iterator[str]:
        """Known words in an order of their own can say another thing: "one in 18 reviews"."""
        for pair in runs_of(case.bare, case.language):
            if pair not in case.reading.runs:
                said = (" " if case.language == "en" else "").join(pair).strip("| ")
                said = said.replace(NAME, "…")
                yield f"“{said}” is not how the wordings go"

    def _incomplete(self, case: Case) -> Iterator[str]:
        """Some wording must be said in full; leaving out half of a fact can make it another."""
        left_out = [sorted(variant - set(case.places)) for variant in case.reading.variants]
        if all(left_out):
            fewest = min(map(len, left_out))
            yield f"leaves out {', '.join(min(one for one in left_out if len(one) == fewest))}"


@dataclass(slots=True)
class Judge:
    """The gate on the clauses of one text, one after another: what is accepted becomes "it"."""

    gate: Gate
    evidence: Mapping[str, Evidence]
    language: Language
    topic: str | None = None
    verdicts: dict[Claim, ClaimCheck] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """Why claims were refused."""

    def __call__(self, claim: Claim) -> bool:
        """Whether a claim may be shown."""
        verdict = self.gate.check(claim, self.evidence, self.language, topic=self.topic)
        self.verdicts[claim] = verdict
        if verdict.supported:
            self.topic = claim.product_id
        else:
            self.reasons.append(verdict.reason)
        return verdict.supported


def _without_quotes(text: str, facts: Sequence[Evidence]) -> str:
    """Put a mark in the place of each whole quotation."""
    for fact in facts:
        if fact.kind in QUOTED:
            for opening, closing in ("“”", '""', "「」", "『』"):
                text = text.replace(f"{opening}{fact.data['text']}{closing}", QUOTE)
    return text


def _taken_out(text: str, strings: Mapping[str, set[str]]) -> tuple[str, dict[str, list[int]]]:
    """Return the text with a mark in the place of each string, and field → where it stood."""
    if not strings:  # an empty pattern would be found everywhere
        return text, {}
    longest = sorted(strings, key=len, reverse=True)
    pattern = re.compile("|".join(_bounded(s) for s in longest))
    places: dict[str, list[int]] = {}
    for found in pattern.finditer(text):
        for name in strings[found[0]]:
            places.setdefault(name, []).append(found.start())
    return pattern.sub(NAME, text), places


def _roles(fact: Evidence, claim: Claim) -> Iterator[tuple[str, str]]:
    """Yield role → product id, as the wordings call the products of a record."""
    data, own = fact.data, claim.product_id
    if fact.kind in TIES:
        yield "product", str(data["other"])
        if data["anchor"] is not None:
            yield "anchor", str(data["anchor"])
    elif fact.kind in ("comparison", "difference"):
        yield from zip(("product", "anchor"), fact.product_ids, strict=True)
    elif fact.kind == "compatibility":
        yield "holder", str(data["holder"])
        yield "other", str(data["other"])
        yield "anchor", next((p for p in fact.product_ids if p != own), own or "")
    else:
        subject = own or next(iter(fact.product_ids), None)
        if subject in fact.product_ids:
            yield "product", str(subject)
        if "ahead" in data:
            yield "ahead", str(data["ahead"])
        if fact.kind == "change" and len(fact.product_ids) > 1:
            yield "anchor", fact.product_ids[1]


def _owners(fact: Evidence) -> Iterator[tuple[str, str]]:
    """Yield text field → the product whose value it is, "" where it is nobody's."""
    ids = fact.product_ids
    if fact.kind == "comparison":
        yield from zip(("this", "that"), ids, strict=True)
        return
    owner = str(fact.data.get("other") or next(iter(ids), ""))
    for one in ("value", "actual"):
        yield one, owner
    yield "wanted", ""


def _quoted_values(fact: Evidence) -> Iterator[tuple[str, str]]:
    """Yield field and string of values always quoted, lest they swallow words around them."""
    if fact.data.get("chip"):
        yield "chip", f"“{fact.data['chip']}”"
    if fact.kind == "match":
        yield "words", f"“{', '.join(fact.data['words'])}”"


def _clause_key(fact: Evidence) -> str:
    """Return the one clause that a record of an empty answer stands for; "" for all others."""
    if fact.kind != "count" or "asked" not in fact.data["conditions"]:
        return ""
    key = str(fact.data["label"])
    return key if key in load_wordings().clauses else ""


def _values(facts: Sequence[Evidence], attested: Reading) -> dict[str, tuple[str, str]]:
    """Return field → number and unit, for the fields that the wordings speak of."""
    spoken = frozenset().union(*attested.variants)
    found = {name: (value, "plain") for name, value in attested.literals.items()}
    for fact in facts:
        for name in spoken & set(fact.data):
            value = fact.data[name]
            if name in DATE_FIELDS:
                found[name] = (str(value), "date")
            elif as_decimal(str(value)) is not None:
                found[name] = (plain(str(value)), _unit(fact, name))
    return found


def _fields(quantity: Quantity, values: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Return the fields that have this number with this unit."""
    wanted = (quantity.value, quantity.unit)
    return tuple(sorted(name for name, value in values.items() if value == wanted))


def _unit(fact: Evidence, name: str) -> str:
    if name in MONEY_FIELDS:
        return "money"
    if name in ("value", "wanted", "actual") and (
        fact.data.get("name") in MONEY_NAMES or fact.kind == "total"
    ):
        return "money"
    return UNIT_FIELDS.get(name, "plain")


def _bounded(string: str) -> str:
    """Match a string whole: not inside a longer word or number."""
    before = r"(?<![A-Za-z0-9.])" if re.match(r"[A-Za-z0-9]", string) else ""
    after = r"(?![A-Za-z0-9]|[.,]\d)" if re.search(r"[A-Za-z0-9]$", string) else ""
    return before + re.escape(string) + after
