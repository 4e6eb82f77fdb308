"""Files to a store: `python -m retrieval.build --products FILE … --out STORE`.

    read → spans → save → embed → index → fit → learn → check → swap

Everything is written beside the old store and swapped in at the end, so a build that fails or is
killed changes nothing. Progress goes to stderr; the last line on stdout is the report as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

import polars as pl

from retrieval.artifacts import (
    DATASET,
    IMAGES,
    REJECTS,
    BuildNote,
    Manifest,
    ModelNote,
    StoreWriter,
    hash_dataset,
    hash_folder,
    hash_store,
    load_dataset,
    load_manifest,
    snapshots_folder,
    writing,
)
from retrieval.config import StoreConfig, load_config
from retrieval.data.dataset import Dataset
from retrieval.data.ingest import Format, OnError, Reject, ingest
from retrieval.data.pictures import copy_pictures
from retrieval.errors import DataError, ShopError, StoreError
from retrieval.workers import HERE, Workers, open_workers

if TYPE_CHECKING:
    from retrieval.text.encoder import Encoder
    from retrieval.text.reranker import Reranker

Device = Literal["auto", "cpu", "cuda"]
FORMATS = ("records", "google-merchant", "shopify", "schema-org")
PACKAGES = (
    "bm25s", "chromadb", "numpy", "polars", "safetensors", "scipy", "sentence-transformers",
    "torch", "transformers",
)  # fmt: skip
"""Whose versions the manifest records."""


class Stages:
    """Seconds by stage; a stage entered twice adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds that were measured elsewhere."""
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + seconds, 3)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Book the time of the body under `stage`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)


def build_store(
    *,
    products: Path,
    out: Path,
    reviews: Path | None = None,
    events: Path | None = None,
    offers: Path | None = None,
    config: StoreConfig | None = None,
    base: Path | None = None,
    on_error: OnError = "fail",
    product_format: Format = "records",
    device: Device = "auto",
    workers: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Build a store and swap it in.

    Args:
        products: The catalogue; `reviews`, `events` and `offers` are optional.
        out: Path of the store; what is there stays as it is until the last moment.
        reviews: What shoppers wrote.
        events: What shoppers did.
        offers: Price reductions.
        config: Settings; None takes the defaults.
        base: Folder that relative paths in the settings start from; None is the current one.
        on_error: `fail` stops at the first refused row, `skip` collects them in `rejects.jsonl`.
        product_format: How `products` is written.
        device: Where the encoder runs.
        workers: Processes that embed and fit (`retrieval.workers`); fewer than two are this one.
            The store is the same.
        progress: Show bars on stderr for what lasts over two seconds.

    Returns:
        The report: counts, `rejected`, `store_hash`, `seconds` by stage.

    Raises:
        ShopError: Bad input, settings, model, or a place that cannot be written.
    """
    stages = Stages()
    config = _at_base(config or StoreConfig(), base or Path())
    with writing(out) as writer, _opened(workers, device, stages) as crew:
        read = ingest(
            products,
            reviews,
            events,
            offers,
            config=config,
            on_error=on_error,
            progress=progress,
            product_format=product_format,
        )
        for stage, seconds in read.seconds.items():
            stages.add(stage, seconds)
        with stages("save"):
            config = config.model_copy(update={"currency": read.dataset.currency})
            read.dataset.save(writer.snapshot / DATASET)
            pictures = _take_pictures(config, base or Path(), writer.snapshot, on_error)
            rejects = [*read.rejects, *pictures]
            lines = "".join(reject.to_json() + "\n" for reject in rejects)
            (writer.snapshot / REJECTS).write_text(lines, "utf-8")
        report = read.report | {"rejected": len(rejects)}
        if pictures:
            report["rejected_by"] = report["rejected_by"] | {"images": len(pictures)}
        manifest = _finish(
            writer, read.dataset, config, report, stages,
            device=device, workers=crew, progress=progress,
        )  # fmt: skip
    return report | {
        "encoder": manifest.models["encoder"].name,
        "counts": manifest.counts,
        "store": str(out),
        "store_hash": manifest.store_hash,
        "seconds": stages.seconds | {"total": round(sum(stages.seconds.values()), 3)},
    }


