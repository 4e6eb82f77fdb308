"""Words that mark a category as nobody's business: no segment rests on it or is named after it.

Health, body, family planning, faith, politics, adult goods, alcohol, tobacco and gambling (compare
article 9 GDPR and article 28 of China's PIPL). A word counts where it stands at the beginning of a
word of the category's name; Chinese words count anywhere.
"""

from __future__ import annotations

import re

ENGLISH = (
    "adult", "alcohol", "analges", "antacid", "baby", "beer", "bible", "blood", "cannabis",
    "church", "cigar", "cold and flu", "condom", "contracept", "dental", "denture", "diabet",
    "diaper", "diet", "disab", "drug", "erotic", "ethnic", "faith", "family planning", "feminine",
    "fertil", "first aid", "gambl", "halal", "hair loss", "health", "hearing", "hemorrhoid",
    "hygiene", "incontinen", "infant", "intimate", "kosher", "laxative", "lgbt", "liquor",
    "lottery", "maternity", "medic", "mental", "mobility aid", "nursing", "pain relie", "pharma",
    "political", "pregnan", "prescription", "relig", "remed", "sanitary", "sexual", "sleep aid",
    "smoking", "smokel", "spirits", "tobacco", "vitamin", "weight loss", "wheelchair", "wine",
)  # fmt: skip
CHINESE = (
    "保健", "健康", "药", "医", "婴", "孕", "成人", "情趣", "避孕", "酒", "烟", "宗教", "政治",
    "减肥", "卫生巾", "尿", "残疾", "彩票", "生育", "月经",
)  # fmt: skip
_PATTERN = re.compile(
    r"\b(?:" + "|".join(map(re.escape, ENGLISH)) + ")|" + "|".join(CHINESE), re.IGNORECASE
)


def is_sensitive(category: str) -> bool:
    """Return whether the two narrowest names of a category path hold a sensitive word.

    Broader ones are often mixed ("Household and health > Automotive > Antifreeze").
    """
    return _PATTERN.search(" > ".join(category.split(" > ")[-2:])) is not None
