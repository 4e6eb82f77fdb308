"""The planted truth of the simulated sample store: read here, never by the product."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from retrieval.data.dataset import Catalogue
from retrieval.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What was planted about products."""

    complements: dict[str, set[str]]
    """Product to those planted to be bought beside it."""
    substitutes: dict[str, set[str]]
    leaf_bonds: set[frozenset[str]]
    """Pairs of leaves with a planted bond."""

    def is_bond(self, catalogue: Catalogue, this: str, that: str) -> bool:
        """Whether something was planted between two products, in either direction."""
        if that in self.complements.get(this, ()) or this in self.complements.get(that, ()):
            return True
        return frozenset((catalogue[this].leaf, catalogue[that].leaf)) in self.leaf_bonds


def load_truth(folder: Path) -> Truth:
    """Read the truth folder that `python -m eval.simulate` wrote.

    Raises:
        DataError: If it is not there.
    """
    try:
        complements = _pairs(folder / "complements.jsonl", "complement_id")
        substitutes = _pairs(folder / "substitutes.jsonl", "substitute_id")
        leaves = json.loads((folder / "leaf_complements.json").read_text("utf-8"))
    except OSError as error:
        raise DataError(
            f"{folder}: the planted truth cannot be read ({error.strerror}); make the sample store "
            "with `python -m eval.simulate`, or name the folder with `--truth DIR`"
        ) from error
    return Truth(
        complements=complements,
        substitutes=substitutes,
        leaf_bonds={frozenset((a, b)) for a, others in leaves.items() for b in others},
    )


def load_rates(folder: Path) -> dict[tuple[str, str], float]:
    """Return (product, complement) to the chance that a basket begun with the one gets the other.

    Raises:
        DataError: If it is not there.
    """
    path = folder / "complements.jsonl"
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); make it with `python -m eval.simulate`"
        ) from error
    rows = (json.loads(line) for line in text.split("\n") if line)
    return {(r["product_id"], r["complement_id"]): float(r["attach_rate"]) for r in rows}


def _pairs(path: Path, name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for line in path.read_text("utf-8").split("\n"):
        if line:
            row = json.loads(line)
            found[row["product_id"]].add(row[name])
    return dict(found)
