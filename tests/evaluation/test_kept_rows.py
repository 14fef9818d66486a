"""Written answers are found again beside the very rows that they answer, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.arm import ArmSpec, Family, Prediction
from evaluation.dataset import Dataset, Task
from evaluation.kept_rows import KeptRows, keep_rows, read_kept_rows
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import statistics_design
from evaluation.splits import Split, split_dataset
from evaluation.trials import plan_trials, run_trials

TASK = Task(("bad", "good"))
ROWS = 40
Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]


@pytest.fixture
def split(rows: Rows) -> Split:
    """Cross-fitted, so that an arm's answers lie in ten trials; two rows each stand together."""
    cells = [(f"text {row} = {TASK.labels[row % 2]}", TASK.labels[row % 2]) for row in range(ROWS)]
    return split_dataset(rows(*cells), [row // 2 for row in range(ROWS)], EvaluationPolicy(), seed=1)


@pytest.fixture
def trials(split: Split, guessing: Guessing, tmp_path: Path) -> dict[str, str]:
    """Of an arm that is always right, and of one that draws its examples and so has several runs."""
    specs = [guessing(Family.ZERO_SHOT, 1.0), guessing(Family.FEW_SHOT, 0.5)]
    finished = run_trials(plan_trials(specs, TASK, split, EvaluationPolicy()), tmp_path, lambda: None, lambda _: None)
    keep_rows(split, "generation", tmp_path)
    return {f"{done.trial.arm}/{done.trial.fold}/{done.trial.run}": done.trial.key for done in finished}


def kept_in(folder: Path) -> KeptRows:
    kept = read_kept_rows(folder)
    assert kept is not None
    return kept


def test_every_answer_stands_beside_its_row(split: Split, trials: dict[str, str], tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    assert len({row.fold for row in kept.rows}) == 10
    assert [row.input for row in kept.rows] == [row.input for row in split.tested]
    assert [row.cluster for row in kept.rows] == list(split.clusters)
    assert kept.answers_of("zero_shot", trials, tmp_path) == [row.output for row in split.tested]


def test_the_statistics_treat_the_rows_as_the_comparison_did(
    split: Split, trials: dict[str, str], tmp_path: Path
) -> None:
    assert trials
    policy = EvaluationPolicy()
    ours, theirs = kept_in(tmp_path).design(split.design.value, policy), statistics_design(split, policy)
    assert ours.clusters.tolist() == theirs.clusters.tolist()
    assert ours.inflation == theirs.inflation == 1.22
    assert ours.prior_degrees_of_freedom == theirs.prior_degrees_of_freedom
    assert kept_in(tmp_path).design("sealed", policy).inflation == 1


def test_it_is_the_first_run_that_is_found(trials: dict[str, str], tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    first = kept.answers_of("few_shot", trials, tmp_path)
    others = {name.replace("/1", "/0"): key for name, key in trials.items() if name.endswith("/1")}
    assert first != kept.answers_of("few_shot", others, tmp_path)
    only_first = {name: key for name, key in trials.items() if name.endswith("/0")}
    assert first == kept.answers_of("few_shot", only_first, tmp_path)


def test_a_failure_is_no_answer_and_thoughts_are_no_part_of_one(
    split: Split, guessing: Guessing, tmp_path: Path
) -> None:
    said = {0: Prediction(None, error="timed out"), 1: Prediction("half", error="cut off"), 2: Prediction("  "),
            3: Prediction("<think>Hm. Good?</think>\n\ngood it is")}  # fmt: skip

    class Thinker:
        def fit(self, *_: object) -> None: ...

        def predict(self, inputs: list[str]) -> list[Prediction]:
            return [said.get(int(text.split()[1]), Prediction("bad")) for text in inputs]

        def save(self, folder: Path) -> None:
            folder.mkdir(parents=True)

    spec = replace(guessing(Family.ZERO_SHOT), build=lambda _: Thinker())  # type: ignore[arg-type,return-value]
    planned = plan_trials([spec], TASK, split, EvaluationPolicy())
    finished = run_trials(planned, tmp_path, lambda: None, lambda _: None)
    keys = {f"zero_shot/{done.trial.fold}/0": done.trial.key for done in finished}
    answers = KeptRows.of(split, "generation").answers_of("zero_shot", keys, tmp_path)
    assert answers is not None
    assert answers[:5] == [None, None, None, "good it is", "bad"]


def test_answers_to_other_rows_are_not_taken_for_these(trials: dict[str, str], tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    changed = kept.rows[0].model_copy(update={"input": "another text"})
    others = kept.model_copy(update={"rows": (changed, *kept.rows[1:])})
    assert others.answers_of("zero_shot", trials, tmp_path) is None
    shorter = kept.model_copy(update={"rows": kept.rows[1:]})
    assert shorter.answers_of("zero_shot", trials, tmp_path) is None
    assert kept.answers_of("lora", trials, tmp_path) is None


def test_rows_are_kept_only_where_answers_are_written(split: Split, tmp_path: Path) -> None:
    for kind in ("generation", "question_answering"):
        keep_rows(split, kind, tmp_path)
        assert kept_in(tmp_path).kind == kind
    keep_rows(split, "classification", tmp_path)
    assert read_kept_rows(tmp_path) is None
    assert not list(tmp_path.iterdir())
