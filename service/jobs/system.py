"""Where DBOS keeps what is queued and done: a SQLite file of its own, or a schema of the same PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from dbos import DBOS, DBOSPortableJSONSerializer

from service.settings import Settings

NAME: Final = "adaptation-advisor"
VERSION: Final = "1"
"""Raised by hand when a workflow changes so that one begun before cannot go on; work of other versions is left alone.
DBOS's own version would change with every comment."""
COMPARISONS, PLANNING, TRIALS, GPU = "comparisons", "planning", "trials", "gpu"
QUEUES: Final = (COMPARISONS, PLANNING, TRIALS, GPU)
SERIALIZER: Final = DBOSPortableJSONSerializer()
"""JSON; the default would be pickle, which runs code when it is read."""


def system_url(settings: Settings) -> str:
    """The database of the queue."""
    url = sa.make_url(settings.database)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql").render_as_string(hide_password=False)
    return f"sqlite:///{quote(str(queue_file(settings)))}"


def queue_file(settings: Settings) -> Path:
    """Where the queue lies when the database is SQLite."""
    return settings.data_folder / "queue.sqlite3"


def system_engine(settings: Settings) -> sa.Engine | None:
    """For SQLite one with a write-ahead log, which DBOS does not set; None where DBOS makes a good one itself."""
    url = system_url(settings)
    if not url.startswith("sqlite"):
        return None
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _configure)
    return engine


def migrate_queue(settings: Settings) -> None:
    """Make the tables of the queue; a client cannot."""
    engine = system_engine(settings)
    if engine is not None:
        with engine.connect():  # sets the journal before DBOS opens the file in its own way
            pass
        engine.dispose()
    DBOS.migrate(system_url(settings))


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout = 30000", "journal_mode = wal", "synchronous = normal", "foreign_keys = on"):
        connection.execute(f"PRAGMA {pragma}")
