"""What the shop shows of a product: titles, descriptions, prices and stock, in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from eval.simulate.content import Department, Kind, Sentences, Shelf
from eval.simulate.phrasing import Sentence, choose, fill, holds, number_in, slot_names
from eval.simulate.product import Product

_MAY_REPEAT = {"brand", "model", "persons", "size"}
_SMALL_WORDS = {"and", "of", "in", "the", "with", "for", "x"}


def make_record(
    shelf: Shelf,
    department: Department,
    product: Product,
    crossed_out: Decimal | None,
    text_seed: int,
    rng: np.random.Generator,
    *,
    is_grouped: bool,
) -> dict[str, object]:
    """Return the record, complete but for rating and rating count.

    Variants of a model share `text_seed`, and so the sentences of their descriptions.
    """
    zh_values = {
        name: zh for name, value in product.attributes.items() if (zh := _zh_value(shelf, value))
    }
    if product.colour is not None:
        zh_values["colour"] = shelf.colours[product.colour].zh
    zh_slots = product.slots | zh_values
    description, description_zh = _describe(
        product.kind, product.slots, zh_slots, np.random.default_rng(text_seed)
    )
    price = product.price
    record: dict[str, object] = {
        "product_id": product.product_id,
        "title": _tidy(fill(product.kind.title, _title_slots(product.slots))),
        "description": description,
        "category": [department.department.en, product.leaf.en],
        "brand": product.brand.name,
        "price": f"{price:.2f}",
    }
    if crossed_out is not None:
        record["list_price"] = f"{crossed_out:.2f}"
    record |= {
        "currency": "USD",
        "stock": _stock(price, rng),
        "margin": f"{_margin(product.level, rng):.2f}",
        "image_url": f"images/{product.product_id}.svg",
        "attributes": product.attributes,
    }
    if is_grouped:
        record["item_group_id"] = product.group
    record |= {
        "language": "en",
        "translations": {
            "zh": {
                "title": _tidy(fill(product.kind.title_zh, zh_slots)),
                "description": description_zh,
                "category": [department.department.zh, product.leaf.zh],
                "attributes": zh_values,
            }
        },
    }
    return record


def _zh_value(shelf: Shelf, value: str) -> str | None:
    """Translate a value, or the words behind its number; None where nothing needs translating."""
    if value in shelf.values_zh:
        return shelf.values_zh[value]
    number, _, unit = value.partition(" ")
    if number_in(number) is not None and unit in shelf.values_zh:
        return f"{number} {shelf.values_zh[unit]}"
    return None


def _title_slots(slots: Mapping[str, str]) -> dict[str, str]:
    """Add `{colour}` and other words as titles write them: capitalised."""
    return dict(slots) | {f"{name}^": _capitals(value) for name, value in slots.items()}


def _capitals(value: str) -> str:
    return " ".join(
        word if word in _SMALL_WORDS else word[:1].upper() + word[1:] for word in value.split(" ")
    )


def _tidy(title: str) -> str:
    return re.sub(r"\s+", " ", title).strip(" ,")


def _describe(
    kind: Kind,
    slots: dict[str, str],
    zh_slots: Mapping[str, str],
    rng: np.random.Generator,
) -> tuple[str, str]:
    """Pick two to five true sentences and say them in both languages."""
    picked: list[Sentence] = []
    for sentences, n in (
        (kind.lead, 1),
        (kind.detail, 1 + int(rng.random() < 0.6)),
        (kind.use, int(rng.random() < 0.7)),
        (kind.limit, int(rng.random() < 0.6)),
    ):
        _pick(picked, sentences, slots, n, rng)
    if len(picked) < 2:
        raise ValueError(f"kind {kind.key!r} has too few sentences that are true of {dict(slots)}")
    seed = int(rng.integers(2**32))
    begun = slots | {f"{name}^": value[:1].upper() + value[1:] for name, value in slots.items()}
    english = [fill(choose(s.en, np.random.default_rng(seed)), begun) for s in picked]
    chinese = [fill(choose(s.zh, np.random.default_rng(seed)), zh_slots) for s in picked]
    return " ".join(english), "".join(chinese)


def _pick(
    picked: list[Sentence],
    sentences: Sentences,
    slots: Mapping[str, str],
    n: int,
    rng: np.random.Generator,
) -> None:
    """Add up to `n` true sentences that tell no figure a second time."""
    told = set().union(*(slot_names(sentence.en) for sentence in picked)) - _MAY_REPEAT
    for i in rng.permutation(len(sentences)):
        sentence = sentences[i]
        if n > 0 and holds(sentence.when, slots) and not told & slot_names(sentence.en):
            picked.append(sentence)
            told |= slot_names(sentence.en) - _MAY_REPEAT
            n -= 1


def _stock(price: Decimal, rng: np.random.Generator) -> int:
    """Draw units on hand: 5 % sold out, some nearly so, cheap products in larger numbers."""
    chance = rng.random()
    if chance < 0.05:
        return 0
    if chance < 0.15:
        return int(rng.integers(1, 5))
    return int(rng.gamma(2.0, 160 / (8 + float(price) ** 0.75))) + 5


def _margin(level: float, rng: np.random.Generator) -> float:
    return float(np.clip(0.46 - 0.18 * level + rng.normal(0, 0.07), 0.1, 0.6))
