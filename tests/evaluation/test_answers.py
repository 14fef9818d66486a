"""What counts as an answer: labels in sentences and out of them, whole JSON, numbers, and saying that there is none."""

from __future__ import annotations

import json
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.answers import (
    NO_ANSWER,
    Fault,
    Unread,
    abstains,
    find_label,
    labels_of_row,
    read_json,
    read_label,
    read_labels,
    read_number,
    read_record,
    read_short_answer,
    read_text,
)

LABELS = ("Billing", "Lost parcel", "no. 5", "US", "us")


def fault_of(answer: object) -> Fault | None:
    return answer.fault if isinstance(answer, Unread) else None


class TestBareLabels:
    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("Billing", "Billing"),
            ("billing", "Billing"),
            ("  BILLING.\n", "Billing"),
            ("lost   PARCEL", "Lost parcel"),
            ("lost_parcel", "Lost parcel"),
            ("No. 5.", "no. 5"),
            ("US", "US"),
            ("us", "us"),
            ("Us", None),  # could be either
            ("Billing!", "Billing"),
            ("**Billing**", "Billing"),
            ('"Billing".', "Billing"),
            ("- `Billing`", "Billing"),
            ("1. Billing", "Billing"),
            ("label: <Billing>", "Billing"),
            ("It is Billing", "Billing"),
            ("Billing or Lost parcel", None),
            ("Billing dispute", None),
            ("Rechnung", None),
            ("", None),
            (".", None),
            (None, None),
        ],
    )
    def test_read_label(self, text: str | None, label: str | None) -> None:
        assert read_label(text, LABELS) == label

    @given(st.lists(st.text(max_size=6), unique=True, max_size=6), st.text(max_size=8))
    def test_only_labels_come_out_and_every_label_names_itself(self, labels: list[str], text: str) -> None:
        assert read_label(text, labels) in {None, *labels}
        assert all(read_label(label, labels) == label for label in labels)

    @given(
        st.sampled_from(LABELS), st.sampled_from(["Label: {}", "The category is **{}**.", "`{}`", '{{"label": "{}"}}'])
    )
    def test_every_label_is_read_from_what_is_put_around_it(self, label: str, around: str) -> None:
        assert read_label(around.format(label), LABELS) == label


