# ruff: noqa: E501
"""Whom a message is about: the shopper, or somebody else to buy for; and coming back.

A second person has conditions of their own. "My wife needs boots too" puts the present goal aside,
"back to mine" takes it up again as it was. A person named with the first wish, or without another
thing ("it's for my dad"), only says whom the present goal is for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.conversation import ME, Conversation
from assistant.intent.lexicon import ShopWords
from assistant.intent.reading import has_goal
from assistant.intent.utterance import Utterance

_PERSONS = {
    "wife": (r"wife|missus", "老婆|妻子|太太|媳妇"),
    "husband": ("husband", "老公|丈夫|先生"),
    "partner": ("partner|fiancée?|spouse", "对象|爱人|伴侣"),
    "girlfriend": ("girlfriend", "女朋友|女友"),
    "boyfriend": ("boyfriend", "男朋友|男友"),
    "mother": ("mother|mum|mom|mama", "妈妈|母亲|老妈|我妈"),
    "father": ("father|dad|papa", "爸爸|父亲|老爸|我爸"),
    "parents": ("parents", "父母|爸妈"),
    "brother": ("brother", "哥哥|弟弟|兄弟"),
    "sister": ("sister", "姐姐|妹妹|姐妹"),
    "son": ("son", "儿子"),
    "daughter": ("daughter", "女儿"),
    "child": (r"kid|child|baby|boy|girl", "孩子|小孩|宝宝"),
    "children": ("kids|children", "孩子们"),
    "grandmother": ("grandmother|grandma|granny", "奶奶|外婆|姥姥"),
    "grandfather": ("grandfather|grandpa|granddad", "爷爷|外公|姥爷"),
    "friend": ("(?:best )?friend|mate|buddy", "朋友|闺蜜|哥们"),
    "colleague": ("colleague|co-?worker|boss", "同事|老板|领导"),
    "neighbour": ("neighbou?rs?", "邻居"),
    "uncle": ("uncle", "叔叔|舅舅|伯伯"),
    "aunt": ("aunt|auntie", "阿姨|姑姑|姨妈"),
}
"""Person → how they are called in English and in Chinese."""
_EN = "|".join(f"(?P<{name}>{english})" for name, (english, _) in _PERSONS.items())
_ZH = "|".join(f"(?P<{name}>{chinese})" for name, (_, chinese) in _PERSONS.items())
_NAMED = (
    re.compile(rf"(?:\b(?:a |one |some )?(?:gift |present )?(?:for|to) )?\b(?:my|our|the) (?:{_EN})\b(?:'s)?(?: too| as well)?"),
    re.compile(rf"(?:(?:再|另外|还要?|也|想|送|帮|给|为|替)*(?:给|为|替|帮|送)(?:我|我们)?(?:的)?|我的?)(?:{_ZH})(?:也)?"),
)  # fmt: skip
_BACK = re.compile(
    r"\b(?:(?:let'?s |now |ok(?:ay)? |and )*(?:go(?:ing)? |come |coming |get )?back to (?P<whose>mine|me|my own(?: one| search| wish)?|myself|what i (?:wanted|was looking for|had|needed)|my (?P<other>[a-z]+)(?:'s)?)(?: (?:for myself|for me|again|now))*|(?:now |again )?for (?:me|myself) again|(?:and )?now for (?:me|myself)\b)"
    r"|(?:好,?)?(?:现在|那)?(?:再)?(?:回到|继续(?:看)?|接着看|再看)(?:给)?(?:我自己|我(?!的?(?:购物车|朋友|老|妈|爸)))(?:的|要的|买的|想要的|那个|这边)*|(?:现在)?(?:回到|继续)(?:给)?我买的(?:那个)?"
)
_ANOTHER = re.compile(
    r"\b(?:one|ones|another|also|too|as well|now|next|and|need|needs|want|wants|something)\b|也|再|还|另"
)
_ONE = re.compile(r"\bones?\b|\bthe same\b|也(?:要|想|需要)|一(?:个|件|款|双|顶)|同样")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The conversation after a message turned to somebody, and the message without the words."""

    conversation: Conversation
    text: str
    resumes: bool = False
    """A goal that was put aside is taken up again."""


def turn_to_person(text: str, conversation: Conversation, words: ShopWords) -> Turned:
    """Return the conversation about whom the message is about; unchanged where it names nobody."""
    u = Utterance(text)
    if back := _BACK.search(u.low):
        whom = _person(back["other"]) if back["other"] else ME
        if whom is not None and conversation.has_aside(whom):
            rest = _without(u, back)
            return Turned(conversation=conversation.turned_to(whom), text=rest, resumes=True)
    named = next((m for pattern in _NAMED if (m := pattern.search(u.low))), None)
    if named is None:
        return Turned(conversation=conversation, text=text)
    whom = next(name for name, said in named.groupdict().items() if said)
    rest = _without(u, named)
    names_thing = any(m.of("category") for m in words.mentions(Utterance(rest).low))
    another = _ANOTHER.search(u.low) is not None
    if whom == conversation.person or not (names_thing or another):
        return Turned(conversation=conversation, text=text)
    if not has_goal(conversation):
        named_first = conversation.model_copy(update={"person": whom})
        return Turned(conversation=named_first, text=rest if names_thing else text)
    turned = conversation.turned_to(whom)
    if not names_thing and _ONE.search(u.low):  # the same kind of thing, conditions of one's own
        same = {"categories": conversation.constraints.categories}
        turned = turned.model_copy(
            update={
                "wish": turned.wish or conversation.wish,
                "constraints": turned.constraints.model_copy(update=same),
            }
        )
    return Turned(conversation=turned, text=rest)


def _person(word: str) -> str | None:
    for name, (english, _) in _PERSONS.items():
        if re.fullmatch(english, word.removesuffix("'s")):
            return name
    return None


def _without(u: Utterance, match: re.Match[str]) -> str:
    left = f"{u.text[: match.start()]} {u.text[match.end() :]}"
    return re.sub(r"\s+([,.:!?])", r"\1", left).strip(" ,.:;!?，。：")
