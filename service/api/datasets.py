"""Data sets over HTTP: upload examples, read their audit, delete them with all that was made of them."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from rules.choices import Kind
from service.access.caller import Role
from service.api.cursors import position_cursor, read_position
from service.api.dependencies import (
    MULTIPART,
    CallerDep,
    Cursor,
    DatabaseDep,
    DatasetId,
    DatasetsDep,
    JobsDep,
    Limit,
    SettingsDep,
    body_of,
    needs,
)
from service.api.idempotency import IdempotentRoute
from service.api.uploads import keep_again_if_gone, keep_upload, plain_name, refused
from service.deletion import Deleted, delete_dataset, forget_file
from service.problems import problems
from service.settings import Settings
from service.storage.actions import record_action
from service.storage.assessments import Position
from service.storage.datasets import AuditStatus, Datasets, StoredDataset
from service.storage.folders import EXAMPLES, TASK, dataset_folder, kept_path, lay_out

LOOK_EVERY = 0.2
router = APIRouter(prefix="/v1/datasets", tags=["data sets"], route_class=IdempotentRoute)


class DatasetItem(BaseModel):
    """A data set in a list."""

    id: UUID
    name: str
    created_at: datetime
    status: AuditStatus = Field(description="`auditing` until the audit is there.")
    examples: int
    size: int = Field(description="Bytes of the file.")


class DatasetView(DatasetItem):
    """Uploaded examples and what the audit found."""

    sha256: str = Field(description="Hash of the file.")
    fingerprint: str = Field(description="Hash of the rows in order; reports name it.")
    file_name: str
    kind: Kind = Field(description="What a row is asked for.")
    labels: dict[str, int] = Field(description="Examples of each label; empty where answers are not labels.")
    audit: dict[str, Any] | None = Field(description="Findings, each with what to do; null until it is done.")
    problem: str | None = Field(description="Why there is no audit.")


class DatasetPage(BaseModel):
    """A page of data sets, newest first."""

    items: list[DatasetItem]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@dataclass(frozen=True)
class NewDataset:
    """What came with an upload."""

    file: UploadFile
    name: str | None
    input_column: str | None
    output_column: str | None
    kind: Kind | None
    task: dict[str, Any] | None


@router.post(
    "",
    status_code=201,
    response_model=DatasetView,
    dependencies=[needs(Role.EDITOR), body_of(MULTIPART)],
    responses=problems(400, 401, 403, 409, 413, 415, 422, 503),
)
async def upload_dataset(
    file: Annotated[
        UploadFile, File(description="Labelled examples: JSONL (also OpenAI chats), CSV or TSV in UTF-8, or Parquet.")
    ],
    settings: SettingsDep,
    datasets: DatasetsDep,
    jobs: JobsDep,
    name: Annotated[
        str | None, Form(max_length=200, description="A name for lists; the file's own if left out.")
    ] = None,
    input_column: Annotated[str | None, Form(description="Column with the text; guessed if left out.")] = None,
    output_column: Annotated[str | None, Form(description="Column with the answer; guessed if left out.")] = None,
    kind: Annotated[Kind | None, Form(description="What a row is asked for; classification if left out.")] = None,
    task: Annotated[
        str | None, Form(description="JSON: instruction, labels, schema, ... as in a task file.", max_length=200_000)
    ] = None,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the audit before answering.")] = 20.0,
) -> JSONResponse:
    """Upload labelled examples. The file is read at once and audited in the background.

    The answer has the audit if it was done within `wait` seconds; else read the data set again later.
    """
    upload = NewDataset(file, name, input_column, output_column, kind, task_of(task))
    stored = await run_in_threadpool(store_upload, settings, datasets, upload)
    await run_in_threadpool(jobs.add_audit, stored.id)
    deadline = time.monotonic() + wait
    while stored.status is AuditStatus.AUDITING and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY)
        stored = await run_in_threadpool(datasets.get, stored.id)
    return JSONResponse(show(stored), 201, {"Location": f"{router.prefix}/{stored.id}"})


@router.get("", dependencies=[needs(Role.READER)], responses=problems(401, 403, 422, 503))
def list_datasets(datasets: DatasetsDep, limit: Limit = 20, cursor: Cursor = None) -> DatasetPage:
    """List data sets, newest first."""
    found = datasets.page(limit + 1, read_position(cursor) if cursor is not None else None)
    shown, more = found[:limit], len(found) > limit
    return DatasetPage(
        items=[DatasetItem.model_validate(show(item)) for item in shown],
        next_cursor=position_cursor(Position(shown[-1].created_at, shown[-1].id)) if more else None,
    )


@router.get(
    "/{id}",
    response_model=DatasetView,
    dependencies=[needs(Role.READER)],
    responses=problems(401, 403, 404, 503),
)
def read_dataset(id: DatasetId, datasets: DatasetsDep) -> JSONResponse:
    """Read a data set and its audit."""
    return JSONResponse(show(datasets.get(id)))


@router.delete(
    "/{id}",
    response_model=Deleted,
    dependencies=[needs(Role.EDITOR)],
    responses=problems(401, 403, 404, 409, 503),
)
def remove_dataset(id: DatasetId, database: DatabaseDep, settings: SettingsDep, caller: CallerDep) -> Deleted:
    """Delete a data set: its rows, the texts of its trials, its kept answers. The answer says what remains."""
    deleted = delete_dataset(database, settings, caller.workspace, id)
    record_action(database, caller.workspace, caller.name, "delete_dataset", str(id), deleted.model_dump(mode="json"))
    return deleted


def show(stored: StoredDataset) -> dict[str, Any]:
    """A `DatasetView`."""
    told = stored.description
    return {
        "id": str(stored.id),
        "name": stored.name,
        "created_at": stored.created_at.isoformat(),
        "status": stored.status,
        "examples": told["examples"],
        "size": stored.file.size,
        "sha256": stored.file.sha256,
        "fingerprint": stored.fingerprint,
        "file_name": told["file_name"],
        "kind": told["kind"],
        "labels": told["labels"],
        "audit": stored.audit,
        "problem": stored.problem,
    }


def task_of(text: str | None) -> dict[str, Any] | None:
    """The task that came with an upload; `DataRefused` where it is none."""
    if text is None or not text.strip():
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise refused("task", f"not JSON: {error}") from None
    except RecursionError:
        raise refused("task", "nested too deeply") from None
    if not isinstance(document, dict):
        raise refused("task", 'expected an object, such as {"instruction": "..."}')
    return document


def store_upload(settings: Settings, datasets: Datasets, upload: NewDataset) -> StoredDataset:
    """Kept, read whole once, and entered; what cannot be read leaves nothing behind."""
    from service.reading import Description, describe_examples  # readers load numerical libraries

    file, file_name, id = keep_upload(upload.file, settings, "file"), plain_name(upload.file), uuid4()
    folder = dataset_folder(settings, id)
    try:
        lay_out(folder / EXAMPLES, {file_name: kept_path(settings, file.sha256)})
        if upload.task is not None:
            (folder / TASK).write_text(json.dumps(upload.task), encoding="utf-8")
        read: Description = describe_examples(folder, upload.input_column, upload.output_column, upload.kind)
        name = (upload.name or "").strip() or Path(file_name).stem
        stored = datasets.add(id, name, file, read.fingerprint, {"file_name": file_name, **read.document})
        keep_again_if_gone(upload.file, settings, file)
        return stored
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        forget_file(datasets.database, settings, file.sha256)
        raise
