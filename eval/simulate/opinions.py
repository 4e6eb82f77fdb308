"""What a product is truly like, aspect by aspect, and the sentences shoppers have for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.simulate.content import Shelf
from eval.simulate.product import Product

_MARKS = {
    "+": ("en", 1),
    "-": ("en", -1),
    "--": ("en", -2),
    "+zh": ("zh", 1),
    "-zh": ("zh", -1),
}
_WEAK_SHARE = 0.3
"""Share of models with one aspect that many complain about."""

Bank = dict[tuple[str, str, int], tuple[tuple[str, str], ...]]
"""(aspect, language, polarity) to (sentence pattern, condition); polarity -2 spoils all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The words and aspects with which reviews speak of a product."""

    noun: str
    noun_zh: str
    is_plural: bool
    one: str
    aspects: dict[str, tuple[str, ...]]


def voice_of(shelf: Shelf, product: Product) -> Voice:
    """Return the leaf's voice with what its kind says differently."""
    leaf, own = product.leaf, product.kind.spoken
    is_plural = leaf.plural if own.plural is None else own.plural
    aspects = leaf.aspects if own.aspects is None else own.aspects
    shared = leaf.shared if own.shared is None else own.shared
    return Voice(
        noun=own.noun or leaf.noun,
        noun_zh=own.noun_zh or leaf.noun_zh,
        is_plural=is_plural,
        one=own.one
        or (None if own.plural is False else leaf.one)
        or ("pair" if is_plural else "one"),
        aspects={name: lines for name, lines in aspects.items() if name not in own.skip}
        | {name: shelf.aspects[name] for name in shared if name not in own.skip},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One aspect of one product; `quality` is the chance that a remark on it is praise."""

    name: str
    quality: float
    is_planted_weakness: bool


def sentence_bank(voice: Voice) -> Bank:
    """Collect the sentences for a voice.

    Raises:
        ValueError: If a line does not begin with one of the marks.
    """
    bank: dict[tuple[str, str, int], list[tuple[str, str]]] = {}
    for aspect, lines in voice.aspects.items():
        for line in lines:
            mark, _, rest = line.strip().partition(" ")
            if mark not in _MARKS or not rest:
                raise ValueError(
                    f"{voice.noun}: {aspect}: begin with {'  '.join(_MARKS)}, got {line!r}"
                )
            language, polarity = _MARKS[mark]
            text, _, when = rest.partition("||")
            bank.setdefault((aspect, language, polarity), []).append((text.strip(), when.strip()))
    return {key: tuple(texts) for key, texts in bank.items()}


def plant_quality(
    shelf: Shelf, products: list[Product], rng: np.random.Generator
) -> dict[str, list[Aspect]]:
    """Give every product a quality per aspect; variants of one model share it."""
    by_group: dict[str, list[Aspect]] = {}
    planted: dict[str, list[Aspect]] = {}
    for product in products:
        if product.group not in by_group:
            by_group[product.group] = _group_quality(shelf, product, rng)
        planted[product.product_id] = by_group[product.group]
    return planted


def _group_quality(shelf: Shelf, product: Product, rng: np.random.Generator) -> list[Aspect]:
    names = list(voice_of(shelf, product).aspects)
    weak = None
    if rng.random() < _WEAK_SHARE:
        known = [name for name in names if name in product.brand.weak]
        pool = known if known and rng.random() < 0.6 else names
        weak = pool[int(rng.integers(len(pool)))]
    aspects = []
    for name in names:
        centre = 0.80 + 0.08 * product.level
        centre += 0.08 * (name in product.brand.strong) - 0.12 * (name in product.brand.weak)
        if name == "value":
            centre -= 0.25 * (product.level - 0.45)
        if name == weak:
            centre = 0.34
        centre = min(0.95, centre)
        quality = float(rng.beta(centre * 22, (1 - centre) * 22))
        aspects.append(
            Aspect(name=name, quality=round(quality, 3), is_planted_weakness=name == weak)
        )
    return aspects
