"""A shop's files into one `Dataset`, with every refused row on record.

A row passes its schema once. What holds between rows is checked afterwards on whole columns: ids
once, products known, one currency. Nothing is dropped silently: a refused row is a `Reject`, an
unknown field and a repeated event are counted in the report.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

import polars as pl
from pydantic import ValidationError
from tqdm import tqdm

from retrieval.data.dataset import SPAN_COLUMNS, Dataset
from retrieval.data.feeds import FeedFormat, read_feed
from retrieval.data.formats import Advance, Chunk, Row, check_file, read_rows
from retrieval.data.rows import Problem, Table, table
from retrieval.data.spans import is_quotable, split_spans
from retrieval.errors import DataError

OnError = Literal["fail", "skip"]
Format = Literal["records", "google-merchant", "shopify", "schema-org"]


class IngestSettings(Protocol):
    """The part of the store's settings that ingest reads; `StoreConfig` has it."""

    @property
    def currency(self) -> str | None:
        """ISO 4217, or None for the one that most rows state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """One refused row: where it stands, what it holds, why it was refused."""

    file: str
    line: int
    """Of a Parquet or JSON file: the row, counted from 1."""
    record: str
    id: str | None
    field: str | None
    """None where the whole row cannot be read."""
    value: str | None
    """At most 200 characters."""
    reason: str

    def sentence(self) -> str:
        """Say it to the person who can fix it."""
        what = f"`{self.field}` {self.reason}" if self.field else self.reason
        if self.value is not None:
            what += f", got {self.value[:80]!r}"
        if self.id is not None:
            what += f" ({self.record} {self.id!r})"
        return (
            f"{self.file}:{self.line}: {what}; "
            "fix the row, or drop such rows with `--on-error=skip`"
        )

    def to_json(self) -> str:
        """One line of `rejects.jsonl`."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What came out of the files."""

    dataset: Dataset
    rejects: tuple[Reject, ...]
    report: dict[str, Any]
    """Counts by table, `rejected`, `rejected_by`, `duplicates`, `ignored_fields`, `cleaned`."""
    seconds: dict[str, float]
    """By stage: `read`, `spans`."""


@dataclass(slots=True)
class _Ledger:
    """What is noted while reading: rejects, ignored fields, cleaning, identical events."""

    on_error: OnError
    rejects: list[Reject] = field(default_factory=list)
    ignored: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cleaned: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0

    def add(self, rejects: Sequence[Reject]) -> None:
        """Keep the rejects, or stop at the first in the file."""
        found = sorted(rejects, key=lambda reject: reject.line)
        if found and self.on_error == "fail":
            raise DataError(found[0].sentence())
        self.rejects.extend(found)


def ingest(
    products: Path,
    reviews: Path | None = None,
    events: Path | None = None,
    offers: Path | None = None,
    *,
    config: IngestSettings | None = None,
    on_error: OnError = "fail",
    progress: bool = False,
    product_format: Format = "records",
) -> Ingested:
    """Read, clean and check a shop's files.

    Args:
        products: The catalogue; the other files are optional.
        reviews: What shoppers wrote.
        events: What shoppers did. An event that is repeated word for word counts once.
        offers: Price reductions.
        config: Says the currency; None takes the one that most rows state (then USD).
        on_error: `fail` stops at the first refused row, `skip` collects them.
        progress: Show bars on stderr for what lasts over two seconds.
        product_format: How `products` is written; a feed's fields are mapped to ours.

    Raises:
        DataError: In one sentence, if a file cannot be used, a row is refused under `fail`, or no
            product is left.
    """
    given = {"products": products, "reviews": reviews, "events": events, "offers": offers}
    for path in given.values():
        if path is not None:
            check_file(path)  # before the first minute of reading, not after it
    started = time.perf_counter()
    ledger = _Ledger(on_error)
    frames: dict[str, pl.DataFrame] = {}
    currency = "USD"
    for name, path in given.items():
        kind = table(name)
        frame = _empty(kind)
        if path is not None:
            feed = product_format if name == "products" and product_format != "records" else None
            frame = _read(kind, path, feed, ledger, progress=progress)
            frame = _once(kind, path, frame, ledger)
            if name == "products":
                frame, currency = _one_currency(kind, path, frame, ledger, config)
                _require_some(path, frame, ledger)
            else:
                frame = _known_products(kind, path, frame, frames["products"], ledger)
        frames[name] = frame.select(list(kind.columns))
    reviews_frame = frames["reviews"].sort("review_id")
    read_at = time.perf_counter()
    spans = make_spans(reviews_frame, progress=progress)
    dataset = Dataset(
        products=frames["products"].sort("product_id"),
        reviews=reviews_frame,
        spans=spans,
        events=frames["events"].sort("at", "event_id"),
        offers=frames["offers"].sort("offer_id"),
        currency=currency,
    )
    return Ingested(
        dataset=dataset,
        rejects=tuple(ledger.rejects),
        report=_report(dataset, ledger),
        seconds={"read": read_at - started, "spans": time.perf_counter() - read_at},
    )


