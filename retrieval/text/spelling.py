"""Words spelled wrongly: what the shop holds that was probably meant.

Only a word of letters that neither the products nor the encoder's own vocabulary know is put right,
and only to a word that products hold; a known word, a number, a model number never is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from retrieval.text.tokens import normalise, tokenise

WORD = re.compile(r"(?<![\w-])[^\W\d_]{4,}(?![\w-])")
LATIN = re.compile(r"[a-z]{4,}$")
SHORTEST = 4
"""Letters; shorter words have too many neighbours."""
LONG = 8
"""From so many letters on two slips are forgiven, below only one."""
MOST_SLIPS = 2


@dataclass(frozen=True, slots=True)
class Correction:
    """One word that was read as another."""

    wrote: str
    read: str


def words_of(text: str) -> Iterator[str]:
    """Yield the words of Latin letters that others may be put right to."""
    for match in WORD.finditer(normalise(text)):
        if LATIN.match(match[0]):
            yield match[0]


class Spelling:
    """The words of a shop. Safe to use from several threads."""

    def __init__(self, words: Mapping[str, int], terms: Mapping[str, int]) -> None:
        """Take the words of products with how many hold each, and all index terms."""
        self._words = words
        self._terms = terms
        self._nearest = lru_cache(maxsize=4_096)(self._find)

    def correct(
        self, text: str, *, is_word: Callable[[str], bool] = lambda _: False
    ) -> tuple[str, tuple[Correction, ...]]:
        """Return the text with its misspelled words put right, and what was changed.

        Args:
            text: As it was written.
            is_word: Whether a word exists outside the shop; such a word is left alone.
        """
        made: list[Correction] = []

        def put_right(match: re.Match[str]) -> str:
            plain = normalise(match[0])
            if not LATIN.match(plain) or self._is_known(plain) or is_word(plain):
                return match[0]
            nearest = self._nearest(plain)
            if nearest is None:
                return match[0]
            made.append(Correction(wrote=match[0], read=nearest))
            return nearest

        return WORD.sub(put_right, text), tuple(made)

    def _is_known(self, word: str) -> bool:
        """Whether the index holds the word in some form, or it is a word like "the"."""
        terms = tokenise(word)
        return not terms or any(term in self._terms for term in terms)

    def _find(self, word: str) -> str | None:
        """Return the nearest word of the shop: fewest slips, then most products, then by letter."""
        return self._two_words(word) or self._one_word(word)

    def _one_word(self, word: str) -> str | None:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        slips = MOST_SLIPS if len(word) >= LONG else 1
        found = extract(word, self._words.keys(), scorer=OSA.distance, score_cutoff=slips, limit=64)
        # The first letter is seldom wrong (Pollock and Zamora 1984): with two slips it must stand.
        near = [(n, -self._words[w], w) for w, n, _ in found if n < 2 or w[0] == word[0]]
        return min(near)[2] if near else None

    def _two_words(self, word: str) -> str | None:
        """Return `sleeping bag` for `sleepingbag`; both parts must be words of the shop."""
        parts = (
            (word[:i], word[i:])
            for i in range(SHORTEST - 1, len(word) - SHORTEST + 2)
            if self._is_whole(word[:i]) and self._is_whole(word[i:])
        )
        found = next(parts, None)
        return None if found is None else " ".join(found)

    def _is_whole(self, part: str) -> bool:
        terms = tokenise(part)
        return bool(terms) and all(term in self._terms for term in terms)
