"""From predictions to scores: a failure scores 0 and is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from evaluation.arm import ArmSpec, Family, Prediction
from evaluation.dataset import Dataset, Task
from evaluation.metrics.semantic_similarity import SemanticSimilarity
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm, macro_f1_of, score_arm, statistics_design, with_similarity
from evaluation.splits import Design, Fold, Split, given_split, split_dataset
from evaluation.trials import FinishedTrial, Trial

TASK = Task(("bad", "good"))
Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]


def finished(rows: Fold, predictions: Sequence[Prediction], run: int = 0, fold: int = 0) -> FinishedTrial:
    trial = Trial(
        key="k", arm="a", fold=fold, run=run, seed=1, train_size=len(rows.train), determined_by={},
        fit_seconds=2.0, predict_seconds=0.5,
    )  # fmt: skip
    return FinishedTrial(trial, rows, tuple(predictions))


@pytest.fixture
def four_rows(rows: Rows) -> Split:
    test = rows(("a", "good"), ("b", "good"), ("c", "bad"), ("d", "bad"), name="test")
    return given_split(rows(("x", "good"), ("y", "bad")), [], test, [0, 1, 2, 2], seed=1)


def score(spec: ArmSpec, split: Split, *runs: Sequence[Prediction]) -> ScoredArm:
    trials = [finished(split.folds[0], predictions, run) for run, predictions in enumerate(runs)]
    return score_arm(spec, trials, split, TASK, EvaluationPolicy())


def said(*outputs: str | None) -> list[Prediction]:
    return [Prediction(output) if output is not None else Prediction(None, error="timed out") for output in outputs]


class TestScores:
    def test_right_and_wrong(self, four_rows: Split, guessing: Guessing) -> None:
        arm = score(guessing(Family.ZERO_SHOT), four_rows, said("good", "Bad", " bad. ", "good"))
        assert arm.outcomes.scores.tolist() == [[1, 0, 1, 0]]
        assert arm.answers == (("good", "bad", "bad", "good"),)
        assert (arm.failures, arm.unread) == (0, 0)

    def test_a_failure_scores_0_and_is_counted(self, four_rows: Split, guessing: Guessing) -> None:
        arm = score(guessing(Family.ZERO_SHOT), four_rows, said("good", None, "bad", None))
        assert arm.outcomes.scores.tolist() == [[1, 0, 1, 0]]
        assert arm.answers == (("good", None, "bad", None),)
        assert (arm.failures, arm.unread) == (2, 0)

    def test_a_failure_is_a_failure_whatever_it_also_said(self, four_rows: Split, guessing: Guessing) -> None:
        predictions = [Prediction("good", error="cut off"), *said("good", "bad", "bad")]
        arm = score(guessing(Family.ZERO_SHOT), four_rows, predictions)
        assert arm.outcomes.scores.tolist() == [[0, 1, 1, 1]]
        assert arm.failures == 1

    def test_an_error_without_words_is_a_failure_too(self, four_rows: Split, guessing: Guessing) -> None:
        predictions = [Prediction("good", error=""), *said("good", "bad", "bad")]
        assert score(guessing(Family.ZERO_SHOT), four_rows, predictions).outcomes.scores.tolist() == [[0, 1, 1, 1]]

    def test_unread_are_counted_apart(self, four_rows: Split, guessing: Guessing) -> None:
        arm = score(guessing(Family.ZERO_SHOT), four_rows, said("good", "ugly", "", None))
        assert arm.outcomes.scores.tolist() == [[1, 0, 0, 0]]
        assert (arm.failures, arm.unread) == (1, 2)

    def test_runs_are_rows_of_the_matrix(self, four_rows: Split, guessing: Guessing) -> None:
        arm = score(guessing(Family.FEW_SHOT), four_rows, said(*["good"] * 4), said(*["bad"] * 4), said(*["no"] * 4))
        assert arm.outcomes.scores.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
        assert arm.unread == 4

    def test_a_run_that_misses_a_fold_is_refused(self, rows: Rows, guessing: Guessing) -> None:
        split = split_dataset(
            rows(*[(str(n), TASK.labels[n % 2]) for n in range(60)]), range(60), EvaluationPolicy(), 1
        )
        trials = [
            finished(fold, said(*["good"] * len(fold.tested)), 0, number) for number, fold in enumerate(split.folds)
        ]
        with pytest.raises(ValueError, match="row"):
            score_arm(guessing(Family.ZERO_SHOT), trials[:-1], split, TASK, EvaluationPolicy())


class TestFolds:
    def test_every_row_gets_the_answer_of_its_own_fold(self, rows: Rows, guessing: Guessing) -> None:
        dataset = rows(*[(str(n), TASK.labels[n * 7 % 3 % 2]) for n in range(60)])
        split = split_dataset(dataset, range(60), EvaluationPolicy(), 1)
        trials = [
            finished(fold, said(*[split.tested[position].output for position in fold.tested]), 0, number)
            for number, fold in enumerate(split.folds)
        ]
        arm = score_arm(guessing(Family.LORA), trials[::-1], split, TASK, EvaluationPolicy())
        assert arm.outcomes.scores.tolist() == [[1.0] * 60]
        assert arm.outcomes.folds.tolist() == list(split.fold_of())
        assert arm.outcomes.fits == 10
        assert arm.train_size == split.train_size

    def test_cross_fitting_widens(self, rows: Rows, four_rows: Split, policy: EvaluationPolicy) -> None:
        dataset = rows(*[(str(n), TASK.labels[n % 2]) for n in range(60)])
        crossed = statistics_design(split_dataset(dataset, range(60), policy, 1), policy)
        assert (crossed.inflation, statistics_design(four_rows, policy).inflation) == (1.22, 1.0)
        assert statistics_design(four_rows, policy).clusters.tolist() == [0, 1, 2, 2]


def test_run_deviation_by_family_and_demonstrations(four_rows: Split, guessing: Guessing) -> None:
    answers = said(*["good"] * 4)
    assert score(guessing(Family.LORA), four_rows, answers).outcomes.run_deviation == 0.042
    # 8 a label would be 16, but there are only two rows to show
    assert score(guessing(Family.FEW_SHOT), four_rows, answers).outcomes.run_deviation == 0.06
    assert score(guessing(Family.HEAD), four_rows, answers).outcomes.run_deviation == 0


def test_times(four_rows: Split, guessing: Guessing) -> None:
    arm = score(guessing(Family.FEW_SHOT), four_rows, said(*["good"] * 4), said(*["bad"] * 4))
    # two fits of 2 s, two times 0.5 s for four rows
    assert (arm.fit_seconds, arm.total_seconds, arm.milliseconds_per_item) == pytest.approx((2.0, 5.0, 125.0))


class TestMacroF1:
    def test_mean_over_runs(self, four_rows: Split, guessing: Guessing, policy: EvaluationPolicy) -> None:
        # run 0 all right: 1; run 1 all "good": good 2/4 and 2/2 -> 2/3, bad 0 -> 1/3; mean 2/3
        arm = score(guessing(Family.FEW_SHOT), four_rows, said("good", "good", "bad", "bad"), said(*["good"] * 4))
        result = macro_f1_of(arm, four_rows, policy, np.random.default_rng(1))
        assert result.value == pytest.approx(2 / 3)
        assert result.interval is None

    def wide(self, rows: Rows, guessing: Guessing, clusters: Sequence[int]) -> tuple[ScoredArm, Split]:
        labels = [TASK.labels[n % 2] for n in range(200)]
        test = rows(*[(str(n), label) for n, label in enumerate(labels)], name="test")
        split = given_split(rows(("x", "good")), [], test, clusters, 1)
        answers = [label if n % 5 else "good" for n, label in enumerate(labels)]
        return score(guessing(Family.ZERO_SHOT), split, said(*answers)), split

    def test_interval(self, rows: Rows, guessing: Guessing, policy: EvaluationPolicy) -> None:
        arm, split = self.wide(rows, guessing, range(200))
        result = macro_f1_of(arm, split, policy, np.random.default_rng(1))
        # 20 of 200 wrong: about +-1.96 sqrt(.1 * .9 / 200) = 4.2 points on either side
        assert result.interval is not None
        assert result.value - result.interval.low == pytest.approx(0.042, abs=0.01)
        assert result.interval.high - result.value == pytest.approx(0.042, abs=0.01)
        assert macro_f1_of(arm, split, policy, np.random.default_rng(1)) == result

    def test_cross_fitting_widens_to_both_sides(self, rows: Rows, guessing: Guessing, policy: EvaluationPolicy) -> None:
        arm, split = self.wide(rows, guessing, range(200))
        plain = macro_f1_of(arm, split, policy, np.random.default_rng(1))
        crossed = macro_f1_of(arm, replace(split, design=Design.CROSS_FIT), policy, np.random.default_rng(1))
        assert plain.interval is not None
        assert crossed.interval is not None
        assert crossed.value - crossed.interval.low == pytest.approx(1.22 * (plain.value - plain.interval.low))
        assert crossed.interval.high - crossed.value == pytest.approx(1.22 * (plain.interval.high - plain.value))

    def test_rows_that_belong_together_widen(self, rows: Rows, guessing: Guessing, policy: EvaluationPolicy) -> None:
        alone = macro_f1_of(*self.wide(rows, guessing, range(200)), policy, np.random.default_rng(1)).interval
        in_tens = macro_f1_of(
            *self.wide(rows, guessing, [n % 20 for n in range(200)]), policy, np.random.default_rng(1)
        ).interval
        assert alone is not None
        assert in_tens is not None
        # rows 0, 20, 40.. are wrong together, so the spread is that of 20 rows: sqrt(10) as wide, cut at 1
        assert in_tens.high - in_tens.low > 2 * (alone.high - alone.low)


class TestSimilarity:
    VECTORS: ClassVar = {"good": [1, 0], "bad": [0, 1], "fine": [3, 4]}

    def test_by_hand_over_rows_and_runs(self, four_rows: Split, guessing: Guessing) -> None:
        """References: good, good, bad, bad. Fine is 3/5 like good and 4/5 like bad; a failure is like nothing."""
        similarity = SemanticSimilarity(lambda texts: np.array([self.VECTORS[text] for text in texts]), "by hand")
        written = [said("good", "fine", "fine", None), said("bad", "good", "bad", "bad")]
        trials = [finished(four_rows.folds[0], predictions, run) for run, predictions in enumerate(written)]
        arm = score_arm(guessing(Family.ZERO_SHOT), trials, four_rows, Task(kind="generation"), EvaluationPolicy())
        told = with_similarity(arm, four_rows, similarity)
        assert told.metrics["semantic_similarity"] == pytest.approx((1 + 0.6 + 0.8 + 0 + 0 + 1 + 1 + 1) / 8)
        assert list(told.metrics) == [*arm.metrics, "semantic_similarity"]
        assert told.accuracy == arm.accuracy == arm.metrics["rouge_l"]
