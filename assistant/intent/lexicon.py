"""The shop's own words: categories, brands, attributes and titles, in every language it has.

Everything is worked out once per store, so that reading a message is a walk through a trie. Nothing
here knows sentences.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assistant.intent.measures import as_measure, bare_measure
from assistant.intent.tables import (
    CONCEPTS,
    GENERIC_HEADS,
    GENERIC_HEADS_ZH,
    NO_CATEGORY,
    STOP,
    SYNONYMS,
    VAGUE_VALUES,
    ZH_WORDS,
)
from assistant.intent.utterance import fold, tokens

if TYPE_CHECKING:
    from retrieval.data.dataset import Catalogue, Product

Kind = Literal["category", "brand", "value", "attribute", "title"]
Key = tuple[str, ...]
_MAX_VALUE_WORDS = 4
_YES = frozenset({"yes", "true", "y", "是", "有"})
_SPLIT = re.compile(r"\s*(?:[/,;&+|]|\band\b|和|与|及)\s*")
_CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of some words in this shop."""

    kind: Kind
    name: str
    """Category, brand or attribute as the catalogue spells it; the product id of a title."""
    value: str = ""
    """`value`: the attribute's value as the catalogue spells it."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Words of a message that mean something in this shop."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    """Empty for a general word that the shop has nothing for."""

    def of(self, kind: Kind) -> tuple[Entry, ...]:
        """Return the meanings of one kind."""
        return tuple(e for e in self.entries if e.kind == kind)


class _Node:
    __slots__ = ("entries", "known", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.entries: tuple[Entry, ...] = ()
        self.known = False


@dataclass(frozen=True, kw_only=True)
class ShopWords:
    """Lexicon of one store. Make it once per store with `of`; it never changes."""

    catalogue: Catalogue
    currency: str
    """ISO 4217; amounts in another are noted, not converted."""
    root: Any
    """Trie from tokens to entries."""
    measures: Mapping[tuple[str, str], tuple[Entry, ...]]
    """(unit, number) → attribute values, e.g. ("person", "2")."""
    sizes: Mapping[str, tuple[Entry, ...]]
    """Folded value → entries of attributes that are sizes."""
    attributes: Mapping[str, int]
    """Attribute name → number of products that state it."""
    categories_of: Mapping[Entry, frozenset[str]]
    """Attribute value → category names (all levels) of the products that have it."""
    postings: Mapping[str, frozenset[int]]
    """Title token → rows."""
    other_titles: tuple[tuple[str, int], ...]
    """Folded titles with Chinese in them, and their rows."""
    brand_words: frozenset[str]
    """Words of the brands: they tell nothing of a message's language."""

    @classmethod
    def of(cls, catalogue: Catalogue, *, currency: str = "USD") -> ShopWords:
        """Return the words of a catalogue."""
        found: dict[Key, set[Entry]] = defaultdict(set)
        _add_categories(found, catalogue.products)
        measures, sizes, categories_of = _add_values(found, catalogue.products)
        attributes = Counter(name for p in catalogue.products for name in p.attributes)
        for name in attributes:
            _put(found, name, Entry("attribute", name))
        for product in catalogue.products:
            if product.brand:
                _put(found, product.brand, Entry("brand", product.brand))
        _add_synonyms(found)
        for product in catalogue.products:
            for title in titles_of(product):
                if len(_key(title)) > 1:
                    _put(found, title, Entry("title", product.product_id))
        postings, other_titles = _title_index(catalogue.products)
        return cls(
            catalogue=catalogue,
            currency=currency,
            root=_trie(found),
            measures=measures,
            sizes=sizes,
            attributes=attributes,
            categories_of=categories_of,
            postings=postings,
            other_titles=other_titles,
            brand_words=frozenset(w for b in catalogue.brands for w in fold(b).split()),
        )

    def mentions(self, low: str) -> list[Mention]:
        """Return the shop's words in folded text: leftmost longest, never overlapping."""
        found = []
        parts = tokens(low)
        at = 0
        while at < len(parts):
            end, entries = self._longest(low, parts, at)
            if end > at:
                found.append(Mention(parts[at][1], parts[end - 1][2], entries))
            at = max(end, at + 1)
        return found

    def _longest(
        self, low: str, parts: list[tuple[str, int, int]], at: int
    ) -> tuple[int, tuple[Entry, ...]]:
        node, best, entries = self.root, at, ()
        for i in range(at, len(parts)):
            if i > at and low[parts[i - 1][2] : parts[i][1]].strip(" -/&'."):
                break
            node = node.next.get(parts[i][0])
            if node is None:
                break
            if node.known and not _cuts_a_word(low, parts, at, i):
                best, entries = i + 1, node.entries
        return best, entries

    def product(self, product_id: str) -> Product | None:
        """Return the product, or None if the store no longer has it."""
        if product_id not in self.catalogue:
            return None
        return self.catalogue[product_id]

    def attribute_for(self, concept: str, products: Iterable[Product] = ()) -> str | None:
        """Return the store's attribute that holds a concept (`weight`), best stated first.

        Attributes of the given products win over others; None if the store has none.
        """
        hints = CONCEPTS[concept][1]
        here = Counter(name for p in products for name in p.attributes)
        for names in (here, self.attributes):
            fitting = [
                (min(i for i, h in enumerate(hints) if h in fold(name)), -names[name], name)
                for name in names
                if any(h in fold(name) for h in hints) and not fold(name).startswith("fits ")
            ]
            if fitting:
                return min(fitting)[2]
        return None

    def named(self, phrase: str) -> frozenset[int]:
        """Return the rows that the telling words of a folded phrase name ("the Acme Drift").

        Telling are brands and rare title words that are no category or value of the shop; brands
        alone name nothing.
        """
        limit = max(_TITLE_WORD_LIMIT, len(self.catalogue) // 50)
        general = [m for m in self.mentions(phrase) if m.of("category") or m.of("value")]
        rows: frozenset[int] | None = None
        telling = False
        for token, start, _ in tokens(phrase):
            holders = self.postings.get(token, frozenset())
            is_brand = token in self.brand_words
            plain = token in STOP or any(m.start <= start < m.end for m in general)
            if not holders or plain or not (is_brand or len(holders) <= limit):
                continue
            telling = telling or not is_brand
            rows = holders if rows is None else rows & holders
        return rows if rows and telling else frozenset()

    def titled(self, phrase: str) -> frozenset[int]:
        """Return the rows whose title holds every word of a folded phrase (empty for no words)."""
        words = [t for t, _, _ in tokens(phrase)]
        if not words:
            return frozenset()
        if any(_CJK.match(w) for w in words):
            compact = phrase.replace(" ", "")
            return frozenset(r for t, r in self.other_titles if compact in t.replace(" ", ""))
        sets = sorted((self.postings.get(w, frozenset()) for w in words), key=len)
        return sets[0].intersection(*sets[1:])


_TITLE_WORD_LIMIT = 8
"""A title word that more products share (or 2 % of the store) names none of them."""


def titles_of(product: Product) -> tuple[str, ...]:
    """Return the product's titles in every language."""
    others = (str(t.get("title") or "") for t in product.translations.values())
    return tuple(dict.fromkeys(t for t in (product.title, *others) if t))


def _title_index(
    products: Iterable[Product],
) -> tuple[dict[str, frozenset[int]], tuple[tuple[str, int], ...]]:
    postings: dict[str, set[int]] = defaultdict(set)
    others = []
    for row, product in enumerate(products):
        for folded in map(fold, titles_of(product)):
            for token, _, _ in tokens(folded):
                if not _CJK.match(token):
                    postings[token].add(row)
            if _CJK.search(folded):
                others.append((folded, row))
    return {token: frozenset(rows) for token, rows in postings.items()}, tuple(others)


def _key(text: str) -> Key:
    return tuple(t for t, _, _ in tokens(fold(text)))


def _put(found: dict[Key, set[Entry]], text: str, *entries: Entry) -> None:
    key = _key(text)
    if key and not (len(key) == 1 and len(key[0]) == 1 and not _CJK.match(key[0])):
        found[key].update(entries)


def _trie(found: Mapping[Key, set[Entry]]) -> _Node:
    root = _Node()
    for key, entries in found.items():
        node = root
        for token in key:
            node = node.next.setdefault(token, _Node())
        node.known = True
        node.entries = tuple(sorted(entries, key=lambda e: (e.kind, e.name, e.value)))
    return root


_FOLLOWS_ONE = frozenset("的色款系牌和或与跟吗呢了吧,.!?;: ")


def _cuts_a_word(low: str, parts: list[tuple[str, int, int]], at: int, i: int) -> bool:
    """A single Chinese character counts only where it stands as a word (红的, not 红酒)."""
    if at != i or not _CJK.match(parts[i][0]):
        return False
    after = low[parts[i][2] : parts[i][2] + 1]
    return bool(_CJK.match(after)) and after not in _FOLLOWS_ONE


# --- categories ---------------------------------------------------------------------------------


def _add_categories(found: dict[Key, set[Entry]], products: Iterable[Product]) -> None:
    """Names mean themselves; last words mean all that end so; halves of "A & B" come last."""
    exact: dict[Key, set[Entry]] = defaultdict(set)
    heads: dict[Key, set[Entry]] = defaultdict(set)
    parts: dict[Key, set[Entry]] = defaultdict(set)
    for name, spelled in _category_names(products):
        entry = Entry("category", name)
        exact[_key(spelled)].add(entry)
        pieces = [p for p in _SPLIT.split(fold(spelled)) if p]
        for head in _heads(_key(spelled)) if len(pieces) == 1 else ():
            heads[head].add(entry)
        for piece in (p for p in pieces if len(pieces) > 1 and p not in NO_CATEGORY):
            parts[_key(piece)].add(entry)
            for head in _heads(_key(piece)):
                parts[head].add(entry)
    for key in {*exact, *heads, *parts}:
        if key:
            found[key] |= (exact[key] | heads[key]) or parts[key]


def _category_names(products: Iterable[Product]) -> list[tuple[str, str]]:
    """Return (name, spelling in some language), each once."""
    names: dict[tuple[str, str], None] = {}
    for product in products:
        names.update(dict.fromkeys((name, name) for name in product.category))
        for translation in product.translations.values():
            translated = translation.get("category")
            if isinstance(translated, list | tuple) and len(translated) == len(product.category):
                pairs = zip(product.category, map(str, translated), strict=True)
                names.update(dict.fromkeys(pairs))
    return list(names)


def _heads(key: Key) -> Iterator[Key]:
    if any(_CJK.match(t) for t in key):
        for size in range(2, len(key)):
            if "".join(key[-size:]) not in GENERIC_HEADS_ZH:
                yield key[-size:]
    else:
        for size in range(1, len(key)):
            if key[-1] not in GENERIC_HEADS:
                yield key[-size:]


# --- attribute values ---------------------------------------------------------------------------

_Entries = dict[Any, set[Entry]]


def _add_values(
    found: dict[Key, set[Entry]], products: Iterable[Product]
) -> tuple[
    dict[tuple[str, str], tuple[Entry, ...]],
    dict[str, tuple[Entry, ...]],
    dict[Entry, frozenset[str]],
]:
    measures: _Entries = defaultdict(set)
    sizes: _Entries = defaultdict(set)
    where: dict[Entry, set[str]] = defaultdict(set)
    for product in products:
        for name, value in product.attributes.items():
            for part, spellings in _spellings(product, name, value):
                entry = Entry("value", name, part)
                where[entry].update(product.category)
                if measure := as_measure(fold(part)) or bare_measure(fold(name), fold(part)):
                    measures[measure].add(entry)
                if "size" in fold(name).split("_") + fold(name).split() or "尺" in name:
                    sizes[fold(part)].add(entry)
                for spelled in spellings:
                    _put_value(found, name, spelled, entry)
    return (
        {k: tuple(sorted(v, key=lambda e: (e.name, e.value))) for k, v in measures.items()},
        {k: tuple(sorted(v, key=lambda e: (e.name, e.value))) for k, v in sizes.items()},
        {k: frozenset(v) for k, v in where.items()},
    )


def _spellings(product: Product, name: str, value: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the value (and each part of "nylon, polyester") with its spellings elsewhere."""
    others = []
    for translation in product.translations.values():
        attributes = translation.get("attributes")
        if isinstance(attributes, Mapping) and attributes.get(name):
            others.append(str(attributes[name]))
    yield value, [value, *others]
    parts = _SPLIT.split(value)
    words = value.replace("-", " ").split()
    if 1 < len(words) <= 3 and len(parts) == 1:
        last = words[-1]  # "ripstop nylon" is asked for as "nylon"
        if last.isalpha() and len(last) > 2 and last.lower() not in VAGUE_VALUES | GENERIC_HEADS:
            yield last, [last]
    if len(parts) > 1:
        split = [_SPLIT.split(o) for o in others]
        for i, part in enumerate(parts):
            if part:
                yield part, [part, *(s[i] for s in split if len(s) == len(parts))]


def _put_value(found: dict[Key, set[Entry]], name: str, spelled: str, entry: Entry) -> None:
    low = fold(spelled).strip()
    if low in _YES:
        _put(found, name, entry)
        return
    key = _key(low)
    words = 1 if all(_CJK.match(t) for t in key) else len(key)
    if not key or words > _MAX_VALUE_WORDS or (len(key) == 1 and key[0] in VAGUE_VALUES):
        return
    if len(key) > 12 or low.replace(".", "").replace(",", "").isdigit():
        return
    _put(found, spelled, entry)
    if low.endswith("色") and len(key) > 1:
        _put(found, spelled.strip()[:-1], entry)


# --- synonyms -----------------------------------------------------------------------------------


def _add_synonyms(found: dict[Key, set[Entry]]) -> None:
    """Give general other names to what the shop has; its own words are never overridden."""
    own = {key: set(entries) for key, entries in found.items()}
    for row in SYNONYMS:
        keys = [_key(name) for name in row]
        known = {e for key in keys for e in own.get(key, ()) if e.kind in {"category", "value"}}
        for key in keys:
            if key not in own and known:
                found[key] |= known
    for chinese, english in ZH_WORDS.items():
        key = _key(chinese)
        meant = found.get(_key(english), set())
        if not own.get(key):
            found[key] |= {e for e in meant if e.kind in {"category", "value"}}
