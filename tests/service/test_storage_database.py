"""The database: opened, migrated, kept."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Integer, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from service.errors import DatabaseTooNew, StorageUnavailable
from service.storage import database as database_module
from service.storage.database import Database, open_database
from service.storage.migrate import migrate
from service.storage.tables import metadata


def opened(file: Path) -> Database:
    return open_database(f"sqlite:///{file}")


def migrated(file: Path) -> Database:
    database = opened(file)
    migrate(database)
    return database


def test_an_empty_file_gets_every_table(tmp_path: Path) -> None:
    file = tmp_path / "empty.sqlite3"
    file.touch()
    database = migrated(file)
    assert set(inspect(database.engine).get_table_names()) == {"alembic_version", *metadata.tables}
    database.close()


def test_migrations_make_the_tables_that_the_code_expects(tmp_path: Path) -> None:
    database = migrated(tmp_path / "new.sqlite3")
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_file_already_at_head_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "head.sqlite3"
    migrated(file).close()
    with sqlite3.connect(file) as plain:
        plain.execute("INSERT INTO workspaces VALUES ('a', 'kept', '2026-01-01 00:00:00')")
        before = plain.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    plain.close()
    migrated(file).close()
    with sqlite3.connect(file) as plain:
        assert plain.execute("SELECT name FROM workspaces WHERE id = 'a'").fetchall() == [("kept",)]
        assert plain.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    plain.close()


def test_migration_works_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "100% elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    migrated(tmp_path / "a.sqlite3").close()
    assert list(elsewhere.iterdir()) == []


def test_a_later_database_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "later.sqlite3"
    migrated(file).close()
    with sqlite3.connect(file) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    plain.close()
    database = opened(file)
    with pytest.raises(DatabaseTooNew, match=r"revision 9999.*update the advisor"):
        migrate(database)
    database.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are notes, not a database\n" * 100)
    database = opened(file)
    with pytest.raises(StorageUnavailable, match="not a database"):
        migrate(database)
    assert file.read_text().startswith("these are notes")


def _migrate_at_once(file: Path, gate: multiprocessing.synchronize.Barrier) -> None:
    gate.wait()
    migrated(file).close()


def test_two_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    file = tmp_path / "both.sqlite3"
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(2)
    processes = [spawn.Process(target=_migrate_at_once, args=(file, gate)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]


def test_sqlite_is_set_up_for_several_readers_and_one_writer(tmp_path: Path) -> None:
    database = migrated(tmp_path / "a.sqlite3")
    with database.reading() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": database_module.BUSY_SECONDS * 1000,
    }
    database.close()


def test_foreign_keys_hold_after_a_migration(tmp_path: Path) -> None:
    database = migrated(tmp_path / "a.sqlite3")
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(
            text("INSERT INTO assessment_versions VALUES ('x', 1, '{}', '{}', 'sha', '2026-01-01 00:00:00')")
        )
    database.close()


def test_a_rebuilt_parent_keeps_its_children(tmp_path: Path) -> None:
    database = migrated(tmp_path / "a.sqlite3")
    with database.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO assessments (id, workspace_id, name, created_at, latest)"
                " SELECT 'x', id, 'n', '2026-01-01 00:00:00', 1 FROM workspaces"
            )
        )
        connection.execute(
            text("INSERT INTO assessment_versions VALUES ('x', 1, '{}', '{}', 's', '2026-01-01 00:00:00')")
        )
    with database.rebuilding() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("assessments", recreate="always") as table:
            table.add_column(Column("extra", Integer()))
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM assessment_versions")) == 1
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    env = Path("service/storage/migrations/env.py").resolve().read_text()
    (tmp_path / "migrations" / "env.py").write_text(env)
    (tmp_path / "migrations" / "versions" / "0001.py").write_text(
        "from alembic import op\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (id INTEGER)')\n"
        "    raise RuntimeError('broken half-way')\n"
    )
    monkeypatch.setattr("service.storage.migrate.MIGRATIONS", tmp_path / "migrations")
    database = opened(tmp_path / "a.sqlite3")
    with pytest.raises(RuntimeError, match="half-way"):
        migrate(database)
    assert inspect(database.engine).get_table_names() == []
    database.close()


def test_a_writer_that_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)
    database = migrated(tmp_path / "a.sqlite3")
    with database.writing(), pytest.raises(StorageUnavailable, match="locked"), database.writing():
        pass
    database.close()


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    database = migrated(tmp_path / "a.sqlite3")
    with database.writing() as writer:
        writer.execute(
            text(
                "INSERT INTO assessments (id, workspace_id, name, created_at, latest)"
                " SELECT 'x', id, 'n', '2026-01-01 00:00:00', 1 FROM workspaces"
            )
        )
        begun = time.perf_counter()
        with database.reading() as reader:
            assert reader.scalar(text("SELECT count(*) FROM assessments")) == 0
        assert time.perf_counter() - begun < 1
    database.close()


def test_the_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    database = migrated(tmp_path / "a.sqlite3")
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.wait()
        with database.writing():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with database.writing():
        begun.set()
        time.sleep(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    database.close()


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.sqlite3"
    migrated(file).close()
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "name a SQLite file"),
        ("sqlite:///:memory:", "name a SQLite file"),
        ("not a url", "cannot be read"),
        ("sqlite:////proc/nowhere/a.sqlite3", "cannot make the folder"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_in_words(url: str, says: str) -> None:
    with pytest.raises(StorageUnavailable, match=says):
        open_database(url)


def test_the_tables_exist_in_postgresql_too() -> None:
    statements = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables]
    assert any("form JSONB NOT NULL" in statement for statement in statements)
    assert "id UUID NOT NULL" in statements[0]
    assert "created_at TIMESTAMP WITH TIME ZONE NOT NULL" in statements[0]
