"""All SQL about keys. Of a key its hash is stored, never the key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, Select, insert, select, tuple_, update

from service.access.caller import Role
from service.errors import NotFound, NotNow
from service.storage.assessments import Position
from service.storage.database import Database
from service.storage.tables import access_keys, workspaces


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What is known of a key; `workspace_name` is for people."""

    id: UUID
    workspace: UUID
    workspace_name: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


class AccessKeys:
    """The keys of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, workspace: UUID, name: str, role: Role, sha256: str) -> AccessKey:
        """Store a key by its hash. `NotNow` where a key of the workspace that still opens has the name: the record of
        who did what goes by names."""
        id = uuid4()
        named = select(access_keys.c.id).where(
            access_keys.c.workspace_id == workspace, access_keys.c.name == name, access_keys.c.revoked_at.is_(None)
        )
        with self._database.writing() as connection:
            if connection.execute(named).first() is not None:
                raise NotNow(f"there is a key named {name} already; choose another name, or revoke that one first")
            connection.execute(
                insert(access_keys).values(
                    id=id, workspace_id=workspace, name=name, role=role, sha256=sha256, created_at=datetime.now(UTC)
                )
            )
        return self.get(id)

    def get(self, id: UUID, workspace: UUID | None = None) -> AccessKey:
        """`NotFound` where there is none, or none in the workspace."""
        query = select_keys().where(access_keys.c.id == id)
        if workspace is not None:
            query = query.where(access_keys.c.workspace_id == workspace)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"there is no key {id}")
        return access_key(row)

    def all(self) -> Sequence[AccessKey]:
        """Of every workspace, oldest first, revoked ones too: for the command line."""
        query = select_keys().order_by(access_keys.c.created_at, access_keys.c.id)
        with self._database.reading() as connection:
            return [access_key(row) for row in connection.execute(query)]

    def page(self, workspace: UUID, limit: int, after: Position | None = None) -> Sequence[AccessKey]:
        """At most `limit` of a workspace, newest first, starting just after a position."""
        query = select_keys().where(access_keys.c.workspace_id == workspace)
        if after is not None:
            query = query.where(tuple_(access_keys.c.created_at, access_keys.c.id) < tuple_(*after))
        query = query.order_by(access_keys.c.created_at.desc(), access_keys.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [access_key(row) for row in connection.execute(query)]

    def revoke(self, id: UUID, workspace: UUID | None = None) -> AccessKey:
        """The key opens nothing any more. `NotFound` as `get`; `NotNow` where it was revoked before."""
        self.get(id, workspace)
        with self._database.writing() as connection:
            changed = connection.execute(
                update(access_keys)
                .where(access_keys.c.id == id, access_keys.c.revoked_at.is_(None))
                .values(revoked_at=datetime.now(UTC))
            )
        if changed.rowcount == 0:
            raise NotNow(f"key {id} was revoked before")
        return self.get(id)

    def find(self, sha256: str) -> AccessKey | None:
        """The key with this hash, if it still opens."""
        query = select_keys().where(access_keys.c.sha256 == sha256, access_keys.c.revoked_at.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else access_key(row)

    def any(self) -> bool:
        """Whether there is a key that still opens, in any workspace."""
        query = select(access_keys.c.id).where(access_keys.c.revoked_at.is_(None)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None


def select_keys() -> Select[Any]:
    """Keys with the names of their workspaces."""
    return select(access_keys, workspaces.c.name.label("workspace_name")).join(
        workspaces, workspaces.c.id == access_keys.c.workspace_id
    )


def access_key(row: Row[Any]) -> AccessKey:
    """A row of `select_keys`."""
    return AccessKey(
        row.id, row.workspace_id, row.workspace_name, row.name, Role(row.role), row.created_at, row.revoked_at
    )
