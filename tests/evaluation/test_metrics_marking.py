"""One answer of every kind of task, from raw text to scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.answers import NO_ANSWER, Fault
from evaluation.metrics.marking import Asked, check_row, mark, scored_everywhere
from evaluation.metrics.record_schema import RecordSchema
from rules.choices import Kind

LABELS = Asked("classification", labels=("Billing", "Lost parcel"))
SETS = Asked("classification", labels=("joy", "anger"), several_labels=True)
RECORD = Asked("extraction")
QUESTION = Asked("question_answering")
TEXT = Asked("generation", metrics=("rouge_l", "rouge_1"))


class TestMarks:
    @pytest.mark.parametrize(
        ("asked", "references", "text", "answer", "scores"),
        [
            (LABELS, ["Billing"], "Label: billing", "Billing", {"accuracy": 1}),
            (LABELS, ["Billing"], "Lost parcel", "Lost parcel", {"accuracy": 0}),
            (SETS, ["joy; anger"], '["anger"]', "anger", {"label_f1": 2 / 3, "exact_set": 0}),
            (SETS, ["[]"], "none", "", {"label_f1": 1, "exact_set": 1}),
            (
                RECORD, ['{"a": ["x", "y"]}'], '```json\n{"a": ["X"]}\n```', '{"a": ["X"]}',
                {"field_f1": 2 / 3, "exact_record": 0, "field_precision": 1, "field_recall": 1 / 2},
            ),
            (QUESTION, ["Bonn", "in Bonn"], "Answer: in Bonn", "in Bonn", {"token_f1": 1, "exact_answer": 1}),
            (QUESTION, [NO_ANSWER], "I don't know.", "I don't know.", {"token_f1": 1, "exact_answer": 1}),
            (TEXT, ["a b", "c d"], "c d", "c d", {"rouge_l": 1, "rouge_1": 1}),
        ],
    )  # fmt: skip
    def test_by_hand(
        self, asked: Asked, references: list[str], text: str, answer: str, scores: dict[str, float]
    ) -> None:
        marked = mark(asked, references, text)
        assert (marked.answer, marked.fault) == (answer, None)
        assert marked.scores == pytest.approx(scores)
        assert list(marked.scores) == list(scores)
        assert marked.score == pytest.approx(next(iter(scores.values())))

    @pytest.mark.parametrize(
        ("asked", "reference", "text", "fault"),
        [
            (LABELS, "Billing", "Rechnung", Fault.UNKNOWN_LABEL),  # the right label in another language
            (LABELS, "Billing", "", Fault.EMPTY),
            (SETS, "joy", "bliss", Fault.UNKNOWN_LABEL),
            (RECORD, '{"a": 1}', '{"a": 1', Fault.CUT_OFF),
            (RECORD, "{}", "nothing found", Fault.NOT_JSON),
            (QUESTION, "Bonn", " ", Fault.EMPTY),
            (QUESTION, NO_ANSWER, "", Fault.EMPTY),
            (TEXT, "a b", "<think>a b", Fault.CUT_OFF),
        ],
    )
    def test_what_cannot_be_read_scores_0_and_says_why(
        self, asked: Asked, reference: str, text: str, fault: Fault
    ) -> None:
        marked = mark(asked, [reference], text)
        assert (marked.score, marked.answer, marked.fault) == (0, None, fault)
        failed = mark(asked, [reference], None)
        assert (failed.score, failed.answer, failed.fault) == (0, None, None)
        assert set(failed.scores) == set(marked.scores) == set(asked.computed)

    def test_support_by_what_was_retrieved(self) -> None:
        assert mark(QUESTION, ["Bonn"], "Bonn am Rhein", ["The Rhein at Bonn."]).support == 2 / 3
        assert mark(QUESTION, ["Bonn"], NO_ANSWER, ["Bonn"]).support is None
        assert mark(QUESTION, ["Bonn"], "Bonn").support is None

    def test_schema(self) -> None:
        pytest.importorskip("jsonschema")
        asked = Asked("extraction", schema=RecordSchema({"properties": {"zip": {"type": "integer"}}}))
        assert mark(asked, ['{"zip": 1}'], '{"zip": "1"}').schema_faults == ("$.zip: '1' is not of type 'integer'",)
        assert mark(asked, ['{"zip": 1}'], '{"zip": 1}').schema_faults == ()
        assert mark(asked, ['{"zip": 1}'], '{"zip": ').schema_faults == ()

    @pytest.mark.parametrize(
        ("kind", "several", "metrics", "computed"),
        [
            ("classification", False, (), ("accuracy",)),
            ("classification", True, (), ("label_f1", "exact_set")),
            ("generation", False, (), ("rouge_l", "rouge_1", "rouge_2", "chrf")),
            ("generation", False, ("same_number",), ("same_number",)),
        ],
    )
    def test_metrics(self, kind: Kind, several: bool, metrics: tuple[str, ...], computed: tuple[str, ...]) -> None:
        assert Asked(kind, several_labels=several, metrics=metrics).computed == computed

    def test_a_metric_of_another_kind(self) -> None:
        with pytest.raises(ValueError, match="No metric 'chrf' for extraction; expected field_f1, exact_record"):
            Asked("extraction", metrics=("chrf",))


class TestRows:
    @pytest.mark.parametrize(
        ("asked", "references", "wrong"),
        [
            (LABELS, ["Billing"], None),
            (LABELS, [], "no reference"),
            (SETS, ["[1]"], "expected labels as a JSON list"),
            (RECORD, ['{"a": 1'], "cut off before its end; expected a JSON object"),
            (RECORD, ["[]"], "JSON, but not an object"),
            (QUESTION, [NO_ANSWER], None),
            (TEXT, [], "no reference"),
            (Asked("generation", metrics=("same_number",)), ["no number"], "ends with no number"),
            (Asked("generation", metrics=("same_number",)), ["#### 1"], None),
        ],
    )
    def test_a_row_that_cannot_be_marked_is_found_beforehand(
        self, asked: Asked, references: list[str], wrong: str | None
    ) -> None:
        found = check_row(asked, references)
        assert found is None if wrong is None else found is not None and wrong in found
        if wrong is not None:
            with pytest.raises(ValueError, match=r".+"):
                mark(asked, references, "text")

    @pytest.mark.parametrize(
        ("name", "asked"),
        [
            ("atis_slots", RECORD),
            ("wnut17_ner", RECORD),
            ("covidqa", QUESTION),
            ("policyqa", QUESTION),
            ("xquad_en", QUESTION),
            ("scitldr", TEXT),
            ("e2e_nlg", TEXT),
            ("gsm8k", Asked("generation", metrics=("same_number",))),
            ("geoquery_sql", Asked("generation", metrics=("same_text",))),
        ],
    )
    def test_right_answers_of_real_rows_score_1(self, name: str, asked: Asked, data_folder: Path) -> None:
        rows = (data_folder / "open" / name / "test.jsonl").read_text(encoding="utf-8").splitlines()[:200]
        for row in map(json.loads, rows):
            references = row.get("references") or [row["output"]]
            assert check_row(asked, references) is None
            assert mark(asked, references, references[0]).score == 1

    def test_every_tenth_answer_cut_off(self, data_folder: Path) -> None:
        rows = (data_folder / "open/atis_slots/test.jsonl").read_text(encoding="utf-8").splitlines()[:200]
        outputs: list[Any] = [json.loads(row)["output"] for row in rows]
        marks = [mark(RECORD, [text], text[:-3] if n % 10 == 0 else text) for n, text in enumerate(outputs)]
        assert sum(marked.fault is Fault.CUT_OFF for marked in marks) == 20
        assert np.mean([marked.score for marked in marks]) == pytest.approx(0.9)


def test_rows_that_every_arm_has_a_score_for() -> None:
    assert scored_everywhere([[1.0, None, 0.0, 0.5], [0.0, 1.0, 0.0, None]]) == (0, 2)
    assert scored_everywhere([]) == ()
    with pytest.raises(ValueError, match=r".+"):
        scored_everywhere([[1.0], [1.0, 0.0]])
