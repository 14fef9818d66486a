"""An assessment as Markdown: everything that the rules said, and a checklist to take along."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.render.environment import environment
from evaluation.render.plan import plan_lines
from rules.assess import Assessment
from rules.choices import in_words
from rules.finding import METHOD_TITLES, METHODS, Finding, Severity
from rules.form import Form
from rules.questionnaire import questions_by_path
from rules.scores import MethodScore

_GROUPS = {
    Severity.VETO: "Vetoes",
    Severity.WARNING: "What speaks against a method",
    Severity.SUPPORT: "What speaks for a method",
    Severity.NOTE: "Good to know",
}


def to_markdown(assessment: Assessment, form: Form) -> str:
    """User text is cut to one line, so that it cannot break a table."""
    return (
        environment(html=False)
        .get_template("assessment.md")
        .render(
            assessment=assessment,
            name=form.task.name or "unnamed task",
            scores=[_row(METHOD_TITLES[method], score) for method, score in assessment.methods.items()],
            groups=_groups(assessment.findings),
            moves={finding.code: _moves(finding) for finding in assessment.findings},
            plan=plan_lines(assessment.plan),
            places={note.region: in_words([note.region]) for note in assessment.regional_notes},
            titles={path: question.title for path, question in questions_by_path().items()},
        )
    )


def known_score(score: MethodScore) -> str:
    """`62`, or `35 to 80` while answers are open."""
    return f"{score.low}" if score.low == score.high else f"{score.low} to {score.high}"


def _row(title: str, score: MethodScore) -> dict[str, str]:
    points = ", ".join(f"{part.code} {part.points:+d}" for part in score.contributions)
    return {
        "title": title,
        "score": known_score(score),
        "vetoes": ", ".join(score.vetoes) or "-",
        "points": points or "none yet",
    }


def _groups(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    grouped = ((title, [f for f in findings if f.severity is severity]) for severity, title in _GROUPS.items())
    return [(title, found) for title, found in grouped if found]


def _moves(finding: Finding) -> str:
    moves = ((METHOD_TITLES[method], finding.points.of(method)) for method in METHODS)
    return ", ".join(f"{title} {points:+d}" for title, points in moves if points)
