"""Message → what it means. `understand_turn` is the door; tables and rules are inside."""

from assistant.intent.lexicon import ShopWords
from assistant.intent.understand import understand, understand_turn
from assistant.intent.understanding import AttributeSuperlative, Intent, Understanding

__all__ = [
    "AttributeSuperlative",
    "Intent",
    "ShopWords",
    "Understanding",
    "understand",
    "understand_turn",
]
