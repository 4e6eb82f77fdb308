"""Writes the sample store: record files, settings, pictures and, apart, the planted truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import zstandard

from eval.simulate.content import ShopWords

Row = Mapping[str, object]


def write_lines(path: Path, rows: Iterable[Row]) -> None:
    """Write JSON Lines; a name ending in `.zst` is compressed."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    text = "".join(encode(row) + "\n" for row in rows).encode()
    if path.suffix == ".zst":
        text = zstandard.ZstdCompressor(level=6).compress(text)
    path.write_bytes(text)


def write_json(path: Path, value: object) -> None:
    """Write one JSON document, indented for people."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def store_settings(words: ShopWords) -> str:
    """Return `store.toml`."""
    shop = dict(words.shop)
    tables: dict[str, Mapping[str, object]] = {"shop": {}}
    for name, value in shop.items():
        if isinstance(value, Mapping):
            tables[f"shop.{name}"] = value
        else:
            tables["shop"] = {**tables["shop"], name: value}
    tables["directions"] = words.directions
    for language, labels in words.labels.items():
        tables[f"labels.{language}"] = labels
    lines = [
        "# Settings of the sample store; docs/data-formats.md explains them.",
        'currency = "USD"',
    ]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        lines += [f"{_toml(key)} = {_toml_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _toml(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else json.dumps(key, ensure_ascii=False)


def _toml_value(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + "".join(f"    {_toml_value(entry)},\n" for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)
