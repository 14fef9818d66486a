"""A file is read whole or refused in one line that names file, line, column and what was expected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.dataset import Dataset
from evaluation.readers import INPUT_NAMES, OUTPUT_NAMES, Columns, DatasetError, read_dataset

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def cells(dataset: Dataset) -> list[tuple[str, str, int]]:
    return [(example.input, example.output, example.line) for example in dataset.examples]


def refusal(path: Path, columns: Columns | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        read_dataset(path, columns or Columns())
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.endswith((".", "?", ")"))
    return message


class TestJsonl:
    def test_rows_in_order_with_their_lines(self, write: Write) -> None:
        path = write("a.jsonl", '{"input": "one", "output": "x"}\n\n{"input": "two", "output": "y"}\n')
        dataset = read_dataset(path)
        assert cells(dataset) == [("one", "x", 1), ("two", "y", 3)]
        assert [example.id for example in dataset.examples] == ["line-1", "line-3"]
        assert dataset.examples[1].place == "a.jsonl:3"
        assert (dataset.name, dataset.labels, len(dataset)) == ("a", ("x", "y"), 2)

    def test_ids_and_groups(self, write: Write) -> None:
        path = write(
            "a.ndjson", '{"id": 7, "customer": " c1 ", "text": "one", "label": " x "}\n{"text": "b", "label": "y"}'
        )
        first, second = read_dataset(path).examples
        assert (first.id, first.group, first.output) == ("7", "c1", "x")
        assert (second.id, second.group) == ("line-2", None)

    @pytest.mark.parametrize(("written", "label"), [("3", "3"), ("2.5", "2.5"), ("true", "True"), ('"3"', "3")])
    def test_numbers_are_fair_labels(self, write: Write, written: str, label: str) -> None:
        assert read_dataset(write("a.jsonl", f'{{"input": "one", "output": {written}}}')).labels == (label,)

    def test_line_separators_inside_a_string_are_text(self, write: Write) -> None:
        text = "first\u2028second\u2029third\x85fourth"
        line = json.dumps({"input": text, "output": "x"}, ensure_ascii=False)
        assert cells(read_dataset(write("a.jsonl", line + "\n" + line))) == [(text, "x", 1), (text, "x", 2)]

    def test_windows_line_ends(self, write: Write) -> None:
        path = write("a.jsonl", '{"input": "one", "output": "x"}\r\n{"input": "two", "output": "y"}\r\n')
        assert cells(read_dataset(path)) == [("one", "x", 1), ("two", "y", 2)]

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ('{"input": "one" "output": "x"}', "bad.jsonl, line 2, position 17: not JSON; expected one object a line"),
            ("[1, 2]", "bad.jsonl, line 2: expected an object, found list."),
            ("7", "bad.jsonl, line 2: expected an object, found int."),
            ("[" * 100_000, "bad.jsonl, line 2, position 1: not JSON"),
            ('{"output": "x"}', "bad.jsonl, line 2, column 'input': no value; expected the input as text."),
            ('{"input": null, "output": "x"}', "bad.jsonl, line 2, column 'input': no value"),
            ('{"input": 5, "output": "x"}', "bad.jsonl, line 2, column 'input': int; expected the input as text."),
            ('{"input": ["a"], "output": "x"}', "bad.jsonl, line 2, column 'input': list; expected the input as text."),
            ('{"input": "a", "output": {"b": 1}}', "line 2, column 'output': dict; expected the output as text."),
            ('{"input": "a"}', "line 2, column 'output': no value; expected the output as text."),
            ('{"input": "a", "output": "  "}', "line 2, column 'output': empty; expected a label"),
            ('{"input": "half \\ud83d", "output": "x"}', "line 2, column 'input': half of a surrogate pair"),
            ('{"input": "a", "output": "\\udc00"}', "line 2, column 'output': half of a surrogate pair"),
        ],
    )
    def test_a_bad_row_refuses_the_file(self, write: Write, line: str, expected: str) -> None:
        path = write("bad.jsonl", f'{{"input": "good", "output": "x"}}\n{line}\n{{"input": "good", "output": "y"}}\n')
        assert expected in refusal(path)

    def test_a_whole_surrogate_pair_is_text(self, write: Write) -> None:
        path = write("a.jsonl", '{"input": "\\ud83d\\ude00", "output": "x"}')
        assert cells(read_dataset(path)) == [("😀", "x", 1)]

    def test_the_first_of_several_bad_rows_is_named_and_all_are_counted(self, write: Write) -> None:
        path = write("bad.jsonl", '{"input": "a", "output": "x"}\n{"input": "b"}\n{"output": "x"}\n')
        assert "line 2, column 'output'" in refusal(path)
        assert "(2 bad rows in all)" in refusal(path)

    def test_a_number_beyond_all_bounds(self, write: Write) -> None:
        path = write("bad.jsonl", f'{{"input": "a", "output": "x", "amount": {"1" * 5000}}}')
        read_or_refused(path)

    @pytest.mark.parametrize("column", ["id", "group"])
    def test_half_a_surrogate_pair_in_an_id_or_group(self, write: Write, column: str) -> None:
        path = write("bad.jsonl", f'{{"input": "a", "output": "x", "{column}": "\\ud800"}}')
        assert f"line 1, column '{column}'" in refusal(path)

    def test_a_number_beyond_floating_point_as_a_label(self, write: Write) -> None:
        read_or_refused(write("bad.jsonl", f'{{"input": "a", "output": {"1" * 400}}}'))

    @pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
    def test_not_a_number_is_not_a_label(self, write: Write, value: str) -> None:
        assert "column 'output'" in refusal(write("bad.jsonl", f'{{"input": "a", "output": {value}}}'))


class TestCsv:
    @pytest.mark.parametrize(
        ("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("A.CSV", ","), ("a.TSV", "\t")]
    )
    def test_separators(self, write: Write, name: str, separator: str) -> None:
        path = write(name, f'text{separator}label\none{separator}x\n"two{separator}2"{separator}y\n')
        assert cells(read_dataset(path)) == [("one", "x", 2), (f"two{separator}2", "y", 3)]

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_lines_are_physical_lines_of_the_file(self, write: Write, end: str) -> None:
        path = write("a.csv", end.join(["text,label", '"one', 'more",x', "", "two,y", '"a ""quoted"" word",x', ""]))
        dataset = read_dataset(path)
        assert [example.line for example in dataset.examples] == [2, 5, 6]
        assert dataset.examples[0].input == f"one{end}more"
        assert dataset.examples[2].input == 'a "quoted" word'

    def test_a_bad_row_after_a_multi_line_cell_is_named_by_its_physical_line(self, write: Write) -> None:
        path = write("bad.csv", 'text,label\n"one\nmore\nand more",x\ntwo,\n')
        assert "bad.csv, line 5, column 'label': empty" in refusal(path)

    def test_numbers_stay_as_written(self, write: Write) -> None:
        assert cells(read_dataset(write("a.csv", "id,text,label\n007,12,01\n"))) == [("12", "01", 2)]

    def test_empty_lines_count_but_are_no_rows(self, write: Write) -> None:
        assert cells(read_dataset(write("a.csv", "text,label\n\n,\none,x\n"))) == [("one", "x", 4)]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("text,label\none,x\ntwo\n", "bad.csv, line 3: 1 cells, expected 2 as in the header"),
            ("text,label\none,x,y\n", "bad.csv, line 2: 3 cells, expected 2 as in the header; put quotes around"),
            ('text,label\n"a\nb",x\none,x,y\n', "bad.csv, line 4: 3 cells, expected 2"),
            ("text,,label\na,b,c\n", "bad.csv, line 1, column 2: no column name"),
            ("text,label,text\na,b,c\n", "bad.csv, line 1, column 3: the name 'text' occurs twice."),
            ('text,label\n"one"x,y\n', "line 2: ',' expected after '\"'"),
            ("text,label\n", "bad.csv has no rows; expected one labelled example a row."),
        ],
    )
    def test_a_malformed_file(self, write: Write, content: str, expected: str) -> None:
        assert expected in refusal(write("bad.csv", content))

    def test_a_huge_cell(self, write: Write) -> None:
        path = write("bad.csv", f"text,label\none,x\n{'a' * 1_000_000},x\n")
        message = refusal(path)
        assert "bad.csv, line 3, column 'text': 1,000,000 characters; expected at most 100,000" in message
        assert "is a quotation mark missing?" in message

    def test_a_cell_of_just_the_longest_length(self, write: Write) -> None:
        assert len(read_dataset(write("a.csv", f"text,label\n{'a' * 100_000},x\n"))) == 1
        assert "100,001 characters" in refusal(write("bad.csv", f"text,label\n{'a' * 100_001},x\n"))

    def test_nothing_but_a_byte_order_mark(self, write: Write) -> None:
        with pytest.raises(DatasetError, match=r"empty|no rows"):
            read_dataset(write("bad.csv", b"\xef\xbb\xbf"))

    def test_a_quotation_mark_that_is_never_closed(self, write: Write) -> None:
        assert "line 3: unexpected end of data; is a quotation mark missing?" in refusal(
            write("bad.csv", 'text,label\na,x\n"b,y\nc,x\nd,y\n')
        )

    def test_a_blank_first_line(self, write: Write) -> None:
        assert "line 1" in refusal(write("bad.csv", "\ntext,label\none,x\n"))


class TestBytes:
    @pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
    def test_a_byte_order_mark_is_no_part_of_the_first_name(self, write: Write, name: str) -> None:
        content = "input,output\none,x\n" if name == "a.csv" else '{"input": "one", "output": "x"}'
        ((text, label, _),) = cells(read_dataset(write(name, b"\xef\xbb\xbf" + content.encode())))
        assert (text, label) == ("one", "x")

    def test_not_utf_8(self, write: Write) -> None:
        path = write("bad.csv", "text,label\none,x\nfür,y\n".encode("latin-1"))
        assert "bad.csv, line 3: not UTF-8 (byte 18); save the file as UTF-8" in refusal(path)

    @pytest.mark.parametrize("content", ["", " \n\n\t "])
    @pytest.mark.parametrize("name", ["bad.csv", "bad.jsonl"])
    def test_empty(self, write: Write, name: str, content: str) -> None:
        assert refusal(write(name, content)) == f"{name} is empty; expected one labelled example a row."


class TestPaths:
    def test_no_file(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "none.csv").endswith("none.csv: no such file.")

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder; name one JSONL, CSV, TSV or Parquet file in it." in refusal(tmp_path)

    def test_an_unknown_type(self, write: Write) -> None:
        message = refusal(write("a.xlsx", "text,label\none,x\n"))
        assert message == "a.xlsx: unknown file type '.xlsx'; expected one of .jsonl, .ndjson, .csv, .tsv, .parquet."

    def test_a_name_longer_than_any_file(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError):
            read_dataset(tmp_path / f"{'a' * 5000}.csv")


class TestColumns:
    @pytest.mark.parametrize("name", INPUT_NAMES)
    def test_every_guess_for_the_input(self, write: Write, name: str) -> None:
        assert cells(read_dataset(write("a.csv", f"{name.upper()},Label\none,x\n"))) == [("one", "x", 2)]

    @pytest.mark.parametrize("name", OUTPUT_NAMES)
    def test_every_guess_for_the_output(self, write: Write, name: str) -> None:
        assert cells(read_dataset(write("a.csv", f"text,{name.title()}\none,x\n"))) == [("one", "x", 2)]

    def test_named_columns_win_over_guesses(self, write: Write) -> None:
        path = write("a.csv", "text,label,subject,team\none,x,s,t\n")
        assert cells(read_dataset(path, Columns("subject", "team"))) == [("s", "t", 2)]
        assert cells(read_dataset(path, Columns(input="subject"))) == [("s", "x", 2)]

    def test_a_named_column_that_is_not_there(self, write: Write) -> None:
        message = refusal(write("a.csv", "text,label\none,x\n"), Columns(input="subject"))
        assert message == "a.csv: no column 'subject' for the input; the file has 'text', 'label'."

    def test_no_column_to_guess(self, write: Write) -> None:
        message = refusal(write("a.csv", "subject,label\none,x\n"))
        assert message == (
            "a.csv: no column for the input among 'subject', 'label'; name it with --input-column, or call it 'input'."
        )
        assert "no column for the output" in refusal(write("b.csv", "text,team\none,x\n"))

    def test_many_columns_are_not_all_listed(self, write: Write) -> None:
        header = ",".join(f"c{number}" for number in range(12))
        assert "'c7' and 4 more" in refusal(write("a.csv", f"{header}\n{header}\n"))

    def test_one_column_cannot_be_both(self, write: Write) -> None:
        message = refusal(write("a.csv", "text,label\none,x\n"), Columns("text", "text"))
        assert message == "a.csv: input and output cannot both be the column 'text'."


class TestIds:
    def test_twice_the_same(self, write: Write) -> None:
        path = write("bad.csv", "id,text,label\n1,one,x\n2,two,y\n1,three,x\n")
        assert refusal(path) == "bad.csv, line 4: id '1' is also on line 2; expected every id once."

    def test_a_number_and_the_same_as_text(self, write: Write) -> None:
        path = write("bad.jsonl", '{"id": 1, "input": "a", "output": "x"}\n{"id": "1", "input": "b", "output": "y"}')
        assert "line 2: id '1' is also on line 1" in refusal(path)

    def test_blank_ids_are_numbered_by_line(self, write: Write) -> None:
        dataset = read_dataset(write("a.csv", "id,text,label\n,one,x\n ,two,y\n"))
        assert [example.id for example in dataset.examples] == ["line-2", "line-3"]


class TestFingerprint:
    def test_the_format_does_not_count(self, write: Write) -> None:
        csv = read_dataset(write("a.csv", "id,text,label\n1,one,x\n"))
        jsonl = read_dataset(write("b.jsonl", '{"label": "x", "text": "one", "id": "1"}'))
        assert csv.fingerprint == jsonl.fingerprint

    @pytest.mark.parametrize("row", ["2,one,x,g", "1,two,x,g", "1,one,y,g", "1,one,x,h", "1,one,x,"])
    def test_every_cell_counts(self, write: Write, row: str) -> None:
        one = read_dataset(write("a.csv", "id,text,label,group\n1,one,x,g\n"))
        other = read_dataset(write("b.csv", f"id,text,label,group\n{row}\n"))
        assert one.fingerprint != other.fingerprint

    def test_the_order_counts(self, write: Write) -> None:
        one = read_dataset(write("a.csv", "id,text,label\n1,one,x\n2,two,y\n"))
        other = read_dataset(write("b.csv", "id,text,label\n2,two,y\n1,one,x\n"))
        assert one.fingerprint != other.fingerprint


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def read_or_refused(path: Path) -> Dataset | None:
    """No other error than `DatasetError`, and that in one line with the file's name."""
    try:
        return read_dataset(path)
    except DatasetError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    assert path.name in message
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.fixed_dictionaries({}, optional={"input": VALUE, "output": VALUE}) | VALUE, max_size=4))
def test_any_json_is_read_whole_or_refused(tmp_path: Path, values: list[object]) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text("\n".join(json.dumps(value) for value in values), encoding="utf-8")
    dataset = read_or_refused(path)
    assert dataset is None or len(dataset) == len(values)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="ab,;\"' \r\n", max_size=40))
def test_any_csv_is_read_or_refused(tmp_path: Path, body: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(f"text,label\n{body}".encode())
    dataset = read_or_refused(path)
    assert dataset is None or all(example.output for example in dataset.examples)