def make_spans(reviews: pl.DataFrame, *, progress: bool = False) -> pl.DataFrame:
    """Return the quotable sentences of the reviews; `span_id` is `review_id#ordinal`.

    The ordinal counts all sentences of the review, so it stays when the bounds of what is quotable
    change. `text == review.text[start:end]` always.
    """
    rows: list[tuple[str, str, str, int, int, str]] = []
    columns = reviews.select("review_id", "product_id", "text")
    with _bar("split reviews", len(reviews), "review", progress) as bar:
        for review_id, product_id, text in columns.iter_rows():
            for ordinal, (start, end) in enumerate(split_spans(text)):
                piece = text[start:end]
                if is_quotable(piece):
                    span_id = f"{review_id}#{ordinal}"
                    rows.append((span_id, review_id, product_id, start, end, piece))
            bar.update(1)
    return pl.DataFrame(rows, schema=dict(SPAN_COLUMNS), orient="row")


def _bar(what: str, total: int, unit: str, progress: bool) -> tqdm[Any]:
    return tqdm(
        total=total, desc=what, unit=unit, unit_scale=unit == "B", disable=not progress,
        delay=2, file=sys.stderr, mininterval=0.5,
    )  # fmt: skip


def _empty(kind: Table) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(kind.columns))


def _read(
    kind: Table, path: Path, feed: FeedFormat | None, ledger: _Ledger, *, progress: bool
) -> pl.DataFrame:
    """Return the accepted rows in file order, with their `_line`."""
    schema = dict(kind.columns) | {"_line": pl.Int64}
    if kind.name == "products":
        schema["currency"] = pl.String
    frames: list[pl.DataFrame] = [pl.DataFrame(schema=schema)]
    n_rows = 0
    with _bar(f"read {kind.name}", path.stat().st_size, "B", progress) as bar:
        for chunk in _chunks(kind, path, feed, bar.update):
            n_rows += len(chunk.rows) + len(chunk.bad)
            lines, records = _checked(kind, path, chunk, ledger)
            columns = kind.to_columns(records) | {"_line": lines}
            frames.append(pl.DataFrame(columns, schema=schema))
            bar.set_postfix_str(f"{n_rows} rows", refresh=False)
    if n_rows == 0:
        raise DataError(f"{path}: the file holds no rows; export it again or leave the option out")
    return pl.concat(frames)


def _chunks(kind: Table, path: Path, feed: FeedFormat | None, advance: Advance) -> Iterator[Chunk]:
    if feed is not None:
        return read_feed(path, feed, advance=advance)
    return read_rows(path, required=kind.required, advance=advance)


