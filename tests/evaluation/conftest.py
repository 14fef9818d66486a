"""Small worlds for the tests of the evaluation: rows, arms without a model, and outcomes made to measure."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from evaluation.arm import Arm, ArmSpec, Family, Prediction, Randomness
from evaluation.contrasts import contrast_arms
from evaluation.dataset import Dataset, Example, Task
from evaluation.decision import Evidence
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.prior import GainPrior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, Outcomes

NO_PATTERN = GainPrior(0.0, 0.08, "no published pattern fits")
RANDOMNESS = {Family.FEW_SHOT: Randomness.DRAW, Family.LORA: Randomness.TRAINING}


@pytest.fixture
def policy() -> EvaluationPolicy:
    return EvaluationPolicy()


@pytest.fixture
def rows() -> Callable[..., Dataset]:
    """Rows from (input, output) or (input, output, group); lines count from 1."""

    def make(*cells: Sequence[str | None], name: str = "train") -> Dataset:
        return Dataset(
            name,
            tuple(
                Example(f"{name}-{number}", str(cell[0]), str(cell[1]), number, f"{name}.jsonl", (*cell, None)[2])
                for number, cell in enumerate(cells, start=1)
            ),
        )

    return make


@dataclass
class Calls:
    """What the fake arms were asked to do."""

    fits: list[tuple[str, int]] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)
    prepared: list[list[str]] = field(default_factory=list)
    stop_at_fit: int | None = None


@dataclass
class GuessingArm:
    """Reads the label that ends every input (`... = label`) and gets a share of them wrong, fixed by name, text and,
    if it is a random arm, seed."""

    name: str
    labels: tuple[str, ...]
    accuracy: float
    depends_on_seed: bool
    calls: Calls
    seed: int = 0
    trained_on: int = 0

    def fit(self, train: Sequence[Example], seed: int) -> None:
        self.calls.fits.append((self.name, seed))
        if self.calls.stop_at_fit == len(self.calls.fits):
            raise KeyboardInterrupt
        self.seed, self.trained_on = seed, len(train)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self.calls.predicted += [self.name] * len(inputs)
        return [self._answer(text) for text in inputs]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "seed.json").write_text(json.dumps([self.seed, self.trained_on]))

    def _answer(self, text: str) -> Prediction:
        right = text.rpartition(" = ")[2]
        luck = _share(text, self.name, str(self.seed) if self.depends_on_seed else "")
        if luck < self.accuracy:
            return Prediction(right, confidence=0.9)
        return Prediction(self.labels[(self.labels.index(right) + 1) % len(self.labels)], confidence=0.4)


def _share(*parts: str) -> float:
    """A number in 0..1 that depends on nothing but the parts."""
    return int(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12], 16) / 16**12


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def guessing(calls: Calls) -> Callable[..., ArmSpec]:
    """An arm of a family that is right on about `accuracy` of the rows."""

    def make(family: Family, accuracy: float = 0.8, settings: Mapping[str, str] | None = None) -> ArmSpec:
        randomness = RANDOMNESS.get(family, Randomness.NONE)

        def build(task: Task) -> Arm:
            return GuessingArm(family.value, task.labels, accuracy, randomness is not Randomness.NONE, calls)

        def load(folder: Path) -> Arm:
            raise NotImplementedError(f"nothing loads {folder} here")

        return ArmSpec(
            name=family.value,
            title=f"the {family.value} arm",
            family=family,
            randomness=randomness,
            base_model="none",
            determined_by={"weights": "0" * 64, "accuracy": str(accuracy), **(settings or {})},
            build=build,
            load=load,
            prepare=lambda texts: calls.prepared.append(list(texts)),
            demonstrations=8 if family is Family.FEW_SHOT else 0,
        )

    return make


@pytest.fixture
def scored(guessing: Callable[..., ArmSpec]) -> Callable[..., ScoredArm]:
    """An arm with given scores, (runs, rows) or (rows,)."""

    def make(
        family: Family, scores: object, run_deviation: float = 0.0, folds: Sequence[int] | None = None
    ) -> ScoredArm:
        matrix = np.atleast_2d(np.asarray(scores, dtype=float))
        in_fold = np.zeros(matrix.shape[1], dtype=np.int64) if folds is None else np.asarray(folds)
        answers = tuple(tuple("right" if score else None for score in run) for run in matrix)
        return ScoredArm(
            spec=guessing(family), outcomes=Outcomes(matrix, in_fold, run_deviation), answers=answers,
            failures=0, unread=0, train_size=300, fit_seconds=0.0, total_seconds=0.0, milliseconds_per_item=0.0,
        )  # fmt: skip

    return make


@pytest.fixture
def alone() -> Callable[..., Design]:
    """Rows that are all independent."""

    def make(count: int, inflation: float = 1.0) -> Design:
        return Design(np.arange(count), inflation, 4.0)

    return make


@pytest.fixture
def weigh(alone: Callable[..., Design]) -> Callable[..., Evidence]:
    """The evidence of scored arms, as a comparison would put it together."""

    def make(
        arms: Sequence[ScoredArm],
        policy: EvaluationPolicy,
        prior: GainPrior = NO_PATTERN,
        inflation: float = 1.0,
    ) -> Evidence:
        count = arms[0].outcomes.scores.shape[1]
        design = alone(count, inflation)
        beliefs = believe(arms, design, prior, policy, np.random.default_rng(1))
        return Evidence(arms, contrast_arms(arms, design, policy), beliefs, prior, count)

    return make


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data: $ADVISOR_DATA, else ../shared/data beside the checkout."""
    checkout = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("ADVISOR_DATA") or checkout.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set ADVISOR_DATA")
    return folder
