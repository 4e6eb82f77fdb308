"""Rules held against a truth, and variety measured: small cases worked by hand."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_array

from eval.data.base import Case
from eval.rule_checks import OURS, planted_pairs, powers, rules_task
from eval.run_diversity import entropy, over_all, within
from eval.truth import Truth, load_rates
from retrieval.behaviour.rules import PairRules
from retrieval.data.dataset import Catalogue, Product
from retrieval.errors import DataError

TENT, PEGS, PAD, MUG = range(4)
RATES = {("tent", "pegs"): 0.6, ("tent", "pad"): 0.6, ("mug", "pad"): 0.001}


@pytest.fixture(scope="module")
def shop():
    names = ("tent", "pegs", "pad", "mug")
    return Catalogue([Product(product_id=n, title=n, category=(n.title(),)) for n in names])


@pytest.fixture(scope="module")
def baskets():
    """2,000 baskets: a tent in a quarter brings pegs and a pad with 0.6 each; mugs come alone."""
    rng = np.random.default_rng(8)
    held = np.zeros((2_000, 4), np.float32)
    held[:, TENT] = rng.random(2_000) < 0.25
    for other in (PEGS, PAD):
        brought = (held[:, TENT] > 0) & (rng.random(2_000) < 0.6)
        held[:, other] = brought | (rng.random(2_000) < 0.05)
    held[:, MUG] = rng.random(2_000) < 0.1
    return csr_array(held)


def test_ours_finds_what_was_planted_and_nothing_that_a_third_explains(shop, baskets):
    truth = Truth(
        complements={"tent": {"pegs", "pad"}, "mug": {"pad"}}, substitutes={}, leaf_bonds=set()
    )
    task = rules_task(baskets, shop, truth, RATES, least=8, data_hash="x")
    found = {system.name: system for system in task.systems}
    ours = found[OURS].values
    assert ours["recovered"].tolist() == [1, 1]  # mug and pad have no chance to be found
    assert sorted(ours["recovered of all"]) == [0, 1, 1]
    assert ours["false rules"].tolist() == [0, 0]
    plain = found["Fisher, BH over all pairs"].values
    assert sorted(plain["false rules"]) == [0, 0, 1]  # pegs and pad
    assert task.facts["planted pairs with enough data"] == 2


def test_power_grows_with_the_log(shop, baskets):
    planted = planted_pairs(shop, {("mug", "pad"): 0.03})
    rules = PairRules(shop.leaf_code).fit(baskets)
    once, often = (powers(baskets, rules, list(planted.values()), times)[0] for times in (1, 50))
    assert once < 0.3
    assert often > 0.8


def test_rates_are_read_and_their_absence_named(tmp_path):
    row = {"product_id": "a", "complement_id": "b", "attach_rate": 0.2, "lift": 3.0}
    (tmp_path / "complements.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert load_rates(tmp_path) == {("a", "b"): 0.2}
    with pytest.raises(DataError, match=r"eval\.simulate"):
        load_rates(tmp_path / "none")


def test_variety_of_a_list():
    assert entropy(np.array([1, 1, 2, 2])) == 1
    assert entropy(np.array([3, 3])) == 0
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    case = Case(query_id="q", context=(0,), target=2)
    found = within([np.array([0, 1, 2])], [case], np.array([0, 0, 1]), vectors)
    # one like pair and two unlike ones, target in the third place: 1 / log2(4)
    assert found["distance"][0] == pytest.approx(2 / 3)
    assert found["nDCG@10"][0] == pytest.approx(0.5)
    assert found["HR@10"][0] == 1


def test_coverage_counts_products_over_all_lists(shop):
    found = over_all([np.array([0, 1]), np.array([1, 2])], shop)
    assert found["coverage"] == 3 / 4
    assert "brands" not in found
    assert "price" not in found
