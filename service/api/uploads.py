"""Uploads: kept under the hash of their bytes, looked at before anything parses them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from fastapi import UploadFile

from service.errors import DataRefused, Place
from service.problems import pointer
from service.settings import Settings
from service.storage.files import Files, KeptFile
from service.storage.folders import files_folder, kept_path

CHUNK: Final = 1 << 20
LOOK: Final = 64 << 10
"""Bytes of a file that are looked at."""
NOT_IN_NAMES: Final = re.compile(r"[^\w.() -]+")
LONGEST_NAME: Final = 240
"""Bytes; file systems take 255."""
STARTS: Final = {".parquet": b"PAR1", ".pdf": b"%PDF-"}
"""What a binary file of a kind begins with; all others are text."""


def plain_name(upload: UploadFile) -> str:
    """The file's own name without any folder, in letters that every file system takes."""
    name = PurePosixPath((upload.filename or "").replace("\\", "/")).name
    ending = NOT_IN_NAMES.sub("_", name).encode()[-LONGEST_NAME:]
    return ending.decode(errors="ignore").lstrip(". ") or "upload"


def keep_upload(upload: UploadFile, settings: Settings, field: str) -> KeptFile:
    """On disk, whole or not at all. `DataRefused` for bytes that are not what the name says."""
    _look(upload, plain_name(upload), field)
    upload.file.seek(0)
    return _keep(upload, settings)


def _keep(upload: UploadFile, settings: Settings) -> KeptFile:
    chunks = iter(lambda: upload.file.read(CHUNK), b"")
    return Files(files_folder(settings)).keep(chunks, settings.upload_bytes)


def keep_again_if_gone(upload: UploadFile, settings: Settings, kept: KeptFile) -> None:
    """For after it was entered: until then somebody who deletes the same bytes does not know that they are wanted."""
    if not kept_path(settings, kept.sha256).exists():
        upload.file.seek(0)
        _keep(upload, settings)


def refused(field: str, detail: str) -> DataRefused:
    """A field of the form that cannot be used."""
    return DataRefused([Place(detail, pointer([field]))])


def _look(upload: UploadFile, name: str, field: str) -> None:
    upload.file.seek(0)
    head = upload.file.read(LOOK)
    start = STARTS.get(PurePosixPath(name).suffix.lower())
    if not head:
        raise refused(field, f"{name} is empty; expected a file with content")
    if start is not None and not head.startswith(start):
        raise refused(field, f"{name} does not begin as such a file does; is its name right?")
    if start is None and b"\0" in head:
        raise refused(field, f"{name} is not text; expected UTF-8")
