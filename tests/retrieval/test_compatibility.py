"""What works with what, read from `fits …` attributes."""

import numpy as np
import pytest

from retrieval.compatibility import CompatibilityIndex, fit_between, values
from retrieval.data.dataset import Catalogue, Product


def product(product_id, **attributes):
    named = {name.replace("_", " "): value for name, value in attributes.items()}
    return Product(product_id=product_id, title=product_id, attributes=named)


STOVE = product("stove", fits_cartridge="EN 417 screw", fits_pan="14 cm; 18 cm")
SCREW = product("screw", cartridge="EN 417 screw")
CLICK = product("click", cartridge="click")
BOTH = product("both", cartridge="click / EN 417  SCREW")
PAN = product("pan", pan="18 CM")
CUP = product("cup", material="steel")
SHOP = (STOVE, SCREW, CLICK, BOTH, PAN, CUP)


@pytest.fixture(scope="module")
def index():
    return CompatibilityIndex(Catalogue(SHOP))


def rows(*products):
    return np.array([SHOP.index(p) for p in products], np.int64)


def test_values_are_separated_folded_and_never_empty():
    assert values("A,  b ;C/ ,") == {"a", "b", "c"}


def test_a_stated_fit_that_agrees_works_from_both_sides():
    for fit in (fit_between(STOVE, SCREW), fit_between(SCREW, STOVE)):
        assert fit is not None
        assert (fit.name, fit.value, fit.holder_id, fit.works) == (
            "cartridge", "EN 417 screw", "stove", True,
        )  # fmt: skip


def test_a_stated_fit_that_differs_does_not_work():
    fit = fit_between(STOVE, CLICK)
    assert fit is not None
    assert not fit.works
    assert fit.wanted == "EN 417 screw"


def test_nothing_stated_says_nothing():
    assert fit_between(STOVE, CUP) is None
    assert fit_between(SCREW, CLICK) is None  # two cartridges state nothing of each other
    assert fit_between(CUP, CUP) is None


def test_one_wrong_thread_is_enough():
    kit = product("kit", cartridge="EN 417 screw", pan="20 cm")
    fit = fit_between(STOVE, kit)
    assert fit is not None
    assert (fit.name, fit.works) == ("pan", False)
    index = CompatibilityIndex(Catalogue([STOVE, kit]))
    assert index.score(np.array([0])).tolist() == [0, -1]


def test_names_and_values_are_compared_without_case():
    holder, other = product("h", **{"Fits Tent Model": "DUO"}), product("o", tent_model="duo")
    fit = fit_between(holder, other)
    assert fit is not None
    assert fit.works
    index = CompatibilityIndex(Catalogue([holder, other]))
    assert index.score(np.array([1])).tolist() == [1, 0]


def test_the_index_scores_what_pairs_say(index):
    assert index.score(rows(STOVE)).tolist() == [0, 1, -1, 1, 1, 0]
    assert index.score(rows(SCREW)).tolist() == [1, 0, 0, 0, 0, 0]
    assert index.score(rows(CLICK)).tolist() == [-1, 0, 0, 0, 0, 0]
    assert not index.score(rows(CUP)).any()
    assert not index.score(rows()).any()


def test_working_with_one_anchor_outweighs_not_fitting_another(index):
    assert index.score(rows(CLICK, SCREW)).tolist()[0] == 1


def test_the_order_and_repetition_of_anchors_do_not_matter(index):
    once = index.score(rows(SCREW, CLICK))
    assert np.array_equal(once, index.score(rows(CLICK, SCREW, CLICK)))


def test_the_index_agrees_with_every_pair(index):
    for anchor in SHOP:
        scores = index.score(rows(anchor))
        for row, other in enumerate(SHOP):
            fit = fit_between(anchor, other) if other is not anchor else None
            assert scores[row] == (0 if fit is None else 1 if fit.works else -1), (anchor, other)
