import json
import re

import numpy as np
import pytest

from eval.report import number, render, write_report
from eval.results import (
    Floor,
    System,
    TaskResult,
    failed_gates,
    provenance,
    summarise,
    write_metrics,
)
from retrieval.errors import ConfigError


@pytest.fixture
def found():
    """One task: ours is right on 8 of 10 queries, the baseline on 2 of them."""
    ours = np.array([1.0] * 8 + [0.0] * 2)
    task = TaskResult(
        name="toy",
        question="Is <script>alert(1)</script> shown as text?",
        split="none",
        data_hash="0" * 64,
        systems=[
            System(name="ours", values={"HR@10": ours}, is_baseline=False),
            System(name="popularity", values={"HR@10": np.eye(10)[0] + np.eye(10)[1]}),
            System(name="random", values={"HR@10": np.zeros(10)}),
        ],
        ours="ours",
        headline="HR@10",
        floors=(
            Floor(measure="HR@10", value=0.5, source="a <b>guess</b>"),
            Floor(measure="HR@10", value=0.9, source="too high"),
        )[:1],
        groups={"first": np.array([True] * 5 + [False] * 5)},
    )
    return {
        "name": "toy",
        "title": "Toy",
        "summary": "",
        "quick": False,
        **provenance(0),
        "tasks": [summarise(task, seed=0)],
    }


def test_the_summary_compares_with_the_best_baseline(found):
    (task,) = found["tasks"]
    assert task["n_queries"] == 10
    assert [test["baseline"] for test in task["tests"]] == ["popularity"]
    assert task["tests"][0]["difference"] == pytest.approx(0.6)
    assert task["floors"][0]["met"]
    assert task["groups"] == {"first": 5}
    assert task["systems"][0]["groups"]["first"]["HR@10"]["value"] == 1.0


def test_metrics_say_where_they_come_from(found, tmp_path):
    write_metrics(found, tmp_path)
    stored = json.loads((tmp_path / "metrics.json").read_text())
    assert {"commit", "seed", "packages", "python", "made_at"} <= set(stored)
    assert stored["tasks"][0]["data_hash"] == "0" * 64


def test_the_report_holds_a_plot_and_no_outside_reference(found, tmp_path):
    text = write_report(found, tmp_path).read_text()
    assert "<svg" in text
    assert "popularity" in text
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)""", text)
    assert not re.search(r"url\(\s*['\"]?(?!#)", text)
    assert "<script" not in text
    assert "@import" not in text
    for address in re.findall(r"https?://[^\s\"'<]+", text):
        assert address.startswith("http://www.w3.org/")  # names of the SVG format, never fetched


def test_text_from_data_is_escaped(found):
    text = render(found)
    assert "&lt;script&gt;alert(1)" in text
    assert "<b>guess</b>" not in text


def test_gates_name_what_failed(found):
    assert failed_gates(found, ["toy.HR@10"]) == []
    assert failed_gates(found, ["all"]) == []
    found["tasks"][0]["floors"][0]["met"] = False
    (line,) = failed_gates(found, ["all"])
    assert "toy.HR@10" in line
    with pytest.raises(ConfigError, match=r"there are: all, toy\.HR@10"):
        failed_gates(found, ["nonsense"])


def test_a_gate_that_was_not_asked_for_fails_nothing(found):
    found["tasks"][0]["floors"][0]["met"] = False
    assert failed_gates(found, []) == []


def test_an_upper_floor_is_met_from_below():
    task = TaskResult(
        name="t", question="", split="", data_hash="", ours="ours", headline="violations",
        systems=[System(name="ours", values={"violations": np.zeros(3)}, is_baseline=False)],
        floors=(Floor(measure="violations", value=0.0, source="", is_upper=True),),
    )  # fmt: skip
    assert summarise(task, seed=0)["floors"][0]["met"]


def test_numbers_read_well():
    assert [number(v) for v in (0.5, 1234, 123.4, True, "x")] == [
        "0.5000",
        "1,234",
        "123.4",
        "True",
        "x",
    ]
