"""One file with everything that cannot be made again: the database, uploads, comparisons, corpora, paid answers.

The queue is left out on purpose. It only says who was to do what next, which the comparisons know as well, and a copy
of it would hand out work of the past. Caches are left out because they are made again.

A backup is a tar of `database`, `data/...` and, last, `manifest.json` with the hash of each. Links are entered in the
manifest, relative to the data folder, so that a restore to another folder has them right.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from pydantic import BaseModel
from sqlalchemy import make_url

from service.refusals import Refusal
from service.settings import Settings
from service.storage.database import open_database
from service.storage.dump import copy_sqlite, dump_database, need_tools
from service.storage.folders import ANSWERS
from service.storage.migrate import current_revision

FOLDERS: Final = ("files", "datasets", "corpora", "comparisons", ANSWERS)
"""Of the data folder."""
MANIFEST, DATABASE, DATA = "manifest.json", "database", "data"
FORMAT: Final = 1
SQLITE: Final = ".sqlite3"
"""Files that may be written while they are copied: of these one moment is taken."""
BESIDE: Final = (f"{SQLITE}-wal", f"{SQLITE}-shm")
"""What SQLite keeps beside them belongs to other moments."""


class Entry(BaseModel):
    """A file: its hash (SHA-256, hex) and its size in bytes."""

    sha256: str
    size: int


class Manifest(BaseModel):
    """What a backup holds. `files` are named as in the tar; `links` lead from one place in the data folder to
    another."""

    format: Literal[1] = FORMAT
    version: str
    made_at: datetime
    database: Literal["sqlite", "postgresql"]
    revision: str
    files: dict[str, Entry]
    links: dict[str, str]


def make_backup(settings: Settings, target: Path) -> Manifest:
    """Write it, whole or not at all, while the service runs. Raises `Refusal` and `StorageUnavailable`."""
    if target.exists():
        raise Refusal(f"{target} exists already; name another file.")
    need_tools(settings.database)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # The database first: what it names was there before, and files are only added.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".advisor-") as folder:
            dumped = Path(folder) / DATABASE
            revision = _revision(settings)
            dump_database(settings.database, dumped)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                manifest = _write(settings, dumped, revision, file)
                os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as error:
        raise Refusal(f"{target} could not be written: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _write(settings: Settings, dumped: Path, revision: str, file: BinaryIO) -> Manifest:
    kind = make_url(settings.database).get_backend_name()
    manifest = Manifest(
        version=version("adaptation-advisor"), made_at=datetime.now(UTC),
        database=cast(Literal["sqlite", "postgresql"], kind), revision=revision, files={}, links={},
    )  # fmt: skip
    with tarfile.open(fileobj=file, mode="w") as tar:
        manifest.files[DATABASE] = _add(tar, dumped, DATABASE)
        copied = dumped.with_name("copied")
        for path in _below(settings.data_folder):
            name = path.relative_to(settings.data_folder).as_posix()
            if path.is_symlink():
                manifest.links[name] = _inside(path, settings.data_folder)
                continue
            try:
                if path.suffix == SQLITE:
                    copy_sqlite(path, copied)
                manifest.files[f"{DATA}/{name}"] = _add(tar, copied if copied.exists() else path, f"{DATA}/{name}")
                copied.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # deleted since it was listed
        told = manifest.model_dump_json(indent=1).encode()
        tar.addfile(_member(MANIFEST, len(told)), io.BytesIO(told))
    return manifest


def _below(folder: Path) -> Iterator[Path]:
    """Files and links, without what is still being written, which has a name that begins with a dot."""
    for top in FOLDERS:
        for where, folders, files in os.walk(folder / top):
            here = Path(where)
            links = [name for name in folders if (here / name).is_symlink()]
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (here / name for name in sorted([*files, *links]) if _is_whole(name))


def _is_whole(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(BESIDE)


def _inside(link: Path, folder: Path) -> str:
    target = Path(os.path.normpath(link.parent / link.readlink()))
    if not target.is_relative_to(folder):
        raise Refusal(f"{link} leads out of the data folder, to {target}; the advisor makes no such link. Remove it.")
    return target.relative_to(folder).as_posix()


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk


def _add(tar: tarfile.TarFile, path: Path, name: str) -> Entry:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        hashed = _Hashed(file)
        tar.addfile(_member(name, size), cast(BinaryIO, hashed))
    return Entry(sha256=hashed.digest.hexdigest(), size=size)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


def _revision(settings: Settings) -> str:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise Refusal(f"There is no database at {url.database}; ADVISOR_DATA_FOLDER names the folder that it is in.")
    database = open_database(settings.database)
    try:
        with database.reading() as connection:
            revision = current_revision(connection)
    finally:
        database.close()
    if revision is None:
        raise Refusal("The database is empty: there is nothing to back up.")
    return revision
