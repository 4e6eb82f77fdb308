"""Products from the written content: models of brands, their variants, specifications and texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from eval.simulate.content import Department, Kind, Leaf, Shelf, Variant
from eval.simulate.phrasing import fill, holds, number_in
from eval.simulate.pricing import list_price, price_at_level, shop_price
from eval.simulate.product import Product
from eval.simulate.product_record import make_record

_RANGE = re.compile(r"^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)\s*(.*)$")


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
            product.record = make_record(
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
