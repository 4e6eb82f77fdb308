"""BM25 over fields, worked out by hand."""

import json
import math

import numpy as np
import pytest

from retrieval.errors import StoreError
from retrieval.text.bm25 import Impacts, weigh

# Three rows of two fields: title, description. Mean lengths: title 4/3, description 2.
ROWS = [
    [["tent"], ["dry", "tent"]],
    [["camp", "chair"], ["light", "chair", "camp", "tent"]],
    [["mug"], []],
]


@pytest.fixture
def impacts():
    return weigh(ROWS, [3.0, 1.0], k1=1.2, b=0.75)


def test_scores_are_the_formula_worked_out(impacts):
    # tent: in rows 0 and 1 of 3 -> log(1 + 1.5 / 2.5). Row 0: title 3 / (.25 + .75 · 1 / (4/3))
    # plus description 1 / (.25 + .75 · 2 / 2); row 1: description 1 / (.25 + .75 · 4 / 2).
    rarity = math.log(1 + 1.5 / 2.5)
    first = 3 / (0.25 + 0.75 * 1 / (4 / 3)) + 1 / (0.25 + 0.75)
    second = 1 / (0.25 + 0.75 * 2)
    expected = [rarity * first / (first + 1.2), rarity * second / (second + 1.2), 0]
    assert impacts.scores(["tent"]) == pytest.approx(expected, rel=1e-6)


def test_terms_add_up_and_unknown_ones_add_nothing(impacts):
    both = impacts.scores(["tent", "chair", "sofa"])
    assert both == pytest.approx(impacts.scores(["tent"]) + impacts.scores(["chair"]))


def test_fields_say_where_a_term_stands(impacts):
    assert [impacts.bits("tent", row) for row in range(3)] == [0b11, 0b10, 0]
    assert impacts.bits("sofa", 0) == 0
    assert (impacts.count("tent"), impacts.count("sofa")) == (2, 0)


def test_nothing_is_lost_on_disk(impacts, tmp_path):
    impacts.save(tmp_path / "index")
    again = Impacts.load(tmp_path / "index")
    assert np.array_equal(again.scores(["tent", "mug"]), impacts.scores(["tent", "mug"]))


@pytest.mark.parametrize("rows", [[], [[[], []]]])
def test_no_words_give_no_scores(rows, tmp_path):
    weigh(rows, [3.0, 1.0]).save(tmp_path / "index")
    assert Impacts.load(tmp_path / "index").scores(["tent"]).tolist() == [0.0] * len(rows)


def test_arrays_that_do_not_fit_are_refused(impacts, tmp_path):
    impacts.save(tmp_path / "index")
    held = json.loads((tmp_path / "index" / "terms.json").read_text())
    held["terms"].pop()
    (tmp_path / "index" / "terms.json").write_text(json.dumps(held))
    with pytest.raises(StoreError, match="do not fit each other"):
        Impacts.load(tmp_path / "index")
