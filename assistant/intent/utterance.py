"""A message while it is being read: what has been understood is taken, the rest is what is left."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from assistant.intent.tables import SIMPLIFIED

TAKEN = "\x1f"
"""Stands in `Utterance.open` where something was taken: no pattern matches across it."""
_QUOTES = str.maketrans("’‘`“”–—−‑…、。￥", "'''\"\"---- ,.¥")
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")


class Utterance:
    """The normalised message, character by character.

    `text` keeps the case, `low` is lower case with simplified characters, `open` is `low` with
    what has been taken blanked. All three have the same length.
    """

    def __init__(self, message: str) -> None:
        apart = re.sub(r"(?<=\d)，(?=\d)", ", ", message)  # 至少264，585以内: two amounts
        text = unicodedata.normalize("NFKC", apart).translate(_QUOTES)
        self.text = re.sub(
            r"[\s\x00-\x1f\u200b-\u200f\u2028-\u202e\ue000-\uf8ff\ufeff]+", " ", text
        ).strip()
        self.low = fold(self.text)
        self.open = self.low

    def take(self, start: int, end: int) -> None:
        """Mark these characters as understood."""
        self.open = self.open[:start] + TAKEN * (end - start) + self.open[end:]

    def find(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the first match in what is open."""
        return pattern.search(self.open)

    def find_all(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Yield the matches in what is open; taking a match while looping is allowed."""
        position = 0
        while match := pattern.search(self.open, position):
            yield match
            position = max(match.end(), position + 1)

    def take_all(self, pattern: re.Pattern[str]) -> bool:
        """Take every match; return whether there was one."""
        found = False
        for match in self.find_all(pattern):
            self.take(*match.span())
            found = True
        return found

    def is_open(self, start: int, end: int) -> bool:
        """Return whether nothing in the span has been taken."""
        return TAKEN not in self.open[start:end]


def fold(text: str) -> str:
    """Return the text in lower case and simplified characters, at the same length."""
    low = text.lower()
    if len(low) != len(text):  # a few letters grow when lowered
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return low.translate(SIMPLIFIED)


def tokens(low: str) -> list[tuple[str, int, int]]:
    """Return words (singular) and single Chinese characters with their places in folded text."""
    return [(singular(m.group()), m.start(), m.end()) for m in _TOKEN.finditer(low)]


_IRREGULAR = {"men": "man", "women": "woman", "children": "child", "feet": "foot", "mice": "mouse",
              "knives": "knife", "people": "person", "shelves": "shelf", "leaves": "leaf",
              "loaves": "loaf", "scarves": "scarf", "teeth": "tooth", "gas": "gas",
              "shoes": "shoe"}  # fmt: skip


def singular(word: str) -> str:
    """Return a word without its English plural ending, by rule; both sides of a look-up use it."""
    word = word.removesuffix("'s")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zzes", "toes")):
        return word[:-2]
    return word[:-1]
