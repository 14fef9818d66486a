"""Uploaded examples, read once when they arrive: what is in them, or one clear line on why they cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.dataset import Dataset
from evaluation.readers import Columns, DatasetError, read_dataset
from evaluation.written import read_written
from rules.choices import Kind
from service.commands.task_file import read_task_file
from service.errors import DataRefused, Place
from service.problems import pointer
from service.refusals import Refusal
from service.storage.folders import EXAMPLES, TASK

MOST_LABELS = 1000
"""Of which the sizes are told; more are no labels."""


@dataclass(frozen=True)
class Description:
    """What is in the examples. `document` says how they are read, their number and that of each label."""

    fingerprint: str
    document: dict[str, Any]


def describe_examples(
    folder: Path, input_column: str | None, output_column: str | None, kind: Kind | None
) -> Description:
    """Of the file in the data set's folder, by the task that lies beside it. Raises `DataRefused`."""
    task = folder / TASK
    try:
        asked = read_task_file(task if task.exists() else None, kind)
    except Refusal as error:
        raise _refused("task", str(error).replace(str(task), "the task").replace(TASK, "the task")) from None
    file = next((folder / EXAMPLES).iterdir())
    columns = Columns(input_column, output_column)
    try:
        dataset: Dataset = (
            read_dataset(file, columns) if asked.has_one_label else read_written(file, asked.asked, columns)
        )
    except DatasetError as error:
        raise _refused("file", _in_words_of_the_api(str(error))) from None
    except Refusal as error:
        raise _refused("task", str(error)) from None
    sizes = dataset.class_sizes if asked.kind == "classification" else {}
    return Description(
        dataset.fingerprint,
        {
            "input_column": input_column, "output_column": output_column, "kind": asked.kind,
            "examples": len(dataset), "labels": sizes if len(sizes) <= MOST_LABELS else {},
        },
    )  # fmt: skip


def examples_in(folder: Path, description: Mapping[str, Any]) -> Dataset:
    """The rows of a data set that was described before. Raises `DatasetError` where its file is no longer there."""
    task = folder / TASK
    asked = read_task_file(task if task.exists() else None, description["kind"])
    columns = Columns(description["input_column"], description["output_column"])
    try:
        file = next((folder / EXAMPLES).iterdir())
    except (FileNotFoundError, StopIteration):
        raise DatasetError("the examples are no longer there") from None
    return read_dataset(file, columns) if asked.has_one_label else read_written(file, asked.asked, columns)


def _in_words_of_the_api(message: str) -> str:
    for role in ("input", "output"):
        message = message.replace(f"--{role}-column", f"{role}_column")
    return message


def _refused(field: str, detail: str) -> DataRefused:
    return DataRefused([Place(detail, pointer([field]))])
