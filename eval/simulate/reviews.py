"""Reviews written by those who bought: stars and sentences that follow the planted quality."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from eval.simulate.behaviour import YEAR_ENDS, Line
from eval.simulate.catalogue import Product
from eval.simulate.content import Leaf, Shelf
from eval.simulate.opinions import Aspect, Bank, sentence_bank
from eval.simulate.phrasing import choose, fill, slot_names

_STAYS_CAPITAL = re.compile(r"I\b|[A-Z]{2}")
_CHINESE_SHARE = 0.08
_SHORT_SHARE = 0.09
_BESIDE_SHARE = 0.03
_LEMON_SHARE = 0.06
"""Share of buyers whose piece was bad, whatever the product is like otherwise."""
_LEAD_IN_SHARE = 0.16
_N_REMARKS = np.array([0.0, 0.35, 0.77, 1.0])
"""Cumulative chances of none, one, two and three remarks."""
_MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReview:
    """A review record and what each of its sentences speaks about."""

    record: dict[str, object]
    spoken: list[tuple[int, str, str]]
    """(sentence ordinal, aspect, `positive` or `negative`)."""


class ReviewWriter:
    """Writes reviews; remembers what was said of a product, so that sentences rarely repeat."""

    def __init__(
        self, shelf: Shelf, quality: dict[str, list[Aspect]], rng: np.random.Generator
    ) -> None:
        self.shelf = shelf
        self.quality = quality
        self.rng = rng
        self._banks: dict[str, Bank] = {}
        self._said: dict[str, set[str]] = {}

    def write(
        self, product: Product, line: Line, number: int, *, is_verified: bool
    ) -> WrittenReview:
        """Write one review of a bought product, dated days to weeks after the order."""
        rng = self.rng
        aspects = self.quality[product.product_id]
        rating = self._rating(aspects)
        created_at = line.at + timedelta(days=float(rng.gamma(2.2, 9)) + 3)
        latest = YEAR_ENDS - timedelta(hours=3)
        created_at = min(created_at, latest - timedelta(minutes=int(rng.integers(600))))
        created_at = max(created_at, line.at + timedelta(hours=1))
        language = "zh" if rng.random() < _CHINESE_SHARE else "en"
        paid = f"{line.price} 美元" if language == "zh" else f"${line.price}"
        sentences, spoken = self._sentences(
            product,
            aspects,
            rating,
            language,
            word_forms(product.leaf, language, created_at.month) | {"paid": paid},
        )
        joint = "" if language == "zh" else " "
        record: dict[str, object] = {
            "review_id": f"r-{number:05d}",
            "product_id": product.product_id,
            "shopper_id": line.shopper.shopper_id,
            "rating": rating,
            "title": self._title(product.leaf, rating, language),
            "text": joint.join(sentences),
            "created_at": f"{created_at.isoformat()[:19]}Z",
            "verified": is_verified,
            "helpful": int(rng.negative_binomial(0.6, 0.22)) if len(sentences) > 1 else 0,
            "language": language,
        }
        if record["title"] is None:
            del record["title"]
        return WrittenReview(record=record, spoken=spoken)

    def _rating(self, aspects: list[Aspect]) -> int:
        qualities = np.array([aspect.quality for aspect in aspects])
        overall = 0.6 * qualities.mean() + 0.4 * qualities.min()  # one bad aspect spoils much
        lemon = 2.2 * (self.rng.random() < _LEMON_SHARE)
        return int(np.clip(round(1.6 + 3.85 * overall - lemon + self.rng.normal(0, 1.0)), 1, 5))

    def _sentences(
        self,
        product: Product,
        aspects: list[Aspect],
        rating: int,
        language: str,
        words: dict[str, str],
    ) -> tuple[list[str], list[tuple[int, str, str]]]:
        rng, voices = self.rng, self.shelf.voices
        short = voices.short_zh if language == "zh" else voices.short
        if rng.random() < _SHORT_SHARE:
            return [self._say(product, short[rating], words)], []
        if language == "en" and rng.random() < _BESIDE_SHARE:
            return [self._say(product, voices.beside_the_point, words)], []
        sentences: list[str] = []
        spoken: list[tuple[int, str, str]] = []
        if rng.random() < 0.42:
            scenes = voices.scenes_zh if language == "zh" else voices.scenes
            pool = [text for scene in product.leaf.scenes for text in scenes[scene]]
            sentences.append(self._say(product, tuple(pool), words))
        for aspect, is_praise in self._remarks(aspects, rating):
            patterns = self._patterns(product.leaf, aspect, language, is_praise, rating)
            text = self._say(product, patterns, words)
            if text and rng.random() < _LEAD_IN_SHARE:
                text = self._lead_in(text, language, is_praise)
            if text:
                spoken.append(
                    (len(sentences), aspect.name, "positive" if is_praise else "negative")
                )
                sentences.append(text)
        if rng.random() < 0.36 or not sentences:
            verdicts = voices.verdicts_zh if language == "zh" else voices.verdicts
            sentences.append(self._say(product, verdicts[rating], words))
        return [sentence for sentence in sentences if sentence], spoken

    def _remarks(self, aspects: list[Aspect], rating: int) -> list[tuple[Aspect, bool]]:
        """Choose one to three aspects; a low rating brings the complaints out and puts them first."""
        rng = self.rng
        n = int(np.searchsorted(_N_REMARKS, rng.random()))
        weights = np.array([1.6 if aspect.is_planted_weakness else 1.0 for aspect in aspects])
        keys = rng.random(len(aspects)) ** (1 / weights)  # weighted, without replacement
        picked = np.argsort(-keys)[:n]
        remarks = []
        for i in picked:
            odds = aspects[i].quality / (1 - aspects[i].quality + 1e-6)
            odds *= float(np.exp(1.1 * (rating - 3.9)))
            remarks.append((aspects[i], bool(rng.random() < odds / (1 + odds))))
        if rating <= 2 and all(praise for _, praise in remarks):
            remarks[0] = (remarks[0][0], False)
        if rating == 5 and not any(praise for _, praise in remarks):
            remarks[0] = (remarks[0][0], True)
        return sorted(remarks, key=lambda remark: remark[1] == (rating <= 2))

    def _patterns(
        self, leaf: Leaf, aspect: Aspect, language: str, is_praise: bool, rating: int
    ) -> tuple[str, ...]:
        """Return what can be said; nobody gives four stars to what fell apart."""
        bank = self._bank(leaf)
        if is_praise:
            return bank.get((aspect.name, language, 1), ())
        mild = bank.get((aspect.name, language, -1), ())
        return mild + (bank.get((aspect.name, language, -2), ()) if rating <= 3 else ())

    def _bank(self, leaf: Leaf) -> Bank:
        if leaf.en not in self._banks:
            self._banks[leaf.en] = sentence_bank(self.shelf, leaf)
        return self._banks[leaf.en]

    def _say(self, product: Product, patterns: tuple[str, ...], words: dict[str, str]) -> str:
        """Turn a pattern into a sentence, trying a few times not to repeat another review."""
        slots = product.slots | words
        usable = [pattern for pattern in patterns if slot_names(pattern) <= slots.keys()]
        if not usable:
            return ""
        said = self._said.setdefault(product.group, set())
        text = ""
        for _ in range(6):
            text = fill(choose(usable[int(self.rng.integers(len(usable)))], self.rng), slots)
            if text not in said:
                break
        said.add(text)
        return text[:1].upper() + text[1:]

    def _lead_in(self, text: str, language: str, is_praise: bool) -> str:
        """Put a few words and a colon before a remark."""
        voices = self.shelf.voices
        leads = voices.praise_leads if is_praise else voices.complaint_leads
        lead = leads[language][int(self.rng.integers(len(leads[language])))]
        if language == "en" and not _STAYS_CAPITAL.match(text):
            text = text[:1].lower() + text[1:]
        return f"{lead}{'' if language == 'zh' else ' '}{text}"

    def _title(self, leaf: Leaf, rating: int, language: str) -> str | None:
        if self.rng.random() < 0.15:
            return None
        titles = self.shelf.voices.titles_zh if language == "zh" else self.shelf.voices.titles
        patterns = titles[rating]
        pattern = patterns[int(self.rng.integers(len(patterns)))]
        text = fill(choose(pattern, self.rng), word_forms(leaf, language, 1))
        return text[:1].upper() + text[1:]


def word_forms(leaf: Leaf, language: str, month: int) -> dict[str, str]:
    """Return the words that let one sentence speak of a tent and of boots."""
    if language == "zh":
        return {"noun": leaf.noun_zh, "month": f"{month}月"}
    many = leaf.plural
    return {
        "noun": leaf.noun,
        "month": _MONTH_NAMES[month - 1],
        "it": "they" if many else "it",
        "It": "They" if many else "It",
        "them": "them" if many else "it",
        "is": "are" if many else "is",
        "isn't": "aren't" if many else "isn't",
        "was": "were" if many else "was",
        "has": "have" if many else "has",
        "does": "do" if many else "does",
        "doesn't": "don't" if many else "doesn't",
        "this": "these" if many else "this",
        "This": "These" if many else "This",
        "s": "" if many else "s",
        "es": "" if many else "es",
        "It's": "They're" if many else "It's",
        "it's": "they're" if many else "it's",
        "one": "pair" if many else "one",
    }
