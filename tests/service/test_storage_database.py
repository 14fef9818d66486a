"""The database: opened, migrated, kept."""

from __future__ import annotations

import multiprocessing
import stat
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Integer, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from service.errors import DatabaseTooNew, StorageUnavailable
from service.storage import database as database_module
from service.storage.database import Database, open_database
from service.storage.migrate import migrate
from service.storage.tables import assessment_versions, assessments, metadata
from service.storage.workspaces import DEFAULT_WORKSPACE


def opened(file: Path) -> Database:
    return open_database(f"sqlite:///{file}")


def migrated(file: Path) -> Database:
    return migrated_at(f"sqlite:///{file}")


def migrated_at(url: str) -> Database:
    database = open_database(url)
    migrate(database)
    return database


def add_assessment(database: Database, id: UUID, name: str = "n") -> None:
    row = {"id": id, "workspace_id": DEFAULT_WORKSPACE, "name": name, "created_at": datetime.now(UTC), "latest": 1}
    with database.writing() as connection:
        connection.execute(insert(assessments).values(row))


def version_of(id: UUID) -> dict[str, object]:
    return {
        "assessment_id": id, "number": 1, "form": {}, "assessment": {}, "ruleset_sha256": "s",
        "created_at": datetime.now(UTC),
    }  # fmt: skip


def test_an_empty_file_gets_every_table(tmp_path: Path) -> None:
    file = tmp_path / "empty.sqlite3"
    file.touch()
    database = migrated(file)
    assert set(inspect(database.engine).get_table_names()) == {"alembic_version", *metadata.tables}
    database.close()


def test_migrations_make_the_tables_that_the_code_expects(database_url: str) -> None:
    database = migrated_at(database_url)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_database_already_at_head_is_left_alone(database_url: str) -> None:
    database = migrated_at(database_url)
    add_assessment(database, uuid4(), "kept")
    before = inspect(database.engine).get_multi_columns()
    database.close()
    database = migrated_at(database_url)
    with database.reading() as connection:
        assert connection.scalars(select(assessments.c.name)).all() == ["kept"]
    after = inspect(database.engine).get_multi_columns()
    assert {table: [column["name"] for column in columns] for table, columns in after.items()} == {
        table: [column["name"] for column in columns] for table, columns in before.items()
    }
    database.close()


def test_migration_works_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "100% elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    migrated(tmp_path / "a.sqlite3").close()
    assert list(elsewhere.iterdir()) == []


def test_a_later_database_is_refused_in_words(database_url: str) -> None:
    database = migrated_at(database_url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
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


def _migrate_at_once(url: str, gate: multiprocessing.synchronize.Barrier) -> None:
    gate.wait()
    migrated_at(url).close()


def test_two_processes_that_start_together_migrate_once(database_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(2)
    processes = [spawn.Process(target=_migrate_at_once, args=(database_url, gate)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
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


def test_foreign_keys_hold_after_a_migration(database_url: str) -> None:
    database = migrated_at(database_url)
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(insert(assessment_versions).values(version_of(uuid4())))
    database.close()


def test_a_rebuilt_parent_keeps_its_children(tmp_path: Path) -> None:
    database = migrated(tmp_path / "a.sqlite3")
    id = uuid4()
    add_assessment(database, id)
    with database.writing() as connection:
        connection.execute(insert(assessment_versions).values(version_of(id)))
    with database.rebuilding() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("assessments", recreate="always") as table:
            table.add_column(Column("extra", Integer()))
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM assessment_versions")) == 1
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    env = Path("service/storage/migrations/env.py").resolve().read_text()
    (tmp_path / "migrations" / "env.py").write_text(env)
    (tmp_path / "migrations" / "versions" / "0001.py").write_text(
        "from alembic import op\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (id INTEGER)')\n"
        "    raise RuntimeError('broken half-way')\n"
    )
    monkeypatch.setattr("service.storage.migrate.MIGRATIONS", tmp_path / "migrations")
    database = open_database(database_url)
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


def test_a_reader_does_not_wait_for_a_writer(database_url: str) -> None:
    database = migrated_at(database_url)
    row = {"id": uuid4(), "workspace_id": DEFAULT_WORKSPACE, "created_at": datetime.now(UTC), "latest": 1}
    with database.writing() as writer:
        writer.execute(insert(assessments).values(row))
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


def test_a_server_that_is_away_is_told_in_words() -> None:
    database = open_database("postgresql://nobody@127.0.0.1:9/nowhere")
    with pytest.raises(StorageUnavailable, match="did not answer"):
        migrate(database)
    database.close()


def test_documents_and_ids_are_kept_in_postgresqls_own_types(postgresql_url: str) -> None:
    database = migrated_at(postgresql_url)
    types = {column["name"]: str(column["type"]) for column in inspect(database.engine).get_columns("comparisons")}
    assert {name: types[name] for name in ("id", "request", "created_at")} == {
        "id": "UUID", "request": "JSONB", "created_at": "TIMESTAMP",
    }  # fmt: skip
    database.close()
