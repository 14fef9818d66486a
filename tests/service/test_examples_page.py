"""docs/examples.md quotes what the tool says about the forms in examples/projects, word for word."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from evaluation.render.plan import plan_lines
from rules.assess import Assessment
from rules.finding import METHOD_TITLES, Severity
from rules.form import Form
from rules.policy import Policy
from rules.questionnaire import questions_by_path
from service.rulebook import Rulebook

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "examples.md"
FORMS = ROOT / "examples" / "projects"
PROJECTS = ("retrieve", "tune", "wait")
"""In the order of the page."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Project(NamedTuple):
    """One section of the page, its form, and what the tool says about it."""

    section: str
    form: Any
    assessment: Assessment

    def box(self, language: str) -> str:
        """The section's only fenced block of a language."""
        (found,) = re.findall(rf"^```{language}\n(.*?)^```$", self.section, re.DOTALL | re.MULTILINE)
        return str(found)

    def bullets(self, pattern: str) -> list[tuple[str, str]]:
        """Bold beginnings and the rest of those bullets of the section that begin so."""
        found = re.findall(rf"^- \*\*({pattern})\*\* (.*(?:\n  .*)*)", self.section, re.MULTILINE)
        return [(head, _one_line(text)) for head, text in found]


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest) -> Project:
    sections = re.split(r"^## \d\. ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    section = dict(zip(PROJECTS, sections, strict=True))[request.param]
    form = yaml.safe_load((FORMS / f"{request.param}.yaml").read_text())
    return Project(section, form, Rulebook(Policy(as_of=date(2026, 11, 21))).assess(Form.parse(form)))


def test_every_form_has_its_section_and_its_link():
    assert {path.stem for path in FORMS.glob("*.yaml")} == set(PROJECTS)
    for name in PROJECTS:
        assert f"(../examples/projects/{name}.yaml)" in PAGE.read_text()


def test_the_page_shows_the_answers_that_are_in_the_file(project: Project):
    assert yaml.safe_load(project.box("yaml")) == project.form


def test_start_scores_and_next_question_are_quoted(project: Project):
    assert project.box("text") == _as_quoted(project.assessment)


def test_the_summary_is_quoted(project: Project):
    quoted = re.findall(r"^> (.*)$", project.section, re.MULTILINE)
    assert _one_line(" ".join(quoted)) == project.assessment.advice.summary


def test_the_vetoes_are_quoted_and_no_others(project: Project):
    vetoes = {f.code: f.message for f in project.assessment.findings if f.severity is Severity.VETO}
    quoted = dict(project.bullets(r"[A-Z]+\d\d"))
    assert list(quoted) == list(vetoes)
    for code, message in vetoes.items():
        # The page paraphrases what names a day: the day is looked up, and renewed with the prices.
        assert DAY.search(message) or quoted[code] == message


def test_lines_of_the_plan_are_quoted(project: Project):
    said = [(f"{heading}:", text) for heading, text in plan_lines(project.assessment.plan)]
    quoted = project.bullets(r"[A-Z][a-z ]+:")
    assert quoted
    assert [line for line in said if line in quoted] == quoted


def test_every_rule_that_the_page_names_speaks(project: Project):
    spoken = {f.code for f in project.assessment.findings if f.severity is not Severity.UNANSWERED}
    assert set(re.findall(r"\b[A-Z]{3,}\d\d\b", project.section)) <= spoken


def test_the_page_names_no_day_that_is_looked_up():
    assert not DAY.search(PAGE.read_text())


def _as_quoted(assessment: Assessment) -> str:
    rows = [("start with", assessment.advice.start_with)]
    for method, score in assessment.methods.items():
        known = f"{score.low}" if score.low == score.high else f"{score.low} to {score.high}"
        ruled_out = f", ruled out by {', '.join(score.vetoes)}" if score.vetoes else ""
        rows.append((METHOD_TITLES[method], known + ruled_out))
    rows.append(("ready", "yes" if assessment.readiness.ready else "no"))
    asked = assessment.next_questions[0].field
    rows.append(("ask next", f"{asked}: {questions_by_path()[asked].title}"))
    return "".join(f"{title:<12} {text}\n" for title, text in rows)


def _one_line(text: str) -> str:
    return " ".join(text.split())
