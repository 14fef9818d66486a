"""Pages of a comparison: ask for it, agree to its plan, watch it, stop it, read what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from service.access.caller import Role
from service.api import comparisons as api
from service.api.comparison_views import Limits, NewComparison
from service.api.dependencies import (
    AssessmentsDep,
    CallerDep,
    ComparisonId,
    ComparisonsDep,
    CorporaDep,
    DatabaseDep,
    DatasetsDep,
    Followed,
    JobsDep,
    SettingsDep,
    needs,
)
from service.errors import RequestRefused
from service.following import or_nothing
from service.pages.forms import SentForm, problems_by_field
from service.pages.offer import Offer
from service.pages.progress_view import ProgressView
from service.pages.rendering import page, text_of
from service.pages.reports import ReportView, report_of
from service.storage.comparisons import ENDED, Comparisons, StoredComparison
from service.storage.database import Database

LISTS: Final = ("backends", "accept")
TICKED: Final = ("learning_curve", "exhaustive", "improve_prompt", "search_service", "written_labels")
BLANK: Final = {
    "name": "", "seed": "1", "training_cost": "", "budget": "", "calls": "", "temperatures": "", "assessment_id": "",
    "test_dataset_id": "", "corpus_id": "", "passages": "", "backends": ["encoder"], "accept": [],
    "learning_curve": True, "exhaustive": False, "improve_prompt": False, "search_service": False,
    "written_labels": False,
}  # fmt: skip
LOOK_AGAIN_AFTER: Final = 10.0
"""Seconds without an event: others in the queue move on, and workers come and go."""
Typed = dict[str, Any]
router = APIRouter(prefix="/comparisons")


@router.get("/new", dependencies=[needs(Role.EDITOR)])
def new_comparison(
    request: Request,
    settings: SettingsDep,
    datasets: DatasetsDep,
    assessments: AssessmentsDep,
    corpora: CorporaDep,
    dataset: UUID | None = None,
    assessment: UUID | None = None,
) -> Response:
    """Every choice, with its default: without a data set the one that was uploaded last."""
    newest = next((stored.id for stored in datasets.page(1)), None)
    offer = Offer(settings, datasets, assessments, corpora, dataset or newest)
    typed = {**BLANK, "assessment_id": str(assessment or ""), "backends": offer.default_backends}
    return _options_page(request, offer, typed, {})


@router.post("", dependencies=[needs(Role.EDITOR)])
def start_comparison(
    request: Request,
    form: SentForm,
    settings: SettingsDep,
    caller: CallerDep,
    datasets: DatasetsDep,
    corpora: CorporaDep,
    assessments: AssessmentsDep,
    comparisons: ComparisonsDep,
    jobs: JobsDep,
) -> Response:
    """Have it planned. It stops at the plan, so that somebody agrees before anything is fitted or paid for."""
    typed = _typed_in(form)
    if form.get("shown_for") != form.get("dataset_id"):
        typed["accept"] = []  # what was ticked belongs to findings in other examples
    try:
        body = NewComparison.model_validate(_body(form, typed))
        started = api.start_comparison(body, settings, caller, datasets, corpora, assessments, comparisons, jobs)
    except ValidationError as error:
        problems = _by_field(error)
    except RequestRefused as error:
        problems = problems_by_field(error)
    else:
        return RedirectResponse(f"/comparisons/{started.headers['location'].rpartition('/')[2]}", 303)
    offer = Offer(settings, datasets, assessments, corpora, _id(str(form.get("dataset_id", ""))))
    return _options_page(request, offer, typed, problems)


@router.get("/{id}", dependencies=[needs(Role.READER)])
def show_comparison(
    request: Request,
    id: ComparisonId,
    comparisons: ComparisonsDep,
    database: DatabaseDep,
    settings: SettingsDep,
    first: str = "",
    second: str = "",
    show: str = "all",
) -> Response:
    """How far it is, or its report. `first`, `second` and `show` choose among the rows on which arms disagree."""
    stored = comparisons.get(id)
    report = report_of(settings, stored)
    view = ReportView(report, stored, first, second, show) if report else None
    return _comparison_page(request, stored, ProgressView(stored, comparisons, database), view)


@router.get("/{id}/progress", response_class=EventSourceResponse, dependencies=[needs(Role.READER)])
async def follow_progress(
    request: Request, followed: Followed, comparisons: ComparisonsDep, database: DatabaseDep
) -> AsyncIterator[ServerSentEvent]:
    """The part of the page that moves, again after every event; how things stand now comes first, so that whoever
    comes back has missed nothing."""
    stored, shown = await run_in_threadpool(_state, request, followed.id, comparisons, database)
    yield ServerSentEvent(raw_data=shown, id=str(stored.events))
    if stored.status not in ENDED:
        following = request.app.state.following.events(followed.id, stored.events)
        async with aclosing(or_nothing(following, LOOK_AGAIN_AFTER)) as events:
            async for event in events:
                if event is not None and event.number <= stored.events:
                    continue
                stored, text = await run_in_threadpool(_state, request, followed.id, comparisons, database)
                if event is not None or text != shown:
                    yield ServerSentEvent(raw_data=text, id=str(stored.events))
                shown = text
                if stored.status in ENDED:
                    break
    if stored.status in ENDED:  # else the process stops, and whoever follows comes back to the next one
        yield ServerSentEvent(raw_data="ended", event="ended")


@router.post("/{id}/approve", dependencies=[needs(Role.EDITOR)])
def approve_comparison(
    id: ComparisonId, comparisons: ComparisonsDep, database: DatabaseDep, caller: CallerDep, jobs: JobsDep
) -> Response:
    """Agree to the plan and to what it takes."""
    api.approve_comparison(id, comparisons, database, caller, jobs)
    return _back(id)


@router.post("/{id}/cancel", dependencies=[needs(Role.EDITOR)])
def cancel_comparison(
    id: ComparisonId, comparisons: ComparisonsDep, database: DatabaseDep, caller: CallerDep
) -> Response:
    """Stop it; what is finished is kept."""
    api.cancel_comparison(id, comparisons, database, caller)
    return _back(id)


@router.post("/{id}/resume", dependencies=[needs(Role.EDITOR)])
def resume_comparison(
    request: Request,
    id: ComparisonId,
    form: SentForm,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    database: DatabaseDep,
    caller: CallerDep,
    jobs: JobsDep,
) -> Response:
    """Go on where it stopped, up to other limits if some are typed in."""
    typed = {name: str(form.get(name, "")).strip() for name in Limits.model_fields}
    try:
        limits = Limits.model_validate({name: text or None for name, text in typed.items()})
    except ValidationError as error:
        stored, problems = comparisons.get(id), _by_field(error)
        return _comparison_page(request, stored, ProgressView(stored, comparisons, database, typed, problems), None)
    api.resume_comparison(id, limits, comparisons, settings, database, caller, jobs)
    return _back(id)


def _state(request: Request, id: UUID, comparisons: Comparisons, database: Database) -> tuple[StoredComparison, str]:
    stored = comparisons.get(id)
    progress = ProgressView(stored, comparisons, database)
    return stored, text_of(request, "progress.html", stored=stored, progress=progress)


def _comparison_page(
    request: Request, stored: StoredComparison, progress: ProgressView, report: ReportView | None
) -> Response:
    return page(
        request, "comparison.html", stored.name, [("Start", "/"), (stored.name, None)],
        422 if progress.problems else 200, stored=stored, progress=progress, report=report,
    )  # fmt: skip


def _options_page(request: Request, offer: Offer, typed: Typed, problems: dict[str, str]) -> Response:
    crumbs: list[tuple[str, str | None]] = [("Start", "/"), ("Plan a comparison", None)]
    if offer.dataset is not None:
        crumbs.insert(1, (offer.dataset.name, f"/datasets/{offer.dataset.id}"))
    return page(
        request, "comparison_new.html", "Plan a comparison", crumbs, 422 if problems else 200,
        offer=offer, typed=typed, problems=problems,
    )  # fmt: skip


def _typed_in(form: FormData) -> Typed:
    texts: Sequence[str] = [name for name in BLANK if name not in (*LISTS, *TICKED)]
    return {
        **{name: str(form.get(name, "")).strip() for name in texts},
        **{name: [str(text) for text in form.getlist(name)] for name in LISTS},
        **{name: name in form for name in TICKED},
    }


def _body(form: FormData, typed: Typed) -> dict[str, Any]:
    """As the API takes it; what is empty is left out."""
    body = {name: value for name, value in typed.items() if value not in ("", [])}
    if "temperatures" in body:
        body["temperatures"] = [text.strip() for text in body["temperatures"].split(",")]
    return {**body, "dataset_id": str(form.get("dataset_id", "")), "hold": True}


def _by_field(error: ValidationError) -> dict[str, str]:
    return {str(found["loc"][0]): found["msg"] for found in error.errors(include_url=False)}


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _back(id: UUID) -> Response:
    return RedirectResponse(f"/comparisons/{id}", 303)
