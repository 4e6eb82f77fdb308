# ruff: noqa: E501
"""How many of what is in the cart, and what the cart comes to.

"Add 2 more" and 再加两件 mean the product spoken of last where it is in the cart; "make it 3 of the
socks" sets the quantity of the line that the words name. Without such a line they mean nothing here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from assistant.conversation import Conversation
from assistant.intent.lexicon import ShopWords
from assistant.intent.numerals import NUMBER, numbers
from assistant.intent.tables import STOP

_N = r"(?P<n>\d{1,2}|a couple|one|two|three|four|five|six|seven|eight|nine|ten|another|[一二两三四五六七八九十]{1,2})"
_ZU = r"(?:个|件|款|种|双|条|顶|只|项|张|把|支|瓶|包|台|套|本|样|副|盏|盒|袋|罐)"
_CART = r"(?:cart|basket|trolley|shopping bag|order)"
_TAIL = rf"(?: (?:of (?:it|them|those|these|this|that)(?: ones?)?|ones?|pieces?|units?|please|as well|too|(?:in|to|into) (?:my|the) {_CART}))*\W*$"
TOTAL = re.compile(
    r"\b(?:what(?:'s| is)|whats|how much is|tell me|show me) (?:my |the )(?:(?:grand|cart|current|new) )?(?:total|sum)\b"
    r"|\bhow much (?:is|are|does|do|would|will) (?:that|it|this|they|these|everything|all(?: of (?:it|that|them))?)(?: all)?(?: be| cost| come to| make)? (?:altogether|in total|in all|all together|together|so far)\b"
    rf"|\bwhat (?:does|do|would|will) (?:that|it|this|they|everything|all of it|my {_CART}|the {_CART}) (?:come|add up|amount) to\b"
    r"|\bhow much (?:do|would|will|must|should) i (?:have to |need to )?(?:pay|owe)\b|\b(?:total|sum) (?:so far|of my (?:cart|basket|order))\b"
    r"|(?:总共|一共|合计|总计|加起来|全部)(?:是|要|得|该|需要|应该)*(?:付|花|付款)?(?:了)?多少(?:钱|块|元)?(?=\W*$|了|呢)|(?:一共|总共|合计)?(?:要|得|该|应)(?:付|花)多少钱?|总(?:价|额|金额)(?:是)?多少"
)
_MORE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^(?!.*\b(?:show|see|options?|suggest\w*|results?|other|choices)\b).*?\b{_N} more{_TAIL}",
        rf"(?:再|多|还)(?:给我)?(?:来|加|要|买|拿|添){_N}{_ZU}(?:吧|就好)?\W*$",
    )
)
_SET = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:make|keep) (?:it|that|them)(?: to| at)? (?:just |only )?{_N}(?: of (?:it|them|those|the (?P<x>[^,.!?]+?)))?(?: (?:in all|in total|pieces|please|instead|in (?:my|the) {_CART}))*\W*$",
        rf"^\W*(?:(?:actually|no|sorry|wait|oh|hm+|i meant?|make that),? )*(?:just|only) {_N}(?: of (?:it|them|those))?(?: (?:pieces?|please|then|will do|is enough))*\W*$",
        rf"\b(?:change|set|update|increase|reduce|lower|raise|put) (?:the )?(?:(?:quantity|number|amount) )?(?:of )?(?:the |my )?(?P<x>[^,.!?]*?)(?: in (?:my|the) {_CART})? to (?:just |only )?{_N}(?: pieces| please| instead)*\W*$",
        rf"\b{_N} of (?:the |my |those |these )(?P<x>[^,.!?]+?) in (?:my|the) {_CART}",
        rf"(?:把)?(?P<x>[\u3400-\u9fffA-Za-z ]*?)(?:的)?(?:数量)?(?:改|换|变|调|设|增加|减少|减)(?:成|为|到){_N}{_ZU}?(?:吧|就好)?\W*$",
        rf"(?P<x>[\u3400-\u9fffA-Za-z ]+?)(?:我|就|一共|总共|只)?要{_N}{_ZU}(?:吧|就好)?\W*$",
        rf"^(?:还是|算了|不对|等等|其实|那|[,\s])*(?:就|只|只要|就要|一共){_N}{_ZU}(?:吧|就好|就行|就够了?)?\W*$",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CartChange:
    """A change of one line of the cart by a number."""

    product_id: str
    quantity: int
    kind: Literal["more", "set"]


def read_cart_change(low: str, conversation: Conversation, words: ShopWords) -> CartChange | None:
    """Return which line changes and by how much; None where the words name no line."""
    held = conversation.cart.product_ids
    if not held:
        return None
    for kind, patterns in (("set", _SET), ("more", _MORE)):
        for pattern in patterns:
            match = pattern.search(low)
            product_id = _line(match, low, conversation, words) if match else None
            if match and product_id is not None:
                quantity = _count(match["n"])
                return CartChange(product_id=product_id, quantity=quantity, kind=kind)  # type: ignore[arg-type]
    return None


def _line(
    match: re.Match[str], low: str, conversation: Conversation, words: ShopWords
) -> str | None:
    """Return the line that the words name, else the product spoken of if it is in the cart."""
    named = match.groupdict().get("x") or low
    lines = named_in_cart(named, conversation, words)
    if lines:
        return lines[0] if len(lines) == 1 else None
    names_other = any(
        m.of("category") or m.of("brand")
        for m in words.mentions(named)
        if named[m.start : m.end] not in STOP
    )
    focus = conversation.focus
    return focus if focus in conversation.cart.product_ids and not names_other else None


def named_in_cart(low: str, conversation: Conversation, words: ShopWords) -> tuple[str, ...]:
    """Return the products of the cart whose category, brand or title folded text names."""
    products = [p for i in conversation.cart.product_ids if (p := words.product(i)) is not None]
    found = [
        p.product_id
        for m in words.mentions(low)
        for p in products
        if any(
            (e.kind == "category" and e.name in p.category)
            or (e.kind == "brand" and e.name == p.brand)
            or (e.kind == "title" and e.name == p.product_id)
            for e in m.entries
        )
    ]
    return tuple(dict.fromkeys(found))


def _count(text: str) -> int:
    if text == "another":
        return 1
    if text == "a couple":
        return 2
    found = numbers(text) if NUMBER.search(text) else []
    return int(found[0].value) if found else 1
