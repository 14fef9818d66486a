"""The file that says what every row is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.dataset import Dataset, Example
from service.commands.task_file import read_task_file
from service.refusals import Refusal


@pytest.fixture
def written(tmp_path: Path):
    def written(text: str) -> Path:
        path = tmp_path / "task.yaml"
        path.write_text(text)
        return path

    return written


def rows(*outputs: str) -> Dataset:
    return Dataset("rows", tuple(Example(str(n), "in", output, n, "rows") for n, output in enumerate(outputs)))


def test_without_a_file_labels_come_from_the_rows() -> None:
    task = read_task_file(None, None).task(rows("b", "a", "b"), rows("c"))
    assert (task.kind, task.labels, task.has_one_label) == ("classification", ("a", "b", "c"), True)


def test_labels_of_the_file_and_of_the_rows(written) -> None:
    file = written("labels: {a: the first, z:}\ninstruction: Sort.")
    task = read_task_file(file, "classification").task(rows("a", "b"), None)
    assert task.labels == ("a", "b", "z")
    assert task.descriptions == (("a", "the first"),)
    assert task.instruction == "Sort."


def test_room_for_answers_is_that_of_the_longest(written) -> None:
    task = read_task_file(written("kind: generation"), None).task(rows("short", "x" * 400), None)
    assert (task.kind, task.labels, task.longest_answer) == ("generation", (), 400)


def test_a_schema_stays_text(written) -> None:
    file = written("kind: extraction\nschema: {type: object, properties: {b: {type: string}}}")
    assert read_task_file(file, None).task(rows("{}"), None).schema == (
        '{"properties": {"b": {"type": "string"}}, "type": "object"}'
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: poetry", "kind"),
        ("kinds: extraction", "kinds"),
        ("kind: extraction\nseveral_labels: true", "several_labels goes with kind: classification"),
        ("kind: generation\nschema: {type: object}", "a schema goes with kind: extraction"),
        ("several_labels: true", "must list the labels"),
        ("kind: question_answering", "--kind says generation"),
        ("language: English", "language"),
        ("- a", "expected what is asked"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(written, text: str, words: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_task_file(written(text), "generation" if "--kind" in words else None)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: extraction\nmetrics: [rouge_l]", "No metric 'rouge_l' for extraction"),
        ("kind: extraction\nschema: {type: nothing}", "schema is not valid"),
    ],
)
def test_metrics_and_schemas_are_checked_before_rows_are_read(written, text: str, words: str) -> None:
    asked = read_task_file(written(text), None)
    with pytest.raises(Refusal, match=words):
        _ = asked.asked
