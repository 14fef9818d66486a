"""Making and revoking keys, each entered in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from service.access.caller import Role
from service.access.credentials import new_key, sha256_of
from service.errors import Place, RequestRefused
from service.storage.access_keys import AccessKey, AccessKeys
from service.storage.actions import record_action
from service.storage.database import Database

LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `secret` is shown once and stored nowhere; it is left out of every print of this record."""

    key: AccessKey
    secret: str

    def __repr__(self) -> str:
        return f"IssuedKey({self.key!r})"


def issue_key(database: Database, workspace: UUID, name: str, role: Role, actor: str) -> IssuedKey:
    """Make a key. `RequestRefused` for a name that would spoil the record, `NotNow` for one that is taken."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise RequestRefused([Place(f"a key's name has 1 to {LONGEST_NAME} printable characters", "#/name")])
    secret = new_key()
    key = AccessKeys(database).add(workspace, name.strip(), role, sha256_of(secret))
    record_action(database, workspace, actor, "create_key", str(key.id), {"name": key.name, "role": key.role})
    return IssuedKey(key, secret)


def revoke_key(database: Database, id: UUID, actor: str, workspace: UUID | None = None) -> AccessKey:
    """Revoke a key, and with it every session that was begun with it. Raises as `AccessKeys.revoke`."""
    key = AccessKeys(database).revoke(id, workspace)
    record_action(database, key.workspace, actor, "revoke_key", str(key.id), {"name": key.name})
    return key
