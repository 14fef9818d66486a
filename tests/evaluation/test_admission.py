"""The gate inside a comparison: what is trained, what is not, and what the report says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evaluation.admission import learns_a_form
from evaluation.arm import ArmSpec, Family
from evaluation.audit import audit_dataset
from evaluation.comparison import Comparison, Progress, TrainingCost, compare
from evaluation.dataset import Dataset, Task
from evaluation.decision import VerdictKind
from evaluation.gate import Step
from evaluation.label_errors import LabelNoise
from evaluation.policy import EvaluationPolicy
from evaluation.report import Report
from rules.assess import assess
from rules.family import Family as PlannedFamily
from rules.form import Form

if TYPE_CHECKING:
    from tests.evaluation.conftest import Calls

Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]
LABELS = ("account", "billing", "shipping")
QUICK = EvaluationPolicy(posterior_draws=1000, bootstrap_resamples=100)
ROOM = dict(zip(Family, (0.45, 0.5, 0.5, 0.55, 0.92), strict=True))
NO_ROOM = dict(zip(Family, (0.97, 0.97, 0.97, 0.97, 0.99), strict=True))
DEAR = TrainingCost(of_fit=1000.0, worth_of_point=10.0)
"""One training costs a hundred points."""
MODERATE = TrainingCost(of_fit=1.0, worth_of_point=10.0)
VETOED = Form.parse({"task": {"kind": "classification", "failures": ["missing_facts"]}})


def cells(count: int, start: int = 0) -> list[tuple[str, str]]:
    """Rows whose text ends in the label, so that an arm can know it; no two alike."""
    return [
        (f"{row * 7919 % 100003:05d} {row * 104729 % 99991:05d} = {LABELS[row % 3]}", LABELS[row % 3])
        for row in range(start, start + count)
    ]


World = Callable[..., Comparison]


@pytest.fixture
def world(rows: Rows, guessing: Guessing, tmp_path: Path) -> World:
    def make(accuracies: dict[Family, float], test: int = 0) -> Comparison:
        specs = [guessing(family, accuracy) for family, accuracy in accuracies.items()]
        tested = rows(*cells(test, start=500), name="test") if test else None
        return Comparison(
            rows(*cells(150)), tested, Task(LABELS), None, None, specs, QUICK, 1, tmp_path, learning_curve=False
        )

    return make


def run(comparison: Comparison, noise: LabelNoise | None = None) -> Report:
    audit = audit_dataset(
        comparison.dataset, comparison.test, comparison.policy, 256, lambda texts: [len(text) for text in texts]
    )
    return compare(comparison, audit.model_copy(update={"label_noise": noise}), Progress())


def trainings(calls: Calls) -> int:
    return sum(name == "lora" for name, _ in calls.fits)


class TestTraining:
    def test_is_free_where_it_costs_nothing(self, world: World, calls: Calls) -> None:
        report = run(world(NO_ROOM))
        assert trainings(calls) == 5
        [admission] = report.admissions
        assert [step.decision for step in admission.steps] == [Step.TRAIN]
        assert "costs nothing" in admission.steps[0].reason

    def test_is_left_out_without_headroom(self, world: World, calls: Calls) -> None:
        report = run(replace(world(NO_ROOM), training_cost=MODERATE))
        assert trainings(calls) == 0
        assert [arm.name for arm in report.arms] == ["zero_shot", "few_shot", "retrieval", "head"]
        [admission] = report.admissions
        assert not admission.is_trained
        assert any("not trained, because the best cheap arm may be at" in reason for reason in report.verdict.reasons)
        assert "lora" not in report.verdict.probability_best

    def test_is_left_out_where_wrong_labels_leave_no_room(self, world: World, calls: Calls) -> None:
        # The best cheap arm is at 80%, and of 100 labels at least 16 are wrong.
        some_room = dict(zip(Family, (0.5, 0.5, 0.5, 0.8, 0.9), strict=True))
        paid = replace(world(some_room), training_cost=replace(MODERATE, of_fit=0.001))
        noise = LabelNoise(judged=150, suspects=(), share=0.2, low=0.16, high=0.24)
        report = run(paid, noise)
        assert trainings(calls) == 0
        assert "to 84.0%" in report.admissions[0].steps[0].reason
        assert run(paid).admissions[0].is_trained

    def test_is_left_out_where_it_costs_more_than_it_can_tell(self, world: World, calls: Calls) -> None:
        report = run(replace(world(ROOM), training_cost=DEAR))
        # The prior expects 3 points of such a task, which do not pay for the margin and the training.
        assert trainings(calls) == 0
        assert "not more than the price" in report.admissions[0].steps[0].reason
        assert report.admissions[0].steps[0].cost == pytest.approx(5.0)

    def test_earns_its_price(self, world: World, calls: Calls) -> None:
        report = run(replace(world(ROOM), training_cost=replace(MODERATE, of_fit=0.01)))
        assert trainings(calls) == 5
        assert report.verdict.kind is VerdictKind.FINE_TUNE
        step = report.admissions[0].steps[0]
        assert step.evsi > step.cost > 0

    def test_exhaustive(self, world: World, calls: Calls) -> None:
        report = run(replace(world(ROOM), training_cost=DEAR, exhaustive=True))
        assert trainings(calls) == 5
        assert report.verdict.kind is VerdictKind.FINE_TUNE

    def test_the_others_are_fitted_once(self, world: World, calls: Calls) -> None:
        run(replace(world(ROOM), training_cost=replace(MODERATE, of_fit=0.01)))
        assert len(calls.fits) == 5 + 15 + 5 + 5 + 5


class TestSeeds:
    """A test file and fewer than 256 labels: five seeds, one of them first."""

    def test_one_is_enough_where_it_is_futile(self, world: World, calls: Calls) -> None:
        hopeless = dict(zip(Family, (0.45, 0.5, 0.5, 0.85, 0.3), strict=True))
        report = run(replace(world(hopeless, test=200), training_cost=replace(MODERATE, of_fit=0.01)))
        assert trainings(calls) == 1
        assert report.arm("lora").fits == 1
        assert [step.decision for step in report.admissions[0].steps] == [Step.TRAIN, Step.STOP]
        assert any("stopped after one training" in reason for reason in report.verdict.reasons)

    def test_all_where_they_may_still_decide(self, world: World, calls: Calls) -> None:
        close = dict(zip(Family, (0.45, 0.5, 0.5, 0.70, 0.73), strict=True))
        report = run(replace(world(close, test=60), training_cost=replace(MODERATE, of_fit=0.001)))
        assert trainings(calls) == 5
        assert [step.decision for step in report.admissions[0].steps] == [Step.TRAIN, Step.GO_ON]
        assert report.arm("lora").fits == 5


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({"kind": "extraction"}, True),
        ({"kind": "generation", "failures": ["inconsistent_style"]}, True),
        ({"kind": "question_answering", "failures": ["wrong_format", "missing_facts"]}, True),
        ({"kind": "question_answering", "failures": ["missing_facts"]}, False),
        ({}, False),
    ],
)
def test_a_form_of_answers_to_learn(task: dict[str, object], expected: bool) -> None:
    assert learns_a_form(Form.parse({"task": task})) is expected
    assert learns_a_form(None) is False


class TestForm:
    def vetoed(self, comparison: Comparison) -> Comparison:
        judged = assess(VETOED)
        assert judged.methods["fine_tuning"].vetoes
        assert PlannedFamily.LORA in {out.family for out in judged.plan.left_out}
        return replace(comparison, form=VETOED, assessment=judged)

    def test_what_it_rules_out_is_not_trained(self, world: World, calls: Calls) -> None:
        report = run(self.vetoed(world(ROOM)))
        assert trainings(calls) == 0
        assert "KNOW01" in report.admissions[0].steps[0].reason
        assert report.verdict.arm != "lora"

    def test_measured_all_the_same_it_is_not_chosen(self, world: World, calls: Calls) -> None:
        report = run(replace(self.vetoed(world(ROOM)), exhaustive=True))
        assert trainings(calls) == 5
        assert report.arm("lora").accuracy > 0.85
        assert report.verdict.kind is not VerdictKind.FINE_TUNE
        assert report.verdict.arm != "lora"
        assert "lora" not in report.verdict.probability_best
        assert any("may not be chosen, because the form rules" in reason for reason in report.verdict.reasons)
        assert Report.model_validate_json(report.model_dump_json()) == report

    def test_with_nothing_else_to_choose_the_cheap_way_is_kept(self, world: World, guessing: Guessing) -> None:
        two = replace(world(ROOM), specs=[guessing(Family.HEAD, 0.5), guessing(Family.LORA, 0.95)], exhaustive=True)
        report = run(self.vetoed(two))
        assert (report.verdict.kind, report.verdict.arm) == (VerdictKind.KEEP, "head")
