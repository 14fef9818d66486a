"""How often the rule says fine-tune in simulated worlds whose truth is known; writes the table in docs/results.md.

Splits, planned trials, scoring, contrasts and decision are those of a real comparison; only the answers are simulated.
Resumable: finished cells are kept in benchmarks/results/power.json and counted again when policy, seed or repetitions
change (delete the file after any other change of the rule). With --quick a tiny run that writes nothing.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from adapters.catalogue import ARMS, Entry
from evaluation.arm import ArmSpec, Family, Prediction
from evaluation.contrasts import contrast_arms
from evaluation.dataset import Dataset, Example, Task
from evaluation.decision import Evidence, VerdictKind, decide
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import Beliefs, gain_prior
from evaluation.provenance import source_sha256
from evaluation.scoring import ScoredArm, score_arm, statistics_design
from evaluation.splits import Split, given_split, split_dataset
from evaluation.statistics import wilson_interval
from evaluation.trials import FinishedTrial, PlannedTrial, Trial, plan_trials

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "power.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- power: begin -->", "<!-- power: end -->"
SEED, REPETITIONS, QUICK_REPETITIONS = 20261120, 2000, 5

POLICY, TASK = EvaluationPolicy(), Task(("a", "b", "c", "d"))
COMPARED = ("zero_shot", "few_shot", "nearest", "lora")
TRUE_DEVIATIONS = {Family.FEW_SHOT: 0.03, Family.LORA: 0.02}
"""Between fits, in accuracy: those of the protocol's reference simulation (7.6). The rule does not know them."""
DIFFICULTY, OWN = 1.6, 1.3
"""Standard deviations, in logits, of what a row does to every arm and to one arm, as in tests/evaluation."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(81)
UNKNOWN = Beliefs((0.0,) * 4, (0.25,) * 4, (0.0,) * 4)
"""Beliefs only order the provisional verdicts; what is counted here is fine-tune or not."""


@dataclass(frozen=True)
class World:
    """`accuracies` are the true ones, in the order of COMPARED."""

    truth: str
    rows: int
    accuracies: tuple[float, ...]


NULL = (0.70, 0.78, 0.82, 0.82)
WORLDS = (
    *(World("no better", rows, NULL) for rows in (60, 150, 300)),
    World("8 points better", 300, (0.62, 0.70, 0.78, 0.86)),
    World("12 points better", 150, (0.55, 0.65, 0.74, 0.86)),
)
DESIGNS = {"cross-fitted, one seed a fold": None, "given test file, 3 seeds": 300, "given test file, 5 seeds": 200}
"""Training rows beside a test file: 256 or more get three seeds, fewer get five."""
DECIDED_BY = ("the rule", "highest mean")


def main() -> None:
    """Count what is missing, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few repetitions, nothing written")
    quick = parser.parse_args().quick
    repetitions = QUICK_REPETITIONS if quick else REPETITIONS
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() and not quick else {}
    determined_by = {"repetitions": repetitions, "seed": SEED, "policy_sha256": POLICY.sha256()}
    for world in WORLDS:
        for design in DESIGNS:
            key = _key(world, design)
            if any(results.get(key, {}).get(name) != value for name, value in determined_by.items()):
                results[key] = {**determined_by, **_count(world, design, repetitions), "source_sha256": source_sha256()}
                if not quick:
                    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{key}: " + ", ".join(f"{by} {_share(results[key], by)}" for by in DECIDED_BY), flush=True)
    if not quick:
        _write_table(results)


def _key(world: World, design: str) -> str:
    return f"{world.truth}, {world.rows} rows, {design}"


def _count(world: World, design: str, repetitions: int) -> dict[str, Any]:
    """Comparisons in which the rule, and in which the highest mean accuracy, names the fine-tune."""
    split = _split(world.rows, DESIGNS[design])
    rows = statistics_design(split, POLICY)
    planned = plan_trials([_spec(entry) for entry in ARMS if entry.name in COMPARED], TASK, split, POLICY)
    rng = np.random.default_rng([SEED, WORLDS.index(world), list(DESIGNS).index(design)])
    by_rule = by_argmax = 0
    for _ in range(repetitions):
        arms = _draw(rng, world, planned, split)
        means = [float(arm.outcomes.scores.mean()) for arm in arms]
        prior = gain_prior(len(TASK.labels), split.train_size, max(means[:-1]))
        contrasts = contrast_arms(arms, rows, POLICY)
        verdict = decide(Evidence(arms, contrasts, UNKNOWN, prior, world.rows), POLICY)
        by_rule += verdict.kind is VerdictKind.FINE_TUNE
        by_argmax += means[-1] > max(means[:-1])
    return {
        **dict(zip(DECIDED_BY, (by_rule, by_argmax), strict=True)),
        "train_size": split.train_size,
        "inflation": rows.inflation,
        "fits": {arm.spec.name: arm.outcomes.fits for arm in arms},
        "prior_deviations": {arm.spec.name: arm.outcomes.run_deviation for arm in arms},
    }


