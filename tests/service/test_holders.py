"""Who holds a key is asked of the database once, however many ask, and never remembered beyond its revocation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import event

from service.access.holders import Holders
from service.access.issuing import IssuedKey, revoke_key
from service.storage.access_keys import AccessKeys
from service.storage.database import Database


def test_streams_with_one_key_ask_the_database_once(database: Database, issue: Callable[[str], IssuedKey]) -> None:
    key, asked = issue("ci"), list[str]()
    event.listen(database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    async def ask() -> set[str]:
        holders = Holders(database)
        callers = await asyncio.gather(*(holders.of_key(key.secret) for _ in range(50)))
        return {caller.name for caller in callers if caller is not None}

    assert asyncio.run(ask()) == {"ci"}
    assert len([statement for statement in asked if "access_keys" in statement]) == 1


def test_an_answer_from_before_a_revocation_is_not_remembered(
    database: Database, issue: Callable[[str], IssuedKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = issue("ci")
    found, revoked = threading.Event(), threading.Event()
    find = AccessKeys.find

    def slowly(keys: AccessKeys, sha256: str) -> object:
        answer = find(keys, sha256)
        found.set()
        revoked.wait(10)
        return answer

    monkeypatch.setattr(AccessKeys, "find", slowly)

    async def ask() -> object:
        holders = Holders(database)
        first = asyncio.create_task(holders.of_key(key.secret))
        await asyncio.to_thread(found.wait, 10)
        revoke_key(database, key.key.id, "a test")
        holders.forget()
        revoked.set()
        await first
        return await holders.of_key(key.secret)

    assert asyncio.run(ask()) is None
