"""Accuracy row by row, and macro-F1 worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.catalogue import (
    CORPUS_METRICS,
    EXAMPLE_METRICS,
    LABEL_SET_METRICS,
    QUESTION_METRICS,
    RECORD_METRICS,
    TEXT_METRICS,
)
from evaluation.metrics.exact_match import exact_match
from evaluation.metrics.macro_f1 import macro_f1


@pytest.mark.parametrize(("answer", "score"), [("a", 1.0), ("b", 0.0), (None, 0.0), ("A", 0.0)])
def test_exact_match(answer: str | None, score: float) -> None:
    assert exact_match("a", answer) == score


def test_the_catalogue() -> None:
    assert set(EXAMPLE_METRICS) == {"accuracy"}
    assert set(CORPUS_METRICS) == {"macro_f1"}


@pytest.mark.parametrize(
    ("table", "deciding"),
    [
        (EXAMPLE_METRICS, "accuracy"),
        (LABEL_SET_METRICS, "label_f1"),
        (RECORD_METRICS, "field_f1"),
        (QUESTION_METRICS, "token_f1"),
        (TEXT_METRICS, "rouge_l"),
    ],
)
def test_the_first_metric_of_a_table_decides(table: Mapping[str, Callable[..., float]], deciding: str) -> None:
    assert next(iter(table)) == deciding


@pytest.mark.parametrize("table", [EXAMPLE_METRICS, LABEL_SET_METRICS, RECORD_METRICS, QUESTION_METRICS, TEXT_METRICS])
def test_every_metric_states_its_range_and_scores_no_answer_as_0(table: Mapping[str, Callable[..., float]]) -> None:
    several = table is QUESTION_METRICS or table is TEXT_METRICS
    target: Any = {"a": 1} if table is RECORD_METRICS else {"a"} if table is LABEL_SET_METRICS else "#### 1"
    for metric in table.values():
        assert metric.__doc__
        assert metric([target] if several else target, None) == 0.0


@pytest.mark.parametrize(
    ("targets", "answers", "expected"),
    [
        ("ab", "ab", 1),
        ("ab", "ba", 0),
        # a: precision 2/3, recall 2/2, F1 4/5; b: 1/1, 1/2, 2/3; mean 11/15
        ("aabb", "aaab", 11 / 15),
        # a: 3/4 and 3/3 -> 6/7; b is never answered -> 0; mean 3/7, though 3 of 4 are right
        ("aaab", "aaaa", 3 / 7),
        # three labels: a 1/1 1/1 -> 1; b 1/2 1/1 -> 2/3; c 0 -> 0; mean 5/9
        ("abc", "abb", 5 / 9),
        # failures (.) cost recall: a 1/1 and 1/2 -> 2/3; b 2/2 and 2/2 -> 1; mean 5/6
        ("aabb", "a.bb", 5 / 6),
        # an answer that is no target's label (z) counts like a failure
        ("aabb", "azbb", 5 / 6),
        ("aabb", "....", 0),
    ],
)
def test_macro_f1(targets: str, answers: str, expected: float) -> None:
    given = [None if answer == "." else answer for answer in answers]
    assert macro_f1(list(targets), given) == pytest.approx([expected])


def test_weights_are_rows_drawn_several_times() -> None:
    targets, answers = list("aabb"), list("aaab")
    drawn = [3, 0, 2, 1]
    repeated = [text for text, times in zip(targets, drawn, strict=True) for _ in range(times)]
    given = [text for text, times in zip(answers, drawn, strict=True) for _ in range(times)]
    # a: 3/5 and 3/3 -> 3/4; b: 1/1 and 1/3 -> 1/2; mean 5/8
    assert macro_f1(targets, answers, np.array([drawn, [1, 1, 1, 1]], dtype=float)) == pytest.approx([5 / 8, 11 / 15])
    assert macro_f1(repeated, given) == pytest.approx([5 / 8])


def test_a_label_that_was_not_drawn_leaves_the_mean() -> None:
    # Only the a rows: 1/1 and 1/2 -> 2/3; the answer b is wrong but b is no label here.
    assert macro_f1(list("aab"), list("abb"), np.array([[1.0, 1, 0]])) == pytest.approx([2 / 3])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "c", None])), min_size=1, max_size=30))
def test_macro_f1_is_the_mean_of_the_labels_own(pairs: list[tuple[str, str | None]]) -> None:
    targets, answers = [target for target, _ in pairs], [answer for _, answer in pairs]
    f1 = []
    for label in set(targets):
        hits = sum(target == answer == label for target, answer in pairs)
        precision = hits / max(1, answers.count(label))
        recall = hits / targets.count(label)
        f1.append(0 if hits == 0 else 2 * precision * recall / (precision + recall))
    assert macro_f1(targets, answers) == pytest.approx([np.mean(f1)])
