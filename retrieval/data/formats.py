"""Files into rows: `.jsonl`, `.jsonl.zst`, `.csv`, `.parquet`. Knows bytes, knows no records.

Rows come in chunks with their line numbers, so that memory stays bounded whatever the file. A row
that cannot be read is a `BadRow`; a file that cannot be read is a `DataError`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic_core import from_json

from retrieval.errors import DataError

CHUNK_ROWS = 20_000
CHUNK_BYTES = 32 * 2**20
MAX_LINE = 16 * 2**20
"""Bytes; a longer line is rejected unread."""
SUFFIXES = (".jsonl", ".jsonl.zst", ".csv", ".parquet")

Row = dict[str, object]
Advance = Callable[[int], None]
"""Called with the number of bytes of the file that were just used up."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no row: where, why, and how it begins."""

    line: int
    reason: str
    value: str


@dataclass(slots=True)
class Chunk:
    """Some rows of a file, each with its line (Parquet: row) number, counted from 1."""

    lines: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    n_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """True when it is time to hand the chunk on."""
        return len(self.rows) + len(self.bad) >= CHUNK_ROWS or self.n_bytes >= CHUNK_BYTES


def read_rows(path: Path, *, required: Sequence[str], advance: Advance) -> Iterator[Chunk]:
    """Yield the rows of a file in chunks.

    Args:
        path: Its suffix says the format.
        required: Columns that a file with a header must have.
        advance: Told the bytes used, for a progress bar.

    Raises:
        DataError: If the file is missing, empty, damaged, of an unknown format, or lacks a column.
    """
    check_file(path)
    if path.name.endswith(".parquet"):
        yield from _read_parquet(path, required, advance)
    elif path.name.endswith(".csv"):
        yield from read_csv(path, required=required, advance=advance)
    elif path.name.endswith((".jsonl", ".jsonl.zst")):
        yield from _read_jsonl(path, advance)
    else:
        raise DataError(
            f"{path}: the format `{path.suffix or path.name}` is unknown; "
            f"give one of {', '.join(SUFFIXES)}, or name a feed with `--format`"
        )


def check_file(path: Path) -> None:
    """Refuse a path that is no readable file with something in it."""
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise DataError(f"{path}: the file {what}; check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; export it again or leave the option out")


