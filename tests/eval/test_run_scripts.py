"""Every run script, in its quick version, on tiny data and a tiny store."""

import json
import re

import pytest

from eval import (
    run_answers,
    run_interests,
    run_latency,
    run_offers,
    run_recommend,
    run_retrieval,
)
from eval.cli import options, parser
from eval.runs import read_qrels, read_run
from retrieval.errors import ConfigError, DataError

pytestmark = pytest.mark.slow


@pytest.fixture
def flags(data_dir, tiny_store, tiny_encoder_dir, tmp_path):
    """Return a function from a script's name and more flags to its options."""

    def made(name, *more):
        words = [
            "--data", str(data_dir), "--store", str(tiny_store), "--out", str(tmp_path / name),
            "--encoder", str(tiny_encoder_dir), "--device", "cpu", "--cache", str(tmp_path / "c"),
            "--quick", *more,
        ]  # fmt: skip
        return options(name, parser(name, "").parse_args(words))

    return made


def read(opts):
    """Return the metrics of a finished run, having checked its files."""
    found = json.loads((opts.out / "metrics.json").read_text())
    report = (opts.out / "report.html").read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)""", report)
    return {task["task"]: task for task in found["tasks"]}


def values(task, measure):
    return {s["system"]: s["measures"][measure]["value"] for s in task["systems"]}


def test_retrieval(flags):
    opts = flags("retrieval")
    assert run_retrieval.run(opts) == 0
    tasks = read(opts)
    found = values(tasks["icecat"], "nDCG@10")
    assert found["BM25"] > 0.7 > found["random"]  # the queries are words of the titles
    assert found["ours: lexical"] > 0.7
    assert set(tasks) == {"icecat", "epqa"}
    run = read_run(opts.out / "icecat" / "ours-fused.run.gz")
    assert set(run) <= set(read_qrels(opts.out / "icecat" / "qrels.txt"))


def test_recommend(flags):
    opts = flags("recommend")
    assert run_recommend.run(opts) == 0
    tasks = read(opts)
    assert set(tasks) == {"office", "beauty", "household", "household-cross"}
    # After product i mostly comes i + 1: whoever looks at the order finds it.
    for name in ("office", "beauty"):
        found = values(tasks[name], "HR@10")
        assert found["ours: store"] > found["popularity"]
        assert found["sequential rules"] > 0.5


def test_interests(flags):
    opts = flags("interests")
    assert run_interests.run(opts) == 0
    (task,) = read(opts).values()
    assert {"no decay", "90 days"} <= set(values(task, "HR@10"))


def test_offers(flags, tmp_path):
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "complements.jsonl").write_text(
        '{"product_id": "tent-duo", "complement_id": "mat-foam"}\n'
        '{"product_id": "stove-spark", "complement_id": "gas-screw"}\n'
    )
    (truth / "substitutes.jsonl").write_text(
        '{"product_id": "mat-foam", "substitute_id": "mat-air"}\n'
    )
    (truth / "leaf_complements.json").write_text('{"Tents": {"Mats": 0.5}}')
    opts = flags("offers", "--truth", str(truth))
    assert run_offers.run(opts) == 0
    tasks = read(opts)
    assert values(tasks["complements"], "R@10")["ours: cross-sell"] == 1.0
    assert values(tasks["upsell"], "not dearer@10")["ours: upsell"] == 0.0
    assert values(tasks["bundles"], "optimal")["ours: bundle"] == 1.0
    together = values(tasks["bought-together"], "R@10")
    assert together["item-kNN"] > together["popularity"] > together["same category"]


def test_answers(flags):
    opts = flags("answers", "--llm", "none")
    assert run_answers.run(opts) == 0
    (task,) = read(opts).values()
    assert values(task, "supported") == {"template": 1.0}
    assert (opts.out / "replies-template.jsonl").is_file()


def test_latency(flags):
    opts = flags("latency")
    assert run_latency.run(opts) == 0
    (task,) = read(opts).values()
    assert "search: whole slate, p95 ms" in task["facts"]


def test_one_task_can_be_run_alone(flags):
    opts = flags("retrieval", "--only", "epqa")
    run_retrieval.run(opts)
    assert list(read(opts)) == ["epqa"]


def test_an_unknown_gate_is_refused(flags):
    with pytest.raises(ConfigError, match="names no gate"):
        run_answers.run(flags("answers", "--llm", "none", "--gate", "nonsense"))


def test_absent_data_are_named(flags, tmp_path):
    opts = flags("retrieval", "--data", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="--data DIR"):
        run_retrieval.run(opts)
