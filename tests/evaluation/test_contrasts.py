"""Which interval a pair of arms gets, and what a contrast says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.arm import Family
from evaluation.contrasts import arm_interval, contrast_arms, holm
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, mcnemar_mid_p, tango_interval, wilson_interval

# 40 rows: 20 right in both, 8 only in RIGHT_MORE, 3 only in RIGHT_LESS, 9 in neither.
RIGHT_MORE = [1] * 20 + [1] * 8 + [0] * 3 + [0] * 9
RIGHT_LESS = [1] * 20 + [0] * 8 + [1] * 3 + [0] * 9
Scored = Callable[..., ScoredArm]
Alone = Callable[..., Design]


def pair(scored: Scored) -> list[ScoredArm]:
    return [scored(Family.ZERO_SHOT, RIGHT_LESS), scored(Family.RETRIEVAL, RIGHT_MORE)]


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        # sorted .01 * 3 = .03, .02 * 2 = .04, .04 * 1 = .04
        ([0.04, 0.01, 0.02], [0.04, 0.03, 0.04]),
        # .01 * 4 = .04, then .02 * 3 = .06, then .03 * 2 = .06, then .5
        ([0.5, 0.02, 0.01, 0.03], [0.5, 0.06, 0.04, 0.06]),
        # never below the one before: .04 * 2 = .08, .05 * 1 -> .08
        ([0.05, 0.04], [0.08, 0.08]),
        # never above 1
        ([0.6, 0.7], [1.0, 1.0]),
    ],
)
def test_holm(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(0 <= before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    ranked = [after for _, after in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


class TestTwoDeterministicRuns:
    def test_tango_and_mid_p(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        (contrast,) = contrast_arms(pair(scored), alone(40), policy)
        interval, keep = tango_interval(8, 3, 40, 0.95), tango_interval(8, 3, 40, 0.90)
        assert contrast.method == "Tango score interval, McNemar mid-p"
        assert contrast.difference == pytest.approx(5 / 40)
        assert (contrast.first_only, contrast.second_only) == (8, 3)
        assert (contrast.low, contrast.high) == pytest.approx((interval.low, interval.high))
        assert (contrast.lower_keep, contrast.upper_keep) == pytest.approx((keep.low, keep.high))
        assert contrast.p_value == pytest.approx(mcnemar_mid_p(8, 3))

    def test_the_costlier_arm_comes_first(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        (contrast,) = contrast_arms(pair(scored), alone(40), policy)
        assert (contrast.first, contrast.second) == ("retrieval", "zero_shot")


class TestEverythingElseIsTwoWay:
    TWO_WAY = "two-way t interval, rows and runs"

    def test_rows_that_belong_together(self, scored: Scored, policy: EvaluationPolicy) -> None:
        together = Design(np.array([0, 0, *range(2, 40)]), 1.0, 4.0)
        (contrast,) = contrast_arms(pair(scored), together, policy)
        assert contrast.method == self.TWO_WAY

    def test_cross_fitting_fits_a_deterministic_arm_more_than_once(
        self, scored: Scored, alone: Alone, policy: EvaluationPolicy
    ) -> None:
        folds = np.arange(40) % 5
        arms = [scored(Family.ZERO_SHOT, RIGHT_LESS, folds=folds), scored(Family.RETRIEVAL, RIGHT_MORE, folds=folds)]
        (contrast,) = contrast_arms(arms, alone(40, inflation=1.22), policy)
        assert contrast.method == self.TWO_WAY
        # d = 1 on 8 rows, -1 on 3: mean 0.125, squares 11 - 40/64 = 10.375, / 39 / 40 * 1.22^2
        assert contrast.item_variance == pytest.approx(10.375 / 39 / 40 * 1.4884)
        assert contrast.run_variance == 0
        reach = stats.t.ppf(0.975, 39) * np.sqrt(contrast.item_variance)
        assert (contrast.low, contrast.high) == pytest.approx((0.125 - reach, 0.125 + reach))
        assert contrast.upper_keep == pytest.approx(0.125 + stats.t.ppf(0.95, 39) * np.sqrt(contrast.item_variance))

    @pytest.mark.parametrize("runs", [1, 3])
    def test_an_arm_that_would_come_out_otherwise_again(
        self, scored: Scored, alone: Alone, policy: EvaluationPolicy, runs: int
    ) -> None:
        arms = [scored(Family.ZERO_SHOT, RIGHT_LESS), scored(Family.LORA, [RIGHT_MORE] * runs, run_deviation=0.03)]
        (contrast,) = contrast_arms(arms, alone(40), policy)
        assert contrast.method == self.TWO_WAY
        assert contrast.run_variance > 0

    def test_rows_right_in_some_runs_count_in_part(
        self, scored: Scored, alone: Alone, policy: EvaluationPolicy
    ) -> None:
        # The tuned arm is right on row 0 in one of two runs, on row 1 in both; the other arm on row 1 only.
        arms = [scored(Family.ZERO_SHOT, [0, 1, 0]), scored(Family.LORA, [[1, 1, 0], [0, 1, 0]], run_deviation=0.03)]
        (contrast,) = contrast_arms(arms, alone(3), policy)
        assert (contrast.first_only, contrast.second_only) == pytest.approx((0.5, 0))
        assert contrast.difference == pytest.approx(0.5 / 3)


def test_every_pair_once_with_holm_over_the_table(scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
    arms = [*pair(scored), scored(Family.HEAD, [1] * 25 + [0] * 15)]
    contrasts = contrast_arms(arms, alone(40), policy)
    assert {(each.first, each.second) for each in contrasts} == {
        ("retrieval", "zero_shot"), ("head", "zero_shot"), ("head", "retrieval"),
    }  # fmt: skip
    assert [each.p_holm for each in contrasts] == pytest.approx(holm([each.p_value for each in contrasts]))


def test_one_arm_has_no_contrast(scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
    assert contrast_arms(pair(scored)[:1], alone(40), policy) == ()


def test_reversed_says_the_same_from_the_other_side(scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
    (there,) = contrast_arms(pair(scored), alone(40), policy)
    (back,) = contrast_arms(pair(scored)[::-1], alone(40), policy)
    mirrored = there.reversed()
    assert mirrored.model_dump() == pytest.approx(back.model_dump())
    assert mirrored.reversed() == there


class TestArmInterval:
    def test_wilson_for_one_deterministic_run(self, scored: Scored, alone: Alone) -> None:
        interval, wilson = arm_interval(pair(scored)[0], alone(40), 0.95), wilson_interval(23, 40, 0.95)
        assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high))

    def test_two_way_for_several_runs(self, scored: Scored, alone: Alone) -> None:
        narrow = arm_interval(scored(Family.ZERO_SHOT, RIGHT_MORE), alone(40), 0.95)
        wide = arm_interval(scored(Family.LORA, [RIGHT_MORE] * 3, run_deviation=0.1), alone(40), 0.95)
        assert wide.low < narrow.low < 0.7 < narrow.high < wide.high

    def test_stays_within_0_and_1(self, scored: Scored, alone: Alone) -> None:
        best = arm_interval(scored(Family.LORA, np.ones((3, 40)), run_deviation=0.05), alone(40), 0.95)
        worst = arm_interval(scored(Family.LORA, np.zeros((3, 40)), run_deviation=0.05), alone(40), 0.95)
        assert 0 < best.low < best.high == 1
        assert 0 == worst.low < worst.high < 1
