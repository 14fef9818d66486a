"""What findings object to goes, each row for one reason; everything else stays byte for byte."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.audit import Audit, audit_dataset
from evaluation.cleaning import BY_DEFAULT, CLEANABLE, Cleaning, clean
from evaluation.dataset import Dataset, Example
from evaluation.findings import Place
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns, DatasetError, read_dataset
from evaluation.rewriting import Replacement, rewritten

Rows = Callable[..., Dataset]
LONG = "the parcel with order number 4711 is still stuck at customs since last monday morning"


def audit(train: Dataset, test: Dataset | None = None) -> Audit:
    return audit_dataset(train, test, EvaluationPolicy(), 10_000, lambda texts: [len(text) for text in texts])


def cleaned(train: Dataset, test: Dataset | None = None, *codes: str) -> Cleaning:
    return clean(train, test, audit(train, test), codes or BY_DEFAULT)


def done(cleaning: Cleaning) -> list[tuple[int, str, str]]:
    return [(edit.line, edit.code, edit.reason) for edit in cleaning.edits]


class TestWhatGoes:
    def test_all_but_the_first_of_exact_copies(self, rows: Rows) -> None:
        train = rows(("Hello there", "a"), ("other", "b"), (" hello  THERE!", "a"), ("hello there", "a"))
        assert done(cleaned(train)) == [
            (3, "AUDIT09", "text and label of line 1, which stays"),
            (4, "AUDIT09", "text and label of line 1, which stays"),
        ]

    def test_every_copy_where_labels_differ(self, rows: Rows) -> None:
        train = rows(("Hello there", "a"), ("other", "b"), ("hello there", "b"), ("hello there", "a"))
        reason = "one text, different labels: line 1, line 3, line 4"
        assert done(cleaned(train)) == [(line, "AUDIT11", reason) for line in (1, 3, 4)]

    def test_a_conflict_with_a_test_row(self, rows: Rows) -> None:
        train, test = rows(("Hello there", "a"), ("other", "b")), rows(("hello there", "b"), name="test")
        assert done(cleaned(train, test, "AUDIT11")) == [
            (1, "AUDIT11", "one text, different labels: line 1, test.jsonl:1")
        ]

    def test_many_places_are_not_all_named(self, rows: Rows) -> None:
        train = rows(*(("hello", "ab"[number % 2]) for number in range(9)))
        assert done(cleaned(train))[0][2].endswith("line 4, line 5 and 4 more")

    def test_rows_without_a_text(self, rows: Rows) -> None:
        train = rows(("  ", "a"), ("other", "b"), ("", "b"))
        assert done(cleaned(train)) == [(1, "AUDIT07", "no text"), (3, "AUDIT07", "no text")]

    def test_rows_that_repeat_a_test_row(self, rows: Rows) -> None:
        train = rows(("Hello there", "a"), (LONG, "b"), ("other", "b"), ("Hello there", "a"))
        test = rows(("hello there!", "a"), ("something", "b"), (LONG + " ok", "b"), name="test")
        assert done(cleaned(train, test)) == [
            (1, "AUDIT12", "the text of test.jsonl:1"),
            (2, "AUDIT13", "nearly the text of test.jsonl:3, or of its group"),
            (4, "AUDIT12", "the text of test.jsonl:1"),
        ]

    def test_rows_of_a_tested_group(self, rows: Rows) -> None:
        train = rows(("apples", "a", "customer 9"), ("other", "b"))
        test = rows(("a different matter", "a", "customer 9"), name="test")
        assert done(cleaned(train, test)) == [(1, "AUDIT13", "nearly the text of test.jsonl:1, or of its group")]

    def test_near_duplicates_only_on_request(self, rows: Rows) -> None:
        train = rows((LONG, "a"), (LONG + " ok", "a"), (LONG + " please", "b"), (LONG + " ok ok", "a"))
        assert done(cleaned(train)) == []
        reason = "nearly the text, and the label, of line 1, which stays"
        assert done(cleaned(train, None, "AUDIT10")) == [(2, "AUDIT10", reason), (4, "AUDIT10", reason)]

    def test_a_near_duplicate_of_a_row_that_goes_stays(self, rows: Rows) -> None:
        train = rows((LONG, "a"), (LONG.upper(), "b"), (LONG + " ok", "a"))
        assert {edit.line for edit in cleaned(train, None, "AUDIT10", "AUDIT11").edits} == {1, 2}

    def test_only_what_was_asked_for(self, rows: Rows) -> None:
        train = rows(("hello", "a"), ("hello", "a"), ("", "b"), ("write to me@example.org", "b"))
        assert [edit.code for edit in cleaned(train, None, "AUDIT09").edits] == ["AUDIT09"]
        assert [edit.code for edit in cleaned(train, None, "AUDIT07", "AUDIT14").edits] == ["AUDIT07", "AUDIT14"]

    def test_what_no_cleaning_can_mend_is_refused(self, rows: Rows) -> None:
        with pytest.raises(ValueError, match="AUDIT04 cannot be cleaned away; expected some of AUDIT07, AUDIT09"):
            cleaned(rows(("hello", "a")), None, "AUDIT04")


class TestPlaceholders:
    def test_personal_data_and_secrets(self, rows: Rows) -> None:
        train = rows(("write to me@example.org", "a"), ("key AKIAIOSFODNN7EXAMPLE of me@example.org", "b"), ("x", "a"))
        edits = cleaned(train).edits
        assert [(edit.line, edit.code, edit.text) for edit in edits] == [
            (1, "AUDIT14", "write to <e-mail address>"),
            (2, "AUDIT18", "key <access key> of <e-mail address>"),
        ]
        assert not any("example.org" in edit.reason or "AKIA" in edit.reason for edit in edits)

    def test_texts_that_become_the_same_are_copies(self, rows: Rows) -> None:
        train = rows(("write to me@example.org", "a"), ("write to you@example.org", "a"))
        assert [(edit.line, edit.code) for edit in cleaned(train).edits] == [(1, "AUDIT14"), (2, "AUDIT09")]

    def test_what_has_no_placeholder_is_kept_and_told(self, rows: Rows) -> None:
        # A finding may name rows for what patterns do not see, such as names of people.
        train = rows(("my name is Jo", "a"), ("write to me@example.org", "b"))
        named = audit(train)
        places = [(Place(id=row.id, file=row.source, line=row.line),) for row in train.examples]
        findings = [
            finding.model_copy(update={"rows": tuple(places)})
            for finding in named.findings
            if finding.code == "AUDIT14"
        ]
        result = clean(train, None, named.model_copy(update={"findings": tuple(findings)}))
        assert result.unmasked == (1,)
        assert [edit.line for edit in result.edits] == [2]


TEXTS = st.sampled_from(["hello", "HELLO!", "other", "", " ", "me@example.org", "you@example.org", "parcel", LONG])
SIDES = st.lists(st.tuples(TEXTS, st.sampled_from("ab")), min_size=1, max_size=10)


@given(train=SIDES, test=SIDES | st.none())
def test_a_cleaned_file_has_nothing_left_to_clean(
    train: list[tuple[str, str]], test: list[tuple[str, str]] | None
) -> None:
    def dataset(cells: list[tuple[str, str]], name: str) -> Dataset:
        examples = (Example(f"{name}-{n}", *cell, n, f"{name}.csv") for n, cell in enumerate(cells, start=1))
        return Dataset(name, tuple(examples))

    one, other = dataset(train, "train"), dataset(test, "test") if test else None
    cleaning = cleaned(one, other)
    left = cleaning.applied_to(one)
    assert len(left) == len(train) - sum(cleaning.removed.values())
    assert sum(cleaning.changed.values()) == sum(not edit.removes for edit in cleaning.edits)
    if len(left):
        assert cleaned(left, other).edits == ()
        objects_to = {finding.code for finding in audit(left).findings}
        assert not objects_to & set(BY_DEFAULT)


def test_every_cleanable_finding_is_known() -> None:
    assert set(BY_DEFAULT) == set(CLEANABLE) - {"AUDIT10"}


class TestRewriting:
    def write(self, folder: Path, name: str, content: str | bytes) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def test_nothing_to_change_is_a_copy_byte_for_byte(self, tmp_path: Path) -> None:
        content = '\ufeffid;text;label\r\n1;"He said ""hi""";a\r\n\r\n2;"two\r\nlines";b'
        assert rewritten(self.write(tmp_path, "a.csv", content), {}) == content

    def test_csv_rows_and_cells(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path,
            "a.csv",
            'id;"text";label;note\n1;"mail a@x.org; ""now""";a;"x;y"\n2;gone;a;\n3;"gone\ntoo";b;1.0\n4; kept ;b;\n',
        )
        changed = rewritten(path, {2: Replacement('mail a@x.org; "now"', 'mail <m>; "now"'), 3: None, 4: None})
        assert changed == 'id;"text";label;note\n1;"mail <m>; ""now""";a;"x;y"\n4; kept ;b;\n'

    def test_a_cell_is_quoted_where_it_must_be(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "a.tsv", "text\tlabel\nsome words\ta\n")
        assert rewritten(path, {2: Replacement("some words", 'a\tb "c"')}) == 'text\tlabel\n"a\tb ""c"""\ta\n'

    def test_jsonl_rows_and_values(self, tmp_path: Path) -> None:
        lines = [
            '{"id": 1e2,  "text":"caf\\u00e9 a@x.org", "label" : "a", "more": {"text": "caf\\u00e9 a@x.org"}}\r',
            '{"text": "gone", "label": "b"}',
            "",
            '{"text": "Grüße\u2028a@x.org", "label": true, "n": 1.50}',
        ]
        path = self.write(tmp_path, "a.jsonl", "\n".join(lines))
        changed = rewritten(
            path,
            {
                1: Replacement("café a@x.org", "café <m>"),
                2: None,
                4: Replacement("Grüße\u2028a@x.org", "Grüße\u2028<m>"),
            },
        )
        assert changed.split("\n") == [
            '{"id": 1e2,  "text":"caf\\u00e9 <m>", "label" : "a", "more": {"text": "caf\\u00e9 a@x.org"}}\r',
            "",
            '{"text": "Grüße\u2028<m>", "label": true, "n": 1.50}',
        ]

    def test_a_file_that_changed_meanwhile_is_refused(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "a.csv", "text,label\nhello,a\n")
        with pytest.raises(DatasetError, match=r"a\.csv, line 3: not the row that was audited"):
            rewritten(path, {3: None})
        with pytest.raises(DatasetError, match=r"a\.csv, line 2: not the row that was audited"):
            rewritten(path, {2: Replacement("good-bye", "<m>")})


