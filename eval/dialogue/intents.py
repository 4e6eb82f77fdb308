"""Understanding against human dialogues: what a client's message does, as people labelled it.

The labels say what kind of move a message is, ours what is asked of a shop; both are brought to
four kinds. A message counts where its label with most votes (ties taken together) is of one kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from assistant.conversation import Conversation, Shown
from assistant.intent import Intent, ShopWords, understand_turn
from eval.data.dialogues import Dialogue, Dialogues
from eval.results import Floats, System, TaskResult
from retrieval.data.dataset import Catalogue

Rows = NDArray[np.int64]
Kind = Literal["ask", "tell", "social", "decline"]
KINDS: tuple[Kind, ...] = ("ask", "tell", "social", "decline")
OF_LABEL: dict[str, Kind] = {
    "o_question": "ask", "clarify": "ask", "disclose": "tell", "answer": "tell",
    "explain": "tell", "greeting": "social", "interaction": "social", "pf": "social",
    "nf": "decline",
}  # fmt: skip
"""`elicit`, `recommend` and `other` stand for moves of every kind and decide nothing."""
OF_INTENT: dict[Intent, Kind] = {
    "question": "ask", "fit": "ask", "compare": "ask", "why": "ask", "why_not": "ask",
    "count": "ask", "superlative": "ask", "more": "ask", "similar": "ask", "better": "ask",
    "goes_with": "ask", "goes_with_cart": "ask", "cart_show": "ask", "show_profile": "ask",
    "human": "ask", "search": "tell", "refine": "tell", "bundle": "tell", "cart_add": "tell",
    "cart_remove": "tell", "cart_quantity": "tell", "cart_clear": "tell", "undo": "tell",
    "personalise_off": "tell", "personalise_on": "tell", "forget_me": "tell",
    "greeting": "social", "thanks": "social", "out_of_scope": "social", "no_thanks": "decline",
}  # fmt: skip
HEAD = 3
"""Words of a title that a seller writes when naming a product."""


def measure(data: Dialogues, *, seed: int) -> TaskResult:
    """Return accuracy beside always saying the commonest kind; macro-F1 among the facts."""
    pairs = [pair for d in data.dialogues for pair in labelled(d, data.shelves[d.shelf])]
    truth = np.array([KINDS.index(true) for true, _ in pairs])
    ours = np.array([KINDS.index(said) for _, said in pairs])
    majority = np.full_like(truth, np.bincount(truth).argmax())
    n = sum(u.is_client for d in data.dialogues for u in d.utterances)
    return TaskResult(
        name="intents",
        question="What kind of move is a client's message?",
        split="all dialogues; nothing is fitted, no message was tuned on",
        data_hash=data.data_hash,
        systems=[
            System(name="rules", values={"accuracy": _right(truth, ours)}, is_baseline=False),
            System(name="commonest kind", values={"accuracy": _right(truth, majority)}),
        ],
        ours="rules",
        headline="accuracy",
        groups={kind: truth == place for place, kind in enumerate(KINDS)},
        facts={
            "messages of clients": n,
            "of which their label is of one kind": len(pairs),
            "macro-F1 of rules": _macro(truth, ours, seed),
            "macro-F1 of the commonest kind": _macro(truth, majority, seed),
        },
    )


def labelled(dialogue: Dialogue, shelf: Catalogue) -> Iterator[tuple[Kind, Kind]]:
    """Yield the kind that people and that our understanding see in each message of the client."""
    words = ShopWords.of(shelf)
    conversation = Conversation(conversation_id=dialogue.dialogue_id)
    for utterance in dialogue.utterances:
        if not utterance.is_client:
            conversation = _shown(conversation, utterance.text, shelf)
            continue
        conversation, meant = understand_turn(utterance.text, conversation, words)
        update = {"constraints": meant.constraints, "wish": meant.wish or conversation.wish}
        conversation = conversation.model_copy(update=update)
        kinds = _kinds(utterance.votes)
        if len(kinds) == 1:
            yield kinds.pop(), OF_INTENT[meant.intent]


def _kinds(votes: Mapping[str, float]) -> set[Kind]:
    """Return the kinds of the labels with most votes."""
    counted = {label: n for label, n in votes.items() if label in OF_LABEL}
    most = max(counted.values(), default=0)
    return {OF_LABEL[label] for label, n in counted.items() if n == most}


def _shown(conversation: Conversation, text: str, shelf: Catalogue) -> Conversation:
    """Return the conversation after the seller's message: products named in it are shown."""
    low = text.casefold()
    heads = {p.product_id: " ".join(p.title.split()[:HEAD]).casefold() for p in shelf.products}
    named = [i for i, head in heads.items() if head in low]
    if not named:
        return conversation
    shown = tuple(Shown(product_id=i, offer_kind="similar") for i in named)
    return conversation.model_copy(update={"shown": shown, "focus": named[0]})


def _right(truth: Rows, said: Rows) -> Floats:
    return (truth == said).astype(float)


def _macro(truth: Rows, said: Rows, seed: int, n_resamples: int = 1_000) -> str:
    """Return macro-F1 with a percentile bootstrap interval (95 %) over messages."""
    rng = np.random.default_rng(seed)

    def macro(rows: Rows) -> float:
        labels = range(len(KINDS))
        return float(
            f1_score(truth[rows], said[rows], labels=labels, average="macro", zero_division=0)
        )

    value = macro(np.arange(len(truth)))
    found = [macro(rng.integers(len(truth), size=len(truth))) for _ in range(n_resamples)]
    low, high = np.quantile(found, (0.025, 0.975))
    return f"{value:.3f} [{low:.3f}–{high:.3f}]"
