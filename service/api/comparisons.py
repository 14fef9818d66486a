"""Comparisons over HTTP: set one going, follow it, approve or stop it, read its report."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from rules.layout import Backend
from service.access.caller import Role
from service.api.comparison_views import ComparisonItem, ComparisonPage, ComparisonView, show, show_item
from service.api.cursors import position_cursor, read_position
from service.api.dependencies import (
    JSON,
    AssessmentsDep,
    CallerDep,
    ComparisonId,
    ComparisonsDep,
    CorporaDep,
    Cursor,
    DatabaseDep,
    DatasetsDep,
    JobsDep,
    Limit,
    SettingsDep,
    body_of,
    needs,
)
from service.api.forms import SubmittedForm
from service.api.idempotency import IdempotentRoute
from service.comparing import Sources, asked_of, lay_out_comparison, raise_limits
from service.errors import NotNow
from service.problems import problems
from service.storage.actions import record_action
from service.storage.assessments import Position
from service.storage.comparisons import Subjects
from service.storage.runs import Run

router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"], route_class=IdempotentRoute)


class NewComparison(BaseModel):
    """What to compare. Only the data set must be named."""

    model_config = ConfigDict(extra="forbid")

    dataset_id: UUID
    test_dataset_id: UUID | None = Field(None, description="Rows to test on; without it rows are kept back.")
    corpus_id: UUID | None = Field(None, description="Documents that answers may be searched in.")
    assessment_id: UUID | None = Field(None, description="Its form's margins and costs are used.")
    form: SubmittedForm | None = Field(None, description="An answered form, in place of an assessment.")
    name: str | None = Field(None, max_length=200, description="A name for lists; the data set's if left out.")
    backends: list[Backend] = Field([], max_length=3, description="What answers; the embedded encoder if left out.")
    seed: int = Field(1, ge=0, lt=2**31, description="Of every split, draw and fit.")
    learning_curve: bool = Field(True, description="Also fit on fewer rows, to tell what more would change.")
    training_cost: float = Field(0.0, ge=0, le=1e9, description="What one training costs, in the form's currency.")
    exhaustive: bool = Field(False, description="Train every fine-tune, also one that cannot change the decision.")
    accept: list[str] = Field([], max_length=10, description="Codes of audit blockers that the caller answers for.")
    budget: float | None = Field(None, ge=0, le=1e9, description="Most that calls of an endpoint may cost in all.")
    calls: int | None = Field(None, ge=0, le=10**9, description="Most calls of an endpoint in all.")
    improve_prompt: bool = Field(False, description="Also let the model improve its instruction by its errors.")
    search_service: bool = Field(False, description="Search with the service that the deployment has configured.")
    temperatures: list[Annotated[float, Field(ge=0, le=2)]] = Field(
        [], max_length=3, description="Ask the recommended arm again at these temperatures."
    )
    hold: bool = Field(False, description="Stop when the plan is made, and wait for approval.")


class Limits(BaseModel):
    """Other limits for a comparison that goes on."""

    model_config = ConfigDict(extra="forbid")

    budget: float | None = Field(None, ge=0, le=1e9, description="Most that calls may cost in all; as before if null.")
    calls: int | None = Field(None, ge=0, le=10**9, description="Most calls in all; as before if null.")


@router.post(
    "",
    status_code=202,
    response_model=ComparisonView,
    dependencies=[needs(Role.EDITOR), body_of(JSON)],
    responses=problems(400, 401, 403, 404, 409, 415, 422, 503),
)
def start_comparison(
    body: NewComparison,
    settings: SettingsDep,
    caller: CallerDep,
    datasets: DatasetsDep,
    corpora: CorporaDep,
    assessments: AssessmentsDep,
    comparisons: ComparisonsDep,
    jobs: JobsDep,
) -> JSONResponse:
    """Queue a comparison. What it takes is foreseen first; above the deployment's limits it waits for approval."""
    dataset = datasets.get(body.dataset_id)
    test = datasets.get(body.test_dataset_id) if body.test_dataset_id else None
    corpus = corpora.get(body.corpus_id) if body.corpus_id else None
    form = body.form.model_dump(mode="json", exclude_defaults=True) if body.form is not None else None
    if body.assessment_id is not None:
        form = assessments.get(body.assessment_id).version.form
    sources = Sources(dataset, test, corpus, form)
    asked = asked_of(body, sources, caller.name, settings)
    subjects = Subjects(dataset.id, test.id if test else None, corpus.id if corpus else None, body.assessment_id)
    id = uuid4()
    lay_out_comparison(settings, id, asked, sources)
    stored = comparisons.add(id, (body.name or "").strip() or dataset.name, subjects, asked)
    jobs.add_comparison(Run(stored.id, stored.generation))
    return JSONResponse(show(stored, comparisons), 202, {"Location": f"{router.prefix}/{stored.id}"})


