# ruff: noqa: E501
"""What is not wanted: products, brands, categories, values, words.

Excluded even if the shop does not know the word, because showing it would be worse. A colour is
excluded by attribute, a material as a word anywhere ("not leather": no leather in the title, the
attributes or the description).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistant.intent.lexicon import Entry, Mention, ShopWords
from assistant.intent.references import Reference
from assistant.intent.said import Said
from assistant.intent.tables import COLOUR_ATTRIBUTES, FREE_OF, STOP, ZH_STOP, ZH_WORDS
from assistant.intent.utterance import TAKEN, Utterance, singular

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