@contextmanager
def _opened(n: int, device: Device, stages: Stages) -> Iterator[Workers]:
    """Open `n` workers, their start booked under `workers`; fewer than two are this process."""
    if n < 2:
        yield HERE
        return
    from retrieval.text.hardware import pick_device

    with ExitStack() as until:
        with stages("workers"):
            on_gpu = device != "cpu" and pick_device(device) == "cuda"
            crew = until.enter_context(open_workers(n, on_gpu=on_gpu))
        yield crew


def _at_base(config: StoreConfig, base: Path) -> StoreConfig:
    """Read model directories that are named relative to the settings file."""

    def at_base(name: str) -> str:
        is_here = not Path(name).is_absolute() and (base / name).is_dir()
        return str((base / name).resolve()) if is_here else name

    encoder = config.encoder.model_copy(update={"model": at_base(config.encoder.model)})
    search = config.search
    if search.reranker is not None:
        search = search.model_copy(update={"reranker": at_base(search.reranker)})
    return config.model_copy(update={"encoder": encoder, "search": search})


def _take_pictures(
    config: StoreConfig, base: Path, snapshot: Path, on_error: OnError
) -> list[Reject]:
    if config.shop.images is None:
        return []
    _, refused = copy_pictures(base / config.shop.images, snapshot / IMAGES)
    rejects = [
        Reject(
            file=str(path), line=0, record="image", id=None, field=None, value=None, reason=reason
        )
        for path, reason in refused
    ]
    if rejects and on_error == "fail":
        raise DataError(
            f"{rejects[0].file}: the picture {rejects[0].reason}; mend or remove it, or leave such "
            "pictures out with `--on-error=skip`"
        )
    return rejects


def _finish(
    writer: StoreWriter,
    dataset: Dataset,
    config: StoreConfig,
    report: dict[str, Any],
    stages: Stages,
    *,
    device: Device,
    workers: Workers = HERE,
    progress: bool,
    erase: bool = False,
) -> Manifest:
    """Index, fit, check and swap a snapshot whose dataset is saved."""
    from retrieval.behaviour.base import Interactions
    from retrieval.behaviour.fitting import fitted, make_behaviour, save_behaviour
    from retrieval.store import Store
    from retrieval.text.encoder import load_encoder
    from retrieval.text.index import build_index, check_index
    from retrieval.text.languages import build_languages
    from retrieval.text.lexical import build_lexical
    from retrieval.tuning.learn import learn

    snapshot = writer.snapshot
    with stages("embed"):
        encoder = load_encoder(config.encoder, device=device, workers=workers)
        models = _models(encoder, config, device)
    clocked = _ClockedEncoder(encoder, stages, progress=progress)
    before = stages.seconds["embed"]
    with stages("index"):
        counts: dict[str, Any] = dict(
            build_index(snapshot, dataset, cast("Encoder", clocked), previous=writer.current)
        )
        build_lexical(snapshot, dataset)
    stages.add("index", before - stages.seconds["embed"])  # embedding happened inside
    with stages("embed"):
        counts["embedded"] += build_languages(
            snapshot, dataset, config.encoder,
            device=device, previous=writer.current, workers=workers,
        )  # fmt: skip
    with stages("fit"):
        log = Interactions.of(dataset, config.behaviour)
        behaviour = fitted(make_behaviour(log, dataset.catalogue, config), workers)
        noted = save_behaviour(behaviour, snapshot)
    hashes = hash_dataset(dataset)
    if (snapshot / IMAGES).is_dir():
        hashes[IMAGES] = hash_folder(snapshot / IMAGES)
    manifest = Manifest(
        shop=config.shop.name,
        currency=dataset.currency,
        store_hash=hash_store(hashes, config, models),
        hashes=hashes,
        config=config,
        models=models,
        packages={name: metadata.version(name) for name in PACKAGES},
        counts={"products": len(dataset.products), "spans": counts["spans"]} | noted,
        report=report,
        build=BuildNote(
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=dict(stages.seconds),
            embedded=counts["embedded"],
        ),
    )
    manifest.save(snapshot)
    if config.learning.enabled and noted["product_events"]:
        with stages("learn"):
            store = Store.of_snapshot(snapshot, device=device)
            chosen, learned = learn(store, workers=workers)
            store.close()
            learned.save(snapshot)
        with stages("fit"):
            if chosen is not None:
                save_behaviour(fitted(chosen, workers), snapshot)
    manifest = manifest.model_copy(
        update={"build": manifest.build.model_copy(update={"seconds": dict(stages.seconds)})}
    )
    manifest.save(snapshot)
    with stages("check"):
        _check_tables(snapshot, manifest)
        check_index(snapshot)
    with stages("swap"):
        writer.commit(tag=manifest.store_hash[:8], erase=erase)
    return manifest


