"""What a comparison saw, recorded, and decided again from the record: under this checkout's rule, without training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from adapters.catalogue import ARMS
from benchmarks.decision_cells import POLICY, TUNED, Cell, Recorded, read_recorded
from benchmarks.decision_product import fine_tune_fits, product_of
from evaluation.arm import ArmSpec, Prediction
from evaluation.audit import Audit
from evaluation.comparison import Comparison, policy_for
from evaluation.contrasts import contrast_arms
from evaluation.dataset import Example, Task
from evaluation.decision import Evidence, decide
from evaluation.experience import Experience, Outcome
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.prior import Prior, gain_prior
from evaluation.scoring import ScoredArm, score_arm, statistics_design
from evaluation.splits import Fold, Split, split_dataset
from evaluation.trials import FinishedTrial, Trial, finished_trial, plan_trials
from rules.design import Design


def record(cell: Cell, comparison: Comparison, audit: Audit) -> Recorded:
    """From the trials that the comparison has just saved."""
    policy = policy_for(comparison)
    split = split_dataset(comparison.dataset, audit.groups, policy, comparison.seed)
    planned = plan_trials(comparison.specs, comparison.task, split, policy)
    finished = [done for plan in planned if (done := finished_trial(plan, comparison.folder))]
    arms = {}
    for spec in comparison.specs:
        trials = [done for done in finished if done.trial.arm == spec.name]
        if not trials:
            continue
        scored = score_arm(spec, trials, split, comparison.task, policy)
        by_run = [[done.trial for done in trials if done.trial.run == run] for run in range(len(scored.answers))]
        arms[spec.name] = {
            "right": ["".join(str(int(score)) for score in run) for run in scored.outcomes.scores],
            "fit_seconds": [[round(trial.fit_seconds, 3) for trial in run] for run in by_run],
            "predict_seconds": [[round(trial.predict_seconds, 3) for trial in run] for run in by_run],
        }
    return {
        **{key: cell[key] for key in ("dataset", "rows", "labels", "labels_drawn", "measured_with")},
        "class_sizes": list(comparison.dataset.class_sizes.values()),
        "design": split.design.value,
        "seed": comparison.seed,
        "train_sizes": [len(fold.train) for fold in split.folds],
        "folds": list(split.fold_of()),
        "clusters": list(split.clusters),
        "planned_fits": sum(plan.spec.name == TUNED for plan in planned),
        "arms": arms,
    }


def experience_with(cells: Iterable[Cell]) -> Experience:
    """The true accuracies, as the product keeps them."""
    return Experience(tuple(
        Outcome(
            dataset=cell["dataset"], labels=cell["labels"], train_size=cell["truth"]["train_size"],
            tested=cell["truth"]["tested"], accuracies=cell["truth"]["accuracies"], runs=cell["truth"]["runs"],
        )
        for cell in cells
        if "truth" in cell
    ))  # fmt: skip


def decided_again(cells: Mapping[str, Cell], *, experience: bool = True) -> dict[str, Cell]:
    """Every cell as this checkout decides it, knowing all data sets but the cell's own."""
    known = experience_with(cells.values())
    return {
        key: cell | {
            "product": decide_again(read_recorded(cell), known.without(cell["dataset"]) if experience else None)
        }
        if "truth" in cell
        else cell
        for key, cell in cells.items()
    }  # fmt: skip


def decide_again(recorded: Recorded, experience: Experience | None = None, policy: EvaluationPolicy = POLICY) -> Cell:
    """What the comparison decides under this checkout's rule, in the form of a cell's `product`."""
    arms, split = replay_arms(recorded, policy, experience)
    design = statistics_design(split, policy)
    best_cheap = max(arm.accuracy for arm in arms if not arm.spec.is_fine_tune)
    published = gain_prior(recorded["labels"], split.train_size, best_cheap)
    prior: Prior = published
    if experience is not None:
        prior = experience.prior([arm.spec for arm in arms], recorded["labels"], split.train_size, published)
    beliefs = believe(arms, design, prior, policy, np.random.default_rng([recorded["seed"], 1]))
    evidence = Evidence(arms, contrast_arms(arms, design, policy), beliefs, prior, len(split.tested))
    accuracies = {arm.spec.name: arm.accuracy for arm in arms}
    return product_of(decide(evidence, policy), accuracies, evidence.contrasts, fine_tune_fits(recorded), policy)


def replay_arms(
    recorded: Recorded, policy: EvaluationPolicy = POLICY, experience: Experience | None = None
) -> tuple[list[ScoredArm], Split]:
    """Arms scored as they were. Texts and labels are stand-ins: scoring only sees whether an answer was right."""
    task = Task(tuple(f"label {number}" for number in range(recorded["labels"])))
    right = task.labels[0]
    row = Example("row", "a text", right, 1, recorded["dataset"])
    folds = tuple(
        Fold((row,) * size, tuple(position for position, of in enumerate(recorded["folds"]) if of == number))
        for number, size in enumerate(recorded["train_sizes"])
    )
    tested = (row,) * len(recorded["folds"])
    split = Split(Design(recorded["design"]), tested, tuple(recorded["clusters"]), folds, recorded["seed"])
    arms = []
    for spec in _specs(recorded):
        trials = list(_replayed_trials(spec.name, recorded["arms"][spec.name], folds, right))
        deviation = experience.run_deviation(spec) if experience is not None else None
        arms.append(score_arm(spec, trials, split, task, policy, deviation))
    return arms, split


def _specs(recorded: Recorded) -> list[ArmSpec]:
    never: Any = None  # answers are recorded: nothing is built, loaded or prepared
    base_model = recorded["measured_with"]["encoder"]
    return [
        ArmSpec(*entry[:4], base_model, {}, never, never, never, entry.demonstrations)
        for entry in ARMS
        if entry.name in recorded["arms"]
    ]


def _replayed_trials(arm: str, outcomes: Recorded, folds: Sequence[Fold], right: str) -> Iterator[FinishedTrial]:
    for run, answers in enumerate(outcomes["right"]):
        for number, fold in enumerate(folds):
            trial = Trial(
                key="recorded", arm=arm, fold=number, run=run, seed=0, train_size=len(fold.train), determined_by={},
                fit_seconds=outcomes["fit_seconds"][run][number],
                predict_seconds=outcomes["predict_seconds"][run][number],
            )  # fmt: skip
            predictions = (Prediction(right if answers[position] == "1" else None) for position in fold.tested)
            yield FinishedTrial(trial, fold, tuple(predictions))
