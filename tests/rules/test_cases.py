"""Every case file: a form in, expectations out. `case_*` are projects, the others sides of a rule."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rules.assess import Assessment, assess
from rules.finding import Method, Severity
from rules.form import Form
from rules.policy import Policy

CASES = sorted(Path(__file__).parent.glob("cases/*.json"))
POLICY = Policy(as_of=date(2026, 7, 1))


def said(assessment: Assessment) -> list[str]:
    """Codes of what was found, notes and open questions aside."""
    order = [finding.code for finding in assessment.findings if finding.severity is not Severity.UNANSWERED]
    return sorted(order)


def so_far(assessment: Assessment, method: str) -> int:
    return 50 + sum(part.points for part in assessment.methods[Method(method)].contributions)


def points(assessment: Assessment, code: str) -> dict[str, int]:
    (finding,) = (finding for finding in assessment.findings if finding.code == code)
    return {name: value for name, value in finding.points.model_dump().items() if value}


EXPECTATIONS: dict[str, Callable[[Assessment, Any], bool]] = {
    "start_with": lambda found, wanted: found.advice.start_with == wanted,
    "starts_with_one_of": lambda found, wanted: found.advice.start_with in wanted,
    "ready": lambda found, wanted: found.readiness.ready is wanted,
    "questions": lambda found, wanted: {question.status for question in found.readiness.questions} == {wanted},
    "fires": lambda found, wanted: said(found) == sorted(wanted),
    "silent": lambda found, wanted: not {finding.code for finding in found.findings} & set(wanted),
    "unanswered": lambda found, wanted: (
        set(wanted) <= {finding.code for finding in found.findings if finding.severity is Severity.UNANSWERED}
    ),
    "vetoes": lambda found, wanted: sorted(found.methods[Method.FINE_TUNING].vetoes) == sorted(wanted),
    "points": lambda found, wanted: all(points(found, code) == wanted[code] for code in wanted),
    "scores": lambda found, wanted: {name: found.methods[Method(name)].score for name in wanted} == wanted,
    "score_below": lambda found, wanted: all(
        (found.methods[Method(name)].score or 0) < limit and found.methods[Method(name)].score is not None
        for name, limit in wanted.items()
    ),
    "highest": lambda found, wanted: all(
        so_far(found, wanted) > so_far(found, other) for other in Method if other != wanted
    ),
    "wide": lambda found, wanted: all(score.high - score.low >= wanted for score in found.methods.values()),
    "worth_comparing": lambda found, wanted: list(found.advice.worth_comparing) == wanted,
    "lacks_family": lambda found, wanted: not set(wanted) & set(found.advice.worth_comparing),
    "summary_says": lambda found, wanted: all(words in found.advice.summary for words in wanted),
    "asks_first": lambda found, wanted: [q.field for q in found.next_questions[: len(wanted)]] == wanted,
}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    found = assess(Form.parse(case["form"]), POLICY)
    for name, wanted in case["expect"].items():
        assert EXPECTATIONS[name](found, wanted), f"{case['says']} {name}: {wanted}; got {found}"


def test_no_two_case_files_are_about_the_same_form() -> None:
    forms = [json.dumps(json.loads(path.read_text())["form"], sort_keys=True) for path in CASES]
    assert len(set(forms)) == len(forms)
