"""Records and sets of labels, worked by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.extraction import (
    exact_record,
    field_f1,
    field_precision,
    field_recall,
    micro_f1,
    score_fields,
)
from evaluation.metrics.label_sets import exact_set, set_f1, set_macro_f1
from evaluation.metrics.macro_f1 import macro_f1
from evaluation.metrics.record_schema import RecordSchema, SchemaError, schema_of

FLIGHT = {"from": ["boston"], "to": ["denver", "dallas"], "fare": {"class": "coach"}}
VALUES = st.lists(st.sampled_from(["x", "y", "Z"]), max_size=3) | st.integers(0, 2)
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "array", "items": {"type": "string"}}, "zip": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


class TestFields:
    @pytest.mark.parametrize(
        ("answer", "precision", "recall", "f1", "exact"),
        [
            (FLIGHT, 1, 1, 1, 1),
            # boston, denver and coach of boston, denver, dallas, coach
            ({"from": ["Boston"], "to": ["denver"], "fare": {"class": " coach "}}, 1, 3 / 4, 6 / 7, 0),
            # boston and denver are right; Ulm is not, nor is coach as a field of its own
            ({"from": ["boston"], "to": ["denver", "Ulm"], "class": "coach"}, 2 / 4, 2 / 4, 4 / 8, 0),
            # from and to swapped: nothing is right
            ({"from": ["denver"], "to": ["boston"]}, 0, 0, 0, 0),
            # denver said twice is right once
            ({"to": ["denver", "denver"]}, 1 / 2, 1 / 4, 2 / 6, 0),
            ({"to": ["dallas", "denver"], "from": ["boston"], "fare": {"class": "coach"}, "seat": None}, 1, 1, 1, 1),
            ({}, 0, 0, 0, 0),
            (None, 0, 0, 0, 0),
        ],
    )
    def test_by_hand(
        self, answer: Mapping[str, Any] | None, precision: float, recall: float, f1: float, exact: float
    ) -> None:
        assert field_precision(FLIGHT, answer) == pytest.approx(precision)
        assert field_recall(FLIGHT, answer) == pytest.approx(recall)
        assert field_f1(FLIGHT, answer) == pytest.approx(f1)
        assert exact_record(FLIGHT, answer) == exact

    @pytest.mark.parametrize("empty", [{}, {"a": None}, {"a": []}, {"a": ""}, {"a": {"b": {}}}])
    def test_nothing_to_find(self, empty: dict[str, Any]) -> None:
        for metric in (field_precision, field_recall, field_f1, exact_record):
            assert metric(empty, {}) == 1
            assert metric(empty, {"a": 1}) == 0
            assert metric(empty, None) == 0  # an unreadable answer found nothing by accident

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [(1, 1.0, True), (1, "1", False), (1, True, False), ("Bonn  am\nRhein", "bonn am rhein", True),
         ([{"x": 1, "y": "A"}], [{"y": "a", "x": 1.0}], True), ([["a", "b"]], [["b", "a"]], True), (0, False, False)],
    )  # fmt: skip
    def test_equal_values(self, one: object, other: object, same: bool) -> None:
        assert exact_record({"v": one}, {"v": other}) == same

    @given(RECORDS, RECORDS)
    def test_properties(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        precision, recall, f1 = (metric(one, other) for metric in (field_precision, field_recall, field_f1))
        assert 0 <= min(precision, recall, f1) <= max(precision, recall, f1) <= 1
        assert f1 == field_f1(other, one)
        assert precision == field_recall(other, one)
        assert field_f1(one, one) == exact_record(one, one) == 1
        assert (f1 == 1) == (exact_record(one, other) == 1)
        if precision + recall:
            assert f1 == pytest.approx(2 * precision * recall / (precision + recall))

    def test_all_rows_together(self) -> None:
        targets = [{"a": ["x", "y"]}, {"a": ["x"]}, {}]
        answers = [{"a": ["x"]}, None, {"b": 1}]
        # right 1; targets 3, answers 2: 2/5. Weighted 2, 0, 1: right 2, targets 4, answers 3: 4/7.
        assert micro_f1(targets, answers) == pytest.approx([2 / 5])
        assert micro_f1(targets, answers, np.array([[2.0, 0, 1], [1, 1, 1]])) == pytest.approx([4 / 7, 2 / 5])
        assert micro_f1([{}], [{}]) == pytest.approx([1])

    def test_by_field(self) -> None:
        a, b = score_fields([{"a": ["x", "y"]}, {"a": "x"}, {}], [{"a": ["x", "z"]}, None, {"b": 1}])
        assert (a.field, a.targets, a.answers, a.right) == ("a", 3, 2, 1)
        assert (a.precision, a.recall, a.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
        assert (b.field, b.precision, b.recall, b.f1) == ("b", 0, 0, 0)

    @pytest.mark.parametrize("name", ["atis_slots", "wnut17_ner"])
    def test_on_real_rows(self, name: str, data_folder: Path) -> None:
        rows = (data_folder / "open" / name / "test.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(json.loads(row)["output"]) for row in rows]
        assert all(field_f1(record, record) == 1 for record in records)
        cut = [None if number % 10 == 0 else record for number, record in enumerate(records)]
        assert np.mean([exact_record(*pair) for pair in zip(records, cut, strict=True)]) == pytest.approx(0.9, abs=0.01)


class TestSchema:
    @pytest.fixture(autouse=True)
    def library(self) -> None:
        pytest.importorskip("jsonschema")

    def test_faults_name_the_field(self) -> None:
        schema = RecordSchema(SCHEMA)
        assert schema.faults({"city": ["Bonn"], "zip": 53111}) == ()
        assert schema.faults({"city": ["Bonn", 5], "zip": "53111"}) == (
            "$.city[1]: 5 is not of type 'string'", "$.zip: '53111' is not of type 'integer'",
        )  # fmt: skip
        assert schema.faults({}) == ("$: 'city' is a required property",)

    def test_definitions_within_are_followed_and_others_are_not(self) -> None:
        inside = {"$defs": {"town": {"type": "string"}}, "properties": {"city": {"$ref": "#/$defs/town"}}}
        assert RecordSchema(inside).faults({"city": 1})
        with pytest.raises(SchemaError, match=r"refers to 'https://example\.org/town\.json', which is not in it"):
            RecordSchema({"$ref": "https://example.org/town.json"}).faults({})

    def test_a_schema_that_is_none(self) -> None:
        with pytest.raises(SchemaError, match=r"not valid at \$\.type"):
            RecordSchema({"type": "town"})

    def test_of_records(self) -> None:
        seen = [{"city": ["Bonn"], "zip": 1}, {"city": [], "zip": None, "seat": {"row": 3}}]
        schema = RecordSchema(schema_of(seen))
        assert not any(schema.faults(record) for record in (*seen, {}))
        assert schema.faults({"city": [1]}) == ("$.city[0]: 1 is not of type 'string'",)
        assert schema.faults({"town": "Bonn"})
        assert schema.faults({"seat": {"row": "3"}})
        assert not RecordSchema(schema_of([])).faults({"anything": 1})

    def test_of_real_records(self, data_folder: Path) -> None:
        rows = (data_folder / "open/atis_slots/train.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(json.loads(row)["output"]) for row in rows]
        schema = RecordSchema(schema_of(records))
        assert not any(schema.faults(record) for record in records)

    @given(st.lists(RECORDS, min_size=1, max_size=4))
    def test_of_records_holds_for_all_of_them(self, records: list[dict[str, Any]]) -> None:
        schema = RecordSchema(schema_of(records))
        assert not [faults for record in records if (faults := schema.faults(record))]


SETS = st.frozensets(st.sampled_from("abcd"), max_size=4)


class TestLabelSets:
    @pytest.mark.parametrize(
        ("target", "answer", "f1", "exact"),
        [
            ("ab", "ab", 1, 1),
            ("ab", "a", 2 / 3, 0),
            ("ab", "abcd", 4 / 6, 0),
            ("a", "b", 0, 0),
            ("", "", 1, 1),
            ("", "a", 0, 0),
            ("a", "", 0, 0),
            ("", None, 0, 0),
        ],
    )
    def test_by_hand(self, target: str, answer: str | None, f1: float, exact: float) -> None:
        given = None if answer is None else set(answer)
        assert set_f1(set(target), given) == pytest.approx(f1)
        assert exact_set(set(target), given) == exact

    @given(SETS, SETS)
    def test_properties(self, one: frozenset[str], other: frozenset[str]) -> None:
        assert set_f1(one, one) == 1
        assert 0 <= set_f1(one, other) == set_f1(other, one) <= 1
        assert (set_f1(one, other) == 1) == (exact_set(one, other) == 1)

    def test_macro_f1(self) -> None:
        # a: right 1 of 2 targets and 1 answer, 2/3; b: 1 of 1 and 2, 2/3; c only answered; mean 2/3
        targets, answers = [{"a", "b"}, {"a"}, set[str]()], [{"a", "b"}, {"b", "c"}, None]
        assert set_macro_f1(targets, answers) == pytest.approx([2 / 3])
        # without the first row b is no target: a 0 of 1, mean 0
        assert set_macro_f1(targets, answers, np.array([[0.0, 1, 1]])) == pytest.approx([0])
        assert set_macro_f1([set[str]()], [set[str]()]) == pytest.approx([0])

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "c", None])), min_size=1, max_size=20))
    def test_with_one_label_a_row_it_is_macro_f1(self, pairs: list[tuple[str, str | None]]) -> None:
        targets, answers = [target for target, _ in pairs], [answer for _, answer in pairs]
        sets = set_macro_f1([{target} for target in targets], [None if a is None else {a} for a in answers])
        assert sets == pytest.approx(macro_f1(targets, answers))
