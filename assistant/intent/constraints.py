# ruff: noqa: E501
"""Conditions in a message other than money, and how a turn's conditions join the conversation's.

What is wanted becomes an attribute, brand or category only through the shop's lexicon; unknown words
stay in the wish. What is not wanted is excluded even if unknown, because showing it would be worse.
A colour is excluded by attribute, a material as a word anywhere ("not leather": no leather in the
title, the attributes or the description).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from assistant.conversation import Conversation
from assistant.intent.amounts import Money
from assistant.intent.lexicon import Entry, Mention, ShopWords
from assistant.intent.measures import Measure, measures
from assistant.intent.numerals import numbers
from assistant.intent.references import Reference
from assistant.intent.tables import COLOUR_ATTRIBUTES, FREE_OF, STOP, ZH_STOP, ZH_WORDS
from assistant.intent.utterance import TAKEN, Utterance, singular
from retrieval.query import Constraints

STANDING = ("exclude", "exclude_brands", "exclude_words", "in_stock", "margin_min")
"""Conditions about the shopper rather than about one thing: a new wish keeps them."""
RATED_WELL = 4.0
"""`rating_min` of "highly rated" and 好评."""
MUCH_CHEAPER = Decimal("0.6")
"""Share of the price looked at that "much cheaper" allows."""
CHEAPER_THAN_BUDGET = Decimal("0.8")
"""Share of the limit that "cheaper" allows when nothing has been shown."""
_CENT = Decimal("0.01")


@dataclass(slots=True)
class Said:
    """Conditions that one message states."""

    categories: list[str] = field(default_factory=list)
    exclude_categories: list[str] = field(default_factory=list)
    brands: list[str] = field(default_factory=list)
    exclude_brands: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    exclude_attributes: dict[str, str] = field(default_factory=dict)
    exclude_words: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    must_include: list[str] = field(default_factory=list)
    in_stock: bool | None = None
    rating_min: float | None = None
    dropped: list[str] = field(default_factory=list)
    """Fields, or `attributes:NAME`, or `exclude_words:WORD`, that no longer hold."""
    notes: list[str] = field(default_factory=list)


# --- rating and stock ---------------------------------------------------------------------------

_STARS = re.compile(
    r"(?:\b(?:with |at least |minimum |min |over |above |more than |rated |rating |a |of |no less than )+)?(?<![\d.])(?P<n>[1-5](?:[.,]\d)?|three|four|five|two)\s?\+?[ -]?stars?\b(?: ?\+)?(?: (?:rating|rated|reviews?))?(?: (?:and|or) (?:up|above|more|better|higher|over))?(?: rating)?"
    r"|\b(?:rated|rating)(?: of)?(?: at least| over| above| higher than| more than| >=?)? ?(?P<r>[1-5](?:\.\d)?)(?![\d%])(?: ?\+| (?:and|or) (?:up|above|more|better|higher))?"
    r"|(?:评分|评价|星级)?(?:要|在|得|至少|不低于|高于|大于|不少于)*(?P<z>[1-5](?:\.\d)?|[三四五])(?:颗)?(?:星级|星|分(?!钟|之))(?:及|或)?(?:以上|起|的以上|往上)?(?:评分|评价|好评)?"
    r"|评分(?:要|在|得|至少|不低于|高于|大于|不少于|超过)+(?P<y>[1-5](?:\.\d)?)(?:以上)?"
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


# --- what no longer matters ---------------------------------------------------------------------

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


# --- what is not wanted -------------------------------------------------------------------------

_NOT = re.compile(
    r"(?:\bnot\b|\bno\b|\bwithout\b|\bnon(?=[- ])|\b(?:anything|everything|all|any brand|any)(?: \w+)? (?:but|except)\b|\bexcept(?:ing)?(?: for)?\b|\bother than\b|\bexclud(?:e|ing)\b|\bavoid(?:ing)?\b|\b(?:i )?hate\b|\b(?:i )?(?:don'?t|do not|dont) (?:want|like|need|show(?: me)?|include)\b|\bnothing\b|\bskip\b|\bleave out\b|\bfree (?:of|from)\b|\binstead of\b|\brather than\b|\bnever\b|\ballergic to\b|\bisn'?t\b|\baren'?t\b)"
    r"(?:[ -](?:any|made|of|from|with|in|by|the|a|an|to|be|brand|anything|that|which|is|are|one|ones|show|me|contain(?:s|ing)?|includ(?:e|es|ing)|have|has|having|your|those|these|something|stuff|another)\b)*[ -]?"
    r"|(?<!有)(?:不要|不想要|我?不喜欢|不用|不是|别要|别给我|不含|不带|不包括|不包含|不能有|不能含|没有|除了|除开|排除|避开|拒绝|讨厌|过敏的?是|对)(?:任何|含有?|带有?|用|是|看|那种|这种)?"
    r"|(?<![\u3400-\u9fff])(?:别|非|无|不)"
)
_THIS_BRAND = re.compile(
    r"(?:\b(?:not|no|other than|anything but|don'?t (?:want|like)) )?(?:from )?(?:\b(?:this|that|the same|another|a different|other|different) (?:brands?|make|maker)\b)|(?:不要|别要|不喜欢|除了|换个?|换一个|其他|别的)(?:这个|那个|这)?(?:牌子|品牌)(?:的)?"
)
_NOT_AFTER = re.compile(
    r"(?:too|so|very|that|as|sure|now|yet|bad|idea|problem|thanks|thank|worries|for me|much|only|just|really|necessarily|least|limit|matter|need|more|less|over|under|today|interested|all|what|want|like|working|good|great|if|because|hurry|rush|longer|preference|particular|and|or|but|i|you|it|going|one)\b(?! leather)|太|那么|超过|错|好意思|知道|用了|客气|贵|限|管|同|需要|紧|行|可以|得|到|了|仅|只|[\s\x1f,.!?]|$"
)
_JOIN = re.compile(
    r"\s*(?:,|\bor\b|\band\b|\bnor\b|&|/|和|或者?|跟|与|以及)\s*(?:no |not |without |any |the |from |不要|不含|不是)?"
)
_FREE = re.compile(r"\b(?P<x>[a-z]+)[- ]free\b")
_ZH_ALLERGY = re.compile(r"对(?P<x>[\u3400-\u9fff]{1,4}?)过敏")
_WORD = re.compile(
    r"[a-z][a-z'-]*(?: (?![a-z]*\b(?:please|then|and|or|but|for|with|in)\b)[a-z-]{3,})?"
)
_ZH_WORD = re.compile(r"[\u3400-\u9fff]{1,6}?(?=的|和|或|跟|与|,|\.|\s|$|\x1f|吗|了|之外|以外|外)")
_WEAK = frozenset(
    {
        "别",
        "非",
        "无",
        "不",
        "没有",
        "不用",
        "not",
        "isn't",
        "aren't",
        "isnt",
        "never",
        "nothing",
        "对",
    }
)
"""Negators that exclude only what the shop has a word for."""
_GENERAL = re.compile(
    r"(?:"
    + "|".join(sorted({*FREE_OF, *(e for z, e in ZH_WORDS.items())}, key=len, reverse=True))
    + r")s?\b"
)
"""Plain words for things and materials, which "not" excludes even if the shop has none."""
_ZH_TAIL = re.compile(r"(?:的|之外|以外|外|材质|材料|质地|色|牌子?|做的|类)*")


def read_excluded(
    u: Utterance,
    words: ShopWords,
    references: list[Reference],
    said: Said,
    *,
    this_brand: str | None,
) -> None:
    """Read and take what is not wanted: products, brands, categories, values, words.

    `this_brand` is the brand of what is spoken of ("another brand").
    """
    if (brand := u.find(_THIS_BRAND)) and this_brand:
        said.exclude_brands.append(this_brand)
        u.take(*brand.span())
    for match in u.find_all(_FREE):
        if singular(match["x"]) in FREE_OF or _value_named(words, match["x"]):
            _exclude_word(words, match["x"], said)
            u.take(*match.span())
    for match in u.find_all(_ZH_ALLERGY):
        _exclude_word(words, match["x"], said)
        u.take(*match.span())
    for match in u.find_all(_NOT):
        end = _exclude_at(u, match, words, references, said)
        if end:
            u.take(match.start(), end)


def _exclude_at(
    u: Utterance, match: re.Match[str], words: ShopWords, references: list[Reference], said: Said
) -> int:
    """Exclude what stands after a negator; return where it ends, or 0 if nothing was excluded."""
    negator = match.group().strip().split(" ")[0].split("-")[0]
    weak = negator in _WEAK or match.group().strip() in _WEAK
    at, done = match.end(), 0
    while True:
        end = _exclude_one(u, at, words, references, said, weak=weak, first=done == 0)
        if not end:
            return done
        done = end
        join = _JOIN.match(u.open, done)
        if not join:
            return done
        at = join.end()
        weak = weak or "and" in join.group() or "和" in join.group()


def _exclude_one(
    u: Utterance, at: int, words: ShopWords, references: list[Reference], said: Said,
    *, weak: bool, first: bool,
) -> int:  # fmt: skip
    pointed = next((r for r in references if r.start <= at < r.end and r.product_ids), None)
    if pointed is None:
        pointed = next((r for r in references if r.start == at and r.product_ids), None)
    if pointed and pointed.how != "brand":
        said.exclude += pointed.product_ids
        return pointed.end
    mention = _mention_at(u, at, words)
    if mention is not None and mention.entries and not mention.of("title"):
        _exclude_mention(words, mention, u, said)
        return _tail(u, mention.end)
    guarded = first and _NOT_AFTER.match(u.open, at) is not None
    if mention is None and (guarded or (weak and not _GENERAL.match(u.open, at))):
        return 0
    if mention is not None:
        _exclude_word(words, u.open[mention.start : mention.end], said)
        return _tail(u, mention.end)
    return _exclude_unknown(u, at, words, said)


def _exclude_unknown(u: Utterance, at: int, words: ShopWords, said: Said) -> int:
    if match := _ZH_WORD.match(u.open, at):
        if match.group()[0] in ZH_STOP:
            return 0
        _exclude_word(words, match.group(), said)
        return _tail(u, match.end())
    match = _WORD.match(u.open, at)
    if match is None:
        return 0
    phrase = [w for w in match.group().split() if w not in STOP]
    if not phrase or match.group().split()[0] in STOP:
        return 0
    _exclude_word(words, " ".join(phrase), said)
    return match.end()


def _tail(u: Utterance, end: int) -> int:
    match = _ZH_TAIL.match(u.open, end)
    return match.end() if match else end


def _mention_at(u: Utterance, at: int, words: ShopWords) -> Mention | None:
    rest = u.open[at : at + 80].split(TAKEN)[0]
    first = next(iter(words.mentions(rest)), None)
    if first is None or first.start != 0:
        return None
    return Mention(at, at + first.end, first.entries)


def _exclude_mention(words: ShopWords, mention: Mention, u: Utterance, said: Said) -> None:
    brands, categories, values = (mention.of(k) for k in ("brand", "category", "value"))
    if brands:
        said.exclude_brands += [e.name for e in brands]
    elif categories and not values:
        said.exclude_categories += [e.name for e in categories]
    elif values:
        names = {e.name for e in values}
        colour = len(names) == 1 and names & {n for n in names if n.lower() in COLOUR_ATTRIBUTES}
        yes = all(e.value.lower() in {"yes", "true", "是"} for e in values)
        entry = values[0]
        if (colour or yes) and entry.name not in said.exclude_attributes:
            said.exclude_attributes[entry.name] = entry.value
        else:
            said.exclude_words.append(shortest(values))
    else:
        said.exclude_words.append(u.open[mention.start : mention.end])


def shortest(values: Iterable[Entry]) -> str:
    """Return the shortest value in lower case: "leather" rather than "leather and mesh"."""
    return min((e.value.lower() for e in values), key=lambda v: (len(v), v))


def _value_named(words: ShopWords, text: str) -> tuple[Entry, ...]:
    found = words.mentions(text)
    return found[0].of("value") if len(found) == 1 else ()


def _exclude_word(words: ShopWords, text: str, said: Said) -> None:
    values = _value_named(words, text)
    said.exclude_words.append(shortest(values) if values else ZH_WORDS.get(text, text))


# --- what is wanted -----------------------------------------------------------------------------

_SIZE = re.compile(
    r"\b(?:(?:in|for) )?(?:a |an |my )?size ?(?:is |of )?(?P<a>\d{1,3}(?:\.5)?|x{0,3}[sl]|m|small|medium|large|one size)(?![a-z0-9])(?: as well| too)?"
    r"|\bin (?:a |an )(?P<b>\d{1,2}(?:\.5)?|x{0,3}[sl]|m|small|medium|large)(?![a-z0-9.])(?! ?(?:days?|minutes?|person|pack))(?: as well| too)?"
    r"|(?<![a-z0-9])(?P<c>\d{2}(?:\.5)?|x{0,3}[sl]|m)(?:号|码)(?:的)?|(?:尺码|码数|尺寸)(?:是|为|要)?(?P<d>\d{2}(?:\.5)?|x{0,3}[sl]|m)(?![a-z0-9])"
)
_SIZE_WORDS = {"small": "s", "medium": "m", "large": "l"}
_LIMIT = re.compile(
    r"(?:under|below|less than|up to|at most|over|above|more than|at least|max|min|不超过|低于|小于|至少|超过|大于)\s*$"
)
_FROM = re.compile(r"(?:\b(?:from|by|made by|brand|only)\s*|品牌(?:是|为)?|牌子(?:是|为)?)$")


def read_sizes(u: Utterance, words: ShopWords, said: Said) -> None:
    """Read "in a 10 as well", "size M", 42码; a size that the shop does not have stays a wish."""
    for match in u.find_all(_SIZE):
        size = next(g for g in match.groups() if g)
        entries = words.sizes.get(size) or words.sizes.get(_SIZE_WORDS.get(size, size), ())
        if entries:
            said.attributes[entries[0].name] = entries[0].value
            u.take(*match.span())


def read_measures(
    u: Utterance, words: ShopWords, categories: Iterable[str], said: Said
) -> list[tuple[int, int]]:
    """Read "2-person", "65 l", 双人 where the shop has that value.

    Returns the places of limits ("under 2 kg"), which are noted and stay in the wish.
    """
    limits = []
    for measure in measures(u.open):
        limit = _LIMIT.search(u.open[: measure.start])
        if limit:
            said.notes.append(f"unit_limit:{u.text[limit.start() : measure.end].strip()}")
            limits.append((limit.start(), measure.end))
            continue
        entry = _one_value(words, _measured(words, measure), categories)
        if entry:
            said.attributes[entry.name] = entry.value
            u.take(measure.start, measure.end)
    return limits


def _measured(words: ShopWords, measure: Measure) -> tuple[Entry, ...]:
    return words.measures.get((measure.unit, measure.number), ())


def read_brands(u: Utterance, words: ShopWords, said: Said) -> None:
    """Read and take brands; "from" before one goes with it."""
    for mention in words.mentions(u.open):
        brands = mention.of("brand")
        if not brands or (mention.of("category") or mention.of("value")):
            continue
        said.brands += [e.name for e in brands]
        before = _FROM.search(u.open[: mention.start])
        after = re.match(r"(?:牌子?的?|的|家的)", u.open[mention.end :])
        u.take(
            before.start() if before else mention.start, mention.end + (after.end() if after else 0)
        )


def read_values(
    u: Utterance,
    words: ShopWords,
    categories: Iterable[str],
    said: Said,
    *,
    limits: list[tuple[int, int]],
) -> None:
    """Read and take attribute values that mean one attribute among the categories at hand.

    Two values of one attribute ("red or blue") cannot both be demanded: both stay in the wish.
    """
    chosen: list[tuple[Mention, Entry]] = []
    for mention in words.mentions(u.open):
        values = mention.of("value")
        limited = any(a < mention.end and mention.start < b for a, b in limits)
        if not values or limited or mention.of("category") or mention.of("title"):
            continue
        entry = _one_value(words, values, categories)
        if entry:
            chosen.append((mention, entry))
    for mention, entry in chosen:
        if sum(e.name == entry.name and e.value != entry.value for _, e in chosen):
            continue
        said.attributes[entry.name] = entry.value
        after = re.match(r"(?:色)?的(?=$|[\s,.\x1f])|色", u.open[mention.end :])
        u.take(mention.start, mention.end + (after.end() if after else 0))


def _one_value(
    words: ShopWords, values: tuple[Entry, ...], categories: Iterable[str]
) -> Entry | None:
    """Return the value if it means one attribute that products of the categories state."""
    wanted = set(categories)
    fitting = [e for e in values if not wanted or wanted & words.categories_of.get(e, frozenset())]
    fitting = [e for e in fitting if not e.name.lower().startswith("fits ")]
    names = {e.name for e in fitting}
    if len(names) != 1:
        return None
    return min(fitting, key=lambda e: (len(e.value), e.value))


# --- joining ------------------------------------------------------------------------------------


def merge(
    held: Constraints, said: Said, *, fresh: bool, append_brands: bool = False
) -> Constraints:
    """Return the conditions after a turn, money aside.

    `fresh` starts from what stands for the shopper in general (`STANDING`). What is said again
    replaces: another brand, category or value of the same attribute. Exclusions add up; what is
    wanted now is no longer excluded, and the other way round.
    """
    values = {n: getattr(held, n) for n in Constraints.model_fields if not fresh or n in STANDING}
    now = Constraints().model_copy(update=values)
    for name in said.dropped:
        now = _without(now, name)
    update: dict[str, object] = {}
    if said.categories:
        update["categories"] = _unique(said.categories)
    if said.brands:
        update["brands"] = _unique([*(now.brands if append_brands else ()), *said.brands])
    update["attributes"] = {
        k: v
        for k, v in {**now.attributes, **said.attributes}.items()
        if said.exclude_attributes.get(k) != v
    }
    update["exclude_attributes"] = {
        k: v
        for k, v in {**now.exclude_attributes, **said.exclude_attributes}.items()
        if said.attributes.get(k) != v
    }
    update |= _clashes(now, said, update)
    update["exclude"] = _unique([*now.exclude, *said.exclude])
    update["must_include"] = _unique(
        p for p in (*now.must_include, *said.must_include) if p not in said.exclude
    )
    if said.in_stock is not None:
        update["in_stock"] = said.in_stock
    if said.rating_min is not None:
        update["rating_min"] = said.rating_min
    return now.model_copy(update=update)


def _clashes(now: Constraints, said: Said, update: dict[str, object]) -> dict[str, object]:
    held = [(v, k) for k, v in now.exclude_attributes.items()]
    spare = [v for v, k in held if k in said.exclude_attributes and said.exclude_attributes[k] != v]
    wanted_words = {v.lower() for v in said.attributes.values()}
    words = [*now.exclude_words, *spare, *said.exclude_words]
    brands = update.get("brands", now.brands)
    categories = update.get("categories", now.categories)
    assert isinstance(brands, tuple)
    assert isinstance(categories, tuple)
    return {
        "exclude_words": _unique(w for w in words if w.lower() not in wanted_words),
        "exclude_brands": _unique(b for b in (*now.exclude_brands, *said.exclude_brands) if b not in said.brands),
        "exclude_categories": _unique(
            c for c in (*now.exclude_categories, *said.exclude_categories) if c not in said.categories
        ),
        "brands": tuple(b for b in brands if b not in said.exclude_brands),
        "categories": tuple(c for c in categories if c not in said.exclude_categories),
    }  # fmt: skip


def _without(now: Constraints, name: str) -> Constraints:
    name, _, part = name.partition(":")
    value = getattr(now, name)
    if isinstance(value, tuple):
        left: object = tuple(v for v in value if part and v != part)
    elif isinstance(value, dict):
        left = {k: v for k, v in value.items() if part and k != part}
    else:
        left = None
    return now.model_copy(update={name: left})


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def merge_money(
    now: Constraints,
    money: Money,
    *,
    total: bool,
    per_item: bool,
    prices: list[Decimal],
    looked_at: Decimal | None,
) -> Constraints:
    """Return the conditions with this turn's amounts.

    Args:
        now: Conditions after `merge`.
        money: What was said.
        total: The amount is for everything together: it limits `total_max`.
        per_item: The amount (also) limits each product: it sets `price_max`.
        prices: Prices of what was shown last, for "cheaper".
        looked_at: Price of the product that "cheaper" is measured from, if one was pointed at.
    """
    update: dict[str, object] = {}
    if money.removed:
        update |= {"price_min": None, "price_max": None, "total_max": None}
    maximum = money.maximum
    if money.last is not None:
        update |= _change_last(now, money.last, total=total, per_item=per_item)
    if maximum is not None:
        update |= {"total_max": maximum} if total else {}
        update |= {"price_max": maximum} if per_item else {}
        if money.minimum is None and now.price_min is not None and now.price_min >= maximum:
            update["price_min"] = None
    if money.minimum is not None:
        update["price_min"] = money.minimum
        if maximum is None and now.price_max is not None and now.price_max < money.minimum:
            update["price_max"] = None
    if money.relative and maximum is None:
        update |= _relative(now, money, prices, looked_at)
    if money.items_min is not None or money.items_max is not None:
        update["min_items"] = None if money.items_min is None else min(money.items_min, 6)
        update["max_items"] = None if money.items_max is None else min(money.items_max, 6)
    return now.model_copy(update=update)


def _change_last(
    now: Constraints, amount: Decimal, *, total: bool, per_item: bool
) -> dict[str, object]:
    """Change what is limited already: the upper limits, else the lower one, else set a limit."""
    limited = [n for n in ("price_max", "total_max") if getattr(now, n) is not None]
    if limited:
        update: dict[str, object] = dict.fromkeys(limited, amount)
        if now.price_min is not None and now.price_min >= amount:
            update["price_min"] = None
        return update
    if now.price_min is not None:
        return {"price_min": amount}
    update = {"total_max": amount} if total else {}
    return update | ({"price_max": amount} if per_item else {})


def _relative(
    now: Constraints, money: Money, prices: list[Decimal], looked_at: Decimal | None
) -> dict[str, object]:
    """Cheaper: below what was pointed at, else below the middle price shown, else the limit."""
    middle = sorted(prices)[(len(prices) - 1) // 2] if prices else None
    base = looked_at if looked_at is not None else middle
    if money.relative == "dearer":
        if base is None:
            return {}
        low = base + _CENT
        return {"price_min": low} | (
            {"price_max": None} if now.price_max is not None and now.price_max < low else {}
        )
    if base is None:
        if now.price_max is None:
            return {}
        target = (now.price_max * CHEAPER_THAN_BUDGET).quantize(_CENT)
    elif money.relative == "much_cheaper":
        target = (base * MUCH_CHEAPER).quantize(_CENT)
    else:
        target = base - _CENT
    if now.price_max is not None:
        target = min(target, now.price_max)
    update: dict[str, object] = {"price_max": max(target, Decimal(0))}
    if now.price_min is not None and now.price_min >= target:
        update["price_min"] = None
    return update
