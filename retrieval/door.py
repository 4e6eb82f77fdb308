"""What the doors of JSON Lines share: a store opened once, questions in, answers out.

One question a line in, one answer a line out, in the same order. Exit status 2 and one sentence on
stderr for bad usage or bad input; what was answered before it is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

from retrieval.errors import QueryError, ShopError
from retrieval.pipeline import Recommender
from retrieval.store import Store
from retrieval.text.quiet import go_offline

Asked = TypeVar("Asked", covariant=True)


class Parse(Protocol[Asked]):
    """Checks one line's data; `where` names the file and line in errors."""

    def __call__(self, data: object, *, where: str) -> Asked: ...  # noqa: D102


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the store, the files and the device."""
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument("--queries", default="-", help="JSON Lines file, or - for standard input")
    parser.add_argument("--out", default="-", help="JSON Lines file, or - for standard output")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def answer_lines(
    options: argparse.Namespace,
    parse: Parse[Asked],
    answer: Callable[[Recommender, Asked], dict[str, Any]],
    *,
    what: tuple[str, str],
) -> int:
    """Answer every line of `options.queries` and return the exit status.

    Args:
        options: The flags of `add_files`.
        parse: Checks a line.
        answer: Makes the line's answer.
        what: A line's name, singular and plural, in messages.
    """
    one, many = what
    go_offline()
    try:
        with ExitStack() as stack:
            recommender = Recommender(Store.open(options.store, device=options.device))
            stack.callback(recommender.store.close)
            lines = _lines(stack, options.queries, many)
            out = (
                sys.stdout
                if options.out == "-"
                else stack.enter_context(Path(options.out).open("w", encoding="utf-8"))
            )
            asked = _parsed(lines, options.queries, parse, one)
            for question in tqdm(asked, unit=f" {many}", delay=2):
                out.write(json.dumps(answer(recommender, question), ensure_ascii=False) + "\n")
                out.flush()
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename or options.queries}: {error.strerror or error}\n")
        return 2
    return 0


def _lines(stack: ExitStack, name: str, many: str) -> Iterator[bytes]:
    if name == "-":
        return iter(sys.stdin.buffer)
    path = Path(name)
    if not path.is_file():
        raise QueryError(f"{name}: no such file; give a JSON Lines file of {many}, or -")
    return iter(stack.enter_context(path.open("rb")))


def _parsed(lines: Iterator[bytes], name: str, parse: Parse[Asked], one: str) -> Iterator[Asked]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"{where}: is not JSON ({error}); write one {one} a line") from error
        yield parse(data, where=where)
