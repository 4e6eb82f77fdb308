# ruff: noqa: E501
"""`Said`: the conditions one message states. Here: rating, stock, and what no longer matters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from assistant.conversation import Conversation
from assistant.intent.lexicon import ShopWords
from assistant.intent.numerals import numbers
from assistant.intent.tables import ZH_WORDS
from assistant.intent.utterance import Utterance, singular
from retrieval.query import Constraints

RATED_WELL = 4.0
"""`rating_min` of "highly rated" and 好评."""
_STARS = re.compile(
    r"(?:\b(?:with |at least |minimum |min |over |above |more than |rated |rating |a |of |no less than )+)?(?<![\d.])(?P<n>[1-5](?:[.,]\d)?|three|four|five|two)\s?\+?[ -]?stars?\b(?: ?\+)?(?: (?:rating|rated|reviews?))?(?: (?:and|or) (?:up|above|more|better|higher|over))?(?: rating)?"
    r"|\b(?:rated|rating)(?: of)?(?: at least| over| above| higher than| more than| >=?)? ?(?P<r>[1-5](?:\.\d)?)(?![\d%])(?: ?\+| (?:and|or) (?:up|above|more|better|higher))?"
    r"|(?:评分|评价|星级)?(?:要|在|得|至少|不低于|高于|大于|不少于)*(?P<z>[1-5](?:\.\d)?|[三四五])(?:颗)?(?:星级|星|分(?!钟|之))(?:及|或)?(?:以上|起|的以上|往上)?(?:评分|评价|好评)?"
    r"|(?:评分|评价)(?:要|在|得|至少|不低于|高于|大于|不少于|超过)*(?P<y>[1-5](?:\.\d)?)(?![\d%])(?:分|星)?(?:以上|及以上|起)?"
)
_WELL = re.compile(
    r"\b(?:highly|well|top|better)[- ](?:rated|reviewed)\b(?! (?:tent|one)s? (?:is|are))|\b(?:with |has |have )?(?:good|better|great|excellent|positive|high|strong) (?:reviews?|ratings?)\b|\bpeople (?:love|like)\b|(?:评价|口碑|评分|好评)(?:好|高|不错|多)(?:一点)?的?|好评的"
)
_IN_STOCK = re.compile(
    r"\b(?:that (?:is|are) |only |currently |must be |has to be |which (?:is|are) )*(?:in[- ]stock|available (?:now|immediately|today|right now|right away)|ready to ship|on hand)\b(?: only)?(?: now| right now)?|\b(?:that (?:is|are) |currently )available\b|\bnot sold out\b|\bonly (?:show )?available\b"
    r"|(?:只要|只看|必须|要|现在)*(?:有现货|有库存|现货|有货)(?:的)?"
)
_STOCK_FREE = re.compile(
    r"\b(?:in stock or not|out of stock is (?:fine|ok(?:ay)?)|(?:also |even |include )+(?:out of stock|sold out)|(?:it )?(?:doesn'?t|does not) (?:have|need) to be (?:in stock|available))\b|(?:缺货|没货|无货)(?:的)?(?:也行|也可以|没关系|无所谓)"
)
_ZH_STARS = {"三": 3.0, "四": 4.0, "五": 5.0}
_ANY_BRAND = re.compile(
    r"\bany brands?\b(?! (?:but|except|other))|\b(?:all|other) brands?(?: are| is)? (?:fine|ok(?:ay)?|welcome)\b|\b(?:the )?brands? (?:doesn'?t|does not|don'?t|isn'?t) (?:matter|important)\b|\bno (?:brand preference|preferred brand)\b|\b(?:forget|remove|drop|ignore|don'?t care about) (?:about )?the brands?\b|(?:品牌|牌子)(?:不限|无所谓|都行|都可以|随便|不重要|不管)|(?:什么|任何|哪个)(?:品牌|牌子)都(?:行|可以|好)|不限(?:品牌|牌子)"
)
_ANY_OTHER = re.compile(
    r"\bany (?P<a>colou?rs?|sizes?|materials?|category|categories|rating|types?|styles?)\b(?! (?:but|except|other))|\b(?:the )?(?P<b>colou?rs?|sizes?|materials?|category|rating|type|style) (?:doesn'?t|does not|isn'?t) (?:matter|important)\b|(?P<c>颜色|尺寸|尺码|材质|材料|评分|类别|款式)(?:不限|无所谓|都行|都可以|随便|不重要)"
)
_FINE = re.compile(
    r"\b(?P<x>[a-z]+(?: [a-z]+)?) (?:is|are) (?:actually |also |totally |perfectly )?(?:fine|ok(?:ay)?|alright|good)(?: too| after all| as well)?\W*$|^(?P<z>[\u3400-\u9fff]{1,4}?)(?:的)?(?:也行|也可以|也好|也没关系|其实可以)"
)
_CONCEPT_WORDS = {
    "colo": ("colour", "color", "颜色"), "颜色": ("colour", "color", "颜色"), "size": ("size", "尺"),
    "尺": ("size", "尺"), "material": ("material", "fabric"), "材": ("material", "fabric"),
}  # fmt: skip


@dataclass(slots=True)
class Said:
    """Conditions that one message states."""

    categories: list[str] = field(default_factory=list)
    exclude_categories: list[str] = field(default_factory=list)
    brands: list[str] = field(default_factory=list)
    exclude_brands: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    exclude_attributes: dict[str, str] = field(default_factory=dict)
    attributes_min: dict[str, str] = field(default_factory=dict)
    attributes_max: dict[str, str] = field(default_factory=dict)
    exclude_words: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    must_include: list[str] = field(default_factory=list)
    in_stock: bool | None = None
    rating_min: float | None = None
    dropped: list[str] = field(default_factory=list)
    """Fields, or `attributes:NAME`, or `exclude_words:WORD`, that no longer hold."""
    notes: list[str] = field(default_factory=list)


def read_rating_and_stock(u: Utterance, said: Said) -> None:
    """Read and take "4 stars and up", "highly rated", "in stock"."""
    for match in u.find_all(_STARS):
        text = next(g for g in match.groups() if g)
        number = numbers(text)
        said.rating_min = _ZH_STARS.get(text) or (float(number[0].value) if number else None)
        u.take(*match.span())
    if said.rating_min is None and u.take_all(_WELL):
        said.rating_min = RATED_WELL
    if u.take_all(_STOCK_FREE):
        said.dropped.append("in_stock")
    elif u.take_all(_IN_STOCK):
        said.in_stock = True


def read_dropped(u: Utterance, conversation: Conversation, words: ShopWords, said: Said) -> None:
    """Read and take "any brand", "any colour", "leather is fine"."""
    held = conversation.constraints
    if u.take_all(_ANY_BRAND):
        said.dropped.append("brands")
    for match in u.find_all(_ANY_OTHER):
        word = match["a"] or match["b"] or match["c"]
        u.take(*match.span())
        if word.startswith(("categor", "type", "style", "类", "款")):
            said.dropped.append("categories")
        elif word.startswith(("rating", "评")):
            said.dropped.append("rating_min")
        else:
            hints = next(v for k, v in _CONCEPT_WORDS.items() if word.startswith(k))
            said.dropped += [
                f"attributes:{n}" for n in held.attributes if any(h in n.lower() for h in hints)
            ]
    if fine := u.find(_FINE):
        _drop_named(u, fine, held, words, said)


def _drop_named(
    u: Utterance, match: re.Match[str], held: Constraints, words: ShopWords, said: Said
) -> None:
    name = (match["x"] or match["z"] or "").strip()
    canonical = {e.value.lower() for m in words.mentions(name) for e in m.of("value")}
    wanted = {name, singular(name), name.split()[-1], ZH_WORDS.get(name, name), *canonical}
    before = len(said.dropped)
    said.dropped += [f"exclude_words:{w}" for w in held.exclude_words if w.lower() in wanted]
    said.dropped += [
        f"exclude_attributes:{k}" for k, v in held.exclude_attributes.items() if v.lower() in wanted
    ]
    for mention in words.mentions(name):
        said.dropped += [
            f"exclude_brands:{e.name}" for e in mention.of("brand") if e.name in held.exclude_brands
        ]
        said.dropped += [
            f"exclude_categories:{e.name}"
            for e in mention.of("category")
            if e.name in held.exclude_categories
        ]
    if len(said.dropped) > before:
        u.take(*match.span())
