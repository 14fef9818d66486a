"""Every arm, one line each, simplest and cheapest first. Nothing heavy is imported until an arm is built."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from adapters.encoder.embedding import Encoder
from evaluation.arm import Arm, ArmSpec, Family, Randomness
from evaluation.dataset import Example, Task
from evaluation.provenance import library_versions


class Entry(NamedTuple):
    """`module`, under adapters/encoder, holds the class."""

    name: str
    title: str
    family: Family
    randomness: Randomness
    module: str
    arm_class: str
    takes_task: bool = False
    demonstrations: int = 0
    """For each label; the same number as in the arm's module, which is not imported here."""
    chooses: str = ""
    """Which setting it chooses on its training rows."""


ARMS = (
    Entry("zero_shot", "zero-shot prompting", Family.ZERO_SHOT, Randomness.NONE, "zero_shot", "ZeroShot", True),
    Entry("few_shot", "few-shot prompting", Family.FEW_SHOT, Randomness.DRAW, "few_shot", "FewShot", demonstrations=8),
    Entry(
        "nearest", "retrieval of similar examples", Family.RETRIEVAL, Randomness.NONE, "nearest", "Nearest",
        chooses="how many neighbours vote",
    ),
    Entry(
        "head", "the classifier head", Family.HEAD, Randomness.NONE, "head", "Head",
        chooses="how far its weights may grow",
    ),
    Entry(
        "lora", "the LoRA fine-tune", Family.LORA, Randomness.TRAINING, "lora", "Lora",
        chooses="when training stops",
    ),
)  # fmt: skip


def encoder_arms(encoder: Encoder) -> tuple[ArmSpec, ...]:
    """All arms over one encoder."""
    determined_by = _determined_by(encoder)
    return tuple(_spec(entry, encoder, determined_by) for entry in ARMS)


def head_fit(encoder: Encoder) -> Callable[[Sequence[Example]], Any]:
    """Fits the head on rows; what comes back gives probabilities for any text."""
    entry = next(entry for entry in ARMS if entry.family is Family.HEAD)

    def fit(train: Sequence[Example]) -> Any:
        head = _class(entry)(encoder)
        head.fit(train, 0)
        return head

    return fit


def _spec(entry: Entry, encoder: Encoder, determined_by: Mapping[str, str]) -> ArmSpec:
    return ArmSpec(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        randomness=entry.randomness,
        base_model=encoder.name,
        determined_by=determined_by,
        build=_builder(entry, encoder),
        load=lambda folder: _class(entry).load(encoder, folder),
        prepare=encoder.prepare,
        demonstrations=entry.demonstrations,
        observe=encoder.observed,
        chooses=entry.chooses,
    )


def _builder(entry: Entry, encoder: Encoder) -> Callable[[Task], Arm]:
    def build(task: Task) -> Arm:
        arm: Arm = _class(entry)(encoder, task) if entry.takes_task else _class(entry)(encoder)
        return arm

    return build


def _class(entry: Entry) -> Any:
    # Before the first model library is imported: it reads the variable only then.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return getattr(import_module(f"adapters.encoder.{entry.module}"), entry.arm_class)


def _determined_by(encoder: Encoder) -> Mapping[str, str]:
    """Source instead of a version number: nobody has to remember to raise it."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in (folder / "index.py", *sorted((folder / "encoder").glob("*.py"))):
        digest.update(path.read_bytes())
    return {
        "weights": encoder.sha256,
        "encoder": encoder.fingerprint,
        "source": digest.hexdigest(),
        "libraries": json.dumps(library_versions(), sort_keys=True),
        "device": encoder.device_kind,
    }
