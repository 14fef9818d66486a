"""A backup put back: looked through whole, then put in place of what is there."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import inspect, make_url

from service.backup import DATA, DATABASE, FOLDERS, MANIFEST, Entry, Manifest
from service.jobs.system import queue_file
from service.refusals import Refusal
from service.settings import Settings
from service.storage.database import Database, open_database
from service.storage.dump import REVISIONS, clear_database, load_database, need_tools, remove_sqlite
from service.storage.migrate import knows_revision, migrate
from service.storage.restoring import Restored, settle
from service.storage.tables import workers
from service.storage.workers import living_workers

CHUNK: Final = 1 << 20


def restore(settings: Settings, source: Path, *, replace: bool) -> Restored:
    """Check every hash, then put the backup in place. Raises `Refusal`, before anything is touched, for a file that is
    no whole backup, a data folder or database that is not empty unless `replace`, and while workers are alive."""
    manifest = check_backup(source)
    _refuse_what_does_not_fit(settings, manifest)
    with _opened(settings) as database:
        _refuse_what_is_in_use(settings, database, replace=replace)
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = settings.data_folder / f".restoring-{uuid4().hex}"
    try:
        _unpack(source, manifest, staged, settings.data_folder)
        _put_database(settings, staged / DATABASE)
        _put_folders(settings.data_folder, staged / DATA)
    except OSError as error:
        raise Refusal(f"{settings.data_folder} could not be written: {error.strerror}; restore again.") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    with _opened(settings) as database:
        migrate(database)
        return settle(database)


def check_backup(source: Path) -> Manifest:
    """Its manifest; `Refusal` unless it holds exactly what that names, byte for byte."""
    try:
        found, manifest = _look_through(source)
    except OSError as error:
        raise Refusal(f"{source} cannot be read: {error.strerror or error}") from None
    except ValidationError:
        raise Refusal(f"{source} is a backup of another version of the advisor, or none.") from None
    except tarfile.TarError:
        raise Refusal(f"{source} is not a whole backup of the advisor: the file is cut off or changed.") from None
    if manifest is None:
        raise Refusal(f"{source} is not a whole backup of the advisor: it has no {MANIFEST}.")
    for name in sorted({*found, *manifest.files}):
        if found.get(name) != manifest.files.get(name):
            raise Refusal(f"{source} is damaged: {name} is not what was backed up. Nothing was restored.")
    inside = [name.removeprefix(f"{DATA}/") for name in found if name != DATABASE]
    for name in (*inside, *manifest.links, *manifest.links.values()):
        _refuse_outside(source, name)
    return manifest


def _look_through(source: Path) -> tuple[dict[str, Entry], Manifest | None]:
    found: dict[str, Entry] = {}
    manifest: Manifest | None = None
    with tarfile.open(source, "r:") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if file is None or member.name in found:
                raise Refusal(f"{source} is not a backup of the advisor: it holds {member.name}.")
            if member.name == MANIFEST:
                manifest = Manifest.model_validate_json(file.read())
                continue
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            found[member.name] = Entry(sha256=digest.hexdigest(), size=member.size)
    return found, manifest


def _refuse_outside(source: Path, name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in FOLDERS:
        raise Refusal(f"{source} is not a backup of the advisor: {name} is no place in a data folder.")


def _refuse_what_does_not_fit(settings: Settings, manifest: Manifest) -> None:
    kind = make_url(settings.database).get_backend_name()
    if kind != manifest.database:
        raise Refusal(
            f"The backup holds a {manifest.database} database, and ADVISOR_DATABASE_URL names a {kind} one; "
            f"restore to {manifest.database}."
        )
    if not knows_revision(manifest.revision):
        raise Refusal(
            f"The backup was made by a later version of the advisor ({manifest.version}, database revision "
            f"{manifest.revision}); update the advisor first."
        )
    need_tools(settings.database)


def _refuse_what_is_in_use(settings: Settings, database: Database, *, replace: bool) -> None:
    tables = set(inspect(database.engine).get_table_names())
    if workers.name in tables and (living := living_workers(database)):
        raise Refusal(f"{len(living)} workers are alive on this database; stop them and every advisor serve first.")
    there = [name for name in FOLDERS if any((settings.data_folder / name).glob("*"))]
    if (there or REVISIONS in tables) and not replace:
        raise Refusal(
            f"{settings.data_folder} or its database is not empty; name an empty one, or give --replace to have all "
            "that is there replaced by the backup."
        )


def _unpack(source: Path, manifest: Manifest, staged: Path, folder: Path) -> None:
    for name in FOLDERS:
        (staged / DATA / name).mkdir(mode=0o700, parents=True)
    with tarfile.open(source, "r:") as tar:
        for member in tar:
            if member.name != MANIFEST:
                (staged / member.name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                file = tar.extractfile(member)
                assert file is not None
                with (staged / member.name).open("wb") as unpacked:
                    shutil.copyfileobj(file, unpacked, CHUNK)
    for name, target in manifest.links.items():
        (staged / DATA / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (staged / DATA / name).symlink_to(folder / target)


def _put_database(settings: Settings, dumped: Path) -> None:
    if make_url(settings.database).get_backend_name() == "postgresql":
        with _opened(settings) as database:
            clear_database(database)
    remove_sqlite(queue_file(settings))
    load_database(settings.database, dumped)


def _put_folders(folder: Path, staged: Path) -> None:
    for name in FOLDERS:
        if (folder / name).exists():
            shutil.rmtree(folder / name)
        (staged / name).rename(folder / name)


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = open_database(settings.database)
    try:
        yield database
    finally:
        database.close()