class TestLabelsInWords:
    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("The category is: **Billing**.", "Billing"),
            ("Label: Billing\n\nExplanation: charged twice, unlike Lost parcel.", "Billing"),
            ("**Category:** lost parcel", "Lost parcel"),
            ("Kategorie: Billing", "Billing"),
            ("Sure! Here is the label: Billing", "Billing"),
            ("I would classify this message as Lost parcel because it never came.", "Lost parcel"),
            ("This belongs to the Billing category.", "Billing"),
            ("The best answer for this text would be Billing - two charges.", "Billing"),
            ("Billing. The customer was charged twice.", "Billing"),
            ("Billing\n\nThe customer was charged twice.", "Billing"),
            ("The customer was charged twice.\n\nBilling", "Billing"),
            ("This is a **Billing** issue.", "Billing"),
            ("<think>Billing? No, Lost parcel.</think>\nBilling", "Billing"),
            ("assistant\n\nBilling", "Billing"),
            ("The category is Billing, not Lost parcel.", "Billing"),
            ("The category is Billing, because no lost parcel is meant.", "Billing"),
        ],
    )
    def test_clear(self, text: str, label: str) -> None:
        assert read_label(text, LABELS) == label

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("The category is Billing or Lost parcel.", Fault.SEVERAL_LABELS),
            ("Answer: Billing, Lost parcel", Fault.SEVERAL_LABELS),
            ("Label: Billing\nLabel: Lost parcel", Fault.SEVERAL_LABELS),
            ("Billing\nLost parcel", Fault.SEVERAL_LABELS),
            ("The answer is Us.", Fault.SEVERAL_LABELS),
            ("The category is not Billing.", Fault.UNKNOWN_LABEL),
            ("I do not think that the category is Billing.", Fault.UNKNOWN_LABEL),
            ("The category is Billing dispute.", Fault.UNKNOWN_LABEL),
            ("This is not a **Billing** issue.", Fault.UNKNOWN_LABEL),
            ("**Billing** or rather **Lost parcel**", Fault.SEVERAL_LABELS),
            ("The customer asks about Billing and a parcel.", Fault.UNKNOWN_LABEL),
            ("The category is Refund.", Fault.UNKNOWN_LABEL),
            ("Tut mir leid, das weiß ich nicht.", Fault.UNKNOWN_LABEL),
            ("<think>It must be Billing", Fault.CUT_OFF),
            ("<think>Billing</think>", Fault.EMPTY),
            ("  ", Fault.EMPTY),
        ],
    )
    def test_not_clear(self, text: str, fault: Fault) -> None:
        assert fault_of(find_label(text, LABELS)) is fault

    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("not entailment", "not_entailment"),
            ("The answer is not entailment.", "not_entailment"),
            ("Entailment. The premise says so.", "entailment"),
            ("There is no entailment.", None),
        ],
    )
    def test_a_label_inside_another(self, text: str, label: str | None) -> None:
        assert read_label(text, ("entailment", "not_entailment")) == label

    @pytest.mark.parametrize(
        ("text", "label"), [("No, they were not.", "no"), ("Yes. They were.", "yes"), ("yes and no", None)]
    )
    def test_yes_and_no(self, text: str, label: str | None) -> None:
        assert read_label(text, ("yes", "no")) == label

    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("(C) Friction: it does not conserve energy.", "C"),
            ("The correct answer is: B. Dot product", "B"),
            ("It is equal to (B) Force.", "B"),
            ("A force acts on the body.", None),
            ("(A) Newton, (B) Joule", None),
            ("(C) is not right.", None),
        ],
    )
    def test_letters(self, text: str, label: str | None) -> None:
        assert read_label(text, tuple("ABCD")) == label

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ('{"label": "billing"}', "Billing"),
            ('```json\n{"Category": "Billing", "reason": "not Lost parcel"}\n```', "Billing"),
            ('{"answer": "The label is Billing."}', "Billing"),
            ('["Billing"]', "Billing"),
            ('["Billing", "Lost parcel"]', Fault.SEVERAL_LABELS),
            ('{"label": "Billing", "category": "US"}', Fault.SEVERAL_LABELS),
            ('{"label": null}', Fault.UNKNOWN_LABEL),
            ('{"text": "Billing"}', Fault.UNKNOWN_LABEL),
            ('{"label": "Bil', Fault.CUT_OFF),
        ],
    )
    def test_json(self, text: str, read: str | Fault) -> None:
        found = find_label(text, LABELS)
        assert (fault_of(found) or found) == read


class TestRecordedAnswers:
    @pytest.mark.parametrize(
        "name", ["banking77_qwen3_1.7b", "clinc150_llama3.2_1b", "css_emotion", "dutch_stance_gpt"]
    )
    def test_bare_labels_are_judged_as_they_were_recorded(self, name: str, data_folder: Path) -> None:
        lines = (data_folder / "recorded" / name / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        labels = sorted({row["reference"] for row in rows})
        judged = Counter((row["output"], row["reference"], row["correct"]) for row in rows)
        assert all((read_label(text, labels) == target) is correct for text, target, correct in judged)

    def test_choices_in_sentences(self, data_folder: Path) -> None:
        """Of 76 answers, 25 of them plain prose, 54 name their choice clearly. Seven that name the right letter were
        recorded as wrong; the other way round none may be."""
        lines = (data_folder / "recorded/physics_openstax_mistral_7b/predictions.jsonl").read_text(encoding="utf-8")
        rows = [row for row in map(json.loads, lines.splitlines()) if row["id"].startswith("mcq")]
        read = [(read_label(row["output"], tuple("ABCD")), row["reference"], row["correct"]) for row in rows]
        assert sum(letter is not None for letter, _, _ in read) == 54
        assert not [row for row in read if row[2] and row[0] not in (None, row[1])]
        assert sum(letter == target and not correct for letter, target, correct in read) == 7


class TestSeveralLabels:
    MOODS = ("joy", "anger", "fear, mild", "neutral")

    @pytest.mark.parametrize(
        ("text", "labels"),
        [
            ("joy; anger", {"joy", "anger"}),
            ("Labels: Joy, anger", {"joy", "anger"}),
            ("- joy\n- anger", {"joy", "anger"}),
            ('["joy", "anger"]', {"joy", "anger"}),
            ('{"labels": ["joy"], "reason": "glad"}', {"joy"}),
            ("joy", {"joy"}),
            ("fear, mild; joy", {"fear, mild", "joy"}),
            ("joy and anger", {"joy", "anger"}),
            ("joy; bliss", {"joy", "bliss"}),  # a label that does not exist counts as a wrong one
            ("[]", set()),
            ("None", set()),
        ],
    )
    def test_read(self, text: str, labels: set[str]) -> None:
        assert read_labels(text, self.MOODS) == labels

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("bliss", Fault.UNKNOWN_LABEL),
            ("", Fault.EMPTY),
            ('["joy", "ang', Fault.CUT_OFF),
            ('{"joy": true}', Fault.UNKNOWN_LABEL),
            ("[1, 2]", Fault.UNKNOWN_LABEL),
        ],
    )
    def test_unread(self, text: str, fault: Fault) -> None:
        assert fault_of(read_labels(text, self.MOODS)) is fault

    def test_of_a_row(self) -> None:
        assert labels_of_row("joy; fear, mild ;joy") == ("joy", "fear, mild")
        assert labels_of_row('["joy", "fear; mild"]') == ("joy", "fear; mild")
        assert labels_of_row("[]") == ()
        with pytest.raises(ValueError, match="expected labels as a JSON list of texts"):
            labels_of_row("[1, 2]")
        with pytest.raises(ValueError, match="expected labels as a JSON list of texts"):
            labels_of_row('["joy"')


