"""Every rule explains itself, is named for what it finds, and has a case on either side of its threshold."""

import json
import re
from pathlib import Path

import pytest

from rules.catalogue import RULES
from rules.finding import Severity
from rules.form import Form
from rules.policy import DEFAULT_POLICY
from rules.questionnaire import questions_by_path
from rules.rule import Rule

SECTIONS = ("TASK", "TRIED", "DATA", "TEST", "KNOW", "BEHAV", "OPS", "GOV", "COST")
SOURCES = {"000", "001", "002", "003", "004"}
NOT_A_FAULT = ("check", "disallow", "must", "no_more", "require", "should", "use", "validate")
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


@each_rule
def test_a_rule_says_what_why_what_to_do_and_from_where(rule: Rule) -> None:
    assert rule.title.endswith(".")
    assert len(rule.title) <= 110
    assert len(rule.why.split()) >= 10
    assert len(rule.what_to_do.split()) >= 6
    assert rule.source
    assert set(rule.source) <= SOURCES


@each_rule
def test_a_rule_is_named_for_what_it_finds(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", rule.name)
    assert not rule.name.startswith(NOT_A_FAULT)


def test_codes_and_names_are_unique_and_stable() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(rf"({'|'.join(SECTIONS)})\d\d", rule.code)


@each_rule
def test_a_rule_reads_questions_of_the_form(rule: Rule) -> None:
    assert set(rule.reads) <= set(questions_by_path())


@each_rule
def test_a_rule_says_nothing_where_nothing_is_answered(rule: Rule) -> None:
    finding = rule.judge(Form(), DEFAULT_POLICY)
    # One rule is about the missing answer itself.
    assert finding is None or finding.severity is Severity.UNANSWERED


@each_rule
def test_a_rule_has_a_case_on_either_side(rule: Rule) -> None:
    expected = [json.loads(path.read_text())["expect"] for path in _cases(rule.code)]
    loud = [case for case in expected if rule.code in (*case.get("fires", ()), *case.get("unanswered", ()))]
    silent = [case for case in expected if rule.code in case.get("silent", ())]
    assert loud, f"no case file in which {rule.code} fires"
    assert silent, f"no case file in which {rule.code} is silent"


def _cases(code: str) -> list[Path]:
    return sorted(Path(__file__).parent.glob(f"cases/{code}_*.json"))
