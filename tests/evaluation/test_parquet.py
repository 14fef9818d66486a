"""Parquet files are read as JSONL would be: the columns that an example needs, with rows for lines."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation import parquet
from evaluation.columns import GUESSED, Columns
from evaluation.dataset import Dataset
from evaluation.items import read_items
from evaluation.metrics.marking import Asked
from evaluation.readers import DatasetError, read_dataset
from evaluation.rewriting import rewritten
from evaluation.written import read_written


def write(folder: Path, name: str = "a.parquet", **columns: Any) -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def cells(dataset: Dataset) -> list[tuple[str, str, int]]:
    return [(example.input, example.output, example.line) for example in dataset.examples]


def refusal(path: Path, columns: Columns = GUESSED) -> str:
    with pytest.raises(DatasetError) as caught:
        read_dataset(path, columns)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert path.name in message
    return message


class TestReading:
    def test_rows_in_order_counted_from_1(self, tmp_path: Path) -> None:
        texts = [f"text {number}" for number in range(2500)]
        dataset = read_dataset(write(tmp_path, "A.PARQUET", Text=texts, label=["x", "y"] * 1250))
        assert cells(dataset)[:2] == [("text 0", "x", 1), ("text 1", "y", 2)]
        assert [example.input for example in dataset.examples] == texts
        assert (dataset.examples[-1].id, dataset.examples[-1].line, dataset.name) == ("row-2500", 2500, "A")

    def test_ids_and_groups(self, tmp_path: Path) -> None:
        path = write(tmp_path, id=[7, 8], customer=[" c1 ", None], text=["one", "two"], label=["x", "y"])
        first, second = read_dataset(path).examples
        assert (first.id, first.group, second.id, second.group) == ("7", "c1", "8", None)

    @pytest.mark.parametrize(
        ("labels", "read"),
        [
            ([3, 4], ("3", "4")),
            ([2.5, 3.5], ("2.5", "3.5")),
            ([True, False], ("False", "True")),
            (pa.array(["x", "y"]).dictionary_encode(), ("x", "y")),
            (pa.array(["x", "y"], pa.large_string()), ("x", "y")),
            (pa.array([3, 4], pa.uint8()), ("3", "4")),
        ],
    )
    def test_labels_of_other_types(self, tmp_path: Path, labels: Any, read: tuple[str, ...]) -> None:
        assert read_dataset(write(tmp_path, text=["one", "two"], label=labels)).labels == read

    def test_only_what_is_needed_is_read(self, tmp_path: Path) -> None:
        others = {
            "messages": [[{"role": "user"}]],
            "made": [date(2026, 1, 1)],
            "answer": [{"a": 1}],
            "prompt": [b"\xff"],
        }
        path = write(tmp_path, text=["one"], label=["x"], **others)
        assert cells(read_dataset(path)) == [("one", "x", 1)]

    def test_named_columns_win_over_guesses(self, tmp_path: Path) -> None:
        path = write(tmp_path, text=["one"], label=["x"], subject=["s"], team=["t"])
        assert cells(read_dataset(path, Columns("subject", "team"))) == [("s", "t", 1)]
        message = refusal(path, Columns("nope"))
        assert message == "a.parquet: no column 'nope' for the input; the file has 'text', 'label', 'subject', 'team'."

    def test_lists_of_references_evidence_and_labels(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, question=["Who?", "Where?"], Answer=["Ada", "There"],
            references=[["Lovelace", "A. L."], None], evidence=[["d1"], []],
        )  # fmt: skip
        first, second = read_written(path, Asked("question_answering"), Columns()).examples
        assert (first.accepted, first.evidence) == (("Ada", "Lovelace", "A. L."), ("d1",))
        assert (second.accepted, second.evidence) == (("There",), ())
        several = write(tmp_path, text=["one"], labels=[["x"]], label=[["x", "y"]])
        asked = Asked("classification", labels=("x", "y"), several_labels=True)
        assert read_written(several, asked, Columns()).examples[0].output == '["x", "y"]'

    def test_items_that_were_answered_elsewhere(self, tmp_path: Path) -> None:
        (item,) = read_items(write(tmp_path, id=[1], question=["Who?"], gold=["Ada"])).examples
        assert (item.id, item.input, item.output) == ("1", "Who?", "Ada")

    def test_the_same_rows_have_the_same_fingerprint(self, tmp_path: Path) -> None:
        packed = read_dataset(write(tmp_path, id=["1"], text=["one"], label=["x"]))
        plain = tmp_path / "a.csv"
        plain.write_text("id,text,label\n1,one,x\n")
        assert packed.fingerprint == read_dataset(plain).fingerprint


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "label", "says"),
        [
            (["a", None], ["x", "x"], "a.parquet, row 2, column 'text': no value; expected the input as text."),
            (["a", "b"], ["x", " "], "a.parquet, row 2, column 'label': empty; expected a label"),
            (["a", "b"], [1.0, float("nan")], "a.parquet, row 2, column 'label': no value"),
            ([1, 2], ["x", "y"], "a.parquet, row 1, column 'text': int; expected the input"),
            (["a", "b" * 100_001], ["x", "y"], "a.parquet, row 2, column 'text': 100,001 characters"),
            ([["a"], ["b"]], ["x", "y"], "a.parquet, row 1, column 'text': list; expected the input as text."),
            (["a", "b"], [{"c": 1}, {"c": 2}], "a.parquet, column 'label': struct<c: int64>; expected text, numbers"),
            (["a", "b"], [[{"c": 1}], []], "a.parquet, column 'label': list<"),
            ([b"a", b"b"], ["x", "y"], "a.parquet, column 'text': binary; expected text"),
            (["a", "b"], [date(2026, 1, 1)] * 2, "a.parquet, column 'label': date32[day]; expected text"),
        ],
    )  # fmt: skip
    def test_cells_that_cannot_be_used(self, tmp_path: Path, text: Any, label: Any, says: str) -> None:
        assert refusal(write(tmp_path, text=text, label=label)).startswith(says)

    def test_an_id_twice(self, tmp_path: Path) -> None:
        message = refusal(write(tmp_path, id=["a", "a"], text=["one", "two"], label=["x", "y"]))
        assert message == "a.parquet, row 2: id 'a' is also on row 1; expected every id once."

    def test_a_bad_row_where_answers_are_written(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"a\.parquet, row 2, column 'question': no value"):
            read_written(write(tmp_path, question=["a", ""], answer=["x", "y"]), Asked("generation"), Columns())

    def test_no_column_to_guess(self, tmp_path: Path) -> None:
        message = refusal(write(tmp_path, subject=["a"], made=[date(2026, 1, 1)]))
        assert message.startswith("a.parquet: no column for the input among 'subject', 'made'; name it with")

    def test_no_rows(self, tmp_path: Path) -> None:
        path = write(tmp_path, text=pa.array([], pa.string()), label=pa.array([], pa.string()))
        assert refusal(path) == "a.parquet has no rows; expected one labelled example a row."

    def test_a_name_twice(self, tmp_path: Path) -> None:
        table = pa.Table.from_arrays([pa.array(["a"])] * 3, ["text", "label", "text"])
        pq.write_table(table, tmp_path / "a.parquet")
        assert refusal(tmp_path / "a.parquet") == "a.parquet: the column 'text' is there twice; rename one."

    def test_no_file_or_a_folder_or_nothing_in_it(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "none.parquet").endswith("none.parquet: no such file.")
        (tmp_path / "d.parquet").mkdir()
        assert "is a folder; name one JSONL, CSV, TSV or Parquet file in it." in refusal(tmp_path / "d.parquet")
        (tmp_path / "e.parquet").touch()
        assert refusal(tmp_path / "e.parquet") == "e.parquet is empty; expected one labelled example a row."

    def test_a_damaged_file_ends_in_one_line(self, tmp_path: Path) -> None:
        path = write(tmp_path, text=[f"text {row}" for row in range(40)], label=["x", "y"] * 20)
        whole = path.read_bytes()
        damaged = tmp_path / "bad.parquet"
        for content in (b"PAR1", b"PAR1text,label\na,bPAR1", whole[:-1], whole[: len(whole) // 2], whole[100:]):
            damaged.write_bytes(content)
            assert refusal(damaged).startswith("bad.parquet: cannot be read as Parquet, it is damaged")
        for at in range(0, len(whole), 7):
            damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
            with suppress(DatasetError):  # and no other error
                read_dataset(damaged)

    def test_text_that_is_not_utf_8(self, tmp_path: Path) -> None:
        bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"caf\xe9"]).buffers())
        assert "cannot be read as Parquet" in refusal(write(tmp_path, text=bad, label=["x"]))

    def test_too_many_rows_are_refused_unread(self, tmp_path: Path) -> None:
        nothing = pa.nulls(5_000_001, pa.string())
        message = refusal(write_packed(tmp_path, text=nothing, label=nothing))
        assert message == "a.parquet: 5,000,001 rows; expected at most 5,000,000; take a part of them at random."

    def test_a_small_file_that_unpacks_to_too_much(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write_packed(tmp_path, text=["a" * 90_000] * 300, label=["x"] * 300)
        assert path.stat().st_size < 1_000_000
        monkeypatch.setattr(parquet, "MOST_BYTES", 10_000_000)
        assert "of text; expected less" in refusal(path)

    def test_it_is_not_written(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"a\.parquet: Parquet files are read, not written"):
            rewritten(write(tmp_path, text=["a"], label=["x"]), {})


def write_packed(folder: Path, **columns: Any) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path)
    return path