class TestJson:
    @pytest.mark.parametrize(
        "text",
        [
            '{"city": ["Bonn"]}',
            '  {"city": ["Bonn"]}\n',
            '```json\n{"city": ["Bonn"]}\n```',
            'Here it is:\n```\n{"city": ["Bonn"]}\n```\nI hope that {this} helps.',
            'The record {as asked} is {"city": ["Bonn"]} and nothing else.',
            '{"city": ["Bonn"]} {"city": ["Bonn"]}',
            '<think>{"city": []}</think>{"city": ["Bonn"]}',
            '```json\n{"city": ["Bonn"]}',
        ],
    )
    def test_one_record(self, text: str) -> None:
        assert read_record(text) == {"city": ["Bonn"]}

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ('{"city": ["Bonn"', Fault.CUT_OFF),
            ('{"city": ["Bo', Fault.CUT_OFF),
            ('{"city": {"name": "Bonn"}, "zip":', Fault.CUT_OFF),  # the whole object inside is not the answer
            ('```json\n{"city": tr', Fault.CUT_OFF),
            ('{"city": "Bonn",', Fault.CUT_OFF),
            ('{"city": "Bonn",}', Fault.NOT_JSON),
            ('{\'city\': {"name": "Bonn"}}', Fault.NOT_JSON),
            ("{city: Bonn}", Fault.NOT_JSON),
            ('{"city": NaN}', Fault.NOT_JSON),
            ('{"city": "Bonn", "city": "Ulm"}', Fault.REPEATED_KEY),
            ('{"city": "Bonn"} or {"city": "Ulm"}', Fault.SEVERAL_RECORDS),
            ('{"zip": 1} {"zip": true}', Fault.SEVERAL_RECORDS),
            ('["Bonn"]', Fault.NOT_A_RECORD),
            ("Bonn", Fault.NOT_JSON),
            ("[" * 100_000, Fault.NOT_JSON),
            ('{"zip": ' + "1" * 5000 + "}", Fault.NOT_JSON),
            ("", Fault.EMPTY),
            (None, Fault.EMPTY),
        ],
    )
    def test_what_is_not_whole_is_not_read(self, text: str | None, fault: Fault) -> None:
        assert fault_of(read_record(text)) is fault

    def test_where_it_is_at_fault(self) -> None:
        assert read_record('{"city": "Bonn", "city": "Ulm"}') == Unread(Fault.REPEATED_KEY, "'city'")
        assert read_record('{"city": "Bonn",}') == Unread(Fault.NOT_JSON, "character 17")

    def test_a_list(self) -> None:
        assert read_json('[{"tool": "f"}]') == [{"tool": "f"}]
        assert read_json('[Note] {"tool": "f"}') == {"tool": "f"}

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=8,
        ).map(lambda value: {"value": value}),
        st.data(),
    )
    def test_whole_it_is_read_and_cut_anywhere_it_is_not(self, record: dict[str, Any], data: st.DataObject) -> None:
        text = json.dumps(record)
        assert read_record(text) == record
        cut = read_record(text[: data.draw(st.integers(1, len(text) - 1))])
        assert fault_of(cut) in (Fault.CUT_OFF, Fault.NOT_JSON)


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("First 2 * 3 = 6.\n#### 42", 42),
            ("#### 1,000", 1000),
            ("#### -3.50", Decimal("-3.5")),
            ("I think 7.\nThe answer is $18.", 18),
            (r"So \boxed{1234} it is, not 5.", 1234),
            ("He has 3 + 4 = 7 apples.", 7),
            ("In the end there are 12 apples.", 12),
            ("a = 20 / 5 = 4 m/s^2", 4),
            ("10kg", 10),
            ("#### 5\nNo, wait.\n#### 6", 6),
            ("45%", 45),
        ],
    )
    def test_read(self, text: str, number: int | Decimal) -> None:
        assert read_number(text) == number

    @pytest.mark.parametrize("text", ["Between 3 and 4.", "no idea", "It is 9/2.", "1.2.3", "x^2", "5 apples\nDone."])
    def test_unclear(self, text: str) -> None:
        assert fault_of(read_number(text)) is Fault.NO_NUMBER

    def test_of_solutions(self, data_folder: Path) -> None:
        rows = (data_folder / "open/gsm8k/test.jsonl").read_text(encoding="utf-8").splitlines()
        for output in (json.loads(row)["output"] for row in rows):
            assert str(read_number(output)) == output.rpartition("#### ")[2].replace(",", "")


