"""The last step of every run script: metrics, report, gates, one line on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from eval.cli import RunOptions, say
from eval.measured import MeasuredTask
from eval.report import write_report
from eval.results import TaskResult, failed_gates, provenance, summarise, write_metrics


def finish(
    options: RunOptions,
    tasks: Sequence[TaskResult | MeasuredTask],
    *,
    title: str,
    summary: str,
    seconds: dict[str, float] | None = None,
) -> int:
    """Write all output files and return the exit status: 1 if an asked gate failed, else 0."""
    found: dict[str, Any] = {
        "name": options.name,
        "title": title,
        "summary": summary,
        "quick": options.quick,
        **provenance(options.seed, seconds=seconds or {}),
        "tasks": [
            task.as_json() if isinstance(task, MeasuredTask) else summarise(task, seed=options.seed)
            for task in tasks
        ],
    }
    failed = failed_gates(found, options.gates)
    write_metrics(found, options.out)
    path = write_report(found, options.out)
    say(f"wrote {options.out / 'metrics.json'} and {path}")
    for line in failed:
        say(line)
    brief = {
        task["task"]: {
            system["system"]: {m: v["value"] for m, v in system["measures"].items()}
            for system in task["systems"]
        }
        for task in found["tasks"]
    }
    json.dump(brief, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
    return 1 if failed else 0
