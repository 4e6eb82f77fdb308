import numpy as np
import pytest

from eval.significance import holm, interval, paired_test


def test_the_same_system_twice_is_no_difference():
    values = np.random.default_rng(0).random(50)
    found = paired_test(values, values)
    assert found.difference == 0
    assert found.p == 1


def test_a_difference_on_every_query_is_significant():
    rng = np.random.default_rng(0)
    that = rng.random(60)
    found = paired_test(that + 0.1 + 0.01 * rng.random(60), that)
    assert found.p < 0.001
    assert found.low > 0
    assert found.difference == pytest.approx(0.105, abs=0.005)


def test_the_p_value_of_four_wins_matches_hand_count():
    # Signs of four equal differences: 2 of 16 assignments are as extreme as all alike.
    assert paired_test(np.ones(4), np.zeros(4)).p == pytest.approx(2 / 16)


def test_chance_differences_are_significant_about_one_time_in_twenty():
    rng = np.random.default_rng(1)
    p = [paired_test(*rng.random((2, 30)), n=499).p for _ in range(60)]
    assert sum(value < 0.05 for value in p) <= 8


def test_queries_must_be_the_same():
    with pytest.raises(ValueError, match="got 3 and 2"):
        paired_test(np.zeros(3), np.zeros(2))


def test_the_interval_holds_the_mean_and_narrows_with_more_queries():
    rng = np.random.default_rng(0)
    few, many = interval(rng.random(20)), interval(rng.random(2_000))
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_an_interval_of_nothing_or_of_equal_values_has_no_width():
    assert interval(np.zeros(0)).value == 0
    alike = interval(np.full(5, 0.25))
    assert (alike.low, alike.value, alike.high) == (0.25, 0.25, 0.25)


def test_holm_matches_the_textbook_case():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1 = 0.03, 0.06, 0.04 -> made monotone 0.03, 0.06, 0.06
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
