"""HTML that cannot be injected: `tag` escapes everything that is not already `Html`.

Whatever came from data, from a shopper or from a model is a plain `str`, and a plain `str` always
becomes text. Only `tag` and `join` make `Html`, so there is no place where escaping can be
forgotten.
"""

from __future__ import annotations

import html
import re

MAX_TEXT_CHARACTERS = 20_000
# Control characters and the marks that reorder text on the screen ("gnp.exe" shown as "exe.png").
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff]"
)
_VOID = frozenset({"img", "input", "br", "hr", "link", "meta"})
_URL_ATTRIBUTES = frozenset({"src", "href", "action"})


class Html(str):
    """Markup that this project wrote; made by `tag` and `join` only."""

    __slots__ = ()


def text(value: object) -> Html:
    """Return the value as visible text: escaped, without hidden or reordering characters."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(_HIDDEN.sub("", str(value))[:MAX_TEXT_CHARACTERS], quote=True))


def join(*parts: object) -> Html:
    """Return the parts one after another; None and False are left out."""
    return Html("".join(text(part) for part in parts if part is not None and part is not False))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """Return one element.

    Args:
        name: Element name, one of our own words.
        children: `Html` goes in as it is, anything else as text.
        attributes: `class_` becomes `class`, `data_look` becomes `data-look`; None and False are
            left out, True is an attribute without a value. Addresses must be local paths.

    Raises:
        ValueError: If an address would leave this server.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        if attribute.startswith("on"):
            raise ValueError(f"`{attribute}`: event handlers are not written into markup")
        if attribute in _URL_ATTRIBUTES and not re.match(
            r"(/(?!/)|#)[^\\\x00-\x20]*\Z", str(value)
        ):
            raise ValueError(f"`{attribute}` must be a path on this server, got {value!r}")
        written.append(f" {attribute}" if value is True else f' {attribute}="{text(str(value))}"')
    opening = f"<{name}{''.join(written)}>"
    return Html(opening if name in _VOID else f"{opening}{join(*children)}</{name}>")
