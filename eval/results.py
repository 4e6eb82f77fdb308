"""What a run found: values by query in; intervals, tests, floors and gates out."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.significance import holm, interval, paired_test
from retrieval.errors import ConfigError

Floats = NDArray[np.float64]
PACKAGES = (
    "numpy", "scipy", "polars", "ir-measures", "bm25s", "torch", "transformers",
    "sentence-transformers", "chromadb", "scikit-learn",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A value that ours must reach."""

    measure: str
    value: float
    source: str
    """Where the value comes from."""
    is_upper: bool = False
    """True: ours must not exceed it (violations, false claims)."""


@dataclass(frozen=True, kw_only=True)
class System:
    """One system's values: measure → one number a query, in the task's order of queries."""

    name: str
    values: Mapping[str, Floats]
    config: Mapping[str, Any] = field(default_factory=dict)
    is_baseline: bool = True


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """All systems on one task."""

    name: str
    question: str
    """What is asked of a system, in words."""
    split: str
    data_hash: str
    systems: Sequence[System]
    ours: str
    """Name of the system that floors and tests speak of."""
    headline: str
    """The measure that decides the best baseline and is plotted."""
    k: int = 10
    floors: Sequence[Floor] = ()
    groups: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Slices of the queries to report besides all."""
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further numbers without a query behind them (shares judged, sizes)."""


def summarise(task: TaskResult, *, seed: int) -> dict[str, Any]:
    """Return the task as `metrics.json` holds it: intervals, paired tests, floors."""
    systems = {system.name: system for system in task.systems}
    ours = systems[task.ours]
    baselines = [s for s in task.systems if s.is_baseline and task.headline in s.values]
    best = max(baselines, key=lambda s: float(s.values[task.headline].mean()), default=None)
    rows = []
    for system in task.systems:
        measures = {m: _interval(v, seed) for m, v in system.values.items()}
        by_group = {
            group: {m: _interval(v[mask], seed) for m, v in system.values.items()}
            for group, mask in task.groups.items()
            if mask.any()
        }
        rows.append(
            {
                "system": system.name,
                "is_baseline": system.is_baseline,
                "config": dict(system.config),
                "measures": measures,
                **({"groups": by_group} if by_group else {}),
            }
        )
    return {
        "task": task.name,
        "question": task.question,
        "split": task.split,
        "data_hash": task.data_hash,
        "k": task.k,
        "n_queries": len(next(iter(ours.values.values()), ())),
        "groups": {group: int(mask.sum()) for group, mask in task.groups.items()},
        "ours": task.ours,
        "headline": task.headline,
        "systems": rows,
        "tests": _tests(ours, best, seed) if best else [],
        "floors": [_floor(task, floor, ours) for floor in task.floors],
        "facts": dict(task.facts),
        "notes": list(task.notes),
    }


def _interval(values: Floats, seed: int) -> dict[str, float]:
    found = interval(values, seed=seed)
    return {
        "value": round(found.value, 5),
        "low": round(found.low, 5),
        "high": round(found.high, 5),
    }


def _tests(ours: System, best: System, seed: int) -> list[dict[str, Any]]:
    shared = [measure for measure in ours.values if measure in best.values]
    found = [paired_test(ours.values[m], best.values[m], seed=seed) for m in shared]
    adjusted = holm([test.p for test in found])
    return [
        {
            "measure": measure,
            "ours": ours.name,
            "baseline": best.name,
            "difference": round(test.difference, 5),
            "low": round(test.low, 5),
            "high": round(test.high, 5),
            "p": round(test.p, 5),
            "p_holm": round(p, 5),
            "n": test.n,
        }
        for measure, test, p in zip(shared, found, adjusted, strict=True)
    ]


def _floor(task: TaskResult, floor: Floor, ours: System) -> dict[str, Any]:
    value = float(ours.values[floor.measure].mean()) if len(ours.values[floor.measure]) else 0.0
    met = value <= floor.value + 1e-9 if floor.is_upper else value >= floor.value - 1e-9
    return {
        "gate": f"{task.name}.{floor.measure}",
        "measure": floor.measure,
        "floor": floor.value,
        "is_upper": floor.is_upper,
        "source": floor.source,
        "value": round(value, 5),
        "met": met,
    }


def provenance(seed: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - flags of any type
    """Return what a number needs to be worth keeping: commit, versions, machine, seed."""
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "seed": seed,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        **more,
    }


def commit() -> str:
    """Return the commit, with `+changes` where the tree differs from it; `unknown` without git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+changes" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def write_metrics(found: Mapping[str, Any], out: Path) -> None:
    """Write `metrics.json`."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=2, ensure_ascii=False, default=_plain)
    (out / "metrics.json").write_text(text + "\n", "utf-8")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return str(value)


def failed_gates(found: Mapping[str, Any], asked: Sequence[str]) -> list[str]:
    """Return one line for each asked gate that is not met.

    Raises:
        ConfigError: If a name is none of the run's gates, listing them.
    """
    if not asked:
        return []
    gates = {f["gate"]: f for task in found["tasks"] for f in task["floors"]}
    unknown = [name for name in asked if name != "all" and name not in gates]
    if unknown:
        raise ConfigError(
            f"`--gate {unknown[0]}` names no gate of this run; there are: all, "
            + ", ".join(sorted(gates))
        )
    names = sorted(gates) if "all" in asked else list(asked)
    return [
        f"gate {name} not met: {gates[name]['value']} against {gates[name]['floor']}"
        for name in names
        if not gates[name]["met"]
    ]
