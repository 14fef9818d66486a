"""Comparisons over HTTP: set one going, follow it, approve or stop it, read its report."""

from __future__ import annotations

from uuid import uuid4

from fastapi import APIRouter
from starlette.responses import JSONResponse

from service.access.caller import Role
from service.api.comparison_views import (
    ComparisonItem,
    ComparisonPage,
    ComparisonView,
    Limits,
    NewComparison,
    show,
    show_item,
)  # fmt: skip
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
from service.api.idempotency import IdempotentRoute
from service.comparing import Sources, asked_of, change_limits, lay_out_comparison, refuse_going_on
from service.problems import problems
from service.storage.actions import record_action
from service.storage.assessments import Position
from service.storage.comparisons import Subjects
from service.storage.runs import Run

router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"], route_class=IdempotentRoute)


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
    """Agree to what is foreseen. The comparison goes on, and asks again before it spends much more than `in_all`."""
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
    """Go on with a comparison that was cancelled or failed; finished trials and paid answers are not repeated, trials
    that were given up are."""
    stopped = comparisons.get(id)
    refuse_going_on(stopped)
    stored = comparisons.go_on(id, caller.name, change_limits(settings, stopped, limits))
    record_action(database, caller.workspace, caller.name, "resume", str(id), limits.model_dump(exclude_none=True))
    jobs.add_comparison(Run(stored.id, stored.generation))
    return JSONResponse(show(stored, comparisons))
