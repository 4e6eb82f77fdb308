"""From one raw row to one checked record of a table: cleaning before, columns after.

Knows the four tables one by one; `retrieval.data.ingest` knows what holds between rows and tables.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from retrieval.data.clean import clean_line, clean_text
from retrieval.data.dataset import (
    EVENT_COLUMNS,
    OFFER_COLUMNS,
    PRODUCT_COLUMNS,
    REVIEW_COLUMNS,
    to_minor,
)
from retrieval.data.formats import Row
from retrieval.data.schemas import (
    EventRecord,
    OfferRecord,
    ProductRecord,
    Record,
    ReviewRecord,
)

Problem = tuple[str, object, str]
"""Field, its value, and what is wrong with it."""
Notes = Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How rows of one kind become records and columns."""

    name: str
    """Of the table, like `products`."""
    record: Literal["product", "review", "event", "offer"]
    model: type[Record]
    adapter: TypeAdapter[list[Any]]
    columns: Mapping[str, Any]
    clean: Callable[[Row, Notes], Row]
    check: Callable[[Any], Problem | None]
    """What the schema cannot say about one record."""
    to_columns: Callable[[Sequence[Any]], dict[str, list[Any]]]

    @property
    def key(self) -> str:
        """Name of the id field."""
        return f"{self.record}_id"

    @property
    def required(self) -> list[str]:
        """Fields that no row may lack."""
        return [name for name, field in self.model.model_fields.items() if field.is_required()]


# Cleaning: total functions. What they cannot read they leave for the schema to refuse.


def _present(row: Row) -> Row:
    """Drop absent fields: null and the empty string mean the same."""
    return {name: value for name, value in row.items() if value is not None and value != ""}


def _ids(row: Row, names: Sequence[str]) -> None:
    """Take whole-number ids as text."""
    for name in names:
        value = row.get(name)
        if type(value) is int:
            row[name] = str(value)


def _texts(
    row: Row, names: Sequence[str], clean: Callable[[str, Notes], str], notes: Notes
) -> None:
    for name in names:
        value = row.get(name)
        if type(value) is str and len(value) <= _LONGEST:
            cleaned = clean(value, notes)
            if cleaned:
                row[name] = cleaned
            else:
                del row[name]


_LONGEST = 100_000  # longer text is refused by the schema: do not spend time on cleaning it


def _list(value: object, separator: str) -> object:
    """Read a list written as JSON or with a separator: `["a","b"]` or `a > b`."""
    if not isinstance(value, str):
        return value
    parsed = _json(value, "[")
    if isinstance(parsed, list):
        return parsed
    parts = [part.strip() for part in value.split(separator)]
    return [part for part in parts if part]


def _json(value: object, opening: str) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith(opening):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _string_map(value: object, notes: Notes) -> object:
    """Read attributes: a map, its JSON, or a list of key–value pairs; numbers become text."""
    value = _json(value, "{")
    if isinstance(value, list) and all(isinstance(p, dict) and "key" in p for p in value):
        value = {str(pair["key"]): pair.get("value") for pair in value}
    if not isinstance(value, dict):
        return value
    cleaned: dict[str, object] = {}
    for name, text in value.items():
        if isinstance(text, bool):
            text = "yes" if text else "no"
        elif isinstance(text, int | float):
            text = f"{text:g}" if isinstance(text, float) else str(text)
        elif isinstance(text, list) and all(isinstance(part, str) for part in text):
            text = ", ".join(text)
        if isinstance(text, str):
            text = clean_line(text, notes)
        if text is not None and text != "":
            cleaned[clean_line(str(name), notes)] = text
    return cleaned


_STEP = re.compile(r"\s>+\s")


def _path(value: object, notes: Notes) -> object:
    value = _list(value, ">")
    if not isinstance(value, list):
        return value
    if len(value) == 1 and isinstance(value[0], str):
        value = _STEP.split(value[0])  # a whole path in one name
    names = [clean_line(part, notes) if isinstance(part, str) else part for part in value]
    return [name for name in names if name != ""]


def _language(row: Row) -> None:
    """Write `EN_us` as `en-us`."""
    value = row.get("language")
    if isinstance(value, str):
        head, *rest = value.replace("_", "-").split("-")
        row["language"] = "-".join([head.lower(), *rest])


def _clean_product(raw: Row, notes: Notes) -> Row:
    row = _present(raw)
    _ids(row, ("product_id", "item_group_id"))
    _texts(row, ("title", "brand"), clean_line, notes)
    _texts(row, ("description",), clean_text, notes)
    _language(row)
    if "category" in row:
        row["category"] = _path(row["category"], notes)
    if "attributes" in row:
        row["attributes"] = _string_map(row["attributes"], notes)
    if "translations" in row:
        row["translations"] = _translations(row["translations"], notes)
    if isinstance(row.get("currency"), str):
        row["currency"] = str(row["currency"]).strip().upper()
    return row


def _translations(value: object, notes: Notes) -> object:
    value = _json(value, "{")
    if not isinstance(value, dict):
        return value
    cleaned: dict[str, object] = {}
    for language, fields in value.items():
        if fields is None:  # Parquet gives every row all languages of the column
            continue
        if isinstance(fields, dict):
            fields = _present(fields)
            _texts(fields, ("title",), clean_line, notes)
            _texts(fields, ("description",), clean_text, notes)
            if "category" in fields:
                fields["category"] = _path(fields["category"], notes)
            if "attributes" in fields:
                fields["attributes"] = _string_map(fields["attributes"], notes)
        cleaned[language] = fields
    return cleaned


