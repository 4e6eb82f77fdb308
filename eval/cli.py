"""What all run scripts share: flags, progress, one-line errors, the exit status.

Exit status: 0 done, 1 a gate that was asked for failed, 2 bad usage or missing data.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from eval.data.base import data_dir
from retrieval.errors import ShopError

T = TypeVar("T")
DEFAULT_STORE = Path("var/stores/outfitter")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The flags of one run."""

    name: str
    data_flag: Path | None
    store: Path
    out: Path
    seed: int
    quick: bool
    gates: tuple[str, ...]
    device: str
    encoder: str
    cache: Path
    only: tuple[str, ...] = ()
    truth: Path | None = None
    llm: tuple[str, ...] = ()
    cases: int | None = None
    turns: int = 0

    @property
    def data(self) -> Path:
        """The data folder. DataError if absent."""
        return data_dir(self.data_flag)

    def wants(self, task: str) -> bool:
        """Whether `--only` names this task, or names nothing."""
        return not self.only or task in self.only


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that all run scripts take."""
    made = argparse.ArgumentParser(prog=f"python -m eval.run_{name}", description=description)
    add = made.add_argument
    add("--data", type=Path, help="folder of the evaluation data (else WHYCART_DATA)")
    add("--store", type=Path, default=DEFAULT_STORE, help="store to evaluate (default %(default)s)")
    add("--out", type=Path, default=Path("eval/out") / name, help="default %(default)s")
    add("--seed", type=int, default=0)
    add("--quick", action="store_true", help="a small version, to see that it runs")
    add("--only", action="append", default=[], metavar="TASK", help="this task only (repeatable)")
    add("--gate", action="append", default=[], metavar="NAME", help="fail unless met; or `all`")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--encoder", default="packaged", help="packaged, a directory, or a hub id")
    add("--truth", type=Path, help="planted truth of the simulated store")
    add("--cases", type=int, metavar="N", help="test cases at most, evenly spread, where many")
    add("--turns", type=int, default=0, metavar="N", help="hostile turns too, up to N in all")
    add("--llm", action="append", default=[], help="composer to evaluate (repeatable)")
    add("--cache", type=Path, default=Path("var/eval-cache"), help="folder for embeddings")
    return made


def options(name: str, arguments: argparse.Namespace) -> RunOptions:
    """Return the parsed flags."""
    return RunOptions(
        name=name,
        data_flag=arguments.data,
        store=arguments.store,
        out=arguments.out,
        seed=arguments.seed,
        quick=arguments.quick,
        gates=tuple(arguments.gate),
        device=arguments.device,
        encoder=arguments.encoder,
        cache=arguments.cache,
        only=tuple(arguments.only),
        truth=arguments.truth,
        llm=tuple(arguments.llm),
        cases=arguments.cases,
        turns=arguments.turns,
    )


def main(name: str, description: str, run: Callable[[RunOptions], int]) -> int:
    """Parse the command line, run, and return the exit status; a `ShopError` is one line."""
    arguments = parser(name, description).parse_args()
    try:
        return run(options(name, arguments))
    except ShopError as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - the door's one line
        return 2


def say(text: str) -> None:
    """Tell the person at the terminal, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress goes to stderr


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items with a bar and remaining time on stderr once two seconds have passed."""
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, delay=2, file=sys.stderr, leave=False)
