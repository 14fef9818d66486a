"""What goes when a data set or corpus is deleted, and what stays."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, Field

from service.errors import NotNow
from service.settings import Settings
from service.storage.comparisons import UNDER_WAY, Comparisons, Status
from service.storage.corpora import Corpora
from service.storage.database import Database
from service.storage.datasets import Datasets, file_is_used, fingerprint_is_used
from service.storage.files import Files
from service.storage.folders import (
    ANSWERS,
    EXAMPLES,
    REPORT,
    TEST,
    TRIALS,
    comparison_folder,
    corpus_folder,
    dataset_folder,
    files_folder,
)  # fmt: skip

REMAINS = (
    "The reports of these comparisons keep figures, labels, names of columns and hashes; the texts of rows are taken "
    "out of them. Embeddings are kept by hash, without their texts. Copies in backups stay until those are deleted."
)


class Deleted(BaseModel):
    """What was taken away, and what is left."""

    examples: int = Field(description="Rows that were deleted.")
    comparisons: list[UUID] = Field(description="Comparisons whose trials were deleted, and whose reports remain.")
    remains: str = Field(description="What is left of them, in words.")


def delete_dataset(database: Database, settings: Settings, workspace: UUID, id: UUID) -> Deleted:
    """Rows, trials that hold answers to them, kept answers of models, and texts in reports.

    Raises `NotFound`, and `NotNow` while a comparison is at work on it.
    """
    datasets, comparisons = Datasets(database, workspace), Comparisons(database, workspace)
    stored, resting = datasets.get(id), comparisons.of_dataset(id)
    for comparison in resting:
        if comparison.status in UNDER_WAY:
            raise NotNow(f"comparison {comparison.id} is at work on this data set; cancel it first")
    for comparison in resting:
        if comparison.status is Status.AWAITING_APPROVAL:
            comparisons.cancel(comparison.id, "the deletion of its data set")
        folder = comparison_folder(settings, comparison.id)
        for name in (EXAMPLES, TEST, TRIALS, "wanted"):
            shutil.rmtree(folder / name, ignore_errors=True)
        _take_texts_out(folder)
    datasets.delete(id)
    shutil.rmtree(dataset_folder(settings, id), ignore_errors=True)
    forget_file(database, settings, stored.file.sha256)
    if not fingerprint_is_used(database, stored.fingerprint):
        shutil.rmtree(settings.data_folder / ANSWERS / stored.fingerprint[:16], ignore_errors=True)
    return Deleted(
        examples=stored.description["examples"], comparisons=[comparison.id for comparison in resting], remains=REMAINS
    )


def delete_corpus(database: Database, settings: Settings, workspace: UUID, id: UUID) -> None:
    """Its files and all that they are searched by. Raises `NotFound`."""
    corpora = Corpora(database, workspace)
    stored = corpora.get(id)
    corpora.delete(id)
    shutil.rmtree(corpus_folder(settings, id), ignore_errors=True)
    for _, file in stored.documents:
        forget_file(database, settings, file.sha256)


def forget_file(database: Database, settings: Settings, sha256: str) -> None:
    """Delete an upload unless something else rests on the same bytes."""
    if not file_is_used(database, sha256):
        Files(files_folder(settings)).delete(sha256)


def _take_texts_out(folder: Path) -> None:
    if not (folder / f"{REPORT}.json").exists():
        return
    from service.run_folder import read_report, write_report  # rendering loads numerical libraries

    write_report(folder, read_report(folder).without_texts())
