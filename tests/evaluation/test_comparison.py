"""From examples to a report, with arms that need no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evaluation.arm import ArmSpec, Family
from evaluation.audit import Audit, AuditBlocked, audit_dataset
from evaluation.comparison import Comparison, Progress, compare, policy_for
from evaluation.dataset import Dataset, Task
from evaluation.decision import VerdictKind
from evaluation.policy import EvaluationPolicy
from evaluation.report import Report
from evaluation.trials import PlannedTrial
from rules.assess import assess
from rules.form import Form

if TYPE_CHECKING:
    from tests.evaluation.conftest import Calls

Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]
LABELS = ("account", "billing", "shipping")
QUICK = EvaluationPolicy(posterior_draws=1000, bootstrap_resamples=100)
WEAK = dict(zip(Family, (0.45, 0.5, 0.5, 0.55, 0.92), strict=True))
"""Accuracies under which the fine-tune wins whatever it must earn up to 15 points."""


def cells(count: int, start: int = 0) -> list[tuple[str, str]]:
    """Rows whose text ends in the label, so that an arm can know it; no two alike."""
    return [
        (f"{row * 7919 % 100003:05d} {row * 104729 % 99991:05d} = {LABELS[row % 3]}", LABELS[row % 3])
        for row in range(start, start + count)
    ]


def audited(comparison: Comparison) -> Audit:
    return audit_dataset(
        comparison.dataset, comparison.test, comparison.policy, 256, lambda texts: [len(text.split()) for text in texts]
    )


@pytest.fixture
def comparison(rows: Rows, guessing: Guessing, tmp_path: Path) -> Comparison:
    specs = [guessing(family, accuracy) for family, accuracy in WEAK.items()]
    return Comparison(rows(*cells(150)), None, Task(LABELS), None, None, specs, QUICK, 1, tmp_path / "trials")


def run(comparison: Comparison, progress: Progress | None = None) -> Report:
    return compare(comparison, audited(comparison), progress or Progress())


def without_times(report: Report) -> dict[str, Any]:
    return report.model_dump(mode="json", exclude={"times"})


class TestReport:
    def test_says_what_was_measured(self, comparison: Comparison) -> None:
        report = run(comparison)
        assert (report.verdict.kind, report.verdict.arm) == (VerdictKind.FINE_TUNE, "lora")
        assert [arm.name for arm in report.arms] == [family.value for family in Family]
        for arm in report.arms:
            assert arm.accuracy == pytest.approx(WEAK[Family(arm.family)], abs=0.12)
            assert arm.low < arm.accuracy < arm.high
            assert arm.accuracy == pytest.approx(sum(arm.run_accuracies) / len(arm.run_accuracies))
            assert arm.macro_f1_low is not None
            assert arm.macro_f1_low < arm.macro_f1
        assert [arm.fits for arm in report.arms] == [5, 15, 5, 5, 5]
        assert len(report.contrasts) == 10
        assert (report.split.design, report.split.folds, report.split.tested) == ("cross_fit", 5, 150)
        assert report.split.train_size == 120
        assert report.task_name == "train"
        assert report.assessment is None

    def test_disagreements_are_the_rows_where_answers_differ(self, comparison: Comparison) -> None:
        report = run(comparison)
        assert report.disagreements_in_all == len(report.disagreements)
        assert 0 < len(report.disagreements) <= 150
        for row in report.disagreements:
            assert len(set(row.answers.values())) > 1
            assert comparison.dataset.examples[row.line - 1].output == row.target
        assert [row.line for row in report.disagreements] == sorted(row.line for row in report.disagreements)

    def test_provenance_names_all_that_determines_it(self, comparison: Comparison) -> None:
        provenance = run(comparison).provenance
        assert provenance.dataset_sha256 == comparison.dataset.fingerprint
        assert provenance.policy_sha256 == QUICK.sha256()
        assert (provenance.seed, provenance.test_sha256, provenance.base_models) == (1, None, {"none": "0" * 64})
        assert len(provenance.trials) == 35
        assert {key.split("/")[0] for key in provenance.trials} == {family.value for family in Family}
        assert all((comparison.folder / key).is_dir() for key in provenance.trials.values())

    def test_an_arm_without_weights(self, comparison: Comparison) -> None:
        report = run(replace(comparison, specs=[replace(spec, determined_by={}) for spec in comparison.specs]))
        assert report.provenance.base_models == {"none": "not known"}

    def test_is_read_back_as_it_was(self, comparison: Comparison) -> None:
        report = run(comparison)
        assert Report.model_validate_json(report.model_dump_json()) == report

    def test_a_test_file(self, comparison: Comparison, rows: Rows) -> None:
        report = run(replace(comparison, test=rows(*cells(60, start=500), name="test")))
        assert (report.split.design, report.split.tested, report.split.train_size) == ("given", 60, 150)
        # fewer than 256 labels: five seeds
        assert [arm.fits for arm in report.arms] == [1, 3, 1, 1, 5]
        assert report.provenance.test_sha256 is not None
        assert report.arms[0].macro_f1_low is None

    def test_the_forms_own_worthwhile_gain(self, comparison: Comparison) -> None:
        form = Form.model_validate({"task": {"name": "Ticket routing"}, "success": {"worthwhile_gain": 0.6}})
        answered = replace(comparison, form=form, assessment=assess(form))
        assert policy_for(answered).worthwhile_gain == 0.6
        assert policy_for(replace(comparison, form=Form())).worthwhile_gain == QUICK.worthwhile_gain
        report = run(answered)
        assert report.verdict.kind is not VerdictKind.FINE_TUNE
        assert report.policy.worthwhile_gain == 0.6
        assert report.task_name == "Ticket routing"
        assert report.assessment is not None

    def test_a_failing_arm_is_counted_not_raised(self, comparison: Comparison) -> None:
        broken = replace(comparison.specs[0], build=_Silent)
        report = run(replace(comparison, specs=[broken, *comparison.specs[1:]]))
        assert report.arm("zero_shot").failures == 150
        assert report.arm("zero_shot").accuracy == 0
        assert all(row.answers["zero_shot"] is None for row in report.disagreements)


class _Silent:
    """An endpoint that is down."""

    def __init__(self, task: Task) -> None:
        pass

    def fit(self, train: object, seed: int) -> None:
        pass

    def predict(self, inputs: Sequence[str]) -> list[Any]:
        from evaluation.arm import Prediction

        return [Prediction(None, error="timed out") for _ in inputs]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)


class TestAgain:
    def test_nothing_is_repeated_and_the_report_is_the_same(self, comparison: Comparison, calls: Calls) -> None:
        first = run(comparison)
        assert len(calls.fits) == 35
        second = run(comparison)
        assert len(calls.fits) == 35
        assert len(calls.prepared) == 5
        assert without_times(second) == without_times(first)

    def test_another_folder_gives_the_same_report(self, comparison: Comparison, tmp_path: Path) -> None:
        first, second = run(comparison), run(replace(comparison, folder=tmp_path / "other"))
        assert without_times(second) == without_times(first)

    @pytest.mark.parametrize("stop_at", [1, 12])
    def test_a_stopped_comparison_goes_on_where_it_stopped(
        self, comparison: Comparison, calls: Calls, tmp_path: Path, stop_at: int
    ) -> None:
        calls.stop_at_fit = stop_at
        with pytest.raises(KeyboardInterrupt):
            run(comparison)
        calls.stop_at_fit = None
        resumed = run(comparison)
        assert len(calls.fits) == 35 + 1
        assert without_times(resumed) == without_times(run(replace(comparison, folder=tmp_path / "whole")))

    def test_another_seed_is_another_comparison(self, comparison: Comparison, calls: Calls) -> None:
        first, second = run(comparison), run(replace(comparison, seed=2))
        assert len(calls.fits) == 70
        assert first.provenance.split_sha256 != second.provenance.split_sha256

    def test_one_changed_row_is_another_comparison(self, comparison: Comparison, rows: Rows, calls: Calls) -> None:
        run(comparison)
        run(replace(comparison, dataset=rows(*cells(149), ("another = billing", "billing"))))
        assert len(calls.fits) == 70

    def test_other_thresholds_decide_again_without_fitting_again(self, comparison: Comparison, calls: Calls) -> None:
        run(comparison)
        report = run(replace(comparison, policy=QUICK.model_copy(update={"worthwhile_gain": 0.6})))
        assert len(calls.fits) == 35
        assert report.verdict.kind is not VerdictKind.FINE_TUNE


class TestProgress:
    class Heard(Progress):
        def __init__(self) -> None:
            self.told: list[object] = []

        def planned(self, trials: Sequence[PlannedTrial]) -> None:
            self.told.append(len(trials))

        def prepared(self) -> None:
            self.told.append("prepared")

        def done(self, trial: PlannedTrial) -> None:
            self.told.append(trial.spec.name)

    def test_every_stage_is_told(self, comparison: Comparison) -> None:
        first, second = self.Heard(), self.Heard()
        run(comparison, first)
        run(comparison, second)
        assert first.told[:3] == [35, "prepared", "zero_shot"]
        assert len(first.told) == 2 + 35
        assert second.told == [35, *first.told[2:]]

    def test_arms_that_share_a_model_prepare_it_once_with_all_texts(
        self, comparison: Comparison, rows: Rows, calls: Calls
    ) -> None:
        shared = comparison.specs[0].prepare
        test = rows(*cells(60, start=500), name="test")
        run(replace(comparison, test=test, specs=[replace(spec, prepare=shared) for spec in comparison.specs]))
        assert calls.prepared == [[text for text, _ in (*cells(150), *cells(60, start=500))]]


class TestRefusals:
    def test_a_blocked_audit_fits_nothing(self, comparison: Comparison, rows: Rows, calls: Calls) -> None:
        blocked = replace(comparison, dataset=rows(*cells(12)))
        with pytest.raises(AuditBlocked, match="12 examples; a comparison needs at least 30"):
            run(blocked)
        assert calls.fits == []
        assert not comparison.folder.exists()


def test_a_verdict_that_stays_provisional_down_to_a_gain_of_0(comparison: Comparison, guessing: Guessing) -> None:
    undecided = replace(comparison, specs=[guessing(family, 0.7) for family in Family])
    report = run(undecided)
    assert report.verdict.kind is VerdictKind.PROVISIONAL
    # Chances are drawn, and drawn alike again.
    assert 0 < report.verdict.probability_best["lora"] < 1
    assert without_times(run(undecided)) == without_times(report)
