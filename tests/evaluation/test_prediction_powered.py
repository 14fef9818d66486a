"""Judged means against values worked by hand, the mean grade they must fall back to, and simulated coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.prediction_powered import Judged, judged_difference, judged_mean
from evaluation.statistics import Design, Outcomes, estimate_mean

JUDGE = [1.0, 0, 1, 1, 0, 1, 1, 0]
GOLD = [1.0, 0, 0, 1, None, None, None, None]


def drawn(n: int, graded: int, seed: int, noise: float = 0.5) -> Judged:
    """Grades and a judge that follows them with noise."""
    rng = np.random.default_rng(seed)
    quality = rng.random(n)
    judge = np.clip(quality + noise * rng.normal(size=n), 0, 1)
    return Judged(judge, np.where(np.arange(n) < graded, quality, np.nan))


class TestByHand:
    def test_a_judge_taken_at_its_word(self, alone: Callable[..., Design]) -> None:
        # Judge on all 5/8, grade less judge on graded (0, 0, -1, 0)/4: .375.
        # Half is ungraded with judge's mean 1/2, so parts are grade - (judge - 1/2)/2 = .75, .25, -.25, .75; squares
        # about .375: .6875, over 4^2 and times 4/3: .0572917, raised to one row's worth 1/16. Ungraded parts
        # (judge - 1/2)/2 / 4 = +-.0625: 4 * .0625^2 * 4/3 = .0208333.
        corrected = judged_mean(Judged.of(JUDGE, GOLD), alone(8), weight=1.0)
        assert corrected.estimate.value == pytest.approx(0.375)
        assert corrected.estimate.item_variance == pytest.approx(1 / 16 + 1 / 48)
        assert corrected.estimate.degrees_of_freedom == 3
        assert (corrected.weight, corrected.graded, corrected.rows) == (1, 4, 8)

    def test_half_believed(self, alone: Callable[..., Design]) -> None:
        # .5 * 5/8 + mean(.5, 0, -.5, .5) = .4375
        assert judged_mean(Judged.of(JUDGE, GOLD), alone(8), weight=0.5).estimate.value == pytest.approx(0.4375)

    def test_a_difference_of_two_arms(self, alone: Callable[..., Design]) -> None:
        # The other arm's judge is right on none but the first row, its grades 1, 0, _, 0: row 3 is graded in one only.
        # Judge: 5/8 - 1/8 = .5. On rows 1, 2, 4 grades differ by 0, 0, 1 and judges by 0, 0, 1: nothing to correct.
        other = Judged.of([1.0, 0, 0, 0, 0, 0, 0, 0], [1.0, 0, None, 0, None, None, None, None])
        corrected = judged_difference(Judged.of(JUDGE, GOLD), other, alone(8), weight=1.0)
        assert corrected.estimate.value == pytest.approx(0.5)
        assert corrected.graded == 3
        back = judged_difference(other, Judged.of(JUDGE, GOLD), alone(8), weight=1.0)
        assert back.estimate.value == pytest.approx(-0.5)
        assert back.estimate.item_variance == pytest.approx(corrected.estimate.item_variance)

    def test_inflation(self, alone: Callable[..., Design]) -> None:
        plain = judged_mean(Judged.of(JUDGE, GOLD), alone(8), weight=1.0).estimate
        wide = judged_mean(Judged.of(JUDGE, GOLD), alone(8, inflation=1.22), weight=1.0).estimate
        assert wide.standard_error == pytest.approx(1.22 * plain.standard_error)

    def test_rows_that_repeat_each_other_add_nothing(self, alone: Callable[..., Design]) -> None:
        once = drawn(60, 20, seed=1)
        twice = Judged(np.repeat(once.judge, 2), np.repeat(once.gold, 2))
        pairs = Design(np.repeat(np.arange(60), 2), 1.0, 4.0)
        single, double = judged_mean(once, alone(60), 0.2).estimate, judged_mean(twice, pairs, 0.2).estimate
        assert double.value == pytest.approx(single.value)
        assert double.standard_error == pytest.approx(single.standard_error)
        assert double.degrees_of_freedom == single.degrees_of_freedom

    def test_a_cluster_graded_in_part_is_still_one(self) -> None:
        # Each graded row has an ungraded twin on which the judge says the same.
        half = drawn(40, 40, seed=2)
        twins = Judged(np.repeat(half.judge, 2), np.where(np.arange(80) % 2 == 0, np.repeat(half.gold, 2), np.nan))
        corrected = judged_mean(twins, Design(np.repeat(np.arange(40), 2), 1.0, 4.0), weight=1.0).estimate
        # The twins correct nothing away: this is the mean grade with the spread of the 40 grades.
        gold_only = judged_mean(half, Design(np.arange(40), 1.0, 4.0)).estimate
        assert corrected.value == pytest.approx(gold_only.value)
        assert corrected.standard_error == pytest.approx(gold_only.standard_error)


class TestFallingBack:
    @given(st.integers(2, 60), st.integers(0, 60), st.integers(0, 99))
    def test_weight_zero_is_the_mean_grade_with_its_own_interval(self, graded: int, ungraded: int, seed: int) -> None:
        judged = drawn(graded + ungraded, graded, seed)
        corrected = judged_mean(judged, Design(np.arange(graded + ungraded), 1.0, 4.0), weight=0.0).estimate
        grades = Outcomes(judged.gold[None, :graded], np.zeros(graded, dtype=np.int64), 0.0)
        plain = estimate_mean(grades, Design(np.arange(graded), 1.0, 4.0))
        assert corrected.value == pytest.approx(plain.value)
        assert corrected.item_variance == pytest.approx(plain.item_variance)
        assert corrected.degrees_of_freedom == pytest.approx(plain.degrees_of_freedom)

    @pytest.mark.parametrize("weight", [None, 0.0, 0.5, 1.0])
    def test_all_graded_is_the_mean_grade(self, weight: float | None, alone: Callable[..., Design]) -> None:
        judged = drawn(30, 30, seed=3)
        corrected, plain = judged_mean(judged, alone(30), weight).estimate, judged_mean(judged, alone(30), 0.0).estimate
        assert corrected == plain
        assert corrected.value == pytest.approx(float(judged.gold.mean()))

    def test_a_judge_that_says_the_same_of_every_row(self, alone: Callable[..., Design]) -> None:
        judged = drawn(60, 20, seed=4)
        corrected = judged_mean(Judged(np.ones(60), judged.gold), alone(60))
        assert corrected.weight == 0
        assert corrected.estimate.value == pytest.approx(float(np.nanmean(judged.gold)))

    def test_a_judge_that_is_wrong_way_round_is_not_believed(self, alone: Callable[..., Design]) -> None:
        judged = drawn(200, 50, seed=5, noise=0.1)
        assert judged_mean(Judged(1 - judged.judge, judged.gold), alone(200)).weight == 0
        assert judged_mean(judged, alone(200)).weight > 0.8

    def test_too_few_grades_to_tune_by(self, alone: Callable[..., Design]) -> None:
        assert judged_mean(drawn(60, 4, seed=6, noise=0.0), alone(60)).weight == 0
        assert judged_mean(drawn(60, 5, seed=6, noise=0.0), alone(60)).weight > 0

    def test_a_tuned_weight_costs_a_degree_of_freedom(self, alone: Callable[..., Design]) -> None:
        assert judged_mean(drawn(60, 20, seed=6), alone(60)).estimate.degrees_of_freedom == 18
        assert judged_mean(drawn(60, 20, seed=6), alone(60), weight=0.5).estimate.degrees_of_freedom == 19

    def test_one_grade_says_next_to_nothing(self, alone: Callable[..., Design]) -> None:
        estimate = judged_mean(drawn(60, 1, seed=7), alone(60)).estimate
        assert (estimate.item_variance, estimate.degrees_of_freedom) == (1, 1)

    def test_a_judge_that_never_erred_still_has_a_width(self, alone: Callable[..., Design]) -> None:
        judged = drawn(400, 20, seed=8, noise=0.0)
        assert judged_mean(judged, alone(400), weight=1.0).estimate.standard_error >= 1 / 20

    def test_no_grades(self, alone: Callable[..., Design]) -> None:
        with pytest.raises(ValueError, match="a judge's scores alone are not reported"):
            judged_mean(Judged.of([0.5, 0.6], [None, None]), alone(2))
        apart = Judged.of([0.5, 0.6], [1, None]), Judged.of([0.5, 0.6], [None, 1])
        with pytest.raises(ValueError, match="a judge's scores alone are not reported"):
            judged_difference(*apart, alone(2))

    def test_bad_input(self, alone: Callable[..., Design]) -> None:
        with pytest.raises(ValueError, match="2 judged rows, but 1 grades or blanks"):
            Judged.of([0.5, 0.6], [1])
        with pytest.raises(ValueError, match="A row without a judge's score"):
            Judged.of([0.5, float("nan")], [1, 1])
        with pytest.raises(ValueError, match="2 and 1 judged rows"):
            judged_difference(Judged.of([0.5, 0.6], [1, 1]), Judged.of([0.5], [1]), alone(2))


RUNS = 1200


def binary(
    rng: np.random.Generator, n: int, accuracy: float, too_kind: float, too_strict: float
) -> NDArray[np.float64]:
    """Grades and a judge's marks, (2, n): the judge passes a wrong answer, or fails a right one, so often."""
    gold = rng.random(n) < accuracy
    return np.stack([gold, np.where(gold, rng.random(n) >= too_strict, rng.random(n) < too_kind)]).astype(float)


