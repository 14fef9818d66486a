"""A finished trial is never repeated, an unfinished one always is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evaluation.arm import Arm, ArmSpec, Family, Prediction, Randomness, Usage
from evaluation.dataset import Dataset, Example, Task
from evaluation.policy import EvaluationPolicy
from evaluation.splits import given_split, split_dataset
from evaluation.trials import FinishedTrial, PlannedTrial, finished_trial, plan_trials, run_trial, run_trials

if TYPE_CHECKING:
    from tests.evaluation.conftest import Calls

Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]
TASK = Task(("bad", "good"))
POLICY = EvaluationPolicy()


def cells(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"text {row} = {TASK.labels[row % 2]}", TASK.labels[row % 2]) for row in range(start, start + count)]


@pytest.fixture
def planned(rows: Rows, guessing: Guessing) -> list[PlannedTrial]:
    split = given_split(rows(*cells(20)), [], rows(*cells(6, 50), name="test"), range(6), seed=1)
    return plan_trials([guessing(Family.ZERO_SHOT), guessing(Family.FEW_SHOT)], TASK, split, POLICY)


def run(planned: Sequence[PlannedTrial], folder: Path) -> list[FinishedTrial]:
    return run_trials(planned, folder, lambda: None, lambda _: None)


class TestPlan:
    @pytest.mark.parametrize(
        ("count", "runs"),
        [  # cross-fitting gives a fine-tune a seed for each fold; below 256 training rows a sealed split gets five
            (60, {"zero_shot": 1, "few_shot": 3, "nearest": 1, "lora": 1}),
            (600, {"zero_shot": 1, "few_shot": 3, "nearest": 1, "lora": 3}),
        ],
    )
    def test_runs_by_design(self, rows: Rows, guessing: Guessing, count: int, runs: dict[str, int]) -> None:
        split = split_dataset(rows(*cells(count)), range(count), POLICY, 1)
        families = (Family.ZERO_SHOT, Family.FEW_SHOT, Family.RETRIEVAL, Family.LORA)
        planned = [POLICY.fits(family.randomness, split.design, split.train_size) for family in families]
        assert planned == list(runs.values())
        folds = 10 if count == 60 else 1
        assert len(plan_trials([guessing(family) for family in families], TASK, split, POLICY)) == folds * sum(planned)

    @pytest.mark.parametrize(
        "otherwise",
        [
            {"labels": ("bad", "fine")}, {"descriptions": (("bad", "a complaint"),)}, {"kind": "generation"},
            {"several_labels": True}, {"instruction": "Be brief."}, {"schema": "{}"}, {"language": "de"},
            {"metrics": ("chrf",)}, {"longest_answer": 7},
        ],
    )  # fmt: skip
    def test_what_is_asked_belongs_to_the_key(self, planned: list[PlannedTrial], otherwise: dict[str, object]) -> None:
        asked_otherwise = replace(TASK, **otherwise)  # type: ignore[arg-type]
        assert replace(planned[0], task=asked_otherwise).key != planned[0].key

    @pytest.mark.parametrize(("train", "runs"), [(255, 5), (256, 3)])
    def test_few_labels_get_more_seeds(self, rows: Rows, train: int, runs: int) -> None:
        split = given_split(rows(*cells(train)), [], rows(*cells(30, 900), name="test"), range(30), 1)
        assert POLICY.fits(Randomness.TRAINING, split.design, split.train_size) == runs

    def test_every_run_has_a_seed_and_key_of_its_own(self, rows: Rows, guessing: Guessing) -> None:
        split = split_dataset(rows(*cells(60)), range(60), POLICY, 1)
        planned = plan_trials([guessing(Family.FEW_SHOT), guessing(Family.LORA)], TASK, split, POLICY)
        assert len({trial.seed for trial in planned}) == len({trial.key for trial in planned}) == len(planned) == 40

    def test_another_arm_changes_no_seed(self, rows: Rows, guessing: Guessing) -> None:
        split = split_dataset(rows(*cells(60)), range(60), POLICY, 1)
        alone = plan_trials([guessing(Family.LORA)], TASK, split, POLICY)
        beside = plan_trials([guessing(Family.HEAD), guessing(Family.LORA)], TASK, split, POLICY)
        assert [trial.key for trial in alone] == [trial.key for trial in beside if trial.spec.name == "lora"]


class TestKey:
    def test_equal_for_equal_trials(self, rows: Rows, guessing: Guessing) -> None:
        def key() -> str:
            split = given_split(rows(*cells(20)), [], rows(*cells(6, 50), name="test"), range(6), seed=1)
            return plan_trials([guessing(Family.ZERO_SHOT)], TASK, split, POLICY)[0].key

        assert key() == key()

    def test_changes_with_all_that_determines_predictions(self, rows: Rows, guessing: Guessing) -> None:
        def key(
            settings: dict[str, str] | None = None,
            family: Family = Family.ZERO_SHOT,
            task: Task = TASK,
            train: Sequence[tuple[str, str]] = cells(20),
            test: Sequence[tuple[str, str]] = cells(6, 50),
            seed: int = 1,
        ) -> str:
            split = given_split(rows(*train), [], rows(*test, name="test"), range(len(test)), seed)
            return plan_trials([guessing(family, settings=settings)], task, split, POLICY)[0].key

        keys = [
            key(),
            key(settings={"weights": "f" * 64}),
            key(settings={"libraries": "9"}),
            key(family=Family.HEAD),
            key(task=Task(("bad", "good", "ugly"))),
            key(task=Task(("bad", "good"), (("bad", "not good"),))),
            key(train=cells(19)),
            key(train=[*cells(19), ("text 19 = good", "bad")]),
            key(train=cells(20)[::-1]),
            key(test=cells(5, 50)),
            key(test=cells(6, 50)[::-1]),
            key(seed=2),
        ]
        assert len(set(keys)) == len(keys)

    def test_targets_of_test_rows_determine_nothing(self, rows: Rows, guessing: Guessing) -> None:
        def key(label: str) -> str:
            split = given_split(rows(*cells(20)), [], rows(("text", label), name="test"), [0], 1)
            return plan_trials([guessing(Family.ZERO_SHOT)], TASK, split, POLICY)[0].key

        assert key("bad") == key("good")


class TestRuns:
    def test_predictions_are_saved_before_anything_else_is_done_with_them(
        self, planned: list[PlannedTrial], tmp_path: Path
    ) -> None:
        done = run_trial(planned[0], tmp_path)
        saved = finished_trial(planned[0], tmp_path)
        assert saved == done
        assert len(done.predictions) == 6
        assert done.trial.determined_by == planned[0].determined_by
        assert (tmp_path / planned[0].key / "fitted" / "seed.json").exists()

    def test_a_saved_trial_is_not_run_again(self, planned: list[PlannedTrial], tmp_path: Path, calls: Calls) -> None:
        first = run(planned, tmp_path)
        assert len(calls.fits) == len(planned) == 4
        assert run(planned, tmp_path) == first
        assert len(calls.fits) == 4

    def test_texts_are_prepared_only_if_something_runs(self, planned: list[PlannedTrial], tmp_path: Path) -> None:
        prepared: list[int] = []
        for _ in range(2):
            run_trials(planned, tmp_path, lambda: prepared.append(1), lambda _: None)
        assert prepared == [1]

    def test_every_trial_is_reported_run_or_read(self, planned: list[PlannedTrial], tmp_path: Path) -> None:
        for _ in range(2):
            seen: list[PlannedTrial] = []
            run_trials(planned, tmp_path, lambda: None, seen.append)
            assert seen == planned

    @pytest.mark.parametrize(
        "damage",
        [
            lambda home: shutil.rmtree(home),
            lambda home: (home / "trial.json").unlink(),
            lambda home: (home / "trial.json").write_text('{"key": "'),
            lambda home: (home / "trial.json").write_text("{}"),
            lambda home: (home / "predictions.jsonl").unlink(),
            lambda home: (home / "predictions.jsonl").write_text(""),
            lambda home: (home / "predictions.jsonl").write_bytes((home / "predictions.jsonl").read_bytes()[:-9]),
            lambda home: (home / "predictions.jsonl").write_text("7\n" * 6),
            lambda home: (home / "predictions.jsonl").write_text('{"wrong": 1}\n' * 6),
            lambda home: (home / "predictions.jsonl").write_bytes(b"\xff" * 40),
            lambda home: (home / "trial.json").write_text(
                json.dumps(json.loads((home / "trial.json").read_text()) | {"key": "0" * 64})
            ),
        ],
    )
    def test_a_damaged_trial_is_run_again(
        self, planned: list[PlannedTrial], tmp_path: Path, calls: Calls, damage: Callable[[Path], None]
    ) -> None:
        before = run(planned, tmp_path)
        damage(tmp_path / planned[1].key)
        again = run(planned, tmp_path)
        assert calls.fits[4:] == [(planned[1].spec.name, planned[1].seed)]
        assert [trial.predictions for trial in again] == [trial.predictions for trial in before]
        run(planned, tmp_path)
        assert len(calls.fits) == 5

    @pytest.mark.parametrize(
        "output",
        ["", "ünïcode 😀", "a\nb", None, "a\u2028b", "a\x85b"],
    )
    def test_any_answer_is_read_back_as_given(
        self, planned: list[PlannedTrial], tmp_path: Path, output: str | None
    ) -> None:
        trial = _answering(planned[0], Prediction(output, 0.5, None if output is not None else "refused"))
        first = run([trial], tmp_path)
        assert finished_trial(trial, tmp_path) == first[0]

    def test_an_answer_with_half_a_surrogate_pair(self, planned: list[PlannedTrial], tmp_path: Path) -> None:
        trial = _answering(planned[0], Prediction("a\ud800b"))
        run([trial], tmp_path)
        assert finished_trial(trial, tmp_path) is not None

    def test_an_arm_that_loses_rows_is_refused(self, planned: list[PlannedTrial], tmp_path: Path) -> None:
        trial = _answering(planned[0], Prediction("good"), count=5)
        with pytest.raises(ValueError, match="zero_shot gave 5 predictions for 6 inputs"):
            run([trial], tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestStops:
    def test_between_fit_and_the_end_nothing_looks_finished(
        self, planned: list[PlannedTrial], tmp_path: Path, calls: Calls
    ) -> None:
        calls.stop_at_fit = 3
        with pytest.raises(KeyboardInterrupt):
            run(planned, tmp_path)
        assert [finished_trial(trial, tmp_path) is not None for trial in planned] == [True, True, False, False]
        calls.stop_at_fit = None
        run(planned, tmp_path)
        assert len(calls.fits) == 3 + 2

    def test_while_saving_nothing_looks_finished_and_nothing_is_left_behind(
        self, planned: list[PlannedTrial], tmp_path: Path
    ) -> None:
        trial = _answering(planned[0], Prediction("good"), stop_in_save=True)
        with pytest.raises(KeyboardInterrupt):
            run([trial], tmp_path)
        assert finished_trial(trial, tmp_path) is None
        assert not (tmp_path / trial.key).exists()
        run(planned, tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {trial.key for trial in planned}

    def test_before_the_rename_nothing_looks_finished(
        self, planned: list[PlannedTrial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(self: Path, target: Path) -> None:
            raise KeyboardInterrupt(f"{self} to {target}")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", killed)
            with pytest.raises(KeyboardInterrupt):
                run(planned, tmp_path)
        assert finished_trial(planned[0], tmp_path) is None
        assert len(run(planned, tmp_path)) == 4


class _Answering:
    """Gives the same answer to everything."""

    def __init__(self, answer: Prediction, count: int | None, stop_in_save: bool) -> None:
        self._answer, self._count, self._stop_in_save = answer, count, stop_in_save

    def fit(self, train: Sequence[Example], seed: int) -> None:
        pass

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return [self._answer] * (self._count or len(inputs))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        if self._stop_in_save:
            raise KeyboardInterrupt


def _answering(
    planned: PlannedTrial, answer: Prediction, count: int | None = None, stop_in_save: bool = False
) -> PlannedTrial:
    spec = replace(planned.spec, build=lambda _: _Answering(answer, count, stop_in_save))
    return replace(planned, spec=spec)


def test_what_an_answer_took_is_kept(
    rows: Callable[..., Dataset], guessing: Callable[..., ArmSpec], tmp_path: Path
) -> None:
    usage = Usage(input_tokens=120, output_tokens=None, cost=0.002, queued_seconds=0.5, serving_seconds=1.5)
    spec = guessing(Family.ZERO_SHOT)

    def build(task: Task) -> Arm:
        arm = spec.build(task)
        answer = arm.predict
        arm.predict = lambda inputs: [replace(one, usage=usage) for one in answer(inputs)]  # type: ignore[method-assign]
        return arm

    data = rows(*[(f"text {row} = {'ab'[row % 2]}", "ab"[row % 2]) for row in range(60)])
    task, policy = Task(("a", "b")), EvaluationPolicy()
    split = split_dataset(data, range(60), policy, seed=1)
    planned = plan_trials([replace(spec, build=build)], task, split, policy)
    run_trials(planned, tmp_path, lambda: None, lambda _: None)
    again = run_trials(planned, tmp_path, lambda: None, lambda _: None)
    assert {prediction.usage for trial in again for prediction in trial.predictions} == {usage}
