"""What answers take: summed, foreseen and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.arm import ArmSpec, Family, Foreseen, Prediction, Usage
from evaluation.dataset import Dataset, Task
from evaluation.policy import EvaluationPolicy
from evaluation.spending import foresee, measure_spending, together
from evaluation.splits import Fold, given_split
from evaluation.trials import FinishedTrial, PlannedTrial, Trial, plan_trials, run_trials

Planned = Callable[..., list[PlannedTrial]]


def asked(outputs: list[str], read: int | None = 100, cost: float | None = 0.002) -> list[Prediction]:
    return [
        Prediction(output, usage=Usage(read, 5, cost, queued_seconds=0.1 * number, serving_seconds=0.2))
        for number, output in enumerate(outputs)
    ]


def finished(arm: str, predictions: list[Prediction]) -> FinishedTrial:
    trial = Trial(
        key=arm, arm=arm, fold=0, run=0, seed=1, train_size=2, determined_by={}, fit_seconds=0, predict_seconds=1
    )
    return FinishedTrial(trial, Fold((), tuple(range(len(predictions)))), tuple(predictions))


@pytest.fixture
def planned(rows: Callable[..., Dataset], guessing: Callable[..., ArmSpec]) -> Planned:
    """Two trials of one arm, of two draws."""

    def planned(**changes: Any) -> list[PlannedTrial]:
        split = given_split(
            rows(("x", "good"), ("y", "bad")), [], rows(("a = good", "good"), ("b = bad", "bad")), [0, 1], seed=1
        )
        spec = replace(guessing(Family.FEW_SHOT), **changes)
        return plan_trials([spec], Task(("bad", "good")), split, EvaluationPolicy())[:2]

    return planned


def test_parts_are_summed_and_an_unknown_cost_stays_unknown() -> None:
    one, other = Foreseen(10, 1000, 50, 0.5, "EUR"), Foreseen(5, 500, 25, 0.25, "EUR")
    assert together([one, other]) == Foreseen(15, 1500, 75, 0.75, "EUR")
    assert together([one, other._replace(cost=None)]).cost is None
    assert together([]) == Foreseen(0, 0, 0, 0, None)


class TestForesight:
    def test_only_what_has_not_run_is_counted(self, planned: Planned, tmp_path: Path) -> None:
        each = Foreseen(2, 20, 2, 0.5, "USD")
        trials = planned(foresee=lambda *_: each)
        assert foresee(trials, tmp_path) == Foreseen(4, 40, 4, 1.0, "USD")
        run_trials(trials[:1], tmp_path, lambda: None, lambda _: None)
        assert foresee(trials, tmp_path) == each
        run_trials(trials, tmp_path, lambda: None, lambda _: None)
        assert foresee(trials, tmp_path).calls == 0

    def test_arms_of_this_machine_cost_nothing(self, planned: Planned, tmp_path: Path) -> None:
        assert foresee(planned(), tmp_path).calls == 0


class TestMeasurement:
    def test_by_hand(self) -> None:
        trials = [
            finished("one", asked(["a", "b", "c"])),
            finished("two", [*asked(["a"]), Prediction(None, error="x")]),
        ]
        spending = measure_spending(Foreseen(4, 380, 20, None, "USD"), trials)
        assert spending is not None
        one, two = spending.arms
        assert (one.arm, one.answers, one.input_tokens, one.output_tokens) == ("one", 3, 300, 15)
        assert one.cost == pytest.approx(0.006)
        assert one.cost_of_thousand == pytest.approx(2.0)
        assert (one.queued_seconds, one.serving_seconds) == pytest.approx((0.1, 0.2))
        assert two.answers == 1
        assert (spending.answers, spending.foreseen_calls, spending.currency) == (4, 4, "USD")
        assert spending.paid_for

    def test_answers_of_this_machine_are_counted_and_not_paid_for(self) -> None:
        spending = measure_spending(together([]), [finished("one", asked(["a"], cost=None))])
        assert spending is not None
        assert not spending.paid_for

    def test_what_one_answer_does_not_state_is_not_known_of_all(self) -> None:
        trials = [finished("one", [*asked(["a"]), *asked(["b"], read=None, cost=None)])]
        spending = measure_spending(together([]), trials)
        assert spending is not None
        assert (spending.arms[0].input_tokens, spending.arms[0].cost) == (None, None)
        assert spending.arms[0].output_tokens == 10

    def test_none_where_nobody_was_asked(self) -> None:
        assert measure_spending(together([]), [finished("one", [Prediction("a")])]) is None

    def test_terms_are_told_once_for_arms_that_share_a_model(self, guessing: Callable[..., ArmSpec]) -> None:
        def terms() -> list[str]:
            return ["Asked with temperature 0."]

        specs = [replace(guessing(Family.ZERO_SHOT), terms=terms), replace(guessing(Family.FEW_SHOT), terms=terms)]
        spending = measure_spending(together([]), [finished("one", asked(["a"]))], specs)
        assert spending is not None
        assert spending.terms == ("Asked with temperature 0.",)
