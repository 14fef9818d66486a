"""The file in which a team writes what every row is asked for; without one, the form and the command line say it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.dataset import Dataset, Task
from evaluation.metrics.marking import Asked
from evaluation.metrics.record_schema import RecordSchema, SchemaError
from rules.choices import Kind
from service.commands.documents import read_document, read_label_descriptions
from service.refusals import Refusal

EXPECTED = "what is asked, such as kind: extraction and instruction: ..."


class TaskFile(BaseModel):
    """Every part may be left out. `labels` are needed only where the examples do not show them all."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    kind: Kind | None = None
    instruction: str = ""
    labels: dict[str, str | None] | list[str] = Field(default_factory=list)
    several_labels: bool = False
    record_schema: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    language: str = Field(default="en", pattern="^[a-z]{2,3}$")
    metrics: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class AskedFor:
    """What a task file, a form and the command line say together; the labels come from the examples."""

    kind: Kind
    file: TaskFile
    descriptions: Path | None = None

    @property
    def has_one_label(self) -> bool:
        return self.kind == "classification" and not self.file.several_labels

    @property
    def asked(self) -> Asked:
        """For reading rows, before the labels are known. `Refusal` for a metric or a schema that cannot be used."""
        schema = self.file.record_schema
        try:
            return Asked(
                self.kind, (), self.file.several_labels, None if schema is None else RecordSchema(schema),
                tuple(self.file.metrics), self.file.language,
            )  # fmt: skip
        except (SchemaError, ValueError) as error:
            raise Refusal(f"The task file: {error}") from None

    def task(self, dataset: Dataset, test: Dataset | None) -> Task:
        """With what only the examples show: their labels, and how long answers are."""
        stated = self.file.labels
        seen = {*dataset.labels, *(test.labels if test else ())} if self.has_one_label else set()
        labels = tuple(sorted({*seen, *stated}))
        described = tuple((label, text) for label, text in stated.items() if text) if isinstance(stated, dict) else ()
        if self.descriptions is not None:
            described = read_label_descriptions(self.descriptions, labels)
        schema = self.file.record_schema
        return Task(
            labels=labels if self.kind == "classification" else (),
            descriptions=described,
            kind=self.kind,
            several_labels=self.file.several_labels,
            instruction=self.file.instruction,
            schema=None if schema is None else json.dumps(schema, sort_keys=True),
            language=self.file.language,
            metrics=tuple(self.file.metrics),
            longest_answer=max(len(answer) for example in dataset.examples for answer in example.accepted),
        )


ONE_LABEL = AskedFor("classification", TaskFile())
"""What is asked for where nobody says."""


def read_kind(text: str | None) -> Kind | None:
    """`--kind`, checked."""
    known = get_args(Kind)
    if text is None or text in known:
        return cast("Kind | None", text)
    raise Refusal(f"--kind {text}: expected one of {', '.join(known)}.")


def read_task_file(path: Path | None, kind: Kind | None, descriptions: Path | None = None) -> AskedFor:
    """`kind` is what the form or the command line says; a file that says otherwise is refused. Without either, a
    classification with one label a row."""
    file = TaskFile()
    if path is not None:
        try:
            file = TaskFile.model_validate(read_document(path, EXPECTED))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise Refusal(f"{path.name}, {where}: {problem['msg']}.") from None
    if kind is not None and file.kind not in (None, kind):
        raise Refusal(f"{path} says kind: {file.kind}, the form or --kind says {kind}; make them agree.")
    settled: Kind = file.kind or kind or "classification"
    if file.several_labels and settled != "classification":
        raise Refusal(f"{path}: several_labels goes with kind: classification, not {settled}.")
    if file.record_schema is not None and settled != "extraction":
        raise Refusal(f"{path}: a schema goes with kind: extraction, not {settled}.")
    if file.several_labels and not file.labels:
        raise Refusal(f"{path}: with several_labels the file must list the labels, such as labels: [Billing, Other].")
    return AskedFor(settled, file, descriptions)
