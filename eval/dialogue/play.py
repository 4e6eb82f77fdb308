"""One goal played once: shopper and assistant in turn, then the judge."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.conversation import Action
from assistant.conversation import Turn as Message
from assistant.service import Assistant
from eval.dialogue.goals import Goal
from eval.dialogue.judge import Turn, judge, leaks, secrets, strict_findings
from eval.dialogue.screen import look
from eval.dialogue.shopper import Names, Shopper
from eval.dialogue.wording import Half

MOST_TURNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One trial of one goal."""

    goal: Goal
    half: Half
    trial: int
    turns: Sequence[Turn]
    faults: Sequence[str]
    strict: list[str]
    """What the strict count finds, by turn (see `judge.strict_findings`)."""

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return not self.faults


def play(
    assistant: Assistant, goal: Goal, names: Names, *, half: Half, trial: int, seed: int
) -> Played:
    """Hold one conversation; the same arguments give the same one."""
    catalogue = assistant.recommender.store.catalogue
    key = zlib.crc32(f"{goal.goal_id}:{half}".encode())
    shopper = Shopper(goal, names, half, np.random.default_rng([seed, key, trial]))
    name = f"{goal.goal_id}-{half}-{trial}-{seed}"
    for product_id, quantity in goal.cart:
        action = Action(kind="add_to_cart", product_id=product_id, quantity=quantity)
        reply = assistant.reply(
            Message(conversation_id=name, action=action, language=goal.language)
        )
        shopper.screen = look(reply)
    hidden = secrets(goal, catalogue)
    turns: list[Turn] = []
    talk = shopper.talk()
    said = next(talk, None)
    while said is not None and len(turns) < MOST_TURNS:
        assert not leaks(said.text, hidden), said.text
        reply = assistant.reply(
            Message(conversation_id=name, text=said.text, language=None if turns else goal.language)
        )
        turns.append(Turn(said=said, reply=reply))
        try:
            said = talk.send(look(reply))
        except StopIteration:
            said = None
    late = [f"not done after {MOST_TURNS} turns"] if said is not None else []
    conversation = assistant.conversation(name)
    assert conversation is not None
    store = assistant.recommender.store
    found = judge(goal, shopper.wants, turns, conversation.cart, store)
    return Played(goal=goal, half=half, trial=trial, turns=turns,
                  faults=[*shopper.faults, *late, *found],
                  strict=strict_findings(turns, store))  # fmt: skip


def transcript(played: Played) -> str:
    """Return one trial as text, for reading."""
    lines = [f"# {played.goal.goal_id} · {played.half} · trial {played.trial}", str(played.goal)]
    lines += [f"! {fault}" for fault in played.faults]
    for turn in played.turns:
        lines += [f"> {turn.said.text}", f"< {turn.reply.text}"]
        cards = [f"{c.title} [{c.category}] {c.price}" for c in turn.reply.cards]
        cards += [f"{b.label} {b.total}: " + " + ".join(c.title for c in b.cards)
                  for b in turn.reply.bundle_cards]  # fmt: skip
        lines += [f"    {n}. {card}" for n, card in enumerate(cards, 1)]
        lines.append(f"    set: {dict(turn.reply.constraints)}")
    return "\n".join(lines) + "\n"
