"""What the report says may go out by itself, in a whole comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.arm import ArmSpec, Family
from evaluation.audit import audit_dataset
from evaluation.automation import find_automation
from evaluation.comparison import Comparison, Progress, compare
from evaluation.dataset import Dataset, Task
from evaluation.policy import EvaluationPolicy
from evaluation.render.page import to_html, to_markdown
from evaluation.routing import Routing
from evaluation.scoring import ScoredArm
from evaluation.splits import Design, Fold, Split

QUICK = EvaluationPolicy(posterior_draws=1000, bootstrap_resamples=100)
LABELS = ("account", "billing")


@pytest.fixture
def comparison(rows: Callable[..., Dataset], guessing: Callable[..., ArmSpec], tmp_path: Path) -> Comparison:
    cells = [
        (f"{row * 7919 % 100003:05d} {row * 104729 % 99991:05d} = {LABELS[row % 2]}", LABELS[row % 2])
        for row in range(200)
    ]
    specs = [guessing(Family.ZERO_SHOT, 0.5), guessing(Family.HEAD, 0.99)]
    return Comparison(rows(*cells), None, Task(LABELS), None, None, specs, QUICK, 1, tmp_path / "trials")


def test_a_confident_arm_is_routed_and_the_report_says_so(comparison: Comparison) -> None:
    audit = audit_dataset(comparison.dataset, None, QUICK, 256, lambda texts: [1] * len(texts))
    report = compare(comparison, audit, Progress())
    assert report.automation is not None
    assert report.automation.arm == report.verdict.arm
    found = report.automation.results[1]
    assert isinstance(found, Routing)
    assert found.upper_bound <= found.target
    assert found.confidence == pytest.approx(0.975), "of two arms: each bound is asked for at half the risk"
    for page in (to_html(report), to_markdown(report)):
        assert "What may go out by itself" in page


def test_without_confidences_nothing_is_said(scored: Callable[..., ScoredArm], rows: Callable[..., Dataset]) -> None:
    arm = scored(Family.HEAD, [1.0, 0.0, 1.0])
    silent = replace(arm, confidences=(None, None, None))
    dataset = rows(("one", "billing"), ("two", "account"), ("three", "billing"))
    split = Split(Design.GIVEN, dataset.examples, (0, 1, 2), (Fold((), (0, 1, 2)),), 1)
    assert find_automation(silent, [silent], split, QUICK) is None
