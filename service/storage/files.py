"""Uploaded files, each kept once under the hash of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from service.errors import UploadTooLarge


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file's hash (SHA-256, hex) and its size in bytes."""

    sha256: str
    size: int


class Files:
    """Files under one folder that only its owner can look into."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, chunks: Iterable[bytes], most: int) -> KeptFile:
        """Write what arrives; the same bytes are kept once. `UploadTooLarge` above `most` bytes, and nothing stays."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._folder / f".{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        try:
            with unfinished.open("xb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > most:
                        raise UploadTooLarge(most)
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            kept = KeptFile(digest.hexdigest(), size)
            path = self.path(kept.sha256)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return kept

    def path(self, sha256: str) -> Path:
        """Where the file with this hash is, or would be."""
        return self._folder / sha256[:2] / sha256

    @contextmanager
    def put_aside(self, sha256: str) -> Iterator[Path | None]:
        """Where the file lies meanwhile, None where there is none. It is deleted at the end, unless it was brought
        back."""
        aside = self._folder / f".{uuid4().hex}"
        try:
            self.path(sha256).rename(aside)
        except FileNotFoundError:
            yield None
            return
        try:
            yield aside
        finally:
            aside.unlink(missing_ok=True)

    def bring_back(self, aside: Path, sha256: str) -> None:
        """Under its hash again."""
        aside.replace(self.path(sha256))
