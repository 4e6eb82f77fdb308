# ruff: noqa: SIM905
"""Which of the two languages a message is in."""

from __future__ import annotations

import re

from assistant.conversation import Language

_CJK = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[a-z]+")
_ZH_FUNCTION = re.compile("[我你的吗有买要给多少不什么这那第个款和了是想能]")
_EN_FUNCTION = frozenset(
    "the a an for do you have i with what is are my me show under in of to and need want"
    " please it this that how any some not which can".split()
)
_EITHER = frozenset("ok okay k wow lol haha hi bye no yes hmm mm oh thx vip usb".split())


def language_of(low: str, before: Language, names: frozenset[str] = frozenset()) -> Language:
    """Return the language of folded text; `before` when the text could be either.

    A Chinese character weighs as much as three Latin letters and the small words of a language
    count extra. `names` (brands) say nothing about the language.
    """
    n_cjk = len(_CJK.findall(low))
    words = [w for w in _LATIN.findall(low) if w not in names]
    if n_cjk == 0 and (
        not words or all(w in _EITHER for w in words) or (len(words) == 1 and len(words[0]) <= 2)
    ):
        return before
    chinese = n_cjk + 2 * len(_ZH_FUNCTION.findall(low))
    english = sum(map(len, words)) / 3 + 2 * sum(w in _EN_FUNCTION for w in words)
    return "zh" if n_cjk and chinese >= english else "en"
