"""Products from the written content: models of brands, their variants, specifications and texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from eval.simulate.content import Brand, Department, Kind, Leaf, Sentences, Shelf, Variant
from eval.simulate.phrasing import Sentence, choose, fill, holds, number_in, slot_names
from eval.simulate.pricing import list_price, price_at_level, shop_price

_MAY_REPEAT = {"brand", "model", "persons", "size"}
_SMALL_WORDS = {"and", "of", "in", "the", "with", "for", "x"}
_RANGE = re.compile(r"^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)\s*(.*)$")


@dataclass(slots=True, kw_only=True)
class Product:
    """A product as the simulator knows it; `record` is what the shop shows."""

    product_id: str
    leaf: Leaf
    kind: Kind
    brand_key: str
    brand: Brand
    group: str
    level: float
    """Where it stands in its kind: 0 cheapest and plainest, 1 dearest and best."""
    price: Decimal
    demand: float
    attributes: dict[str, str]
    colour: str | None
    slots: dict[str, str]
    record: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What the variants of one model share."""

    brand_key: str
    name: str
    level: float
    given: dict[str, str]
    """Specifications that come from the product this one is made for."""


def make_products(shelf: Shelf, rng: np.random.Generator, *, scale: float) -> list[Product]:
    """Make the catalogue in the order of the content files.

    Args:
        shelf: The written content.
        rng: Source of all chance.
        scale: Share of each kind's models to make; at least one model per kind is made.

    Returns:
        Products whose `record` is complete but for rating and rating count.
    """
    products: list[Product] = []
    for department in shelf.departments:
        for leaf in department.leaves:
            names: set[tuple[str, str]] = set()
            for kind in leaf.kinds:
                for model in _models(shelf, kind, products, names, rng, scale=scale):
                    products += _variants(shelf, department, leaf, kind, model, len(products), rng)
    return products


def _models(
    shelf: Shelf,
    kind: Kind,
    products: list[Product],
    names: set[tuple[str, str]],
    rng: np.random.Generator,
    *,
    scale: float,
) -> list[_Model]:
    if kind.source is not None:
        return _models_from_source(kind, products, scale=scale)
    models = []
    for brand_key in kind.brands[: max(1, round(len(kind.brands) * scale))]:
        brand = shelf.brands[brand_key]
        free = [name for name in brand.models if (brand_key, name) not in names]
        if not free:
            raise ValueError(f"brands.yaml: {brand_key!r} has too few model names for {kind.key!r}")
        name = free[int(rng.integers(len(free)))]
        names.add((brand_key, name))
        level = float(np.clip(brand.level + rng.normal(0, 0.07), 0, 1))
        models.append(_Model(brand_key=brand_key, name=name, level=level, given={}))
    return models


def _models_from_source(kind: Kind, products: list[Product], *, scale: float) -> list[_Model]:
    assert kind.source is not None
    source = kind.source
    models: dict[str, _Model] = {}
    for product in products:
        value = product.attributes.get(source.attribute)
        if product.leaf.en != source.leaf or value is None or value in models:
            continue
        given = {f"source {name}": text for name, text in product.attributes.items()}
        models[value] = _Model(
            brand_key=product.brand_key,
            name=product.slots["model"],
            level=product.level,
            given=given | {"source price": str(product.price)},
        )
    kept = list(models.values())
    at_most = max(1, round(source.at_most * scale))
    step = max(1, len(kept) // at_most)
    return kept[::step][:at_most]


def _variants(
    shelf: Shelf,
    department: Department,
    leaf: Leaf,
    kind: Kind,
    model: _Model,
    n_before: int,
    rng: np.random.Generator,
) -> list[Product]:
    """Make the sizes and colours of one model; they share their text's sentences."""
    brand = shelf.brands[model.brand_key]
    specs = {name: _draw_spec(spec, model.level, rng) for name, spec in kind.specs.items()}
    base_price = price_at_level(kind.price, model.level, rng)
    palette = list(kind.palette or brand.colours)
    n_colours = min(kind.colours, len(palette))
    colours: list[str | None] = (
        [str(colour) for colour in rng.permutation(palette)[:n_colours]] if n_colours else [None]
    )
    variants = kind.variants or (Variant(),)
    text_seed = int(rng.integers(2**32))
    first_id = f"of-{1001 + n_before}"
    n_made = len(variants) * len(colours)
    made: list[Product] = []
    for variant in variants:
        price = shop_price(base_price * variant.price)
        crossed_out = list_price(price, rng)
        for colour in colours:
            attributes = _attributes(shelf, specs, variant, colour, model, kind)
            slots = attributes | {
                "brand": brand.name,
                "model": model.name,
                "tier": f"{model.level:.2f}",
                "price": str(price),
            }
            slots |= model.given
            attributes = {name: fill(value, slots) for name, value in attributes.items()}
            for name, cases in kind.rules.items():
                attributes[name] = next(v for v, when in cases if holds(when, slots | attributes))
            slots |= attributes
            product = Product(
                product_id=f"of-{1001 + n_before + len(made)}",
                leaf=leaf,
                kind=kind,
                brand_key=model.brand_key,
                brand=brand,
                group=first_id,
                level=model.level,
                price=price,
                demand=variant.demand / (1 + 0.6 * len(made)),
                attributes=attributes,
                colour=colour,
                slots=slots,
            )
            product.record = _record(
                shelf, department, product, crossed_out, text_seed, rng, is_grouped=n_made > 1
            )
            made.append(product)
    return made


def _draw_spec(spec: str | tuple[str, ...], level: float, rng: np.random.Generator) -> str:
    """Turn `3900..2100/50 g` (at level 0 and 1, step, unit) or a list by level into a value."""
    if not isinstance(spec, str):
        position = float(np.clip(level + rng.normal(0, 0.06), 0, 0.999))
        return spec[int(position * len(spec))]
    match = _RANGE.match(spec)
    if match is None:
        return spec
    low, high, step = (float(part) for part in match.groups()[:3])
    position = float(np.clip(level + rng.normal(0, 0.07), 0, 1))
    return _with_unit(low + (high - low) * position, step, match.group(4))


def _with_unit(value: float, step: float, unit: str) -> str:
    rounded = Decimal(str(step)) * max(1, round(value / step))
    text = f"{rounded.normalize():f}"
    return f"{text} {unit}".strip()


def _attributes(
    shelf: Shelf,
    specs: Mapping[str, str],
    variant: Variant,
    colour: str | None,
    model: _Model,
    kind: Kind,
) -> dict[str, str]:
    attributes = dict(specs)
    for name, factor in variant.scale.items():
        amount = number_in(specs[name])
        if amount is None:
            raise ValueError(f"kind {kind.key!r}: `{name}` cannot be scaled, got {specs[name]!r}")
        unit = specs[name].split(" ", 1)[1] if " " in specs[name] else ""
        match = _RANGE.match(str(kind.specs[name]))
        step = float(match.group(3)) if match else 1.0
        attributes[name] = _with_unit(amount * factor, step, unit)
    attributes |= variant.set
    if colour is not None:
        attributes["colour"] = shelf.colours[colour].en
    return attributes


def _record(
    shelf: Shelf,
    department: Department,
    product: Product,
    crossed_out: Decimal | None,
    text_seed: int,
    rng: np.random.Generator,
    *,
    is_grouped: bool,
) -> dict[str, object]:
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
