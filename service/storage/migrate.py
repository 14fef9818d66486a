"""Bring a database to the newest schema, whatever folder the process was started in."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from service.errors import DatabaseTooNew
from service.storage.database import Database

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
LOCK = 4_201_120_001
"""Any number that nothing else in the same PostgreSQL database uses as an advisory lock."""


def migrate(database: Database) -> None:
    """Run what is missing, in one transaction; two processes that start together take turns."""
    from alembic import command  # 0.4 s, needed once per process
    from alembic.config import Config
    from alembic.util import CommandError

    with database.rebuilding() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseTooNew(
                f"the database is at revision {current_revision(connection)}, which this version "
                f"of the advisor does not know: update the advisor ({error})"
            ) from None


def knows_revision(revision: str) -> bool:
    """Whether a database of that revision can be brought to the newest one."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return revision in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def current_revision(connection: Connection) -> str | None:
    """The revision that the database says it is at; None where it was never migrated."""
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()
