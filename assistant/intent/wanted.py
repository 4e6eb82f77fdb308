# ruff: noqa: E501
"""What is wanted: sizes, measures, brands and attribute values, only through the shop's lexicon.

Unknown words stay in the wish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistant.intent.lexicon import Entry, Mention, ShopWords
from assistant.intent.measures import Measure, measures
from assistant.intent.said import Said
from assistant.intent.tables import UNIT_ATTRIBUTES
from assistant.intent.utterance import Utterance
from retrieval.data.amounts import SCALES, number_of

_SIZE = re.compile(
    r"\b(?:(?:in|for) )?(?:a |an |my )?size ?(?:is |of )?(?P<a>\d{1,3}(?:\.5)?|x{0,3}[sl]|m|small|medium|large|one size)(?![a-z0-9])(?: as well| too)?"
    r"|\bin (?:a |an )(?P<b>\d{1,2}(?:\.5)?|x{0,3}[sl]|m|small|medium|large)(?![a-z0-9.])(?! ?(?:days?|minutes?|person|pack))(?: as well| too)?"
    r"|(?<![a-z0-9])(?P<c>\d{2}(?:\.5)?|x{0,3}[sl]|m)(?:号|码)(?:的)?|(?:尺码|码数|尺寸)(?:是|为|要)?(?P<d>\d{2}(?:\.5)?|x{0,3}[sl]|m)(?![a-z0-9])"
)
_SIZE_WORDS = {"small": "s", "medium": "m", "large": "l"}
LIMIT = re.compile(
    r"(?:\b(?:(?:that|which) )?(?:weigh(?:s|ing)?|holds?|holding) )?(?:(?P<max>\b(?:under|below|less than|up to|at most|max(?:imum)?(?: of)?|(?:no|not) more than|within|(?:lighter|shorter|smaller|thinner|lower|<) ?than|<=?)|不超过|不到|低于|小于|少于|最多)"
    r"|(?P<min>\b(?:over|above|more than|at least|min(?:imum)?(?: of)?|(?:no|not) less than|from|(?:heavier|longer|bigger|larger|higher|brighter|thicker) than|>=?)|至少|超过|大于|高于|不低于|不少于|最少))\s*$"
)
_AMOUNT_LABEL = re.compile(
    r"(?:\bwith )?(?:\b(?:a|the|its) )?\b(?:weight|volume|capacity|length|brightness|power)(?: (?:of|is|must be|should be))?\s*$"
    r"|(?:重量|容量|长度|亮度|功率)(?:要|在|是|得)?$"
)
_LIMIT_AFTER = re.compile(
    r"(?P<max> ?(?:or|and) (?:less|under|below|lighter|shorter|smaller|fewer|lower)\b| ?max(?:imum)?\b|以下|以内|之内)"
    r"|(?P<min> ?(?:or|and) (?:more|over|above|up|bigger|larger|longer|higher|brighter)\b| ?min(?:imum)?\b|\+|以上|起)"
)
_LABEL = re.compile(
    r"(?:\b(?:in|with|of|the|its) )*\b(?:colou?r|material|fabric|size|season)s?(?: (?:must be|should be|has to be|needs to be|is|in|:))*\s*$|(?:颜色|材质|材料|面料|尺码|尺寸|季节|款式)(?:要|是|为|得是|最好是|选|:)*\s*$"
)
"""What a value is a value of ("the colour should be", 颜色要)."""
_DEGREE = re.compile(r"(?:\b(?:too|so|very|that|overly)\s*|太)$")
_FROM = re.compile(r"(?:\b(?:from|by|made by|brand|only)\s*|品牌(?:是|为)?|牌子(?:是|为)?)$")


def read_sizes(u: Utterance, words: ShopWords, categories: Iterable[str], said: Said) -> None:
    """Read "in a 10 as well", "size M", 42码; a size that the shop does not have stays a wish."""
    for match in u.find_all(_SIZE):
        size = next(g for g in match.groups() if g)
        entries = words.sizes.get(size) or words.sizes.get(_SIZE_WORDS.get(size, size), ())
        entry = _one_value(words, entries, categories) or next(iter(entries), None)
        if entry:
            said.attributes[entry.name] = entry.value
            u.take(*match.span())


def read_measures(
    u: Utterance, words: ShopWords, categories: Iterable[str], said: Said
) -> list[tuple[int, int]]:
    """Read "2-person", "65 l", 双人 where the shop has that value, and limits ("under 2 kg").

    Returns the places of limits on what no attribute or several may mean: they are noted and stay
    in the wish.
    """
    limits = []
    for measure in measures(u.open):
        limit = LIMIT.search(u.low[: measure.start])
        after = _LIMIT_AFTER.match(u.open, measure.end)
        if said_limit := limit or after:
            start = limit.start() if limit else measure.start
            end = after.end() if after else measure.end
            held = said.attributes_max if said_limit["max"] else said.attributes_min
            if not _bound(words, measure, categories, held):
                said.notes.append(f"unit_limit:{u.text[start:end].strip()}")
                limits.append((start, end))
            else:
                label = _AMOUNT_LABEL.search(u.open[:start])
                u.take(label.start() if label else start, end)
            continue
        entry = _one_value(words, _measured(words, measure), categories)
        if entry:
            said.attributes[entry.name] = entry.value
            u.take(measure.start, measure.end)
    return limits


def _bound(
    words: ShopWords, measure: Measure, categories: Iterable[str], held: dict[str, str]
) -> bool:
    """Limit the one attribute that has amounts of this kind; False if none or several have."""
    kind, wanted = base_unit(measure.unit), set(categories)
    stated = {
        entry.name: (unit, entry.value)
        for (unit, _), entries in words.measures.items()
        for entry in entries
        if base_unit(unit) == kind
        and (not wanted or wanted & words.categories_of.get(entry, frozenset()))
    }
    hints = UNIT_ATTRIBUTES.get(measure.unit, ())
    names = [n for n in stated if any(hint in n.lower() for hint in hints)] or list(stated)
    if len(names) != 1:
        return False
    own = number_of(stated[names[0]][1])
    unit = measure.unit if measure.unit in SCALES else own[1] if own else ""
    held[names[0]] = f"{measure.number} {unit}".strip()
    return True


def base_unit(unit: str) -> str:
    """Return the unit that amounts of this kind are compared in."""
    return SCALES.get(unit, (unit, 0))[0]


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
        if _DEGREE.search(u.open[: mention.start]):  # "not too heavy" names no value
            continue
        entry = _one_value(words, values, categories)
        if entry:
            chosen.append((mention, entry))
    for mention, entry in chosen:
        if sum(e.name == entry.name and e.value != entry.value for _, e in chosen):
            continue
        said.attributes[entry.name] = entry.value
        after = re.match(r"(?:色)?的(?=$|[\s,.\x1f])|色", u.open[mention.end :])
        label = _LABEL.search(u.open[: mention.start])
        start = label.start() if label else mention.start
        u.take(start, mention.end + (after.end() if after else 0))


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
