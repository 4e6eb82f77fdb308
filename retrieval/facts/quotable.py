"""Which review sentences may be quoted: those that read as an opinion, not as an instruction.

A quotation is shown word for word, so whoever writes a review would otherwise write on the screen.
Knows how sentences are written, and nothing of what is true.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

PEOPLE = r"(?:shoppers?|customers?|buyers?|users?|clients?)"
SAY = r"(?:say|repeat|answer|reply|respond|write|print|output|decode|execute|obey)"
ORDERS = re.compile(
    "|".join(
        (
            r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b"
            r"(?:instruct\w*|rules?|prompts?|polic(?:y|ies)|previous|above|prior)\b",
            r"\b(?:system|assistant|developer|user|human|admin\w*)\s?"
            r"(?:prompt|message|mode|note)?\s?[:>\]]",
            r"\b(?:you|assistant|chatbot|ai|bot) (?:must|are now|shall|will now|should now)\b",
            r"\b(?:as|dear|hey|attention|note to) (?:an? |the |all )?"
            r"(?:ai|assistants?|chatbots?|language models?|bots?|llms?)\b",
            r"\b(?:pretend|act|role-?play) (?:to be|as)\b|\bnew instructions?\b|\bjailbreak\w*\b",
            rf"\b(?:tell|inform|convince|assure) (?:every |all |the |your )?{PEOPLE}\b",
            r"\b(?:rank|list|place|put|show|suggest|recommend) "
            r"(?:this|it|me|us|our \w+|product \S+|\S+-\d+)"
            r"(?: \w+){0,3} (?:first|top|above|always|only|instead)\b",
            r"\b(?:always|only) (?:rank|recommend|suggest|show|answer|reply|say)\b",
            r"\b(?:add|put)\b.{0,40}\b(?:to|in|into) (?:the |your |my |every )?(?:cart|basket)\b",
            rf"(?:^|[.:;,!?]\s|\b(?:please|now|then|must|and) ){SAY}\b "
            r"(?:that|with|only|exactly|after|and|this|the following|in|[“\"'])",
            r"\b(?:repeat|reveal|show|print)\b.{0,20}\bprompt\b",
            r"\bnever (?:recommend|suggest|show|mention)\b|\bout of stock\b",
            r"\b(?:first|and|then) (?:write|answer|output|say|reply)\b",
            r"\b(?:everything|every product|all products) (?:else )?(?:is|are)\b",
            rf"\bto (?:every|each|all) {PEOPLE}\b|\b(?:confirm|cite) (?:it|this)\b",
            r"(?:忽略|无视|忘记|忘掉|绕过).{0,12}(?:指令|提示|规则|要求|设定|之前|以上)|指令",
            r"(?:系统|助手|管理员|用户)\s?(?:消息|提示)?\s?[:：】]|你(?:必须|现在是|要说|应当)",
            r"(?:请|务必|一定要)(?:说|回答|重复|推荐|告诉|输出|回复|解码|执行)|并?输出|回答|扮演",
            r"(?:每位|所有)(?:顾客|用户|买家)|(?:顾客|用户)说|加入购物车|排在?第一|免费",
        )
    ),
    re.IGNORECASE,
)
"""Words to a machine, or to the shop, and not about a product."""
OFFERS = re.compile(
    "|".join(
        (
            r"\b(?:coupon|promo|discount|voucher|offer|referral)s? ?codes?\b|\buse code\b",
            r"\d+ ?(?:%|percent) (?:off|discount)",
            r"\b(?:dm|whatsapp|telegram|e-?mail|call|visit) (?:me|us|our)\b",
            r"https?:|www\.|\b\w+@\w+\.\w+",
            r"优惠码|折扣码|打[一二三四五六七八九\d.]+折|全场|微信|加我|公众号",
        )
    ),
    re.IGNORECASE,
)
"""What only a shop can promise, and where to be lured to."""
MARKUP = re.compile(
    r"[<>{}\[\]|\\`^~]|#{2,}|\*\*|__|={3,}|-{3,}|&\w+;|\]\(|%[0-9a-f]{2}|\\[ux]|[\u2060-\u2064]",
    re.IGNORECASE,
)
RECORD_ID = re.compile(r"\b[a-z_]{4,}:[\w-]*\d|\b(?=\w*[a-z])(?=\w*\d)\w+-\d{3,}\b", re.IGNORECASE)
"""What only a machine would write: `price:of-1001`."""
ENCODED = re.compile(
    "|".join(
        (
            r"\S{31,}|\b(?=\w*\d)(?=\w*[a-z])[a-z0-9+/]{16,}={0,2}|(?:\b[0-9a-f]{2}\b ?){6,}",
            r"\b(?:\w[\s.\-_*]+){6,}\w\b",
            r"(?:\b\w*[a-z][0-9@$][a-z]\w*\b.*?){2}|\b(?:[a-z]+[0-9@$]+){2,}[a-z]+\b",
        )
    ),
    re.IGNORECASE | re.ASCII,
)
"""Base64, hexadecimal, letters apart, digits for letters."""
COMMON = frozenset(
    {
        "a", "about", "after", "again", "all", "already", "also", "am", "an", "and", "another",
        "any", "are", "as", "at", "back", "be", "been", "before", "below", "both", "but", "by",
        "can", "comfortable", "cute", "did", "do", "does", "down", "dont", "easy", "even", "every",
        "everything", "feels", "few", "fine", "first", "fit", "fits", "five", "for", "from", "get",
        "good", "got", "great", "had", "half", "hardly", "has", "have", "he", "her", "here", "high",
        "his", "how", "i", "if", "im", "in", "into", "is", "it", "its", "ive", "just", "keeps",
        "large", "like", "little", "look", "looks", "lot", "love", "loved", "low", "made", "make",
        "makes", "many", "me", "more", "most", "much", "my", "need", "needed", "needs", "never",
        "next", "nice", "no", "not", "of", "off", "on", "one", "only", "or", "other", "our", "out",
        "over", "people", "perfect", "pretty", "quality", "quite", "really", "she", "shop", "size",
        "small", "so", "some", "soft", "still", "stays", "super", "take", "than", "that", "the",
        "their", "them", "then", "there", "these", "they", "this", "those", "through", "too",
        "true", "two", "under", "up", "use", "very", "warm", "was", "we", "well", "were", "what",
        "when", "which", "while", "who", "will", "with", "without", "work", "works", "would", "you",
        "your",
    }
)  # fmt: skip
"""Words of which an English sentence holds one; a rotated alphabet holds none."""
WORD = re.compile(r"[a-z]+")
APART = re.compile(r"(?:\b\w\b[ .]){6}")
"""Letters set apart ("i g n o r e")."""
LONGEST_VALUE = 120
"""Characters of a specification; among 3,523 values of both sample shops the longest has 31."""


@lru_cache(maxsize=1 << 16)
def reads_as_opinion(text: str) -> bool:
    """Whether a sentence reads as something said of a product.

    Refused are instructions, promises that only a shop can make, markup, ids of records, encoded
    text, signs that a reader cannot see, letters of several alphabets in one word, and English in
    no known words.
    """
    if not _is_plain(text):
        return False
    if not text.isascii():
        return True
    words = set(WORD.findall(text.lower().replace("'", "")))
    return bool(words & COMMON)


def reads_as_value(text: str) -> bool:
    """Whether an attribute's name or value reads as one, and not as a message to be read out."""
    return len(text) <= LONGEST_VALUE and _is_plain(text) and not APART.search(text)


def _is_plain(text: str) -> bool:
    """Whether a text holds no order, no promise, no markup and nothing in disguise."""
    return not (
        _is_disguised(text) or ENCODED.search(text) or RECORD_ID.search(text)
        or MARKUP.search(text) or ORDERS.search(text) or OFFERS.search(text)
    )  # fmt: skip


def _is_disguised(text: str) -> bool:
    """Whether a text holds unseen signs, full-width letters, or alphabets mixed within a word."""
    for character in text:
        if character not in "\n\r\t" and unicodedata.category(character) in (
            "Cf",
            "Cc",
            "Co",
            "Cn",
            "Cs",
        ):
            return True
        if "\uff21" <= character <= "\uff5a" or "\uff10" <= character <= "\uff19":
            return True
    for word in re.findall(r"[^\W\d_]+", text):
        scripts = {unicodedata.name(c, "").split(" ")[0] for c in word} & SCRIPTS
        if len(scripts) > 1:
            return True
    return False


SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "MATHEMATICAL"})
"""Alphabets whose letters look alike."""