@router.get("", dependencies=[needs(Role.READER)], responses=problems(401, 403, 422, 503))
def list_comparisons(comparisons: ComparisonsDep, limit: Limit = 20, cursor: Cursor = None) -> ComparisonPage:
    """List comparisons, newest first."""
    found = comparisons.page(limit + 1, read_position(cursor) if cursor is not None else None)
    shown, more = found[:limit], len(found) > limit
    return ComparisonPage(
        items=[ComparisonItem.model_validate(show_item(item)) for item in shown],
        next_cursor=position_cursor(Position(shown[-1].created_at, shown[-1].id)) if more else None,
    )


@router.get(
    "/{id}",
    response_model=ComparisonView,
    dependencies=[needs(Role.READER)],
    responses=problems(401, 403, 404, 503),
)
def read_comparison(id: ComparisonId, comparisons: ComparisonsDep) -> JSONResponse:
    """Read how far a comparison is, what it plans, and what came of it."""
    return JSONResponse(show(comparisons.get(id), comparisons))


@router.post(
    "/{id}/approve",
    response_model=ComparisonView,
    dependencies=[needs(Role.EDITOR)],
    responses=problems(401, 403, 404, 409, 503),
)
def approve_comparison(
    id: ComparisonId, comparisons: ComparisonsDep, database: DatabaseDep, caller: CallerDep, jobs: JobsDep
) -> JSONResponse:
    """Agree to what is foreseen; the comparison goes on."""
    foreseen = comparisons.get(id).foreseen or {}
    stored = comparisons.approve(id, caller.name)
    record_action(database, caller.workspace, caller.name, "approve", str(id), foreseen)
    jobs.add_comparison(Run(stored.id, stored.generation))
    return JSONResponse(show(stored, comparisons))


@router.post(
    "/{id}/cancel",
    response_model=ComparisonView,
    dependencies=[needs(Role.EDITOR)],
    responses=problems(401, 403, 404, 409, 503),
)
def cancel_comparison(
    id: ComparisonId, comparisons: ComparisonsDep, database: DatabaseDep, caller: CallerDep
) -> JSONResponse:
    """Stop a comparison, also in the middle of a trial. Finished trials are kept: it can be resumed."""
    stored = comparisons.cancel(id, caller.name)
    record_action(database, caller.workspace, caller.name, "cancel", str(id), {})
    return JSONResponse(show(stored, comparisons))


@router.post(
    "/{id}/resume",
    response_model=ComparisonView,
    dependencies=[needs(Role.EDITOR), body_of(JSON)],
    responses=problems(400, 401, 403, 404, 409, 415, 422, 503),
)
def resume_comparison(
    id: ComparisonId,
    limits: Limits,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    database: DatabaseDep,
    caller: CallerDep,
    jobs: JobsDep,
) -> JSONResponse:
    """Go on with a comparison that was cancelled or failed; finished trials and paid answers are not repeated."""
    if comparisons.get(id).subjects.dataset_id is None:
        raise NotNow(f"the data set of comparison {id} was deleted; upload it again and start another one")
    stored = comparisons.go_on(id, caller.name)
    raise_limits(settings, id, limits.budget, limits.calls)
    record_action(database, caller.workspace, caller.name, "resume", str(id), limits.model_dump(exclude_none=True))
    jobs.add_comparison(Run(stored.id, stored.generation))
    return JSONResponse(show(stored, comparisons))
