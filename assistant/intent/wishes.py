# ruff: noqa: E501
"""What is left of a message when everything else has been read: the thing wished for.

Also what is said around it: the thing one has already ("I just bought a tent"), and what it is for.
"""

from __future__ import annotations

import re

from assistant.intent.lexicon import Mention, ShopWords
from assistant.intent.measures import measures
from assistant.intent.tables import FILLER_EN, FILLER_ZH, LEFTOVER_ENDS, STOP, ZH_STOP
from assistant.intent.utterance import TAKEN, Utterance

_EN = re.compile(
    "|".join((p if p.startswith("^") else rf"\b(?:{p})") + "(?![a-z])" for p in FILLER_EN)
)
_ZH = re.compile("|".join(FILLER_ZH))
_CJK = re.compile(r"[\u3400-\u9fff]")
_END = r"(?= *(?:$|[,.!?;\x1f]|\band (?:what|i|need|now|want|would|we|which|is)\b|\b(?:what|which|but|so|from you|with you|yesterday|today|recently|already|that|because|if|do|should|and need|please)\b|\blast (?:week|month|year)\b))"
_A = r"(?:(?:a|an|the|my|our|this|some|your|another|one of your|one of the|myself|new|brand new|pair of|\d|two|three) )*"
_BOUGHT = re.compile(
    rf"\b(?:i|we)(?:'ve| have)? (?:just |recently |already |finally |also |only )*(?:bought|purchased|ordered|got(?: myself)?|picked up|received)(?: myself)? {_A}(?P<x>[^,.!?;\x1f]+?){_END}"
    r"|(?:我|我们)?(?:刚刚?|已经|昨天|前天|上周|最近|才|之前)+(?:买|入手|订|购买?|下单|收到)(?:了|过|到)?(?:[一两几三]?(?:个|顶|款|双|件|套|只|把|条|台|块|盏|张|副))?(?:新)?(?P<y>[^,.!?\x1f ]{1,16}?)(?=$|[,.!?\x1f ]|了|还|需要|要|想|配|搭|该|应该|有什么|请|帮|,)"
)
_OWNED = re.compile(
    rf"\b(?:i|we) (?:already |also )?(?:have|own|use)(?: already)? {_A}(?P<x>[^,.!?;\x1f]+?){_END}"
    r"|我(?:们)?(?:已经|家里?|现在|手上)?有(?:了)?(?:[一两几三]?(?:个|顶|款|双|件|套|只|把|条|台|块|盏|张|副))?(?P<y>[^,.!?\x1f ]{1,12}?)(?:了)?(?=$|[,.!?\x1f ]|还|需要|想|配|搭)"
)
_WITH = re.compile(
    rf"\b(?:(?:goes?|going|works?|fits?|match(?:es|ing)?|pairs?|used?|combines?|compatible|pairing|wear) (?:well |best |nicely |great |together )*(?:with|for|on) |(?:fits?|match(?:es|ing)?|complements?) ){_A}(?P<x>[^,.!?;\x1f]+?){_END}"
    rf"|\b(?:accessor(?:y|ies)|add-?ons?|extras) (?:for|to go with) {_A}(?P<w>[^,.!?;\x1f]+?){_END}"
    rf"|\b(?:upgrade|replace)(?: from)? (?:my|our) (?P<u>[^,.!?;\x1f]+?){_END}|\b(?:need|buy|get|missing|required?|recommend(?:ed)?|useful) (?:for|with) {_A}(?P<v>[^,.!?;\x1f]+?){_END}"
    r"|(?:适合|能|可以|用来|可)?(?:和|跟|与|配|搭配|配上|搭)(?:我)?(?:的|这个|那个|一起)?(?P<y>[^,.!?\x1f 的]{1,12}?)(?:一起|搭配|配套|相配|搭|配|用|的|使用|(?=$|[,.!?\x1f ]))"
    r"|(?:^|[,\s\x1f]|买)(?P<z>[^,.!?\x1f 的]{1,10}?)(?:应该|该|要|可以|能|还)*(?:配什么|配啥|搭配什么|搭什么|怎么配|怎么搭|需要配|还需要|要配|的配件|配件)"
)
_MINE = re.compile(
    rf"\b(?:for|with|on|fits?|in) (?:my|our) (?P<x>[^,.!?;\x1f]+?){_END}|(?:给|为)?我的(?P<y>[^,.!?\x1f 的]{{1,10}}?)(?:用|配|买|的|(?=$|[,.!?\x1f ]))"
)
_NO_ANCHOR = re.compile(
    r"^(?:it|this|that|these|those|them|one|ones|cart|basket|question|budget|problem|friend|order|everything|what|anything|you|me|to|no|not|time|money|idea|look|seen|looked|first|second|third|last|\d+(?: people| persons)?$|购物车|它|这|那|我|问题|一套|套|全套|整套|点|些|一点|一些|预算|什么|没有|一个|第|东西|刚才|(?:还|再|那|都|该|要|又)+$)"
)
_FOR_EN = re.compile(
    rf"\b(?:for|going|go|to go|on) (?P<x>(?:(?:a|an|my|our|the|this|some|his|her|next|long|short|winter|summer|weekend|two|three) )*[^,.!?;\x1f]+?){_END}"
)
_FOR_ZH = re.compile(
    r"(?:送给?|给)(?P<a>[^\s,.!?\x1f的我你]{1,6}?)(?:当|做|作|的?礼物|买|用|的|(?=$|[,.\x1f ]))|(?:去|为了|适合|用于|用来|准备)(?P<b>[^\s,.!?\x1f的]{2,10}?)(?:的|用|时|(?=$|[,.!?\x1f ]))"
    r"|(?P<c>[\u3400-\u9fff]{2,6}?)(?:用的?|穿的?|的?时候|时用|需要的)|(?:一套|全套|整套|套)(?P<d>[\u3400-\u9fff]{2,8}?)(?:用的?|的)?(?:装备|用品|行头|东西|套装|(?=$|[,.\x1f ]))|(?:^|[\s,.\x1f])(?P<e>[\u3400-\u9fff]{2,6}?)(?:装备|用品)?(?:套装|组合|套餐|礼包)"
)
_PERSONS = re.compile(
    r"^(?:it|me|us|this|that|them|these|those|sale|example|now|free|less|under|everything|all|\d|men|women|some(?:one|thing)|any|with|to)\b"
)
_FORS = re.compile(r"^(?:for|going|go|to go|on) ")


