"""Uplift on a simulated trial whose answer is known: who is moved, who is not, who is put off."""

import csv
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from retrieval.data.dataset import Dataset
from retrieval.errors import ConfigError, DataError
from retrieval.offers.segment import eligible_shoppers, make_segment, will_run_out
from retrieval.offers.shopper_features import LONG_AGO_DAYS, shopper_features
from retrieval.offers.targeting import NO_OFFER, Worth, choose, worth_of
from retrieval.offers.trial import find_offer, read_trial
from retrieval.offers.uplift import UpliftModel, check_balance, cross_fit, cross_fit_propensity
from retrieval.offers.uplift_measures import auuc, qini, uplift_at, with_interval

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 28, tzinfo=UTC)
OFFER = {
    "offer_id": "mats", "kind": "percent", "value": 20.0, "categories": ["Mats"],
    "starts_at": START, "ends_at": END,
}  # fmt: skip
PRODUCTS = [
    {"product_id": "mat", "title": "Mat", "category": ["Sleep", "Mats"], "price_minor": 10_000,
     "margin": 0.4, "stock": 100_000},
    {"product_id": "pot", "title": "Pot", "category": ["Kitchen", "Pots"], "price_minor": 2_000,
     "margin": 0.5, "stock": 100_000},
]  # fmt: skip


def event(shopper, kind, at, product=None, **more):
    name = f"{shopper}/{kind}/{at.isoformat()}/{product}"
    return {"event_id": name, "shopper_id": shopper, "type": kind, "at": at,
            "product_id": product, **more}  # fmt: skip


def bought(shopper, at, product, price, **more):
    return event(shopper, "purchase", at, product, order_id=f"{shopper}@{at.isoformat()}",
                 quantity=1.0, price_minor=price, **more)  # fmt: skip


def make_shop(n=1_200, seed=0):
    """Half of the shoppers looked at mats before: only they are moved, from 0.1 to 0.6."""
    rng = np.random.default_rng(seed)
    events = []
    for i in range(n):
        name, likes_mats, treated = f"s{i:04d}", i % 2 == 0, bool(rng.random() < 0.5)
        before = START - timedelta(days=20 + i % 9)
        for step in range(4):
            events.append(
                event(name, "view", before + timedelta(hours=step), "mat" if likes_mats else "pot")
            )
        events.append(bought(name, before + timedelta(hours=9), "pot", 2_000))
        if treated:
            events.append(event(name, "offer_view", START + timedelta(days=1), offer_id="mats"))
        if rng.random() < (0.6 if treated and likes_mats else 0.1):
            at = START + timedelta(days=3)
            events.append(
                bought(name, at, "mat", 8_000, offer_id="mats")
                if treated
                else bought(name, at, "mat", 10_000)
            )
    return Dataset.of(products=PRODUCTS, events=events, offers=[OFFER])


@pytest.fixture(scope="module")
def shop():
    return make_shop()


@pytest.fixture(scope="module")
def trial(shop):
    return read_trial(shop, "mats")


@pytest.fixture(scope="module")
def features(shop, trial):
    return shopper_features(shop, trial.shopper_ids, trial.starts_at, trial.offer)


def likes_mats(shopper_ids):
    return np.array([int(name[1:]) % 2 == 0 for name in shopper_ids])


