"""Scores on test rows that have a twin among the training rows, beside scores on the others.

A twin is a training row with the same text, or nearly the same. No fit learns from it: training rows that repeat a test
row are left out, also where somebody answers for the exact ones by name. What stays to be asked is whether rows with a
twin are easier all the same (a text that comes twice is seldom a hard one), whether that favours one arm, and what
arms have seen that were trained elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from evaluation.audit import Audit
from evaluation.contrasts import arm_interval, contrast_arms
from evaluation.numbers import percent, points
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm, statistics_design
from evaluation.splits import Split
from evaluation.statistics import Design


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Measured(_Record):
    """An accuracy (0..1), or a difference of two, with its two-sided interval."""

    value: float
    low: float
    high: float

    def minus(self, other: Measured) -> Measured:
        """The difference from a figure on other rows; its interval from the two (Newcombe 1998, Statistics in Medicine
        17:873, method 10; Zou and Donner 2008, same journal 27:1693). One fit behind both makes it too wide."""
        value = self.value - other.value
        return Measured(
            value=value,
            low=value - math.hypot(self.value - self.low, other.high - other.value),
            high=value + math.hypot(self.high - self.value, other.value - other.low),
        )

    @property
    def is_zero(self) -> bool:
        """Whether zero lies in the interval."""
        return self.low <= 0 <= self.high


class SideBySide(_Record):
    """One figure on rows with a twin and on the others, and the first less the second."""

    twinned: Measured
    others: Measured
    difference: Measured


class LeakageEffect(_Record):
    """`twinned` test rows have a twin among the training rows, `others` have none; `left_out` training rows are in no
    fit for that reason. `arms` gives each arm's accuracy, `leads` that of the recommended arm less each other's; both
    are empty where every test row has a twin. `text` says it in words."""

    twinned: int
    others: int
    left_out: int
    arms: dict[str, SideBySide]
    leads: dict[str, SideBySide]
    text: str


def leakage_effect(
    arms: Sequence[ScoredArm],
    split: Split,
    audit: Audit,
    recommended: str,
    policy: EvaluationPolicy,
    recorded: Collection[str] = (),
) -> LeakageEffect | None:
    """Compare scores on the tested rows that the audit calls twinned with those on the others; None where there are
    none, as in every comparison without a test file.

    Intervals are those of the report (protocol 7.5): Wilson's or Tango's for one deterministic run on independent rows,
    else the two-way t interval. `recorded` names the arms that were not fitted here.
    """
    if not audit.twinned:
        return None
    design = statistics_design(split, policy)
    has_twin = np.isin(np.arange(len(split.tested)), audit.twinned)
    parts = [part for part in (has_twin, ~has_twin) if part.any()]
    accuracies: dict[str, SideBySide] = {}
    leads: dict[str, SideBySide] = {}
    if len(parts) == 2:
        accuracies = _beside(*(_accuracies(arms, design, part, policy) for part in parts))
        leads = _beside(*(_leads(arms, design, part, recommended, policy) for part in parts))
    said = [
        _how_many(audit, len(has_twin)),
        *_how_easy(accuracies.get(recommended), _title(arms, recommended)),
        *_whom_it_favours({_title(arms, name): lead for name, lead in leads.items()}),
        *_trained_elsewhere([_title(arms, name) for name in recorded]),
    ]
    twinned = int(has_twin.sum())
    return LeakageEffect(
        twinned=twinned,
        others=len(has_twin) - twinned,
        left_out=len(audit.left_out),
        arms=accuracies,
        leads=leads,
        text=" ".join(said),
    )


def _accuracies(
    arms: Sequence[ScoredArm], design: Design, part: NDArray[np.bool_], policy: EvaluationPolicy
) -> dict[str, Measured]:
    found = {}
    for arm in _on(arms, part):
        interval = arm_interval(arm, _within(design, part), policy.confidence)
        found[arm.spec.name] = Measured(value=arm.accuracy, low=interval.low, high=interval.high)
    return found


def _leads(
    arms: Sequence[ScoredArm], design: Design, part: NDArray[np.bool_], recommended: str, policy: EvaluationPolicy
) -> dict[str, Measured]:
    """Of the recommended arm over each other, by the other's name."""
    found = {}
    for contrast in contrast_arms(_on(arms, part), _within(design, part), policy):
        if recommended in (contrast.first, contrast.second):
            lead = contrast if contrast.first == recommended else contrast.reversed()
            found[lead.second] = Measured(value=lead.difference, low=lead.low, high=lead.high)
    return found


def _on(arms: Sequence[ScoredArm], part: NDArray[np.bool_]) -> list[ScoredArm]:
    return [
        replace(
            arm, outcomes=replace(arm.outcomes, scores=arm.outcomes.scores[:, part], folds=arm.outcomes.folds[part])
        )
        for arm in arms
    ]


def _within(design: Design, part: NDArray[np.bool_]) -> Design:
    return replace(design, clusters=design.clusters[part])


def _beside(twinned: dict[str, Measured], others: dict[str, Measured]) -> dict[str, SideBySide]:
    return {
        name: SideBySide(twinned=figure, others=others[name], difference=figure.minus(others[name]))
        for name, figure in twinned.items()
    }


def _title(arms: Sequence[ScoredArm], name: str) -> str:
    return next(arm.spec.title for arm in arms if arm.spec.name == name)


def _how_many(audit: Audit, rows: int) -> str:
    twinned, left_out = len(audit.twinned), len(audit.left_out)
    left = "1 training row was" if left_out == 1 else f"{left_out:,} training rows were"
    signed = [sign_off.by for sign_off in audit.signed_off if sign_off.code == "AUDIT12"]
    copies = f" That includes the exact copies that {signed[0]} answers for." if signed else ""
    has = "has" if twinned == 1 else "have"
    return (
        f"{twinned:,} of {rows:,} test rows {has} a twin in the training file: a row with the same text, or nearly the "
        f"same. {left} left out of every fit for that reason, or as rows of a tested group.{copies}"
    )


def _how_easy(figures: SideBySide | None, title: str) -> list[str]:
    if figures is None:
        return ["No test row is without a twin: nothing can be set beside these scores."]
    gap = figures.difference
    if gap.is_zero:
        means = "no difference that these rows can show"
    else:
        means = "such rows are easier for it" if gap.value > 0 else "such rows are harder for it"
    return [
        f"With {title}, {_with_interval(figures.twinned)} of them are right and {_with_interval(figures.others)} of "
        f"the others, {points(gap.value)} ({points(gap.low)} to {points(gap.high)}): {means}."
    ]


def _whom_it_favours(leads: Mapping[str, SideBySide]) -> list[str]:
    moved = {title: lead for title, lead in leads.items() if not lead.difference.is_zero}
    if leads and not moved:
        return ["Its lead over each other way is the same on both, as far as these rows can show."]
    return [
        f"Its lead over {title} is {points(lead.twinned.value)} on rows with a twin and {points(lead.others.value)} on "
        "the others; expect the second."
        for title, lead in moved.items()
    ]


def _trained_elsewhere(titles: Sequence[str]) -> list[str]:
    if not titles:
        return []
    return [
        f"Nothing here left rows out of {', '.join(titles)}: if trained on the training file, that way has seen these "
        "texts with their labels, and only its score on the others counts."
    ]


def _with_interval(figure: Measured) -> str:
    return f"{percent(figure.value)} ({percent(figure.low)} to {percent(figure.high)})"
