"""Facts that reached the screen without a record: counted apart from the gate, by other means.

The gate is ours, so its verdicts cannot grade it. This count shares no code with it: it reads the
reply as written, the evidence it cites, and the shop's tables as they lie on disk
(`eval.shop_table`). Taken out of a claim is what its evidence says in words (titles, quotations,
values, categories, and wishes whose record repeats them); every fact in what is left must be a
value of that evidence with its unit: amounts, percentages, dates, counts and numbers in words,
stock words, sizes, offer codes. A product or a brand must not be left at all. What is said outside
claims may hold no fact whatever, said by the shopper or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eval.record_checks import record_mistakes
from eval.shop_table import ShopTable, bounded, normal
from eval.written_facts import FACT, TAKEN, Escape, decimal_of, facts_beyond, leaves, values_of
from retrieval.aspects import aspect_reader

EXAMPLE = re.compile(r"“(?:the first (?:one|and the third)|第一款(?:和第三款)?)”")
"""What the closed phrases suggest to say."""


def reply_escapes(reply: Mapping[str, Any], table: ShopTable) -> list[Escape]:
    """Return the facts in a reply's text that no cited record holds.

    Args:
        reply: As `Reply.as_json` writes it.
        table: The shop on disk.
    """
    language, left, found = reply["language"], reply["text"], list[Escape]()
    about: set[str] = set()
    for claim in reply["claims"]:
        records = [reply["evidence"][i] for i in claim["evidence_ids"] if i in reply["evidence"]]
        found += claim_escapes(claim["text"], records, table, language, about=about)
        about = {i for record in records for i in _ids(record)}
        left = left.replace(claim["text"], " ", 1)
    return [*found, *phrase_escapes(left, table)]


def claim_escapes(
    text: str, records: Sequence[Mapping[str, Any]], table: ShopTable, language: str, *,
    about: Iterable[str] = (),
) -> list[Escape]:  # fmt: skip
    """Return the facts of one claim that its records do not hold, and records that are wrong."""
    if not records:
        return [Escape(sort="no record", found=text, where=text)]
    found = [
        Escape(sort="record", found=mistake, where=text)
        for record in records
        for mistake in record_mistakes(record, table)
    ]
    strings: set[str] = set()
    for record in records:
        strings |= {normal(s) for s in _strings(record, table, language, about)}
        for wish in _wishes(record):
            found += wish_escapes(normal(wish), _wished(record), table)
            strings.add(normal(wish))
    left = _without(normal(text), strings)
    return [*found, *facts_beyond(left, values_of(records), table, text)]


def phrase_escapes(text: str, table: ShopTable) -> list[Escape]:
    """Return the facts in words outside claims; an example of what to say only points."""
    return list(facts_beyond(EXAMPLE.sub(TAKEN, normal(text)), values_of([]), table, text))


def wish_escapes(wish: str, wished: Mapping[str, Any], table: ShopTable) -> list[Escape]:
    """Return the facts in a repeated wish that the shopper did not wish for.

    Args:
        wish: As shown ("Tents · up to $50.00").
        wished: Constraint → what was asked for.
        table: The shop on disk.
    """
    strings = set()
    for _, value in leaves(wished):
        words = str(value)
        strings |= {words, *words.split(": "), *words.split(" > ")}
        strings |= set(_category_names(table, words.rsplit(" > ", 1)[-1]))
        if words in table.rows:
            strings |= {t for title in table.rows[words].titles.values() for t in _titles(title)}
    strings = {normal(s) for s in strings if decimal_of(s) is None}
    return list(facts_beyond(_without(wish, strings), values_of([{"data": wished}]), table, wish))


def _strings(
    record: Mapping[str, Any], table: ShopTable, language: str, about: Iterable[str]
) -> Iterator[str]:
    """Yield what a record says in words: names, labels, values, quotations, categories."""
    data = record["data"]
    for product_id in {*_ids(record), *about} & set(table.rows):
        yield from _titles(table.rows[product_id].title(language))
    for key in ("value", "this", "that", "wanted", "actual"):
        value = data.get(key)
        if isinstance(value, str) and decimal_of(value) is None:
            yield from (value, *_translated(record, table, value))
    name = str(data.get("name") or "")
    yield from (name.replace("_", " "), *table.labels.get(name, ()))
    yield from _own_strings(record, table)
    for path in (data.get("of"), data.get("anchor_category"), data.get("category")):
        steps = path.split(" > ") if isinstance(path, str) else path or ()
        yield from (*steps, *_category_names(table, steps[-1] if steps else ""))
    for product_id in _ids(record) & set(table.rows):
        if "category" in data or "of" in data:
            yield from table.rows[product_id].categories


def _own_strings(record: Mapping[str, Any], table: ShopTable) -> Iterator[str]:
    """Yield the words that only one kind of record has."""
    data = record["data"]
    match record["kind"]:
        case "quote" | "complaint" | "description" | "shared_complaint" | "aspect_opinion":
            yield data["text"]
            yield from aspect_reader().labels.get(str(data.get("aspect")), {}).values()
        case "match":  # a number only where the product's own name holds it
            named = {w for i in record["product_ids"] for w in table.rows[i].name_words}
            yield from (w for w in data["words"] if w in named or not FACT.search(w))
        case "offer":
            yield data["offer_id"]
        case "count" if "shopper" in data["conditions"]:
            yield data["label"]  # a line of the shopper's own profile


def _wishes(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the shopper's own wishes as a record repeats them."""
    data = record["data"]
    if record["kind"] == "count" and not {"asked", "shopper"} & set(data["conditions"]):
        yield str(data["label"])
    if data.get("chip"):
        yield str(data["chip"])