class TestTrial:
    def test_money_of_a_line_is_worked_back_from_the_reduced_price(self):
        # paid 80 after 20 %: full price 100, given 20, kept 100 * 0.4 - 20 = 20
        shop = make_shop(n=600)
        trial = read_trial(shop, "mats")
        is_reduced = trial.treated & trial.responded
        assert np.allclose(trial.given[is_reduced], 20)
        assert np.allclose(trial.kept[is_reduced], 20)
        at_full_price = ~trial.treated & trial.responded
        assert np.allclose(trial.given[at_full_price], 0)
        assert np.allclose(trial.kept[at_full_price], 40)
        assert trial.scope_value_per_order == pytest.approx(100)
        assert trial.order_margin == pytest.approx(40)

    def test_one_more_response_is_worth_a_mat(self, trial):
        assert trial.margin_per_response == pytest.approx(40, abs=1)

    def test_shoppers_first_seen_in_the_weeks_are_left_out(self, shop):
        late = [event("new", "offer_view", START + timedelta(days=1), offer_id="mats")]
        more = Dataset.of(
            products=PRODUCTS, offers=[OFFER], events=[*shop.events.iter_rows(named=True), *late]
        )
        assert "new" not in read_trial(more, "mats").shopper_ids

    def test_an_assignment_wins_over_what_was_seen(self, shop, trial):
        turned = dict(zip(trial.shopper_ids, ~trial.treated, strict=True))
        found = read_trial(shop, "mats", assignment=turned)
        assert np.array_equal(found.treated, ~trial.treated)

    def test_an_offer_nobody_was_shown_teaches_nothing(self, shop):
        other = {**OFFER, "offer_id": "pots", "categories": ["Pots"]}
        quiet = Dataset.of(
            products=PRODUCTS, offers=[OFFER, other], events=list(shop.events.iter_rows(named=True))
        )
        with pytest.raises(DataError, match=r"'pots' has no trial to learn from: 0 shoppers"):
            read_trial(quiet, "pots")

    def test_an_unknown_offer_is_answered_with_those_there_are(self, shop):
        with pytest.raises(DataError, match=r"'nope' is not in this store; it has: mats"):
            find_offer(shop, "nope")

    def test_a_coin_passes_for_a_coin_and_a_choice_does_not(self, shop, trial, features):
        assert check_balance(trial, features).looks_randomised
        chosen = {name: bool(likes) for name, likes in zip(
            trial.shopper_ids, likes_mats(trial.shopper_ids), strict=True)}  # fmt: skip
        picked = read_trial(shop, "mats", assignment=chosen)
        assert not check_balance(picked, features).looks_randomised


class TestFeatures:
    def test_nothing_after_the_moment_is_read(self, shop, trial, features):
        earlier = Dataset.of(
            products=PRODUCTS,
            offers=[OFFER],
            events=[row for row in shop.events.iter_rows(named=True) if row["at"] < START],
        )
        again = shopper_features(earlier, trial.shopper_ids, START, trial.offer)
        assert again.names == features.names
        assert np.array_equal(again.values, features.values)

    def test_they_match_a_hand_count(self, shop, trial, features):
        # s0000: on 9 February four looks at the mat from 0 h on, the pot bought at 9 h
        row = trial.shopper_ids.index("s0000")
        assert features.column("days_since_order")[row] == pytest.approx(20 - 9 / 24)
        assert features.column("log_orders")[row] == pytest.approx(np.log(2))
        assert features.column("log_spent")[row] == pytest.approx(np.log(21))
        assert features.column("has_bought_in_scope")[row] == 0
        assert features.column("days_since_scope_order")[row] == LONG_AGO_DAYS

    def test_a_stranger_gets_what_all_have_in_common(self, shop, trial):
        found = shopper_features(shop, ["nobody"], START, trial.offer)
        assert np.isfinite(found.values).all()
        assert found.column("log_orders")[0] == 0


class TestUplift:
    @pytest.mark.parametrize("learner", ["solo", "two_models", "class_transformation"])
    def test_the_moved_half_is_found(self, learner, trial, features):
        found = cross_fit(learner, features.values, trial.treated, trial.responded)
        likes = likes_mats(trial.shopper_ids)
        assert found.uplift[likes].min() > found.uplift[~likes].max()

    def test_size_and_spread_are_those_of_the_trial(self, trial, features):
        model = UpliftModel("two_models", n_resamples=10)
        found = model.fit(features.values, trial.treated, trial.responded).predict(features.values)
        likes = likes_mats(trial.shopper_ids)
        assert found.uplift[likes].mean() == pytest.approx(0.5, abs=0.12)
        assert found.uplift[~likes].mean() == pytest.approx(0.0, abs=0.08)
        assert (found.standard_error > 0).all()
        assert ((found.if_not + found.uplift >= 0) & (found.if_not + found.uplift <= 1)).all()

    def test_uplift_ranks_better_than_propensity_and_random(self):
        # those who buy anyway are not those who are moved
        rng = np.random.default_rng(1)
        x = rng.normal(size=(3_000, 2))
        treated = rng.random(3_000) < 0.5
        p = 0.1 + 0.5 * (x[:, 0] > 0.5) + 0.3 * treated * (x[:, 0] < -0.5)
        responded = rng.random(3_000) < p
        ours = cross_fit("two_models", x, treated, responded).uplift
        theirs = cross_fit_propensity(x, treated, responded)
        for measure, at_least in ((qini, 0.08), (auuc, 0.08)):
            assert measure(ours, treated, responded) > at_least
            assert measure(theirs, treated, responded) < 0
        found = with_interval(qini, ours, treated, responded, n_resamples=50)
        assert 0 < found.low < found.value < found.high
        assert uplift_at(0.3, ours, treated, responded) == pytest.approx(0.3, abs=0.1)

    def test_an_arm_without_responses_is_refused(self):
        x, treated = np.zeros((40, 1)), np.arange(40) % 2 == 0
        with pytest.raises(DataError, match="0 of the 20 shoppers who were not shown it"):
            UpliftModel().fit(x, treated, treated & (np.arange(40) < 20))