def _checked(kind: Table, path: Path, chunk: Chunk, ledger: _Ledger) -> tuple[list[int], list[Any]]:
    """Return the lines and records of the rows that pass; note the others."""
    rejects = [
        Reject(
            file=str(path), line=bad.line, record=kind.record, id=None, field=None,
            value=bad.value[:200], reason=bad.reason,
        )
        for bad in chunk.bad
    ]  # fmt: skip
    ignored, fields = ledger.ignored[kind.name], kind.model.model_fields.keys()
    rows = [_known(kind.clean(row, ledger.cleaned), fields, ignored) for row in chunk.rows]
    lines = chunk.lines
    try:
        records = kind.adapter.validate_python(rows)
    except ValidationError as error:
        wrong = _first_problems(error)
        rejects += [_reject(kind, path, lines[i], rows[i], problem) for i, problem in wrong.items()]
        rows = [row for i, row in enumerate(rows) if i not in wrong]
        lines = [line for i, line in enumerate(lines) if i not in wrong]
        records = kind.adapter.validate_python(rows)
    problems = {i: p for i, p in enumerate(map(kind.check, records)) if p is not None}
    if problems:
        rejects += [_reject(kind, path, lines[i], rows[i], p) for i, p in problems.items()]
        records = [record for i, record in enumerate(records) if i not in problems]
        lines = [line for i, line in enumerate(lines) if i not in problems]
    ledger.add(rejects)
    return lines, records


def _known(row: Row, fields: Any, ignored: Counter[str]) -> Row:  # noqa: ANN401 - a keys view
    """Take out and count what no schema names; the row stays."""
    unknown = row.keys() - fields
    if unknown:
        for name in unknown:
            ignored[str(name)[:100]] += 1
            del row[name]
    return row


def _first_problems(error: ValidationError) -> dict[int, Problem]:
    """Return the first problem of every row that has one."""
    problems: dict[int, Problem] = {}
    for detail in error.errors(include_url=False):
        row, *rest = detail["loc"]
        if isinstance(row, int) and row not in problems:
            kind = detail["type"]
            field = ".".join(str(part) for part in rest if part != "[key]")
            value = None if kind == "missing" else detail["input"]
            context = {name: _plain(bound) for name, bound in detail.get("ctx", {}).items()}
            reason = _REASONS.get(kind, "").format(**context) or detail["msg"].lower()
            if kind == "value_error":
                reason = str(context.get("error"))
            elif kind == "string_pattern_mismatch":
                reason = _PATTERNS.get(str(rest[0]), "holds control characters")
            problems[row] = (field, value, reason)
    return problems


def _plain(bound: object) -> object:
    """Write 5.0 and 1E+9 as a person would."""
    is_whole = isinstance(bound, float | Decimal) and bound == int(bound)
    return int(bound) if is_whole else bound  # type: ignore[call-overload]


_REASONS = {
    "missing": "is missing or empty",
    "string_type": "must be text",
    "string_too_short": "is empty",
    "string_too_long": "has more than {max_length} characters",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "datetime_parsing": "is not a possible time like 2026-03-01T10:00:00Z",
    "datetime_from_date_parsing": "is not a possible time like 2026-03-01T10:00:00Z",
    "dict_type": "must be an object of names and values",
    "tuple_type": "must be a list",
}
_PATTERNS = {
    "currency": "must be three letters like USD",
    "language": "must be a language tag like en or zh",
    "translations": "must be keyed by language tags like en or zh",
}


def _reject(kind: Table, path: Path, line: int, row: Row, problem: Problem) -> Reject:
    field, value, reason = problem
    key = row.get(kind.key)
    return Reject(
        file=str(path),
        line=line,
        record=kind.record,
        id=key[:200] if isinstance(key, str) else None,
        field=field,
        value=None if value is None else _short(value),
        reason=reason,
    )


def _short(value: object) -> str:
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, dict | list):  # do not write out ten megabytes to keep 200 characters
        return str(type(value).__name__) + f" of {len(value)}"
    return str(value)[:200]


