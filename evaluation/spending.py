"""What asking for answers takes: foreseen before, measured after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict

from evaluation.arm import ArmSpec, Foreseen, Usage
from evaluation.trials import FinishedTrial, PlannedTrial, finished_trial

NOTHING = Foreseen(0, 0, 0, 0.0, None)


class ArmSpending(BaseModel):
    """One arm's answers. Tokens and cost are None where a server does not state them, or no price is known;
    `cost_of_thousand` is what a thousand answers like these cost. Seconds are medians of one answer."""

    model_config = ConfigDict(frozen=True)

    arm: str
    answers: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    cost_of_thousand: float | None
    serving_seconds: float
    queued_seconds: float


class Spending(BaseModel):
    """`foreseen` is what was still to be paid when the comparison began or went on; the arms' figures are of all their
    answers, whenever they were paid for. `paid_for` is False where all were given on this machine."""

    model_config = ConfigDict(frozen=True)

    paid_for: bool
    currency: str | None
    foreseen_calls: int
    foreseen_input_tokens: int
    foreseen_output_tokens: int
    foreseen_cost: float | None
    arms: tuple[ArmSpending, ...]
    terms: tuple[str, ...] = ()
    """On which the models answered: settings that a server does not take, limits."""

    @property
    def answers(self) -> int:
        return sum(arm.answers for arm in self.arms)


def foresee(planned: Sequence[PlannedTrial], folder: Path) -> Foreseen:
    """What the trials that have not run yet will take; all zeros where nothing is paid for."""
    paid = (trial for trial in planned if trial.spec.foresee is not None and finished_trial(trial, folder) is None)
    return together([_of_trial(trial) for trial in paid])


def together(parts: Sequence[Foreseen]) -> Foreseen:
    """The sum; its cost is None if that of any part is not known."""
    costs = [part.cost for part in parts]
    return Foreseen(
        sum(part.calls for part in parts),
        sum(part.input_tokens for part in parts),
        sum(part.output_tokens for part in parts),
        None if None in costs else sum(cost for cost in costs if cost is not None),
        next((part.currency for part in parts if part.currency is not None), None),
    )


def measure_spending(
    foreseen: Foreseen, finished: Sequence[FinishedTrial], specs: Sequence[ArmSpec] = ()
) -> Spending | None:
    """None where no answer states its usage. `specs` of the arms tell the terms."""
    usage: dict[str, list[Usage]] = {}
    for trial in finished:
        given = [prediction.usage for prediction in trial.predictions if prediction.usage is not None]
        if given:
            usage.setdefault(trial.trial.arm, []).extend(given)
    if not usage:
        return None
    return Spending(
        paid_for=foreseen.calls > 0 or any(spec.foresee for spec in specs),
        currency=foreseen.currency,
        foreseen_calls=foreseen.calls,
        foreseen_input_tokens=foreseen.input_tokens,
        foreseen_output_tokens=foreseen.output_tokens,
        foreseen_cost=foreseen.cost,
        arms=tuple(_of_arm(arm, answers) for arm, answers in usage.items()),
        terms=tuple(sentence for terms in dict.fromkeys(spec.terms for spec in specs) if terms for sentence in terms()),
    )


def _of_trial(trial: PlannedTrial) -> Foreseen:
    foresee_answers = trial.spec.foresee
    return foresee_answers(trial.task, trial.rows.train, trial.inputs, trial.seed) if foresee_answers else NOTHING


def _of_arm(arm: str, answers: Sequence[Usage]) -> ArmSpending:
    cost = _sum([answer.cost for answer in answers])
    read, written = _sum([each.input_tokens for each in answers]), _sum([each.output_tokens for each in answers])
    return ArmSpending(
        arm=arm,
        answers=len(answers),
        input_tokens=None if read is None else int(read),
        output_tokens=None if written is None else int(written),
        cost=cost,
        cost_of_thousand=None if cost is None else 1000 * cost / len(answers),
        serving_seconds=median(answer.serving_seconds for answer in answers),
        queued_seconds=median(answer.queued_seconds for answer in answers),
    )


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
