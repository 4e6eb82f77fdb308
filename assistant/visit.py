"""What was done in a turn: views and changes of the cart, and what of it the next query carries.

With personalisation off nothing is noted and nothing carried; the cart itself stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assistant.conversation import Conversation
from assistant.sessions import SessionEventType

MOST_VIEWED = 50
NOT_VIEWS = (
    "cart_add", "cart_remove", "cart_quantity", "cart_clear", "cart_show", "undo", "no_thanks",
)  # fmt: skip
"""Intents that point at a product without looking at it."""


def with_views(conversation: Conversation, product_ids: Sequence[str]) -> Conversation:
    """Return the conversation with these products as the latest that were looked at."""
    if not product_ids or not conversation.personalise:
        return conversation
    kept = [p for p in conversation.viewed if p not in product_ids]
    viewed = (*kept, *dict.fromkeys(product_ids))[-MOST_VIEWED:]
    return conversation.model_copy(update={"viewed": viewed})


def cart_events(
    before: Conversation, after: Conversation
) -> Iterator[tuple[SessionEventType, str]]:
    """Yield what the change from one cart to the other comes to, product by product."""
    ids = dict.fromkeys([*before.cart.product_ids, *after.cart.product_ids])
    for product_id in ids:
        more = after.cart.quantity(product_id) - before.cart.quantity(product_id)
        if more:
            yield ("add_to_cart" if more > 0 else "remove_from_cart"), product_id
