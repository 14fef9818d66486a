"""The contract between the harness and every way of adapting a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evaluation.dataset import Example, Task
from rules.family import Family, Randomness

__all__ = ["Arm", "ArmSpec", "Family", "Prediction", "Randomness"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an arm answered to one input.

    A failure is a prediction with an `error` and no output: it scores 0 and is counted.
    `confidence` is the arm's probability of its own answer (0..1), None where it has none.
    """

    output: str | None
    confidence: float | None = None
    error: str | None = None


class Arm(Protocol):
    """One concrete way of adapting a model.

    `fit` is called once. `predict` gets inputs without targets and returns one prediction for each, in order.
    `save` makes the folder and writes all that was fitted; the spec's `load` gives back an arm that predicts the same.
    """

    def fit(self, train: Sequence[Example], seed: int) -> None: ...

    def predict(self, inputs: Sequence[str]) -> list[Prediction]: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class ArmSpec:
    """An arm as the harness knows it before anything heavy is imported.

    `determined_by` holds everything beside rows and seed that determines its predictions (weights, settings,
    versions); `demonstrations` is the number of labelled rows a prompt shows, per label, where the arm has a prompt.
    """

    name: str
    title: str
    family: Family
    randomness: Randomness
    base_model: str
    determined_by: Mapping[str, str]
    build: Callable[[Task], Arm]
    load: Callable[[Path], Arm]
    prepare: Callable[[Sequence[str]], None]
    """Called once with every input before the first fit; arms that share a base model share the callable."""
    demonstrations: int = 0

    @property
    def is_fine_tune(self) -> bool:
        """Whether it trains the model's own layers: what every cheaper arm is held against."""
        return self.family.is_fine_tune
