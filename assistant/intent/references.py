# ruff: noqa: E501
"""Words that point at products: "the second one", 它, "the cheaper one", "the red tent", titles.

Pointing needs something shown, spoken of or in the cart; titles can also point at any product of the
store. Guesses are marked, so that nothing is ever bought on a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from assistant.conversation import Conversation
from assistant.intent.lexicon import Entry, Mention, ShopWords, titles_of
from assistant.intent.measures import measures
from assistant.intent.numerals import numbers
from assistant.intent.tables import COMPARATIVES, GENERIC_HEADS, STOP
from assistant.intent.utterance import Utterance, fold, tokens

if TYPE_CHECKING:
    from retrieval.data.dataset import Product

How = Literal["place", "pronoun", "all", "described", "extreme", "title", "brand"]
"""`extreme`: "the cheapest tent", which may also mean of the whole store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Words that point, where they stand, and what at (nothing: it could not be resolved)."""

    start: int
    end: int
    product_ids: tuple[str, ...]
    how: How
    note: str | None = None


_ORDINALS = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "fifth": 5, "5th": 5, "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8,
    "ninth": 9, "9th": 9, "tenth": 10, "10th": 10, "last": -1, "top": 1,
}  # fmt: skip
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "couple": 2}
_ORD = "|".join(_ORDINALS)
_THING = r"(?:ones?|options?|products?|items?|results?|suggestions?|choices?|cards?|picks?)"
_PLACE = re.compile(
    rf"(?P<the>\b(?:the|that|this|your|number) )?\b(?P<ord>{_ORD})\b"
    rf"(?: (?P<count>two|three|four|five|couple|\d)\b)?(?P<thing> {_THING}\b)?(?P<of> of (?:them|these|those))?"
)
_NOT_PLACE = re.compile(
    r" ?-?(?:aid|time|timer|class|hand|skin|layer|night|week|weekend|month|year|season|of all|rated|notch|minute|long|longer|well|forever|name)\b"
)
_NUMBERED = re.compile(
    r"(?:#|\b(?:number|no\.?|nos\.?|option|item|choice) ?#?)(?P<n>\d{1,2}|one|two|three|four|five)\b"
)
_DIGITS = re.compile(
    r"\bcompare (?P<a>\d)(?:,? ?(?P<b>\d))?,? ?(?:and|with|to|vs\.?|&|,) ?(?P<c>\d)\b"
)
_ZH_UNIT = "个|款|件|种|双|条|顶|只|项|号|张|把|支|瓶|包|台|套|本|样|副|块|盏|根|间|位|名"
_ZH_N = "[一二两三四五六七八九十]|\\d{1,2}"
_ZH_PLACE = re.compile(rf"(?P<back>倒数)?第(?P<n>{_ZH_N})(?:{_ZH_UNIT})?(?![天次周年月季])")
_ZH_SPAN = re.compile(rf"(?P<end>前|后|最后|头)(?:面|边)?(?:的)?(?P<n>{_ZH_N})(?:{_ZH_UNIT})")
_ZH_LAST = re.compile(rf"最后(?:面)?(?:的)?(?:那|这)?(?:一)?(?:{_ZH_UNIT})?(?!的?(?:机会|一次))")
_ALL = re.compile(
    rf"\b(?:both(?: of (?:them|these|those))?|(?:all|any|each|which|either|one)(?: one)?(?: {_THING})? of (?:them|these|those)|all (?:two|three|four|five|\d)|the two(?: of them)?|these|those|them|they)\b(?: (?:two|three|four|\d)(?! ?-?(?:person|people|man|season)))?(?: {_THING}\b)?"
)
_ZH_ALL = re.compile(
    rf"这些|那些|它们|他们|(?:这|那)(?:两|三|四|几|2|3)(?:{_ZH_UNIT})|(?:两|三)(?:{_ZH_UNIT})都|(?:两者|二者|(?:全部|全都|所有(?:的)?|都)(?=要|加|买|放|下单|$))"
)
_PRONOUN = re.compile(
    rf"\b(?:it(?!'s for)|its|(?:this|that)(?: same)? {_THING}|the same(?: one| thing)?|this(?= *(?:$|[,.!?]|and\b|or\b|with\b|instead|to\b|in\b|from\b|for\b|is\b|as\b|under\b|but\b))"
    r"|(?<=with )that|(?<=about )that|(?<=to )that|(?<=add )that|(?<=like )that|(?<=remove )that|(?<=than )that|(?<=take )that|(?<=want )that|(?<=not )that|(?<=buy )that|(?<=is )that|(?<=does )that|that(?= *(?:$|[?!])))(?!\w)"
    rf"|(?:刚才|刚刚|上面|前面|之前)?(?:说)?(?:的)?(?:这|那)(?:一)?(?:{_ZH_UNIT})(?!月|人|季|天|晚)|它(?!们)|(?:该|此)(?:产品|商品|款)|刚才的|上一(?:{_ZH_UNIT})"
)
_NOT_PRONOUN = re.compile(
    r"^(?:it|its|that|this) (?:possible|ok|okay|take|time|raining|cold outside)"
)
_OTHER = re.compile(
    rf"\bthe other(?: {_THING})?\b|另(?:外)?(?:那)?一?(?:{_ZH_UNIT})|另外(?:那)(?:{_ZH_UNIT})"
)
_SIDES: dict[str, tuple[str, str]] = {
    r"cheap(?:er|est)|less expensive|least expensive|lowest[- ]priced|more affordable|most affordable|lower[- ]priced": ("price", "lower"),
    r"more expensive|most expensive|dear(?:er|est)|pric(?:ier|iest)|expensive|costl(?:ier|iest)": ("price", "higher"),
    r"best[- ]rated|better[- ]rated|top[- ]rated|highest[- ]rated|higher[- ]rated": ("rating", "higher"),
    r"worst[- ]rated|lowest[- ]rated": ("rating", "lower"),
    r"most[- ]reviewed": ("rating_count", "higher"),
    **{re.escape(phrase): side for phrase, side in COMPARATIVES.items() if phrase.isascii()},
}  # fmt: skip
_SIDE = re.compile(
    rf"\b(?:the|that|your) (?P<side>{'|'.join(_SIDES)})(?: (?:{_THING}|(?:out )?of (?:them|these|those|the (?:two|three|lot))|(?P<noun>[a-z]+)))?(?![a-z])(?: of (?:them|these|those))?"
)
_ZH_SIDES: dict[str, tuple[str, str]] = {
    "最?便宜|更便宜|便宜一?点|价格低": ("price", "lower"), "最?贵|更贵|贵一?点|价格高": ("price", "higher"),
    "评分(?:最|更)?高|评价(?:最|更)?好": ("rating", "higher"),
    "轻|最轻|更轻|轻一?点": ("weight", "lower"), "重|最重|更重": ("weight", "higher"),
    "最?大|更大|大一?点": ("size", "higher"), "最?小|更小|小一?点": ("size", "lower"),
    "最?暖和?|更暖和?|最?保暖": ("warmth", "lower"), "最?亮|更亮": ("brightness", "higher"),
}  # fmt: skip
_ZH_SIDE = re.compile(rf"(?P<side>{'|'.join(_ZH_SIDES)})的?(?:那|这)(?:一)?(?:{_ZH_UNIT})")
_DESCRIBED_END = re.compile(rf"(?: {_THING}\b|的?(?:那|这)(?:一)?(?:{_ZH_UNIT}))")
_DEFINITE = re.compile(
    r"(?:\b(?:the|that|this|your|those|these)|(?:那|这)(?:一)?(?:个|款|件|双|条|顶|只|把|种|台|张))(?: ?的?)$"
)


def find_references(u: Utterance, conversation: Conversation, words: ShopWords) -> list[Reference]:
    """Return the references of what is open, left to right, none overlapping; takes nothing."""
    finder = _Finder(u, conversation, words)
    found: list[Reference] = []
    for step in (
        finder.titles,
        finder.places,
        finder.sides,
        finder.described,
        finder.other,
        finder.everything,
        finder.pronouns,
    ):
        for reference in step():
            if not any(r.start < reference.end and reference.start < r.end for r in found):
                found.append(reference)
    return sorted(found, key=lambda r: r.start)


class _Finder:
    def __init__(self, u: Utterance, conversation: Conversation, words: ShopWords) -> None:
        self.low = u.open
        self.words = words
        self.conversation = conversation
        self.shown = tuple(
            dict.fromkeys(
                s.product_id for s in conversation.shown if s.product_id in words.catalogue
            )
        )
        near = (
            conversation.focus,
            *conversation.cart.product_ids,
            *reversed(conversation.seen[-60:]),
        )
        self.near = tuple(
            dict.fromkeys(p for p in (*self.shown, *near) if p is not None and p in words.catalogue)
        )
        self.mentions = words.mentions(self.low)

    def _products(self, ids: Iterable[str]) -> list[Product]:
        return [self.words.catalogue[p] for p in ids]

    # --- by place -------------------------------------------------------------------------------

    def places(self) -> list[Reference]:
        found = []
        for match in _PLACE.finditer(self.low):
            if self._is_place(match):
                n = _ORDINALS[match["ord"]]
                count = match["count"]
                size = (_COUNTS.get(count) or int(count)) if count else 1
                found.append(self._place(match.span(), n, size))
        for match in _NUMBERED.finditer(self.low):
            n = int(match["n"]) if match["n"].isdigit() else int(numbers(match["n"])[0].value)
            found.append(self._place(match.span(), n, 1))
        if digits := _DIGITS.search(self.low):
            found += [self._place(digits.span(g), int(digits[g]), 1) for g in "abc" if digits[g]]
        return found + self._chinese_places()

    def _is_place(self, match: re.Match[str]) -> bool:
        after = self.low[match.end() :]
        if _NOT_PLACE.match(after) or (match["ord"] == "top" and not match["thing"]):
            return False
        if match["count"] or match["thing"] or match["of"]:
            return True
        if match["ord"] == "last" and not match["the"]:
            return False
        if match.start() == 0 and after.startswith(","):  # "First, I need …"
            return False
        if re.search(r"\b(?:my|our|his|her|their|a|an) $", self.low[: match.start()]):
            return False
        word = re.match(r" ([a-z]{2,})", after)
        known = any(m.start == match.end() + 1 and m.entries for m in self.mentions)
        return word is None or word[1] in STOP or word[1].endswith("er") or known

    def _is_shop_word(self, place: int) -> bool:
        return any(m.start == place and m.of("category") for m in self.mentions)

    def _chinese_places(self) -> list[Reference]:
        found = []
        for match in _ZH_PLACE.finditer(self.low):
            n = _zh_int(match["n"])
            found.append(self._place(match.span(), -n if match["back"] else n, 1))
        for match in _ZH_SPAN.finditer(self.low):
            size = _zh_int(match["n"])
            if size > 1 or match["end"] != "最后":
                first = 1 if match["end"] in {"前", "头"} else -1
                found.append(self._place(match.span(), first, size))
        taken = [(r.start, r.end) for r in found]
        for match in _ZH_LAST.finditer(self.low):
            if not any(a <= match.start() < b for a, b in taken):
                found.append(self._place(match.span(), -1, 1))
        return found

    def _place(self, span: tuple[int, int], n: int, size: int) -> Reference:
        """`n` counts from 1, or from -1 at the end; `size` products from there (or up to there)."""
        shown = self.shown
        if n < 0:
            end = len(shown) + n + 1
            ids = shown[max(0, end - size) : end] if end > 0 else ()
        else:
            ids = shown[n - 1 : n - 1 + size]
        missing = len(ids) < size
        note = f"no_such_place:{n if size == 1 else size}" if missing else None
        return Reference(
            start=span[0],
            end=span[1],
            product_ids=ids if not missing or ids else (),
            how="place",
            note=note,
        )

    # --- by what they are -----------------------------------------------------------------------

    def sides(self) -> list[Reference]:
        found = []
        for pattern, table in ((_SIDE, _SIDES), (_ZH_SIDE, _ZH_SIDES)):
            for match in pattern.finditer(self.low):
                side = next(v for k, v in table.items() if re.fullmatch(k, match["side"]))
                end, noun = match.end(), match.groupdict().get("noun")
                if noun in STOP:
                    end, noun = match.start("noun") - 1, None
                if noun is not None and not self._is_shop_word(match.start("noun")):
                    continue
                pool = self._of_category(match.start("noun")) if noun is not None else self.shown
                best = self._extreme(pool, *side)
                if self.shown:
                    found.append(
                        Reference(
                            start=match.start(),
                            end=end,
                            product_ids=(best,) if best else (),
                            how="described" if noun is None else "extreme",
                        )
                    )
        return found

    def _of_category(self, place: int) -> tuple[str, ...]:
        names = {e.name for m in self.mentions if m.start == place for e in m.of("category")}
        return tuple(p.product_id for p in self._products(self.shown) if names & {*p.category})

    def _extreme(self, pool: Sequence[str], concept: str, direction: str) -> str | None:
        products = self._products(pool)
        value = self._measure(concept, products)
        stated = [
            (v, -i, p.product_id) for i, p in enumerate(products) if (v := value(p)) is not None
        ]
        if not stated:
            return None
        if direction == "higher":
            return max(stated)[2]
        return min((v, -i, p) for v, i, p in stated)[2]

    def _measure(
        self, concept: str, products: list[Product]
    ) -> Callable[[Product], Decimal | None]:
        if concept == "price":
            return lambda p: p.price
        if concept == "rating":
            return lambda p: None if p.rating is None else Decimal(str(p.rating))
        if concept == "rating_count":
            return lambda p: None if p.rating_count is None else Decimal(p.rating_count)
        name = self.words.attribute_for(concept, products)
        return lambda p: _number_of(p.attributes.get(name or ""))

    def described(self) -> list[Reference]:
        """Read "the red one", "the Brand stove", 红色的那个: words of the shop after a pointing word."""
        found = []
        for run in _runs(self.low, self.mentions):
            start, end = run[0].start, run[-1].end
            ending = _DESCRIBED_END.match(self.low, end)
            definite = _DEFINITE.search(self.low[:start])
            points = ending is not None and re.search("[那这]", ending.group())
            ids = [p for p in self.near if self._fits_all(p, run)]
            pool = [p for p in ids if p in self.shown] or ids
            if not (definite or points) or not pool:
                continue
            found.append(
                Reference(
                    start=definite.start() if definite else start,
                    end=ending.end() if ending else end,
                    product_ids=tuple(pool[:1]),
                    how="described",
                    note="guessed_reference" if len(pool) > 1 else None,
                )
            )
        return found + self._measured() + self._brands()

    def _measured(self) -> list[Reference]:
        """Read "the 2-person one"."""
        found = []
        for measure in measures(self.low):
            ending = _DESCRIBED_END.match(self.low, measure.end)
            if not ending:
                continue
            entries = self.words.measures.get((measure.unit, measure.number), ())
            ids = tuple(p for p in self.shown if self._has(p, entries))
            if ids:
                before = _DEFINITE.search(self.low[: measure.start])
                found.append(
                    Reference(
                        start=before.start() if before else measure.start, end=ending.end(),
                        product_ids=ids[:1], how="described",
                        note=None if len(ids) == 1 else "guessed_reference",
                    )
                )  # fmt: skip
        return found

    def _brands(self) -> list[Reference]:
        """A brand that exactly one product shown has ("compare Acme and Bolt")."""
        found = []
        for mention in self.mentions:
            names = {e.name for e in mention.of("brand")}
            ids = tuple(p.product_id for p in self._products(self.shown) if p.brand in names)
            if len(ids) == 1:
                found.append(
                    Reference(start=mention.start, end=mention.end, product_ids=ids, how="brand")
                )
        return found

    def _fits_all(self, product_id: str, run: Sequence[Mention]) -> bool:
        return all(self._has(product_id, m.entries) for m in run)

    def _has(self, product_id: str, entries: Sequence[Entry]) -> bool:
        product = self.words.catalogue[product_id]
        return any(
            (e.kind == "category" and e.name in product.category)
            or (e.kind == "brand" and e.name == product.brand)
            or (e.kind == "title" and e.name == product_id)
            or (e.kind == "value" and holds(product.attributes.get(e.name), e.value))
            for e in entries
        )

    # --- by name --------------------------------------------------------------------------------

    def titles(self) -> list[Reference]:
        """Full titles anywhere in the store, and telling words of the titles near by."""
        found = []
        for mention in self.mentions:
            ids = [e.name for e in mention.of("title")]
            near = [i for i in ids if i in self.near]
            chosen = near[:1] or (ids if len(ids) == 1 else [])
            if chosen and not mention.of("category"):
                found.append(
                    Reference(
                        start=mention.start, end=mention.end, product_ids=tuple(chosen), how="title"
                    )
                )
        return found or self._telling_words()

    def _telling_words(self) -> list[Reference]:
        titles = {
            p.product_id: [_title_tokens(t) for t in titles_of(p)]
            for p in self._products(self.near)
        }
        limit = max(8, len(self.words.catalogue) // 50)
        best: dict[str, list[tuple[int, int]]] = {}
        shop_words = {(m.start, m.end) for m in self.mentions if m.entries and not m.of("title")}
        parts = tokens(self.low)
        for token, start, end in parts:
            rare = len(self.words.postings.get(token, ())) <= limit
            inside = any(a <= start < b for a, b in shop_words)
            if token in STOP or token in GENERIC_HEADS or inside or len(token) < 3 or not rare:
                continue
            for product_id, spellings in titles.items():
                if any(token in spelled for spelled in spellings):
                    best.setdefault(product_id, []).append((start, end))
        best |= self._chinese_names(best)
        return self._choose(best, titles, parts)

    def _chinese_names(
        self, best: dict[str, list[tuple[int, int]]]
    ) -> dict[str, list[tuple[int, int]]]:
        """Runs of at least two characters that stand in one title near by and are no shop word."""
        found: dict[str, list[tuple[int, int]]] = {}
        for match in re.finditer(r"[\u3400-\u9fff]{2,}", self.low):
            for product in self._products(self.near):
                for title in map(fold, titles_of(product)):
                    span = _common_run(match.group(), title)
                    if span and not self._is_general(
                        match.start() + span[0], match.start() + span[1]
                    ):
                        place = (match.start() + span[0], match.start() + span[1])
                        found.setdefault(product.product_id, []).append(place)
        return {k: best.get(k, []) + v for k, v in found.items()}

    def _is_general(self, start: int, end: int) -> bool:
        known = sum(
            min(end, m.end) - max(start, m.start)
            for m in self.mentions
            if m.start < end and start < m.end and not m.of("title")
        )
        return end - start - known < 2

    def _choose(
        self,
        best: dict[str, list[tuple[int, int]]],
        titles: dict[str, list[frozenset[str]]],
        parts: list[tuple[str, int, int]],
    ) -> list[Reference]:
        """Per telling word, take the product whose title shares most with the words around it."""
        found: dict[tuple[int, int], Reference] = {}
        for place in sorted({span for spans in best.values() for span in spans}):
            rivals = [p for p, spans in best.items() if place in spans]
            around = _clause(self.low, parts, place)
            shared = {p: max(len(around & t) for t in titles[p]) for p in rivals}
            most = max(shared.values())
            top = [p for p in rivals if shared[p] == most]
            shown = [p for p in top if p in self.shown] or top
            if len(shown) == 1 and not any(r.product_ids == (shown[0],) for r in found.values()):
                found[place] = Reference(
                    start=place[0], end=place[1], product_ids=(shown[0],), how="title"
                )
        return list(found.values())

    # --- by pronoun -----------------------------------------------------------------------------

    def other(self) -> list[Reference]:
        match = _OTHER.search(self.low)
        focus = self.conversation.focus
        rest = tuple(p for p in self.shown if p != focus)
        if match is None or len(rest) != 1:
            return []
        return [Reference(start=match.start(), end=match.end(), product_ids=rest, how="described")]

    def everything(self) -> list[Reference]:
        found = []
        for pattern in (_ALL, _ZH_ALL):
            for match in pattern.finditer(self.low):
                count = re.search(r"two|both|两|二|2|three|三|3", match.group())
                size = len(self.shown)
                if count:
                    size = 3 if count.group() in {"three", "三", "3"} else 2
                ids = self.shown[:size]
                if not self.shown and self.conversation.focus in self.words.catalogue:
                    ids = (str(self.conversation.focus),)
                found.append(
                    Reference(start=match.start(), end=match.end(), product_ids=ids, how="all")
                )
        return found

    def pronouns(self) -> list[Reference]:
        found = []
        for match in _PRONOUN.finditer(self.low):
            if _NOT_PRONOUN.match(self.low[match.start() :]):
                continue
            ids, note = self.it()
            found.append(
                Reference(
                    start=match.start(), end=match.end(), product_ids=ids, how="pronoun", note=note
                )
            )
        return found

    def it(self) -> tuple[tuple[str, ...], str | None]:
        focus = self.conversation.focus
        if focus is not None and focus in self.words.catalogue:
            return (focus,), None
        if len(self.shown) == 1:
            return self.shown, None
        if self.shown:
            return self.shown[:1], "guessed_reference"
        return (), None


def spoken_of(conversation: Conversation, words: ShopWords) -> tuple[tuple[str, ...], str | None]:
    """Return what "it" would mean now, and `guessed_reference` if that is a guess."""
    return _Finder(Utterance(""), conversation, words).it()


def holds(stated: str | None, value: str) -> bool:
    """Whether a product's attribute equals a value or holds it as a whole word."""
    if stated is None:
        return False
    a, b = fold(stated), fold(value)
    return a == b or re.search(rf"(?<![a-z0-9]){re.escape(b)}(?![a-z0-9])", a) is not None


