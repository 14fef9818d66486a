"""The record of who did what: approvals, cancellations, deletions, keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, tuple_

from service.storage.assessments import Position
from service.storage.database import Database
from service.storage.tables import actions


@dataclass(frozen=True, slots=True)
class Action:
    """`actor` is the name of a key, `subject` the id of what it was done to."""

    id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


def record_action(
    database: Database, workspace: UUID, actor: str, action: str, subject: str, details: dict[str, Any]
) -> None:
    """Enter it; `details` hold no text of the user's rows."""
    with database.writing() as connection:
        connection.execute(
            insert(actions).values(
                id=uuid4(), workspace_id=workspace, at=datetime.now(UTC), actor=actor, action=action, subject=subject,
                details=details,
            )
        )  # fmt: skip


def list_actions(database: Database, workspace: UUID, limit: int, after: Position | None = None) -> Sequence[Action]:
    """At most `limit` of a workspace, newest first, starting just after a position."""
    query = select(actions).where(actions.c.workspace_id == workspace)
    if after is not None:
        query = query.where(tuple_(actions.c.at, actions.c.id) < tuple_(*after))
    query = query.order_by(actions.c.at.desc(), actions.c.id.desc()).limit(limit)
    with database.reading() as connection:
        return [
            Action(row.id, row.at, row.actor, row.action, row.subject, row.details) for row in connection.execute(query)
        ]
