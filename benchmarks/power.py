"""How often the rule says fine-tune in simulated worlds whose truth is known; writes the table in docs/results.md.

Splits, planned trials, scoring, contrasts and decision are those of a real comparison; only the answers are simulated.
Resumable: finished cells are kept in benchmarks/results/power.json and counted again when policy, seed or repetitions
change (delete the file after any other change of the rule). With --quick a tiny run that writes nothing.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.catalogue import ARMS
from adapters.entry import Entry
from benchmarks.worlds import (
    EIGHT_BETTER,
    NO_BETTER,
    TRUE_DEVIATIONS,
    TWELVE_BETTER,
    UNKNOWN,
    answer,
    difficulty,
    in_logits,
    leaning,
)
from evaluation.arm import ArmSpec, Prediction
from evaluation.contrasts import contrast_arms
from evaluation.dataset import Dataset, Example, Task
from evaluation.decision import Evidence, VerdictKind, decide
from evaluation.policy import EvaluationPolicy
from evaluation.prior import gain_prior
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


@dataclass(frozen=True)
class World:
    """`accuracies` are the true ones, in the order of COMPARED."""

    truth: str
    rows: int
    accuracies: tuple[float, ...]


WORLDS = (
    *(World("no better", rows, NO_BETTER) for rows in (60, 150, 300)),
    World("8 points better", 300, EIGHT_BETTER),
    World("12 points better", 150, TWELVE_BETTER),
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
    shared, arms = difficulty(rng, world.rows), []
    for name, accuracy in zip(COMPARED, world.accuracies, strict=True):
        trials = [trial for trial in planned if trial.spec.name == name]
        spec = trials[0].spec
        leanings = leaning(rng, accuracy, shared)
        deviation = in_logits(TRUE_DEVIATIONS.get(spec.family, 0.0), accuracy)
        finished = [_answer(rng, trial, split, leanings, deviation) for trial in trials]
        arms.append(score_arm(spec, finished, split, TASK, POLICY))
    return arms


def _answer(
    rng: np.random.Generator, planned: PlannedTrial, split: Split, leanings: NDArray[np.float64], deviation: float
) -> FinishedTrial:
    targets = (split.tested[position].output for position in planned.rows.tested)
    right = zip(targets, answer(rng, leanings[list(planned.rows.tested)], deviation), strict=True)
    trial = Trial(
        key="simulated", arm=planned.spec.name, fold=planned.fold, run=planned.run, seed=planned.seed,
        train_size=len(planned.rows.train), determined_by={}, fit_seconds=0, predict_seconds=0,
    )  # fmt: skip
    return FinishedTrial(trial, planned.rows, tuple(Prediction(target if hit else None) for target, hit in right))


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
