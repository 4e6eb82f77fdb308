"""Message → what it means. `understand` is the only door; tables and rules are inside."""

from assistant.intent.lexicon import ShopWords
from assistant.intent.understand import understand
from assistant.intent.understanding import AttributeSuperlative, Intent, Understanding

__all__ = ["AttributeSuperlative", "Intent", "ShopWords", "Understanding", "understand"]
