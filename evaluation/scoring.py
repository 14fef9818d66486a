"""From saved predictions to scored arms. Scoring again never predicts again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.answers import read_label
from evaluation.arm import ArmSpec
from evaluation.dataset import Task
from evaluation.metrics.catalogue import CORPUS_METRICS, EXAMPLE_METRICS
from evaluation.policy import EvaluationPolicy
from evaluation.splits import Design as SplitDesign
from evaluation.splits import Split
from evaluation.statistics import Design, Interval, Outcomes
from evaluation.trials import FinishedTrial


@dataclass(frozen=True)
class ScoredArm:
    """One arm on every test row. `answers` is (runs, rows); a None is a failure or an unknown label."""

    spec: ArmSpec
    outcomes: Outcomes
    answers: tuple[tuple[str | None, ...], ...]
    failures: int
    unknown_labels: int
    train_size: int
    fit_seconds: float
    """Mean of one fit."""
    total_seconds: float
    milliseconds_per_item: float
    answers_are_labels: bool = True
    """Whether answers were read as labels. Others came with their scores, and have no macro-F1."""
    confidences: tuple[float | None, ...] = ()
    """The first run's, one for each row; empty where none are known."""

    @property
    def accuracy(self) -> float:
        """Mean over rows and runs."""
        return float(self.outcomes.scores.mean())


def score_arm(
    spec: ArmSpec,
    trials: Sequence[FinishedTrial],
    split: Split,
    task: Task,
    policy: EvaluationPolicy,
    run_deviation: float | None = None,
) -> ScoredArm:
    """Put the trials of one arm together; ValueError unless every run covers every test row.

    `run_deviation` is known of the arm's fits from elsewhere; without it the published one of its family is taken.
    """
    runs = max(trial.trial.run for trial in trials) + 1
    rows = len(split.tested)
    answers: list[list[str | None]] = [[None] * rows for _ in range(runs)]
    confidences: list[float | None] = [None] * rows
    predicted = [0] * runs
    failures = unknown = 0
    for finished in trials:
        for position, prediction in zip(finished.rows.tested, finished.predictions, strict=True):
            failed = prediction.error is not None
            answer = None if failed else read_label(prediction.output, task.labels)
            answers[finished.trial.run][position] = answer
            if finished.trial.run == 0 and answer is not None:
                confidences[position] = prediction.confidence
            predicted[finished.trial.run] += 1
            failures += failed
            unknown += not failed and answer is None
    if predicted != [rows] * runs:
        raise ValueError(f"{spec.name}: its runs predicted {predicted} rows each; expected {rows} rows.")
    metric = EXAMPLE_METRICS["accuracy"]
    scores = [
        [metric(example.output, answer) for example, answer in zip(split.tested, run, strict=True)] for run in answers
    ]
    if run_deviation is None:
        demonstrations = min(split.train_size, spec.demonstrations * len(task.labels))
        run_deviation = policy.run_deviation(spec.family, split.train_size, demonstrations)
    fit = [finished.trial.fit_seconds for finished in trials]
    predict = [finished.trial.predict_seconds for finished in trials]
    return ScoredArm(
        spec=spec,
        outcomes=Outcomes(np.array(scores), np.array(split.fold_of()), run_deviation),
        answers=tuple(tuple(run) for run in answers),
        confidences=tuple(confidences),
        failures=failures,
        unknown_labels=unknown,
        train_size=split.train_size,
        fit_seconds=float(np.mean(fit)),
        total_seconds=float(np.sum(fit) + np.sum(predict)),
        milliseconds_per_item=float(1000 * np.sum(predict) / (runs * rows)),
    )


def statistics_design(split: Split, policy: EvaluationPolicy) -> Design:
    """How the statistics must treat this split."""
    inflation = policy.cross_fit_inflation if split.design is SplitDesign.CROSS_FIT else 1.0
    return Design(np.array(split.clusters), inflation, policy.prior_degrees_of_freedom)


@dataclass(frozen=True)
class CorpusScore:
    """A metric over all rows, mean over runs; `interval` is None where the rows are too few for the bootstrap."""

    value: float
    interval: Interval | None


def macro_f1_of(arm: ScoredArm, split: Split, policy: EvaluationPolicy, rng: np.random.Generator) -> CorpusScore:
    """Macro-F1 with a percentile bootstrap over clusters of rows, widened when cross-fitted (protocol 7.5)."""
    metric = CORPUS_METRICS["macro_f1"]
    targets = [example.output for example in split.tested]
    value = float(np.mean([metric(targets, run) for run in arm.answers]))
    if len(targets) < policy.macro_f1_interval_from:
        return CorpusScore(value, None)
    weights = _resamples(np.array(split.clusters), policy.bootstrap_resamples, rng)
    resampled = np.mean([metric(targets, run, weights) for run in arm.answers], axis=0)
    tail = (1 - policy.confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    widen = statistics_design(split, policy).inflation
    return CorpusScore(
        value, Interval(max(0.0, value - widen * (value - low)), min(1.0, value + widen * (high - value)))
    )


def _resamples(clusters: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each row is drawn, (resamples, rows), clusters drawn whole."""
    _, cluster = np.unique(clusters, return_inverse=True)
    count = int(cluster.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples)[:, cluster].astype(float)