class TestLongTexts:
    @pytest.mark.parametrize(
        "text",
        [
            "a" + " " * 60_000 + "b",
            "<think>" * 9_000,
            "(" * 60_000,
            "category: " * 6_000,
            '{"a":' * 12_000,
            "Billing, " * 7_000,
        ],
        ids=["blanks", "thoughts", "brackets", "announcements", "objects", "labels"],
    )
    def test_are_read_in_time(self, text: str) -> None:
        started = time.process_time()
        for read in (read_record, read_number, abstains, lambda text: find_label(text, LABELS)):
            read(text)
        assert time.process_time() - started < 5


class TestWords:
    def test_text(self) -> None:
        assert read_text(" <think>one\ntwo</think>\n It is three. ") == "It is three."
        assert read_text("the thought began in the prompt</think>three") == "three"
        assert fault_of(read_text("<think>one")) is Fault.CUT_OFF

    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("Bonn", "Bonn"),
            ("The text names two towns.\n**Answer:** Bonn", "Bonn"),
            ("Final answer: **Bonn**", "Bonn"),
            ("Answer:", "Answer:"),
            ("My answer: it depends", "My answer: it depends"),
        ],
    )
    def test_short_answer(self, text: str, answer: str) -> None:
        assert read_short_answer(text) == answer

    @pytest.mark.parametrize(
        "text",
        [
            NO_ANSWER,
            "no_answer.",
            "**No answer**",
            "Answer: NO_ANSWER",
            "I don't know.",
            "I’m sorry, but I cannot answer this question.",
            "The passage does not mention a price.",
            "The information provided does not include the total assets.",
            "This is not stated in the given context.",
            "There is no information about her marriage.",
            "N/A",
        ],
    )
    def test_abstains(self, text: str) -> None:
        assert abstains(text)

    @pytest.mark.parametrize(
        "text",
        [
            "Bonn",
            "None",
            "The price is not known to have changed.",
            "We do not collect information about children.",
            "He said: I will answer.",
            "In 1990. The contract ran on. The passage does not say how long.",
            "",
            None,
        ],
    )
    def test_does_not_abstain(self, text: str | None) -> None:
        assert not abstains(text)

    def test_no_right_answer_is_taken_for_an_abstention(self, data_folder: Path) -> None:
        for name in ("covidqa", "policyqa", "xquad_en", "financebench", "arxiv_ml_qa"):
            rows = (data_folder / "open" / name / "test.jsonl").read_text(encoding="utf-8").splitlines()
            for row in map(json.loads, rows):
                assert not [text for text in row.get("references", [row["output"]]) if abstains(text)]

    def test_refusals_that_people_marked(self, data_folder: Path) -> None:
        rows = (data_folder / "recorded/financebench/predictions.jsonl").read_text(encoding="utf-8").splitlines()
        marks = Counter((row["label"], abstains(row["output"])) for row in map(json.loads, rows))
        refused = marks["Refusal", True] + marks["Refusal", False]
        assert marks["Refusal", True] / refused > 0.85
        assert marks["Correct Answer", True] / (marks["Correct Answer", True] + marks["Correct Answer", False]) < 0.02