def _models(encoder: Encoder, config: StoreConfig, device: Device) -> dict[str, ModelNote]:
    """Return which weights the store goes with; loads the reranker to see that it can be had."""
    from retrieval.text.reranker import load_reranker

    used: dict[str, Encoder | Reranker | None] = {
        "encoder": encoder,
        "reranker": load_reranker(config.search, device=device),
    }
    return {
        name: ModelNote(name=model.model_id, sha256=model.model_hash)
        for name, model in used.items()
        if model is not None
    }


class _ClockedEncoder:
    """The encoder, with its time booked under `embed`."""

    def __init__(self, encoder: Encoder, stages: Stages, *, progress: bool) -> None:
        self._encoder, self._stages, self._progress = encoder, stages, progress

    def encode(self, texts: Sequence[str], *, progress: str | None = None, **rest: Any) -> Any:  # noqa: ANN401
        with self._stages("embed"):
            shown = progress if self._progress else None
            return self._encoder.encode(texts, progress=shown, **rest)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._encoder, name)


def _check_tables(snapshot: Path, manifest: Manifest) -> None:
    """Read the tables back from disk and compare what they hold."""
    written = hash_dataset(load_dataset(snapshot))
    for name, digest in written.items():
        if digest != manifest.hashes[name]:
            raise StoreError(
                f"{snapshot}: the table `{name}` reads back differently from what was written; "
                "check the disk and build again"
            )


# Erasing ----------------------------------------------------------------------------------------


def erase_shopper(
    store: Path, shopper_id: str, *, device: Device = "auto", progress: bool = False
) -> dict[str, Any]:
    """Rebuild a store without a shopper, swap it in, and remove every older snapshot.

    The shopper's events, reviews and their sentences go; so do the lines of `rejects.jsonl` that
    name the shopper. The files that the shop imports from are not touched: take the shopper out
    there too, or the next import brings the rows back.

    Returns:
        A receipt without the id itself: rows removed by table, snapshots removed, files scanned,
        and the files in which the id's bytes still stand (`found_in`, to be empty).

    Raises:
        StoreError: If there is no store, or another process is writing it.
    """
    stages = Stages()
    with writing(store) as writer:
        if writer.current is None:
            raise StoreError(f"{store}: there is no store to erase from; check the path")
        old = writer.current
        manifest, dataset = load_manifest(old), load_dataset(old)
        kept = _without(dataset, shopper_id)
        kept.save(writer.snapshot / DATASET)
        _copy_rest(old, writer.snapshot, shopper_id)
        removed = {
            name: len(getattr(dataset, name)) - len(getattr(kept, name))
            for name in ("events", "reviews", "spans")
        }
        report = manifest.report | {
            "events": len(kept.events),
            "reviews": len(kept.reviews),
            "spans": len(kept.spans),
            "erased_shoppers": int(manifest.report.get("erased_shoppers", 0)) + 1,
        }
        before = _count_snapshots(writer.store)
        made = _finish(
            writer, kept, manifest.config, report, stages,
            device=device, progress=progress, erase=True,
        )  # fmt: skip
        n_scanned, found_in = scan_for(snapshots_folder(writer.store), shopper_id)
        removed_snapshots = before - _count_snapshots(writer.store)
    return {
        "shopper_sha256": hashlib.sha256(shopper_id.encode()).hexdigest(),
        "removed": removed,
        "snapshots_removed": removed_snapshots,
        "files_scanned": n_scanned,
        "found_in": found_in,
        "store_hash": made.store_hash,
        "at": made.build.built_at,
    }


