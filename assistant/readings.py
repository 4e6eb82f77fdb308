"""What the wordings attest for one kind of evidence: words, runs of characters, places of numbers.

The gate reads a claim with it. Nothing here is written by hand: a new wording in
`prompts/wordings.yaml` brings its own words and its own places for numbers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from string import Template

from assistant.answer import ClaimKind
from assistant.conversation import Language
from assistant.prompting import SLOT, load_wordings
from assistant.quantities import Quantity, quantities
from retrieval.evidence import EvidenceKind

NAME = "\ue000"
"""Stands for a name or value of the evidence that was taken out of a text."""
QUOTE = "\ue001"
"""Stands for a review's words, with their quotation marks."""
MONEY_SLOTS = frozenset(
    {"price", "list_price", "saving", "price_after", "difference", "total", "left", "budget"}
)
DATE_SLOTS = frozenset({"from", "to", "last_at"})
PLAIN_SLOTS = frozenset(
    {
        "count", "n_anchor", "n", "stock", "rating", "rating_count", "n_shoppers", "n_reviews",
        "n_opinions", "n_high", "n_low", "rank", "k", "within", "every_days", "value", "wanted",
        "actual", "this", "that",
    }
)  # fmt: skip
"""Slots that can hold a number; `value`, `wanted`, `actual`, `this` and `that` may be text too."""
TOKEN = re.compile(r"[A-Za-z']+|[\u4e00-\u9fff]|[\ue000\ue001]|[.。:：;；]")
EDGE, NUMBER = "|", "#"
RUN = re.compile(r"[\u4e00-\u9fffA-Za-z]+")

Place = tuple[str, ...]
"""The tokens before a number, three or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a text with what stands around it."""

    quantity: Quantity
    before: Place
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the wordings of some kinds of evidence attest, in one language."""

    runs: frozenset[tuple[str, str]]
    """Which word (Chinese: character) may follow which, edges included."""
    before: Mapping[Place, frozenset[str]]
    """Three or two tokens → the fields whose number may follow them."""
    after: Mapping[str, frozenset[str]]
    """One token → the fields whose number may precede it."""
    variants: frozenset[frozenset[str]]
    """The slots of each wording."""
    literals: Mapping[str, str]
    """Field `=5` → "5", for numbers that stand in wordings themselves ("of 5")."""


@cache
def reading(claim: ClaimKind, kinds: tuple[EvidenceKind, ...], language: Language) -> Reading:
    """Return what the wordings of this kind of claim on this evidence attest."""
    found = [
        w
        for w in load_wordings().clauses.values()
        if w.kind == claim and set(kinds) & set(w.evidence)
    ]
    before: dict[Place, set[str]] = defaultdict(set)
    after: dict[str, set[str]] = defaultdict(set)
    literals: dict[str, str] = {}
    texts = [text for w in found for text in w.all_variants(language)]
    samples = []
    for text in texts:
        sample, fields = _sample(text)
        samples.append(sample)
        for number in numbers(sample):
            value = number.quantity.value
            field = fields.get(value, f"={value}")
            if field not in fields.values():
                literals[field] = value
            before[number.before].add(field)
            before[number.before[1:]].add(field)
            after[number.after].add(field)
    return Reading(
        runs=frozenset(pair for t in samples for pair in runs_of(t, language)),
        before={place: frozenset(names) for place, names in before.items()},
        after={token: frozenset(names) for token, names in after.items()},
        variants=frozenset(frozenset(SLOT.findall(text)) for text in texts),
        literals=literals,
    )


def fits(number: Number, field: str, attested: Reading) -> bool:
    """Whether a field's number may stand there: known so from one side, and not from the other not.

    What stands before it counts with as many tokens as some wording has.
    """
    before = attested.before.get(number.before) or attested.before.get(number.before[1:])
    after = attested.after.get(number.after)
    known = [fields for fields in (before, after) if fields is not None]
    return bool(known) and all(field in fields for fields in known)


def numbers(text: str) -> list[Number]:
    """Return the numbers of a text with the tokens around them."""
    found = quantities(text)
    tokens: list[tuple[int, str]] = [
        (m.start(), m[0].casefold())
        for m in TOKEN.finditer(text)
        if not any(q.start <= m.start() < q.end for q in found)
    ]
    tokens += [(q.start, NUMBER) for q in found]
    tokens.sort()
    at = {start: place for place, (start, _) in enumerate(tokens)}
    words = [_edge(word) for _, word in tokens]
    padded = [EDGE, EDGE, EDGE, *words, EDGE]
    return [
        Number(
            quantity=q,
            before=tuple(padded[at[q.start] : at[q.start] + 3]),
            after=padded[at[q.start] + 4],
        )
        for q in found
    ]


def runs_of(text: str, language: Language) -> list[tuple[str, str]]:
    """Return which word follows which, a name, value or number being one; edges included.

    In Chinese it is characters, within each run of them. A number in words is words: some wording
    must have them. A clause that shares a sentence begins with "and", which is no part of it.
    """
    text = text.removeprefix("and ").replace("’", "'")
    found = [quantity for quantity in quantities(text) if re.search("[0-9]", quantity.text)]
    if language == "zh":
        for number in reversed(found):
            text = f"{text[: number.start]} {text[number.end :]}"
        return [pair for run in RUN.findall(text) for pair in pairwise((EDGE, *run, EDGE))]
    tokens = [
        (m.start(), NAME if m[0] == QUOTE else _edge(m[0].casefold()))
        for m in TOKEN.finditer(text)
        if not any(q.start <= m.start() < q.end for q in found)
    ]
    tokens += [(q.start, NAME) for q in found]
    words = [EDGE, *(word for _, word in sorted(tokens)), EDGE]
    return [(one, two) for one, two in pairwise(words) if (one, two) != (EDGE, EDGE)]


def _edge(token: str) -> str:
    return EDGE if token in ".。:：;；" else token


def _sample(text: str) -> tuple[str, dict[str, str]]:
    """Fill a wording with numbers that say which field they are; return value → field too."""
    values: dict[str, str] = {}
    fields: dict[str, str] = {}
    for place, slot in enumerate(dict.fromkeys(SLOT.findall(text))):
        number = str(7000 + place)
        if slot in MONEY_SLOTS:
            values[slot] = f"${number}"
        elif slot in DATE_SLOTS:
            values[slot] = f"{1 + place} Jan 7000"
            number = f"7000-01-{1 + place:02d}"
        elif slot in PLAIN_SLOTS or slot in ("confidence", "lift"):
            values[slot] = number
        else:
            values[slot] = NAME
            continue
        fields[number] = slot
    return Template(text).substitute(values), fields
