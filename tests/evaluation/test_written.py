"""Examples whose answers are written: what is read, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.dataset import Dataset
from evaluation.metrics.marking import Asked
from evaluation.readers import Columns, DatasetError
from evaluation.written import read_written

GUESSED = Columns()


def read(
    folder: Path, *rows: Any, kind: Any = "question_answering", columns: Columns = GUESSED, **asked: Any
) -> Dataset:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return read_written(path, Asked(kind, **asked), columns)


def test_references_and_evidence(tmp_path: Path) -> None:
    row = {"id": 7, "question": "Who?", "answer": "Ada", "references": ["Ada Lovelace", "Ada"], "evidence": ["doc-1"]}
    (example,) = read(tmp_path, row).examples
    assert (example.id, example.input, example.output) == ("7", "Who?", "Ada")
    assert example.accepted == ("Ada", "Ada Lovelace")
    assert example.evidence == ("doc-1",)


def test_one_reference_and_one_document_need_no_list(tmp_path: Path) -> None:
    (example,) = read(tmp_path, {"input": "Who?", "output": "Ada", "references": "A. L.", "evidence": "doc-1"}).examples
    assert (example.accepted, example.evidence) == (("Ada", "A. L."), ("doc-1",))


def test_a_record_may_be_an_object_or_its_text(tmp_path: Path) -> None:
    rows = {"input": "a", "output": {"b": 1, "a": ["x"]}}, {"input": "b", "output": '{"a": []}'}
    data = read(tmp_path, *rows, kind="extraction")
    assert [example.output for example in data.examples] == ['{"a": ["x"], "b": 1}', '{"a": []}']
    assert [example.id for example in data.examples] == ["line-1", "line-2"]


def test_rows_are_the_data_sets_identity(tmp_path: Path) -> None:
    row = {"input": "Who?", "output": "Ada"}
    plain = read(tmp_path, row).fingerprint
    assert read(tmp_path, row).fingerprint == plain
    assert read(tmp_path, {**row, "references": ["A. L."]}).fingerprint != plain
    assert read(tmp_path, {**row, "evidence": ["doc-1"]}).fingerprint != plain


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ([{"input": "a", "output": "no record"}], "extraction", "line 1, column 'output'"),
        ([{"input": "a", "output": "b"}, {"input": "", "output": "b"}], "generation", "line 2, column 'input'"),
        ([{"input": "a", "output": None}], "generation", "line 1, column 'output': no value"),
        ([{"input": "a", "output": "b", "id": 1}, {"input": "b", "output": "c", "id": 1}], "generation", "on line 1"),
        ([{"text": "a", "topics": "b"}], "generation", "no column for the output among 'text', 'topics'"),
        ([{"input": "a", "output": "b", "references": [{"x": 1}, 3]}], "extraction", "line 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path: Path, rows: list[Any], kind: str, words: str) -> None:
    with pytest.raises(DatasetError, match=r"rows\.jsonl") as error:
        read(tmp_path, *rows, kind=kind)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_column_of_ones_own(tmp_path: Path) -> None:
    data = read(tmp_path, {"Frage": "Wer?", "Antwort": "Ada"}, columns=Columns("Frage", "Antwort"))
    assert data.examples[0].output == "Ada"
    with pytest.raises(DatasetError, match="no column 'Fragen'"):
        read(tmp_path, {"Frage": "Wer?", "Antwort": "Ada"}, columns=Columns("Fragen", "Antwort"))