def read_anchor(u: Utterance, words: ShopWords, *, goes_with: bool) -> tuple[str | None, bool]:
    """Read and take the thing the shopper has; return its words and whether it was just bought."""
    for pattern, bought, known_here in (
        (_BOUGHT, True, False),
        (_WITH, False, False),
        (_OWNED, False, not goes_with),
        (_MINE, False, True),
    ):
        if pattern is _WITH and not goes_with:
            continue
        for match in u.find_all(pattern):
            name = next(g for g, v in match.groupdict().items() if v)
            start, end = match.span(name)
            text = u.text[start:end].strip()
            known = any(m.entries for m in words.mentions(u.low[start:end]))
            if (
                not text
                or _NO_ANCHOR.match(u.low[start:end].strip())
                or ((known_here or name == "v") and not known)
            ):
                continue
            u.take(*match.span())
            return text, bought
    return None, False


def read_occasion(u: Utterance, words: ShopWords) -> str | None:
    """Return what or whom it is for; takes nothing, the words are part of the wish too."""
    for match in _FOR_EN.finditer(u.open):
        low = re.sub(r"^(?:a|an|my|our|the|this|some) ", "", match["x"].strip())
        covered = [m for m in words.mentions(low) if m.of("category") or m.of("brand")]
        if (
            not low
            or _PERSONS.match(low)
            or measures(f"for {low}")
            or (covered and covered[0].end >= len(low))
        ):
            continue
        if match.group().startswith(("on ", "go")) and not re.match(
            r"(?:on|go\w*) (?:a|an|my|our|the|\w+ing)\b", match.group()
        ):
            continue
        return u.text[match.end("x") - len(low) : match.end("x")].strip()
    if chinese := _FOR_ZH.search(u.open):
        name = next(g for g, v in chinese.groupdict().items() if v)
        text = _ZH.sub("", chinese[name])
        if text and not any(m.of("category") for m in words.mentions(text)):
            return text
    return None


