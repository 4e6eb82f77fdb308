"""Numbers that reached the screen without a record: counted apart from the gate, by other means.

The gate is ours, so its verdicts cannot grade it. This count reads only the reply as written and
the evidence it cites: every number of a claim must stand in that evidence, in a product's title, or
follow from it by a change of form (share to percent, rounding, a sum of money without cents); words
outside claims must hold no number but those the shopper said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_DATES = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.+Z-]+)?")


def numbers(text: str) -> set[float]:
    """Return the numbers written in a text; thousands separators are dropped."""
    found = set()
    for match in NUMBER.findall(text):
        plain = re.sub(r",(?=\d{3}(?:\D|$))", "", match)
        try:
            found.add(float(plain))
        except ValueError:
            found |= {float(part) for part in re.split(r"[.,]", plain) if part}
    return found


def known_numbers(evidence: Sequence[Mapping[str, Any]], titles: Sequence[str]) -> set[float]:
    """Return every number that the cited records hold, in the forms a sentence may give it."""
    text = json.dumps([{k: e[k] for k in ("text", "data")} for e in evidence], ensure_ascii=False)
    plain = numbers(text) | numbers(" ".join(titles))
    for date in _DATES.findall(text):
        plain |= {float(part) for part in date[:10].split("-")}
    forms = set(plain)
    for value in plain:
        for scaled in (value, value * 100, 100 - value, 100 - value * 100):
            forms |= {round(scaled, digits) for digits in (0, 1, 2)}
    return forms


def escapes(reply: Mapping[str, Any], asked: str, titles: Mapping[str, str]) -> list[str]:
    """Return the pieces of a reply that hold a number no cited record has.

    Args:
        reply: As `Reply.as_json` writes it.
        asked: What the shopper said so far in the conversation.
        titles: Product id to title.
    """
    said = numbers(asked)
    found = []
    left = reply["text"]
    for claim in reply["claims"]:
        records = [reply["evidence"][i] for i in claim["evidence_ids"] if i in reply["evidence"]]
        ids = {product_id for record in records for product_id in record["product_ids"]}
        known = known_numbers(records, [titles[i] for i in ids if i in titles]) | said
        missing = numbers(claim["text"]) - known
        if missing or not records:
            found.append(f"{claim['text']} ({sorted(missing)})")
        left = left.replace(claim["text"], " ", 1)
    if loose := numbers(left) - said:
        found.append(f"{left.strip()} ({sorted(loose)})")
    return found