class TestCoverage:
    @pytest.mark.parametrize(
        ("graded", "rows", "accuracy", "too_kind", "too_strict", "saved"),
        [
            (30, 300, 0.8, 0.3, 0.1, (0.0, 0.2)),
            (60, 300, 0.7, 0.1, 0.02, (0.2, 0.4)),
            (60, 300, 0.5, 0.5, 0.5, (-0.05, 0.0)),  # a judge that throws a coin must not help
            (50, 500, 0.9, 0.3, 0.02, (0.1, 0.3)),
        ],
    )
    def test_of_a_mean(
        self, graded: int, rows: int, accuracy: float, too_kind: float, too_strict: float, saved: tuple[float, float],
        alone: Callable[..., Design],
    ) -> None:  # fmt: skip
        rng, design = np.random.default_rng([12, graded, round(100 * too_kind)]), alone(rows)
        covered = covered_by_judge = 0
        errors, errors_by_grades = [], []
        for _ in range(RUNS):
            gold, judge = binary(rng, rows, accuracy, too_kind, too_strict)
            judged = Judged(judge, np.where(np.arange(rows) < graded, gold, np.nan))
            estimate = judged_mean(judged, design).estimate
            interval = estimate.interval(0.95)
            covered += interval.low <= accuracy <= interval.high
            covered_by_judge += abs(judge.mean() - accuracy) <= 1.96 * judge.std() / np.sqrt(rows)
            errors.append(estimate.standard_error)
            errors_by_grades.append(judged_mean(judged, design, weight=0.0).estimate.standard_error)
        # A t interval of so few yes-or-no grades covers 87 to 96% by itself. A weight tuned to the very rows that it is
        # used on would cover 89% of the last world.
        assert 0.915 <= covered / RUNS <= 0.98
        assert saved[0] <= 1 - np.mean(errors) / np.mean(errors_by_grades) <= saved[1]
        if too_kind == too_strict:
            assert covered_by_judge / RUNS > 0.9
        else:
            assert covered_by_judge / RUNS < 0.93

    def test_of_a_difference(self, alone: Callable[..., Design]) -> None:
        # The judge is kinder to the second arm, which is worse: its own difference has the wrong sign.
        rng, rows, graded, covered, judge_differences = np.random.default_rng(13), 500, 100, 0, []
        known = np.arange(rows) < graded
        for _ in range(RUNS):
            arms = []
            for accuracy, too_kind in ((0.75, 0.1), (0.65, 0.6)):
                gold, judge = binary(rng, rows, accuracy, too_kind, 0.05)
                arms.append(Judged(judge, np.where(known, gold, np.nan)))
            interval = judged_difference(arms[0], arms[1], alone(rows)).estimate.interval(0.95)
            covered += interval.low <= 0.10 <= interval.high
            judge_differences.append(arms[0].judge.mean() - arms[1].judge.mean())
        assert np.mean(judge_differences) < 0
        assert 0.93 <= covered / RUNS <= 0.97