def read_filler(u: Utterance, words: ShopWords) -> None:
    """Take the words that carry no wish, except inside the shop's own words."""
    for pattern in (_EN, _ZH):
        kept = [
            (m.start, m.end)
            for m in words.mentions(u.open)
            if m.end - m.start > 1 and m.entries and u.open[m.start : m.end] not in STOP
        ]
        for match in u.find_all(pattern):
            if match.end() > match.start() and not any(
                a < match.end() and match.start() < b for a, b in kept
            ):
                u.take(*match.span())


def rest(u: Utterance) -> str:
    """Return what is open, in the shopper's words and case, without loose ends."""
    pieces = []
    for match in re.finditer(rf"[^{TAKEN}]+", u.open):
        piece = _trim(u.text[match.start() : match.end()])
        if piece:
            pieces.append(piece)
    joined = ""
    for piece in pieces:
        close = bool(joined) and bool(_CJK.match(joined[-1])) and bool(_CJK.match(piece[0]))
        joined += ("" if close or not joined else " ") + piece
    if all(
        w in STOP
        for w in re.findall(r"[^\s,.?!']+", re.sub(r"'(?:s|m|d|ll|ve|re|t)\b", "", joined.lower()))
    ):
        return ""
    return joined


def _trim(piece: str) -> str:
    before = None
    while piece != before:
        before = piece
        piece = piece.strip(" ,.!?;:'\"-~()&/+*")
        first, _, after = piece.partition(" ")
        if first.lower().strip(",.") in LEFTOVER_ENDS:
            piece = after
        rest_, _, last = piece.rpartition(" ")
        if last.lower().strip(",.") in LEFTOVER_ENDS:
            piece = rest_
        piece = re.sub(r"^[的了吗么呢吧啊呀在里是和与或就都也还,把]+", "", piece)
        piece = re.sub(r"[的了吗么呢吧啊呀在里是和与或就都也还,给有]+$", "", piece)
    return piece


_MODIFIES = re.compile(
    r"[a-z].*\b(?:for|with|on|in|to|under|inside|near|from|without) (?:(?:a|an|the|my|our|your|[a-z]+) )?$"
)
"""Before a category that only says more about another thing ("a repair kit for air beds")."""


def heads(u: Utterance, words: ShopWords) -> list[Mention]:
    """Return the categories that stand as heads: "tent", not the one in "tent repair tape"."""
    mentions = words.mentions(u.open)
    starts = {m.start for m in mentions if m.of("value") and not m.of("category")}
    return [
        m
        for m in mentions
        if m.of("category")
        and not m.of("title")
        and _is_head(u, m, starts)
        and not _MODIFIES.search(u.open[: m.start])
    ]


def _is_head(u: Utterance, mention: Mention, starts: set[int]) -> bool:
    after = u.open[mention.end :]
    word = re.match(r"[ -]?([a-z]+)", after)
    if word:
        place = mention.end + word.start(1)
        return word[1] in STOP or (place in starts and _is_value(u, place))
    character = after[:1]
    if _CJK.match(character):
        return character in ZH_STOP and not re.match(r"的[\u3400-\u9fff]{2,}", after)
    return True


def _is_value(u: Utterance, place: int) -> bool:
    return u.open[place - 1] in " ,"
