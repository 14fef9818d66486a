"""Answers on disk: written as each arrives, found again by everything that determines them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from adapters.generative.endpoint import EndpointError
from adapters.generative.exchange import Reply

FILE: Final = "answers.sqlite3"
TABLES: Final = (
    "create table if not exists answers (key blob primary key, reply text not null) without rowid",
    "create table if not exists servers (key blob primary key, capabilities text not null) without rowid",
    "create table if not exists spending (name text primary key, calls integer not null, money real not null,"
    " open_calls integer not null, open_money real not null) without rowid",
)
AT_ONCE: Final = 500


class ResponseCache:
    """One SQLite file in a folder; use as a context manager, in one thread. Several processes may share it.

    It holds what models answered, which may repeat what they were asked; of the questions it holds hashes. Keep it in a
    folder of one data set and delete that folder with the data set. Other users of the machine cannot read it. A kill
    loses nothing that was written; a power cut may lose the last answers, never the file
    (https://sqlite.org/pragma.html#pragma_synchronous, NORMAL with a write-ahead log).
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)
            self._connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            for table in TABLES:
                self._connection.execute(table)
        except (OSError, sqlite3.DatabaseError) as error:
            raise EndpointError(
                f"Answers cannot be kept in {self.path} ({error}); name another folder, or delete the file: what it "
                "holds would then be asked, and paid for, again."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """For the ledger, whose entry belongs into the same commit as the answer that was paid for."""
        return self._connection

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Around writes that must all be there, or none."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Reply]:
        """What is there of these. An entry that cannot be read counts as not there."""
        found: dict[bytes, Reply] = {}
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            for key, reply in self._connection.execute(f"select key, reply from answers where key in ({marks})", some):
                try:
                    found[key] = Reply.from_json(reply)
                except (ValueError, TypeError):
                    continue
        return found

    def keep(self, key: bytes, reply: Reply) -> None:
        self._connection.execute("insert or replace into answers values (?, ?)", (key, reply.to_json()))

    def server(self, key: bytes) -> str | None:
        """What was found out about a server."""
        row = self._connection.execute("select capabilities from servers where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def keep_server(self, key: bytes, capabilities: str) -> None:
        self._connection.execute("insert or replace into servers values (?, ?)", (key, capabilities))

    def forget_server(self, key: bytes) -> None:
        self._connection.execute("delete from servers where key = ?", (key,))
