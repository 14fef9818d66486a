"""What users would see at the temperature of production: the recommended arm asked the same several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.arm import Foreseen, Prediction
from evaluation.consistency import Consistency, Measure, Repeated, compare_consistency, measure_consistency
from evaluation.dataset import Task
from evaluation.metrics.marking import mark
from evaluation.scoring import ScoredArm, asked_of
from evaluation.spending import NOTHING, together
from evaluation.splits import Split
from evaluation.statistics import Design
from evaluation.trials import FITTED, FinishedTrial

CALLS: Final = 10
"""To each item and temperature: as in the experiment of source 000."""
MOST_ITEMS: Final = 30


class Span(BaseModel):
    """A mean over items, or a difference of two, with its interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float


class Agreement(BaseModel):
    """How ten answers to one item agree, at one temperature, or the difference of two temperatures.

    `unanimous` is the share of items with ten equal answers, `agreement` the chance that asking again gives the same.
    Where answers are labels, `single_call` is the accuracy of one call and `majority` that of the most frequent answer.
    """

    model_config = ConfigDict(frozen=True)

    setting: str
    unanimous: Span
    agreement: Span
    single_call: Span | None
    majority: Span | None


class Repetition(BaseModel):
    """One arm, asked `calls` times about each of `items`; `difference` is the first temperature less the second."""

    model_config = ConfigDict(frozen=True)

    arm: str
    items: int
    calls: int
    settings: tuple[Agreement, ...]
    difference: Agreement | None


@dataclass(frozen=True)
class AskedAgain:
    """Which arm is asked again, about which of the tested rows (`drawn`, in order), at which temperatures; `folder`
    keeps its trials."""

    arm: ScoredArm
    temperatures: Sequence[float]
    finished: Sequence[FinishedTrial]
    split: Split
    task: Task
    folder: Path
    drawn: Sequence[int]

    def foreseen(self) -> Foreseen:
        """What is still to be paid: calls whose answers are not kept, each as dear as the arm's answers were before.
        All zeros for an arm whose answers cost nothing but time."""
        foresee = self.arm.spec.foresee_repeat
        if foresee is None:
            return NOTHING
        missing = together([
            foresee(home, texts, temperature, CALLS)
            for temperature in self.temperatures
            for home, _, texts in self.fits()
        ])  # fmt: skip
        usage, calls = self.arm.usage, missing.calls
        read, written = ([getattr(one, name) or 0 for one in usage] for name in ("input_tokens", "output_tokens"))
        costs = [one.cost for one in usage if one.cost is not None]
        return Foreseen(
            calls,
            round(calls * float(np.mean(read or [0]))),
            round(calls * float(np.mean(written or [0]))),
            calls * float(np.mean(costs)) if costs else None,
            missing.currency,
        )

    def fits(self) -> Iterator[tuple[Path, list[int], list[str]]]:
        """Each saved fit of the arm's first run, with the positions and texts of the drawn rows that it answers."""
        for trial in self.finished:
            here = [position for position in trial.rows.tested if position in self.drawn]
            if trial.trial.arm == self.arm.spec.name and trial.trial.run == 0 and here:
                yield (
                    self.folder / trial.trial.key / FITTED, here,
                    [self.split.tested[position].input for position in here],
                )  # fmt: skip


def draw_items(split: Split, rng: np.random.Generator) -> list[int]:
    """At most thirty positions of the tested rows, in order."""
    return sorted(rng.permutation(len(split.tested))[:MOST_ITEMS].tolist())


def ask_again(again: AskedAgain, confidence: float) -> Repetition | None:
    """Asks about each drawn item ten times; None for an arm that cannot be asked again."""
    if again.arm.spec.repeat is None or not again.temperatures:
        return None
    drawn = again.drawn
    clusters = np.array([again.split.clusters[position] for position in drawn])
    design = Design(clusters, inflation=1.0, prior_degrees_of_freedom=0.0)
    asked = [_at(again, temperature) for temperature in again.temperatures]
    targets = [again.split.tested[position].output for position in drawn] if again.task.has_one_label else None
    differ = compare_consistency(asked[0], asked[1], design, targets) if len(asked) > 1 else None
    return Repetition(
        arm=again.arm.spec.name,
        items=len(drawn),
        calls=CALLS,
        settings=tuple(_agreement(one.setting, measure_consistency(one, design, targets), confidence) for one in asked),
        difference=_agreement(f"{asked[0].setting} less {asked[1].setting}", differ, confidence) if differ else None,
    )


def _at(again: AskedAgain, temperature: float) -> Repeated:
    repeat, asked = again.arm.spec.repeat, asked_of(again.task)
    assert repeat is not None
    answers: dict[int, tuple[str | None, ...]] = {}
    for home, here, texts in again.fits():
        given = repeat(home, texts, temperature, CALLS)
        for position, predictions in zip(here, given, strict=True):
            accepted = again.split.tested[position].accepted
            answers[position] = tuple(mark(asked, accepted, _text(one)).answer for one in predictions)
    return Repeated(f"temperature {temperature:g}", tuple(answers[position] for position in again.drawn))


def _text(prediction: Prediction) -> str | None:
    return None if prediction.error is not None else prediction.output


def _agreement(setting: str, measured: Consistency, confidence: float) -> Agreement:
    def span(measure: Measure | None) -> Span | None:
        if measure is None:
            return None
        interval = measure.interval(confidence)
        return Span(value=measure.estimate.value, low=interval.low, high=interval.high)

    unanimous, agreement = span(measured.unanimous), span(measured.agreement)
    assert unanimous is not None
    assert agreement is not None
    return Agreement(
        setting=setting, unanimous=unanimous, agreement=agreement,
        single_call=span(measured.single_call), majority=span(measured.majority),
    )  # fmt: skip
