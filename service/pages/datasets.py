"""Pages of labelled examples: their upload, and the audit with the rows that it speaks of."""

from __future__ import annotations

from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from rules.choices import Kind
from service.access.caller import Role
from service.api.datasets import NewDataset, remove_dataset, store_upload, task_of
from service.api.dependencies import (
    AssessmentsDep,
    CallerDep,
    ComparisonsDep,
    DatabaseDep,
    DatasetId,
    DatasetsDep,
    JobsDep,
    SettingsDep,
    needs,
)
from service.errors import NotFound, RequestRefused, UploadTooLarge
from service.jobs.system import PLANNING
from service.pages.audit_view import AuditView
from service.pages.forms import problems_by_field
from service.pages.rendering import fragment, page
from service.settings import Settings
from service.storage.assessments import Assessments
from service.storage.comparisons import Comparisons
from service.storage.datasets import AuditStatus, StoredDataset

Typed = dict[str, str]
COLUMN_FIELDS: Final = {"input_column": "Column with the text", "output_column": "Column with the right answer"}
router = APIRouter(prefix="/datasets")


@router.get("/new", dependencies=[needs(Role.EDITOR)])
def new_dataset(
    request: Request, settings: SettingsDep, assessments: AssessmentsDep, assessment: UUID | None = None
) -> Response:
    """The form for an upload; the task's kind is what the assessment says."""
    kind, name = _known(assessments, assessment)
    typed = {"kind": kind, "name": name, "assessment": str(assessment or "")}
    return _upload_page(request, settings, typed, {})


@router.post("", dependencies=[needs(Role.EDITOR)])
def upload_dataset(
    request: Request,
    settings: SettingsDep,
    datasets: DatasetsDep,
    jobs: JobsDep,
    file: Annotated[UploadFile | None, File()] = None,
    name: Annotated[str, Form(max_length=200)] = "",
    input_column: Annotated[str, Form()] = "",
    output_column: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    task: Annotated[str, Form(max_length=200_000)] = "",
    assessment: Annotated[str, Form()] = "",
) -> Response:
    """Keep the file and have it audited; one that is refused is told beside its field."""
    typed = {
        "name": name, "input_column": input_column, "output_column": output_column, "kind": kind, "task": task,
        "assessment": assessment,
    }  # fmt: skip
    if file is None or not file.filename:
        return _upload_page(request, settings, typed, {"file": "No file was chosen; choose one with your examples."})
    try:
        upload = NewDataset(
            file, name, input_column.strip() or None, output_column.strip() or None, _kind(kind), task_of(task)
        )
        stored = store_upload(settings, datasets, upload)
    except RequestRefused as error:
        return _upload_page(request, settings, typed, _in_words_of_the_page(problems_by_field(error)))
    except UploadTooLarge as error:
        return _upload_page(request, settings, typed, {"file": str(error)})
    jobs.add_audit(stored.id)
    return RedirectResponse(f"/datasets/{stored.id}" + (f"?assessment={assessment}" if assessment else ""), 303)


@router.get("/{id}", dependencies=[needs(Role.READER)])
def show_dataset(
    request: Request,
    id: DatasetId,
    datasets: DatasetsDep,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    assessment: UUID | None = None,
) -> Response:
    """The audit as a page; it looks again by itself until the audit is there."""
    stored = datasets.get(id)
    return page(
        request, "dataset.html", stored.name, [("Start", "/"), (stored.name, None)],
        comparisons=comparisons.of_dataset(id), **_told(stored, settings, comparisons, assessment),
    )  # fmt: skip


@router.get("/{id}/audit", dependencies=[needs(Role.READER)])
def show_audit(
    request: Request,
    id: DatasetId,
    datasets: DatasetsDep,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    assessment: UUID | None = None,
) -> Response:
    """The audit alone."""
    return fragment(request, "audit.html", **_told(datasets.get(id), settings, comparisons, assessment))


@router.post("/{id}/delete", dependencies=[needs(Role.EDITOR)])
def delete_dataset(
    request: Request, id: DatasetId, datasets: DatasetsDep, database: DatabaseDep, settings: SettingsDep,
    caller: CallerDep,
) -> Response:  # fmt: skip
    """Take it away, and say what is left of it."""
    name = datasets.get(id).name
    deleted = remove_dataset(id, database, settings, caller)
    crumbs = [("Start", "/"), (name, None)]
    return page(request, "dataset_deleted.html", f"{name} was deleted", crumbs, name=name, deleted=deleted)


def _told(
    stored: StoredDataset, settings: Settings, comparisons: Comparisons, assessment: UUID | None
) -> dict[str, Any]:
    waits = stored.status is AuditStatus.AUDITING and comparisons.unserved({PLANNING})
    return {
        "nobody_works": bool(waits),
        "stored": stored,
        "audit": AuditView(stored, settings) if stored.audit is not None else None,
        "assessment": assessment,
    }


def _upload_page(request: Request, settings: Settings, typed: Typed, problems: dict[str, str]) -> Response:
    blank = {"name": "", "input_column": "", "output_column": "", "kind": "", "task": "", "assessment": ""}
    return page(
        request, "dataset_new.html", "Upload examples", [("Start", "/"), ("Upload examples", None)],
        422 if problems else 200, typed={**blank, **typed}, problems=problems, kinds=get_args(Kind),
        most=settings.upload_bytes,
    )  # fmt: skip


def _in_words_of_the_page(problems: dict[str, str]) -> dict[str, str]:
    """What is wrong with the columns, beside the field in which they are named as well."""
    told = problems.get("file", "")
    for field, title in COLUMN_FIELDS.items():
        if field in told:
            told = told.replace(f"with {field}", f"below, under \u201c{title}\u201d")
            problems |= {"file": told, field: told.rpartition(": ")[2].partition(";")[0]}
    return problems


def _kind(text: str) -> Kind | None:
    return next((kind for kind in get_args(Kind) if kind == text), None)


def _known(assessments: Assessments, id: UUID | None) -> tuple[str, str]:
    """The task's kind and name, as far as an assessment tells them."""
    if id is None:
        return "", ""
    try:
        task = assessments.get(id).version.form.get("task", {})
    except NotFound:
        return "", ""
    return task.get("kind", ""), task.get("name", "")