CELLS = st.text(st.sampled_from('ab ,;\t"\n{}\\é\u2028'), max_size=8)
TABLES = st.lists(st.tuples(CELLS, CELLS.filter(str.strip), CELLS), min_size=1, max_size=6)
Changing = st.dictionaries(st.integers(0, 5), st.none() | CELLS.map(lambda text: text + "<m>"))


@given(table=TABLES, changing=Changing, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n"]))
def test_a_rewritten_csv_reads_as_the_old_one_with_the_changes(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[str, str, str]],
    changing: dict[int, str | None],
    delimiter: str,
    end: str,
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    writer.writerow(("text", "label", "note"))
    writer.writerows(table)
    _reads_as_expected(tmp_path_factory.getbasetemp() / "a.csv", buffer.getvalue(), table, changing)


@given(table=TABLES, changing=Changing, ascii_only=st.booleans())
def test_a_rewritten_jsonl_reads_as_the_old_one_with_the_changes(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[str, str, str]],
    changing: dict[int, str | None],
    ascii_only: bool,
) -> None:
    rows = [dict(zip(("text", "label", "note"), row, strict=True)) for row in table]
    content = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    _reads_as_expected(tmp_path_factory.getbasetemp() / "a.jsonl", content, table, changing)


def _reads_as_expected(
    path: Path, content: str, table: list[tuple[str, str, str]], changing: dict[int, str | None]
) -> None:
    path.write_bytes(content.encode())
    examples = read_dataset(path, Columns("text", "label")).examples
    assert [row.input for row in examples] == [text for text, _, _ in table]
    changes: dict[int, Replacement | None] = {}
    expected = []
    for number, example in enumerate(examples):
        new = changing.get(number, example.input)
        if new != example.input:
            changes[example.line] = None if new is None else Replacement(example.input, new)
        if new is not None:
            # A text that is replaced is replaced in every cell that holds it; a label is read without its blanks.
            is_copy = table[number][1] == example.input
            expected.append((new, new.strip() if is_copy else example.output))
    text = rewritten(path, changes)
    assert (text == content) is (not changes)
    path.write_bytes(text.encode())
    if expected:
        assert [(row.input, row.output) for row in read_dataset(path, Columns("text", "label")).examples] == expected
