"""`python -m eval.simulate --out DIR [--seed N] [--scale S]`: write the sample store outfitter."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from eval.simulate.simulation import simulate, write_store

_OURS = ("images", "truth")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.simulate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same bytes (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full store, 0 to 1")
    options = parser.parse_args(arguments)
    try:
        made = simulate(seed=options.seed, scale=options.scale, show_progress=True)
        for name in _OURS:  # an older run may have made more products
            shutil.rmtree(options.out / name, ignore_errors=True)
        counts = write_store(made, options.out)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(counts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
