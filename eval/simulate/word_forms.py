"""The words that let one sentence speak of a tent and of boots."""

from __future__ import annotations

from eval.simulate.opinions import Voice

_MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def word_forms(voice: Voice, language: str, *, used_in: int, bought_in: int) -> dict[str, str]:
    """Return slot to word: the noun, its pronouns and verb forms, and two months (1 to 12)."""
    if language == "zh":
        return {"noun": voice.noun_zh, "month": f"{used_in}月", "since": f"{bought_in}月"}
    many = voice.is_plural
    return {
        "noun": voice.noun,
        "one": voice.one,
        "month": _MONTH_NAMES[used_in - 1],
        "since": _MONTH_NAMES[bought_in - 1],
        "it": "they" if many else "it",
        "It": "They" if many else "It",
        "them": "them" if many else "it",
        "is": "are" if many else "is",
        "isn't": "aren't" if many else "isn't",
        "was": "were" if many else "was",
        "has": "have" if many else "has",
        "this": "these" if many else "this",
        "s": "" if many else "s",
        "es": "" if many else "es",
    }