def text_lines(path: Path, advance: Advance) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines, split on newline bytes alone; a line may be `MAX_LINE` + 1 bytes long.

    A U+2028 inside a string therefore splits nothing. What is beyond `MAX_LINE` is skipped, so the
    caller can tell a line that was too long by its length.
    """
    with path.open("rb") as file:
        head = file.read(4)
        if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise DataError(f"{path}: the file is UTF-16, not UTF-8; save it as UTF-8")
        file.seek(3 if head[:3] == b"\xef\xbb\xbf" else 0)
        source: BinaryIO = file
        compressed = path.name.endswith(".zst")
        if compressed:
            source = io.BufferedReader(_ZstdBytes(path, file, advance), 2**18)
            if source.peek(3)[:3] == b"\xef\xbb\xbf":
                source.read(3)
        number, used = 0, 0
        while line := source.readline(MAX_LINE + 1):
            number += 1
            used += len(line)
            if len(line) > MAX_LINE and not line.endswith(b"\n"):
                while (more := source.readline(MAX_LINE)) and not more.endswith(b"\n"):
                    used += len(more)
            yield number, line
            if not compressed and used > 2**18:
                advance(used)
                used = 0
        if not compressed:
            advance(used)


class _ZstdBytes(io.RawIOBase):
    """Decompressed bytes of a file, in small steps; says so when the file was cut off."""

    def __init__(self, path: Path, file: BinaryIO, advance: Advance) -> None:
        import zstandard

        self._path, self._file, self._advance = path, file, advance
        self._make = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj
        self._frame = self._make()
        self._is_open = True  # inside a frame: an end of file here is a cut
        self._ready = memoryview(b"")
        self._input = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        import zstandard

        while not self._ready:
            block = self._input or self._file.read(2048)  # 2 KiB: bounds what a bomb can unpack to
            self._input = b""
            if not block:
                if self._is_open:
                    raise DataError(
                        f"{self._path}: the compressed file ends too early (truncated?); "
                        "copy or export it again"
                    )
                return 0
            try:
                if not self._is_open:
                    self._frame, self._is_open = self._make(), True
                self._ready = memoryview(self._frame.decompress(block))
            except zstandard.ZstdError as error:
                raise DataError(
                    f"{self._path}: is damaged or not zstd ({error}); copy or export it again"
                ) from error
            if self._frame.eof:
                self._is_open = False
                self._input = self._frame.unused_data
            self._advance(len(block) - len(self._input))
        n = min(len(buffer), len(self._ready))
        buffer[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n


def _read_jsonl(path: Path, advance: Advance) -> Iterator[Chunk]:
    chunk = Chunk()
    for number, line in text_lines(path, advance):
        content = line.strip()
        if not content:
            continue
        chunk.n_bytes += len(line)
        if len(line) > MAX_LINE:
            chunk.bad.append(
                BadRow(number, f"the line is longer than {MAX_LINE} bytes", head(line))
            )
        else:
            try:
                row = from_json(content, allow_inf_nan=False, cache_strings="keys")
            except ValueError as error:
                reason = _json_reason(content, str(error), is_cut=not line.endswith(b"\n"))
                chunk.bad.append(BadRow(number, reason, head(content)))
            else:
                if isinstance(row, dict):
                    chunk.lines.append(number)
                    chunk.rows.append(row)
                else:
                    reason = f"the line is a JSON {type(row).__name__}, not an object"
                    chunk.bad.append(BadRow(number, reason, head(content)))
        if chunk.is_full:
            yield chunk
            chunk = Chunk()
    yield chunk


def _json_reason(line: bytes, message: str, *, is_cut: bool) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02X} at position {error.start + 1} is not UTF-8"
    if any(word in line for word in (b"NaN", b"Infinity")) and not message.startswith("EOF"):
        return "NaN and Infinity are not JSON; leave the field out"
    if is_cut and message.startswith("EOF"):
        return "the file ends inside this line (truncated?)"
    return f"the line is not JSON ({message.replace(' at line 1 column', ' at character')})"


def head(line: bytes) -> str:
    """Return how the line begins, whatever its encoding."""
    return line[:800].decode("utf-8", "replace")[:200]


def read_csv(
    path: Path, *, required: Sequence[str], advance: Advance, delimiters: str = ",;\t"
) -> Iterator[Chunk]:
    """Yield the rows of a CSV file with a header; an empty cell is an absent field."""
    broken: dict[int, str] = {}
    longest: list[int] = [0]
    lines = _decoded(text_lines(path, advance), broken, longest)
    first = next(lines, "")
    delimiter = max(delimiters, key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if 1 in broken:
        raise DataError(f"{path}:1: in the header {broken[1]}; save the file as UTF-8")
    check_columns(path, header, required)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    chunk = Chunk()
    while True:
        line = reader.line_num + 2  # the header was line 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            reason = (
                "the file ends inside a quoted field (truncated?)"
                if "unexpected end" in str(error)
                else f"the line is not CSV ({error})"
            )
            broken.setdefault(line, reason)
            cells = [""]
        reason = next((broken.pop(n) for n in range(line, reader.line_num + 2) if n in broken), "")
        if not cells and not reason:
            continue
        if not reason and len(cells) != len(header):
            reason = f"the row has {len(cells)} fields where the header has {len(header)}"
        if reason:
            chunk.bad.append(BadRow(line, reason, delimiter.join(cells)[:200]))
        else:
            row = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
            chunk.lines.append(line)
            chunk.rows.append(row)  # type: ignore[arg-type]
        chunk.n_bytes += longest[0]
        longest[0] = 0
        if chunk.is_full:
            yield chunk
            chunk = Chunk()
    yield chunk


def _decoded(
    lines: Iterable[tuple[int, bytes]], broken: dict[int, str], used: list[int]
) -> Iterator[str]:
    """Yield lines as text; what is wrong with a line goes into `broken` under its number."""
    for number, line in lines:
        used[0] += len(line)
        if len(line) > MAX_LINE:
            broken[number] = f"the line is longer than {MAX_LINE} bytes"
            yield "\n"
            continue
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = line[error.start]
            broken[number] = f"byte 0x{byte:02X} at position {error.start + 1} is not UTF-8"
            yield line.decode("utf-8", "replace")


def check_columns(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    """Refuse a header that lacks a required column or names one twice."""
    missing = [name for name in required if name not in header]
    found = ", ".join(header)[:300]
    if missing:
        raise DataError(
            f"{path}: the column `{missing[0]}` is missing (found: {found}); "
            "rename or add it (fields: docs/data-formats.md)"
        )
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: the column `{twice}` stands twice; remove one")


def _read_parquet(path: Path, required: Sequence[str], advance: Advance) -> Iterator[Chunk]:
    import polars as pl
    import pyarrow as pa
    from pyarrow import parquet

    size = path.stat().st_size
    try:
        with parquet.ParquetFile(path) as file:
            check_columns(path, file.schema_arrow.names, required)
            start, n_rows = 1, file.metadata.num_rows
            for batch in file.iter_batches(batch_size=CHUNK_ROWS // 4):
                batch.validate(full=True)
                rows = pl.DataFrame(pl.from_arrow(batch)).to_dicts()
                yield Chunk(list(range(start, start + len(rows))), rows)
                start += len(rows)
                advance(size * len(rows) // max(n_rows, 1))
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
        first = str(error).splitlines()[0][:200]
        raise DataError(
            f"{path}: the Parquet file is damaged ({first}); copy or export it again"
        ) from error
