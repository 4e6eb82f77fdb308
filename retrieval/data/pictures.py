"""A shop's folder of pictures: what may come into a store and be shown by a browser.

An SVG is a program to a browser, so only drawing elements and references inside the file pass.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from retrieval.errors import ConfigError

MAX_PICTURE = 4 * 2**20
"""Bytes of one picture."""
MAX_PICTURES = 200_000

_MAGIC = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".webp": (b"RIFF",),
}
_REFUSED_ELEMENTS = frozenset(
    {"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler", "link"}
)
_INSIDE = re.compile(r"^\s*(#|data:image/(png|jpeg|webp);base64,)", re.IGNORECASE)
_OUTSIDE_CSS = re.compile(
    r"@import|expression\s*\(|javascript:"
    r"|url\((?!\s*['\"]?\s*(?:#|data:image/(?:png|jpeg|webp)))",
    re.IGNORECASE,
)


def copy_pictures(source: Path, target: Path) -> tuple[int, list[tuple[Path, str]]]:
    """Copy the pictures below `source`; return how many, and the refused ones with reasons.

    Links are not followed. Only .svg, .png, .jpg and .webp are taken.

    Raises:
        ConfigError: If `source` is no folder.
    """
    if not source.is_dir():
        raise ConfigError(f"{source}: `shop.images` must name a folder beside the settings file")
    n_copied = 0
    refused: list[tuple[Path, str]] = []
    for path in _files(source):
        reason = refusal(path) if n_copied < MAX_PICTURES else f"more than {MAX_PICTURES} pictures"
        if reason:
            refused.append((path, reason))
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        n_copied += 1
    return n_copied, refused


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        yield from (Path(root) / name for name in folders if (Path(root) / name).is_symlink())
        yield from (Path(root) / name for name in sorted(names))


def refusal(path: Path) -> str:
    """Return why a file may not be shown as a picture; an empty string if it may."""
    suffix = path.suffix.lower()
    if path.is_symlink():
        return "is a link; put the picture itself there"
    if suffix not in {".svg", *_MAGIC}:
        return "is no .svg, .png, .jpg or .webp"
    if path.stat().st_size > MAX_PICTURE:
        return f"is larger than {MAX_PICTURE} bytes"
    content = path.read_bytes()
    if suffix == ".svg":
        return _svg_refusal(content)
    return "" if content.startswith(_MAGIC[suffix]) else f"does not hold a {suffix} picture"


class _RefusedError(Exception):
    """Stops the parser at the first thing that may not be there."""


def _svg_refusal(content: bytes) -> str:
    parser = expat.ParserCreate()
    parser.StartElementHandler = _check_element
    parser.CharacterDataHandler = _check_style
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.buffer_text = True
    parser.buffer_size = 2**20
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        return f"is no well-formed SVG ({error})"
    except _RefusedError as error:
        return str(error)
    return ""


def _check_element(name: str, attributes: dict[str, str]) -> None:
    local = name.rsplit(":", 1)[-1].lower()
    if local in _REFUSED_ELEMENTS:
        raise _RefusedError(f"holds <{name}>, which a picture must not")
    for attribute, value in attributes.items():
        key = attribute.rsplit(":", 1)[-1].lower()
        target = attributes.get("attributeName", "").lower()
        if key.startswith("on") or target.startswith("on") or target.endswith("href"):
            raise _RefusedError(f"has `{attribute}`, which can run code")
        if key in {"href", "src"} and not _INSIDE.match(value):
            raise _RefusedError(f"refers to {value[:80]!r} outside the file")
        if key not in {"href", "src"} and not attribute.startswith("xmlns"):
            _check_style(value)


def _check_style(text: str) -> None:
    if _OUTSIDE_CSS.search(text):
        raise _RefusedError(f"refers outside the file in {text.strip()[:80]!r}")


def _refuse_doctype(*_: object) -> None:
    raise _RefusedError("has a DOCTYPE, which could hide entities")


def _refuse_instruction(*_: object) -> None:
    raise _RefusedError("has a processing instruction, which could load a style sheet")
