"""Grammars of one sentence: what the wordings of a clause can be recombined to, and nothing else.

A slot is written as `prompts/wordings.yaml` writes it (`$price`) and filled by code afterwards, so
no value of the evidence passes through a model at all: it cannot miscopy a price, and what a
catalogue or a review says cannot reach it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from assistant.prompting import SLOT

START, END = "", "\n"
MAX_STATES = 4_000

Place = tuple[str, str]
"""The two pieces written last."""
State = tuple[Place, frozenset[str]]
"""Where a sentence stands, and the slots said so far."""
BEGIN: State = ((START, START), frozenset())


def wording_grammar(wordings: Sequence[str], complete: Collection[frozenset[str]]) -> str:
    """Return a Lark grammar of the sentences made of the wordings' neighbouring pieces.

    A piece is what stands between two spaces ("$price.", "reviews"). It may follow the two pieces
    that it follows in some wording, no slot is said twice, and a sentence ends as some wording
    ends, once the slots said hold one of `complete`. Every wording is such a sentence.

    Args:
        wordings: At least one, unfilled.
        complete: Sets of slots of which one must be said.

    Raises:
        ValueError: If no sentence is complete.
    """
    ways = _ways(wordings)
    states, kept = _states(ways, complete)
    if BEGIN not in kept:
        raise ValueError(f"none of the wordings {list(wordings)!r} says {list(complete)!r}")
    name = {state: f"s{number}" for number, state in enumerate(states) if state in kept}
    rules = []
    for state in name:
        follows = []
        for after in states[state]:
            if after[0][1] == END:
                follows.append('""')
            elif after in name:
                gap = " " if state != BEGIN else ""
                follows.append(f"{_literal(gap + after[0][1])} {name[after]}")
        rules.append(f"{name[state]}: {' | '.join(dict.fromkeys(follows))}")
    return "\n".join([f"start: {name[BEGIN]}", *rules]) + "\n"


def _ways(wordings: Sequence[str]) -> Mapping[Place, tuple[str, ...]]:
    """Return each two neighbours with the pieces that may follow them, in reading order."""
    found: dict[Place, dict[str, None]] = defaultdict(dict)
    for wording in wordings:
        pieces = [START, START, *wording.split(), END]
        for (one, two), after in zip(pairwise(pieces), pieces[2:], strict=False):
            found[one, two][after] = None
    return {place: tuple(after) for place, after in found.items()}


def _states(
    ways: Mapping[Place, tuple[str, ...]], complete: Collection[frozenset[str]]
) -> tuple[dict[State, list[State]], set[State]]:
    """Return every state that can be reached with what follows it, and those that can end."""
    follows: dict[State, list[State]] = {}
    before: dict[State, list[State]] = defaultdict(list)
    waiting, ends = [BEGIN], list[State]()
    while waiting and len(follows) < MAX_STATES:
        state = waiting.pop()
        if state in follows:
            continue
        follows[state] = []
        for piece in ways.get(state[0], ()):
            slots = frozenset(SLOT.findall(piece))
            after = ((state[0][1], piece), state[1] | slots)
            if piece == END and not any(one <= state[1] for one in complete):
                continue
            if slots & state[1]:
                continue
            follows[state].append(after)
            before[after].append(state)
            (ends if piece == END else waiting).append(after)
    kept, waiting = set[State](), ends
    while waiting:
        state = waiting.pop()
        if state not in kept:
            kept.add(state)
            waiting += before[state]
    return follows, kept & set(follows)


def sentence_pattern(wordings: Iterable[str]) -> str:
    """Return a regular expression of the wordings' pieces in any order.

    For servers that take a JSON schema with a `pattern` and no grammar; the gate sees to the order.
    """
    pieces = sorted({piece for wording in wordings for piece in wording.split()})
    either = "|".join(re.escape(piece) for piece in sorted(pieces, key=len, reverse=True))
    return f"(?:{either})(?: (?:{either}))*"


def _literal(text: str) -> str:
    """The text as a string of Lark."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