def _without(dataset: Dataset, shopper_id: str) -> Dataset:
    is_other = pl.col("shopper_id").is_null() | (pl.col("shopper_id") != shopper_id)
    reviews = dataset.reviews.filter(is_other)
    return Dataset(
        products=dataset.products,
        reviews=reviews,
        spans=dataset.spans.filter(pl.col("review_id").is_in(reviews["review_id"].to_list())),
        events=dataset.events.filter(pl.col("shopper_id") != shopper_id),
        offers=dataset.offers,
        currency=dataset.currency,
    )


def _copy_rest(old: Path, new: Path, shopper_id: str) -> None:
    if (old / IMAGES).is_dir():
        copy_pictures(old / IMAGES, new / IMAGES)
    rejects = (old / REJECTS).read_text("utf-8") if (old / REJECTS).is_file() else ""
    lines = (line for line in rejects.split("\n") if line)
    kept = [line for line in lines if not _pattern(shopper_id).search(line.encode())]
    (new / REJECTS).write_text("".join(line + "\n" for line in kept), "utf-8")


def _count_snapshots(store: Path) -> int:
    return sum(path.is_dir() for path in snapshots_folder(store).iterdir())


def _pattern(text: str) -> re.Pattern[bytes]:
    """Match the text as a whole word, so that `shopper-1` is not found in `shopper-12`."""
    return re.compile(rb"(?<![A-Za-z0-9_-])" + re.escape(text.encode()) + rb"(?![A-Za-z0-9_-])")


def scan_for(folder: Path, text: str) -> tuple[int, list[str]]:
    """Return how many files were read and those that hold `text`; Parquet is read unpacked."""
    pattern = _pattern(text)
    n_files, found = 0, []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        n_files += 1
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += pl.read_parquet(path).write_ndjson().encode()
        if pattern.search(content):
            found.append(path.relative_to(folder).as_posix())
    return n_files, found


# Command line -----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see --help", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m retrieval.build",
        description="Build a store from a shop's files (fields: docs/data-formats.md).",
    )
    files = "JSON Lines (.jsonl, .jsonl.zst), .csv or .parquet"
    parser.add_argument("--products", type=Path, required=True, metavar="FILE", help=files)
    parser.add_argument("--reviews", type=Path, metavar="FILE")
    parser.add_argument("--events", type=Path, metavar="FILE")
    parser.add_argument("--offers", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="STORE", help="where to build")
    parser.add_argument(
        "--on-error",
        choices=["fail", "skip"],
        default="fail",
        help="at a bad row: stop (default), or leave it out and list it in rejects.jsonl",
    )
    parser.add_argument("--config", type=Path, metavar="TOML", help="settings of the store")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that embed and fit, by Ray (extra `scale`); 0 or 1 is this one (default)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="records", help="how the products file is written"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    asked = _parser().parse_args(arguments)
    try:
        report = build_store(
            products=asked.products,
            reviews=asked.reviews,
            events=asked.events,
            offers=asked.offers,
            out=asked.out,
            config=load_config(asked.config),
            base=asked.config.parent if asked.config else None,
            on_error=asked.on_error,
            product_format=asked.format,
            device=asked.device,
            workers=asked.workers,
        )
    except ShopError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{place}{error.strerror or error}; nothing was changed", file=sys.stderr)
        return 2
    print(json.dumps(report, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
