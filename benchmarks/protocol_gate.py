"""Criterion 6: the gate before and after training, what it loses and what it saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.protocol_evidence import ASSUMED, KNOWN, SHIPPED, Deviations, design_of, generator, scored_arms
from benchmarks.protocol_figures import Effort, Figure, Measured
from benchmarks.worlds import FAMILIES, draw, project, scored, truths
from evaluation.arm import Family
from evaluation.contrasts import arm_interval, contrast_arms
from evaluation.decision import Evidence, decide
from evaluation.gate import Stakes, Step, Trainings, after_one_seed, before_training
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.prior import GainPrior, gain_prior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, estimate_difference


class Task(NamedTuple):
    """A kind of project: a fine-tune's gain over retrieval as it truly is, and what is believed of it, given the best
    cheap accuracy."""

    mean: float
    deviation: float
    prior: Callable[[float], GainPrior]


HOUSE_STYLE = GainPrior(0.15, 0.10, "an output format of its own")
"""Protocol 3.10; the advisor compares classifications only and so has no such row."""
TASKS = {
    "many labels, few examples": Task(-0.12, 0.08, lambda cheap: gain_prior(77, 300, cheap)),
    "few labels": Task(0.03, 0.06, lambda cheap: gain_prior(6, 300, cheap)),
    "unknown": Task(0.0, 0.08, lambda cheap: gain_prior(20, 300, cheap)),
    "big gain": Task(0.15, 0.08, lambda _: HOUSE_STYLE),
}
UNFORESEEN = {"big gain, not foreseen": Task(0.15, 0.08, lambda cheap: gain_prior(20, 300, cheap))}
PRICES = EvaluationPolicy(price_retrieval=0.005, worthwhile_gain=0.015, posterior_draws=2000)
"""Retrieval must earn half a point and a fine-tune two, as in the reference simulation."""
SEED_COST, CHEAP_STAGE = 10.0, 5.0
"""Of one training and of all cheap arms. A point is worth five trainings: one training costs 0.2 points."""


def gate(effort: Effort) -> Measured:
    """What stopping early loses against always training all seeds, and saves; 200 test rows, three seeds at most."""
    times = effort.times(600, 60)
    regret, extra, cost = _spent(TASKS, KNOWN, times)
    noise = 2 * max(regret.errors.values()) if effort.quick else 0.0
    mean, many = {"mean of the four": float(np.mean(list(regret.means.values())))}, next(iter(TASKS))
    refs = ("0.54 / 0.43 / 0.44 / 0.23", "0.14 / -0.01 / 0.00 / 0.07", "14 / 71 / 67 / 50")
    yield Figure(f"regret against the oracle, 200 rows; {KNOWN}", mean, "0.41", at_most=0.006, slack=noise)
    yield Figure("the same by kind of task", regret.means, refs[0])
    yield Figure("regret above that of always training all seeds", extra.means, refs[1], at_most=0.002, slack=noise)
    yield Figure("cost, in % of always training all seeds", {many: cost.means[many]}, "14", at_most=0.25)
    yield Figure("the same by kind of task", cost.means, refs[2], at_most=0.80)
    others = () if effort.quick else ((TASKS, SHIPPED), (UNFORESEEN, KNOWN), (UNFORESEEN, SHIPPED))
    for tasks, assumed in others:
        regret, extra, cost = _spent(tasks, assumed, times)
        yield Figure(f"regret against the oracle; {assumed}", regret.means)
        yield Figure("regret above that of always training all seeds", extra.means)
        yield Figure("cost, in % of always training all seeds", cost.means)


class Spread(NamedTuple):
    """Mean and standard error for each kind of task."""

    means: dict[str, float]
    errors: dict[str, float]


def _spent(tasks: Mapping[str, Task], assumed: str, times: int) -> list[Spread]:
    """The gate's regret, its regret less that of training all seeds, and its cost."""
    drawn = {
        name: np.array([_project(generator(6, each), task, ASSUMED[assumed]) for each in range(times)])
        for name, task in tasks.items()
    }
    return [
        Spread(
            {name: float(cells[:, column].mean()) for name, cells in drawn.items()},
            {name: float(cells[:, column].std() / np.sqrt(times)) for name, cells in drawn.items()},
        )
        for column in range(3)
    ]


def _project(rng: np.random.Generator, task: Task, deviations: Deviations) -> tuple[float, float, float]:
    """One project: the gate's regret, how much more it is than with all seeds trained, and its share of their cost."""
    accuracies, rows = project(rng, task.mean, task.deviation), 200
    arms, design = scored_arms(draw(rng, rows, truths(accuracies)), deviations), design_of(rows)
    worth = [accuracy - PRICES.price(family) for family, accuracy in zip(FAMILIES, accuracies, strict=True)]
    *cheap, tuned = arms
    best = max(cheap, key=lambda arm: arm.accuracy - PRICES.price(arm.spec.family))
    prior = task.prior(best.accuracy)
    trained = _gated(tuned, best, design, prior, deviations[Family.LORA])
    seeds = len(trained[0].outcomes.scores) if trained else 0

    def regret(of: Sequence[ScoredArm]) -> float:
        beliefs = believe(of, design, prior, PRICES, rng)
        verdict = decide(Evidence(of, contrast_arms(of, design, PRICES), beliefs, prior, rows), PRICES)
        return max(worth) - worth[[family.value for family in FAMILIES].index(verdict.arm)]

    exhaustive = regret(arms)
    gated = exhaustive if seeds == 3 else regret([*cheap, *trained])
    return gated, gated - exhaustive, (CHEAP_STAGE + seeds * SEED_COST) / (CHEAP_STAGE + 3 * SEED_COST)


def _gated(tuned: ScoredArm, best: ScoredArm, design: Design, prior: GainPrior, deviation: float) -> list[ScoredArm]:
    """The fine-tune with as many seeds as the gate lets through, or nothing."""
    margin = PRICES.margin(tuned.spec.family, best.spec.family)
    trainings, stakes = Trainings(len(design.clusters), deviation), Stakes(margin, SEED_COST, 5 * SEED_COST)
    high = arm_interval(best, design, PRICES.confidence).high
    if before_training(best.accuracy, high, prior, trainings, stakes).decision is Step.SKIP:
        return []
    one = scored(tuned.spec.family, tuned.outcomes.scores[:1], deviation)
    measured = estimate_difference(one.outcomes, best.outcomes, design)
    step = after_one_seed(measured, one.accuracy, prior, trainings, stakes).decision
    return [tuned if step is Step.GO_ON else one]
