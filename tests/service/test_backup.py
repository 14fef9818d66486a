"""Backup and restore, on every kind of database."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from service.backup import make_backup
from service.errors import StorageUnavailable
from service.jobs.leases import Leases
from service.refusals import Refusal
from service.restore import restore
from service.settings import Settings
from service.storage.comparisons import Comparisons, Status, Subjects
from service.storage.database import Database, open_database
from service.storage.datasets import Datasets
from service.storage.files import Files
from service.storage.folders import comparison_folder, files_folder, kept_path, lay_out
from service.storage.migrate import migrate
from service.storage.runs import Run, Runs
from service.storage.workspaces import DEFAULT_WORKSPACE

TRIAL = {"key": "k" * 64, "arm": "head", "title": "classifier head", "train_size": 30, "queue": "trials"}


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_folder=tmp_path / "here", database_url=database_url)


@pytest.fixture
def elsewhere(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> Settings:
    """Another machine's empty data folder, and an empty database of the same kind."""
    url = "" if database_url.startswith("sqlite") else request.getfixturevalue("other_postgresql_url")
    return Settings(data_folder=tmp_path / "elsewhere", database_url=url)


def opened(settings: Settings) -> Database:
    database = open_database(settings.database)
    migrate(database)
    return database


def filled(settings: Settings) -> tuple[UUID, UUID]:
    """A data set, a finished comparison with its report, and one that is in the middle of a trial: their ids."""
    database = opened(settings)
    file = Files(files_folder(settings)).keep([b'{"input": "a", "output": "b"}\n'], 1000)
    datasets, comparisons = Datasets(database, DEFAULT_WORKSPACE), Comparisons(database, DEFAULT_WORKSPACE)
    runs = Runs(database)
    dataset = datasets.add(uuid4(), "tickets", file, "f" * 64, {"file_name": "t.jsonl", "examples": 1})
    ids = (uuid4(), uuid4())
    for id in ids:
        comparisons.add(id, "tickets", Subjects(dataset.id), {"seed": 1})
        folder = comparison_folder(settings, id)
        lay_out(folder / "examples", {"t.jsonl": kept_path(settings, file.sha256)})
        runs.begin(Run(id, 1))
        runs.want_trials(Run(id, 1), [TRIAL])
        runs.start_trial(Run(id, 1), TRIAL["key"], "worker-1", 3)
    finished, unfinished = ids
    (comparison_folder(settings, finished) / "report.md").write_text("# Keep few-shot prompting\n")
    runs.finish_trial(Run(finished, 1), TRIAL["key"], 1.5)
    runs.end(Run(finished, 1), Status.FINISHED, {"kind": "keep"}, verdict={"kind": "keep"})
    (settings.data_folder / "answers" / "abc").mkdir(parents=True)
    (settings.data_folder / "answers" / "abc" / "kept.jsonl").write_text("{}\n")
    (comparison_folder(settings, unfinished) / ".half-written").write_text("no")
    database.close()
    return finished, unfinished