class TestChoice:
    def test_worth_weighs_orders_brought_against_discounts_wasted(self):
        # brought: 0.1 * (40 - 20) = 2; wasted: 0.2 * 20 = 4; cost: 0.3 * 20 = 6
        worth = worth_of(
            np.array([0.1]), np.array([0.2]), margin_per_order=40, discount_per_order=20
        )
        assert worth.margin[0, 0] == pytest.approx(-2)
        assert worth.cost[0, 0] == pytest.approx(6)

    @pytest.mark.parametrize("seed", range(12))
    def test_it_equals_brute_force(self, seed):
        rng = np.random.default_rng(seed)
        margin, cost = rng.normal(1, 2, (6, 2)), rng.uniform(0.5, 3, (6, 2))
        budget = float(rng.uniform(1, 8))
        found = choose(Worth(margin=margin, cost=cost), budget=budget)
        best = 0.0
        for number in range(3**6):
            picks = [number // 3**i % 3 for i in range(6)]
            pairs = [(i, c - 1) for i, c in enumerate(picks) if c]
            if sum(cost[p] for p in pairs) <= budget:
                best = max(best, sum(margin[p] for p in pairs))
        assert found.is_optimal
        assert found.margin == pytest.approx(best)
        assert found.cost <= budget + 1e-9

    def test_greedy_by_ratio_would_be_worse(self):
        # ratio takes the first (2.0 a unit) and has no room for the others
        worth = Worth(margin=np.array([[6.0], [5.0], [5.0]]), cost=np.array([[3.0], [2.6], [2.4]]))
        found = choose(worth, budget=5.0)
        assert found.offer.tolist() == [NO_OFFER, 0, 0]

    def test_whoever_costs_more_than_they_bring_is_never_chosen(self):
        worth = Worth(margin=np.array([[-1.0], [0.0], [1.0]]), cost=np.ones((3, 1)))
        assert choose(worth, budget=100).offer.tolist() == [NO_OFFER, NO_OFFER, 0]

    def test_the_ineligible_are_never_chosen(self):
        worth = Worth(margin=np.ones((2, 1)), cost=np.ones((2, 1)))
        found = choose(worth, budget=5, eligible=np.array([[False], [True]]))
        assert found.offer.tolist() == [NO_OFFER, 0]

    def test_a_budget_that_is_none_is_refused(self):
        with pytest.raises(ConfigError, match="at least 0, got -1"):
            choose(Worth(margin=np.ones((1, 1)), cost=np.ones((1, 1))), budget=-1)


AT = datetime(2026, 3, 2, tzinfo=UTC)


class TestSegment:
    @pytest.mark.slow
    def test_the_moved_are_told(self, shop):
        segment = make_segment(shop, "mats", budget=1e6, at=END, learner="two_models")
        names = [segment.features.shopper_ids[row] for row in segment.chosen]
        # by then some of the others have bought a mat as well, and look alike
        assert likes_mats(names).mean() > 0.8
        margins = segment.worth.margin[segment.chosen, 0]
        assert (np.diff(margins) <= 0).all()

    @pytest.mark.slow
    def test_the_budget_is_kept(self, shop):
        segment = make_segment(shop, "mats", budget=300, at=END)
        assert 250 < segment.choice.cost <= 300

    def test_no_random_trial_no_segment(self, shop, trial):
        chosen = {n: bool(k) for n, k in zip(
            trial.shopper_ids, likes_mats(trial.shopper_ids), strict=True)}  # fmt: skip
        with pytest.raises(DataError, match="was no random trial"):
            make_segment(shop, "mats", budget=300, assignment=chosen, at=END)

    def test_eligibility_is_decided_by_rules(self, shop):
        looked = event("looker", "view", START - timedelta(days=1), "mat")
        more = Dataset.of(
            products=PRODUCTS, offers=[OFFER], events=[*shop.events.iter_rows(named=True), looked]
        )
        offer = find_offer(more, "mats")
        eligible, reasons = eligible_shoppers(more, offer, END)
        treated = set(
            shop.events.filter(shop.events["type"] == "offer_view")["shopper_id"].to_list()
        )
        assert reasons["never bought"] == 1
        assert "looker" not in eligible
        assert treated <= set(eligible)  # shown on 2 March, 26 days before
        soon, reasons = eligible_shoppers(more, offer, START + timedelta(days=5))
        assert not treated & set(soon)
        assert reasons["shown or used an offer within 14 days"] == len(treated)

    def test_an_offer_that_ended_cannot_be_given(self, shop):
        with pytest.raises(DataError, match="ended on 2026-03-28"):
            eligible_shoppers(shop, find_offer(shop, "mats"), END + timedelta(days=1))

    def test_stock_must_last_until_the_offer_ends(self, shop):
        # about 340 mats were sold in the week after the start, so that five last no day
        offer = find_offer(shop, "mats")
        days = START + timedelta(days=7)
        few, many = (
            Dataset.of(
                products=[{**PRODUCTS[0], "stock": stock}, PRODUCTS[1]],
                offers=[OFFER],
                events=list(shop.events.iter_rows(named=True)),
            )
            for stock in (5, 100_000)
        )
        assert will_run_out(few, offer, days).tolist() == [True, False]
        assert will_run_out(many, offer, days).tolist() == [False, False]
        with pytest.raises(DataError, match="in stock until its end"):
            eligible_shoppers(few, offer, days)

    def test_an_offer_of_sold_out_products_cannot_be_given(self, shop):
        gone = [{**product, "stock": 0} for product in PRODUCTS]
        empty = Dataset.of(
            products=gone, offers=[OFFER], events=list(shop.events.iter_rows(named=True))
        )
        with pytest.raises(DataError, match="covers no product that is in stock"):
            eligible_shoppers(empty, find_offer(empty, "mats"), END)


class TestDoor:
    @pytest.fixture
    def store(self, shop, tmp_path, monkeypatch):
        """Return the path of a folder that opens as a snapshot with this shop's tables."""
        from retrieval import campaign

        shop.save(tmp_path / "snapshot")
        monkeypatch.setattr(campaign, "open_snapshot", lambda path: path)
        monkeypatch.setattr(campaign, "load_dataset", Dataset.load)
        return tmp_path / "snapshot"

    @pytest.mark.slow
    def test_it_writes_the_segment_and_a_summary(self, store, tmp_path, capsys):
        from retrieval.campaign import COLUMNS, main

        out = tmp_path / "segment.csv"
        words = ["--store", str(store), "--offer", "mats", "--budget", "300",
                 "--at", END.isoformat(), "--out", str(out)]  # fmt: skip
        assert main(words) == 0
        said = json.loads(capsys.readouterr().out)
        with out.open() as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0]) == COLUMNS
        assert said["n_chosen"] == len(rows) > 0
        assert sum(float(row["expected_cost"]) for row in rows) == pytest.approx(
            said["expected_cost"], abs=0.5
        )
        assert said["expected_cost"] <= 300
        assert said["trial"]["effect_low"] > 0

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--offer", "nope", "--budget", "10"], "'nope' is not in this store"),
            (["--offer", "mats", "--budget", "-10"], "`--budget` must be a number of at least 0"),
            (["--offer", "mats", "--budget", "x"], "`--budget` must be a number of at least 0"),
            (["--offer", "mats", "--budget", "9", "--at", "now"], "`--at` must be a time like"),
            (["--offer", "mats", "--budget", "9", "--margin", "2"], "`--margin` must be a share"),
            (["--offer", "mats", "--budget", "9", "--assignments", "no.csv"], "no.csv: cannot"),
        ],
    )
    def test_bad_input_is_one_sentence(self, store, capsys, words, sentence):
        from retrieval.campaign import main

        assert main(["--store", str(store), *words]) == 2
        said = capsys.readouterr().err
        assert sentence in said
        assert said.count("\n") == 1
