"""What goes when a data set or corpus is deleted, and what stays."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, Field

from service.errors import NotNow
from service.refusals import Refusal
from service.settings import Settings
from service.storage.comparisons import UNDER_WAY, Comparisons, Status, StoredComparison
from service.storage.corpora import Corpora
from service.storage.database import Database
from service.storage.datasets import Datasets, file_is_used, fingerprint_is_used
from service.storage.files import Files
from service.storage.folders import (
    ANSWERS,
    CHECKPOINTS,
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

STOPS_WITHIN = 2.0
"""Seconds after its cancellation in which a comparison's work may still write."""


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
    _let_go(comparisons, resting, "data set")
    for comparison in resting:
        folder = comparison_folder(settings, comparison.id)
        for name in (EXAMPLES, TEST, TRIALS, "wanted", CHECKPOINTS):
            shutil.rmtree(folder / name, ignore_errors=True)
        _take_texts_out(folder)
    # Answers to test rows are kept with those to the rows that the comparison was about.
    tested_on_it = (comparison.subjects for comparison in resting if comparison.subjects.test_id == id)
    others = {subjects.dataset_id for subjects in tested_on_it if subjects.dataset_id is not None} - {id}
    about = [datasets.get(other) for other in others]
    datasets.delete(id)
    shutil.rmtree(dataset_folder(settings, id), ignore_errors=True)
    forget_file(database, settings, stored.file.sha256)
    if not fingerprint_is_used(database, stored.fingerprint):
        about.append(stored)
    for dataset in about:
        shutil.rmtree(settings.data_folder / ANSWERS / dataset.fingerprint[:16], ignore_errors=True)
    return Deleted(
        examples=stored.description["examples"], comparisons=[comparison.id for comparison in resting], remains=REMAINS
    )


def delete_corpus(database: Database, settings: Settings, workspace: UUID, id: UUID) -> None:
    """Its files and all that they are searched by.

    Raises `NotFound`, and `NotNow` while a comparison searches in it.
    """
    corpora, comparisons = Corpora(database, workspace), Comparisons(database, workspace)
    stored = corpora.get(id)
    _let_go(comparisons, comparisons.of_corpus(id), "corpus")
    corpora.delete(id)
    shutil.rmtree(corpus_folder(settings, id), ignore_errors=True)
    for _, file in stored.documents:
        forget_file(database, settings, file.sha256)


def _let_go(comparisons: Comparisons, resting: Sequence[StoredComparison], what: str) -> None:
    """Have nothing at work on it any more, not even what was cancelled a moment ago."""
    for comparison in resting:
        if comparison.status in UNDER_WAY:
            raise NotNow(f"comparison {comparison.id} is at work on this {what}; cancel it first")
    for comparison in resting:
        if comparison.status is Status.AWAITING_APPROVAL:
            comparisons.cancel(comparison.id, f"the deletion of its {what}")
    ended = [comparison.finished_at for comparison in resting if comparison.status is Status.CANCELLED]
    latest = max((moment for moment in ended if moment is not None), default=None)
    if latest is not None:
        time.sleep(max(0.0, STOPS_WITHIN - (datetime.now(UTC) - latest).total_seconds()))


def forget_file(database: Database, settings: Settings, sha256: str) -> None:
    """Delete an upload unless something else rests on the same bytes; whoever uploads them just now gets them back."""
    files = Files(files_folder(settings))
    if not file_is_used(database, sha256):
        with files.put_aside(sha256) as aside:
            if aside is not None and file_is_used(database, sha256):
                files.bring_back(aside, sha256)


def _take_texts_out(folder: Path) -> None:
    if not (folder / f"{REPORT}.json").exists():
        return
    from service.run_folder import read_report, write_report  # rendering loads numerical libraries

    try:
        write_report(folder, read_report(folder).without_texts())
    except Refusal:  # of another version: what cannot be read cannot be kept without its texts
        for file in folder.glob(f"{REPORT}.*"):
            file.unlink()
