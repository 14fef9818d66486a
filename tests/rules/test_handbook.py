"""The handbook: written from the code, complete, and readable where it lies."""

import re
from pathlib import Path
from typing import Any

import pytest

from rules.catalogue import PLAN_RULES, RULES
from rules.handbook import handbook
from rules.policy import Policy
from rules.question import Question
from rules.questionnaire import questions_by_path
from rules.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
TEXT = handbook()
FLAT = " ".join(TEXT.split())
"""The text without its line breaks, to look for sentences."""


def test_the_page_is_what_the_code_says() -> None:
    stale = "docs/rules.md is out of date; write it again: .venv/bin/python scripts/rules_handbook.py"
    assert PAGE.is_file(), stale
    assert PAGE.read_text(encoding="utf-8") == TEXT, stale


@pytest.mark.parametrize("rule", [*RULES, *PLAN_RULES], ids=lambda rule: rule.code)
def test_a_rule_has_a_section_with_all_it_says(rule: Rule[Any]) -> None:
    _, _, rest = TEXT.partition(f"\n#### {rule.code}\n")
    section = " ".join(rest.partition("\n#")[0].split())
    for words in (rule.title, rule.why[1:], rule.what_to_do, *rule.reads, f"Source: {', '.join(rule.source)}"):
        assert words in section


@pytest.mark.parametrize("question", questions_by_path().values(), ids=lambda question: question.path)
def test_a_question_is_told_with_its_answers(question: Question) -> None:
    assert f"`{question.path}`: {question.title} Answer with {question.expectation}" in FLAT


@pytest.mark.parametrize("name", [name for name in Policy.model_fields if name != "as_of"])
def test_a_threshold_is_told_with_its_reason(name: str) -> None:
    (row,) = (line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |"))
    assert str(Policy.model_fields[name].description) in row
    assert row.count("|") == 5


@pytest.mark.parametrize(
    ("code", "moves"),
    [
        ("TASK01", "prompting 0 to +5, retrieval 0 to +10, fine-tuning -40 to 0; may veto fine-tuning"),
        ("TASK02", "prompting 0 to +10, fine-tuning -15 to 0"),
        ("TASK03", "fine-tuning 0 to +10"),
        ("KNOW03", "retrieval -30 to 0"),
        ("OPS06", "no points"),
    ],
)
def test_a_rule_moves_as_far_as_its_check_can(code: str, moves: str) -> None:
    _, _, rest = TEXT.partition(f"\n#### {code}\n")
    assert f"\n- Moves: {moves}\n" in rest.partition("\n#")[0]


def test_every_link_leads_somewhere() -> None:
    headings = {heading.lower() for heading in re.findall(r"^#+ (\S+)$", TEXT, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, heading = target.partition("#")
        assert heading in headings if heading else (PAGE.parent / path).is_file(), target


def test_a_line_is_short_unless_it_is_a_row_of_a_table() -> None:
    assert [line for line in TEXT.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_nothing_is_named_that_a_reader_elsewhere_does_not_have() -> None:
    assert not re.search(r"(?<![\w.])/\w", TEXT), "a path from the root of some machine"
    assert not re.search(r"\w://|\blocalhost\b", TEXT), "an address"
    for path in re.findall(r"`([\w/]+\.(?:py|md|json|toml|yaml))`", TEXT):
        assert (PAGE.parents[1] / path).is_file(), path
