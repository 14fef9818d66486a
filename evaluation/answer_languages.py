"""Answers that are not in the language of the examples' answers: scored as they stand, but never in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from evaluation.dataset import Task
from evaluation.languages import FEWEST_ROWS, SMALLEST_SHARE, Languages, find_languages
from evaluation.metrics.language import in_another_language
from evaluation.scoring import ScoredArm
from evaluation.splits import Split

OF_TEXT: Final = ("question_answering", "generation")
"""Kinds of task whose answers are texts."""
MOST_ROWS_READ: Final = 2_000
"""Of the test; with four arms some five seconds. Of more rows an even sample is read."""
NEARLY_ALL: Final = 0.9
"""From this share of one language it is expected of rows whose own example is too short to show one."""


class OtherLanguage(BaseModel):
    """Of one arm's first run: how many of `answers` are surely not in the language of their row's example.

    `given` counts them by language (ISO 639 code), the most frequent first; `expected` is the language of most
    examples.
    """

    model_config = ConfigDict(frozen=True)

    arm: str
    answers: int
    count: int
    given: dict[str, int]
    expected: str


def find_other_languages(arms: Sequence[ScoredArm], split: Split, task: Task) -> tuple[OtherLanguage, ...]:
    """Of every arm with at least three such answers that are 1% of those read; empty where answers are no texts, or the
    examples do not show their language (names, numbers)."""
    if task.kind not in OF_TEXT:
        return ()
    rows = range(0, len(split.tested), max(1, -(-len(split.tested) // MOST_ROWS_READ)))
    examples = [split.tested[row].output for row in rows]
    answers = [[arm.answers[0][row] or "" for row in rows] for arm in arms]
    # Together: few texts of one language do not show by themselves which of its neighbours it is.
    found = find_languages([*examples, *(answer for given in answers for answer in given)])
    expected, main = _expected(found, len(examples))
    if main is None:
        return ()
    told = []
    for number, (arm, given) in enumerate(zip(arms, answers, strict=True), start=1):
        codes = found.of[number * len(rows) : (number + 1) * len(rows)]
        others = Counter(str(codes[row]) for row in in_another_language(codes, expected))
        if others.total() >= max(FEWEST_ROWS, SMALLEST_SHARE * len(rows)):
            told.append(
                OtherLanguage(
                    arm=arm.spec.name, answers=sum(map(bool, given)), count=others.total(),
                    given=dict(others.most_common()), expected=main,
                )
            )  # fmt: skip
    return tuple(told)


def _expected(found: Languages, rows: int) -> tuple[list[str | None], str | None]:
    """The language of each row's example, and that of most; None where an example does not show it."""
    own = list(found.of[:rows])
    known = Counter(code for code in own if code is not None)
    if known.total() < FEWEST_ROWS:
        return own, None
    main, count = known.most_common(1)[0]
    if count >= NEARLY_ALL * known.total():
        own = [code or main for code in own]
    return own, main
