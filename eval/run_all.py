"""All evaluations, one after the other, and a page that leads to their reports.

    python -m eval.run_all [--data DIR] [--store STORE] [--quick] [--gate NAME | --gate all]

Each runs in a process of its own. One that cannot run (no data, no store) is named on the page with
its reason and makes the exit status 2; a failed gate makes it 1; the others run all the same.
"""

from __future__ import annotations

import html
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.cli import RunOptions, parser, say
from eval.cli import options as read_options
from eval.results import commit

NAMES = ("retrieval", "recommend", "offers", "answers", "latency")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1c1f23; max-width: 62rem; margin: 2.5rem auto;
padding: 0 1rem }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #dfe2e6;
vertical-align: top }} .no {{ color: #b4451f; font-weight: 600 }} .soft {{ color: #5b626b }}
</style></head><body><h1>Evaluation</h1><p class="soft">commit {commit}</p>{body}</body></html>
"""


def run(options: RunOptions, passed_on: Sequence[str]) -> int:
    """Run every script with the same flags and write `index.html`; return the worst status."""
    names = [name for name in NAMES if options.wants(name)]
    statuses: dict[str, tuple[int, str]] = {}
    for name in names:
        say(f"→ {name}")
        began = time.perf_counter()
        out = options.out / name
        command = [sys.executable, "-m", f"eval.run_{name}", "--out", str(out), *passed_on]
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=None)
        statuses[name] = (done.returncode, f"{time.perf_counter() - began:.0f} s")
        say(f"  {name}: exit status {done.returncode}, {statuses[name][1]}")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "index.html"
    path.write_text(page(options.out, statuses), "utf-8")
    say(f"wrote {path}")
    return max((status for status, _ in statuses.values()), default=0)


def page(out: Path, statuses: dict[str, tuple[int, str]]) -> str:
    """Return the page: each task's headline, its floors, and links to the reports."""
    body = []
    for name, (status, taken) in statuses.items():
        title = html.escape(name)
        path = out / name / "metrics.json"
        if status > 1 or not path.is_file():
            body.append(f'<h2>{title}</h2><p class="no">did not run (status {status})</p>')
            continue
        found = json.loads(path.read_text("utf-8"))
        body.append(f'<h2><a href="{title}/report.html">{html.escape(found["title"])}</a></h2>')
        body.append(f'<p class="soft">{html.escape(taken)}</p><table>')
        body += [_row(task) for task in found["tasks"]]
        body.append("</table>")
    return PAGE.format(commit=html.escape(commit()), body="".join(body))


def _row(task: dict[str, Any]) -> str:
    ours = next(s for s in task["systems"] if s["system"] == task["ours"])
    value = ours["measures"].get(task["headline"], {"value": 0.0, "low": 0.0, "high": 0.0})
    floors = "; ".join(
        f"{f['measure']} {f['value']:.3f} against {f['floor']:.3f}: "
        + ("met" if f["met"] else '<span class="no">not met</span>')
        for f in task["floors"]
    )
    return (
        f"<tr><td>{html.escape(task['task'])}</td><td>{html.escape(task['headline'])} "
        f"{value['value']:.3f} <span class=soft>{value['low']:.3f}–{value['high']:.3f}</span></td>"
        f"<td>{floors}</td></tr>"
    )


def main() -> int:
    """Parse the shared flags and hand all but `--out`, `--only` and named gates on."""
    made = parser("all", __doc__ or "")
    made.set_defaults(out=Path("eval/out"))
    arguments = made.parse_args()
    options = read_options("all", arguments)
    passed_on = ["--store", str(options.store), "--seed", str(options.seed)]
    passed_on += [
        "--encoder",
        options.encoder,
        "--device",
        options.device,
        "--cache",
        str(options.cache),
    ]
    for name, value in (("--data", options.data_flag), ("--truth", options.truth)):
        passed_on += [name, str(value)] if value else []
    for llm in options.llm:
        passed_on += ["--llm", llm]
    passed_on += ["--quick"] if options.quick else []
    passed_on += ["--gate", "all"] if options.gates else []
    return run(options, passed_on)


if __name__ == "__main__":
    sys.exit(main())
