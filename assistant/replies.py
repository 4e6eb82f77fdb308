"""Short things the shopper may want to say next."""

from __future__ import annotations

from assistant.scene import Outcome

NEXT = {
    "search": (
        ("What goes with the first one?", "Something cheaper", "Compare the first two"),
        ("第一款配什么好？", "便宜点的", "比较前两款"),
    ),
    "cross_sell": (
        ("Why the first one?", "Why not the cheaper one?", "Make it a set"),
        ("为什么推荐第一款？", "为什么不选便宜的？", "配一套"),
    ),
    "upsell": (("Why this one?", "Compare the two"), ("为什么推荐它？", "比较这两款")),
    "similar": (("Compare the first two", "Something cheaper"), ("比较前两款", "便宜点的")),
    "bundle": (("Make it cheaper", "Why the first one?"), ("便宜一些", "为什么推荐第一款？")),
}


def next_replies(outcome: Outcome) -> tuple[str, ...]:
    """Return up to three, by what was just shown; none when nothing was."""
    if not outcome.suggestions and not outcome.bundles:
        return ()
    english, chinese = NEXT.get(outcome.conversation.offer_kind, ((), ()))
    return english if outcome.conversation.language == "en" else chinese
