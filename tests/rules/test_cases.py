"""Every case file: a form in, expectations out. `case_*` are projects, the others sides of a rule."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from rules.assess import Assessment, assess
from rules.catalogue import PLAN_RULES, RULES
from rules.finding import Method, Severity
from rules.form import Form
from rules.policy import Policy
from rules.questionnaire import questions_by_path
from rules.rule import Rule

CASES = sorted(Path(__file__).parent.glob("cases/*.json"))
PROJECTS = [path for path in CASES if path.stem.startswith("case_")]
POLICY = Policy(as_of=date(2026, 7, 1))

ABOUT = {"TEST04": ("success.baseline",)}
"""What a rule is about that reads nothing: one is about the missing answer itself, which moves no points."""

ALL_RULES: tuple[Rule[Any], ...] = (*RULES, *PLAN_RULES)
MUTED = {rule.code: replace(rule, check=lambda _form, _grounds: None, reads=()) for rule in ALL_RULES}
"""Rules that say nothing about anything, to stand in for one that is taken out."""

each_rule = pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)


def said(assessment: Assessment) -> list[str]:
    """Codes of what was found, notes and open questions aside."""
    order = [finding.code for finding in assessment.findings if finding.severity is not Severity.UNANSWERED]
    return sorted(order)


def so_far(assessment: Assessment, method: str) -> int:
    return 50 + sum(part.points for part in assessment.methods[Method(method)].contributions)


def points(assessment: Assessment, code: str) -> dict[str, int] | None:
    finding = next((finding for finding in assessment.findings if finding.code == code), None)
    if finding is None:
        return None
    return {name: value for name, value in finding.points.model_dump().items() if value}


def vetoing(assessment: Assessment) -> tuple[str, ...]:
    return assessment.methods[Method.FINE_TUNING].vetoes


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
    "vetoes": lambda found, wanted: sorted(vetoing(found)) == sorted(wanted),
    "vetoed_by": lambda found, wanted: set(wanted) <= set(vetoing(found)),
    "not_vetoed_by": lambda found, wanted: not set(wanted) & set(vetoing(found)),
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


@cache
def read(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text())
    return case


@cache
def form_of(path: Path) -> Form:
    return Form.parse(read(path)["form"])


def unmet(path: Path) -> list[str]:
    """Return the expectations of a case that fail under the rules as they stand."""
    found = assess(form_of(path), POLICY)
    return [name for name, wanted in read(path)["expect"].items() if not EXPECTATIONS[name](found, wanted)]


def without(muted: Collection[Rule[Any]], rules: Iterable[Rule[Any]]) -> tuple[Rule[Any], ...]:
    return tuple(MUTED[rule.code] if rule in muted else rule for rule in rules)


def unmet_without(path: Path, muted: Collection[Rule[Any]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the expectations of a case that fail once these rules say nothing."""
    with monkeypatch.context() as patch:
        patch.setattr("rules.judgement.RULES", without(muted, RULES))
        patch.setattr("rules.judgement.PLAN_RULES", without(muted, PLAN_RULES))
        return unmet(path)


def cases_of(rule: Rule[Any]) -> list[Path]:
    return [path for path in CASES if path.stem.startswith(f"{rule.code}_")]


@cache
def outcomes(path: Path) -> dict[str, Any]:
    """Return what each rule that speaks makes of the form, its wording aside."""
    findings = assess(form_of(path), POLICY).findings
    return {finding.code: (finding.severity, finding.points, finding.vetoes) for finding in findings}


def differences(one: Path, other: Path) -> dict[str, tuple[Any, Any]]:
    """Return the questions that two forms answer differently, with both answers."""
    differ = {}
    for path in questions_by_path():
        answers = attrgetter(path)(form_of(one)), attrgetter(path)(form_of(other))
        # What was never tried has no score, so a missing score is no difference of its own.
        if answers[0] != answers[1] and path.replace(".score", ".tried") not in differ:
            differ[path] = answers
    return differ


def stand_next_to_each_other(rule: Rule[Any], one: Path, other: Path) -> bool:
    """Whether one answer that the rule reads sets two forms apart, by as little as it can."""
    apart = differences(one, other)
    if len(apart) != 1 or not set(apart) <= {*rule.reads, *ABOUT.get(rule.code, ())}:
        return False
    (answers,) = apart.values()
    # A question left open is no side of a threshold, unless the rule is about that.
    return rule.code in ABOUT if None in answers else touch(*answers)


def touch(first: Any, second: Any) -> bool:
    """Whether two answers are neighbours: numbers and days by one step, shares by a point, words always."""
    if isinstance(first, date) and isinstance(second, date):
        return abs((first - second).days) == 1
    if isinstance(first, float):
        return bool(round(abs(first - second), 9) <= 0.01)
    return type(first) is not int or abs(first - second) == 1


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = read(path)
    found = assess(form_of(path), POLICY)
    for name, wanted in case["expect"].items():
        assert EXPECTATIONS[name](found, wanted), f"{case['says']} {name}: {wanted}; got {found}"


def test_no_two_case_files_are_about_the_same_form() -> None:
    assert len({form_of(path).model_dump_json() for path in CASES}) == len(CASES)


@each_rule
def test_a_rule_and_no_other_explains_its_cases(rule: Rule[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # A case that holds on its rule alone would not miss any other, one by one or all together.
    others = [other for other in ALL_RULES if other is not rule]
    for path in cases_of(rule):
        assert ("_fires" in path.stem) is (rule.code in outcomes(path)), f"{path.stem} is misnamed"
        assert not unmet_without(path, others, monkeypatch), f"{path.stem} needs another rule than {rule.code}"
        if "_fires" in path.stem:
            assert unmet_without(path, [rule], monkeypatch), f"{path.stem} holds without {rule.code}"


@each_rule
def test_a_case_stands_just_beside_one_in_which_its_rule_says_something_else(rule: Rule[Any]) -> None:
    cases = cases_of(rule)
    for path in cases:
        beside = [other for other in cases if outcomes(other).get(rule.code) != outcomes(path).get(rule.code)]
        assert any(stand_next_to_each_other(rule, path, other) for other in beside), (
            f"{path.stem}: no case of {rule.code} is one answer away, at the threshold, with another outcome"
        )


def test_every_project_needs_rules_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        path.stem: frozenset(rule.code for rule in ALL_RULES if unmet_without(path, [rule], monkeypatch))
        for path in PROJECTS
    }
    assert all(needs.values()), f"holds whichever rule is taken out: {[name for name in needs if not needs[name]]}"
    assert len(set(needs.values())) == len(needs), f"two projects stand on the same rules: {needs}"