def _wished(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was wished for, by the name of its constraint."""
    data = record["data"]
    if record["kind"] == "count":
        return dict(data["conditions"])
    if record["kind"] == "change":
        wished: dict[str, Any] = {}
        for step in data["steps"]:  # one field may be lifted and narrowed
            wished.setdefault(str(step["field"]), []).extend([step["value"], _parts(step["value"])])
        return wished
    return {str(data.get("name")): _parts(data.get("wanted")), "name": data.get("name")}


def _parts(wanted: object) -> list[str]:
    """Return the ends of each part of a wish: "persons 2" holds "2"."""
    parts = [part.split() for part in str(wanted).split(", ")]
    return [" ".join(words[n:]) for words in parts for n in range(len(words))]


def _titles(title: str) -> Iterator[str]:
    """Yield the forms a title may take: whole, cut at a word, or brand and model alone."""
    yield title
    words = title.split(" ")
    for n in range(2, len(words)):
        yield " ".join(words[:n]).rstrip(",;–- ")


def _ids(record: Mapping[str, Any]) -> set[str]:
    data = record["data"]
    named = [data.get(k) for k in ("anchor", "other", "holder", "ahead", "product_id")]
    return {*record["product_ids"], *(str(n) for n in named if n)}


def _translated(record: Mapping[str, Any], table: ShopTable, value: str) -> Iterator[str]:
    """Yield a value as the row says it in other languages."""
    for product_id in _ids(record):
        row = table.rows.get(product_id)
        for said in row.attributes.values() if row is not None else ():
            if value in said:
                yield from said


def _category_names(table: ShopTable, name: str) -> Iterator[str]:
    """Yield a category's name in every language."""
    for row in table.rows.values():
        if name in row.categories:
            yield from row.categories
            return


def _without(text: str, strings: Iterable[str]) -> str:
    """Return the text with a mark in the place of each string, the longest first."""
    longest = sorted((s for s in strings if s and s in text), key=len, reverse=True)
    return re.sub("|".join(bounded(s) for s in longest), TAKEN, text) if longest else text
