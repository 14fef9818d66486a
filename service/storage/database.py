"""One database: opened, read in snapshots, written one transaction at a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from service.errors import StorageUnavailable

BUSY_SECONDS = 10
"""How long a writer waits for another one before the caller is told to try again."""


class Database:
    """An open engine, and the only two ways to use it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state and changes nothing."""
        with _unavailable_is_ours(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write; on SQLite it takes the write lock at once, not too late."""
        with _unavailable_is_ours(), self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    @contextmanager
    def rebuilding(self) -> Iterator[Connection]:
        """A writing transaction in which a table may be replaced without its children being deleted.

        SQLite changes most columns by making the table anew, and dropping the old parent would delete the
        children. So foreign keys rest, are checked at the end, and no later transaction gets this connection.
        """
        try:
            with (
                _unavailable_is_ours(),
                self.engine.execution_options(writes=True, rebuilds=True).begin() as connection,
            ):
                yield connection
                if connection.dialect.name == "sqlite":
                    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    assert not orphans, f"a migration left rows without their parents: {orphans[:5]}"
        finally:
            self.engine.dispose()

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at `url`; a SQLite file is created, with its folder, readable by its owner only."""
    try:
        parsed = make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        # Statements that fail reach the log, and what they were given may be a user's text.
        engine = create_engine(parsed, pool_pre_ping=not sqlite, hide_parameters=True)
    except ArgumentError:
        raise StorageUnavailable(
            "the database URL cannot be read; expected sqlite:///FILE or postgresql://..."
        ) from None
    except ModuleNotFoundError as error:
        raise StorageUnavailable(f"the database needs the package {error.name}, which is not installed") from None
    if sqlite:
        _make_folder(parsed.database)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return Database(engine)


def _make_folder(database: str | None) -> None:
    if not database or database == ":memory:":
        raise StorageUnavailable("the advisor keeps what it stores: name a SQLite file, sqlite:///FILE")
    try:
        Path(database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"cannot make the folder of {database}: {error.strerror}") from None


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below: the driver would begin too late
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    _switch_to_wal(connection)
    for pragma in ("synchronous = normal", "foreign_keys = on"):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:
    """Processes that open a new file together get in each other's way here, and SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = wal")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("rebuilds"):
        connection.exec_driver_sql("PRAGMA foreign_keys = off")  # without effect once the transaction has begun
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


@contextmanager
def _unavailable_is_ours() -> Iterator[None]:
    """Say in our words that the database is away, locked or not one; a broken constraint stays what it is."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        if not is_outage(error):
            raise
        raise StorageUnavailable(f"the database did not answer: {error.orig}") from error
    except NoConnectionFree as error:
        raise StorageUnavailable("every connection to the database is in use") from error


def is_outage(error: DatabaseError | InterfaceError) -> bool:
    """Whether the database failed as a whole, rather than refused one statement."""
    return type(error).__name__ in ("OperationalError", "InterfaceError", "DatabaseError")
