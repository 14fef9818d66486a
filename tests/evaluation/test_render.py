"""What a reader sees: one report, shown as a page and as Markdown; user text can break neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.arm import ArmSpec, Family
from evaluation.audit import audit_dataset
from evaluation.comparison import Comparison, Progress, compare
from evaluation.dataset import Dataset, Task
from evaluation.judged_pair import JudgedPair
from evaluation.numbers import percent
from evaluation.policy import EvaluationPolicy
from evaluation.render.page import to_html, to_markdown
from evaluation.render.view import View
from evaluation.report import Report
from rules.assess import assess
from rules.form import Form

HOSTILE = "<script>alert(1)</script> | `x` & \n\n# heading"
ACCURACY = {"zero_shot": 0.6, "few_shot": 0.62, "retrieval": 0.7, "head": 0.9, "lora": 0.91}


@pytest.fixture
def report(rows: Callable[..., Dataset], guessing: Callable[..., ArmSpec], tmp_path: Path) -> Callable[..., Report]:
    """A finished comparison of 160 rows, with the answers of a form."""

    def make(answers: dict[str, dict[str, object]] | None = None) -> Report:
        labels = ("bad", "good")
        cells = [(f"{row * 7919 % 100003:05d} {row * 104729 % 99991:05d} = {labels[row % 2]}", labels[row % 2])
                 for row in range(160)]  # fmt: skip
        dataset = rows(*cells)
        specs = [guessing(Family(family), accuracy) for family, accuracy in ACCURACY.items()]
        form = Form.parse(answers) if answers is not None else None
        policy = EvaluationPolicy(posterior_draws=2000, bootstrap_resamples=100)
        comparison = Comparison(
            dataset, None, Task(labels), form, form and assess(form), specs, policy, 1, tmp_path / "trials"
        )
        audit = audit_dataset(dataset, None, policy, 256, lambda texts: [len(text.split()) for text in texts])
        return compare(comparison, audit, Progress())

    return make


def test_the_verdict_comes_first_then_why_then_numbers(report: Callable[..., Report]) -> None:
    made = report()
    for text in (to_html(made), to_markdown(made)):
        places = [text.index(part) for part in (made.verdict.headline, "Biggest doubt", "What follows", "Macro-F1")
                  if part in text]  # fmt: skip
        assert places == sorted(places)
        assert len(places) >= 3
        for arm in made.arms:
            assert arm.title in text


def test_user_text_cannot_break_the_page(report: Callable[..., Report]) -> None:
    made = report()
    disagreement = made.disagreements[0].model_copy(update={"input": HOSTILE})
    made = made.model_copy(update={"disagreements": (disagreement,), "task_name": HOSTILE})
    assert "<script" not in to_html(made)
    assert "&lt;script&gt;" in to_html(made)


def test_user_text_cannot_break_a_markdown_table(report: Callable[..., Report]) -> None:
    made = report()
    disagreement = made.disagreements[0].model_copy(update={"input": HOSTILE})
    text = to_markdown(made.model_copy(update={"disagreements": (disagreement,), "task_name": HOSTILE}))
    row = next(line for line in text.splitlines() if line.startswith("| ") and "alert(1)" in line)
    header = next(line for line in text.splitlines() if line.startswith("| line |"))
    assert row.replace("\\|", "").count("|") == header.count("|")
    assert "<script>" not in text
    assert "\n# heading" not in text


def judged(**parts: object) -> JudgedPair:
    """A judge that prefers the head on 70% of 100 rows."""
    pair = JudgedPair(
        one="head", other="few_shot", judge="judge-1", criterion="Is it right?", win_rate=0.7, low=0.6, high=0.8,
        rows=100, asked=90, swayed=9, unscored=0, graded=50, ungraded=40, agreement=0.8, weight=0.5, longer=0.6,
        beside=("accuracy",), doubts=("It may err.",),
    )  # fmt: skip
    return pair.model_copy(update=parts)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({}, "better than those of the few_shot arm on 70.0% of the rows (95% interval 60.0% to 80.0%"),
        ({}, "So the head arm writes the better answers."),
        ({"low": 0.45}, "So neither can be called better."),
        ({"low": 0.1, "high": 0.4}, "So the few_shot arm writes the better answers."),
        ({}, "on 9 of them (10.0%) the better answer changed with its place"),
        ({"swayed": 0}, "on none of them did the better answer change with its place"),
        ({}, "10 more needed no question"),
        ({}, "Doubt: It may err."),
        ({"ungraded": 0}, "the result rests on their grades alone"),
        ({}, "The verdict of this comparison rests on accuracy, not on the judge."),
    ],
)
def test_what_a_judge_says(report: Callable[..., Report], parts: dict[str, object], says: str) -> None:
    made = report()
    assert "judge" not in to_markdown(made)
    made = made.model_copy(update={"judged": judged(**parts)})
    beside = f"accuracy {percent(made.arm('head').accuracy)} and {percent(made.arm('few_shot').accuracy)}"
    for text in (to_html(made), to_markdown(made)):
        assert says in text
        assert beside in text
        assert made.verdict.headline in text


def test_a_criterion_cannot_break_the_page(report: Callable[..., Report]) -> None:
    made = report().model_copy(update={"judged": judged(criterion=HOSTILE)})
    assert "<script" not in to_html(made)
    text = to_markdown(made)
    assert "<script>" not in text
    assert "\n# heading" not in text


@pytest.mark.parametrize(
    ("target", "says"),
    [(0.5, "The target of 50.0% is reached."), (0.9, "may or may not be reached"), (0.999, "is not reached")],
)
def test_the_target_of_the_form(report: Callable[..., Report], target: float, says: str) -> None:
    made = report({"success": {"target": target}})
    assert says in (View(made).target or "")
    assert "Your target." in to_html(made)
    assert "Your target." in to_markdown(made)


def test_without_a_form_nothing_is_said_of_one(report: Callable[..., Report]) -> None:
    made = report()
    assert View(made).target is None
    assert View(made).rules_and_measurement is None
    assert "What the form says" not in to_html(made)


def test_a_form_that_advises_what_measured_worse_is_explained(report: Callable[..., Report]) -> None:
    made = report({"task": {"requests_per_month": 10}})
    assert made.assessment is not None
    assert made.assessment.advice.start_with == "prompting"
    said = View(made).rules_and_measurement or ""
    assert "The form advises to start with prompting" in said
    assert "behind" in said


def test_a_veto_stands_beside_the_figures(report: Callable[..., Report]) -> None:
    made = report({"operations": {"rollback": "none"}})
    assert "OPS01" in (View(made).rules_and_measurement or "")


def test_every_mark_lies_on_its_plot(report: Callable[..., Report]) -> None:
    view = View(report())
    for plot in (view.arms_plot, view.contrasts_plot):
        assert 3 <= len(plot.ticks) <= 9
        for mark in plot.marks:
            assert 0 <= mark.left <= mark.centre <= mark.left + mark.width <= 100
    assert view.contrasts_plot.zero is not None
    assert len(view.contrasts_plot.marks) == len(view.arms_plot.marks) - 1


def test_the_page_and_the_markdown_list_the_same_lines(report: Callable[..., Report]) -> None:
    made = report()
    assert made.disagreements
    for text in (to_html(made), to_markdown(made)):
        assert f"{made.disagreements_in_all} of {made.split.tested} rows" in text
