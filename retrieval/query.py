"""All that a recommendation is asked with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from retrieval.data.amounts import amount_of
from retrieval.data.schemas import as_utc
from retrieval.errors import QueryError

OfferKind = Literal["similar", "cross_sell", "upsell", "bundle"]
AskedKind = Literal["similar", "cross_sell", "upsell", "bundle", "any"]
Name = Annotated[
    str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)
]
"""An id that the asker chose; whole numbers become text."""


def _amount(value: str) -> str:
    if amount_of(value) is None:
        raise ValueError("must begin with a number, as in “40 l”")
    return value


Amount = Annotated[str, AfterValidator(_amount)]
"""A number with a unit ("2 kg"), or alone."""
Moment = Annotated[datetime, AfterValidator(as_utc)]
Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Constraints(BaseModel):
    """Hard conditions: no suggestion ever breaks one. Names are compared without case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_min: Money | None = None
    price_max: Money | None = None
    """Inclusive, as `price_min`. A product without a stated price fits neither."""
    total_max: Money | None = None
    """Bundles: the sum of prices at most this, must-haves included."""
    min_items: Annotated[int, Field(ge=1, le=6)] | None = None
    max_items: Annotated[int, Field(ge=1, le=6)] | None = None
    must_include: tuple[str, ...] = ()
    """Product ids that a bundle must hold."""
    roles: Annotated[tuple[str, ...], Field(max_length=6)] = ()
    """Bundles: category names, of each of which the set holds exactly one product."""
    needs_fit: bool | None = None
    """Bundles, true: what states a fit is only in a set with something that it works with."""
    exclude: tuple[str, ...] = ()
    """Product ids never to be shown."""
    categories: tuple[str, ...] = ()
    """Any name on the product's path; one of them must match."""
    exclude_categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    exclude_brands: tuple[str, ...] = ()
    in_stock: bool | None = None
    """True: only products whose stock is above 0 (not stated counts as out)."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """Name to wanted value; the product's value must equal it or hold it as a whole word."""
    exclude_attributes: dict[str, str] = Field(default_factory=dict)
    attributes_min: dict[str, Amount] = Field(default_factory=dict)
    """Name to the least amount ("volume": "40 l"), in any unit of the same kind; a product that
    states none, or one of another kind, does not fit. As `attributes_max`."""
    attributes_max: dict[str, Amount] = Field(default_factory=dict)
    exclude_words: tuple[str, ...] = ()
    """Words that must not stand in title, attributes or description ("not leather")."""
    rating_min: Annotated[float, Field(ge=0, le=5)] | None = None
    margin_min: Annotated[Decimal, Field(ge=-1, le=1)] | None = None
    """Bundles, staff only: margin of the whole at least this share of its total."""


class Query(BaseModel):
    """One question to flow 1. Unknown ids are noted, never a failure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query_id: Name
    text: Annotated[str, Field(max_length=4_000)] | None = None
    anchors: tuple[str, ...] = ()
    """Products that the suggestions relate to."""
    anchor_categories: tuple[str, ...] = ()
    """Category paths meant as anchors where no product is named ("Shelter > Tents")."""
    basket: tuple[str, ...] = ()
    """What is in the open cart."""
    history: tuple[str, ...] = ()
    """Products of this session or sequence, oldest first."""
    shopper_id: str | None = None
    offer_kind: AskedKind | None = None
    k: Annotated[int, Field(ge=1, le=1_000)] = 10
    constraints: Constraints = Constraints()
    personalise: bool = True
    at: Moment | None = None
    """The moment asked about; None is the end of the store's log, so that slates reproduce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing of a query that is changed."""

    kind: Literal["loosen", "lift", "narrow", "drop", "add", "longer"]
    field: str
    """A constraint's name, `basket`, `anchors` or `k`."""
    value: str
    """What it becomes, or what is dropped, added or lifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Some steps away from a query."""

    steps: tuple[Step, ...]
    query: Query
    """As changed."""


def changed(query: Query, step: Step) -> Query:
    """Return the query with one thing changed."""
    value: object = step.value
    if step.field in ("basket", "anchors"):
        named = getattr(query, step.field)
        others = tuple(p for p in named if p != step.value)
        return query.model_copy(
            update={step.field: (*named, step.value) if step.kind == "add" else others}
        )
    if step.field == "k":
        return query.model_copy(update={"k": int(step.value)})
    if step.kind == "lift":
        value = Constraints.model_fields[step.field].get_default(call_default_factory=True)
    elif step.kind == "drop":
        value = tuple(p for p in getattr(query.constraints, step.field) if p != step.value)
    elif step.field in ("brands", "categories"):
        value = (step.value,)
    asked = query.constraints.model_dump() | {step.field: value}
    return query.model_copy(update={"constraints": Constraints.model_validate(asked)})


def _without_nulls(data: object) -> object:
    """Drop null fields, here and in `constraints`: null is not stated."""
    if not isinstance(data, dict):
        return data
    return {
        name: _without_nulls(value) if name == "constraints" else value
        for name, value in data.items()
        if value is not None
    }


def parse_query(data: object, *, where: str) -> Query:
    """Return the checked query.

    Raises:
        QueryError: Naming `where`, the field and its value.
    """
    try:
        return Query.model_validate(_without_nulls(data))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "query"
        raise QueryError(
            f"{where}: `{field}` {first['msg'].lower()}, got {str(first['input'])[:80]!r}; "
            "fix the query (fields: docs/data-formats.md)"
        ) from error
