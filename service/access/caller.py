"""Who is asking: a workspace, a name for the record, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.storage.workspaces import DEFAULT_WORKSPACE


class Role(StrEnum):
    """What a key opens, each role all of the one before."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether whoever has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` stands in the record of who approved what; `key` is None for everyone on an open machine."""

    workspace: UUID
    name: str
    role: Role
    key: UUID | None = None


EVERYONE_HERE: Final = Caller(DEFAULT_WORKSPACE, "anyone on this machine", Role.ADMIN)
"""The caller of an open service: one on loopback without any key."""
