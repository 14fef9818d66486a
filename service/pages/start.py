"""The start page with what was done so far, and two of it side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from rules.assess import Assessment
from rules.questionnaire import questions_by_path
from service.access.caller import Role
from service.api.cursors import position_cursor, read_position
from service.api.dependencies import (
    AssessmentsDep,
    ComparisonsDep,
    CorporaDep,
    DatasetsDep,
    RulebookDep,
    SettingsDep,
    needs,
)
from service.api.forms import parse_form
from service.errors import NotFound, Place, RequestRefused
from service.pages.answers import typed_of
from service.pages.rendering import page
from service.pages.side_by_side import beside_assessments, beside_reports
from service.rulebook import Rulebook
from service.settings import Settings
from service.storage.assessments import Position, Stored
from service.storage.comparisons import Comparisons

SHOWN: Final = 10
"""Of each list."""
router = APIRouter()


@router.get("/", dependencies=[needs(Role.READER)])
def start(
    request: Request,
    assessments: AssessmentsDep,
    comparisons: ComparisonsDep,
    datasets: DatasetsDep,
    corpora: CorporaDep,
    assessments_after: str | None = None,
    comparisons_after: str | None = None,
    datasets_after: str | None = None,
    corpora_after: str | None = None,
) -> Response:
    """Where to begin, and everything that is there, newest first."""
    asked, more_asked = _some(assessments.page(SHOWN + 1, _position(assessments_after)))
    compared, more_compared = _some(comparisons.page(SHOWN + 1, _position(comparisons_after)))
    uploaded, more_uploaded = _some(datasets.page(SHOWN + 1, _position(datasets_after)))
    searched, more_searched = _some(corpora.page(SHOWN + 1, _position(corpora_after)))
    return page(
        request, "start.html", "Start",
        assessments=[assessments.get(item.id) for item in asked], more_assessments=more_asked,
        comparisons=compared, more_comparisons=more_compared,
        datasets=uploaded, more_datasets=more_uploaded,
        corpora=searched, more_corpora=more_searched,
        first_page=not (assessments_after or comparisons_after or datasets_after or corpora_after),
    )  # fmt: skip


@router.get("/side-by-side", dependencies=[needs(Role.READER)])
def side_by_side(
    request: Request,
    assessments: AssessmentsDep,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    rulebook: RulebookDep,
    pick: Annotated[list[UUID], Query()] = [],  # noqa: B006
    a: UUID | None = None,
    b: UUID | None = None,
) -> Response:
    """Two comparisons, or two assessments; `pick` is what the start page's boxes send."""
    if a is None or b is None:
        if len(set(pick)) != 2:
            raise RequestRefused([Place(f"{len(set(pick))} picked; tick two of one list to see them side by side")])
        return RedirectResponse(f"/side-by-side?a={pick[0]}&b={pick[1]}", 303)
    try:
        first, second = assessments.get(a), assessments.get(b)
    except NotFound:
        return _comparisons_beside(request, comparisons, settings, a, b)
    judged = [_judged(stored, rulebook) for stored in (first, second)]
    return page(
        request, "side_by_side.html", "Side by side", [("Start", "/"), ("Side by side", None)],
        names=[stored.name or "Unnamed assessment" for stored in (first, second)],
        addresses=[f"/assessments/{stored.id}" for stored in (first, second)],
        notes=[], rows=beside_assessments(*judged), answers=_different_answers(first, second), arms=None,
    )  # fmt: skip


def _comparisons_beside(request: Request, comparisons: Comparisons, settings: Settings, a: UUID, b: UUID) -> Response:
    both = [comparisons.get(a), comparisons.get(b)]
    told = beside_reports(settings, both)
    return page(
        request, "side_by_side.html", "Side by side", [("Start", "/"), ("Side by side", None)],
        names=[stored.name for stored in both], addresses=[f"/comparisons/{stored.id}" for stored in both],
        notes=told.notes, rows=told.rows, answers=None, arms=told.arms,
    )  # fmt: skip


def _different_answers(first: Stored, second: Stored) -> list[tuple[str, str, str]]:
    ours, theirs = typed_of(first.version.form), typed_of(second.version.form)
    return [
        (question.title, _words(ours[path]), _words(theirs[path]))
        for path, question in questions_by_path().items()
        if ours[path] != theirs[path]
    ]


def _words(answer: Sequence[str]) -> str:
    said = {"true": "yes", "false": "no"}
    return ", ".join(said.get(text, text.replace("_", " ")) for text in answer) or "open"


def _judged(stored: Stored, rulebook: Rulebook) -> Assessment:
    return rulebook.assess(parse_form(stored.version.form))


def _some(found: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
    """The first of them, and the cursor of the next page."""
    shown = found[:SHOWN]
    more = len(found) > SHOWN
    return shown, position_cursor(Position(shown[-1].created_at, shown[-1].id)) if more else None


def _position(cursor: str | None) -> Position | None:
    return read_position(cursor) if cursor else None
