"""Corpora over HTTP: documents that answers may be searched in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from service.access.caller import Role
from service.api.cursors import position_cursor, read_position
from service.api.dependencies import (
    MULTIPART,
    CallerDep,
    CorporaDep,
    CorpusId,
    Cursor,
    DatabaseDep,
    Limit,
    SettingsDep,
    body_of,
    needs,
)
from service.api.idempotency import IdempotentRoute
from service.api.uploads import keep_again_if_gone, keep_upload, plain_name, refused
from service.deletion import delete_corpus, forget_file
from service.problems import problems
from service.settings import Settings
from service.storage.actions import record_action
from service.storage.assessments import Position
from service.storage.corpora import Corpora, StoredCorpus
from service.storage.database import Database
from service.storage.files import KeptFile
from service.storage.folders import CORPUS, corpus_folder, kept_path, lay_out

READ: Final = (".jsonl", ".md", ".markdown", ".txt", ".html", ".htm", ".pdf")
router = APIRouter(prefix="/v1/corpora", tags=["corpora"], route_class=IdempotentRoute)


class Document(BaseModel):
    """One file."""

    name: str
    size: int = Field(description="Bytes.")
    sha256: str


class CorpusView(BaseModel):
    """Uploaded documents."""

    id: UUID
    name: str
    created_at: datetime
    documents: list[Document]
    size: int = Field(description="Bytes in all.")


class CorpusPage(BaseModel):
    """A page of corpora, newest first."""

    items: list[CorpusView]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.post(
    "",
    status_code=201,
    dependencies=[needs(Role.EDITOR), body_of(MULTIPART)],
    responses=problems(400, 401, 403, 409, 413, 415, 422, 503),
)
def upload_corpus(
    files: Annotated[list[UploadFile], File(description="Documents: JSONL, Markdown, text, HTML or PDF.")],
    settings: SettingsDep,
    corpora: CorporaDep,
    database: DatabaseDep,
    response: Response,
    name: Annotated[str | None, Form(max_length=200, description="A name for lists.")] = None,
) -> CorpusView:
    """Upload documents to search in. They are cut into passages when a comparison first uses them."""
    stored = store_documents(files, name or "", settings, corpora, database)
    response.headers["Location"] = f"{router.prefix}/{stored.id}"
    return show(stored)


@router.get("", dependencies=[needs(Role.READER)], responses=problems(401, 403, 422, 503))
def list_corpora(corpora: CorporaDep, limit: Limit = 20, cursor: Cursor = None) -> CorpusPage:
    """List corpora, newest first."""
    found = corpora.page(limit + 1, read_position(cursor) if cursor is not None else None)
    shown, more = found[:limit], len(found) > limit
    return CorpusPage(
        items=[show(item) for item in shown],
        next_cursor=position_cursor(Position(shown[-1].created_at, shown[-1].id)) if more else None,
    )


@router.get("/{id}", dependencies=[needs(Role.READER)], responses=problems(401, 403, 404, 503))
def read_corpus(id: CorpusId, corpora: CorporaDep) -> CorpusView:
    """Read which documents a corpus has."""
    return show(corpora.get(id))


@router.delete("/{id}", status_code=204, dependencies=[needs(Role.EDITOR)], responses=problems(401, 403, 404, 409, 503))
def remove_corpus(id: CorpusId, database: DatabaseDep, settings: SettingsDep, caller: CallerDep) -> None:
    """Delete a corpus: its documents, its passages, and what they are searched by."""
    delete_corpus(database, settings, caller.workspace, id)
    record_action(database, caller.workspace, caller.name, "delete_corpus", str(id), {})


def store_documents(
    files: Sequence[UploadFile], name: str, settings: Settings, corpora: Corpora, database: Database
) -> StoredCorpus:
    """All of them, or none: `RequestRefused` for one that cannot be read, `UploadTooLarge` for one that is."""
    kept: dict[str, KeptFile] = {}
    id = uuid4()
    try:
        for upload in files:
            file_name = plain_name(upload)
            if PurePosixPath(file_name).suffix.lower() not in READ:
                raise refused("files", f"{file_name}: unknown file type; expected one of {', '.join(READ)}")
            if file_name in kept:
                raise refused("files", f"{file_name} is there twice; expected every name once")
            kept[file_name] = keep_upload(upload, settings, "files")
        links = {file_name: kept_path(settings, file.sha256) for file_name, file in kept.items()}
        lay_out(corpus_folder(settings, id) / CORPUS, links)
        stored = corpora.add(id, name.strip() or next(iter(kept)), list(kept.items()))
        for upload in files:
            keep_again_if_gone(upload, settings, kept[plain_name(upload)])
        return stored
    except BaseException:
        for file in kept.values():
            forget_file(database, settings, file.sha256)
        raise


def show(stored: StoredCorpus) -> CorpusView:
    """As it is told over HTTP."""
    return CorpusView(
        id=stored.id,
        name=stored.name,
        created_at=stored.created_at,
        documents=[Document(name=name, size=file.size, sha256=file.sha256) for name, file in stored.documents],
        size=stored.size,
    )
