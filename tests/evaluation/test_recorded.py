"""Answers recorded elsewhere: read whole or refused in one line, scored as they say, weighed as every other arm."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.arm import ArmSpec, Family
from evaluation.arm_names import guess_family
from evaluation.audit import AuditBlocked, audit_dataset
from evaluation.comparison import Comparison, Progress, compare
from evaluation.contrasts import arm_interval, contrast_arms
from evaluation.dataset import Dataset, Example, Task
from evaluation.decision import VerdictKind
from evaluation.items import audit_items, read_items
from evaluation.origin import RECORDED_ELSEWHERE
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns, DatasetError
from evaluation.recorded import Recorded, cheapest_first
from evaluation.recorded_reader import Reading, read_families, read_recorded
from evaluation.render.page import to_html, to_markdown
from evaluation.report import Report
from evaluation.statistics import Design

POLICY = EvaluationPolicy(posterior_draws=1000, bootstrap_resamples=100)
LABELS = ("Billing", "Technical")
ANSWERS = "answers.jsonl"
ROOT = Path(__file__).resolve().parents[2]
Rows = Sequence[dict[str, Any]]


def questions(count: int = 40) -> list[dict[str, Any]]:
    """Items that share few words; every second one is Billing."""
    return [
        {"id": f"q{row}", "input": f"{row**3 % 7919} {'xyzuvw'[row % 6] * 5} {row}", "output": LABELS[row % 2]}
        for row in range(count)
    ]


def answered(arm: str, right: Sequence[object], **more: object) -> list[dict[str, Any]]:
    return [{"id": f"q{row}", "arm": arm, "correct": value, **more} for row, value in enumerate(right)]


def marks(right: int, of: int = 40) -> list[bool]:
    return [row < right for row in range(of)]


def asked() -> tuple[Example, ...]:
    """The items, for scoring."""
    return tuple(Example(row["id"], row["input"], row["output"], 1, "items.jsonl") for row in questions())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(content: Rows | str, name: str = ANSWERS) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content))
        return path

    return make


@pytest.fixture
def items(write: Callable[..., Path]) -> Dataset:
    return read_items(write(questions(), "items.jsonl"))


@pytest.fixture
def read(write: Callable[..., Path], items: Dataset) -> Callable[..., Recorded]:
    def make(content: Rows | str, reading: Reading | None = None, name: str = ANSWERS) -> Recorded:
        return read_recorded(write(content, name), items, POLICY, reading or Reading())

    return make


@pytest.fixture
def refusal(read: Callable[..., Recorded]) -> Callable[..., str]:
    def make(content: Rows | str, reading: Reading | None = None, name: str = ANSWERS) -> str:
        with pytest.raises(DatasetError) as caught:
            read(content, reading, name)
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        assert message.endswith((".", "?", ")"))
        return message

    return make


def two_arms(**changed: object) -> list[dict[str, Any]]:
    """Forty answers of each arm; the third row (line 3) is changed, None takes a cell away."""
    rows = [*answered("base", marks(20)), *answered("lora", marks(30))]
    rows[2] = {name: value for name, value in {**rows[2], **changed}.items() if value is not None}
    return rows


class TestItems:
    def test_any_task_with_an_id(self, write: Callable[..., Path]) -> None:
        path = write([{"id": 1, "question": "Who?", "reference": ["Ada", "Lovelace"]}, {"id": 2}], "items.jsonl")
        first, second = read_items(path).examples
        assert (first.id, first.input, first.output) == ("1", "Who?", "Ada / Lovelace")
        assert (second.id, second.input, second.output, second.line) == ("2", "", "", 2)

    def test_named_columns(self, write: Callable[..., Path]) -> None:
        path = write("id;Frage;Antwort\n1;Wer?;Ada\n", "items.csv")
        (item,) = read_items(path, Columns("Frage", "Antwort")).examples
        assert (item.input, item.output) == ("Wer?", "Ada")

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ('{"input": "a"}', "items.jsonl: no column for the id among 'input'"),
            ('{"id": "a"}\n{"id": ""}', "items.jsonl, line 2, column 'id': no value"),
            ('{"id": "a"}\n{"id": "b"}\n{"id": "a"}', "items.jsonl, line 3: id 'a' is also on line 1"),
            ('{"id": "a", "input": {"x": 1}}', "line 1, column 'input': dict; expected text"),
            ('{"id": "a"}\n{"id"', "items.jsonl, line 2, position 6: not JSON"),
            ("  ", "items.jsonl is empty; expected one labelled example a row"),
        ],
    )
    def test_refusals(self, write: Callable[..., Path], content: str, says: str) -> None:
        with pytest.raises(DatasetError) as caught:
            read_items(write(content, "items.jsonl"))
        assert says in str(caught.value)

    def test_a_column_that_is_not_there(self, write: Callable[..., Path]) -> None:
        with pytest.raises(DatasetError, match="no column 'gold'; the file has 'id', 'input', 'output'"):
            read_items(write(questions(), "items.jsonl"), Columns(output="gold"))

    def test_the_audit_counts_copies_and_leaves_labels_alone(self, write: Callable[..., Path]) -> None:
        rows = [{"id": f"{row}", "input": item["input"]} for row, item in enumerate(questions(39))]
        audit = audit_items(read_items(write([*rows, {**rows[0], "id": "copy"}], "items.jsonl")), POLICY)
        assert [finding.code for finding in audit.findings] == ["AUDIT09"]
        assert "one observation" in audit.findings[0].what_to_do
        assert audit.groups[0] == audit.groups[39]
        assert len(set(audit.groups)) == 39
        assert audit.class_sizes == {}

    def test_items_without_a_text_stand_alone_or_in_their_groups(self, write: Callable[..., Path]) -> None:
        rows = [{"id": f"item-{row:04d}", "customer": f"c{row // 2}" if row < 4 else None} for row in range(40)]
        audit = audit_items(read_items(write(rows, "items.jsonl")), POLICY)
        assert audit.findings == ()
        assert len(set(audit.groups)) == 38

    def test_too_few(self, write: Callable[..., Path]) -> None:
        audit = audit_items(read_items(write(questions(12), "items.jsonl")), POLICY)
        assert [finding.code for finding in audit.blockers] == ["AUDIT01"]


class TestReading:
    def test_arms_with_what_the_file_says(self, read: Callable[..., Recorded]) -> None:
        rows = [
            *answered("plain", marks(20), family="zero_shot", model="m", cost=0.5, latency=2),
            *answered("tuned", marks(30), family="lora", train_size=900, confidence=0.7),
        ]
        recorded = read(rows)
        plain, tuned = recorded.arms
        assert (plain.name, plain.family, plain.model, plain.cost, plain.latency) == (
            "plain", Family.ZERO_SHOT, "m", 0.5, 2.0,
        )  # fmt: skip
        assert (tuned.family, tuned.model, tuned.train_size, tuned.cost) == (Family.LORA, "not stated", 900, None)
        assert not plain.family_is_guessed
        assert (recorded.judged_by, recorded.metric, recorded.is_graded) == ("correct", "accuracy", False)
        assert len(recorded.sha256) == 64

    @pytest.mark.parametrize("name", ["answers.csv", "answers.tsv"])
    def test_tables_say_the_same_as_json(self, read: Callable[..., Recorded], name: str) -> None:
        cut = "\t" if name.endswith("tsv") else ","
        lines = [cut.join(("ID", "Arm", "Correct", "error"))]
        lines += [
            cut.join((row["id"], row["arm"], "TRUE" if row["correct"] else "0", "")) for row in two_arms(correct=True)
        ]
        assert read("\n".join(lines), None, name).arms == read(two_arms()).arms

    def test_one_name_with_two_models_is_two_arms(self, read: Callable[..., Recorded]) -> None:
        rows = [*answered("base", marks(20), model="small"), *answered("base", marks(30), model="large [2]"),
                *answered("lora", marks(30), model="small")]  # fmt: skip
        recorded = read(rows)
        assert [arm.name for arm in recorded.arms] == ["base (small)", "base (large (2))", "lora"]
        chosen = read(rows, Reading({"base (small)": Family.HEAD, "base": Family.RETRIEVAL}))
        assert [arm.family for arm in chosen.arms] == [Family.HEAD, Family.RETRIEVAL, Family.LORA]

    def test_a_family_said_by_the_user_counts_most_then_the_column_then_the_name(
        self, read: Callable[..., Recorded]
    ) -> None:
        rows = [*answered("base", marks(20), family="few_shot"), *answered("lora", marks(30))]
        assert [(arm.family, arm.family_is_guessed) for arm in read(rows).arms] == [
            (Family.FEW_SHOT, False), (Family.LORA, True),
        ]  # fmt: skip
        assert read(rows, Reading({"base": Family.HEAD})).arms[0].family is Family.HEAD

    def test_runs_in_order_of_appearance(self, read: Callable[..., Recorded]) -> None:
        rows = [*answered("few_shot", marks(10), run="b"), *answered("few_shot", marks(20), run="a"),
                *answered("base", marks(5))]  # fmt: skip
        few_shot, base = read(rows).scored(asked(), POLICY)
        assert few_shot.outcomes.scores.sum(axis=1).tolist() == [10, 20]
        assert (few_shot.outcomes.fits, base.outcomes.fits) == (2, 1)

    def test_a_failure_scores_0_whatever_it_also_says(self, read: Callable[..., Recorded]) -> None:
        base, _ = read(two_arms(error="timed out")).scored(asked(), POLICY)
        assert base.outcomes.scores[0, :4].tolist() == [1, 1, 0, 1]
        assert (base.failures, base.unread, base.answers[0][2]) == (1, 0, None)

    @pytest.mark.parametrize("no_error", ["", False, "false"])
    def test_no_error_is_none(self, read: Callable[..., Recorded], no_error: object) -> None:
        assert read(two_arms(error=no_error)).scored(asked(), POLICY)[0].failures == 0

    def test_a_failure_needs_no_judgement(self, read: Callable[..., Recorded]) -> None:
        assert read(two_arms(correct=None, error="refused")).judged_by == "correct"

    def test_missing_answers_count_as_failures_only_if_asked_to(self, read: Callable[..., Recorded]) -> None:
        rows = two_arms()[:-3]
        recorded = read(rows, Reading(missing_as_failures=True))
        _, lora = recorded.scored(asked(), POLICY)
        assert [arm.missing for arm in recorded.arms] == [0, 3]
        assert (lora.failures, lora.outcomes.scores.sum()) == (3, 30)

    def test_scores_are_taken_where_correct_is_not_whole(self, read: Callable[..., Recorded]) -> None:
        rows = [{**row, "score": 0.25} for row in two_arms()]
        assert read(rows).judged_by == "correct"
        del rows[5]["correct"]
        recorded = read(rows)
        assert (recorded.judged_by, recorded.metric, recorded.is_graded) == ("score", "score", True)

    def test_texts_are_compared_with_the_labels(self, read: Callable[..., Recorded]) -> None:
        said = ["Billing", " technical. ", "Technical", "no idea", ""]
        rows = [
            {"id": f"q{row}", "arm": arm, "output": said[row] if row < 5 else LABELS[row % 2]}
            for arm in ("base", "lora")
            for row in range(40)
        ]
        recorded = read(rows)
        base, _ = recorded.scored(asked(), POLICY)
        assert recorded.judged_by == "output"
        assert base.outcomes.scores[0, :6].tolist() == [1, 1, 0, 0, 0, 1]
        assert base.answers[0][:5] == ("Billing", "Technical", "Technical", None, None)
        assert (base.unread, base.failures, base.answers_are_labels) == (2, 0, True)


class TestRefusals:
    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            ({"id": "q99"}, "line 3: there is no item 'q99' in items.jsonl; expected ids such as 'q0'"),
            ({"id": None}, "line 3, column 'id': no value"),
            ({"arm": " "}, "line 3, column 'arm': no value"),
            ({"arm": "a\x1b[31m"}, "line 3, column 'arm': 'a\\x1b[31m'; expected a name of up to 100 printable"),
            ({"correct": 0.5}, "line 3, column 'correct': '0.5'; expected 0 or 1 (a grade in between is a 'score')"),
            ({"correct": "maybe"}, "line 3, column 'correct': 'maybe'; expected 0 or 1"),
            ({"score": 85}, "line 3, column 'score': 85; expected a number from 0 to 1"),
            ({"score": "good"}, "line 3, column 'score': 'good'; expected a number from 0 to 1"),
            ({"family": "lore"}, "line 3, column 'family': 'lore'; expected one of zero_shot, few_shot"),
            ({"cost": -1}, "line 3, column 'cost': -1; expected a number, 0 or more"),
            ({"latency": "nan"}, "line 3, column 'latency': nan; expected a number, 0 or more"),
            ({"confidence": 1.5}, "line 3, column 'confidence': 1.5; expected a number from 0 to 1"),
            ({"train_size": 2.5}, "line 3, column 'train_size': 2.5; expected a whole number"),
            ({"output": ["a"]}, "line 3, column 'output': list; expected text"),
            ({"output": "\ud800"}, "line 3, column 'output': half of a surrogate pair"),
            ({"correct": None}, "line 3, column 'correct': no value, though 79 other rows have one; expected 0 or 1"),
            ({"id": "q1"}, "line 3: arm 'base' answers item 'q1' on line 2 already, in the same run (0)"),
        ],
    )
    def test_a_bad_row(self, refusal: Callable[..., str], changed: dict[str, object], says: str) -> None:
        message = refusal(two_arms(**changed))
        assert message.startswith("answers.jsonl, ")
        assert says in message

    def test_all_bad_rows_are_counted(self, refusal: Callable[..., str]) -> None:
        rows = [{**row, "correct": "x"} for row in two_arms()]
        assert refusal(rows).endswith("(80 bad rows in all)")
        assert refusal([{**row, "id": "elsewhere"} for row in two_arms()]).endswith("(80 such rows in all).")

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "answers.jsonl is empty; expected one recorded answer a row"),
            ("{", 'expected one object a line, such as {"id": "...", "arm": "...", "output": "..."}'),
            ('{"id": "q1", "correct": 1}', "answers.jsonl: no column arm among 'id', 'correct'"),
            ('{"id": "q1", "arm": "base"}', "answers.jsonl: no column correct or score or output among 'id', 'arm'"),
            ('{"id": "q1", "arm": "base", "Arm": "x", "correct": 1}', "line 1: the column 'Arm' is there twice"),
        ],
    )
    def test_a_bad_file(self, refusal: Callable[..., str], content: str, says: str) -> None:
        assert says in refusal(content)

    def test_missing_answers_with_counts(self, refusal: Callable[..., str]) -> None:
        message = refusal(two_arms()[5:-3])
        assert "answers are missing: base 5 of 40, lora 3 of 40" in message
        assert "items.jsonl" in message
        assert "--missing-as-failures" in message

    def test_a_run_with_fewer_items_misses_answers(self, refusal: Callable[..., str]) -> None:
        rows = [*two_arms(), *answered("base", marks(10, 10), run=1)]
        assert "base 30 of 80" in refusal(rows)

    def test_an_arm_of_two_families(self, refusal: Callable[..., str]) -> None:
        rows = [{**row, "family": "head"} for row in two_arms()]
        rows[7]["family"] = "lora"
        assert "line 8: arm 'base' is of family lora here and head on line 1" in refusal(rows)

    def test_a_name_that_tells_no_family(self, refusal: Callable[..., str]) -> None:
        message = refusal([*answered("mystery", marks(20)), *answered("lora", marks(30))])
        assert "'mystery'; add a column 'family', or say it: --family 'mystery'=FAMILY" in message

    def test_a_family_for_no_arm(self, refusal: Callable[..., str]) -> None:
        assert "has the arms 'base', 'lora'" in refusal(two_arms(), Reading({"bass": Family.HEAD}))

    @pytest.mark.parametrize("option", ["base", "base=", "=lora", "base=lore"])
    def test_a_family_option_that_is_none(self, option: str) -> None:
        with pytest.raises(DatasetError, match="expected NAME=FAMILY"):
            read_families([option])
        assert read_families(["a=b=lora"]) == {"a=b": Family.LORA}

    def test_free_texts_cannot_be_compared(self, write: Callable[..., Path]) -> None:
        rows = [
            {**row, "output": f"answer {number}" if number % 8 else "yes"} for number, row in enumerate(questions())
        ]
        items = read_items(write(rows, "items.jsonl"))
        answers = [{"id": row["id"], "arm": arm, "output": "yes"} for arm in ("base", "lora") for row in rows]
        with pytest.raises(DatasetError, match=r"40 items have 36 different targets; add a column 'correct'"):
            read_recorded(write(answers), items, POLICY)
        rows[3]["output"] = ""
        items = read_items(write(rows, "items.jsonl"))
        with pytest.raises(DatasetError, match=r"items.jsonl:4: item 'q3' has no target"):
            read_recorded(write(answers), items, POLICY)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("zero_shot", Family.ZERO_SHOT), ("0_shot", Family.ZERO_SHOT), ("base", Family.ZERO_SHOT),
        ("closedBook", Family.ZERO_SHOT), ("prompt_optimised_n10", Family.ZERO_SHOT),
        ("few_shot_k5", Family.FEW_SHOT), ("3-shot", Family.FEW_SHOT), ("10 demos", Family.FEW_SHOT),
        ("base+rag", Family.RETRIEVAL), ("retrieved_examples_k10", Family.RETRIEVAL), ("knn_k5", Family.RETRIEVAL),
        ("logistic head", Family.HEAD), ("linear_probe", Family.HEAD),
        ("QLoRA-r16", Family.LORA), ("sft+rag", Family.LORA), ("bert_finetuned", Family.LORA),
        ("fine-tuned gpt", Family.LORA), ("raft+rag", Family.LORA),
        ("inContext", None), ("explorative", None), ("draft", None), ("gpt-4", None),
    ],
)  # fmt: skip
def test_a_family_guessed_from_a_name(name: str, family: Family | None) -> None:
    assert guess_family(name) is family


class TestStatistics:
    """Against values worked out by hand."""

    def test_two_single_runs(self, read: Callable[..., Recorded]) -> None:
        # 9 items only lora has right, 1 only base; 40 items, so 8 / 40 = 0.2 apart.
        base = [*[False] * 9, True, *[True] * 30]
        lora = [*[True] * 9, False, *[True] * 30]
        rows = [*answered("base", base), *answered("head", lora)]
        arms = cheapest_first(read(rows).scored(asked(), POLICY), POLICY)
        (contrast,) = contrast_arms(arms, Design(np.arange(40), 1.0, 4.0), POLICY)
        assert (contrast.first, contrast.second) == ("head", "base")
        assert contrast.difference == pytest.approx(0.2)
        assert (contrast.first_only, contrast.second_only) == (9, 1)
        # exact two-sided 2 * (1 + 10) / 2^10, less the point probability 10 / 2^10
        assert contrast.p_value == pytest.approx(12 / 1024)
        assert contrast.run_variance == 0
        assert "Tango" in contrast.method

    def test_two_runs_of_a_prompt(self, read: Callable[..., Recorded]) -> None:
        rows = [*answered("base", marks(30)), *answered("few_shot", marks(40), run=0),
                *answered("few_shot", marks(30), run=1)]  # fmt: skip
        arms = read(rows).scored(asked(), POLICY)
        (contrast,) = contrast_arms(arms, Design(np.arange(40), 1.0, 4.0), POLICY)
        assert contrast.difference == pytest.approx(0.125)
        # Between runs (1 - .75)^2 / 2 = .03125, of which 10 of 40 rows with variance .5 explain .125 / 40 = .003125;
        # with the prior of 6 points (4 * .0036 + .028125) / 5 = .008505; two runs halve it.
        assert contrast.run_variance == pytest.approx(0.0042525)
        # d is 0 on 30 rows and .5 on 10: variance (30 * .125^2 + 10 * .375^2) / 39 / 40
        assert contrast.item_variance == pytest.approx(1.875 / 39 / 40)

    def test_graded_scores_have_t_intervals(self, read: Callable[..., Recorded]) -> None:
        rows = [{"id": f"q{row}", "arm": arm, "score": score} for arm, score in (("base", 0.2), ("head", 0.6))
                for row in range(40)]  # fmt: skip
        rows[0]["score"] = 0.6
        arms = read(rows).scored(asked(), POLICY)
        design = Design(np.arange(40), 1.0, 4.0)
        (contrast,) = contrast_arms(arms, design, POLICY)
        assert contrast.difference == pytest.approx(0.4 * 39 / 40)
        # 39 rows are .4 apart and one 0: variance (39 * .01^2 + .39^2) / 39 / 40, above the floor of 1 / 1600 not
        assert contrast.item_variance == pytest.approx(1 / 1600)
        assert "t interval" in contrast.method
        assert arm_interval(arms[1], design, 0.95).high < 0.7

    @pytest.mark.parametrize(
        ("arm", "more", "deviation"),
        [
            ("lora", {}, 0.042),
            ("lora", {"train_size": 1000}, 0.017),
            ("lora", {"train_size": 5000}, 0.006),
            ("few_shot", {}, 0.06),
            ("few_shot", {"demonstrations": 20}, 0.04),
            ("zero_shot", {}, 0.0),
            ("rag", {}, 0.0),
            ("head", {"train_size": 10}, 0.0),
        ],
    )
    def test_what_is_taken_for_the_spread_between_fits(
        self, read: Callable[..., Recorded], arm: str, more: dict[str, object], deviation: float
    ) -> None:
        recorded = read([*answered(arm, marks(20), **more), *answered("base", marks(20))])
        assert recorded.arms[0].run_deviation(POLICY) == deviation

    def test_a_prompt_that_varies_more_than_its_rows_explain(self, read: Callable[..., Recorded]) -> None:
        def of(*runs: Sequence[bool]) -> float:
            rows = [row for run, right in enumerate(runs) for row in answered("base", right, run=run)]
            return read([*rows, *answered("lora", marks(20))]).arms[0].run_deviation(POLICY)

        assert of(marks(20), marks(20)) == 0
        assert of(marks(20), marks(20)[::-1]) == 0
        # as above: .03125 - .003125
        assert of(marks(40), marks(30)) == pytest.approx(0.028125**0.5)


@pytest.fixture
def report(items: Dataset, read: Callable[..., Recorded], tmp_path: Path) -> Callable[..., Report]:
    def make(content: Rows, **changed: Any) -> Report:
        alone = Comparison(
            items, None, Task(items.labels), None, None, (), POLICY, 1, tmp_path / "trials", recorded=read(content)
        )
        return compare(replace(alone, **changed), audit_items(items, POLICY), Progress())

    return make


class TestReport:
    def test_recorded_arms_alone(self, report: Callable[..., Report]) -> None:
        rows = [*answered("lora", marks(39), model="m"), *answered("base", marks(5), model="m")]
        made = report(rows)
        assert [arm.name for arm in made.arms] == ["base", "lora"]
        assert (made.verdict.kind, made.verdict.arm) == (VerdictKind.FINE_TUNE, "lora")
        assert made.split.tested == 40
        assert (made.split.train_size, made.provenance.trials) == (0, {})
        assert made.provenance.base_models == {"m": "not known"}
        assert made.origin is not None
        assert made.origin.sha256 != made.provenance.dataset_sha256
        assert (made.origin.file, made.origin.metric) == (ANSWERS, "accuracy")
        assert made.arms[0].macro_f1 is None
        assert made.verdict.prior.endswith("no published pattern fits")
        assert Report.model_validate_json(made.model_dump_json()) == made

    def test_says_where_answers_came_from_and_what_was_assumed(self, report: Callable[..., Report]) -> None:
        made = report([*answered("lora", marks(39)), *answered("base", marks(5))])
        for text in (to_html(made), to_markdown(made)):
            assert RECORDED_ELSEWHERE in text
            assert "guessed from the names: lora: lora; base: zero_shot" in text
            assert "lora: taken to vary by 4.2 points" in text
            assert "number of rows learnt from is not stated" in text
            assert "base: taken to give the same answers when run again" in text
            assert "Not every way states its model" in text
            assert "acro-F1" not in text
            assert "to learn from" not in text
            assert "fine-tuning runs with different seeds" not in text
            assert made.origin is not None
            assert made.origin.sha256[:16] in text

    def test_a_score_is_called_a_score(self, report: Callable[..., Report]) -> None:
        rows = [{"id": f"q{row}", "arm": arm, "score": score, "output": f"text of {arm}"}
                for arm, score in (("base", 0.25), ("rag", 0.75)) for row in range(40)]  # fmt: skip
        made = report(rows)
        assert made.origin is not None
        assert made.origin.metric == "score"
        assert "| arm | score |" in to_markdown(made)
        assert ">Score</th>" in to_html(made)
        assert "mean score of" in to_html(made)
        assert "0.25 text of base" in to_html(made)

    def test_rows_where_scores_differ(self, report: Callable[..., Report]) -> None:
        rows = [*answered("base", marks(20), output="one"), *answered("rag", marks(30), output="another")]
        made = report(rows)
        assert made.disagreements_in_all == 10
        assert made.disagreements[0].scores == {"base": 0.0, "rag": 1.0}
        assert "✗ one" in to_html(made)
        assert "✓ another" in to_html(made)

    def test_labels_have_macro_f1(self, report: Callable[..., Report]) -> None:
        rows = [{"id": f"q{row}", "arm": arm, "output": LABELS[row % 2] if row < right else "?"}
                for arm, right in (("base", 20), ("rag", 30)) for row in range(40)]  # fmt: skip
        made = report(rows)
        assert made.arms[0].unread == 20
        # half of each label answered and never wrongly: F1 2 * 10 / (20 + 10)
        assert made.arms[0].macro_f1 == pytest.approx(2 / 3)
        assert "Macro-F1" in to_html(made)

    def test_the_same_file_gives_the_same_report(self, report: Callable[..., Report]) -> None:
        rows = [*answered("lora", marks(30)), *answered("base", marks(25)), *answered("rag", marks(28))]
        first, second = report(rows), report(rows)
        assert first.model_dump(exclude={"times"}) == second.model_dump(exclude={"times"})

    def test_one_arm_is_no_comparison(self, report: Callable[..., Report]) -> None:
        with pytest.raises(ValueError, match="at least two"):
            report(answered("base", marks(20)))

    def test_too_few_items(self, write: Callable[..., Path], tmp_path: Path) -> None:
        items = read_items(write(questions(12), "items.jsonl"))
        rows = [row for row in two_arms() if int(row["id"][1:]) < 12]
        recorded = read_recorded(write(rows), items, POLICY)
        comparison = Comparison(items, None, Task(()), None, None, (), POLICY, 1, tmp_path, recorded=recorded)
        with pytest.raises(AuditBlocked, match="12 examples; a comparison needs at least 30"):
            compare(comparison, audit_items(items, POLICY), Progress())

    def test_recorded_arms_beside_arms_that_are_fitted_here(
        self, guessing: Callable[..., ArmSpec], write: Callable[..., Path], tmp_path: Path
    ) -> None:
        labelled = [{**row, "input": f"{row['input']} = {row['output']}"} for row in questions(120)]
        items = read_items(write(labelled, "items.jsonl"))
        rows = answered("prompted elsewhere", marks(110, 120), model="large")
        recorded = read_recorded(write(rows), items, POLICY)
        specs = [guessing(Family.ZERO_SHOT, 0.5), guessing(Family.LORA, 0.6)]
        comparison = Comparison(
            items, None, Task(items.labels), None, None, specs, POLICY, 1, tmp_path / "trials", recorded=recorded
        )
        audit = audit_dataset(items, None, POLICY, 256, lambda texts: [1] * len(texts))
        made = compare(comparison, audit, Progress())
        assert [arm.name for arm in made.arms] == ["zero_shot", "prompted elsewhere", "lora"]
        assert (made.verdict.kind, made.verdict.arm) == (VerdictKind.KEEP, "prompted elsewhere")
        assert made.arm("prompted elsewhere").accuracy == pytest.approx(110 / 120)
        assert made.arm("prompted elsewhere").macro_f1 is None
        assert made.arm("zero_shot").macro_f1 is not None
        assert (made.split.design, len(made.provenance.trials)) == ("cross_fit", 10)
        assert set(made.provenance.base_models) == {"none", "large"}
        assert "to learn from in the smallest fit" in to_html(made)
        assert made.verdict.estimand.startswith(f"Of prompted elsewhere: {RECORDED_ELSEWHERE}")


class TestRealAnswers:
    """Of language models, if the data folder is there: read as they are, scored as their notes say."""

    @pytest.fixture
    def folder(self, data_folder: Path) -> Path:
        if not (data_folder / "recorded").is_dir():
            pytest.skip(f"no recorded answers in {data_folder}")
        return data_folder / "recorded"

    @pytest.mark.parametrize("name", ["css_emotion", "hotpotqa_llama3.2_1b", "spider_qwen2.5coder_7b"])
    def test_accuracies_are_those_of_the_notes(self, folder: Path, name: str) -> None:
        notes = json.loads((folder / name / "notes.json").read_text())
        items = read_items(folder / name / "items.jsonl", Columns(output="reference"))
        recorded = read_recorded(folder / name / "predictions.jsonl", items, POLICY)
        scored = recorded.scored(items.examples, POLICY)
        assert [arm.accuracy for arm in scored] == pytest.approx([arm["accuracy"] for arm in notes["arms"]], abs=1e-4)
        assert recorded.judged_by == "correct"

    def test_grades_are_taken_where_not_all_are_right_or_wrong(self, folder: Path) -> None:
        home = folder / "physics_openstax_mistral_7b"
        items = read_items(home / "items.jsonl", Columns(output="reference"))
        recorded = read_recorded(home / "predictions.jsonl", items, POLICY)
        notes = json.loads((home / "notes.json").read_text())
        means = [arm.accuracy for arm in recorded.scored(items.examples, POLICY)]
        assert recorded.metric == "score"
        assert means == pytest.approx([arm["mean_score"] for arm in notes["arms"]], abs=1e-3)

    def test_arms_that_answered_other_items_are_refused(self, folder: Path) -> None:
        home = folder / "tool_calls_llama3.1_8b"
        items = read_items(home / "items.jsonl", Columns(output="reference"))
        with pytest.raises(DatasetError, match="answers are missing: base 20 of 58"):
            read_recorded(home / "predictions.jsonl", items, POLICY)

    def test_parts_of_the_items_do_not_contradict_the_whole(self, folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "benchmarks/recorded.py", str(folder.parent), "--quick"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        counts = [int(count) for count in re.findall(r"20 draws, \d+ firm, (\d+) contradictions", done.stdout)]
        assert len(counts) == 2
        assert sum(counts) <= 1, done.stdout
