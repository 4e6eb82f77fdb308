"""The written content of the shop (the YAML files beside this module), checked once at the door."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

from eval.simulate.phrasing import Sentence, parse_sentences


class Content(BaseModel):
    """What all content shares: closed fields, no mutation."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _sentences(value: object) -> object:
    return parse_sentences(value) if isinstance(value, str) else value


def _lines(value: object) -> object:
    return tuple(value.strip().splitlines()) if isinstance(value, str) else value


Sentences = Annotated[tuple[Sentence, ...], BeforeValidator(_sentences)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_lines)]


class Words(Content):
    """One name in both languages."""

    en: str
    zh: str


class Brand(Content):
    """A made-up maker: what it charges, what it is good and bad at."""

    name: str
    level: float
    """0 is the cheapest of the shop, 1 the dearest; prices and specifications follow it."""
    character: str
    colours: tuple[str, ...]
    models: tuple[str, ...]
    strong: tuple[str, ...] = ()
    """Aspects on which shoppers are usually happy with this maker."""
    weak: tuple[str, ...] = ()


class Variant(Content):
    """One size or version of a model."""

    set: dict[str, str] = {}
    scale: dict[str, float] = {}
    """Numeric specification to the factor it is multiplied with."""
    price: float = 1.0
    demand: float = 1.0


class Source(Content):
    """Makes one product for each value of another leaf's attribute, for instance footprints."""

    leaf: str
    attribute: str
    at_most: int


class Spoken(Content):
    """How reviews speak of a kind where its leaf's words do not fit; None keeps the leaf's."""

    noun: str | None = None
    noun_zh: str | None = None
    plural: bool | None = None
    one: str | None = None
    shared: tuple[str, ...] | None = None
    aspects: dict[str, Lines] | None = None
    skip: tuple[str, ...] = ()
    """Aspects of the leaf that this kind does not have."""


class Kind(Content):
    """A kind of product inside a leaf: one title pattern, one set of specifications."""

    key: str
    picture: str
    brands: tuple[str, ...] = ()
    """One model is made for each entry."""
    source: Source | None = None
    title: str
    title_zh: str
    price: tuple[float, float]
    """At brand level 0 and at brand level 1."""
    specs: dict[str, str | tuple[str, ...]] = {}
    rules: dict[str, tuple[tuple[str, str], ...]] = {}
    """Specification to (value, condition); the first true condition decides."""
    variants: tuple[Variant, ...] = ()
    colours: int = 1
    """Colour variants of each model; 0 for products whose colour nobody states."""
    palette: tuple[str, ...] = ()
    """Colours to take instead of the brand's."""
    demand: float = 1.0
    repurchase_days: float | None = None
    spoken: Spoken = Spoken()
    lead: Sentences
    detail: Sentences = ()
    use: Sentences = ()
    limit: Sentences = ()


class Leaf(Content):
    """A category at the end of the path: one need."""

    en: str
    zh: str
    noun: str
    noun_zh: str
    plural: bool = False
    one: str | None = None
    """What one buys one of: a pair, a pack; None is `one`, or `pair` where the noun is plural."""
    demand: float = 1.0
    season: str
    scenes: tuple[str, ...]
    """Where reviews say it was used; keys of `scenes` in voices.yaml."""
    search: Lines
    search_zh: Lines = ()
    shared: tuple[str, ...] = ()
    """Aspects of aspects.yaml that shoppers of this leaf also speak about."""
    aspects: dict[str, Lines] = {}
    """Aspect to lines that begin with `+`, `-`, `--` (spoils all), `+zh` or `-zh`."""
    kinds: tuple[Kind, ...]


class Department(Content):
    """A broad category and its leaves."""

    department: Words
    leaves: tuple[Leaf, ...]


class Segment(Content):
    """A group of shoppers who come for the same reasons."""

    share: float
    price_sensitivity: tuple[float, float]
    """Beta distribution on 0 (does not look at prices) to 1 (looks at nothing else)."""
    orders: float
    """Mean number of planned orders a year."""
    uplift: float
    """Mean change of the chance of an order that the randomised promotion causes."""
    likes: dict[str, float]


class Colour(Content):
    """A colour's names and the tone it is painted with."""

    en: str
    zh: str
    tone: str


class OfferContent(Content):
    """An offer as written; `best_of` a leaf is resolved to product ids."""

    offer_id: str
    kind: str
    value: str
    categories: tuple[str, ...] = ()
    best_of: str | None = None
    n: int = 3
    min_spend: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    stackable: bool = False


class Voices(Content):
    """Sentences of reviews that are not about one aspect."""

    scenes: dict[str, Lines]
    scenes_zh: dict[str, Lines]
    verdicts: dict[int, Lines]
    verdicts_zh: dict[int, Lines]
    short: dict[int, Lines]
    short_zh: dict[int, Lines]
    beside_the_point: Lines
    praise_leads: dict[str, tuple[str, ...]]
    complaint_leads: dict[str, tuple[str, ...]]
    titles: dict[int, Lines]
    titles_zh: dict[int, Lines]


class ShopWords(Content):
    """What `store.toml` says."""

    shop: dict[str, object]
    directions: dict[str, str]
    labels: dict[str, dict[str, str]]


class Shelf(Content):
    """All content together."""

    brands: dict[str, Brand]
    departments: tuple[Department, ...]
    colours: dict[str, Colour]
    values_zh: dict[str, str]
    seasons: dict[str, tuple[float, ...]]
    segments: dict[str, Segment]
    complements: dict[str, dict[str, float]]
    """Leaf to (leaf to the chance that a basket with the first gets something of the second)."""
    only_kinds: dict[str, dict[str, tuple[str, ...]]]
    """Leaf to (leaf to the kinds of it that belong to the first); unlisted: all kinds."""
    aspects: dict[str, Lines]
    voices: Voices
    offers: tuple[OfferContent, ...]
    pictures: dict[str, str]
    store: ShopWords


@lru_cache(maxsize=1)
def load_shelf() -> Shelf:
    """Read and check all content files.

    Raises:
        pydantic.ValidationError: Naming file content that does not have the form above.
    """
    names = sorted(entry.name for entry in files("eval.simulate").iterdir())
    names = [name for name in names if name.endswith(".yaml")]
    departments = [_read(name) for name in names if name.startswith("department_")]
    pictures: dict[str, object] = {}
    for name in names:
        if name.startswith("pictures_"):
            pictures |= _read(name)
    return Shelf.model_validate(
        {
            "brands": _read("brands.yaml"),
            "departments": departments,
            **_read("vocabulary.yaml"),
            **_read("shoppers.yaml"),
            "aspects": _read("aspects.yaml"),
            "voices": _read("voices.yaml"),
            "offers": _read("offers.yaml"),
            "pictures": pictures,
            "store": _read("store.yaml"),
        }
    )


def _read(name: str) -> dict[str, object]:
    text = files("eval.simulate").joinpath(name).read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
