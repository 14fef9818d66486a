"""Pages of an assessment: the form, its scores while it is filled in, and what is still open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from evaluation.render.assessment import known_score
from evaluation.render.plan import plan_lines
from rules.assess import Assessment
from rules.finding import METHOD_TITLES, METHODS, Finding, Severity
from rules.form import Form
from rules.questionnaire import questions_by_path
from service.access.caller import Role
from service.api.assessments import revise
from service.api.dependencies import AssessmentId, AssessmentsDep, RulebookDep, needs
from service.api.forms import judge, parse_form
from service.errors import FormRefused
from service.pages.answers import field_of, groups, patch_of, typed_in, typed_of
from service.pages.forms import SentForm, problems_by_field
from service.pages.rendering import fragment, is_partial, page
from service.rulebook import Rulebook
from service.storage.assessments import Assessments, Stored, Version

NEW: Final = "/assessments/new"
GROUPS: Final = (
    (Severity.VETO, "Vetoes"),
    (Severity.WARNING, "Speaks against a method"),
    (Severity.SUPPORT, "Speaks for a method"),
    (Severity.NOTE, "Good to know"),
)
MOST_SHOWN: Final = 5
"""Open questions, the most telling first."""

router = APIRouter(prefix="/assessments")


@router.get("/new", dependencies=[needs(Role.EDITOR)])
def new_assessment(request: Request, rulebook: RulebookDep) -> Response:
    """An empty form."""
    return _form_page(request, rulebook.assess(Form()), {}, {})


@router.post("/new/scores", dependencies=[needs(Role.EDITOR)])
def preview_scores(request: Request, form: SentForm, rulebook: RulebookDep) -> Response:
    """The scores of answers that are not stored yet."""
    document, problems = _without_refused(typed_in(form))
    return _panel(request, rulebook.assess(parse_form(document)), form, problems, None)


@router.post("", dependencies=[needs(Role.EDITOR)])
def create_assessment(request: Request, form: SentForm, assessments: AssessmentsDep, rulebook: RulebookDep) -> Response:
    """Store the answers; with one that is refused, show the form again."""
    typed = typed_in(form)
    try:
        stored = assessments.add(judge(parse_form(patch_of(typed, typed)), rulebook))
    except FormRefused as error:
        document, _ = _without_refused(typed)
        return _form_page(request, rulebook.assess(parse_form(document)), typed, problems_by_field(error), status=422)
    return RedirectResponse(_address(stored.id), 303)


@router.get("/{id}", dependencies=[needs(Role.READER)])
def show_assessment(request: Request, id: AssessmentId, assessments: AssessmentsDep, rulebook: RulebookDep) -> Response:
    """The form as it is answered, and its scores."""
    stored = assessments.get(id)
    return _form_page(request, _judged(stored, rulebook), typed_of(stored.version.form), {}, stored)


@router.post("/{id}", dependencies=[needs(Role.EDITOR)])
def change_assessment(
    request: Request, id: AssessmentId, form: SentForm, assessments: AssessmentsDep, rulebook: RulebookDep
) -> Response:
    """Store one changed answer (htmx), or the whole form."""
    if is_partial(request):
        return _change_answer(request, id, form, assessments, rulebook)
    typed, shown = typed_in(form), _shown_version(assessments, id, form)
    before = typed_of(shown.form) if shown is not None else {}
    try:
        # Answers that this page does not change may have been changed by another one meanwhile.
        revise(assessments, id, patch_of(typed, [path for path in typed if typed[path] != before.get(path)]), rulebook)
    except FormRefused as error:
        stored, problems = assessments.get(id), problems_by_field(error)
        return _form_page(request, _judged(stored, rulebook), typed, problems, stored, shown, status=422)
    return RedirectResponse(_address(id), 303)


def _shown_version(assessments: Assessments, id: UUID, form: FormData) -> Version | None:
    """The one that the page was made from; None where it does not say."""
    number = str(form.get("version", ""))
    found = assessments.versions(id, 1, int(number) + 1) if number.isascii() and number.isdigit() else []
    return next((version for version in found if str(version.number) == number), None)


def _change_answer(
    request: Request, id: UUID, form: FormData, assessments: Assessments, rulebook: Rulebook
) -> Response:
    """What was refused before is tried again, since the change may have put it right."""
    typed, stored = typed_in(form), assessments.get(id)
    wanted = {path for path in form.getlist("changed") + form.getlist("refused") if path in typed}
    problems: dict[str, str] = {}
    while wanted - set(problems):
        try:
            stored = revise(assessments, id, patch_of(typed, wanted - set(problems)), rulebook)
            break
        except FormRefused as error:
            found = problems_by_field(error)
            # An answer may be refused because of another one, which is stored and stays.
            blamed = set(found) & wanted or wanted
            problems |= {path: found.get(path) or " ".join(found.values()) for path in blamed}
    return _panel(request, _judged(stored, rulebook), form, problems, stored)


def _without_refused(typed: Mapping[str, list[str]]) -> tuple[dict[str, Any], dict[str, str]]:
    """The answers that can be judged, and what is wrong with the others."""
    problems: dict[str, str] = {}
    while True:
        document = patch_of(typed, [path for path in typed if path not in problems])
        try:
            parse_form(document)
            return document, problems
        except FormRefused as error:
            found = problems_by_field(error)
            if set(found) <= set(problems):
                return {}, problems | found
            problems |= found


def _judged(stored: Stored, rulebook: Rulebook) -> Assessment:
    """By the rules of today: what was stored may be of others."""
    return rulebook.assess(parse_form(stored.version.form))


def _form_page(
    request: Request,
    assessment: Assessment,
    typed: Mapping[str, list[str]],
    problems: Mapping[str, str],
    stored: Stored | None = None,
    shown: Version | None = None,
    status: int = 200,
) -> Response:
    """`shown` is the version that the browser's page was made from, if that is not the stored one."""
    version = shown or (stored.version if stored else None)
    name = (stored.name if stored else None) or "New assessment"
    return page(
        request, "assessment.html", name, [("Start", "/"), (name, None)], status,
        groups=groups(typed, problems), problems=problems, version=version.number if version else None,
        **_told(assessment, stored, {path: bool(answer) for path, answer in typed.items()}),
    )  # fmt: skip


