"""What building and asking cost, as ratios within one run and as growth over sizes.

    python -m eval.run_bench [--sizes 10000,100000] [--out DIR] [--queries N] [--keep FOLDER]

Shops are made up (`eval.bench_shop`); each is built and asked in processes of their own, one after
the other. `--sizes 1000000` asks for a million products (docs/evaluation.md).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.bench_cost import (
    BAR,
    FILTER_BAR,
    FILTERED,
    THROUGHPUT_BAR,
    ask_made,
    build_made,
    throughput,
)
from eval.cli import say
from retrieval.config import EncoderConfig, LearningConfig, StoreConfig
from retrieval.errors import ShopError

STEPS = ("build", "ask", "embed")
Step = Callable[[str, argparse.Namespace, int, Path], dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 done, 2 bad usage."""
    asked = parser().parse_args(arguments)
    try:
        if asked.step is not None:
            found = run_step(asked.step, asked, asked.sizes[0], asked.keep)
        else:
            found = run(asked)
            asked.out.mkdir(parents=True, exist_ok=True)
            (asked.out / "metrics.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            (asked.out / "bench.md").write_text(as_markdown(found), "utf-8")
            say(f"wrote {asked.out / 'metrics.json'} and {asked.out / 'bench.md'}")
    except ShopError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(found))
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the flags."""
    made = argparse.ArgumentParser(prog="python -m eval.run_bench", description=__doc__)
    add = made.add_argument
    add("--sizes", type=_sizes, default=(10_000, 100_000), help="products, several by commas")
    add("--out", type=Path, default=Path("eval/out/bench"), help="default %(default)s")
    add("--queries", type=int, default=100, help="of each kind (default %(default)s)")
    add("--texts", type=int, default=2_000, help="for the encoder's throughput; 0 leaves it out")
    add("--encoder", default="packaged", help="packaged, a directory, or a hub id")
    add(
        "--graph",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="--no-graph leaves out Chroma's, which no slate reads: an hour or two at a million",
    )
    add(
        "--learn",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="learn the weights from the shop's past, as a build does",
    )
    add("--keep", type=Path, help="folder that keeps the stores; a store that is there is used")
    add("--seed", type=int, default=0)
    add("--step", choices=STEPS, help=argparse.SUPPRESS)
    return made


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 100:
        raise argparse.ArgumentTypeError(f"must be whole numbers of at least 100, got {text!r}")
    return sizes


def config_of(encoder: str, *, learns: bool = True) -> StoreConfig:
    """Return the settings that the made-up shops are built with."""
    learning = LearningConfig(enabled=learns)
    return StoreConfig(encoder=EncoderConfig(model=encoder), learning=learning)


def run_step(step: str, asked: argparse.Namespace, size: int, keep: Path) -> dict[str, Any]:
    """Do one step in this process, for one size."""
    config = config_of(asked.encoder, learns=asked.learn)
    if step == "embed":
        return dict(throughput(config, n=asked.texts))
    path = keep / f"made-{size}"
    if step == "build":
        return build_made(path, size, config, seed=asked.seed, with_graph=asked.graph)
    return ask_made(path, n=asked.queries, seed=asked.seed)


def run(asked: argparse.Namespace, do: Step | None = None) -> dict[str, Any]:
    """Build and ask every size, each step in a process of its own (or as `do` does it)."""
    do = do or in_child
    found: dict[str, Any] = {"sizes": {}, "seed": asked.seed, "queries": asked.queries}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        keep = asked.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        for size in asked.sizes:
            own: dict[str, Any] = {}
            if not (keep / f"made-{size}").exists():
                say(f"building {size:,} products")
                own["build"] = do("build", asked, size, keep)
            say(f"asking {size:,} products")
            own["ask"] = do("ask", asked, size, keep)
            found["sizes"][str(size)] = own
        if asked.texts:
            say("embedding")
            found["embed"] = do("embed", asked, asked.sizes[0], keep)
    return found


def in_child(step: str, asked: argparse.Namespace, size: int, keep: Path) -> dict[str, Any]:
    """Do one step in a new process, so that its peak memory is its own."""
    flags = {
        "--step": step, "--sizes": size, "--keep": keep, "--queries": asked.queries,
        "--texts": asked.texts, "--encoder": asked.encoder, "--seed": asked.seed,
    }  # fmt: skip
    words = [str(word) for pair in flags.items() for word in pair]
    words += [
        "--graph" if asked.graph else "--no-graph",
        "--learn" if asked.learn else "--no-learn",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "eval.run_bench", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ShopError(f"the step `{step}` of {size} products ended with {done.returncode}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


# The report ---------------------------------------------------------------------------------------


def as_markdown(found: Mapping[str, Any]) -> str:
    """Return the tables: answers, filters, growth, builds, embedding."""
    blocks = []
    for size, own in found["sizes"].items():
        for way, kinds in own["ask"]["kinds"].items():
            blocks.append(_answers(f"{int(size):,} products, {way}", kinds))
    blocks.append(_growth(found["sizes"]))
    if "embed" in found:
        e = found["embed"]
        blocks.append(
            f"Embedding {e['texts']:,} short texts: {e['ours, texts a CPU second']} a CPU second, "
            f"the model alone {e['raw, texts a CPU second']}; ratio {e['ratio']} "
            f"(at least {THROUGHPUT_BAR}).\n"
        )
    return "\n".join(blocks)


def _answers(title: str, kinds: Mapping[str, Any]) -> str:
    lines = [
        f"### {title}\n",
        "| query | p50 ms | p95 ms | parts p95 ms | ratio p50 | ratio p95 | strict p95 | cpu p95 | "
        "filtered / not, p95 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    plain = {name: base for base, names in FILTERED.items() for name in names}
    for kind, row in kinds.items():
        base = kinds.get(plain.get(kind, ""))
        share = f"{row['p95 ms'] / base['p95 ms']:.2f}" if base else ""
        lines.append(
            f"| {kind} | {row['p50 ms']:.1f} | {row['p95 ms']:.1f} | {row['parts p95 ms']:.1f} | "
            f"{row['ratio p50']:.2f} | {row['ratio p95']:.2f} | {row['strict p95']:.2f} | "
            f"{row['cpu p95']:.2f} | {share} |"
        )
    lines.append(f"\nBars: ratio p95 at most {BAR}, filtered at most {FILTER_BAR} times.\n")
    return "\n".join(lines)


def _growth(sizes: Mapping[str, Any]) -> str:
    lines = [
        "### Growth\n",
        "| products | search p50 ms | basket p50 ms | resident MiB | own MiB | build s | "
        "build peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, own in sizes.items():
        kinds, held = own["ask"]["kinds"]["configured"], own["ask"]["memory"]["asked"]
        build = own.get("build")
        took = f"{build['build seconds']:.0f}" if build else ""
        peak = f"{max(build['peak MiB'].values()):.0f}" if build else ""
        lines.append(
            f"| {int(size):,} | {kinds['search']['p50 ms']:.1f} | {kinds['basket']['p50 ms']:.1f} "
            f"| {held['resident MiB']:.0f} | {held['own MiB']:.0f} | {took} | {peak} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
