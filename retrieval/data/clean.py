"""Text from shops into plain text: markup out, entities read, whitespace in order.

What this module returns is data to show, not markup: a literal `<` may remain ("5 < 6") and screens
escape it like everything else.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter

import nh3

_ODD = re.compile(
    # tags and entities, controls, odd spaces, soft hyphen, zero width, direction overrides
    "[<&\x00-\x09\x0b-\x1f\x7f-\xa0\xad\u1680\u2000-\u200c\u200e\u200f\u2028-\u202f\u205f-\u2069"
    "\u3000\ufeff]|  |\n"
)
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>?")
_BLOCK = re.compile(
    r"</?(?:p|br|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|section|article|hr|blockquote|pre)\b",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BREAK = re.compile("[ \t\xa0\u3000]*(?:\r\n|[\n\r\x0b\x0c\x85\u2028\u2029])\\s*")
_SPACE = re.compile("[ \t\x1c-\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u2069\ufeff]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_ROUNDS = 5  # feeds escape markup once or twice; more is an attack


def clean_text(text: str, notes: Counter[str]) -> str:
    """Return plain text with line breaks kept as single newlines.

    `notes` counts what was done: `markup` stripped, `mojibake` repaired.
    """
    if text.isascii() and not _ODD.search(text):
        return text.strip()
    text = _CONTROL.sub("", text)
    if not text.isascii():
        text = _repair(text, notes)
    if "<" in text or "&" in text:
        text = _strip_markup(text, notes)
    text = _INVISIBLE.sub("", text)
    text = _SPACE.sub(" ", _BREAK.sub("\n", text))
    return unicodedata.normalize("NFC", text).strip()


def clean_line(text: str, notes: Counter[str]) -> str:
    """Return plain text on one line."""
    return clean_text(text, notes).replace("\n", " ")


def _strip_markup(text: str, notes: Counter[str]) -> str:
    was = text
    for _ in range(_ROUNDS):
        before = text
        if _TAG.search(text):
            text = nh3.clean(
                _BLOCK.sub(r"\n\g<0>", text),
                tags=set(),
                clean_content_tags={"script", "style"},
            )
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
        if text == before:
            break
    if text != was:
        notes["markup"] += 1
    return text


def _repair(text: str, notes: Counter[str]) -> str:
    """Undo a wrong decoding where the text itself says how; anything doubtful stays as it is."""
    import ftfy
    from ftfy.badness import is_bad

    if not is_bad(text):
        return text
    config = ftfy.TextFixerConfig(replace_lossy_sequences=False)
    fixed = ftfy.fix_encoding(text, config)
    strange = {"Cc", "Cn", "Co", "Cs"}  # control, unassigned, private: no shop wrote that
    if fixed == text or is_bad(fixed) or _categories(fixed) & strange:
        return text
    notes["mojibake"] += 1
    return fixed


def _categories(text: str) -> set[str]:
    return {unicodedata.category(character) for character in text if not character.isspace()}
