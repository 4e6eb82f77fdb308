"""Reviews written by those who bought: stars and sentences that follow the planted quality."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from eval.simulate.content import Shelf
from eval.simulate.event_log import Line
from eval.simulate.opinions import Aspect, Bank, Voice, sentence_bank, voice_of
from eval.simulate.phrasing import choose, fill, holds, slot_names
from eval.simulate.product import Product
from eval.simulate.word_forms import word_forms
from eval.simulate.year import YEAR_ENDS

_STAYS_CAPITAL = re.compile(r"I\b|[A-Z]{2}")
_CHINESE_SHARE = 0.08
_SHORT_SHARE = 0.09
_BESIDE_SHARE = 0.03
_LEMON_SHARE = 0.06
"""Share of buyers whose piece was bad, whatever the product is like otherwise."""
_LEAD_IN_SHARE = 0.22
_N_REMARKS = np.array([0.0, 0.35, 0.77, 1.0])
"""Cumulative chances of none, one, two and three remarks."""
_SCENE_MONTHS = {"camp": range(4, 11), "winter": (1, 2, 3, 4, 11, 12)}
"""Months in which a scene can be told; the others fit all year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReview:
    """A review record and what each of its sentences speaks about."""

    record: dict[str, object]
    spoken: list[tuple[int, str, str]]
    """(sentence ordinal, aspect, `positive` or `negative`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Occasion:
    """What is settled before a review is put into words."""

    product: Product
    voice: Voice
    rating: int
    language: str
    month: int
    slots: dict[str, str]


class ReviewWriter:
    """Writes reviews; remembers what was said of a model, so that sentences rarely repeat."""

    def __init__(
        self, shelf: Shelf, quality: dict[str, list[Aspect]], rng: np.random.Generator
    ) -> None:
        self.shelf = shelf
        self.quality = quality
        self.rng = rng
        self._banks: dict[str, tuple[Voice, Bank]] = {}
        self._said: dict[str, set[str]] = {}

    def write(
        self, product: Product, line: Line, number: int, *, is_verified: bool
    ) -> WrittenReview:
        """Write one review of a bought product, dated days to months after the order."""
        created_at = self._created_at(line.at)
        occasion = self._occasion(product, line, created_at)
        sentences, spoken = self._sentences(occasion)
        title = self._title(occasion)
        record: dict[str, object] = {
            "review_id": f"r-{number:05d}",
            "product_id": product.product_id,
            "shopper_id": line.shopper.shopper_id,
            "rating": occasion.rating,
            **({"title": title} if title else {}),
            "text": ("" if occasion.language == "zh" else " ").join(sentences),
            "created_at": f"{created_at.isoformat()[:19]}Z",
            "verified": is_verified,
            "helpful": int(self.rng.negative_binomial(0.6, 0.22)) if len(sentences) > 1 else 0,
            "language": occasion.language,
        }
        return WrittenReview(record=record, spoken=spoken)

    def _created_at(self, bought_at: datetime) -> datetime:
        later = bought_at + timedelta(days=float(self.rng.gamma(2.0, 17)) + 4)
        latest = YEAR_ENDS - timedelta(hours=3, minutes=int(self.rng.integers(600)))
        return max(min(later, latest), bought_at + timedelta(hours=1))

    def _occasion(self, product: Product, line: Line, created_at: datetime) -> _Occasion:
        voice, _ = self._bank(product)
        language = "zh" if self.rng.random() < _CHINESE_SHARE else "en"
        used_at = line.at + (created_at - line.at) * 0.7
        slots = product.slots | word_forms(
            voice, language, used_in=used_at.month, bought_in=line.at.month
        )
        slots["paid"] = f"{line.price} 美元" if language == "zh" else f"${line.price}"
        return _Occasion(
            product=product,
            voice=voice,
            rating=self._rating(self.quality[product.product_id]),
            language=language,
            month=used_at.month,
            slots=slots,
        )

    def _rating(self, aspects: list[Aspect]) -> int:
        qualities = np.array([aspect.quality for aspect in aspects])
        overall = 0.6 * qualities.mean() + 0.4 * qualities.min()  # one bad aspect spoils much
        lemon = 2.2 * (self.rng.random() < _LEMON_SHARE)
        return int(np.clip(round(1.6 + 3.85 * overall - lemon + self.rng.normal(0, 1.0)), 1, 5))

    def _sentences(self, occasion: _Occasion) -> tuple[list[str], list[tuple[int, str, str]]]:
        rng, voices, is_zh = self.rng, self.shelf.voices, occasion.language == "zh"
        if rng.random() < _SHORT_SHARE:
            short = voices.short_zh if is_zh else voices.short
            return [self._say(occasion, short[occasion.rating])], []
        if not is_zh and rng.random() < _BESIDE_SHARE:
            return [self._say(occasion, voices.beside_the_point)], []
        sentences = [self._say(occasion, self._scenes(occasion))] if rng.random() < 0.42 else []
        sentences = [sentence for sentence in sentences if sentence]
        spoken: list[tuple[int, str, str]] = []
        remarks = self._remarks(self.quality[occasion.product.product_id], occasion.rating)
        led_in = int(rng.integers(len(remarks))) if rng.random() < _LEAD_IN_SHARE else -1
        for number, (aspect, is_praise) in enumerate(remarks):
            text = self._remark(occasion, aspect, is_praise)
            if text:
                if number == led_in:
                    text = self._lead_in(occasion, text, is_praise)
                polarity = "positive" if is_praise else "negative"
                spoken.append((len(sentences), aspect.name, polarity))
                sentences.append(text)
        if rng.random() < 0.36 or not sentences:
            verdicts = voices.verdicts_zh if is_zh else voices.verdicts
            sentences.append(self._say(occasion, verdicts[occasion.rating]))
        return sentences, spoken

    def _scenes(self, occasion: _Occasion) -> list[str]:
        voices = self.shelf.voices
        scenes = voices.scenes_zh if occasion.language == "zh" else voices.scenes
        return [
            text
            for scene in occasion.product.leaf.scenes
            if occasion.month in _SCENE_MONTHS.get(scene, range(1, 13))
            for text in scenes[scene]
        ]

    def _remarks(self, aspects: list[Aspect], rating: int) -> list[tuple[Aspect, bool]]:
        """Choose one to three aspects; a low rating brings the complaints out, and first."""
        rng = self.rng
        n = int(np.searchsorted(_N_REMARKS, rng.random()))
        weights = np.array([1.6 if aspect.is_planted_weakness else 1.0 for aspect in aspects])
        keys = rng.random(len(aspects)) ** (1 / weights)  # weighted, without replacement
        remarks = []
        for i in np.argsort(-keys)[:n]:
            odds = aspects[i].quality / (1 - aspects[i].quality + 1e-6)
            odds *= float(np.exp(1.1 * (rating - 3.9)))
            remarks.append((aspects[i], bool(rng.random() < odds / (1 + odds))))
        if rating <= 2 and all(praise for _, praise in remarks):
            remarks[0] = (remarks[0][0], False)
        if rating == 5 and not any(praise for _, praise in remarks):
            remarks[0] = (remarks[0][0], True)
        return sorted(remarks, key=lambda remark: remark[1] == (rating <= 2))

    def _remark(self, occasion: _Occasion, aspect: Aspect, is_praise: bool) -> str:
        """Say something of an aspect; nobody gives four stars to what fell apart."""
        _, bank = self._bank(occasion.product)
        polarities = (1,) if is_praise else (-1, -2) if occasion.rating <= 3 else (-1,)
        patterns = [
            text
            for polarity in polarities
            for text, when in bank.get((aspect.name, occasion.language, polarity), ())
            if holds(when, occasion.product.slots)
        ]
        return self._say(occasion, patterns)

    def _lead_in(self, occasion: _Occasion, text: str, is_praise: bool) -> str:
        """Put a few words and a colon before a remark."""
        leads = self.shelf.voices.praise_leads if is_praise else self.shelf.voices.complaint_leads
        lead = leads[occasion.language][int(self.rng.integers(len(leads[occasion.language])))]
        if occasion.language == "zh":
            return f"{lead}{text}"
        if not _STAYS_CAPITAL.match(text):
            text = text[:1].lower() + text[1:]
        return f"{lead} {text}"

    def _bank(self, product: Product) -> tuple[Voice, Bank]:
        key = f"{product.leaf.en}/{product.kind.key}"
        if key not in self._banks:
            voice = voice_of(self.shelf, product)
            self._banks[key] = (voice, sentence_bank(voice))
        return self._banks[key]

    def _say(self, occasion: _Occasion, patterns: Sequence[str]) -> str:
        """Turn a pattern into a sentence, trying a few times not to repeat another review."""
        usable = [pattern for pattern in patterns if slot_names(pattern) <= occasion.slots.keys()]
        if not usable:
            return ""
        said = self._said.setdefault(occasion.product.group, set())
        text = ""
        for _ in range(6):
            pattern = usable[int(self.rng.integers(len(usable)))]
            text = fill(choose(pattern, self.rng), occasion.slots)
            if text not in said:
                break
        said.add(text)
        return text[:1].upper() + text[1:]

    def _title(self, occasion: _Occasion) -> str | None:
        if self.rng.random() < 0.15:
            return None
        voices = self.shelf.voices
        titles = voices.titles_zh if occasion.language == "zh" else voices.titles
        patterns = titles[occasion.rating]
        pattern = patterns[int(self.rng.integers(len(patterns)))]
        text = fill(choose(pattern, self.rng), occasion.slots)
        return text[:1].upper() + text[1:]
