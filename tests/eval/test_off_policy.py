"""Values of policies on a trial whose outcomes are known, and areas worked by hand."""

import numpy as np
import pytest

from eval.campaigns import Households, effects
from eval.off_policy import doubly_robust, ips, outcome_models, value_of
from eval.redemption import auc


@pytest.fixture
def trial():
    """Return 6,000 shoppers: the offer brings 2 where x > 0 and takes 1 elsewhere."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6_000, 2))
    treated = rng.random(6_000) < 0.5
    effect = np.where(x[:, 0] > 0, 2.0, -1.0)
    outcome = 3 + x[:, 1] + treated * effect + rng.normal(size=6_000)
    return x, treated, outcome, effect


def test_both_estimates_hold_the_true_value(trial):
    x, treated, outcome, effect = trial
    expected = outcome_models(x, treated, outcome > 3, outcome)
    for gives in (effect > 0, np.ones(6_000, bool), np.zeros(6_000, bool)):
        truth = float((3 + x[:, 1] + gives * effect).mean())
        plain = value_of(ips(gives, treated, outcome))
        robust = value_of(doubly_robust(gives, treated, outcome, expected))
        assert plain.low < truth < plain.high
        assert robust.low < truth < robust.high
        assert robust.high - robust.low < plain.high - plain.low


def test_ips_matches_the_hand_count():
    # half were treated: whoever agrees with the policy counts twice, the others not at all
    gives, treated = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert ips(gives, treated, np.array([5.0, 7.0, 9.0, 11.0])).tolist() == [10.0, 0.0, 0.0, 22.0]


def test_area_matches_the_hand_count():
    # pairs of a redeemer and another: 0.9 beats both, 0.4 beats one and ties with none: 3 of 4
    y = np.array([True, True, False, False])
    assert auc(y, np.array([0.9, 0.4, 0.5, 0.1])) == pytest.approx(0.75)
    assert auc(y, np.zeros(4)) == 0.5


def test_weights_take_out_what_the_choice_put_in():
    # richer households are mailed more often and spend more; mailing adds 5
    rng = np.random.default_rng(0)
    rich = rng.normal(size=4_000)
    treated = rng.random(4_000) < 1 / (1 + np.exp(-rich))
    spent = 50 + 20 * rich + 5 * treated + rng.normal(0, 5, 4_000)
    found, _ = effects(Households(before=rich[:, None], treated=treated, spent=spent))
    assert found["plain difference"].low > 10
    assert found["AIPW"].low < 5 < found["AIPW"].high
    assert found["AIPW"].high - found["AIPW"].low < 2