def _number_of(value: str | None) -> Decimal | None:
    if value is None:
        return None
    found = numbers(fold(value))
    if not found:
        return None
    scale = {"kg": 1000, "lb": 454, "oz": 28}.get(
        next((m.unit for m in measures(fold(value))), ""), 1
    )
    negative = re.match(r"\s*[-−]", value) is not None
    return found[0].value * scale * (-1 if negative else 1)


def _runs(low: str, mentions: list[Mention]) -> list[list[Mention]]:
    """Group mentions that stand directly after one another ("red" + "Acme" + "tent")."""
    runs: list[list[Mention]] = []
    for mention in mentions:
        if not mention.entries:
            continue
        if runs and not low[runs[-1][-1].end : mention.start].strip(" 的-"):
            runs[-1].append(mention)
        else:
            runs.append([mention])
    return runs


@lru_cache(maxsize=8_192)
def _title_tokens(title: str) -> frozenset[str]:
    return frozenset(t for t, _, _ in tokens(fold(title)))


_CLAUSE = re.compile(r"\b(?:and|or|vs|versus|with|than|but)\b|[,;?!.]|和|与|跟|还是")


def _clause(low: str, parts: list[tuple[str, int, int]], place: tuple[int, int]) -> frozenset[str]:
    cuts = [m.span() for m in _CLAUSE.finditer(low)]
    start = max((b for a, b in cuts if b <= place[0]), default=0)
    end = min((a for a, b in cuts if a >= place[1]), default=len(low))
    return frozenset(t for t, a, b in parts if start <= a and b <= end and t not in STOP)


def _common_run(text: str, title: str) -> tuple[int, int] | None:
    """Return the longest stretch of `text` (two characters or more) that stands in the title."""
    best: tuple[int, int] | None = None
    for start in range(len(text) - 1):
        end = start + (best[1] - best[0] + 1 if best else 2)
        while end <= len(text) and text[start:end] in title:
            best = (start, end)
            end += 1
    return best


def _zh_int(text: str) -> int:
    return int(numbers(text)[0].value) if numbers(text) else 0
