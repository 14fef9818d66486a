"""From saved predictions to scored arms. Scoring again never predicts again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.arm import ArmSpec, Passage, Prediction, Usage
from evaluation.dataset import Task
from evaluation.metrics.catalogue import CORPUS_METRICS
from evaluation.metrics.marking import Asked, Marked, mark
from evaluation.metrics.record_schema import RecordSchema
from evaluation.metrics.semantic_similarity import SemanticSimilarity
from evaluation.policy import EvaluationPolicy
from evaluation.splits import Design as SplitDesign
from evaluation.splits import Split
from evaluation.statistics import Design, GradedOutcomes, Interval, Outcomes
from evaluation.trials import FinishedTrial

SEMANTIC_SIMILARITY = "semantic_similarity"


@dataclass(frozen=True)
class ScoredArm:
    """One arm on every test row. `answers` is (runs, rows); a None is a failure or an answer that could not be read."""

    spec: ArmSpec
    outcomes: Outcomes
    answers: tuple[tuple[str | None, ...], ...]
    failures: int
    unread: int
    """Answers that are no known label, no record, or otherwise not what was asked for."""
    train_size: int
    fit_seconds: float
    """Mean of one fit."""
    total_seconds: float
    milliseconds_per_item: float
    answers_are_labels: bool = True
    """Whether answers were read as labels. Others came with their scores, and have no macro-F1."""
    confidences: tuple[float | None, ...] = ()
    """The first run's, one for each row; empty where none are known."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Means over rows and runs by metric, the deciding one first; empty where answers came with their scores."""
    passages: tuple[tuple[Passage, ...] | None, ...] = ()
    """What the first run was shown, one for each row; empty where the arm searches no corpus."""
    support: float | None = None
    """Share of the answers' words that stand in the passages; None where that is not a question."""
    usage: tuple[Usage, ...] = ()
    """Of every answer that states it, over all runs."""

    @property
    def accuracy(self) -> float:
        """Mean of the deciding metric over rows and runs."""
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
    marked = _marked(trials, split, asked_of(task))
    scores = np.array([[row.score for row in run] for run in marked])
    if run_deviation is None:
        demonstrations = min(split.train_size, spec.demonstrations * max(len(task.labels), 1))
        run_deviation = policy.run_deviation(spec.family, split.train_size, demonstrations)
    outcomes = Outcomes if np.isin(scores, (0.0, 1.0)).all() else GradedOutcomes
    first = _of_first_run(trials, len(split.tested))
    fit = [finished.trial.fit_seconds for finished in trials]
    predict = [finished.trial.predict_seconds for finished in trials]
    supports = [row.support for run in marked for row in run if row.support is not None]
    given = [prediction for finished in trials for prediction in finished.predictions]
    return ScoredArm(
        spec=spec,
        outcomes=outcomes(scores, np.array(split.fold_of()), run_deviation),
        answers=tuple(tuple(row.answer for row in run) for run in marked),
        confidences=tuple(
            None if row.answer is None else prediction.confidence
            for row, prediction in zip(marked[0], first, strict=True)
        ),
        failures=sum(prediction.error is not None for prediction in given),
        unread=sum(row.fault is not None for run in marked for row in run),
        train_size=split.train_size,
        fit_seconds=float(np.mean(fit)),
        total_seconds=float(np.sum(fit) + np.sum(predict)),
        milliseconds_per_item=float(1000 * np.sum(predict) / scores.size),
        answers_are_labels=task.kind == "classification" and not task.several_labels,
        metrics={
            name: float(np.mean([[row.scores[name] for row in run] for run in marked])) for name in marked[0][0].scores
        },
        passages=tuple(prediction.passages for prediction in first) if first[0].passages is not None else (),
        support=float(np.mean(supports)) if supports else None,
        usage=tuple(prediction.usage for prediction in given if prediction.usage is not None),
    )


def with_similarity(arm: ScoredArm, split: Split, similarity: SemanticSimilarity) -> ScoredArm:
    """The arm with its semantic similarity to the references as the last of its metrics, so that it never decides. An
    answer that could not be read counts 0, as in every other metric."""
    accepted = [example.accepted for example in split.tested]
    mean = float(np.mean([similarity.scores(accepted, run) for run in arm.answers]))
    return replace(arm, metrics={**arm.metrics, SEMANTIC_SIMILARITY: mean})


def asked_of(task: Task) -> Asked:
    """What is asked of every answer to the task; `SchemaError` for a schema that cannot be used."""
    schema = None if task.schema is None else RecordSchema(json.loads(task.schema))
    return Asked(task.kind, task.labels, task.several_labels, schema, task.metrics, task.language)


def _marked(trials: Sequence[FinishedTrial], split: Split, asked: Asked) -> list[list[Marked]]:
    """Every answer marked, (runs, rows). ValueError unless every run covers every test row, once."""
    runs = max(trial.trial.run for trial in trials) + 1
    marked: list[dict[int, Marked]] = [{} for _ in range(runs)]
    predicted = [0] * runs
    for finished in trials:
        for position, prediction in zip(finished.rows.tested, finished.predictions, strict=True):
            text = None if prediction.error is not None else prediction.output
            shown = None if prediction.passages is None else [passage.text for passage in prediction.passages]
            answer = mark(asked, split.tested[position].accepted, text, shown)
            marked[finished.trial.run][position] = answer
            predicted[finished.trial.run] += 1
    rows = len(split.tested)
    if predicted != [rows] * runs or any(len(run) != rows for run in marked):
        raise ValueError(f"{trials[0].trial.arm}: its runs predicted {predicted} rows each; expected {rows} rows.")
    return [[run[position] for position in range(rows)] for run in marked]


def _of_first_run(trials: Sequence[FinishedTrial], rows: int) -> list[Prediction]:
    first: dict[int, Prediction] = {}
    for finished in trials:
        if finished.trial.run == 0:
            first.update(zip(finished.rows.tested, finished.predictions, strict=True))
    return [first[position] for position in range(rows)]


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
