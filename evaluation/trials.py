"""One arm fitted once: the unit that is saved, resumed and never repeated."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from evaluation.arm import ArmSpec, Choosing, Prediction, Usage
from evaluation.dataset import Task, fingerprint, inputs_of
from evaluation.observation import Handed, Observation, observe_fit
from evaluation.policy import EvaluationPolicy
from evaluation.splits import Fold, Split

RECORD, PREDICTIONS, FITTED = "trial.json", "predictions.jsonl", "fitted"


class Trial(BaseModel):
    """What was fitted and how long it took. `key` is the hash of everything that determines the predictions.

    `validation_rows` is the number of rows that decided a setting, `observation` what was seen of the fit; None where
    nobody can look.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    arm: str
    fold: int
    run: int
    seed: int
    train_size: int
    determined_by: dict[str, str]
    fit_seconds: float
    predict_seconds: float
    validation_rows: int = 0
    observation: Observation | None = None


@dataclass(frozen=True)
class PlannedTrial:
    """A trial that has its key but need not have run. `near` is the cosine from which two texts count as one."""

    spec: ArmSpec
    task: Task
    fold: int
    run: int
    seed: int
    rows: Fold
    inputs: tuple[str, ...]
    near: float

    @cached_property
    def determined_by(self) -> dict[str, str]:
        """Everything that the predictions depend on; hashes every row, so it is worked out once."""
        return {
            **self.spec.determined_by,
            "arm": self.spec.name,
            "task": _sha256(json.dumps(asdict(self.task), sort_keys=True)),
            "train": fingerprint(self.rows.train),
            "inputs": _hash_of(self.inputs),
            "seed": str(self.seed),
        }

    @cached_property
    def key(self) -> str:
        """SHA-256 of what it is determined by."""
        return _sha256(json.dumps(self.determined_by, sort_keys=True))


def plan_trials(specs: Sequence[ArmSpec], task: Task, split: Split, policy: EvaluationPolicy) -> list[PlannedTrial]:
    """Every trial of a comparison, arm by arm."""
    return [
        PlannedTrial(
            spec, task, number, run, _seed(split.seed, spec.name, number, run), fold,
            tuple(inputs_of([split.tested[position] for position in fold.tested])), policy.near_duplicate_cosine,
        )
        for spec in specs
        for number, fold in enumerate(split.folds)
        for run in range(policy.fits(spec.randomness, split.design, split.train_size))
    ]  # fmt: skip


@dataclass(frozen=True)
class FinishedTrial:
    """`predictions` follow the fold's `tested` positions."""

    trial: Trial
    rows: Fold
    predictions: tuple[Prediction, ...]


def finished_trial(planned: PlannedTrial, folder: Path) -> FinishedTrial | None:
    """The saved trial, None if it has not run to its end. A damaged record counts as not run, and so does one without
    the observation that could have been made."""
    saved = saved_predictions(folder, planned.key, planned.inputs)
    if saved is None or (planned.spec.observe is not None and saved[0].observation is None):
        return None
    return FinishedTrial(saved[0], planned.rows, saved[1])


def saved_predictions(folder: Path, key: str, inputs: Sequence[str]) -> tuple[Trial, tuple[Prediction, ...]] | None:
    """What the trial under `key` predicted for exactly these inputs, in order; None if none is saved whole, or it was
    of other inputs."""
    home = folder / key
    try:
        trial = Trial.model_validate_json((home / RECORD).read_text(encoding="utf-8"))
        lines = (home / PREDICTIONS).read_text(encoding="utf-8").split("\n")[:-1]
        predictions = tuple(_prediction(line) for line in lines)
    except (OSError, ValueError, TypeError):
        return None
    same_inputs = trial.determined_by.get("inputs") == _hash_of(inputs)
    return (trial, predictions) if trial.key == key and same_inputs and len(predictions) == len(inputs) else None


