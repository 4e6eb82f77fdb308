"""Grammars of one sentence: connecting words and slots, nothing else.

A slot is written as `prompts/wordings.yaml` writes it (`$price`) and filled by code afterwards, so
no value of the evidence passes through a model at all: it cannot miscopy a price, and what a
catalogue or a review says cannot reach it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

FORMS: Mapping[str, str] = {
    "confidence": "$confidence %",
    "lift": "$lift times",
    "quote": "“$quote”",
    "chip": "“$chip”",
    "words": "“$words”",
}
"""Slots that always stand with their unit or in quotation marks."""
LAST = "quote"
"""The slot that ends its sentence: its own full stop is inside the marks."""
MAX_WORDS = 16
"""Words in a row, at most."""
PAUSE = "[,:;]?"


def wording_grammar(
    slots: Sequence[str],
    complete: Collection[frozenset[str]],
    words: Iterable[str],
    *,
    lead: str = "",
    end: str = ".",
) -> str:
    """Return a Lark grammar of one sentence that uses each slot at most once.

    It can only end when the slots said so far hold one of `complete`. Which slots were said is the
    state: n slots make 2**n rules.

    Args:
        slots: Names of the slots.
        complete: Sets of slots of which one must be said.
        words: The closed list of connecting words, lower case.
        lead: What the sentence begins with; then its first word is not capitalised.
        end: How it ends, unless with a quotation.

    Raises:
        ValueError: If there is nothing to say.
    """
    known = sorted(set(words))
    if not known or not any(one <= frozenset(slots) for one in complete):
        raise ValueError(f"no words, or `complete` needs other slots than {sorted(slots)}")
    word = _either(known)
    first = word if lead else _either([one[:1].upper() + one[1:] for one in known])
    rules = [
        f"start: {_literal(lead) if lead else ''} (OPEN | ) said_0",
        f"OPEN: /{first}{PAUSE} (?:{word}{PAUSE} ){{0,{MAX_WORDS}}}/",
        f"RUN: /{PAUSE} (?:{word}{PAUSE} ){{0,{MAX_WORDS}}}/",
        f"TAIL: /(?:{PAUSE} {word}){{1,{MAX_WORDS}}}/",
        *_states(tuple(slots), [frozenset(one) for one in complete], end),
    ]
    return "\n".join(rules) + "\n"


def _states(slots: tuple[str, ...], complete: Sequence[frozenset[str]], end: str) -> Iterator[str]:
    """Yield a rule for each set of slots that may have been said; bit i stands for slot i."""
    for said in range(2 ** len(slots)):
        names = frozenset(name for bit, name in enumerate(slots) if said >> bit & 1)
        is_enough = any(one <= names for one in complete)
        if LAST in names:
            continue
        ways = []
        for bit, name in enumerate(slots):
            if said >> bit & 1:
                continue
            if name == LAST and not any(one <= names | {LAST} for one in complete):
                continue
            after = "" if name == LAST else f" said_{said | 1 << bit}"
            ways.append(f"{'RUN ' if said else ''}{_literal(FORMS.get(name, f'${name}'))}{after}")
        if is_enough:
            ways += [_literal(end), f"TAIL {_literal(end)}"]
        yield f"said_{said}: {' | '.join(ways)}"


def sentence_pattern(
    slots: Sequence[str], words: Iterable[str], *, lead: str = "", end: str = "."
) -> str:
    """Return a regular expression of the same sentences that does not count slots.

    For servers that take a JSON schema with a `pattern` and no grammar.
    """
    known = sorted(set(words))
    forms = [FORMS.get(name, f"${name}") for name in slots]
    begins = [] if lead else [one[:1].upper() + one[1:] for one in known]
    first, inside = _either([*forms, *(begins or known)]), _either([*forms, *known])
    closing = f"(?:{_escaped(end)})?" if LAST in slots else _escaped(end)
    return f"{_escaped(lead)}{first}(?:{PAUSE} {inside})*{closing}"


def _either(texts: Iterable[str]) -> str:
    """Match one of the texts, the longest first."""
    return f"(?:{'|'.join(_escaped(t) for t in sorted(set(texts), key=lambda t: (-len(t), t)))})"


def _escaped(text: str) -> str:
    """The text as a regular expression inside Lark's slashes."""
    plain = set("_ ")
    return "".join(
        "\\" + c if c.isascii() and not c.isalnum() and c not in plain else c for c in text
    )


def _literal(text: str) -> str:
    """The text as a string of Lark."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
