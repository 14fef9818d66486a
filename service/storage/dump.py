"""The whole database as one file, and back. What DBOS keeps is no part of it: see `service.backup`."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import URL, MetaData, inspect, make_url, text

from service.errors import StorageUnavailable
from service.storage.database import Database
from service.storage.tables import metadata

DEBIAN: Final = Path("/usr/lib/postgresql")
QUEUE_SCHEMA: Final = "dbos"
REVISIONS: Final = "alembic_version"


def dump_database(url: str, file: Path) -> None:
    """Write one moment of the database to a new file, while others use it. `StorageUnavailable` says why it cannot."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        copy_sqlite(Path(parsed.database or ""), file)
    else:
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--exclude-schema={QUEUE_SCHEMA}")
        _run_for(parsed, "pg_dump", (*options, f"--file={file}"))


def load_database(url: str, file: Path) -> None:
    """Put the dump in the place of whatever the database holds, and empty the queue that goes with it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_sqlite(path)
        shutil.move(file, path)
    else:
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _run_for(parsed, "pg_restore", (*options, f"--dbname={_without_password(parsed)}", str(file)), names_it=True)


def clear_database(database: Database) -> None:
    """Drop our tables and those of the queue from a PostgreSQL database; others in it stay."""
    ours = {*metadata.tables, REVISIONS} & set(inspect(database.engine).get_table_names())
    with database.writing() as connection:
        there = MetaData()
        there.reflect(connection, only=sorted(ours))
        there.drop_all(connection)
        connection.execute(text(f"DROP SCHEMA IF EXISTS {QUEUE_SCHEMA} CASCADE"))


def remove_sqlite(path: Path) -> None:
    """The file, and those that SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def need_tools(url: str) -> None:
    """`StorageUnavailable` where PostgreSQL's programs are wanted and are not there."""
    if make_url(url).get_backend_name() == "postgresql":
        for name in ("pg_dump", "pg_restore"):
            _program(name)


def copy_sqlite(source: Path, file: Path) -> None:
    """One moment of it, as one file, while others write. `StorageUnavailable` says why it cannot."""
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(file)) as writing,
        ):
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = delete")  # one file, nothing beside it
    except sqlite3.Error as error:
        raise StorageUnavailable(f"the database could not be copied: {error}") from None


def _run_for(url: URL, program: str, options: Sequence[str], *, names_it: bool = False) -> None:
    """The password goes by the environment: a command line can be read by everybody on the machine."""
    environment = {**os.environ, **({"PGPASSWORD": url.password} if url.password else {})}
    command = [_program(program), *options, *([] if names_it else [_without_password(url)])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.strip()), f"it ended with {done.returncode}")
        raise StorageUnavailable(f"{program} failed: {said.removeprefix(f'{program}: ')}")


def _without_password(url: URL) -> str:
    plain = URL.create(
        "postgresql", username=url.username, host=url.host, port=url.port, database=url.database, query=url.query
    )
    return plain.render_as_string(hide_password=False)


def _program(name: str) -> str:
    installed = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parent.parent.name))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise StorageUnavailable(f"{name} is not installed; on Debian: apt install postgresql-client")
    return found
