"""Where recorded answers came from, and what had to be assumed of them: the report says both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from evaluation.numbers import unsigned_points
from evaluation.policy import EvaluationPolicy
from evaluation.recorded import Recorded, RecordedArm
from rules.family import Family

RECORDED_ELSEWHERE = "These answers were recorded elsewhere: how they were made is not known to us."
JUDGED_BY = {
    "correct": "right or wrong as its column 'correct' says",
    "score": "with the scores of its column 'score', 0 to 1: accuracy in this report is the mean score",
    "output": "its column 'output' compared with the items' labels",
}


class Origin(BaseModel):
    """`metric` says what the mean over items is: accuracy (right or wrong) or score (0 to 1); `judged_by` is the
    column that it was read from. `costs` are means of one answer as recorded, in whatever currency."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    metric: str
    judged_by: str
    costs: dict[str, float]
    statements: tuple[str, ...]


def origin_of(recorded: Recorded, policy: EvaluationPolicy) -> Origin:
    return Origin(
        file=recorded.file,
        sha256=recorded.sha256,
        metric=recorded.metric,
        judged_by=recorded.judged_by,
        costs={arm.name: arm.cost for arm in recorded.arms if arm.cost is not None},
        statements=tuple(_statements(recorded, policy)),
    )


def estimand_of(recorded: Recorded, policy: EvaluationPolicy, *, alone: bool) -> str:
    """What the figures hold for; `alone` says whether no arm was fitted here."""
    names = "" if alone else f"Of {', '.join(arm.name for arm in recorded.arms)}: "
    if any(arm.run_deviation(policy) > 0 for arm in recorded.arms):
        holds = "every arm made again in the same way, if it then varies as is assumed below"
    else:
        holds = "these arms as they are"
    return f"{names}{RECORDED_ELSEWHERE} The figures hold for {holds}, on new items of the same kind."


def _statements(recorded: Recorded, policy: EvaluationPolicy) -> Iterator[str]:
    answers = sum(len(run) for arm in recorded.arms for run in arm.runs)
    missing = {arm.name: arm.missing for arm in recorded.arms if arm.missing}
    yield RECORDED_ELSEWHERE
    yield f"{answers - sum(missing.values()):,} answers from {recorded.file}, {JUDGED_BY[recorded.judged_by]}."
    if missing:
        counts = ", ".join(f"{name} {count:,}" for name, count in missing.items())
        yield f"Answers that are missing count as failures: {counts}."
    guessed = [arm for arm in recorded.arms if arm.family_is_guessed]
    if guessed:
        told = "; ".join(_by(guessed, lambda arm: arm.family))
        yield f"Families, and with them prices, are guessed from the names: {told}."
    yield from (f"{text}." for text in _by(recorded.arms, lambda arm: _variation(arm, policy)))


def _variation(arm: RecordedArm, policy: EvaluationPolicy) -> str:
    """How much an arm is taken to vary when it is made again, and why so much."""
    deviation = arm.run_deviation(policy)
    if deviation == 0:
        return "taken to give the same answers when run again"
    if arm.family is Family.LORA:
        why = _known(arm.train_size, "rows learnt from", "train_size")
    elif arm.family is Family.FEW_SHOT:
        why = _known(arm.demonstrations, "demonstrations", "demonstrations")
    else:
        return f"taken to vary by {unsigned_points(deviation)} when made again, as the {len(arm.runs)} runs do"
    runs = f", and the {len(arm.runs)} runs are weighed in" if len(arm.runs) > 1 else "; one run cannot show it"
    return f"taken to vary by {unsigned_points(deviation)} when made again (standard deviation), {why}{runs}"


def _known(count: int | None, what: str, column: str) -> str:
    if count is None:
        return f"the most cautious published value, as the number of {what} is not stated (column '{column}')"
    return f"as published for {count:,} {what}"


def _by(arms: Sequence[RecordedArm], trait: Callable[[RecordedArm], str]) -> list[str]:
    """`a, b: trait` for every trait that arms share."""
    names: dict[str, list[str]] = {}
    for arm in arms:
        names.setdefault(trait(arm), []).append(arm.name)
    return [f"{', '.join(same)}: {shared}" for shared, same in names.items()]
