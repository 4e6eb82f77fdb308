"""What a build learned from a shop's own past: curves by task, and the numbers behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.additive import Curve

FILE = "models/ranking.json"


def for_known(task: str) -> str:
    """Return what the curves of a task are called for shoppers whose records may be used."""
    return f"{task}, known shopper"


@dataclass(frozen=True, kw_only=True)
class Learned:
    """How sources are weighed where the shop's own past said so."""

    curves: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    """Task to (source to curve), apart `for_known` shoppers; one that is absent keeps the
    configured weights."""
    carried: Mapping[str, float] = field(default_factory=dict)
    """Task to how much of their relatives' behaviour new products inherit, where the past says."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """Per task: questions, the value of each way to rank, and which was taken."""

    def of(self, task: str, *, is_known: bool) -> Mapping[str, Curve] | None:
        """Return the curves of a task; None where the configured weights stay."""
        found = self.curves.get(for_known(task)) if is_known else None
        return found or self.curves.get(task)

    def save(self, snapshot: Path) -> None:
        """Write `models/ranking.json`."""
        curves = {
            task: {source: {"x": curve.x, "y": curve.y} for source, curve in found.items()}
            for task, found in self.curves.items()
        }
        path = snapshot / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(
            {"curves": curves, "carried": dict(self.carried), "report": self.report},
            indent=1,
            sort_keys=True,
        )
        path.write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, snapshot: Path) -> Learned:
        """Read what `save` wrote; nothing learned where there is no such file."""
        path = snapshot / FILE
        if not path.is_file():
            return cls()
        data = json.loads(path.read_text("utf-8"))
        return cls(
            curves={
                task: {s: Curve(x=tuple(c["x"]), y=tuple(c["y"])) for s, c in found.items()}
                for task, found in data["curves"].items()
            },
            carried=data.get("carried", {}),
            report=data["report"],
        )
