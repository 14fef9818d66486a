"""The record of who did what, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.access.caller import Role
from service.api.cursors import position_cursor, read_position
from service.api.dependencies import CallerDep, Cursor, DatabaseDep, Limit, needs
from service.problems import problems
from service.storage.actions import list_actions
from service.storage.assessments import Position

router = APIRouter(prefix="/v1/actions", tags=["access"])


class ActionItem(BaseModel):
    """Something that somebody did."""

    id: UUID
    at: datetime
    actor: str = Field(description="Name of the key.")
    action: str = Field(description="Such as `approve`, `cancel`, `delete_dataset`, `create_key`.")
    subject: str = Field(description="Id of what it was done to.")
    details: dict[str, Any]


class ActionPage(BaseModel):
    """A page of the record, newest first."""

    items: list[ActionItem]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.get("", dependencies=[needs(Role.ADMIN)], responses=problems(401, 403, 422, 503))
def list_recorded_actions(
    database: DatabaseDep, caller: CallerDep, limit: Limit = 20, cursor: Cursor = None
) -> ActionPage:
    """List who approved, cancelled, resumed or deleted what, and who made or revoked keys; newest first."""
    after = read_position(cursor) if cursor is not None else None
    found = list_actions(database, caller.workspace, limit + 1, after)
    shown, more = found[:limit], len(found) > limit
    return ActionPage(
        items=[ActionItem.model_validate(item, from_attributes=True) for item in shown],
        next_cursor=position_cursor(Position(shown[-1].at, shown[-1].id)) if more else None,
    )
