"""The assessment as people read it."""

from pathlib import Path

import yaml

from rules.assess import Assessment, assess
from rules.finding import Finding, Method, Severity
from rules.form import Form
from rules.policy import DEFAULT_POLICY

SAMPLE = Path(__file__).parents[2] / "examples" / "tickets" / "form.yaml"


def finding(assessment: Assessment, code: str) -> Finding:
    return next(finding for finding in assessment.findings if finding.code == code)


def test_a_finding_states_the_facts_and_explains_itself() -> None:
    found = finding(assess(Form.parse({"examples": {"count": 34}})), "DATA01")
    assert found.message == ("34 examples; below 50 a fine-tune learns to sound confident about the wrong things.")
    assert (found.name, found.severity, found.source) == ("too_few_examples", Severity.VETO, ("002",))
    assert found.vetoes == (Method.FINE_TUNING,)
    assert found.why
    assert found.what_to_do


def test_a_test_that_is_too_small_is_told_in_both_numbers() -> None:
    form = Form.parse({"success": {"held_out_examples": 120, "worthwhile_gain": 0.03}})
    message = finding(assess(form), "TEST03").message
    assert "12.8 points" in message
    assert "3.0 points" in message
    assert "2,178" in message


def test_an_open_question_says_what_it_could_do() -> None:
    found = finding(assess(Form()), "DATA01")
    assert found.severity is Severity.UNANSWERED
    assert found.points.fine_tuning == 0
    assert "fine-tuning by -25" in found.message
    assert "rule out fine-tuning" in found.message


def test_findings_come_heaviest_first() -> None:
    order = list(Severity)
    weights = [order.index(f.severity) for f in assess(Form.parse({"examples": {"count": 3}})).findings]
    assert weights == sorted(weights)


def test_the_assessment_says_who_judged() -> None:
    assessment = assess(Form())
    assert assessment.ruleset.sha256 == DEFAULT_POLICY.sha256()
    assert assessment.ruleset.version


def test_the_limits_and_what_would_change_the_advice_are_always_told() -> None:
    for form in (Form(), Form.parse({"task": {"business_rules_written": False}})):
        assessment = assess(form)
        assert len(assessment.limits) >= 3
        assert assessment.would_change


def test_what_lifts_a_veto_would_change_the_advice() -> None:
    assessment = assess(Form.parse({"success": {"check": "opinion"}}))
    assert any("TEST01" in change for change in assessment.would_change)


def test_an_assessment_can_be_stored_and_read_again() -> None:
    assessment = assess(Form())
    assert Assessment.model_validate_json(assessment.model_dump_json()) == assessment


def test_the_sample_form_starts_with_prompting_and_asks_for_what_is_missing() -> None:
    assessment = assess(Form.parse(yaml.safe_load(SAMPLE.read_text())))
    assert assessment.advice.start_with == "prompting"
    assert not assessment.readiness.ready
    assert "success.baseline" in {question.field for question in assessment.next_questions}
    assert "operations.monitoring" in {question.field for question in assessment.next_questions}
