"""All SQL about uploaded documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, insert, select, tuple_

from service.errors import NotFound
from service.storage.assessments import Position
from service.storage.database import Database
from service.storage.files import KeptFile
from service.storage.tables import corpora


@dataclass(frozen=True, slots=True)
class StoredCorpus:
    """Uploaded documents, by name."""

    id: UUID
    workspace_id: UUID
    name: str
    documents: tuple[tuple[str, KeptFile], ...]
    created_at: datetime

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for _, file in self.documents)


class Corpora:
    """The corpora of one workspace."""

    def __init__(self, database: Database, workspace: UUID) -> None:
        self._database, self._workspace = database, workspace

    def add(self, id: UUID, name: str, documents: Sequence[tuple[str, KeptFile]]) -> StoredCorpus:
        """Store which files belong together."""
        stored = StoredCorpus(id, self._workspace, name, tuple(documents), datetime.now(UTC))
        listed = [{"name": name, "sha256": file.sha256, "size": file.size} for name, file in documents]
        with self._database.writing() as connection:
            connection.execute(
                insert(corpora).values(
                    id=stored.id, workspace_id=self._workspace, name=name, documents=listed, size=stored.size,
                    created_at=stored.created_at,
                )
            )  # fmt: skip
        return stored

    def get(self, id: UUID) -> StoredCorpus:
        """`NotFound` where the workspace has no such corpus."""
        with self._database.reading() as connection:
            row = connection.execute(select(corpora).where(self._ours(id))).one_or_none()
        if row is None:
            raise NotFound(f"there is no corpus {id}")
        return _stored(row)

    def page(self, limit: int, after: Position | None = None) -> Sequence[StoredCorpus]:
        """At most `limit`, newest first, starting just after a position."""
        query = select(corpora).where(corpora.c.workspace_id == self._workspace)
        if after is not None:
            query = query.where(tuple_(corpora.c.created_at, corpora.c.id) < tuple_(*after))
        query = query.order_by(corpora.c.created_at.desc(), corpora.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def delete(self, id: UUID) -> None:
        """Take the row away; `NotFound` where there is none."""
        with self._database.writing() as connection:
            if connection.execute(delete(corpora).where(self._ours(id))).rowcount == 0:
                raise NotFound(f"there is no corpus {id}")

    def _ours(self, id: UUID) -> ColumnElement[bool]:
        return (corpora.c.id == id) & (corpora.c.workspace_id == self._workspace)


def _stored(row: Row[Any]) -> StoredCorpus:
    documents = tuple((each["name"], KeptFile(each["sha256"], each["size"])) for each in row.documents)
    return StoredCorpus(row.id, row.workspace_id, row.name, documents, row.created_at)
