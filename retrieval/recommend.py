"""`python -m retrieval.recommend --store STORE [--queries FILE|-] [--out FILE|-]`.

One query a line in, one slate a line out, in the same order. Exit status 2 and one sentence on
stderr for bad usage or bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from retrieval.door import add_files, answer_lines
from retrieval.query import parse_query


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieval.recommend", description="Answer queries from a store."
    )
    add_files(parser)
    parser.add_argument("--for-staff", action="store_true", help="add margins to bundles")
    options = parser.parse_args(arguments)
    return answer_lines(
        options,
        parse_query,
        lambda recommender, query: recommender.recommend(query).as_json(
            for_staff=options.for_staff
        ),
        what=("query", "queries"),
    )


if __name__ == "__main__":
    sys.exit(main())
