"""Where a store lies on disk: immutable snapshots behind one symbolic link, and the manifest.

`STORE` is a link to `.STORE.snapshots/000007-1a2b3c4d/`. A build writes a new snapshot beside the
old ones and swaps the link with one rename, so a crash at any moment leaves the last good store and
a reader keeps the snapshot that it opened. Knows files, not what they mean.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.config import StoreConfig
from retrieval.data.dataset import TABLES, Dataset
from retrieval.errors import StoreError

FORMAT_VERSION = 1
DATASET = "dataset"
"""Folder of the Parquet tables inside a snapshot."""
IMAGES = "images"
REJECTS = "rejects.jsonl"
MANIFEST = "manifest.json"

_NAME = re.compile(r"^(\d{6})-[\w-]+$")
_PARTIAL = ".partial"


class ModelNote(BaseModel):
    """Which weights were used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str


class BuildNote(BaseModel):
    """What differs between two builds of the same input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    built_at: str
    seconds: dict[str, float] = Field(default_factory=dict)
    """By stage, up to the check."""
    embedded: int = 0
    """Texts run through the encoder; the others were copied from the previous snapshot."""


class Manifest(BaseModel):
    """What a store was made of. Two builds of the same input differ in `build` alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = FORMAT_VERSION
    shop: str
    currency: str
    store_hash: str
    """Of the data, the settings and the encoder; the same for the same input."""
    hashes: dict[str, str]
    """SHA-256 of what each table holds, not of the bytes of its file."""
    config: StoreConfig
    models: dict[str, ModelNote] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, Any] = Field(default_factory=dict)
    report: dict[str, Any] = Field(default_factory=dict)
    """What ingest said: rejects, duplicates, ignored fields."""
    build: BuildNote

    def save(self, snapshot: Path) -> None:
        """Write `manifest.json`."""
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1)
        (snapshot / MANIFEST).write_text(text + "\n", "utf-8")


def load_manifest(snapshot: Path) -> Manifest:
    """Read a snapshot's manifest.

    Raises:
        StoreError: If it is missing, damaged, or of a format that this version cannot read.
    """
    path = snapshot / MANIFEST
    try:
        found = json.loads(path.read_text("utf-8"))
        version = found["format_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: is no readable manifest ({error}); build the store again with "
            "`python -m retrieval.build`"
        ) from error
    if version != FORMAT_VERSION:
        raise StoreError(
            f"{path}: the store has format {version!r}, this version reads {FORMAT_VERSION}; "
            "build it again with `python -m retrieval.build`"
        )
    try:
        return Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise StoreError(
            f"{path}: `{field}` {first['msg'].lower()}; build the store again with "
            "`python -m retrieval.build`"
        ) from error


def load_dataset(snapshot: Path) -> Dataset:
    """Read a snapshot's tables.

    Raises:
        StoreError: If a table is missing or unreadable.
    """
    return Dataset.load(snapshot / DATASET)


# Content hashes ---------------------------------------------------------------------------------


def hash_dataset(dataset: Dataset) -> dict[str, str]:
    """Return the SHA-256 of each table's content, equal for equal rows whatever wrote them."""
    return {name: hash_frame(getattr(dataset, name)) for name in TABLES}


def hash_frame(frame: pl.DataFrame) -> str:
    """Return the SHA-256 over names, types, nulls and values, column by column."""
    digest = hashlib.sha256(str(len(frame)).encode())
    for name in frame.columns:
        digest.update(f"\0{name}:{frame[name].dtype}\0".encode())
        _hash_series(digest, frame[name])
    return digest.hexdigest()


def _hash_series(digest: hashlib._Hash, series: pl.Series) -> None:
    digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
    if isinstance(series.dtype, pl.List):
        digest.update(series.list.len().fill_null(0).cast(pl.Int64).to_numpy().tobytes())
        child = series.filter(series.list.len() > 0).explode()
        _hash_series(digest, child)
    elif series.dtype == pl.String:
        known = series.fill_null("")
        digest.update(known.str.len_bytes().cast(pl.Int64).to_numpy().tobytes())
        for part in known.to_frame().iter_slices(100_000):
            digest.update("".join(part.to_series().to_list()).encode())
    elif series.dtype == pl.Boolean:
        digest.update(series.fill_null(value=False).cast(pl.Int8).to_numpy().tobytes())
    elif series.dtype == pl.Float64:
        digest.update(series.fill_null(0.0).to_numpy().astype("<f8").tobytes())
    else:  # whole numbers and times
        digest.update(series.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8").tobytes())


def hash_folder(folder: Path) -> str:
    """Return the SHA-256 over the names and bytes of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def hash_store(
    hashes: Mapping[str, str], config: StoreConfig, models: Mapping[str, ModelNote]
) -> str:
    """Return one hash for all that decides what a store holds and how it answers."""
    places = {"encoder": {"model"}, "search": {"reranker"}}
    parts = {
        "format": FORMAT_VERSION,
        "tables": dict(hashes),
        "config": config.model_dump(mode="json", exclude=places),
        # the weights decide, not where they lie
        "models": {name: note.sha256 for name, note in models.items()},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


# Snapshots --------------------------------------------------------------------------------------


def snapshots_folder(store: Path) -> Path:
    """Return the folder beside the store that holds its snapshots."""
    return store.parent / f".{store.name}.snapshots"


def is_store(path: Path) -> bool:
    """True for a folder, or a link to one, with a manifest in it."""
    return (path / MANIFEST).is_file()


def open_snapshot(path: Path) -> Path:
    """Return the immutable snapshot that a store is now; keep it for as long as you read.

    A snapshot's own path is returned as it is.

    Raises:
        StoreError: If nothing is there, or no store.
    """
    if is_store(path):
        return path.resolve()
    if not os.path.lexists(path):
        adopted = _adopted(path)  # a crash between moving a plain folder in and linking to it
        if adopted is not None:
            return adopted.resolve()
        raise StoreError(f"{path}: there is no store; build one with `python -m retrieval.build`")
    raise StoreError(
        f"{path}: is no store (it has no {MANIFEST}); give the path that "
        "`python -m retrieval.build --out` wrote"
    )


def _adopted(store: Path) -> Path | None:
    folder = snapshots_folder(store)
    found = [path for path in _complete(folder) if path.name.endswith("-adopted")]
    return found[-1] if found and is_store(found[-1]) else None


def _complete(folder: Path) -> list[Path]:
    """Return the finished snapshots, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.match(path.name))


