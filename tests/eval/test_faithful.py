"""Removal tests on the tiny store; its README has the baskets."""

import json
import sys

import numpy as np
import pytest

from eval.cited import RawEvidence
from eval.faithful import Case, changes_task, questions, removal_task
from eval.removal import Removal, Scale, rank_of, without
from retrieval.behaviour.base import PURCHASE
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store

CROSS = Query(query_id="q", anchors=("tent-duo",), offer_kind="cross_sell")


@pytest.fixture(scope="module")
def store(tiny_store):
    opened = Store.open(tiny_store, device="cpu")
    yield opened
    opened.close()


@pytest.fixture
def raw(store):
    return RawEvidence(store, np.random.default_rng(0))


def events(store, removal):
    log, names = store.behaviour.interactions, store.catalogue.product_ids
    return [(names[log.product[i]], int(log.type[i]), int(log.basket[i])) for i in removal.events]


def test_a_pair_is_the_anchors_lines_in_shared_baskets_the_control_those_in_others(store, raw):
    fact = Recommender(store).records.resolve("bought_together:tent-duo:mat-foam")
    both = raw.removed("mat-foam", [fact], None)
    cited, control = events(store, both.cited), events(store, both.control)
    # 9 baskets hold the tent, 6 of them the mat: 6 lines to take out, only 3 beside them
    assert [(p, t) for p, t, _ in cited] == [("tent-duo", PURCHASE)] * 6
    assert [(p, t) for p, t, _ in control] == [("tent-duo", PURCHASE)] * 3
    assert not {b for *_, b in cited} & {b for *_, b in control}


def test_what_is_cited_is_gone_and_the_control_leaves_it(store, raw):
    records = Recommender(store).records
    for wanted in ("bought_together:tent-duo:mat-foam", "viewed_together:tent-duo:mat-foam",
                   "popularity:mat-foam", "own_history:ida:mat-foam"):  # fmt: skip
        fact = records.resolve(wanted)
        both = raw.removed("mat-foam", [fact], "ida")
        names = set(store.behaviour.scorers)
        left = Recommender(without(store, both.cited, names)).records.resolve(wanted)
        assert left is None or left.data["type"] != fact.data["type"]
        kept = Recommender(without(store, both.control, names)).records.resolve(wanted)
        assert kept is not None
        count = "n_shoppers" if fact.kind == "popularity" else "count"
        assert kept.data[count] == fact.data[count]


def test_matched_words_are_taken_out_of_every_field_and_as_many_others_instead(store, raw):
    row = store.catalogue.row("tent-duo")
    words = store.lexical.matched_words("fjellro tent", row)
    fact = Recommender(store).records.match(store.catalogue["tent-duo"], words)
    both = raw.removed("tent-duo", [fact], None)
    sources = {"lexical": 1.0}
    cited, control = (without(store, r, sources) for r in (both.cited, both.control))
    assert cited.lexical.matched_words("fjellro tent", row) == []
    assert control.lexical.matched_words("fjellro tent", row) == words
    product = store.catalogue["tent-duo"]
    assert control.catalogue["tent-duo"] != product
    untouched = store.catalogue.row("mat-foam")
    assert cited.catalogue.products[untouched] == store.catalogue.products[untouched]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [("comparison:tent-quartet:tent-duo:sleeps", "attributes"),
     ("comparison:tent-quartet:tent-duo:rating", "rating"),
     ("difference:tent-quartet:tent-duo", "price"), ("category:tent-quartet", "category")],
)  # fmt: skip
def test_a_stated_value_is_taken_out_of_its_column(store, raw, wanted, field):
    fact = Recommender(store).records.resolve(wanted)
    both = raw.removed("tent-quartet", [fact], None)
    cut = without(store, both.cited, {}).catalogue["tent-quartet"]
    own = store.catalogue["tent-quartet"]
    assert getattr(cut, field) != getattr(own, field)
    assert Recommender(without(store, both.cited, {})).records.resolve(wanted) is None
    assert without(store, both.control, {}).catalogue["tent-quartet"] != own


def test_the_scale_is_that_of_the_first_run(store):
    """What leads a source may go; the others score as before at the first run's scale."""
    scale = Scale(store, CROSS)
    slate = Recommender(store).recommend(CROSS)
    for suggestion in slate.suggestions[:2]:
        row = store.catalogue.row(suggestion.product_id)
        assert scale.score(store, row) == pytest.approx(suggestion.score, abs=1e-6)
        assert rank_of(store, CROSS, row) is not None
    assert scale.score(store, store.catalogue.row("tent-quartet")) == 0.0  # of the anchor's kind


def test_a_removal_of_what_nothing_reads_changes_no_score(store):
    scale, row = Scale(store, CROSS), store.catalogue.row("mat-foam")
    far = Removal(products={"headlamp": {"description": ""}})
    assert scale.score(without(store, far, scale.weights), row) == pytest.approx(
        scale.score(store, row)
    )


def test_lower_means_by_more_than_a_thousandth():
    case = Case(kind="all", task="t", before=2.0, cited=1.9, control=1.9985, ranks=(1, 2, 1))
    assert case.falls(case.cited)
    assert not case.falls(case.control)
    assert case.falls(case.control, 0)


def test_the_questions_are_the_same_for_the_same_seed(store):
    one, two = (list(questions(store, 20, np.random.default_rng(3))) for _ in range(2))
    assert one == two
    assert {kind for kind, _ in one} == {"search", "cross_sell", "similar", "upsell", "basket"}
    assert {query.shopper_id is None for _, query in one} == {True, False}


@pytest.mark.slow
def test_every_stated_change_reproduces_and_cited_records_matter(store, tiny_store):
    again = Store.open(tiny_store, device="cpu")
    found = changes_task(store, again, seed=0, n=40)
    again.close()
    measures = found.systems[0].measures
    assert found.n >= 5
    assert measures["reproduced"].value == 1.0
    removed = removal_task(store, seed=0, n=15)
    cited, control = (system.measures["lower"].value for system in removed.systems)
    assert removed.n > 5
    assert cited > control


@pytest.mark.slow
def test_the_script_writes_its_numbers_and_its_gates(tiny_store, tmp_path, monkeypatch, capsys):
    from eval import run_faithful
    from eval.cli import main

    out = tmp_path / "out"
    monkeypatch.setattr(
        sys, "argv", ["run", "--store", str(tiny_store), "--out", str(out), "--quick",
                      "--device", "cpu", "--only", "changes", "--gate", "changes.reproduced"],
    )  # fmt: skip
    assert main("faithful", "", run_faithful.run) == 0
    metrics = json.loads((out / "metrics.json").read_text("utf-8"))
    assert [task["task"] for task in metrics["tasks"]] == ["changes"]
    assert (out / "report.html").is_file()
    assert json.loads(capsys.readouterr().out)["changes"]["whycart"]["reproduced"] == 1.0
