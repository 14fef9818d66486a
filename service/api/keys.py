"""Keys over HTTP, for the admins of a workspace."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from service.access.caller import Role
from service.access.issuing import LONGEST_NAME, issue_key, revoke_key
from service.api.cursors import position_cursor, read_position
from service.api.dependencies import JSON, AccessDep, CallerDep, Cursor, DatabaseDep, KeyId, Limit, body_of, needs
from service.problems import problems
from service.storage.access_keys import AccessKey, AccessKeys
from service.storage.assessments import Position

# Not an IdempotentRoute: that would keep the answer, and with it the key.
router = APIRouter(prefix="/v1/keys", tags=["access"])


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="Stands in the record of who did what.")
    role: Role = Field(description="What it opens: reading; changing as well; keys and the record as well.")


class KeyView(BaseModel):
    """What is known of a key. The key itself is stored nowhere."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = Field(description="Since when it opens nothing; null while it does.")


class IssuedKeyView(KeyView):
    """A new key."""

    key: str = Field(description="The key itself. It is shown here and never again.")


class KeyPage(BaseModel):
    """A page of keys, newest first."""

    items: list[KeyView]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.post(
    "",
    status_code=201,
    response_model=IssuedKeyView,
    dependencies=[needs(Role.ADMIN), body_of(JSON)],
    responses=problems(400, 401, 403, 409, 415, 422, 503),
)
def create_key(body: NewKey, database: DatabaseDep, caller: CallerDep, access: AccessDep) -> JSONResponse:
    """Make a key for this workspace. From the first key on, nobody is let in without one."""
    issued = issue_key(database, caller.workspace, body.name, body.role, caller.name)
    access.keys_changed()
    return JSONResponse({**show(issued.key), "key": issued.secret}, 201)


@router.get("", dependencies=[needs(Role.ADMIN)], responses=problems(401, 403, 422, 503))
def list_keys(database: DatabaseDep, caller: CallerDep, limit: Limit = 20, cursor: Cursor = None) -> KeyPage:
    """List the keys of this workspace, newest first, revoked ones too."""
    after = read_position(cursor) if cursor is not None else None
    found = AccessKeys(database).page(caller.workspace, limit + 1, after)
    shown, more = found[:limit], len(found) > limit
    return KeyPage(
        items=[KeyView.model_validate(show(item)) for item in shown],
        next_cursor=position_cursor(Position(shown[-1].created_at, shown[-1].id)) if more else None,
    )


@router.delete(
    "/{id}",
    response_model=KeyView,
    dependencies=[needs(Role.ADMIN)],
    responses=problems(401, 403, 404, 409, 503),
)
def remove_key(id: KeyId, database: DatabaseDep, caller: CallerDep, access: AccessDep) -> JSONResponse:
    """Revoke a key, and end every session that was begun with it. Other processes notice within 3 seconds."""
    key = revoke_key(database, id, caller.name, caller.workspace)
    access.keys_changed()
    return JSONResponse(show(key))


def show(key: AccessKey) -> dict[str, Any]:
    """A `KeyView`."""
    return {
        "id": str(key.id),
        "name": key.name,
        "role": key.role,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at is not None else None,
    }
