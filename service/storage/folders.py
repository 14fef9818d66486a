"""Where things lie in the data folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from service.errors import StorageUnavailable
from service.settings import Settings

EXAMPLES, TEST, CORPUS, FORM, TASK, REQUEST = "examples", "test", "corpus", "form.json", "task.json", "request.json"
"""What lies in the folder of a data set or a comparison: files as they were uploaded, and what was asked."""


TRIALS, CHECKPOINTS, REPORT = "trials", "checkpoints", "report"
"""Of a comparison: the folder of what was fitted, that of trainings in work, and the name of the report's files."""
ANSWERS = "answers"
"""Folder of the data folder; one folder in it for each data set, by its hash, to be deleted with it."""


def make_data_folder(settings: Settings) -> None:
    """Where there is none, with all in it for its owner alone. `StorageUnavailable` where it cannot be made."""
    try:
        settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"cannot make the data folder {settings.data_folder}: {error.strerror}") from None


def kept_path(settings: Settings, sha256: str) -> Path:
    """An upload, by the hash of its bytes."""
    return files_folder(settings) / sha256[:2] / sha256


def files_folder(settings: Settings) -> Path:
    """Uploads, by the hash of their bytes."""
    return settings.data_folder / "files"


def comparison_folder(settings: Settings, id: UUID) -> Path:
    """One comparison: what was asked, its trials, its report."""
    return settings.data_folder / "comparisons" / str(id)


def dataset_folder(settings: Settings, id: UUID) -> Path:
    """What is known of a data set beside its rows."""
    return settings.data_folder / "datasets" / str(id)


def corpus_folder(settings: Settings, id: UUID) -> Path:
    """A corpus: its documents, and what they are searched by."""
    return settings.data_folder / "corpora" / str(id)


def lay_out(folder: Path, links: Mapping[str, Path]) -> None:
    """Make `folder` anew with a link for each name: a kept file is read under the name that it came with."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    for name, target in links.items():
        (folder / name).symlink_to(target)