# What holds between rows ----------------------------------------------------------------------


def _once(kind: Table, path: Path, frame: pl.DataFrame, ledger: _Ledger) -> pl.DataFrame:
    """Keep the first row of every id. Events repeated word for word are only counted."""
    repeated = frame.filter(pl.col(kind.key).is_duplicated())
    if repeated.is_empty():
        return frame
    first: dict[str, dict[str, Any]] = {}
    rejects: list[Reject] = []
    for row in repeated.iter_rows(named=True):
        line = row.pop("_line")
        key = row[kind.key]
        if key not in first:
            first[key] = row | {"_line": line}
            continue
        kept = first[key]
        is_same = all(kept[name] == value for name, value in row.items())
        if is_same and kind.name == "events":
            ledger.duplicates += 1
            continue
        what = "repeats" if is_same else "is used again, with other content, after"
        reason = f"{what} line {kept['_line']}, which is kept"
        rejects.append(_reject(kind, path, line, row, (kind.key, key, reason)))
    ledger.add(rejects)
    return frame.filter(pl.col(kind.key).is_first_distinct())


def _one_currency(
    kind: Table, path: Path, frame: pl.DataFrame, ledger: _Ledger, config: IngestSettings | None
) -> tuple[pl.DataFrame, str]:
    """Keep the rows in the store's currency; a row that states none has it."""
    stated = Counter(frame["currency"].drop_nulls().to_list())
    wanted = (config.currency or "").upper() if config is not None else ""
    currency = wanted or min(stated, key=lambda name: (-stated[name], name), default="USD")
    other = frame.filter(pl.col("currency") != currency)
    why = "the settings say so" if wanted else "most rows state it"
    reason = f"must be {currency} ({why}); convert it"
    ledger.add(
        [
            _reject(kind, path, row["_line"], row, ("currency", row["currency"], reason))
            for row in other.iter_rows(named=True)
        ]
    )
    return frame.filter(pl.col("currency").is_null() | (pl.col("currency") == currency)), currency


def _known_products(
    kind: Table, path: Path, frame: pl.DataFrame, products: pl.DataFrame, ledger: _Ledger
) -> pl.DataFrame:
    """Keep the rows whose products are in the catalogue, or that name none."""
    known = set(products["product_id"].to_list())
    if kind.name == "offers":
        field = "product_ids"
        unknown = [next((p for p in ids if p not in known), None) for ids in frame[field]]
    else:
        field = "product_id"
        unknown = [None if p is None or p in known else p for p in frame[field].to_list()]
    marked = frame.with_columns(pl.Series("_unknown", unknown, pl.String))
    reason = "is not among the accepted products"
    ledger.add(
        [
            _reject(kind, path, row["_line"], row, (field, row["_unknown"], reason))
            for row in marked.filter(pl.col("_unknown").is_not_null()).iter_rows(named=True)
        ]
    )
    return marked.filter(pl.col("_unknown").is_null())


def _require_some(path: Path, frame: pl.DataFrame, ledger: _Ledger) -> None:
    if frame.is_empty():
        first = ledger.rejects[0].sentence() if ledger.rejects else ""
        raise DataError(f"{path}: no product was accepted; the first row: {first}")


def _report(dataset: Dataset, ledger: _Ledger) -> dict[str, Any]:
    by_table = Counter(reject.record + "s" for reject in ledger.rejects)
    return {
        "products": len(dataset.products),
        "reviews": len(dataset.reviews),
        "spans": len(dataset.spans),
        "events": len(dataset.events),
        "offers": len(dataset.offers),
        "rejected": len(ledger.rejects),
        "rejected_by": dict(sorted(by_table.items())),
        "duplicates": ledger.duplicates,
        "ignored_fields": {
            name: dict(sorted(counts.items())) for name, counts in ledger.ignored.items() if counts
        },
        "cleaned": dict(sorted(ledger.cleaned.items())),
        "currency": dataset.currency,
    }
