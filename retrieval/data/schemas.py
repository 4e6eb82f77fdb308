"""The four records that a shop brings, checked once at the door.

`docs/data-formats.md` is the same table in words. What is unknown to a schema is refused by name;
`retrieval.data.ingest` decides whether a refused field rejects the row or is only counted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)


def as_utc(value: datetime) -> datetime:
    """Return the moment in UTC (naive means UTC); years outside 1970 to 2100 are refused."""
    if 1969 <= value.year <= 2101:  # others could overflow in the conversion
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not 1970 <= value.year <= 2100:
        raise ValueError("is not a possible date (years 1970 to 2100)")
    return value


def _written_out(value: object) -> object:
    """Refuse bare numbers: `20260301` would silently become a day in August 1970."""
    if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("must be written as ISO 8601, like 2026-03-01T10:00:00Z")


Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(as_utc)]
"""A time in UTC, given as ISO 8601 text or, from Parquet, as a date or time."""

EventType = Literal[
    "search",
    "view",
    "add_to_cart",
    "remove_from_cart",
    "purchase",
    "refund",
    "offer_view",
    "offer_redeem",
]
OfferRecordKind = Literal["percent", "amount", "coupon", "free_delivery"]
"""percent: `value` percent off; amount and coupon: `value` of the store's currency off (a coupon
needs to be asked for); free_delivery: `value` is the delivery fee saved."""

Identifier = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$"
    ),
]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100_000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
AttributeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
"""Long, because compatibility lists are."""
Money = Annotated[Decimal, Field(ge=0, le=Decimal("1e9"), allow_inf_nan=False)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]


class Record(BaseModel):
    """What all records share: closed fields, no mutation."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Translation(Record):
    """The same product in another language; keys of `attributes` are the original names."""

    title: ShortText | None = None
    description: LongText | None = None
    category: tuple[ShortText, ...] | None = None
    attributes: dict[str, AttributeText] = Field(default_factory=dict)


class ProductRecord(Record):
    """One sellable variant with a price and a stock."""

    product_id: Identifier
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
    description: LongText = ""
    category: tuple[ShortText, ...] = ()
    """Broad to narrow."""
    brand: ShortText | None = None
    price: Annotated[Decimal, Field(gt=0, le=Decimal("1e9"), allow_inf_nan=False)] | None = None
    """Store currency, tax included; above 0."""
    list_price: Money | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    stock: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Units on hand; absent means not stated."""
    margin: Annotated[Decimal, Field(ge=-1, le=1, allow_inf_nan=False)] | None = None
    """Share of the price that the shop keeps, -1 to 1. Staff only."""
    image_url: ShortText | None = None
    url: ShortText | None = None
    rating: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] | None = None
    rating_count: Annotated[int, Field(ge=0)] | None = None
    attributes: dict[str, AttributeText] = Field(default_factory=dict)
    item_group_id: Identifier | None = None
    language: Language | None = None
    translations: dict[Language, Translation] = Field(default_factory=dict)


class ReviewRecord(Record):
    """What one shopper wrote about one product."""

    review_id: Identifier
    product_id: Identifier
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]
    shopper_id: Identifier | None = None
    rating: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)] | None = None
    title: ShortText | None = None
    created_at: Moment | None = None
    verified: bool | None = None
    helpful: Annotated[int, Field(ge=0)] | None = None
    language: Language | None = None


class EventRecord(Record):
    """One thing that one shopper did at one time."""

    event_id: Identifier
    shopper_id: Identifier
    type: EventType
    at: Moment
    session_id: Identifier | None = None
    order_id: Identifier | None = None
    product_id: Identifier | None = None
    search_text: ShortText | None = None
    quantity: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    price: Money | None = None
    offer_id: Identifier | None = None


class OfferRecord(Record):
    """A price reduction and who may have it when."""

    offer_id: Identifier
    kind: OfferRecordKind
    value: Annotated[Decimal, Field(gt=0, le=Decimal("1e9"), allow_inf_nan=False)]
    product_ids: tuple[Identifier, ...] = ()
    categories: tuple[ShortText, ...] = ()
    """Any category name on a product's path. With both scopes empty the offer is for everything."""
    min_spend: Money | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    stackable: bool = False
