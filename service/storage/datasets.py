"""All SQL about uploaded examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, tuple_, update

from service.errors import NotFound
from service.storage.assessments import Position
from service.storage.database import Database
from service.storage.files import KeptFile
from service.storage.tables import corpora, datasets

Document = dict[str, Any]


class AuditStatus(StrEnum):
    """How far the audit is."""

    AUDITING = "auditing"
    AUDITED = "audited"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """Uploaded examples. `description` says how they are read; `audit` is None until it is done, `problem` says why it
    never was."""

    id: UUID
    workspace_id: UUID
    name: str
    file: KeptFile
    fingerprint: str
    description: Document
    status: AuditStatus
    audit: Document | None
    problem: str | None
    created_at: datetime


class Datasets:
    """The data sets of one workspace."""

    def __init__(self, database: Database, workspace: UUID) -> None:
        self.database, self._workspace = database, workspace

    def add(self, id: UUID, name: str, file: KeptFile, fingerprint: str, description: Document) -> StoredDataset:
        """Store that a file is there; its audit follows."""
        stored = StoredDataset(
            id, self._workspace, name, file, fingerprint, description, AuditStatus.AUDITING, None, None,
            datetime.now(UTC),
        )  # fmt: skip
        with self.database.writing() as connection:
            connection.execute(
                insert(datasets).values(
                    id=stored.id, workspace_id=self._workspace, name=name, file_sha256=file.sha256, size=file.size,
                    fingerprint=fingerprint, description=description, status=stored.status,
                    created_at=stored.created_at,
                )
            )  # fmt: skip
        return stored

    def get(self, id: UUID) -> StoredDataset:
        """`NotFound` where the workspace has no such data set."""
        with self.database.reading() as connection:
            row = connection.execute(select(datasets).where(self._ours(id))).one_or_none()
        if row is None:
            raise NotFound(f"there is no data set {id}")
        return _stored(row)

    def page(self, limit: int, after: Position | None = None) -> Sequence[StoredDataset]:
        """At most `limit`, newest first, starting just after a position."""
        query = select(datasets).where(datasets.c.workspace_id == self._workspace)
        if after is not None:
            query = query.where(tuple_(datasets.c.created_at, datasets.c.id) < tuple_(*after))
        query = query.order_by(datasets.c.created_at.desc(), datasets.c.id.desc()).limit(limit)
        with self.database.reading() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def delete(self, id: UUID) -> None:
        """Take the row away; `NotFound` where there is none."""
        with self.database.writing() as connection:
            if connection.execute(delete(datasets).where(self._ours(id))).rowcount == 0:
                raise NotFound(f"there is no data set {id}")

    def _ours(self, id: UUID) -> ColumnElement[bool]:
        return (datasets.c.id == id) & (datasets.c.workspace_id == self._workspace)


def find_dataset(database: Database, id: UUID) -> StoredDataset | None:
    """Of any workspace: for the worker that audits it."""
    with database.reading() as connection:
        row = connection.execute(select(datasets).where(datasets.c.id == id)).one_or_none()
    return None if row is None else _stored(row)


def fingerprint_is_used(database: Database, fingerprint: str) -> bool:
    """Whether any data set of any workspace has these rows."""
    with database.reading() as connection:
        return bool(connection.scalar(select(func.count()).where(datasets.c.fingerprint == fingerprint)))


def waiting_audits(database: Database) -> Sequence[UUID]:
    """Data sets of all workspaces that are not audited yet."""
    query = select(datasets.c.id).where(datasets.c.status == AuditStatus.AUDITING)
    with database.reading() as connection:
        return list(connection.scalars(query))


def keep_audit(database: Database, id: UUID, audit: Document | None, problem: str | None) -> None:
    """What the audit found, or why it could not be made; the first answer counts."""
    status = AuditStatus.AUDITED if audit is not None else AuditStatus.FAILED
    with database.writing() as connection:
        connection.execute(
            update(datasets)
            .where(datasets.c.id == id, datasets.c.status == AuditStatus.AUDITING)
            .values(status=status, audit=audit, problem=problem)
        )


def file_is_used(database: Database, sha256: str) -> bool:
    """Whether any data set or corpus of any workspace still rests on the file."""
    with database.reading() as connection:
        if connection.scalar(select(func.count()).where(datasets.c.file_sha256 == sha256)):
            return True
        documents = connection.scalars(select(corpora.c.documents))
        return any(document["sha256"] == sha256 for listed in documents for document in listed)


def _stored(row: Row[Any]) -> StoredDataset:
    return StoredDataset(
        row.id, row.workspace_id, row.name, KeptFile(row.file_sha256, row.size), row.fingerprint, row.description,
        AuditStatus(row.status), row.audit, row.problem, row.created_at,
    )  # fmt: skip
