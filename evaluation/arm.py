"""The contract between the harness and every way of adapting a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from evaluation.dataset import Example, Task
from rules.family import Family, Randomness

__all__ = [
    "Arm", "ArmSpec", "Choosing", "Family", "Foreseen", "Passage", "Prediction", "Randomness", "Read", "Usage",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took; None for what nobody states. `cost` is in the currency of the model's prices.

    `queued_seconds` is all that passed before the attempt that was answered, `serving_seconds` that attempt alone.
    """

    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    queued_seconds: float
    serving_seconds: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document of the corpus. `document` is the id that a row's evidence names, `id` the piece's own."""

    id: str
    document: str
    text: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an arm answered to one input.

    A failure is a prediction with an `error` and no output: it scores 0 and is counted.
    `confidence` is the arm's probability of its own answer (0..1), None where it has none. `usage` is None where a call
    costs nothing but time. `passages` are those that the model was shown, the best found first; None for an arm that
    searches no corpus.
    """

    output: str | None
    confidence: float | None = None
    error: str | None = None
    usage: Usage | None = None
    passages: tuple[Passage, ...] | None = None


class Foreseen(NamedTuple):
    """What asking for answers would take, before anything is asked; those that are kept already are not counted.

    `cost` is in `currency`, None without prices. Token counts are estimates from the length of the texts.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    currency: str | None


class Arm(Protocol):
    """One concrete way of adapting a model.

    `fit` is called once. `predict` gets inputs without targets and returns one prediction for each, in order.
    `save` makes the folder and writes all that was fitted; the spec's `load` gives back an arm that predicts the same.
    """

    def fit(self, train: Sequence[Example], seed: int) -> None: ...

    def predict(self, inputs: Sequence[str]) -> list[Prediction]: ...

    def save(self, folder: Path) -> None: ...


@runtime_checkable
class Choosing(Protocol):
    """An arm that chooses a setting while it is fitted: `validation_rows` of its training rows decided it."""

    validation_rows: int


class Read(NamedTuple):
    """A text as a base model was given it, with all that was put around it; cut off after `token_limit` tokens."""

    text: str
    token_limit: int


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
    observe: Callable[[], AbstractContextManager[set[Read]]] | None = None
    """Within it, all that the base model is given to read is noted. None where nobody can look."""
    chooses: str = ""
    """Which setting it chooses on its training rows, in words; empty for none."""
    validation_rows: int = 0
    """Labelled rows beyond the training rows on which its settings were chosen before: as many for every arm."""
    foresee: Callable[[Task, Sequence[Example], Sequence[str], int], Foreseen] | None = None
    """What predicting inputs takes after a fit on these rows with this seed. None where answers cost nothing but time
    on this machine; the others are asked for nothing that the comparison can do without."""
    repeat: Callable[[Path, Sequence[str], float, int], list[list[Prediction]]] | None = None
    """Asks a saved arm about inputs at a temperature, each so many times; None where that means nothing."""
    foresee_repeat: Callable[[Path, Sequence[str], float, int], Foreseen] | None = None
    """What `repeat` would still have to ask and pay for. None where answers cost nothing but time on this machine."""
    terms: Callable[[], Sequence[str]] | None = None
    """On which terms its base model answered, in sentences, once it has; arms that share a model share the callable."""
    measured: Callable[[], Sequence[str]] | None = None
    """What its base model took of this machine so far, in sentences; shared as `terms` are. None where nobody looks."""
    own_base_model: bool = False
    """Declared to rest on another base model than the arms beside it; all others must share one."""

    @property
    def is_fine_tune(self) -> bool:
        """Whether it trains the model's own layers: what every cheaper arm is held against."""
        return self.family.is_fine_tune
