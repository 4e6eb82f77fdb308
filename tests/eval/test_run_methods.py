"""Methods one at a time, on tiny data: no store is needed."""

import json

import pytest

from eval import run_methods
from eval.cli import options, parser

pytestmark = pytest.mark.slow


def test_each_method_is_tuned_and_asked_alone(data_dir, tmp_path):
    words = ["--data", str(data_dir), "--out", str(tmp_path), "--quick", "--only", "office"]
    opts = options("methods", parser("methods", "").parse_args(words))
    assert run_methods.run(opts, ["ease", "sequence"], 20, 20) == 0
    (task,) = json.loads((tmp_path / "metrics.json").read_text())["tasks"]
    found = {s["system"]: s["measures"]["HR@10"]["value"] for s in task["systems"]}
    assert set(found) == {"item_cf", "ease", "sequence"}
    assert found["sequence"] > 0.5  # after product i mostly comes i + 1
