"""One self-contained `report.html` from what a run found: tables, plots inlined as SVG.

Nothing is loaded from anywhere: no script, no style sheet, no font, no picture.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("report.html")
OURS, OTHER, FLOOR = "#0b5c8a", "#8a8f98", "#b4451f"


def write_report(found: Mapping[str, Any], out: Path) -> Path:
    """Render `found` (the content of `metrics.json`) to `out/report.html` and return the path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "report.html"
    path.write_text(render(found), "utf-8")
    return path


def render(found: Mapping[str, Any]) -> str:
    """Return the page; all text that comes from data is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["number"] = number
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    plots = {task["task"]: plot(task) for task in found["tasks"]}
    return template.render(found=found, plots=plots)


def number(value: object) -> str:
    """Return a number as read by people: four decimals below ten, else one; else its text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"


def plot(task: Mapping[str, Any]) -> str:
    """Return an SVG: each system's headline value with its interval; the floor as a line."""
    measure = task["headline"]
    rows = [s for s in task["systems"] if measure in s["measures"]]
    if not rows:
        return ""
    floors = [f for f in task["floors"] if f["measure"] == measure]
    return dots(
        [(s["system"], s["measures"][measure], s["system"] == task["ours"]) for s in rows],
        measure,
        [f["floor"] for f in floors],
    )


def dots(
    rows: Sequence[tuple[str, Mapping[str, float], bool]], label: str, floors: Sequence[float]
) -> str:
    """Draw values with intervals, one line a system, the highest on top."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    ordered = sorted(rows, key=lambda row: row[1]["value"])
    figure = Figure(figsize=(7.2, 0.9 + 0.3 * len(ordered)))
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for place, (_, value, is_ours) in enumerate(ordered):
        colour = OURS if is_ours else OTHER
        axes.plot([value["low"], value["high"]], [place, place], color=colour, linewidth=2)
        axes.plot([value["value"]], [place], "o", color=colour, markersize=6)
    for floor in floors:
        axes.axvline(floor, color=FLOOR, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(ordered)), [name for name, _, _ in ordered])
    axes.set_xlabel(f"{label}, 95 % interval" + ("; dashed: floor" if floors else ""))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e3e5e8", linewidth=0.6)
    axes.set_axisbelow(True)
    buffer = io.StringIO()
    settings = {"svg.hashsalt": "whycart", "svg.fonttype": "none", "font.family": "sans-serif"}
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context(settings):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata=nothing)
    return embed(buffer.getvalue(), f"{label} by system")


def embed(svg: str, title: str) -> str:
    """Return the SVG element alone, named for screen readers, without the file's prologue."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    return body.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
