"""Assessments over HTTP: score a form, read it, change its answers, see how it came to be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.responses import JSONResponse, PlainTextResponse

from evaluation.render.assessment import to_markdown
from rules.assess import Assessment
from rules.form import Form
from service.access.caller import Role
from service.api.cursors import number_cursor, position_cursor, read_number, read_position
from service.api.dependencies import (
    JSON,
    MERGE_PATCH,
    AssessmentId,
    AssessmentsDep,
    Cursor,
    Limit,
    RulebookDep,
    body_of,
    needs,
)
from service.api.etags import IfMatch, etag, refuse_unless_matching, with_etag
from service.api.forms import SubmittedForm, judge, parse_form
from service.api.idempotency import IdempotentRoute
from service.api.merge_patch import merge
from service.errors import EditConflict, JudgedByOtherRules
from service.problems import problems
from service.rulebook import Rulebook
from service.storage.assessments import Position, Stored, Version

MARKDOWN = "text/markdown"
ATTEMPTS = 5
"""How often a patch is laid over a newer version before its sender is told that somebody else was faster."""

router = APIRouter(prefix="/v1/assessments", tags=["assessments"], route_class=IdempotentRoute)


class NewAssessment(BaseModel):
    """A form to score; every field of it may be missing."""

    model_config = ConfigDict(extra="forbid")

    form: SubmittedForm


class VersionView(BaseModel):
    """One state of an assessment: the answers, and what the rules said about them then."""

    number: int = Field(description="1 for the first answers, one more for each change.")
    created_at: datetime
    ruleset_sha256: str = Field(description="Hash of the policy that judged this version.")
    form: Form = Field(description="The answers; what is unanswered is left out.")
    assessment: Assessment


class AssessmentView(BaseModel):
    """An assessment in its latest version."""

    id: UUID
    name: str | None = Field(description="`task.name` of the form.")
    created_at: datetime
    version: int = Field(description="Number of the latest version.")
    updated_at: datetime = Field(description="When the latest version was stored.")
    form: Form = Field(description="The answers; what is unanswered is left out.")
    assessment: Assessment


class AssessmentItem(BaseModel):
    """An assessment in a list."""

    id: UUID
    name: str | None
    created_at: datetime
    version: int


class AssessmentPage(BaseModel):
    """A page of assessments, newest first."""

    items: list[AssessmentItem]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


class VersionPage(BaseModel):
    """A page of versions, newest first."""

    items: list[VersionView]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.post(
    "",
    status_code=201,
    response_model=AssessmentView,
    dependencies=[needs(Role.EDITOR), body_of(JSON)],
    responses={**with_etag(201), **problems(400, 401, 403, 409, 415, 422, 503)},
)
def create_assessment(body: NewAssessment, assessments: AssessmentsDep, rulebook: RulebookDep) -> JSONResponse:
    """Score a form and store both. A partial form is scored too: each score is then an interval."""
    stored = assessments.add(judge(body.form, rulebook))
    return JSONResponse(show(stored), 201, {"Location": f"{router.prefix}/{stored.id}", **etag(stored.version.number)})


@router.get("", dependencies=[needs(Role.READER)], responses=problems(401, 403, 422, 503))
def list_assessments(assessments: AssessmentsDep, limit: Limit = 20, cursor: Cursor = None) -> AssessmentPage:
    """List assessments, newest first."""
    found = assessments.page(limit + 1, read_position(cursor) if cursor is not None else None)
    shown, more = found[:limit], len(found) > limit
    return AssessmentPage(
        items=[
            AssessmentItem(id=item.id, name=item.name, created_at=item.created_at, version=item.latest)
            for item in shown
        ],
        next_cursor=position_cursor(Position(shown[-1].created_at, shown[-1].id)) if more else None,
    )


@router.get(
    "/{id}.md",
    response_class=PlainTextResponse,
    dependencies=[needs(Role.READER)],
    responses={200: {"content": {MARKDOWN: {"schema": {"type": "string"}}}}, **problems(401, 403, 404, 409, 503)},
)
def read_assessment_as_markdown(id: AssessmentId, assessments: AssessmentsDep) -> PlainTextResponse:
    """Read an assessment as a page to print: every finding, the plan, and a checklist for whoever sells the model."""
    stored = assessments.get(id)
    try:
        judged = Assessment.model_validate(stored.version.assessment)
    except ValidationError:
        raise JudgedByOtherRules(
            f"assessment {id} was judged by an earlier version of the rules; send any PATCH to judge it again"
        ) from None
    return PlainTextResponse(to_markdown(judged, parse_form(stored.version.form)), media_type=MARKDOWN)


@router.get(
    "/{id}",
    response_model=AssessmentView,
    dependencies=[needs(Role.READER)],
    responses={**with_etag(200), **problems(401, 403, 404, 503)},
)
def read_assessment(id: AssessmentId, assessments: AssessmentsDep) -> JSONResponse:
    """Read an assessment in its latest version."""
    stored = assessments.get(id)
    return JSONResponse(show(stored), headers=etag(stored.version.number))


@router.patch(
    "/{id}",
    response_model=AssessmentView,
    dependencies=[needs(Role.EDITOR), body_of(MERGE_PATCH, JSON)],
    responses={**with_etag(200), **problems(400, 401, 403, 404, 409, 412, 415, 422, 503)},
)
def change_assessment(
    id: AssessmentId,
    patch: Annotated[dict[str, JsonValue], Body(media_type=MERGE_PATCH)],
    assessments: AssessmentsDep,
    rulebook: RulebookDep,
    if_match: IfMatch = None,
) -> JSONResponse:
    """Change answers by a JSON Merge Patch (RFC 7396) on the form; null takes an answer back.

    The form is scored again and stored as a new version, unless nothing came out differently. With `If-Match` only the
    version that the caller knows is changed.
    """
    stored = revise(assessments, id, patch, rulebook, if_match)
    return JSONResponse(show(stored), headers=etag(stored.version.number))


@router.get(
    "/{id}/versions",
    response_model=VersionPage,
    dependencies=[needs(Role.READER)],
    responses=problems(401, 403, 404, 422, 503),
)
def list_versions(
    id: AssessmentId, assessments: AssessmentsDep, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """List every version of an assessment, newest first, each with the ruleset that judged it."""
    found = assessments.versions(id, limit + 1, read_number(cursor) if cursor is not None else None)
    shown, more = found[:limit], len(found) > limit
    next_cursor = number_cursor(shown[-1].number) if more else None
    return JSONResponse({"items": [show_version(version) for version in shown], "next_cursor": next_cursor})


def revise(
    assessments: AssessmentsDep, id: UUID, patch: dict[str, Any], rulebook: Rulebook, if_match: str | None = None
) -> Stored:
    """Lay the patch over the latest version and store the next; start again when somebody else was faster.

    `ChangedMeanwhile` when the latest version is not one that `if_match` names.
    """
    for _ in range(ATTEMPTS):
        current = assessments.get(id)
        refuse_unless_matching(if_match, current.version.number)
        judged = judge(parse_form(merge(current.version.form, patch)), rulebook)
        if (judged.form, judged.assessment) == (current.version.form, current.version.assessment):
            return current
        try:
            return assessments.revise(current, judged)
        except EditConflict:
            continue
    raise EditConflict(f"assessment {id} changed {ATTEMPTS} times meanwhile; send the patch again")


def show(stored: Stored) -> dict[str, Any]:
    """An `AssessmentView`, as it was stored: old answers are shown, not judged by what is allowed today."""
    return {
        "id": str(stored.id),
        "name": stored.name,
        "created_at": stored.created_at.isoformat(),
        "version": stored.version.number,
        "updated_at": stored.version.created_at.isoformat(),
        "form": stored.version.form,
        "assessment": stored.version.assessment,
    }


def show_version(version: Version) -> dict[str, Any]:
    """A `VersionView`, as it was stored."""
    return {
        "number": version.number,
        "created_at": version.created_at.isoformat(),
        "ruleset_sha256": version.ruleset_sha256,
        "form": version.form,
        "assessment": version.assessment,
    }
