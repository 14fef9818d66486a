"""Workspaces: every row belongs to one, and no query leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import insert, select

from service.storage.database import Database
from service.storage.tables import workspaces

DEFAULT_WORKSPACE: Final = UUID("00000000-0000-4000-8000-000000000001")
"""Made by the migration; an open service on loopback works in it."""
DEFAULT_NAME: Final = "default"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A team's own part of the database."""

    id: UUID
    name: str


class Workspaces:
    """All workspaces of one database; only the command line asks for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def named(self, name: str) -> Workspace:
        """The workspace of that name, made now if it is new."""
        with self._database.writing() as connection:
            found = connection.execute(select(workspaces.c.id).where(workspaces.c.name == name)).scalar_one_or_none()
            if found is None:
                found = uuid4()
                connection.execute(insert(workspaces).values(id=found, name=name, created_at=datetime.now(UTC)))
        return Workspace(found, name)