def _split(rows: int, train_rows: int | None) -> Split:
    tested = _dataset("tested", rows)
    if train_rows is None:
        return split_dataset(tested, range(rows), POLICY, SEED)
    return given_split(_dataset("train", train_rows), (), tested, range(rows), SEED)


def _dataset(name: str, rows: int) -> Dataset:
    labels = [TASK.labels[row % len(TASK.labels)] for row in range(rows)]
    return Dataset(name, tuple(Example(str(row), f"{name} {row}", labels[row], row, name) for row in range(rows)))


def _spec(entry: Entry) -> ArmSpec:
    never: Any = None  # answers are simulated: nothing is built, loaded or prepared
    return ArmSpec(*entry[:4], "none", {}, never, never, never, entry.demonstrations)


def _draw(rng: np.random.Generator, world: World, planned: list[PlannedTrial], split: Split) -> list[ScoredArm]:
    """One comparison. What a row is like is shared by all fits; every fit has an effect of its own on all its rows."""
    difficulty = rng.normal(0, DIFFICULTY, world.rows)
    arms = []
    for name, accuracy in zip(COMPARED, world.accuracies, strict=True):
        trials = [trial for trial in planned if trial.spec.name == name]
        spec = trials[0].spec
        of_rows = _centre_for(accuracy) + difficulty + rng.normal(0, OWN, world.rows)
        deviation = TRUE_DEVIATIONS.get(spec.family, 0.0) / _points_per_logit(accuracy)
        finished = [_answer(rng, trial, split, of_rows, deviation) for trial in trials]
        arms.append(score_arm(spec, finished, split, TASK, POLICY))
    return arms


def _answer(
    rng: np.random.Generator, planned: PlannedTrial, split: Split, of_rows: NDArray[np.float64], deviation: float
) -> FinishedTrial:
    chances = expit(of_rows[list(planned.rows.tested)] + rng.normal(0, deviation))
    targets = (split.tested[position].output for position in planned.rows.tested)
    right = zip(targets, rng.random(len(chances)) < chances, strict=True)
    trial = Trial(
        key="simulated", arm=planned.spec.name, fold=planned.fold, run=planned.run, seed=planned.seed,
        train_size=len(planned.rows.train), determined_by={}, fit_seconds=0, predict_seconds=0,
    )  # fmt: skip
    return FinishedTrial(trial, planned.rows, tuple(Prediction(target if hit else None) for target, hit in right))


def _accuracy_at(centre: float) -> float:
    """Mean over rows of the chance of being right."""
    return float(expit(centre + np.hypot(DIFFICULTY, OWN) * NODES) @ WEIGHTS / WEIGHTS.sum())


@cache
def _centre_for(accuracy: float) -> float:
    grid = np.linspace(-6, 6, 4001)
    return float(np.interp(accuracy, [_accuracy_at(centre) for centre in grid], grid))


@cache
def _points_per_logit(accuracy: float) -> float:
    step, centre = 1e-3, _centre_for(accuracy)
    return (_accuracy_at(centre + step) - _accuracy_at(centre - step)) / (2 * step)


def _share(cell: dict[str, Any], by: str) -> str:
    """In percent, with Wilson's 95% interval for the number of repetitions."""
    count, of = cell[by], cell["repetitions"]
    interval = wilson_interval(count, of, 0.95)
    return f"{100 * count / of:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _write_table(results: dict[str, Any]) -> None:
    lines = [f"| a fine-tune is really | test rows | decided by | {' | '.join(DESIGNS)} |", "|---" * 6 + "|"]
    for by, worlds in zip(DECIDED_BY, (WORLDS, WORLDS[:3]), strict=True):
        for world in worlds:
            shares = (_share(results[_key(world, design)], by) for design in DESIGNS)
            lines.append(f"| {world.truth} | {world.rows} | {by} | {' | '.join(shares)} |")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
