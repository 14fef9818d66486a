"""Answers that somebody already has, as arms of a comparison: nothing is trained, nothing is asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from evaluation.arm import ArmSpec
from evaluation.dataset import Example
from evaluation.policy import EvaluationPolicy
from evaluation.prior import GainPrior, gain_prior
from evaluation.scoring import ScoredArm
from evaluation.statistics import GradedOutcomes, Outcomes, Scores
from rules.family import Family

NOT_STATED = "not stated"
BY_LABEL = "output"
"""The column of answers that are compared with the labels; the others bring their own scores."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One arm's answer to one item in one run, judged: 0 to 1. A failure scores 0.

    `text` is the label that was read from it, None if it names none; where answers came with their scores, the text
    as recorded.
    """

    score: float
    text: str | None
    failed: bool = False


@dataclass(frozen=True)
class RecordedArm:
    """`runs` hold the answer to every item by its id. `missing` of the failures were not recorded at all.

    `train_size` and `demonstrations` are the rows that the arm learnt from and was shown, None where nobody says;
    `cost` and `latency` (seconds) are means of one answer.
    """

    name: str
    family: Family
    family_is_guessed: bool
    model: str
    runs: tuple[Mapping[str, Answer], ...]
    missing: int = 0
    train_size: int | None = None
    demonstrations: int | None = None
    cost: float | None = None
    latency: float | None = None

    def run_deviation(self, policy: EvaluationPolicy) -> float:
        """Standard deviation of accuracy between fits, before these runs are seen (protocol 1.4).

        Of families that vary, the largest published one where nobody says what the arm learnt from or was shown. The
        others have none; if such an arm was run several times and varies all the same, its own spread is taken.
        """
        published = policy.run_deviation(self.family, self.train_size or 0, self.demonstrations or 0)
        if published > 0 or len(self.runs) == 1:
            return published
        return _spread(np.array([[answer.score for answer in run.values()] for run in self.runs]))


@dataclass(frozen=True)
class Recorded:
    """One file of answers; `judged_by` is the column that they were judged by: `correct`, `score` or `output`."""

    file: str
    sha256: str
    judged_by: str
    arms: tuple[RecordedArm, ...]

    @property
    def metric(self) -> str:
        """What the mean over items is called."""
        return "score" if self.judged_by == "score" else "accuracy"

    @cached_property
    def is_graded(self) -> bool:
        """Whether any answer is neither right nor wrong."""
        return any(answer.score not in (0.0, 1.0) for arm in self.arms for run in arm.runs for answer in run.values())

    def scored(self, items: Sequence[Example], policy: EvaluationPolicy) -> list[ScoredArm]:
        """Every arm on these items, in the file's order."""
        return [self._scored(arm, items, policy) for arm in self.arms]

    def gain_prior(self, labels: int, best_cheap: float, *, form_of_answers: bool = False) -> GainPrior:
        """Of a fine-tune. If answers are no labels, or nobody says what it learnt from, no pattern of labels fits."""
        sizes = [arm.train_size for arm in self.arms if arm.family.is_fine_tune and arm.train_size]
        if not sizes or self.judged_by != BY_LABEL:
            return gain_prior(1, 0, best_cheap, form_of_answers=form_of_answers)
        return gain_prior(labels, min(sizes), best_cheap, form_of_answers=form_of_answers)

    def _scored(self, arm: RecordedArm, items: Sequence[Example], policy: EvaluationPolicy) -> ScoredArm:
        runs = [[run[item.id] for item in items] for run in arm.runs]
        scores: Scores = np.array([[answer.score for answer in run] for run in runs])
        outcomes = GradedOutcomes if self.is_graded else Outcomes
        by_label = self.judged_by == BY_LABEL
        without_label = sum(answer.text is None and not answer.failed for run in runs for answer in run)
        return ScoredArm(
            spec=_spec(arm),
            outcomes=outcomes(scores, np.zeros(len(items), dtype=np.int64), arm.run_deviation(policy)),
            answers=tuple(tuple(answer.text for answer in run) for run in runs),
            failures=sum(answer.failed for run in runs for answer in run),
            unread=without_label if by_label else 0,
            train_size=arm.train_size or 0,
            fit_seconds=0.0,
            total_seconds=0.0,
            milliseconds_per_item=1000 * (arm.latency or 0.0),
            answers_are_labels=by_label,
        )


def cheapest_first(arms: Sequence[ScoredArm], policy: EvaluationPolicy) -> list[ScoredArm]:
    """In the order that a decision expects: by price, then by family, then as given."""
    families = list(Family)
    return sorted(arms, key=lambda arm: (policy.price(arm.spec.family), families.index(arm.spec.family)))


def _spread(scores: Scores) -> float:
    """Standard deviation between runs, less what their rows explain; 0 where runs differ by no more than that."""
    between = scores.mean(axis=1).var(ddof=1) - scores.var(axis=0, ddof=1).mean() / scores.shape[1]
    return float(np.sqrt(max(0.0, between)))


def _spec(arm: RecordedArm) -> ArmSpec:
    """Quotes keep a sentence that starts with the name from changing its first letter."""
    return ArmSpec(
        name=arm.name, title=f'"{arm.name}"', family=arm.family, randomness=arm.family.randomness,
        base_model=arm.model, determined_by={}, build=_never, load=_never, prepare=_never,
        demonstrations=arm.demonstrations or 0,
    )  # fmt: skip


def _never(*_: Any) -> NoReturn:
    raise NotImplementedError("A recorded arm is not fitted, loaded or asked again: its answers are given.")
