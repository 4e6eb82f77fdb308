"""`python -m retrieval.recommend --store STORE [--queries FILE|-] [--out FILE|-]`.

One query a line in, one slate a line out, in the same order. Exit status 2 and one sentence on
stderr for bad usage or bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from retrieval.errors import QueryError, ShopError
from retrieval.pipeline import Recommender
from retrieval.query import Query, parse_query
from retrieval.store import Store
from retrieval.text.quiet import go_offline


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.recommend", description="Answer queries from a store."
    )
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument("--queries", default="-", help="JSON Lines file, or - for standard input")
    parser.add_argument("--out", default="-", help="JSON Lines file, or - for standard output")
    parser.add_argument("--for-staff", action="store_true", help="add margins to bundles")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    go_offline()
    try:
        with ExitStack() as stack:
            recommender = Recommender(Store.open(options.store, device=options.device))
            stack.callback(recommender.store.close)
            lines = _lines(stack, options.queries)
            out = (
                sys.stdout
                if options.out == "-"
                else stack.enter_context(Path(options.out).open("w", encoding="utf-8"))
            )
            for query in tqdm(_queries(lines, options.queries), unit=" queries", delay=2):
                slate = recommender.recommend(query).as_json(for_staff=options.for_staff)
                out.write(json.dumps(slate, ensure_ascii=False) + "\n")
                out.flush()
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename or options.queries}: {error.strerror or error}\n")
        return 2
    return 0


def _lines(stack: ExitStack, name: str) -> Iterator[bytes]:
    if name == "-":
        return iter(sys.stdin.buffer)
    path = Path(name)
    if not path.is_file():
        raise QueryError(f"{name}: no such file; give a JSON Lines file of queries, or -")
    return iter(stack.enter_context(path.open("rb")))


def _queries(lines: Iterator[bytes], name: str) -> Iterator[Query]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"{where}: is not JSON ({error}); write one query a line") from error
        yield parse_query(data, where=where)


if __name__ == "__main__":
    sys.exit(main())
