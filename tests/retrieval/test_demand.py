"""Demand, seasons and trends, on counts whose rates are known."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from retrieval.behaviour.base import PURCHASE, Context, Interactions, day_of
from retrieval.behaviour.demand import (
    DemandModel,
    WeeklyUnits,
    count_weeks,
    croston,
    tsb,
    weekly_units,
)
from retrieval.behaviour.rates import compare_rates
from retrieval.behaviour.seasonality import (
    Festival,
    SeasonalScorer,
    bins_of,
    festival_lift,
    festivals,
    fit_factors,
    trend,
)
from retrieval.data.dataset import Dataset
from retrieval.errors import ConfigError, NotFittedError

JANUARY = day_of(datetime(2025, 1, 1, tzinfo=UTC))


def weeks(units):
    return WeeklyUnits(units=np.asarray(units, float), first_day=0.0)


class TestWeeks:
    def test_whole_weeks_end_with_the_log(self):
        # 17 days: the first three are no whole week; two units on day 3, one on day 16
        found = count_weeks(
            np.array([0, 0, 0]), np.array([1.0, 3.5, 17.0]), np.array([5.0, 2.0, 1.0]),
            n_products=2, start=0.0, end=17.0,
        )  # fmt: skip
        assert found.units.tolist() == [[2.0, 1.0], [0.0, 0.0]]
        assert found.first_day == 3.0

    def test_a_purchase_without_a_quantity_counts_one(self):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        events = [
            {"event_id": f"e{i}", "shopper_id": "s", "type": "purchase", "product_id": "a",
             "at": start + timedelta(days=i * 7), "quantity": q}
            for i, q in enumerate([1.0, None, 3.0])
        ]  # fmt: skip
        dataset = Dataset.of(products=[{"product_id": "a", "title": "a"}], events=events)
        assert weekly_units(dataset).units.tolist() == [[1.0, 4.0]]


class TestDemand:
    def test_the_rate_is_found_and_eighty_percent_lie_in_the_interval(self):
        rng = np.random.default_rng(0)
        rate = rng.gamma(1.0, 3.0, 600)
        clumps = rng.gamma(2.0, 0.5, (600, 44))  # variance = mean + mean² / 2
        units = rng.poisson(rate[:, None] * clumps)
        model = DemandModel(np.zeros(600, int), half_life_weeks=30).fit(weeks(units[:, :40]))
        assert np.corrcoef(model.rate, rate)[0, 1] > 0.97
        found = model.forecast(4)
        total = units[:, 40:].sum(axis=1)
        inside = (total >= found.low) & (total <= found.high)
        assert 0.75 <= inside.mean() <= 0.92  # counts are whole, so that the ends hold more

    def test_a_new_product_starts_with_its_categorys_rate(self):
        units = np.array([[10.0] * 20, [10.0] * 20, [0.0] * 19 + [0.0], [1.0] * 20])
        model = DemandModel(np.array([0, 0, 0, 1]), prior_weeks=4).fit(weeks(units))
        assert model.rate[0] == pytest.approx(10, rel=0.15)
        assert 0.3 < model.rate[2] < 5  # between nothing sold and the category's 6.7
        assert model.rate[3] < 2

    def test_recent_weeks_count_more(self):
        units = np.array([[0.0] * 10 + [8.0] * 10, [8.0] * 10 + [0.0] * 10])
        model = DemandModel(np.array([0, 1]), half_life_weeks=3).fit(weeks(units))
        assert model.rate[0] > 5 * model.rate[1]

    def test_the_season_is_taken_out_and_put_in_again(self):
        season = np.tile([0.5, 1.5], 10)[None, :]
        model = DemandModel(np.array([0])).fit(weeks(4 * season), season)
        assert model.rate[0] == pytest.approx(4, rel=0.02)
        assert model.forecast(2, np.array([[1.5, 1.5]])).mean[0] == pytest.approx(12, rel=0.02)

    def test_stock_runs_out_when_demand_exceeds_it(self):
        model = DemandModel(np.array([0])).fit(weeks(np.full((1, 20), 10.0)))
        assert model.weeks_of_stock(0, 30) == pytest.approx(3, rel=0.02)
        assert model.will_run_out(0, 30, weeks=6)
        assert not model.will_run_out(0, 30, weeks=1)
        assert not model.will_run_out(0, None, weeks=50)
        assert not model.will_run_out(0, -1, weeks=50)

    def test_an_empty_log_gives_no_demand(self):
        model = DemandModel(np.array([0, -1])).fit(weeks(np.zeros((2, 0))))
        assert model.forecast(3).mean.max() < 1e-3

    @pytest.mark.parametrize("wrong", [{"half_life_weeks": 0}, {"prior_weeks": -1}])
    def test_settings_that_mean_nothing_are_refused(self, wrong):
        with pytest.raises(ValueError, match="must be above 0"):
            DemandModel(np.array([0]), **wrong)

    def test_croston_matches_the_hand_count(self):
        # sizes 2 and 4 with smoothing 0.5: 2, then 3; gaps 2 and 2: 2; 3 / 2 * (1 - 0.25)
        units = np.array([[0.0, 2.0, 0.0, 4.0]])
        assert croston(units, smoothing=0.5)[0] == pytest.approx(1.125)
        assert croston(units, smoothing=0.5, corrected=False)[0] == pytest.approx(1.5)

    def test_tsb_falls_while_nothing_sells_and_croston_does_not(self):
        short = np.array([[3.0, 0.0, 3.0]])
        longer = np.array([[3.0, 0.0, 3.0] + [0.0] * 20])
        assert tsb(longer)[0] < 0.4 * tsb(short)[0]
        assert croston(longer)[0] == pytest.approx(croston(short)[0])


class TestRates:
    def test_the_interval_agrees_with_the_binomial_one(self):
        # 30 in 10 days against 40 in 40: rates 3 and 1
        found = compare_rates(30, 10, 40, 40)
        assert found.ratio == pytest.approx(3.0)
        assert 1 < found.low < 3 < found.high
        assert found.p < 0.001

    @pytest.mark.slow
    def test_equal_rates_are_seldom_called_different(self):
        rng = np.random.default_rng(0)
        p = [compare_rates(*(rng.poisson(20), 10, rng.poisson(60), 30)).p for _ in range(200)]
        assert np.mean(np.array(p) < 0.05) <= 0.06

    def test_nothing_before_has_no_upper_end(self):
        assert compare_rates(5, 1, 0, 10).high == np.inf
        assert compare_rates(0, 1, 0, 10).p == 1

    def test_no_time_is_refused(self):
        with pytest.raises(ValueError, match="times must be above 0"):
            compare_rates(1, 0, 1, 1)


def seasonal_days(rng, n, peak):
    """Draw n days of 2025, three times as likely in the month `peak`."""
    days = np.arange(365)
    weight = np.where(bins_of(JANUARY + days, "month") == peak, 3.0, 1.0)
    return JANUARY + rng.choice(days, n, p=weight / weight.sum()) + rng.random(n)


class TestSeasons:
    def test_bins_are_those_of_the_calendar(self):
        day = np.array([day_of(datetime(2026, 2, 16, tzinfo=UTC))])  # a Monday, ISO week 8
        found = [int(bins_of(day, period)[0]) for period in ("month", "week", "weekday")]
        assert found == [1, 7, 0]

    def test_a_planted_season_is_found(self):
        rng = np.random.default_rng(0)
        day = np.concatenate([seasonal_days(rng, 3_000, 6), seasonal_days(rng, 3_000, 0)])
        leaf = np.repeat([0, 1], 3_000)
        factors = fit_factors(
            leaf, day, top_of_leaf=np.array([0, 1]), start=JANUARY, end=JANUARY + 364.9,
            period="month",
        )  # fmt: skip
        # three times as likely in one of twelve months: 3 / (14 / 12) = 2.57 times the mean day
        assert factors.leaf[0, 6] == pytest.approx(2.57, rel=0.1)
        assert factors.leaf[1, 0] == pytest.approx(2.57, rel=0.1)
        assert factors.leaf[0, 3] == pytest.approx(0.86, rel=0.12)
        assert factors.counts.sum() == 6_000
        assert factors.days.sum() == 365

    def test_a_leaf_with_few_purchases_follows_its_parent(self):
        rng = np.random.default_rng(0)
        day = np.concatenate([seasonal_days(rng, 4_000, 6), [JANUARY + 10.0, JANUARY + 11.0]])
        leaf = np.repeat([0, 1], [4_000, 2])
        factors = fit_factors(
            leaf, day, top_of_leaf=np.array([0, 0]), start=JANUARY, end=JANUARY + 364.9,
            period="month",
        )  # fmt: skip
        assert factors.leaf[1, 6] == pytest.approx(factors.leaf[0, 6], rel=0.1)

    def test_a_month_outside_the_log_counts_as_average(self):
        day = JANUARY + np.linspace(0, 58, 300)
        factors = fit_factors(
            np.zeros(300, np.int64), day, top_of_leaf=np.array([0]), start=JANUARY,
            end=JANUARY + 58, period="month",
        )  # fmt: skip
        assert factors.leaf[0, 7] == pytest.approx(1.0)
        assert factors.days[7] == 0

    def test_a_rise_is_told_from_chance(self):
        rng = np.random.default_rng(0)
        even = rng.uniform(0, 280, 300)
        more = np.concatenate([even, rng.uniform(252, 280, 60)])
        assert trend(more, start=0, end=280).low > 1.5
        assert trend(even, start=0, end=280).p > 0.01
        assert trend(even, start=230, end=280) is None

    def test_a_season_is_no_trend(self):
        rng = np.random.default_rng(0)
        day = seasonal_days(rng, 4_000, 11)  # December, the end of the log
        factors = np.where(np.arange(12) == 11, 3.0, 1.0)
        plain = trend(day, start=JANUARY, end=JANUARY + 365)
        found = trend(day, start=JANUARY, end=JANUARY + 365, factors=factors)
        assert plain.low > 2
        assert found.low < 1.1


class TestFestivals:
    def test_the_spring_festival_and_the_fixed_days_are_there(self):
        days = {(f.name, f.day) for f in festivals("CN", [2026])}
        assert ("春节", date(2026, 2, 17)) in days
        assert ("双十一", date(2026, 11, 11)) in days
        assert any(day == date(2026, 10, 1) for _, day in days)

    def test_every_year_has_one_spring_festival(self):
        found = [f.day.year for f in festivals("US", range(2024, 2028)) if f.name == "春节"]
        assert found == list(range(2024, 2028))

    def test_an_unknown_country_is_refused(self):
        with pytest.raises(ConfigError, match="country 'Nowhere'"):
            festivals("Nowhere", [2026])

    def test_a_lift_is_measured_beside_the_days(self):
        festival = Festival(name="x", day=date(2025, 6, 1))
        first, last = festival.window
        rng = np.random.default_rng(0)
        day = np.concatenate(
            [rng.uniform(JANUARY, JANUARY + 365, 2_000), rng.uniform(first, last, 100)]
        )
        found = festival_lift(day, festival, start=JANUARY, end=JANUARY + 365)
        assert found.ratio == pytest.approx(2.5, rel=0.2)
        assert found.low > 1.5
        assert festival_lift(day, festival, start=first + 1, end=JANUARY + 365) is None


class TestSeasonalScorer:
    @pytest.fixture
    def log(self):
        rng = np.random.default_rng(0)
        day = np.concatenate([seasonal_days(rng, 2_000, 6), seasonal_days(rng, 2_000, 0)])
        order = np.argsort(day)
        numbers = np.arange(4_000)
        return Interactions(
            n_products=3, shopper_ids=("s",), shopper=np.zeros(4_000, np.int64),
            product=np.repeat([0, 1], 2_000)[order], type=np.full(4_000, PURCHASE, np.int8),
            day=day[order], basket=numbers, session=numbers, end_day=JANUARY + 365,
        )  # fmt: skip

    def make(self):
        return SeasonalScorer(leaf_code=np.array([0, 1, -1]), top_of_leaf=np.array([0, 1]))

    def test_the_moment_asked_about_decides(self, log):
        scorer = self.make().fit(log)
        july, january = (scorer.score(Context(at=JANUARY + day)) for day in (195.0, 15.0))
        assert july[0] > 0.3 > july[1] == 0
        assert january[1] > 0.3 > january[0] == 0
        assert july[2] == 0
        assert july.dtype == np.float32

    def test_save_and_load_keep_scores(self, log, tmp_path):
        scorer = self.make().fit(log)
        scorer.save(tmp_path)
        assert np.array_equal(scorer.score(Context()), self.make().load(tmp_path).score(Context()))

    def test_an_empty_log_has_no_season(self):
        empty = Interactions.of_sequences([], 3)
        assert not self.make().fit(empty).score(Context(at=JANUARY)).any()

    def test_it_must_be_fitted_first(self):
        with pytest.raises(NotFittedError, match="call `fit` or `load`"):
            self.make().score(Context())