@contextmanager
def writing(store: Path) -> Iterator[StoreWriter]:
    """Hold the only right to write a store; leaves no half-built snapshot when the body raises.

    Raises:
        StoreError: If another process is writing it, or something else lies at its path.
    """
    if store.name in {"", ".."}:
        store = store.resolve()
    store = store.parent.resolve() / store.name  # the store itself is a link: not resolved
    _check_place(store)
    folder = snapshots_folder(store)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it, also on a kill
        except OSError as error:
            raise StoreError(
                f"{store}: another process is writing this store; wait for it to end, or stop it"
            ) from error
        writer = StoreWriter(store)
        writer.prepare()
        try:
            yield writer
        finally:
            writer.clear_partial()


def _check_place(store: Path) -> None:
    if store.is_symlink():
        target = store.readlink()
        if target.is_absolute() or target.parent != Path(snapshots_folder(store).name):
            raise StoreError(
                f"{store}: is a link to {target}, not made by a build; remove it or choose "
                "another `--out`"
            )
    elif store.is_dir():
        if any(store.iterdir()) and not is_store(store):
            raise StoreError(
                f"{store}: is a folder with other things in it; choose another `--out`"
            )
    elif store.exists():
        raise StoreError(f"{store}: is a file; choose another `--out`")


class StoreWriter:
    """One build's hold on a store. Made by `writing`."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._folder = snapshots_folder(store)
        self.current: Path | None = None
        """The snapshot that the store is now; None before the first build."""
        self.snapshot: Path = self._folder / _PARTIAL

    def prepare(self) -> None:
        """Take in a plain folder, clear what nobody needs, make the new snapshot's folder."""
        if self.store.is_dir() and not self.store.is_symlink():
            self._take_in()
        if not os.path.lexists(self.store):
            adopted = _adopted(self.store)
            if adopted is not None:
                self._link(adopted)
        if self.store.is_symlink() and is_store(self.store):
            self.current = self.store.resolve()
        finished = _complete(self._folder)
        keep = {self.current} if self.current else set()
        earlier = [p for p in finished if self.current and p.name < self.current.name]
        keep |= set(earlier[-1:])
        for path in self._folder.iterdir():
            if path not in keep and path.name != "lock":
                _remove(path)
        number = max((int(path.name[:6]) for path in keep), default=0) + 1
        self.snapshot = self._folder / f"{number:06d}{_PARTIAL}"
        self.snapshot.mkdir()

    def _take_in(self) -> None:
        """Make a snapshot of a plain folder that holds a store; an empty one just goes."""
        if not is_store(self.store):
            self.store.rmdir()
            return
        number = max((int(p.name[:6]) for p in _complete(self._folder)), default=0) + 1
        target = self._folder / f"{number:06d}-adopted"
        self.store.rename(target)
        self._link(target)

    def commit(self, *, tag: str, erase: bool = False) -> Path:
        """Make the new snapshot the store, with one rename; return its path.

        Args:
            tag: Ends the snapshot's name; the start of the store hash does.
            erase: Remove every other snapshot now. Otherwise the previous one stays until the
                build after the next.
        """
        final = self.snapshot.with_name(self.snapshot.name.removesuffix(_PARTIAL) + f"-{tag}")
        sync_tree(self.snapshot)
        self.snapshot.rename(final)
        _sync(self._folder)
        self._link(final)
        self.snapshot, self.current = final, final
        if erase:
            for path in self._folder.iterdir():
                if path != final and path.name != "lock":
                    _remove(path)
            _sync(self._folder)
        return final

    def _link(self, target: Path) -> None:
        """Point the store at a snapshot: a fresh link, renamed over the old one."""
        fresh = self._folder / "link"
        if os.path.lexists(fresh):
            fresh.unlink()
        # the link is read from the store's folder once it has moved there
        fresh.symlink_to(Path(self._folder.name) / target.name)
        fresh.replace(self.store)
        _sync(self.store.parent)

    def clear_partial(self) -> None:
        """Remove the new snapshot if it never became the store."""
        if self.snapshot.name.endswith(_PARTIAL):
            _remove(self.snapshot)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def sync_tree(folder: Path) -> None:
    """Wait until all files and folders below are on disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            _sync(Path(root) / name)
        _sync(Path(root))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