def test_what_was_backed_up_is_there_again_on_another_machine(
    here: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    finished, unfinished = filled(here)
    make_backup(here, tmp_path / "a.tar")
    shutil.rmtree(here.data_folder)
    restored = restore(elsewhere, tmp_path / "a.tar", replace=False)
    assert (restored.comparisons, restored.unfinished, restored.datasets) == (2, 1, 1)
    folder = comparison_folder(elsewhere, finished)
    assert (folder / "report.md").read_text() == "# Keep few-shot prompting\n"
    assert (folder / "examples" / "t.jsonl").read_bytes() == b'{"input": "a", "output": "b"}\n'
    assert (folder / "examples" / "t.jsonl").resolve().is_relative_to(elsewhere.data_folder)
    assert (elsewhere.data_folder / "answers" / "abc" / "kept.jsonl").exists()
    assert not (comparison_folder(elsewhere, unfinished) / ".half-written").exists()
    database = opened(elsewhere)
    kept = Comparisons(database, DEFAULT_WORKSPACE).get(finished)
    assert (kept.status, kept.verdict) == (Status.FINISHED, {"kind": "keep"})
    database.close()


def test_what_was_under_way_waits_and_can_be_resumed(here: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    _, unfinished = filled(here)
    make_backup(here, tmp_path / "a.tar")
    restore(elsewhere, tmp_path / "a.tar", replace=False)
    database = opened(elsewhere)
    comparisons = Comparisons(database, DEFAULT_WORKSPACE)
    assert comparisons.get(unfinished).status is Status.CANCELLED
    assert [(trial.status, trial.attempts) for trial in comparisons.trials(unfinished)] == [("queued", 0)]
    assert Runs(database).queued() == []
    resumed = comparisons.go_on(unfinished, "somebody", {"seed": 1})
    assert resumed.status is Status.QUEUED
    assert resumed.generation > 1
    database.close()


def test_answers_that_were_paid_for_are_whole_though_they_are_being_written(
    here: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    filled(here)
    kept = here.data_folder / "answers" / "abc" / "answers.sqlite3"
    with closing(sqlite3.connect(kept, isolation_level=None)) as writing:
        writing.execute("pragma journal_mode = wal")
        writing.execute("create table answers (text text)")
        writing.executemany("insert into answers values (?)", [("paid for",)] * 100)
        make_backup(here, tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert [name for name in tar.getnames() if name.endswith(("-wal", "-shm"))] == []
    restore(elsewhere, tmp_path / "a.tar", replace=False)
    with closing(sqlite3.connect(elsewhere.data_folder / "answers" / "abc" / "answers.sqlite3")) as reading:
        assert reading.execute("select count(*) from answers").fetchone() == (100,)


def test_the_backup_is_for_its_owners_eyes_and_never_overwrites(here: Settings, tmp_path: Path) -> None:
    filled(here)
    target = tmp_path / "a.tar"
    make_backup(here, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = target.read_bytes()
    with pytest.raises(Refusal, match=r"a\.tar exists already"):
        make_backup(here, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_is_not_empty_is_refused_and_then_replaced(
    here: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    finished, _ = filled(here)
    make_backup(here, tmp_path / "a.tar")
    other, _ = filled(elsewhere)
    with pytest.raises(Refusal, match=r"not empty.*--replace"):
        restore(elsewhere, tmp_path / "a.tar", replace=False)
    assert comparison_folder(elsewhere, other).exists()
    restore(elsewhere, tmp_path / "a.tar", replace=True)
    assert not comparison_folder(elsewhere, other).exists()
    database = opened(elsewhere)
    names = {item.id for item in Comparisons(database, DEFAULT_WORKSPACE).page(10)}
    assert finished in names
    assert other not in names
    database.close()


def flip(target: Path) -> None:
    content = bytearray(target.read_bytes())
    content[content.index(b"Keep few-shot")] ^= 1
    target.write_bytes(content)


def cut(target: Path) -> None:
    target.write_bytes(target.read_bytes()[: target.stat().st_size // 2])


def repack(target: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The same tar with other members."""
    with tarfile.open(target) as old:
        members = {member.name: old.extractfile(member).read() for member in old}  # type: ignore[union-attr]
    change(members)
    with tarfile.open(target, "w") as new:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))


def drop(target: Path) -> None:
    repack(target, lambda members: members.pop(next(name for name in members if name.endswith("report.md"))))


def add(target: Path) -> None:
    repack(target, lambda members: members.update({"data/files/stranger": b"?"}))


@pytest.mark.parametrize("harm", [flip, cut, drop, add])
def test_a_damaged_backup_is_refused_before_anything_is_touched(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    here, elsewhere = Settings(data_folder=tmp_path / "here"), Settings(data_folder=tmp_path / "elsewhere")
    filled(here)
    make_backup(here, tmp_path / "a.tar")
    other, _ = filled(elsewhere)
    harm(tmp_path / "a.tar")
    with pytest.raises(Refusal, match=r"damaged|not a whole backup"):
        restore(elsewhere, tmp_path / "a.tar", replace=True)
    assert (comparison_folder(elsewhere, other) / "report.md").exists()
    assert not list(elsewhere.data_folder.glob(".restoring*"))


def test_a_backup_that_leads_out_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    here, elsewhere = Settings(data_folder=tmp_path / "here"), Settings(data_folder=tmp_path / "elsewhere")
    filled(here)
    make_backup(here, tmp_path / "a.tar")

    def mislead(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["manifest.json"])
        manifest["links"] = {"files/passwords": "../../../etc/passwd"}
        members["manifest.json"] = json.dumps(manifest).encode()

    repack(tmp_path / "a.tar", mislead)
    with pytest.raises(Refusal, match="no place in a data folder"):
        restore(elsewhere, tmp_path / "a.tar", replace=False)


def test_while_a_worker_is_alive_nothing_is_replaced(here: Settings, tmp_path: Path) -> None:
    filled(here)
    make_backup(here, tmp_path / "a.tar")
    database = opened(here)
    Leases(database, "worker-1", ["trials"], 60).renew()
    database.close()
    with pytest.raises(Refusal, match="1 workers are alive"):
        restore(here, tmp_path / "a.tar", replace=True)


def test_a_backup_is_whole_while_others_write(tmp_path: Path) -> None:
    here, elsewhere = Settings(data_folder=tmp_path / "here"), Settings(data_folder=tmp_path / "elsewhere")
    filled(here)
    database, stop = opened(here), threading.Event()

    def write() -> None:
        while not stop.is_set():
            Comparisons(database, DEFAULT_WORKSPACE).add(uuid4(), "more", Subjects(None), {})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        make_backup(here, tmp_path / "a.tar")
    finally:
        stop.set()
        writer.join()
        database.close()
    restored = restore(elsewhere, tmp_path / "a.tar", replace=False)
    assert restored.comparisons >= 2
    assert restored.unfinished == restored.comparisons - 1


def test_another_kind_of_database_is_refused_in_words(tmp_path: Path, postgresql_url: str) -> None:
    here = Settings(data_folder=tmp_path / "here")
    filled(here)
    make_backup(here, tmp_path / "a.tar")
    there = Settings(data_folder=tmp_path / "there", database_url=postgresql_url)
    with pytest.raises(Refusal, match="holds a sqlite database, and ADVISOR_DATABASE_URL names a postgresql one"):
        restore(there, tmp_path / "a.tar", replace=False)


def test_without_postgresqls_programs_one_line_says_what_to_install(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.storage.dump.DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(data_folder=tmp_path / "here", database_url=postgresql_url)
    with pytest.raises(StorageUnavailable, match="pg_dump is not installed; on Debian: apt install postgresql-client"):
        make_backup(settings, tmp_path / "a.tar")


def test_a_folder_without_a_database_has_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no database at"):
        make_backup(Settings(data_folder=tmp_path / "typo"), tmp_path / "a.tar")
    assert list(tmp_path.iterdir()) == []
