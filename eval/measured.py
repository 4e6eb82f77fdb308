"""A task whose measures are not means over queries: values with intervals, made by the task itself.

The same shape in `metrics.json` as a `TaskResult` has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class HasInterval(Protocol):
    """A value with its 95 % interval."""

    @property
    def value(self) -> float:
        """The value."""
        ...

    @property
    def low(self) -> float:
        """The lower end."""
        ...

    @property
    def high(self) -> float:
        """The upper end."""
        ...


@dataclass(frozen=True, kw_only=True)
class MeasuredSystem:
    """One system's measures."""

    name: str
    measures: Mapping[str, HasInterval]
    is_baseline: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MeasuredTask:
    """All systems on one task."""

    name: str
    question: str
    split: str
    data_hash: str
    systems: Sequence[MeasuredSystem]
    ours: str
    headline: str
    n: int
    """How many shoppers, cases or weeks the measures rest on."""
    floors: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the task as `metrics.json` holds it."""
        return {
            "task": self.name,
            "question": self.question,
            "split": self.split,
            "data_hash": self.data_hash,
            "k": 0,
            "n_queries": self.n,
            "groups": {},
            "ours": self.ours,
            "headline": self.headline,
            "systems": [
                {
                    "system": system.name,
                    "is_baseline": system.is_baseline,
                    "config": dict(system.config),
                    "measures": {
                        name: {
                            "value": round(float(found.value), 5),
                            "low": round(float(found.low), 5),
                            "high": round(float(found.high), 5),
                        }
                        for name, found in system.measures.items()
                    },
                }
                for system in self.systems
            ],
            "tests": [],
            "floors": [dict(floor) for floor in self.floors],
            "facts": dict(self.facts),
            "notes": list(self.notes),
        }


def floor_of(
    task: str, measure: str, value: float, floor: float, source: str, *, is_upper: bool = False
) -> dict[str, Any]:
    """Return one floor as `metrics.json` holds it; `is_upper`: it must not be exceeded."""
    return {
        "gate": f"{task}.{measure}",
        "measure": measure,
        "floor": floor,
        "is_upper": is_upper,
        "source": source,
        "value": round(float(value), 5),
        "met": bool(value <= floor + 1e-9 if is_upper else value >= floor - 1e-9),
    }
