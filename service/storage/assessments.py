"""All SQL about assessments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, Select, insert, select, tuple_, update

from service.errors import EditConflict, NotFound
from service.storage.database import Database
from service.storage.tables import assessment_versions, assessments
from service.storage.workspaces import DEFAULT_WORKSPACE

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """A form and what the rules said about it, ready to be stored."""

    form: Document
    assessment: Document
    ruleset_sha256: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One stored state of an assessment; later answers make a new one and never change it."""

    assessment_id: UUID
    number: int
    form: Document
    assessment: Document
    ruleset_sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """An assessment in its latest version."""

    id: UUID
    name: str | None
    created_at: datetime
    version: Version


@dataclass(frozen=True, slots=True)
class Listed:
    """An assessment as a list shows it: without form and findings."""

    id: UUID
    name: str | None
    created_at: datetime
    latest: int


class Position(NamedTuple):
    """A place in the list, newest first: the next page starts just after it."""

    created_at: datetime
    id: UUID


class Assessments:
    """The assessments of one workspace."""

    def __init__(self, database: Database, workspace: UUID = DEFAULT_WORKSPACE) -> None:
        self._database, self._workspace = database, workspace

    def add(self, judged: Judged) -> Stored:
        """Store a new assessment as its version 1."""
        now, id = datetime.now(UTC), uuid4()
        with self._database.writing() as connection:
            connection.execute(
                insert(assessments).values(
                    id=id, workspace_id=self._workspace, name=judged.name, created_at=now, latest=1
                )
            )
            connection.execute(insert(assessment_versions).values(_row(id, 1, judged, now)))
        return _stored(id, now, 1, judged, now)

    def get(self, id: UUID) -> Stored:
        """The assessment in its latest version; `NotFound` when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(_latest().where(self._ours(id))).one_or_none()
        if row is None:
            raise NotFound(f"there is no assessment {id}")
        return Stored(id=id, name=row.name, created_at=row.first_created_at, version=_version(row))

    def page(self, limit: int, after: Position | None = None) -> Sequence[Listed]:
        """At most `limit` assessments, newest first, starting just after a position."""
        query = (
            select(assessments)
            .where(assessments.c.workspace_id == self._workspace)
            .order_by(assessments.c.created_at.desc(), assessments.c.id.desc())
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(assessments.c.created_at, assessments.c.id) < tuple_(*after))
        with self._database.reading() as connection:
            return [Listed(row.id, row.name, row.created_at, row.latest) for row in connection.execute(query)]

    def revise(self, current: Stored, judged: Judged) -> Stored:
        """Store the version after `current`; `EditConflict` when somebody stored one in between."""
        now, number = datetime.now(UTC), current.version.number + 1
        with self._database.writing() as connection:
            moved = connection.execute(
                update(assessments)
                .where(self._ours(current.id), assessments.c.latest == current.version.number)
                .values(latest=number, name=judged.name)
            )
            if moved.rowcount == 0:
                raise EditConflict(f"assessment {current.id} has a version after {current.version.number} already")
            connection.execute(insert(assessment_versions).values(_row(current.id, number, judged, now)))
        return _stored(current.id, current.created_at, number, judged, now)

    def versions(self, id: UUID, limit: int, below: int | None = None) -> Sequence[Version]:
        """At most `limit` versions, newest first, starting below a number; `NotFound` without assessment."""
        query = (
            select(assessment_versions)
            .where(assessment_versions.c.assessment_id == id)
            .order_by(assessment_versions.c.number.desc())
            .limit(limit)
        )
        if below is not None:
            query = query.where(assessment_versions.c.number < below)
        with self._database.reading() as connection:
            if connection.execute(select(assessments.c.id).where(self._ours(id))).one_or_none() is None:
                raise NotFound(f"there is no assessment {id}")
            return [_version(row) for row in connection.execute(query)]

    def _ours(self, id: UUID) -> ColumnElement[bool]:
        return (assessments.c.id == id) & (assessments.c.workspace_id == self._workspace)


def _latest() -> Select[Any]:
    return select(
        assessments.c.name, assessments.c.created_at.label("first_created_at"), assessment_versions
    ).join_from(
        assessments,
        assessment_versions,
        (assessment_versions.c.assessment_id == assessments.c.id)
        & (assessment_versions.c.number == assessments.c.latest),
    )


def _row(id: UUID, number: int, judged: Judged, now: datetime) -> Document:
    return {
        "assessment_id": id,
        "number": number,
        "form": judged.form,
        "assessment": judged.assessment,
        "ruleset_sha256": judged.ruleset_sha256,
        "created_at": now,
    }


def _version(row: Row[Any]) -> Version:
    return Version(row.assessment_id, row.number, row.form, row.assessment, row.ruleset_sha256, row.created_at)


def _stored(id: UUID, created_at: datetime, number: int, judged: Judged, now: datetime) -> Stored:
    version = Version(id, number, judged.form, judged.assessment, judged.ruleset_sha256, now)
    return Stored(id=id, name=judged.name, created_at=created_at, version=version)
