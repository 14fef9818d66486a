"""Intervals and tests against values worked by hand, published closed forms and the protocol's reference scripts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.statistics import (
    Design,
    Estimate,
    Outcomes,
    estimate_difference,
    estimate_mean,
    item_variance,
    mcnemar_mid_p,
    run_variance,
    tango_interval,
    wilson_interval,
)

Z2 = 1.959963984540054**2
ONE_FOLD = np.zeros(4, dtype=np.int64)


@st.composite
def discordant_counts(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(1, 400))
    first = draw(st.integers(0, n))
    return first, draw(st.integers(0, n - first)), n


def tango_score(b: int, c: int, n: int, d: float) -> float:
    """Protocol 1.2, as written there."""
    a_, b_, c_ = 2 * n, -b - c + (2 * n - b + c) * d, -c * d * (1 - d)
    q = (math.sqrt(max(b_ * b_ - 4 * a_ * c_, 0)) - b_) / (2 * a_)
    return (b - c - n * d) / math.sqrt(n * (2 * q + d * (1 - d)))


class TestTango:
    @pytest.mark.parametrize(
        ("first_only", "second_only", "n", "low", "high"),
        [  # from `tango` of the protocol's reference script ci_cov.py
            (12, 4, 100, 0.00178278, 0.16558815),
            (0, 1, 44, -0.11807710, 0.05939323),
            (5, 0, 20, 0.04859355, 0.46870088),
            (3, 9, 60, -0.22237900, 0.01495011),
            (20, 20, 100, -0.12497404, 0.12497404),
            (1, 7, 30, -0.38636133, -0.01878840),
        ],
    )
    def test_reference_values(self, first_only: int, second_only: int, n: int, low: float, high: float) -> None:
        interval = tango_interval(first_only, second_only, n, 0.95)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-6)

    @pytest.mark.parametrize("n", [1, 10, 50, 1000])
    def test_without_discordant_rows_the_width_is_positive(self, n: int) -> None:
        # q = 0, so T = -nD / sqrt(n D (1 - D)) = -z, which gives D = z^2 / (n + z^2).
        interval = tango_interval(0, 0, n, 0.95)
        assert (interval.low, interval.high) == pytest.approx((-Z2 / (n + Z2), Z2 / (n + Z2)), abs=1e-7)

    @pytest.mark.parametrize("n", [1, 10, 50])
    def test_all_rows_discordant_one_way(self, n: int) -> None:
        # q = (1 - D) / 2, so T = sqrt(n (1 - D) / (1 + D)) = z, which gives D = (n - z^2) / (n + z^2).
        interval = tango_interval(n, 0, n, 0.95)
        assert interval.low == pytest.approx((n - Z2) / (n + Z2), abs=1e-7)
        assert interval.high == 1

    @given(discordant_counts())
    def test_contains_the_estimate_and_is_symmetric(self, counts: tuple[int, int, int]) -> None:
        b, c, n = counts
        interval, mirrored = tango_interval(b, c, n, 0.95), tango_interval(c, b, n, 0.95)
        assert -1 <= interval.low <= (b - c) / n <= interval.high <= 1
        assert (mirrored.low, mirrored.high) == pytest.approx((-interval.high, -interval.low), abs=1e-6)

    @given(discordant_counts(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
    def test_the_ends_are_where_the_score_reaches_z(self, counts: tuple[int, int, int], confidence: float) -> None:
        b, c, n = counts
        interval, z = tango_interval(b, c, n, confidence), stats.norm.ppf((1 + confidence) / 2)
        if interval.low > -1:
            assert tango_score(b, c, n, interval.low) == pytest.approx(z, rel=1e-4)
        if interval.high < 1:
            assert tango_score(b, c, n, interval.high) == pytest.approx(-z, rel=1e-4)

    def test_more_confidence_is_wider(self) -> None:
        narrow, wide = tango_interval(9, 3, 80, 0.90), tango_interval(9, 3, 80, 0.99)
        assert wide.low < narrow.low < narrow.high < wide.high

    @pytest.mark.parametrize(("b", "c", "n"), [(-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)])
    def test_impossible_counts(self, b: int, c: int, n: int) -> None:
        with pytest.raises(ValueError, match=f"{b} and {c} discordant rows of {n} cannot be"):
            tango_interval(b, c, n, 0.95)


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [
        (0, 0, 1),
        (1, 1, 1),  # 2 * 3/4 - 2/4 = 1
        (2, 2, 1),  # 2 * 11/16 - 6/16 = 1
        (5, 0, 1 / 32),  # 2 * 1/32 - 1/32
        (3, 1, 6 / 16),  # 2 * (1 + 4)/16 - 4/16
        (8, 2, 67 / 1024),  # 2 * (1 + 10 + 45)/1024 - 45/1024
        (2, 8, 67 / 1024),
    ],
)
def test_mcnemar_mid_p(first_only: int, second_only: int, p: float) -> None:
    assert mcnemar_mid_p(first_only, second_only) == pytest.approx(p)


class TestWilson:
    def test_eight_of_ten(self) -> None:
        # centre (0.8 + z^2/20) / (1 + z^2/10) = 0.716740, reach z sqrt(0.016 + z^2/400) / (1 + z^2/10) = 0.226578
        interval = wilson_interval(8, 10, 0.95)
        assert (interval.low, interval.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)

    def test_none_and_all_right(self) -> None:
        # p = 0: 0 .. z^2 / (n + z^2)
        assert (wilson_interval(0, 10, 0.95).low, wilson_interval(0, 10, 0.95).high) == pytest.approx(
            (0, Z2 / (10 + Z2))
        )
        assert (wilson_interval(10, 10, 0.95).low, wilson_interval(10, 10, 0.95).high) == pytest.approx(
            (10 / (10 + Z2), 1)
        )


class TestItemVariance:
    def test_every_row_its_own_cluster(self) -> None:
        # mean 0.6, squares 3 * 0.16 + 2 * 0.36 = 1.2, sd^2 = 0.3, over n = 5: 0.06
        assert item_variance(np.array([1.0, 0, 1, 1, 0]), np.arange(5)) == pytest.approx(0.06)

    def test_clusters(self) -> None:
        # sums of (x - 0.6): [-0.2, 0.8, -0.6], squares 1.04; CR1: 3/2 * 1.04 / 5^2 = 0.0624
        assert item_variance(np.array([1.0, 0, 1, 1, 0]), np.array([7, 7, 3, 3, 9])) == pytest.approx(0.0624)

    def test_rows_that_repeat_each_other_widen(self) -> None:
        once = np.array([1.0, 0, 1, 1, 0, 0, 1, 0])
        twice, pairs = np.repeat(once, 2), np.repeat(np.arange(8), 2)
        # 8/7 * sum of (2 * +-0.5)^2 = 8, over 16^2: what the eight rows alone give.
        assert item_variance(twice, pairs) == pytest.approx(item_variance(once, np.arange(8)))
        assert item_variance(twice, pairs) > item_variance(twice, np.arange(16))

    def test_equal_values_give_one_row_of_variance(self) -> None:
        assert item_variance(np.ones(20), np.arange(20)) == pytest.approx(1 / 400)

    def test_nothing_to_measure_spread_by(self) -> None:
        assert item_variance(np.ones(1), np.zeros(1, dtype=int)) == 1
        assert item_variance(np.array([0.0, 1, 1]), np.zeros(3, dtype=int)) == 1


class TestRunVariance:
    THREE_RUNS = np.array([[1.0, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]])

    def test_runs_of_one_fold(self) -> None:
        # Means 0.75, 0.5, 1: variance 0.0625. Rows vary by 0, 0, 1/3, 1/3: mean 1/6, over 4 rows 1/24.
        # Observed 0.0625 - 1/24 = 1/48. Moderated (4 * 0.1^2 + 2/48) / (4 + 2) = 0.0136111; over 3 runs 0.0045370.
        run = run_variance(Outcomes(self.THREE_RUNS, ONE_FOLD, 0.1), 4.0)
        assert run.variance == pytest.approx(0.0136111 / 3, abs=1e-7)
        assert run.degrees_of_freedom == 6

    def test_less_spread_than_the_rows_explain_counts_as_none(self) -> None:
        # Equal means, different rows: observed is negative, so 0. (4 * 0.01 + 0) / 5 / 2 runs = 0.004.
        run = run_variance(Outcomes(np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]]), ONE_FOLD, 0.1), 4.0)
        assert run.variance == pytest.approx(0.004)
        assert run.degrees_of_freedom == 5

    def test_one_fit_a_fold(self) -> None:
        # Fold means 0.75 and 0.25: variance 0.125; rows explain 0.25/4 = 0.0625 in each; observed 0.0625, 1 d.f.
        # (4 * 0.01 + 0.0625) / 5 = 0.0205, over two folds of equal size 0.01025.
        scores = np.array([[1.0, 1, 1, 0, 0, 0, 0, 1]])
        run = run_variance(Outcomes(scores, np.repeat([0, 1], 4), 0.1), 4.0)
        assert run.variance == pytest.approx(0.01025)
        assert run.degrees_of_freedom == 5

    def test_runs_in_every_fold(self) -> None:
        # Fold 0: means 1 and 0.5, variance 0.125, rows (0 + 0.5)/2 / 2 = 0.125: observed 0. Fold 1: means 1 and 0,
        # variance 0.5, rows (0.5 + 0.5)/2 / 2 = 0.25: observed 0.25. Mean 0.125 with 2 d.f.
        # (4 * 0.01 + 2 * 0.125) / 6 = 0.0483333; two folds and two runs: a quarter, 0.0120833.
        scores = np.array([[1.0, 1, 1, 1], [1, 0, 0, 0]])
        run = run_variance(Outcomes(scores, np.array([0, 0, 1, 1]), 0.1), 4.0)
        assert run.variance == pytest.approx(0.0120833, abs=1e-7)
        assert run.degrees_of_freedom == 6

    def test_a_single_fit_rests_on_the_prior(self) -> None:
        run = run_variance(Outcomes(self.THREE_RUNS[:1], ONE_FOLD, 0.1), 4.0)
        assert run.variance == pytest.approx(0.01)
        assert run.degrees_of_freedom == 4

    def test_a_deterministic_arm_has_none(self) -> None:
        run = run_variance(Outcomes(self.THREE_RUNS[:1], ONE_FOLD, 0.0), 4.0)
        assert (run.variance, run.degrees_of_freedom) == (0, math.inf)

    def test_the_prior_weighs_by_its_degrees_of_freedom(self) -> None:
        outcomes = Outcomes(self.THREE_RUNS, ONE_FOLD, 0.1)
        # observed 1/48 = 0.0208333 beside 0.01 of the prior
        assert run_variance(outcomes, 1e9).variance == pytest.approx(0.01 / 3)
        assert run_variance(outcomes, 1e-9).variance == pytest.approx(1 / 48 / 3)


class TestEstimates:
    # Eight rows, the four of TestRunVariance twice. Means over runs 1, 1, 2/3, 1/3; less 1, 0, 0, 0.
    TUNED = Outcomes(np.tile(TestRunVariance.THREE_RUNS, 2), np.zeros(8, dtype=np.int64), 0.1)
    PLAIN = Outcomes(np.tile([[1.0, 0, 0, 0]], 2), np.zeros(8, dtype=np.int64), 0.0)

    def test_satterthwaite(self, alone: Callable[..., Design]) -> None:
        # d = 0, 1, 2/3, 1/3, twice: mean 0.5, squares 2 * 20/36 = 10/9; v = 10/9 / 7 / 8 = 0.0198413
        # run part: rows 1/6 / 8 = 1/48, observed 0.0625 - 1/48 = 1/24, (0.04 + 2/24) / 6 / 3 = 0.0068519 with 6 d.f.
        # d.f. = 0.0266931^2 / (0.0198413^2 / 7 + 0.0068519^2 / 6) = 11.1220
        estimate = estimate_difference(self.TUNED, self.PLAIN, alone(8))
        assert estimate.value == pytest.approx(0.5)
        assert estimate.item_variance == pytest.approx(0.0198413, abs=1e-7)
        assert estimate.run_variance == pytest.approx(0.0068519, abs=1e-7)
        assert estimate.degrees_of_freedom == pytest.approx(11.1220, abs=1e-4)
        # t = 0.5 / sqrt(0.0266931) = 3.0604; t_.975 with 11.122 d.f. = 2.1979, reach 0.35912
        interval = estimate.interval(0.95)
        assert (interval.low, interval.high) == pytest.approx((0.14088, 0.85912), abs=1e-5)
        assert estimate.p_value() == pytest.approx(0.010718, abs=1e-6)

    def test_inflation_widens_the_item_part_only(self, alone: Callable[..., Design]) -> None:
        plain = estimate_difference(self.TUNED, self.PLAIN, alone(8))
        wide = estimate_difference(self.TUNED, self.PLAIN, alone(8, inflation=1.22))
        assert wide.item_variance == pytest.approx(1.4884 * plain.item_variance)
        assert wide.run_variance == pytest.approx(plain.run_variance)

    def test_both_sides_change_sign_together(self, alone: Callable[..., Design]) -> None:
        there = estimate_difference(self.TUNED, self.PLAIN, alone(8)).interval(0.9)
        back = estimate_difference(self.PLAIN, self.TUNED, alone(8)).interval(0.9)
        assert (back.low, back.high) == pytest.approx((-there.high, -there.low))

    def test_equal_arms_still_have_a_width(self, alone: Callable[..., Design]) -> None:
        estimate = estimate_difference(self.PLAIN, self.PLAIN, alone(8))
        assert estimate.value == 0
        assert estimate.standard_error == pytest.approx(1 / 8)
        assert estimate.p_value() == 1

    def test_one_arm_by_itself(self, alone: Callable[..., Design]) -> None:
        # Two of eight right: sd^2/n = (2 * 0.5625 + 6 * 0.0625) / 7 / 8 = 1.5/56
        estimate = estimate_mean(self.PLAIN, alone(8))
        assert estimate.value == pytest.approx(0.25)
        assert estimate.item_variance == pytest.approx(1.5 / 56)
        assert (estimate.run_variance, estimate.degrees_of_freedom) == (0, pytest.approx(7))

    def test_one_degree_of_freedom_is_cauchy(self) -> None:
        # The quartiles of Student's t with 1 d.f. are at +-1, so one standard error has p = 0.5.
        estimate = Estimate(0.2, item_variance=0.03, run_variance=0.01, degrees_of_freedom=1)
        assert estimate.p_value() == pytest.approx(0.5)
        interval = estimate.interval(0.5)
        assert (interval.low, interval.high) == pytest.approx((0.0, 0.4))

    def test_many_degrees_of_freedom_are_normal(self) -> None:
        estimate = Estimate(1.959964, 1.0, 0.0, 1e9)
        assert estimate.p_value() == pytest.approx(0.05, abs=1e-6)

    def test_fits_are_counted_over_folds(self) -> None:
        scores = np.ones((3, 10))
        assert Outcomes(scores, np.repeat(np.arange(5), 2), 0.1).fits == 15
        assert not Outcomes(scores[:1], np.repeat(np.arange(5), 2), 0.0).is_one_deterministic_run
        assert Outcomes(scores[:1], np.zeros(10, dtype=np.int64), 0.0).is_one_deterministic_run
        assert not Outcomes(scores[:1], np.zeros(10, dtype=np.int64), 0.1).is_one_deterministic_run
