"""The learning curve inside a comparison: which fits it adds, which it shares, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.arm import ArmSpec, Family
from evaluation.audit import audit_dataset
from evaluation.comparison import Comparison, Progress, compare
from evaluation.dataset import Dataset, Task
from evaluation.policy import EvaluationPolicy
from evaluation.render.page import to_html, to_markdown
from evaluation.report import Report
from evaluation.trials import PlannedTrial

Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]
LABELS = ("account", "billing")
QUICK = EvaluationPolicy(posterior_draws=1000, bootstrap_resamples=100)


def cells(count: int) -> list[tuple[str, str]]:
    return [
        (f"{row * 7919 % 100003:05d} {row * 104729 % 99991:05d} = {LABELS[row % 2]}", LABELS[row % 2])
        for row in range(count)
    ]


class Counting(Progress):
    def __init__(self) -> None:
        self.sizes: list[tuple[str, int]] = []

    def done(self, trial: PlannedTrial) -> None:
        self.sizes.append((trial.spec.name, len(trial.rows.train)))


@pytest.fixture
def comparison(rows: Rows, guessing: Guessing, tmp_path: Path) -> Comparison:
    specs = [guessing(Family.ZERO_SHOT, 0.5), guessing(Family.RETRIEVAL, 0.6), guessing(Family.LORA, 0.8)]
    return Comparison(rows(*cells(200)), None, Task(LABELS), None, None, specs, QUICK, 1, tmp_path / "trials")


def run(comparison: Comparison, progress: Progress | None = None) -> Report:
    audit = audit_dataset(comparison.dataset, None, QUICK, 256, lambda texts: [1] * len(texts))
    return compare(comparison, audit, progress or Progress())


def test_smaller_fits_are_added_once_and_the_largest_is_shared(comparison: Comparison) -> None:
    counting = Counting()
    report = run(comparison, counting)
    assert report.learning is not None
    assert [(curve.arm, curve.sizes) for curve in report.learning.curves] == [
        ("retrieval", (20, 40, 80, 160)),
        ("lora", (20, 40, 80, 160)),
    ]
    assert report.learning.tested == 40
    for name, folds in (("retrieval", 5), ("lora", 5)):
        assert sorted(size for arm, size in counting.sizes if arm == name) == [20, 40, 80] + [160] * folds
    # What a prompt without examples can do does not depend on the rows.
    assert [size for arm, size in counting.sizes if arm == "zero_shot"] == [160] * 5


def test_the_verdict_does_not_depend_on_the_curve(comparison: Comparison, tmp_path: Path) -> None:
    with_curve = run(comparison)
    without = run(replace(comparison, learning_curve=False, folder=tmp_path / "others"))
    assert without.learning is None
    # How many fits were watched differs, too.
    left_out = {"times", "learning", "fairness"}
    assert with_curve.model_dump(exclude=left_out) == without.model_dump(exclude=left_out)


def test_the_report_says_when_the_fine_tune_overtakes(comparison: Comparison) -> None:
    report = run(comparison)
    assert report.learning is not None
    assert "Learning from 160 rows" in report.learning.text
    for page in (to_html(report), to_markdown(report)):
        assert "With more labelled rows" in page
        assert "Learning from 160 rows" in page
        assert "20 rows" in page
    table = to_markdown(report).split("## With more labelled rows")[1].split("## Examples")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1


def test_too_few_rows_are_told_as_such(rows: Rows, guessing: Guessing, tmp_path: Path) -> None:
    specs = [guessing(Family.ZERO_SHOT, 0.5), guessing(Family.LORA, 0.8)]
    few = Comparison(rows(*cells(60)), None, Task(LABELS), None, None, specs, QUICK, 1, tmp_path / "trials")
    report = run(few)
    assert report.learning is not None
    assert not report.learning.curves
    assert report.learning.text.startswith("No learning curve: an eighth of the 54 rows")
