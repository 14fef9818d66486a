"""When a fine-tune is worth training, and worth training again (protocol 4, 7.4)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from evaluation.gate import (
    Gate,
    Stakes,
    Step,
    Trainings,
    after_one_seed,
    before_training,
    unit_normal_loss,
    value_of_knowing,
    value_of_measuring,
)
from evaluation.prior import GainPrior
from evaluation.statistics import Estimate

UNKNOWN = GainPrior(0.0, 0.08, "no published pattern fits")
MANY_LABELS = GainPrior(-0.10, 0.08, "many labels with few examples each")
TRAININGS = Trainings(rows=200, run_deviation=0.02)
STAKES = Stakes(margin=0.02, cost_of_fit=10.0, worth_of_point=50.0)
"""A training costs a fifth of a point."""


def gate(
    prior: GainPrior = UNKNOWN,
    stakes: Stakes = STAKES,
    accuracy: float = 0.80,
    high: float = 0.85,
    ceiling: float = 1.0,
) -> Gate:
    return before_training(accuracy, high, prior, TRAININGS, stakes, ceiling)


def measured(gain: float, item_variance: float = 0.0011, run_variance: float = 0.0004) -> Estimate:
    return Estimate(gain, item_variance, run_variance, 20.0)


class TestUnitNormalLoss:
    @pytest.mark.parametrize(
        ("z", "loss"), [(0, 0.398942), (0.5, 0.197797), (1, 0.083315), (2, 0.008491), (-1, 1.083315)]
    )
    def test_by_the_tables(self, z: float, loss: float) -> None:
        assert unit_normal_loss(z) == pytest.approx(loss, abs=1e-6)

    @given(st.floats(0, 40))
    def test_is_the_expected_excess(self, z: float) -> None:
        excess, _ = integrate.quad(lambda x: (x - z) * stats.norm.pdf(x), z, z + 12)
        assert unit_normal_loss(z) == pytest.approx(excess, abs=1e-9)
        assert unit_normal_loss(z) >= 0


class TestValueOfInformation:
    def test_of_certainty_by_simulation(self) -> None:
        # Without knowing, the fine-tune is not taken (mean below the margin); with it, only where the gain pays.
        gains = np.random.default_rng(1).normal(0.0, 0.08, 1_000_000)
        assert value_of_knowing(0.0, 0.08, 0.02) == pytest.approx(np.maximum(gains - 0.02, 0).mean(), abs=1e-4)

    def test_of_a_measurement_by_simulation(self) -> None:
        rng, prior, variance = np.random.default_rng(2), GainPrior(0.03, 0.06, ""), 0.0015
        gains = rng.normal(prior.mean, prior.deviation, 1_000_000)
        seen = gains + rng.normal(0, math.sqrt(variance), len(gains))
        weight = 0.0036 / (0.0036 + variance)
        taken = weight * seen + (1 - weight) * prior.mean > 0.02
        # The mean lies above the margin: without the measurement the fine-tune would always be taken.
        gained = ((gains - 0.02) * taken).mean() - (prior.mean - 0.02)
        assert value_of_measuring(prior, variance, 0.02) == pytest.approx(gained, abs=1e-4)

    def test_by_hand(self) -> None:
        # s~ = 0.0064 / sqrt(0.0064 + 0.0015) = 0.072006; z = 0.02 / 0.072006 = 0.27776; L = 0.27536
        assert value_of_measuring(UNKNOWN, 0.0015, 0.02) == pytest.approx(0.072006 * 0.27536, abs=1e-6)

    @given(st.floats(-0.3, 0.3), st.floats(0, 0.3), st.floats(0, 1), st.floats(0, 0.1))
    def test_a_measurement_is_worth_no_more_than_certainty(
        self, mean: float, deviation: float, variance: float, margin: float
    ) -> None:
        prior = GainPrior(mean, deviation, "")
        worth = value_of_measuring(prior, variance, margin)
        assert 0 <= worth <= value_of_knowing(mean, deviation, margin) + 1e-12
        assert worth >= value_of_measuring(prior, variance + 0.01, margin) - 1e-12

    def test_a_perfect_measurement_is_certainty(self) -> None:
        assert value_of_measuring(UNKNOWN, 0.0, 0.02) == pytest.approx(value_of_knowing(0.0, 0.08, 0.02))

    def test_what_is_certain_is_not_worth_measuring(self) -> None:
        certain = GainPrior(0.02, 0.0, "")
        assert value_of_knowing(0.02, 0.0, 0.02) == value_of_measuring(certain, 0.001, 0.02) == 0


class TestTrainings:
    def test_variance_before_anything_is_trained(self) -> None:
        # 2 * 0.7 * 0.8 * 0.2 / 200 + 0.02^2 = 0.00112 + 0.0004
        assert TRAININGS.variance_of_first(0.8) == pytest.approx(0.00152)
        # Cross-fitted: rows count 1.22^2 times, five folds are five seeds.
        folds = Trainings(rows=200, run_deviation=0.02, first=5, later=0, inflation=1.22)
        assert folds.variance_of_first(0.8) == pytest.approx(0.00112 * 1.22**2 + 0.0004 / 5)

    def test_more_seeds_divide_their_own_luck_only(self) -> None:
        # (1 - 1/3) * (0.5 * 0.16 / 200 + 0.0004) = 2/3 * 0.0008
        assert TRAININGS.variance_with_later(0.0015, 0.8) == pytest.approx(0.0015 - 0.0016 / 3)
        assert Trainings(200, 0.02, first=5, later=0).variance_with_later(0.0015, 0.8) == pytest.approx(0.0015)

    def test_a_variance_is_never_negative(self) -> None:
        assert Trainings(10, 0.1).variance_with_later(0.0001, 0.5) == 0


class TestStakes:
    def test_a_price_in_accuracy(self) -> None:
        # 10 against 50 a point: a fifth of a point each
        assert STAKES.price(1) == pytest.approx(0.002)
        assert STAKES.price(3) == pytest.approx(0.006)

    @pytest.mark.parametrize(("cost", "worth"), [(-1, 1), (math.inf, 1), (math.nan, 1), (1, 0), (1, -1), (1, math.nan)])
    def test_prices_that_cannot_be(self, cost: float, worth: float) -> None:
        with pytest.raises(ValueError, match="cannot"):
            Stakes(0.02, cost, worth)


class TestBeforeTraining:
    def test_trains_where_the_result_is_worth_its_price(self) -> None:
        decided = gate()
        assert decided.decision is Step.TRAIN
        assert decided.evsi == pytest.approx(0.0198, abs=1e-4)
        assert decided.cost == pytest.approx(0.002)
        assert "2.0 points would pay" in decided.reason
        assert "worth 1.98 points" in decided.reason
        assert "one training, 0.20 points" in decided.reason

    def test_does_not_train_where_it_is_not(self) -> None:
        decided = gate(MANY_LABELS)
        # s~ = 0.07194; z = 0.12 / 0.07194 = 1.668; L = 0.01965: 0.00141
        assert decided.decision is Step.SKIP
        assert decided.evsi == pytest.approx(0.00141, abs=1e-5)
        assert decided.reason.startswith("Not trained, because ")
        for number in ("0.14 points", "0.20 points", "-10.0 points", "8.0 points", "2.0 points", "many labels"):
            assert number in decided.reason

    def test_trains_the_same_task_once_a_point_is_worth_more(self) -> None:
        assert gate(MANY_LABELS, Stakes(0.02, 10.0, 100.0)).decision is Step.TRAIN

    def test_does_not_train_without_room_above_the_cheap_arm(self) -> None:
        decided = gate(GainPrior(0.15, 0.10, ""), accuracy=0.96, high=0.981)
        assert decided.decision is Step.SKIP
        for number in ("98.1%", "1.9 points", "2.0 points", "100.0%"):
            assert number in decided.reason
        assert gate(GainPrior(0.15, 0.10, ""), accuracy=0.96, high=0.979).decision is Step.TRAIN

    def test_a_ceiling_below_one_leaves_less_room(self) -> None:
        assert gate(high=0.89, ceiling=0.90).decision is Step.SKIP
        above = gate(high=0.95, ceiling=0.90)
        assert above.decision is Step.SKIP
        assert "leaves 0.0 points to 90.0%" in above.reason

    def test_trains_what_is_expected_to_pay_although_measuring_teaches_little(self) -> None:
        decided = gate(GainPrior(0.15, 0.01, "house style"))
        assert decided.decision is Step.TRAIN
        assert decided.evsi < decided.cost
        assert "+15.0 points" in decided.reason
        assert "house style" in decided.reason

    def test_always_trains_where_it_costs_nothing(self) -> None:
        free = Stakes(0.02, 0.0, 50.0)
        for decided in (gate(MANY_LABELS, free), gate(stakes=free, accuracy=1.0, high=1.0)):
            assert decided.decision is Step.TRAIN
            assert decided.cost == 0
            assert "costs nothing" in decided.reason

    def test_always_trains_when_everything_is_asked_for(self) -> None:
        exhaustive = Stakes(0.02, 10.0, 50.0, exhaustive=True)
        for decided in (gate(MANY_LABELS, exhaustive), gate(stakes=exhaustive, accuracy=1.0, high=1.0)):
            assert decided.decision is Step.TRAIN
            assert "everything was asked for" in decided.reason

    def test_every_fold_is_paid_for(self) -> None:
        folds = Trainings(rows=200, run_deviation=0.02, first=5, later=0, inflation=1.22)
        decided = before_training(0.8, 0.85, UNKNOWN, folds, STAKES)
        assert decided.cost == pytest.approx(0.01)
        assert "5 trainings, 1.00 points" in decided.reason


class TestAfterOneSeed:
    def decide(self, gain: float, stakes: Stakes = STAKES, prior: GainPrior = UNKNOWN) -> Gate:
        return after_one_seed(measured(gain), 0.80, prior, TRAININGS, stakes)

    def test_goes_on_where_the_gain_lies_at_the_margin(self) -> None:
        # weight 0.0064 / 0.0079 = 0.8101; a measured 0.0247 is believed to be 0.0200: at the margin itself.
        # V1 = 0.0064 * 0.0015 / 0.0079 = 0.0012152; with three seeds 0.0064 * 0.00096667 / 0.00736667 = 0.00083982;
        # sqrt(V1 - V3) = 0.019374, times L(0) = 0.39894: 0.00773
        decided = self.decide(0.02 / 0.8101266)
        assert decided.decision is Step.GO_ON
        assert decided.evsi == pytest.approx(0.007729, abs=1e-5)
        assert decided.cost == pytest.approx(0.004)
        for number in ("0.77 points", "0.40 points", "50.0%", "+2.5 points"):
            assert number in decided.reason

    def test_stops_where_it_is_futile(self) -> None:
        # Believed: 0.8101 * -0.06 = -0.0486, deviation sqrt(0.0012152) = 0.03486; P(gain > 0.02) = 1 - Phi(1.968)
        decided = self.decide(-0.06)
        assert decided.decision is Step.STOP
        assert "2.5%" in decided.reason
        assert "-6.0 points" in decided.reason
        assert self.decide(-0.06, Stakes(0.02, 0.001, 50.0)).decision is Step.STOP
        # 0.8101 * -0.045 = -0.0365: 1 - Phi(1.62) = 5.3%
        assert self.decide(-0.045, Stakes(0.02, 0.001, 50.0)).decision is Step.GO_ON

    def test_stops_where_more_seeds_cost_more_than_they_teach(self) -> None:
        decided = self.decide(0.15)
        assert decided.decision is Step.STOP
        assert decided.evsi < decided.cost
        assert "Stopped after one training" in decided.reason
        assert "less than 0.01 points" in decided.reason

    def test_goes_on_where_it_costs_nothing_or_everything_is_asked_for(self) -> None:
        for stakes in (Stakes(0.02, 0.0, 50.0), Stakes(0.02, 10.0, 50.0, exhaustive=True)):
            assert self.decide(-0.30, stakes).decision is Step.GO_ON

    def test_what_published_results_say_counts(self) -> None:
        assert self.decide(0.02, prior=GainPrior(-0.10, 0.02, "")).decision is Step.STOP
        assert self.decide(0.02, prior=UNKNOWN).decision is Step.GO_ON

    def test_evidence_without_any_doubt(self) -> None:
        certain = after_one_seed(measured(0.05, 0.0, 0.0), 0.8, UNKNOWN, TRAININGS, STAKES)
        assert (certain.decision, certain.evsi) == (Step.STOP, 0.0)
        assert "100%" in certain.reason or "100.0%" in certain.reason
