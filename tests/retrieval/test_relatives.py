"""New products lend the behaviour of what they read like; that fades with events of their own."""

import numpy as np
import pytest

from retrieval.behaviour.base import Context, Interactions
from retrieval.relatives import Relatives

TENT, TENT2, NEW_TENT, STOVE, NEW_STOVE, LOOSE = range(6)
LEAF = np.array([0, 0, 0, 1, 2, -1])
"""The new stove is alone in its category, the last product has none."""
VECTORS = np.array([[1, 0], [0.6, 0.8], [1, 0], [0, 1], [0, 1], [1, 0]], float)
ENOUGH = 4


def log_of(*products):
    n = len(products)
    return Interactions(
        n_products=len(LEAF),
        shopper_ids=("s",),
        shopper=np.zeros(n, np.int64),
        product=np.array(products, np.int64),
        type=np.zeros(n, np.int8),
        day=np.arange(n, dtype=float),
        basket=np.full(n, -1),
        session=np.zeros(n, np.int64),
        end_day=float(n),
    )


def relatives_after(n_own):
    known = [TENT] * ENOUGH + [TENT2] * ENOUGH + [STOVE] * ENOUGH
    return Relatives.of(log_of(*known, *[NEW_TENT] * n_own), LEAF, VECTORS, ENOUGH)


def test_a_new_product_takes_over_the_values_of_its_nearest_relatives():
    found = relatives_after(0)
    assert found.rows.tolist() == [NEW_TENT]  # no relative: the lone stove, what has no category
    values = np.array([1.0, 0.0, 9.0, 9.0, 9.0, 9.0])
    # cosines 1 and 0.6: the tent lends 1 / (1 + 0.6 ** 12) of the whole
    assert found.inherit(values)[NEW_TENT] == pytest.approx(1 / (1 + 0.6**12), abs=1e-6)
    assert found.inherit(values)[[TENT, TENT2, STOVE, NEW_STOVE, LOOSE]].tolist() == [0] * 5


def test_what_is_inherited_fades_with_events_of_its_own():
    values = np.ones(len(LEAF))
    took = [relatives_after(n).inherit(values)[NEW_TENT] for n in range(ENOUGH + 1)]
    assert took == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_nobody_gains_from_being_unknown_beyond_the_best_relative():
    values = np.array([0.3, 0.7, 0, 5, 5, 5])
    assert relatives_after(0).inherit(values)[NEW_TENT] <= 0.7
    assert not relatives_after(0).inherit(np.zeros(len(LEAF))).any()


def test_a_product_that_nobody_met_is_asked_about_as_its_nearest_relative():
    context = Context(anchors=np.array([NEW_TENT, STOVE]), history=np.array([NEW_STOVE]))
    known = relatives_after(0).stand_in(context)
    assert known.anchors.tolist() == [TENT, STOVE]
    assert known.history.tolist() == [NEW_STOVE]
    assert relatives_after(1).stand_in(context) is context


def test_without_new_products_there_is_nothing_to_carry_over():
    full = Relatives.of(log_of(*range(6)), LEAF, VECTORS, 1)
    assert len(full.rows) == len(full.lenders) == 0
    assert not full.inherit(np.ones(len(LEAF))).any()


def test_in_an_empty_log_nobody_lends():
    assert len(Relatives.of(log_of(), LEAF, VECTORS, ENOUGH).rows) == 0


def test_what_is_asked_about_does_not_say_what_goes_with_itself():
    values = np.array([0.0, 0.6, 0, 0, 0, 0])  # beside the tent others take the second tent
    found = relatives_after(0)
    assert found.inherit(values)[NEW_TENT] < 0.01
    assert found.inherit(values, np.array([TENT]))[NEW_TENT] == pytest.approx(0.6)
    assert found.inherit(values, np.array([TENT, TENT2]))[NEW_TENT] == 0
