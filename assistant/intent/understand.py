"""Message → `Understanding`."""

from __future__ import annotations

from assistant.conversation import Conversation
from assistant.intent.lexicon import ShopWords
from assistant.intent.understanding import Understanding


def understand(text: str, conversation: Conversation, words: ShopWords) -> Understanding:
    """Return what a message means in its conversation."""
    cjk = sum("\u4e00" <= c <= "\u9fff" for c in text)
    language = "zh" if cjk else "en" if text.isascii() and len(text) > 3 else conversation.language
    return Understanding(
        intent="search",
        language=language,
        wish=text.strip(),
        constraints=conversation.constraints,
    )
