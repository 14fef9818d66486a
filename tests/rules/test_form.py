"""Reading a form: what is accepted, and how a refusal is worded."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.form import Form, FormError

SAMPLE = Path(__file__).parents[2] / "examples" / "tickets" / "form.yaml"


def problems(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(FormError) as caught:
        Form.parse(data)
    assert "\n" not in str(caught.value)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("data", [{}, {"task": None}, {"tried": {"zero_shot": None}}, {"task": {"kind": None}}])
def test_every_answer_may_be_left_out(data: dict[str, Any]) -> None:
    assert Form.parse(data) == Form()


def test_the_sample_form_is_read() -> None:
    form = Form.parse(yaml.safe_load(SAMPLE.read_text()))
    assert form.examples.count == 400
    assert form.knowledge.facts_needed == "no"
    assert form.operations.monitoring is None


def test_a_form_survives_being_stored() -> None:
    form = Form.parse({"operations": {"model_retires_on": "2027-01-06"}, "task": {"failures": ["too_slow"]}})
    assert form.operations.model_retires_on == date(2027, 1, 6)
    assert Form.parse(form.model_dump(mode="json")) == form
    assert Form.model_validate_json(form.model_dump_json()) == form


def test_yes_and_no_may_be_written_without_quotes() -> None:
    form = Form.parse(yaml.safe_load("examples: {personal_data: yes, reviewed: no}"))
    assert (form.examples.personal_data, form.examples.reviewed) == ("yes", "no")


def test_a_score_says_that_it_was_tried() -> None:
    assert Form.parse({"tried": {"few_shot": {"score": 0.8}}}).tried.few_shot.tried is True


@pytest.mark.parametrize(
    ("data", "path", "hint"),
    [
        ({"taks": {}}, "taks", "did you mean task?"),
        ({"task": {"nmae": "x"}}, "task.nmae", "did you mean task.name?"),
        ({"task": {"held_out": 30}}, "task.held_out", "did you mean success.held_out_examples?"),
        ({"count": 30}, "count", "did you mean examples.count?"),
        ({"tried": {"few_shots": {}}}, "tried.few_shots", "did you mean tried.few_shot?"),
        ({"tried": {"few_shot": {"scor": 1}}}, "tried.few_shot.scor", "did you mean tried.few_shot.score?"),
        ({"budget": {"zzzzzz": 1}}, "budget.zzzzzz", "expected one of: currency, cap"),
        ({3: {}}, "3", "expected one of: task, tried"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(data: dict[str, Any], path: str, hint: str) -> None:
    assert hint in problems(data)[path]


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        ({"success": {"baseline": 81}}, "success.baseline", "a number from 0 to 1 (81 % is 0.81)"),
        ({"success": {"target": -0.1}}, "success.target", "a number from 0 to 1"),
        ({"success": {"target": float("nan")}}, "success.target", "a number from 0 to 1"),
        ({"examples": {"count": -1}}, "examples.count", "a whole number, 0 or more"),
        ({"examples": {"count": "many"}}, "examples.count", "a whole number"),
        ({"examples": {"count": True}}, "examples.count", "a whole number"),
        ({"task": {"narrow": "maybe"}}, "task.narrow", "true or false"),
        ({"task": {"kind": "clasification"}}, "task.kind", "did you mean classification?"),
        ({"task": {"failures": ["too_slwo"]}}, "task.failures", "did you mean too_slow?"),
        ({"operations": {"model_retires_on": "soon"}}, "operations.model_retires_on", "such as 2027-01-31"),
        ({"operations": {"model_retires_on": 2027}}, "operations.model_retires_on", "such as 2027-01-31"),
        ({"budget": {"currency": "euros"}}, "budget.currency", "three capital letters"),
        ({"budget": {"horizon_months": 0}}, "budget.horizon_months", "from 1 to 120"),
        ({"task": "routing"}, "task", "name, description, kind"),
    ],
)
def test_a_refused_answer_says_what_is_expected(data: dict[str, Any], path: str, expected: str) -> None:
    assert expected in problems(data)[path]


@pytest.mark.parametrize(
    ("data", "path", "other"),
    [
        (
            {"examples": {"count": 20}, "success": {"held_out_examples": 30}},
            "success.held_out_examples",
            "examples.count (20)",
        ),
        ({"examples": {"count": 20, "smallest_class": 21}}, "examples.smallest_class", "examples.count (20)"),
        (
            {"tried": {"zero_shot": {"tried": False, "score": 0.5}}},
            "tried.zero_shot.score",
            "tried.zero_shot.tried",
        ),
        (
            {"knowledge": {"facts_needed": "fixed", "change_interval": "daily"}},
            "knowledge.change_interval",
            "knowledge.facts_needed",
        ),
        (
            {"knowledge": {"facts_needed": "changing", "change_interval": "never"}},
            "knowledge.change_interval",
            "knowledge.facts_needed",
        ),
        (
            {"governance": {"data_may_leave_premises": False, "data_may_leave_region": True}},
            "governance.data_may_leave_region",
            "governance.data_may_leave_premises",
        ),
    ],
)
def test_answers_that_exclude_each_other_are_refused_by_both_names(data: dict[str, Any], path: str, other: str) -> None:
    assert other in problems(data)[path]


@pytest.mark.parametrize(
    "data",
    [
        {"examples": {"count": 30, "smallest_class": 30}, "success": {"held_out_examples": 30}},
        {"success": {"baseline": 0.9, "target": 0.8}},
        {"success": {"baseline": 0, "target": 1}},
        {"knowledge": {"facts_needed": "fixed", "change_interval": "never"}},
    ],
)
def test_what_is_merely_odd_is_accepted(data: dict[str, Any]) -> None:
    Form.parse(data)


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        {
            "task": {"nmae": "x", "narrow": 1},
            "examples": {"count": 10, "smallest_class": 11},
            "success": {"baseline": 2},
        }
    )
    assert set(found) == {"task.nmae", "task.narrow", "examples.smallest_class", "success.baseline"}


def test_a_form_that_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(FormError, match="expected sections"):
        Form.parse(["task"])  # type: ignore[arg-type]


def test_contradictions_are_refused_when_a_form_is_built_directly() -> None:
    with pytest.raises(ValueError, match=r"examples\.count"):
        Form.model_validate({"examples": {"count": 3, "smallest_class": 4}})
