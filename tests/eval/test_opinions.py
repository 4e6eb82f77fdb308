"""The hand labels and what is measured on them."""

import json

import pytest

from eval.data.opinions import LABELS, Labelled
from eval.run_opinions import measures
from retrieval.aspects import aspect_reader

ROWS = [json.loads(line) for line in LABELS.read_text("utf-8").splitlines()]


def test_labels_name_known_aspects_and_no_sentence_is_in_both_splits():
    known = set(aspect_reader().labels)
    assert all(set(row["aspects"]) <= known for row in ROWS)
    assert {p for row in ROWS for p in row["aspects"].values()} <= {"praise", "complaint", "mixed"}
    split = {s: {(r["data"], r["row"], r["sentence"]) for r in ROWS if r["split"] == s}
             for s in ("development", "held_out")}  # fmt: skip
    assert len(split["held_out"]) > 200
    assert not split["held_out"] & split["development"]
    assert all("text" not in row for row in ROWS)


def test_precision_is_of_what_is_let_through_and_coverage_of_what_is_there():
    labelled = [
        Labelled(text="a", rating=None, aspects={"fit": "praise"}, is_random=True, group="g"),
        Labelled(text="b", rating=None, aspects={"fit": "complaint"}, is_random=True, group="g"),
        Labelled(text="c", rating=None, aspects={}, is_random=False, group="g"),
    ]
    said = {"a": {"fit": "praise"}, "b": {}, "c": {"looks": "praise"}}
    found = measures(labelled, lambda sentence: said[sentence.text])
    assert found["precision"].value == pytest.approx(1 / 2)  # a is right, c is not
    assert found["coverage"].value == pytest.approx(1 / 2)  # a of a and b
    assert found["precision"].low < 1 / 2 < found["precision"].high
