"""Examples of the calls about keys and the record, made by the code that answers them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from service.access.caller import Role
from service.api.actions import ActionItem
from service.api.dependencies import JSON
from service.api.keys import show
from service.storage.access_keys import AccessKey
from service.storage.actions import Action
from service.storage.workspaces import DEFAULT_NAME, DEFAULT_WORKSPACE

REQUESTS = {("/v1/keys", "post"): (JSON, "new_key")}
RESPONSES = {
    ("/v1/keys", "post"): ("201", "issued_key"),
    ("/v1/keys", "get"): ("200", "key_page"),
    ("/v1/keys/{id}", "delete"): ("200", "revoked_key"),
    ("/v1/actions", "get"): ("200", "action_page"),
}


def examples() -> dict[str, Any]:
    """One example for each body, by name."""
    id, now = UUID("0d4bb0c8-2c1e-4b57-9a0e-5f6c2a3e7b10"), datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    key = AccessKey(id, DEFAULT_WORKSPACE, DEFAULT_NAME, "ci", Role.EDITOR, now, None)
    made = Action(id, now, "the command line", "create_key", str(id), {"name": key.name, "role": key.role})
    item = ActionItem.model_validate(made, from_attributes=True)
    return {
        "new_key": {"name": key.name, "role": key.role},
        "issued_key": {**show(key), "key": "adv_" + "0" * 43},
        "key_page": {"items": [show(key)], "next_cursor": None},
        "revoked_key": show(replace(key, revoked_at=now)),
        "action_page": {"items": [item.model_dump(mode="json")], "next_cursor": None},
    }
