"""Planted faults are found and named by line; sound rows are left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from evaluation.audit import Audit, AuditBlocked, AuditFinding, NearSearch, SignOffRefused, audit_dataset
from evaluation.dataset import Dataset
from evaluation.duplicates import Vectors
from evaluation.policy import EvaluationPolicy
from evaluation.readers import read_dataset

Rows = Callable[..., Dataset]
NOUNS = ["parcel", "login", "invoice", "refund", "password", "delivery", "address", "charge", "screen", "battery"]
VERBS = ["lost", "broke", "sent", "changed", "cancelled", "ordered", "closed", "opened", "moved", "forgot"]


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def sound(count: int, start: int = 0) -> list[tuple[str, str]]:
    """Rows without a fault, two labels in turn."""
    return [
        (f"{VERBS[n % 10]} {NOUNS[n // 10 % 10]} {n * 7919 % 100003}", ("billing", "shipping")[n % 2])
        for n in range(start, start + count)
    ]


def audit(train: Dataset, test: Dataset | None = None, policy: EvaluationPolicy | None = None) -> Audit:
    return audit_dataset(train, test, policy or EvaluationPolicy(), 20, words)


def found(audit: Audit, code: str) -> AuditFinding:
    return next(finding for finding in audit.findings if finding.code == code)


def codes(audit: Audit) -> set[str]:
    return {finding.code for finding in audit.findings}


@pytest.fixture(scope="module")
def tickets() -> Audit:
    path = Path(__file__).resolve().parents[2] / "examples" / "tickets" / "tickets.jsonl"
    return audit_dataset(read_dataset(path), None, EvaluationPolicy(), 256, words)


class TestSampleTickets:
    """What is planted in examples/tickets/tickets.jsonl, and nothing else."""

    @pytest.mark.parametrize(
        ("code", "lines"),
        [
            ("AUDIT09", "62 and 327; 90 and 234"),
            ("AUDIT10", "119 and 392; 188 and 245; 302 and 314"),
            ("AUDIT11", "153 and 323; 310 and 341"),
            ("AUDIT14", "189"),
        ],
    )
    def test_lines(self, tickets: Audit, code: str, lines: str) -> None:
        assert found(tickets, code).lines == lines

    def test_nothing_stops_a_comparison(self, tickets: Audit) -> None:
        assert tickets.blockers == ()
        assert tickets.left_out == ()
        assert codes(tickets) == {"AUDIT09", "AUDIT10", "AUDIT11", "AUDIT14"}

    def test_copies_share_a_group(self, tickets: Audit) -> None:
        for one, other in ((62, 327), (90, 234), (119, 392), (188, 245), (302, 314), (153, 323), (310, 341)):
            assert tickets.groups[one - 1] == tickets.groups[other - 1]
        assert len(set(tickets.groups)) == tickets.examples - 7


def test_sound_rows_have_no_finding(rows: Rows) -> None:
    result = audit(rows(*sound(60)))
    assert result.findings == ()
    assert (result.examples, result.test_examples, result.class_sizes) == (60, None, {"billing": 30, "shipping": 30})


class TestBlockers:
    def test_too_few(self, rows: Rows) -> None:
        result = audit(rows(*sound(12)))
        assert found(result, "AUDIT01") in result.blockers
        assert found(result, "AUDIT01").message == "12 examples; a comparison needs at least 30."
        assert "AUDIT01" not in codes(audit(rows(*sound(30))))

    def test_too_few_test_rows(self, rows: Rows) -> None:
        result = audit(rows(*sound(40)), rows(*sound(29, start=100), name="test"))
        assert [finding.message for finding in result.blockers] == ["29 test examples; a comparison needs at least 30."]

    def test_one_class(self, rows: Rows) -> None:
        result = audit(rows(*((text, "billing") for text, _ in sound(40))))
        assert [finding.code for finding in result.blockers] == ["AUDIT02"]
        assert "'billing'" in result.blockers[0].message

    def test_all_labels_different(self, rows: Rows) -> None:
        result = audit(rows(*((text, f"label {number}") for number, (text, _) in enumerate(sound(40)))))
        assert [finding.code for finding in result.blockers] == ["AUDIT03"]
        assert "40 different labels in 40 examples" in result.blockers[0].message

    def test_only_one_label_large_enough(self, rows: Rows) -> None:
        labels = ["billing"] * 36 + ["shipping"] * 4
        result = audit(rows(*((text, label) for (text, _), label in zip(sound(40), labels, strict=True))))
        assert [finding.code for finding in result.blockers] == ["AUDIT03"]

    def test_two_labels_just_large_enough(self, rows: Rows) -> None:
        labels = ["billing"] * 35 + ["shipping"] * 5
        assert audit(rows(*((text, label) for (text, _), label in zip(sound(40), labels, strict=True)))).blockers == ()

    def test_too_few_groups(self, rows: Rows) -> None:
        in_groups = [(text, label, f"customer {number % 4}") for number, (text, label) in enumerate(sound(40))]
        assert [finding.code for finding in audit(rows(*in_groups)).blockers] == ["AUDIT15"]
        assert audit(rows(*in_groups, ("a fifth", "billing", "customer 5"))).blockers == ()

    def test_empty_inputs(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), ("  ", "billing"), ("", "billing")))
        assert [finding.code for finding in result.blockers] == ["AUDIT07"]
        assert found(result, "AUDIT07").lines == "41; 42"

    def test_a_test_row_in_the_training_file(self, rows: Rows) -> None:
        result = audit(
            rows(*sound(40)), rows(*sound(35, start=100), (sound(40)[6][0].upper() + "!", "billing"), name="test")
        )
        assert [finding.code for finding in result.blockers] == ["AUDIT12"]
        assert found(result, "AUDIT12").lines == "train.jsonl:7 and test.jsonl:36"

    def test_blocked_is_one_line_that_says_what_to_do(self, rows: Rows) -> None:
        error = AuditBlocked(audit(rows(*((text, "billing") for text, _ in sound(12)))))
        assert str(error) == (
            "AUDIT01 too_few_examples: 12 examples; a comparison needs at least 30. "
            "Label 18 more, better 50. (2 blockers in all)"
        )

    def test_blockers_come_first(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), ("write to me@example.org", "billing"), ("", "billing")))
        assert [finding.code for finding in result.findings] == ["AUDIT07", "AUDIT14"]


LONG = "the parcel with order number 4711 is still stuck at customs since last monday morning"


class TestWarnings:
    def test_exact_duplicates(self, rows: Rows) -> None:
        result = audit(
            rows(*sound(40), ("Hello there", "billing"), (" hello  THERE!", "billing"), ("hello there", "billing"))
        )
        assert found(result, "AUDIT09").lines == "41 and 42 and 43"
        assert found(result, "AUDIT09").message == "1 text more than once, with the same label."
        assert codes(result) == {"AUDIT09"}

    def test_near_duplicates(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), (LONG, "billing"), (LONG + " ok", "shipping")))
        assert found(result, "AUDIT10").lines == "41 and 42"
        assert found(result, "AUDIT10").message == "1 pair of nearly the same text, 1 of them with different labels."
        assert codes(result) == {"AUDIT10"}

    def test_conflicts(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), ("Hello there", "billing"), ("hello there", "shipping")))
        assert found(result, "AUDIT11").lines == "41 and 42"
        assert codes(result) == {"AUDIT11"}

    def test_near_leaks_are_left_out(self, rows: Rows) -> None:
        train = rows(*sound(40), (LONG, "billing"), (LONG.upper(), "billing"))
        result = audit(train, rows((LONG + " ok", "billing"), *sound(35, start=100), name="test"))
        assert found(result, "AUDIT13").lines == "train.jsonl:41 and test.jsonl:1; train.jsonl:42 and test.jsonl:1"
        assert found(result, "AUDIT13").message.startswith("2 training rows nearly the same as a row of the test file")
        assert result.left_out == (40, 41)
        assert result.blockers == ()

    def test_near_leaks_are_named_beside_exact_ones(self, rows: Rows) -> None:
        train = rows(*sound(40), (LONG, "billing"))
        result = audit(train, rows((LONG + " ok", "billing"), sound(1)[0], *sound(35, start=100), name="test"))
        assert found(result, "AUDIT12").lines == "train.jsonl:1 and test.jsonl:2"
        assert found(result, "AUDIT13").lines == "train.jsonl:41 and test.jsonl:1"
        assert result.left_out == (0, 40)
        assert result.twinned == (0, 1)

    def test_rows_of_a_group_that_is_tested_are_left_out(self, rows: Rows) -> None:
        train = rows(*sound(40), ("apples and pears", "billing", "customer 9"))
        result = audit(
            train, rows(("a completely different matter", "billing", "customer 9"), *sound(35, 100), name="test")
        )
        assert result.left_out == (40,)
        assert "AUDIT13" in codes(result)
        # They share a group with a test row, but not what it says.
        assert result.twinned == ()

    def test_rows_of_a_group_that_is_tested_are_named(self, rows: Rows) -> None:
        train = rows(*sound(40), ("apples and pears", "billing", "customer 9"))
        result = audit(
            train, rows(("a completely different matter", "billing", "customer 9"), *sound(35, 100), name="test")
        )
        assert "41" in found(result, "AUDIT13").lines

    def test_rows_left_out_do_not_count_as_training_rows(self, rows: Rows) -> None:
        train = rows(*sound(29), (LONG, "billing"))
        result = audit(train, rows((LONG + " ok", "billing"), *sound(35, start=100), name="test"))
        assert [finding.code for finding in result.blockers] == ["AUDIT01"]

    def test_rows_left_out_are_told_of_the_training_file_alone(self, rows: Rows) -> None:
        train = rows(*sound(29), (LONG, "billing"))
        result = audit(train, rows((LONG + " ok", "billing"), *sound(20, start=100), name="test"))
        assert [finding.message for finding in result.blockers] == [
            "29 examples, without the 1 that a test row or its group rules out; a comparison needs at least 30.",
            "21 test examples; a comparison needs at least 30.",
        ]

    def test_rows_left_out_do_not_count_for_their_label(self, rows: Rows) -> None:
        # All ten rows of shipping belong to a customer of the test file: only billing is left to learn from.
        train = rows(
            *((text, "billing") for text, _ in sound(40)),
            *((text, "shipping", "customer 9") for text, _ in sound(10, start=200)),
        )
        test = rows(("a completely different matter", "shipping", "customer 9"), *sound(35, 100), name="test")
        assert audit(train, test).blockers != ()

    def test_one_group_of_nearly_everything_blocks(self, rows: Rows) -> None:
        few = [(text, label) for text, label in sound(10, start=300)]
        result = audit(rows(*((text, label, "customer 9") for text, label in sound(90)), *few))
        assert "90 of 100 rows" in found(result, "AUDIT16").message
        assert found(result, "AUDIT16") in result.blockers

    def test_overlong_inputs(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), ("word " * 20, "billing"), ("other word " * 11, "billing")))
        assert found(result, "AUDIT08").lines == "42"
        assert "1 input longer than the 20 tokens that the model reads (longest 22)" in found(result, "AUDIT08").message

    def test_starved_classes(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), *((f"{text} again", "legal") for text, _ in sound(3, start=300))))
        assert "1 of 3 labels have fewer than 8 examples: legal (3)." in found(result, "AUDIT04").message

    def test_labels_that_only_the_test_file_has(self, rows: Rows) -> None:
        result = audit(rows(*sound(40)), rows(*sound(35, start=100), ("a letter to the court", "legal"), name="test"))
        assert "no example of legal" in found(result, "AUDIT05").message

    def test_labels_spelled_differently(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), *((f"{text} again", "Billing ") for text, _ in sound(9, start=300))))
        assert "Billing  / billing" in found(result, "AUDIT06").message

    @pytest.mark.parametrize("text", ["jo@example.org", "Write (jo.b+x@mail.example.co.uk), please", "JO@EXAMPLE.ORG"])
    def test_e_mail_addresses(self, rows: Rows, text: str) -> None:
        assert found(audit(rows(*sound(40), (text, "billing"))), "AUDIT14").lines == "41"

    @pytest.mark.parametrize("text", ["meet @ noon", "user@localhost", "price 5@10.50 each", "@someone wrote"])
    def test_not_e_mail_addresses(self, rows: Rows, text: str) -> None:
        assert "AUDIT14" not in codes(audit(rows(*sound(40), (text, "billing"))))

    def test_a_long_word_takes_no_time(self, rows: Rows) -> None:
        # 40,000 characters without a space took 2.4 s, the 100,000 that the reader allows a quarter of a minute.
        started = time.perf_counter()
        audit(rows(*sound(40), ("QUJD" * 10_000, "billing")))
        assert time.perf_counter() - started < 1

    def test_a_search_left_out_is_said(self, rows: Rows) -> None:
        few = EvaluationPolicy(most_rows_for_near_duplicates=10)
        assert audit(rows(*sound(40), (LONG, "billing"), (LONG + " ok", "billing")), policy=few).findings != ()


def test_groups_of_both_files_are_numbered_alike(rows: Rows) -> None:
    train = rows(*sound(40), (LONG, "billing"))
    test = rows((LONG + " ok", "billing"), *sound(35, start=100), name="test")
    result = audit(train, test)
    assert len(result.groups) == 41
    assert len(result.test_groups) == 36
    assert result.groups[40] == result.test_groups[0]
    assert not set(result.groups[:40]) & set(result.test_groups)


def test_an_audit_survives_being_saved(rows: Rows) -> None:
    result = audit(rows(*sound(40), ("write to me@example.org", "billing")))
    assert Audit.model_validate_json(result.model_dump_json()) == result


class TestSignOff:
    def test_a_person_may_answer_for_a_leak(self, rows: Rows) -> None:
        train = rows(*sound(40))
        leaking = audit(train, rows(*sound(40)[:1], *sound(40, start=100), name="test"))
        assert [finding.code for finding in leaking.blockers] == ["AUDIT12"]
        answered_for = leaking.signed_off_by("Jo Lead", ["AUDIT12"])
        assert answered_for.blockers == ()
        assert found(answered_for, "AUDIT12")
        assert [(sign_off.code, sign_off.by) for sign_off in answered_for.signed_off] == [("AUDIT12", "Jo Lead")]
        # The copies in the training file are still not trained on.
        assert answered_for.left_out == (0,)

    def test_nobody_can_answer_for_what_leaves_nothing_to_compare(self, rows: Rows) -> None:
        with pytest.raises(SignOffRefused, match="AUDIT01 leaves nothing to compare"):
            audit(rows(*sound(20))).signed_off_by("Jo Lead", ["AUDIT01"])

    def test_what_blocks_nothing_needs_no_name(self, rows: Rows) -> None:
        with pytest.raises(SignOffRefused, match="AUDIT12 does not block train; nothing blocks it"):
            audit(rows(*sound(40))).signed_off_by("Jo Lead", ["AUDIT12"])


class TestSecrets:
    def test_a_key_is_a_finding_of_its_own(self, rows: Rows) -> None:
        result = audit(rows(*sound(40), ("my key AKIAIOSFODNN7EXAMPLE fails", "billing")))
        assert found(result, "AUDIT18").lines == "41"
        assert "AUDIT14" not in codes(result)
        assert "AKIA" not in result.model_dump_json()


CARD, SAME_CARD = "how do I activate my card", "how can I activate my card"
"""Nearly the same, but not by letters alone."""


class TestMeaning:
    """An encoder for which texts about cards all mean the same, and others nothing in common."""

    @staticmethod
    def embed(texts: Sequence[str]) -> Vectors:
        vectors = np.eye(len(texts), len(texts) + 1, dtype=np.float32)
        for number, text in enumerate(texts):
            if "card" in text.casefold():
                vectors[number] = 0
                vectors[number, -1] = 1
        return vectors

    def audited(self, train: Dataset, test: Dataset | None = None, policy: EvaluationPolicy | None = None) -> Audit:
        return audit_dataset(train, test, policy or EvaluationPolicy(), 20, words, self.embed)

    def test_near_duplicates_say_what_found_them(self, rows: Rows) -> None:
        near = ((LONG, "billing"), (LONG + " ok", "billing"), (CARD, "billing"), (SAME_CARD, "shipping"))
        result = self.audited(rows(*sound(40), *near))
        assert found(result, "AUDIT10").message == (
            "2 pairs of nearly the same text, 1 of them with different labels, "
            "1 of them found by meaning only, not by letters."
        )
        assert found(result, "AUDIT10").lines == "41 and 42; 43 and 44"
        assert result.groups[42] == result.groups[43]

    def test_without_an_encoder_it_is_said_that_meaning_was_not_searched(self, rows: Rows) -> None:
        train = rows(*sound(40), (CARD, "billing"), (SAME_CARD, "billing"))
        alone, both = audit(train), self.audited(train)
        assert (alone.near_search, both.near_search) == (NearSearch.LETTERS, NearSearch.MEANING)
        assert "not by meaning" in alone.searched
        assert "and by meaning" in both.searched
        assert (codes(alone), codes(both)) == (set(), {"AUDIT10"})

    def test_near_leaks_are_left_out_and_say_what_found_them(self, rows: Rows) -> None:
        result = self.audited(
            rows(*sound(40), (CARD, "billing"), (LONG, "billing")),
            rows(*sound(35, start=100), (SAME_CARD, "billing"), (LONG + " ok", "billing"), name="test"),
        )
        assert found(result, "AUDIT13").message == (
            "2 training rows nearly the same as a row of the test file, or of the same group, "
            "1 of them found by meaning only, not by letters."
        )
        assert found(result, "AUDIT13").lines == "train.jsonl:41 and test.jsonl:36; train.jsonl:42 and test.jsonl:37"
        assert result.left_out == (40, 41)
        assert result.twinned == (35, 36)

    def test_pairs_that_are_kept_apart_are_counted(self, rows: Rows) -> None:
        # Five words each, four of them shared with the next: links of a chain.
        parts = [f"{chr(97 + number)}{number * 7919 % 10007:05d}{chr(97 + number)}" for number in range(16)]
        links = [(" ".join(["card", *parts[start : start + 5]]), "billing") for start in range(12)]
        result = self.audited(rows(*sound(40), *links))
        apart = [row for row in range(40, 51) if result.groups[row] != result.groups[row + 1]]
        assert apart
        assert f"but for {len(apart)} pairs that would chain" in found(result, "AUDIT10").what_to_do

    def test_the_encoder_reads_every_input_once_in_file_order(self, rows: Rows) -> None:
        asked: list[list[str]] = []

        def embed(texts: Sequence[str]) -> Vectors:
            asked.append(list(texts))
            return self.embed(texts)

        train, test = rows(*sound(40), sound(1)[0]), rows(*sound(35, start=100), name="test")
        audit_dataset(train, test, EvaluationPolicy(), 20, words, embed)
        assert asked == [[row.input for row in (*train.examples, *test.examples)]]

    def test_above_the_limit_of_rows_nothing_is_embedded(self, rows: Rows) -> None:
        def refuse(texts: Sequence[str]) -> Vectors:
            raise AssertionError(f"{len(texts)} texts embedded")

        few = EvaluationPolicy(most_rows_for_near_duplicates=40)
        result = audit_dataset(rows(*sound(41)), None, few, 20, words, refuse)
        assert result.near_search is NearSearch.NOTHING
        assert "were not searched" in result.searched
        # Forty different texts in 41 rows: letters are compared, the encoder is not asked.
        result = audit_dataset(rows(*sound(40), sound(1)[0]), None, few, 20, words, refuse)
        assert result.near_search is NearSearch.LETTERS

    def test_an_audit_survives_being_saved(self, rows: Rows) -> None:
        result = self.audited(rows(*sound(40), (CARD, "a")), rows(*sound(35, start=100), (SAME_CARD, "a"), name="test"))
        assert Audit.model_validate_json(result.model_dump_json()) == result
