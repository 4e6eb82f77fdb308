"""Reviews into sentences that can be quoted and found again.

A span is `review.text[start:end]`, never a rewriting of it. English and Chinese punctuation end a
sentence; abbreviations, decimals and list numbers do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MIN_QUOTE, MAX_QUOTE = 12, 300
"""Shortest and longest quotable span in characters; a Han character counts as two."""

_END = re.compile(
    r"""(?P<stop>[.!?…]+)["'”’)\]]*(?=\s|$)   # English: then a space
      | (?P<tight>[a-z]{2}[.!?]+)(?=[A-Z][a-z])   # a forgotten space: "great.Would"
      | [。！？…]+["”’」』）)]*                 # Chinese: nothing needs to follow
      | [!?]+(?=[\u3400-\u9fff])
      | \n+""",
    re.VERBOSE,
)
_NEVER_LAST = frozenset("mr mrs ms dr prof st vs e.g i.e eg ie cf incl".split())  # noqa: SIM905
_BEFORE_NUMBER = frozenset("no fig approx min max ca".split())  # noqa: SIM905
_SELDOM_LAST = frozenset(
    "etc inc ltd co corp oz ft lb lbs in cm mm kg hr hrs sq qt pt gal am pm a.m p.m u.s".split()  # noqa: SIM905
)
_WORD_BEFORE = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z0-9]+$")
_CLAUSE = re.compile(r"[,;:]\s+|\s[-–—]\s|\s(?=(?:but|and|because|which|so)\s)|[，；：、—]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def is_quotable(text: str) -> bool:
    """True for a span long enough to mean something and short enough to show."""
    return len(text) + len(_HAN.findall(text)) >= MIN_QUOTE and len(text) <= MAX_QUOTE


def split_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every sentence of a review, long ones cut at clauses.

    Spans are in order, do not overlap, carry no outer whitespace and together hold every character
    that is not whitespace.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _sentences(text):
        spans.extend(_pieces(text, start, end))
    return spans


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _END.finditer(text):
        if match["stop"] and not _ends_sentence(text, match):
            continue
        yield from _trim(text, start, match.end())
        start = match.end()
    yield from _trim(text, start, len(text))


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Tell a full stop from the dot of an abbreviation, an initial or a list number."""
    stop, after = match["stop"], text[match.end() :].lstrip(" ")[:1]
    if stop in {"...", "…"}:
        return not after.islower()
    if stop != ".":
        return True
    word = _WORD_BEFORE.search(text[max(0, match.start() - 20) : match.start()])
    if word is None:
        return True
    name, before = word[0].lower(), text[: match.start() - len(word[0])].rstrip(" ")
    if name in _NEVER_LAST or (len(word[0]) == 1 and word[0].isupper() and word[0] != "I"):
        return not after
    if name in _BEFORE_NUMBER and after.isdigit():
        return False
    if name.isdigit() and (not before or before[-1] in "\n.!?。"):
        return not after  # "1. Easy to pitch"
    if name == "in" and not before[-1:].isdigit():
        return True
    return not (name in _SELDOM_LAST and (after.islower() or after.isdigit()))


def _trim(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    right = start + len(piece.rstrip())
    if left < right:
        yield left, right


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_QUOTE:
        window = text[start : start + MAX_QUOTE]
        cuts = [m.end() for m in _CLAUSE.finditer(window) if m.end() >= MAX_QUOTE // 3]
        cut = cuts[-1] if cuts else window.rfind(" ") + 1 or MAX_QUOTE
        yield from _trim(text, start, start + cut)
        start += cut
    yield from _trim(text, start, end)