def _clean_review(raw: Row, notes: Notes) -> Row:
    row = _present(raw)
    _ids(row, ("review_id", "product_id", "shopper_id"))
    _texts(row, ("text",), clean_text, notes)
    _texts(row, ("title",), clean_line, notes)
    _language(row)
    return row


def _clean_event(raw: Row, notes: Notes) -> Row:
    row = _present(raw)
    _ids(row, ("event_id", "shopper_id", "product_id", "session_id", "order_id", "offer_id"))
    if "search_text" in row:
        _texts(row, ("search_text",), clean_line, notes)
    return row


def _clean_offer(raw: Row, notes: Notes) -> Row:
    row = _present(raw)
    _ids(row, ("offer_id",))
    if "product_ids" in row:
        ids = _list(row["product_ids"], "|")
        row["product_ids"] = (
            [str(i) if type(i) is int else i for i in ids] if isinstance(ids, list) else ids
        )
    if "categories" in row:
        names = _list(row["categories"], "|")
        row["categories"] = _path(names, notes)
    return row


# Checks between the fields of one record


def _check_product(record: ProductRecord) -> Problem | None:
    if record.price is not None and to_minor(record.price) == 0:
        return "price", record.price, "must be at least 0.01"
    return None


def _check_review(_: ReviewRecord) -> Problem | None:
    return None


_EVENT_NEEDS: dict[str, str] = {
    "search": "search_text",
    "offer_view": "offer_id",
    "offer_redeem": "offer_id",
}


def _check_event(record: EventRecord) -> Problem | None:
    field = _EVENT_NEEDS.get(record.type, "product_id")
    if getattr(record, field) is None:
        return field, None, f"is missing, and a `{record.type}` event needs it"
    return None


def _check_offer(record: OfferRecord) -> Problem | None:
    if record.kind == "percent" and record.value > 100:
        return "value", record.value, "must be at most 100 for a `percent` offer"
    if record.starts_at and record.ends_at and record.ends_at < record.starts_at:
        return "ends_at", record.ends_at.isoformat(), "lies before `starts_at`"
    return None


# Columns


def _plain(records: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [getattr(record, name) for record in records] for name in names}


def _minor(records: Sequence[Any], name: str) -> list[int | None]:
    amounts = [getattr(record, name) for record in records]
    return [None if amount is None else to_minor(amount) for amount in amounts]


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _product_columns(records: Sequence[ProductRecord]) -> dict[str, list[Any]]:
    special = {"category", "price_minor", "list_price_minor", "margin", "attributes"}
    names = [n for n in PRODUCT_COLUMNS if n not in special | {"translations"}]
    columns = _plain(records, names)
    columns["category"] = [list(record.category) for record in records]
    columns["price_minor"] = _minor(records, "price")
    columns["list_price_minor"] = _minor(records, "list_price")
    columns["margin"] = [None if r.margin is None else float(r.margin) for r in records]
    columns["attributes"] = [_dump(record.attributes) for record in records]
    columns["translations"] = [
        _dump({k: v.model_dump(exclude_defaults=True) for k, v in record.translations.items()})
        for record in records
    ]
    columns["currency"] = [record.currency for record in records]
    return columns


def _review_columns(records: Sequence[ReviewRecord]) -> dict[str, list[Any]]:
    return _plain(records, list(REVIEW_COLUMNS))


def _event_columns(records: Sequence[EventRecord]) -> dict[str, list[Any]]:
    columns = _plain(records, [name for name in EVENT_COLUMNS if name != "price_minor"])
    columns["price_minor"] = _minor(records, "price")
    return columns


def _offer_columns(records: Sequence[OfferRecord]) -> dict[str, list[Any]]:
    columns = _plain(records, ["offer_id", "kind", "starts_at", "ends_at", "stackable"])
    columns["value"] = [float(record.value) for record in records]
    columns["product_ids"] = [list(record.product_ids) for record in records]
    columns["categories"] = [list(record.categories) for record in records]
    columns["min_spend_minor"] = _minor(records, "min_spend")
    return columns


def table(name: str) -> Table:
    """Return the table called `products`, `reviews`, `events` or `offers`."""
    return _TABLES[name]


_TABLES = {
    "products": Table(
        name="products",
        record="product",
        model=ProductRecord,
        adapter=TypeAdapter(list[ProductRecord]),
        columns=PRODUCT_COLUMNS,
        clean=_clean_product,
        check=_check_product,
        to_columns=_product_columns,
    ),
    "reviews": Table(
        name="reviews",
        record="review",
        model=ReviewRecord,
        adapter=TypeAdapter(list[ReviewRecord]),
        columns=REVIEW_COLUMNS,
        clean=_clean_review,
        check=_check_review,
        to_columns=_review_columns,
    ),
    "events": Table(
        name="events",
        record="event",
        model=EventRecord,
        adapter=TypeAdapter(list[EventRecord]),
        columns=EVENT_COLUMNS,
        clean=_clean_event,
        check=_check_event,
        to_columns=_event_columns,
    ),
    "offers": Table(
        name="offers",
        record="offer",
        model=OfferRecord,
        adapter=TypeAdapter(list[OfferRecord]),
        columns=OFFER_COLUMNS,
        clean=_clean_offer,
        check=_check_offer,
        to_columns=_offer_columns,
    ),
}
