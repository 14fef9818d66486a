"""Every arm, one line each, simplest and cheapest first. Nothing heavy is imported until an arm is built."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from adapters.corpus.retriever import Retriever
from adapters.encoder.embedding import Encoder
from adapters.generative.chat import ChatClient
from evaluation.arm import Arm, ArmSpec, Family, Foreseen, Randomness
from evaluation.dataset import Example, Task
from evaluation.provenance import library_versions


class Entry(NamedTuple):
    """`module`, under adapters, holds the class."""

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
    Entry("zero_shot", "zero-shot prompting", Family.ZERO_SHOT, Randomness.NONE, "encoder.zero_shot", "ZeroShot", True),
    Entry(
        "few_shot", "few-shot prompting", Family.FEW_SHOT, Randomness.DRAW, "encoder.few_shot", "FewShot",
        demonstrations=8,
    ),
    Entry(
        "nearest", "retrieval of similar examples", Family.RETRIEVAL, Randomness.NONE, "encoder.nearest", "Nearest",
        chooses="how many neighbours vote",
    ),
    Entry(
        "head", "the classifier head", Family.HEAD, Randomness.NONE, "encoder.head", "Head",
        chooses="how far its weights may grow",
    ),
    Entry(
        "lora", "the LoRA fine-tune", Family.LORA, Randomness.TRAINING, "encoder.lora", "Lora",
        chooses="when training stops",
    ),
)  # fmt: skip


BESIDE_A_LANGUAGE_MODEL = ("nearest", "head", "lora")
"""What an encoder can do that is no prompting; its own zero-shot and few-shot would be namesakes of the model's."""

PROMPTED = (
    Entry("zero_shot", "zero-shot prompting", Family.ZERO_SHOT, Randomness.NONE, "generative.prompting", "ZeroShot"),
    Entry("few_shot", "few-shot prompting", Family.FEW_SHOT, Randomness.DRAW, "generative.prompting", "FewShot"),
    Entry(
        "similar_examples", "prompting with similar examples", Family.RETRIEVAL, Randomness.NONE,
        "generative.prompting", "SimilarExamples",
    ),
)  # fmt: skip
"""Over a language model."""
SIMILAR_EXAMPLES = PROMPTED[-1].name

PASSAGES = Entry(
    "passages", "retrieval of passages", Family.RETRIEVAL, Randomness.NONE, "generative.retrieval",
    "RetrievedPassages",
)  # fmt: skip
"""Where there are documents to search."""

IMPROVED = Entry(
    "system_message", "an improved instruction", Family.ZERO_SHOT, Randomness.DRAW, "generative.correcting",
    "SystemMessage", chooses="how its instruction reads",
)  # fmt: skip
"""Only where somebody asks for it: a fit asks the model some five hundred questions."""


def encoder_arms(encoder: Encoder, *, beside: bool = False) -> tuple[ArmSpec, ...]:
    """All arms over one encoder; with `beside` those that stand beside a language model's, which is declared."""
    determined_by = _determined_by(encoder)
    entries = [entry for entry in ARMS if not beside or entry.name in BESIDE_A_LANGUAGE_MODEL]
    return tuple(replace(_spec(entry, encoder, determined_by), own_base_model=beside) for entry in entries)


def endpoint_arms(
    client: ChatClient, encoder: Encoder, retriever: Retriever | None = None, *, improve: bool = False
) -> tuple[ArmSpec, ...]:
    """All arms over a server's model; the encoder finds similar examples for it, the `retriever` passages. With
    `improve` also the one whose instruction the model improves itself."""
    determined_by = {
        **client.endpoint.determined_by,
        "source": _source_sha256("generative"),
        "libraries": json.dumps(library_versions(), sort_keys=True),
    }
    similar = {**determined_by, "similar_by": encoder.fingerprint}
    arms = [
        _asked(entry, client, encoder, similar)
        if entry.name == SIMILAR_EXAMPLES
        else _asked(entry, client, None, determined_by)
        for entry in (*PROMPTED, *((IMPROVED,) if improve else ()))
    ]
    if retriever is not None:
        searched = {**determined_by, "search": json.dumps(dict(retriever.determined_by), sort_keys=True)}
        arms.append(_asked(PASSAGES, client, retriever, searched))
    return tuple(arms)


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


def _asked(
    entry: Entry, client: ChatClient, finder: Encoder | Retriever | None, determined_by: Mapping[str, str]
) -> ArmSpec:
    """An arm over a server's model; `finder` finds what its prompts show."""
    given = (finder,) if finder is not None else ()

    def build(task: Task) -> Any:
        return _class(entry)(client, task, *given)

    def foresee(task: Task, train: Sequence[Example], inputs: Sequence[str], seed: int) -> Foreseen:
        arm, answers = build(task), [example.output for example in train]
        if entry is IMPROVED:
            return client.foresee([*arm.requests_to_fit(train, seed), *arm.requests(inputs)], answers)
        arm.fit(train, seed)
        return client.foresee(arm.requests(inputs), answers)

    def load(folder: Path) -> Any:
        return _class(entry).load(client, *given, folder)

    return ArmSpec(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        randomness=entry.randomness,
        base_model=client.endpoint.model,
        determined_by=determined_by,
        build=build,
        load=load,
        prepare=finder.prepare if isinstance(finder, Encoder) else _nothing,
        foresee=foresee,
        repeat=lambda folder, inputs, temperature, calls: load(folder).repeat(inputs, temperature, calls),
        terms=client.statements if finder is None or isinstance(finder, Encoder) else lambda: finder.notes,
        chooses=entry.chooses,
    )


def _nothing(inputs: Sequence[str]) -> None:
    """What there is to prepare for a server."""


def _builder(entry: Entry, encoder: Encoder) -> Callable[[Task], Arm]:
    def build(task: Task) -> Arm:
        arm: Arm = _class(entry)(encoder, task) if entry.takes_task else _class(entry)(encoder)
        return arm

    return build


def _class(entry: Entry) -> Any:
    # Before the first model library is imported: it reads the variable only then.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return getattr(import_module(f"adapters.{entry.module}"), entry.arm_class)


def _determined_by(encoder: Encoder) -> Mapping[str, str]:
    return {
        "weights": encoder.sha256,
        "encoder": encoder.fingerprint,
        "source": _source_sha256("encoder"),
        "libraries": json.dumps(library_versions(), sort_keys=True),
        "device": encoder.device_kind,
    }


def _source_sha256(package: str) -> str:
    """Source instead of a version number: nobody has to remember to raise it."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in (folder / "index.py", *sorted((folder / package).glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