def _panel(
    request: Request, assessment: Assessment, form: FormData, problems: Mapping[str, str], stored: Stored | None
) -> Response:
    """The scores, and every field whose message changed."""
    typed = typed_in(form)
    shown = typed_of(stored.version.form) if stored else typed
    touched = {path for path in (*form.getlist("changed"), *form.getlist("refused")) if path in typed} | set(problems)
    values = {path: typed[path] if path in problems else shown[path] for path in touched}
    return fragment(
        request, "assessment_change.html",
        fields=[field_of(path, values, problems) for path in sorted(touched & set(typed))],
        problems=problems,
        **_told(assessment, stored, {path: bool(answer) for path, answer in shown.items()}),
    )  # fmt: skip


def _told(assessment: Assessment, stored: Stored | None, answered: Mapping[str, bool]) -> dict[str, Any]:
    """What the panel shows."""
    return {
        "stored": stored,
        "action": _address(stored.id) if stored else f"{NEW}/scores",
        "assessment": assessment,
        "scores": [_score(assessment, method) for method in METHODS],
        "findings": [
            (title, [(found, _moves(found)) for found in assessment.findings if found.severity is severity])
            for severity, title in GROUPS
        ],
        "open": [
            (asked, questions_by_path()[asked.field].title) for asked in assessment.next_questions[:MOST_SHOWN]
        ],
        "answered": sum(answered.values()),
        "asked": len(questions_by_path()),
        "plan": plan_lines(assessment.plan),
        "questions": _titles(),
    }  # fmt: skip


def _score(assessment: Assessment, method: Any) -> dict[str, Any]:
    score = assessment.methods[method]
    vetoes = [found for found in assessment.findings if found.code in score.vetoes]
    return {
        "title": METHOD_TITLES[method], "text": known_score(score), "low": score.low, "high": score.high,
        "vetoes": vetoes, "first": assessment.advice.start_with == method,
    }  # fmt: skip


def _moves(finding: Finding) -> str:
    moves = ((METHOD_TITLES[method], finding.points.of(method)) for method in METHODS)
    return ", ".join(f"{title} {points:+d}" for title, points in moves if points)


def _titles() -> dict[str, str]:
    return {path: question.title for path, question in questions_by_path().items()}


def _address(id: UUID) -> str:
    return f"/assessments/{id}"
