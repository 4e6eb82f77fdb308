"""What a product is truly like, aspect by aspect, and the sentences shoppers have for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.simulate.catalogue import Product
from eval.simulate.content import Leaf, Shelf

_MARKS = {
    "+": ("en", 1),
    "-": ("en", -1),
    "--": ("en", -2),
    "+zh": ("zh", 1),
    "-zh": ("zh", -1),
}
_WEAK_SHARE = 0.3
"""Share of models with one aspect that many complain about."""

Bank = dict[tuple[str, str, int], tuple[str, ...]]
"""(aspect, language, polarity) to sentence patterns; polarity -2 is a complaint that spoils all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One aspect of one product; `quality` is the chance that a remark on it is praise."""

    name: str
    quality: float
    is_planted_weakness: bool


def sentence_bank(shelf: Shelf, leaf: Leaf) -> Bank:
    """Collect the leaf's own and shared aspect sentences.

    Raises:
        ValueError: If a line does not begin with one of the marks.
    """
    aspects = dict(leaf.aspects) | {name: shelf.aspects[name] for name in leaf.shared}
    bank: dict[tuple[str, str, int], list[str]] = {}
    for aspect, lines in aspects.items():
        for line in lines:
            mark, _, text = line.strip().partition(" ")
            if mark not in _MARKS or not text:
                raise ValueError(
                    f"{leaf.en}/{aspect}: begin with one of {' '.join(_MARKS)}, got {line!r}"
                )
            language, polarity = _MARKS[mark]
            bank.setdefault((aspect, language, polarity), []).append(text)
    return {key: tuple(texts) for key, texts in bank.items()}


def plant_quality(products: list[Product], rng: np.random.Generator) -> dict[str, list[Aspect]]:
    """Give every product a quality per aspect; variants of one model share it."""
    by_group: dict[str, list[Aspect]] = {}
    planted: dict[str, list[Aspect]] = {}
    for product in products:
        if product.group not in by_group:
            by_group[product.group] = _group_quality(product, rng)
        planted[product.product_id] = by_group[product.group]
    return planted


def _group_quality(product: Product, rng: np.random.Generator) -> list[Aspect]:
    names = [*product.leaf.aspects, *product.leaf.shared]
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