def run_trial(planned: PlannedTrial, folder: Path) -> FinishedTrial:
    """Fit, predict and save under the trial's key; a stop on the way leaves nothing that looks finished."""
    with planned.spec.observe() if planned.spec.observe else nullcontext(set()) as at_fit:
        arm = planned.spec.build(planned.task)
        started = time.perf_counter()
        arm.fit(planned.rows.train, planned.seed)
        fitted = time.perf_counter()
    predictions = tuple(arm.predict(planned.inputs))
    predicted = time.perf_counter()
    if len(predictions) != len(planned.inputs):
        raise ValueError(f"{planned.spec.name} gave {len(predictions)} predictions for {len(planned.inputs)} inputs.")
    handed = Handed(planned.rows.train, planned.inputs, planned.task, planned.near)
    trial = Trial(
        key=planned.key, arm=planned.spec.name, fold=planned.fold, run=planned.run, seed=planned.seed,
        train_size=len(planned.rows.train), determined_by=planned.determined_by,
        fit_seconds=fitted - started, predict_seconds=predicted - fitted,
        validation_rows=arm.validation_rows if isinstance(arm, Choosing) else 0,
        observation=observe_fit(planned.spec, arm, at_fit, handed) if planned.spec.observe else None,
    )  # fmt: skip
    unfinished = folder / f".{planned.key}.{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    arm.save(unfinished / FITTED)
    (unfinished / PREDICTIONS).write_text("".join(_lines(predictions)), encoding="utf-8")
    (unfinished / RECORD).write_text(trial.model_dump_json(indent=1), encoding="utf-8")
    shutil.rmtree(folder / planned.key, ignore_errors=True)
    unfinished.rename(folder / planned.key)
    return FinishedTrial(trial, planned.rows, predictions)


class RunTrials(Protocol):
    """`run_trials`, or what stands in for it."""

    def __call__(
        self,
        planned: Sequence[PlannedTrial],
        folder: Path,
        prepare: Callable[[], None],
        on_done: Callable[[PlannedTrial], None],
        judge: Callable[[PlannedTrial, FinishedTrial], None],
    ) -> list[FinishedTrial]: ...


def run_trials(
    planned: Sequence[PlannedTrial],
    folder: Path,
    prepare: Callable[[], None],
    on_done: Callable[[PlannedTrial], None],
    judge: Callable[[PlannedTrial, FinishedTrial], None] = lambda *_: None,
) -> list[FinishedTrial]:
    """All trials in order, saved ones read back. `prepare` is called before the first that has to run, if any.

    `judge` sees each before the next one starts, run or read back; what it raises ends the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*"):
        shutil.rmtree(leftover, ignore_errors=True)
    finished: list[FinishedTrial] = []
    prepared = False
    for trial in planned:
        done = finished_trial(trial, folder)
        if done is None:
            if not prepared:
                prepare()
                prepared = True
            done = run_trial(trial, folder)
        judge(trial, done)
        finished.append(done)
        on_done(trial)
    return finished


class TrialsWanted(Exception):
    """Trials that have not run; whoever catches it has them run, elsewhere perhaps, and then asks again."""

    def __init__(self, trials: Sequence[PlannedTrial]) -> None:
        super().__init__(f"{len(trials)} trials have not run yet.")
        self.trials = tuple(trials)


def collect_trials(
    planned: Sequence[PlannedTrial],
    folder: Path,
    prepare: Callable[[], None],  # noqa: ARG001 - nothing is fitted here
    on_done: Callable[[PlannedTrial], None],
    judge: Callable[[PlannedTrial, FinishedTrial], None] = lambda *_: None,
) -> list[FinishedTrial]:
    """Like `run_trials`, but runs nothing: raises `TrialsWanted` with every trial that has not run to its end."""
    found = [finished_trial(trial, folder) for trial in planned]
    wanted = [trial for trial, done in zip(planned, found, strict=True) if done is None]
    if wanted:
        raise TrialsWanted(wanted)
    finished = [done for done in found if done is not None]
    for trial, done in zip(planned, finished, strict=True):
        judge(trial, done)
        on_done(trial)
    return finished


def _hash_of(inputs: Sequence[str]) -> str:
    return _sha256(json.dumps(list(inputs)))


def _prediction(line: str) -> Prediction:
    prediction = Prediction(**json.loads(line))
    return prediction if prediction.usage is None else replace(prediction, usage=Usage(**asdict(prediction)["usage"]))


def _lines(predictions: Sequence[Prediction]) -> Iterator[str]:
    return (json.dumps(asdict(prediction)) + "\n" for prediction in predictions)


def _seed(base: int, *parts: object) -> int:
    """A seed of its own for each trial that does not change when arms or folds are added."""
    return int(_sha256(json.dumps([base, *map(str, parts)]))[:8], 16)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
