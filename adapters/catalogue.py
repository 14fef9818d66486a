"""Every arm, one line each, simplest and cheapest first. Nothing heavy is imported until an arm is built."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.corpus.retriever import SHOWN, Retriever
from adapters.encoder.embedding import Encoder
from adapters.entry import Entry, arm_class, source_sha256
from adapters.generative.asked import AskedModel
from adapters.generative.chat import ChatClient
from adapters.generative.local import LocalModel
from evaluation.arm import Arm, ArmSpec, Family, Randomness
from evaluation.dataset import Example, Task
from evaluation.provenance import library_versions

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

TUNED = Entry("lora", "the LoRA fine-tune", Family.LORA, Randomness.TRAINING, "generative.lora", "Lora")
TUNED_WITH_PASSAGES = Entry(
    "lora_passages", "the LoRA fine-tune that reads passages", Family.LORA, Randomness.TRAINING, "generative.lora",
    "Lora",
)  # fmt: skip
"""Trained with passages and given them; the other is never given any."""

IMPROVED = Entry(
    "system_message", "an improved instruction", Family.ZERO_SHOT, Randomness.DRAW, "generative.correcting",
    "SystemMessage", chooses="how its instruction reads", rewrites=True,
)  # fmt: skip
"""Only where somebody asks for it: a fit asks the model some five hundred questions."""


def encoder_arms(encoder: Encoder, *, beside: bool = False) -> tuple[ArmSpec, ...]:
    """All arms over one encoder; with `beside` those that stand beside a language model's, which is declared."""
    determined_by = _determined_by(encoder)
    entries = [entry for entry in ARMS if not beside or entry.name in BESIDE_A_LANGUAGE_MODEL]
    return tuple(replace(_spec(entry, encoder, determined_by), own_base_model=beside) for entry in entries)


def endpoint_arms(
    client: ChatClient, encoder: Encoder, retriever: Retriever | None = None, *, shown: int = SHOWN,
    improve: bool = False,
) -> tuple[ArmSpec, ...]:  # fmt: skip
    """All arms over a server's model; the encoder finds similar examples for it, the `retriever` passages, of which so
    many are `shown`. With `improve` also the one whose instruction the model improves itself."""
    asked = AskedModel(client, client.endpoint.model, client.endpoint.determined_by, encoder, retriever, shown)
    return _prompting(asked, improve=improve)


def local_arms(
    model: LocalModel, encoder: Encoder, retriever: Retriever | None = None, *, shown: int = SHOWN,
    improve: bool = False, beside: bool = False, labels: Sequence[str] = (), trained: bool = True,
    notes: Sequence[str] = (),
) -> tuple[ArmSpec, ...]:  # fmt: skip
    """All arms over a model of this machine, the fine-tunes among them; with `beside` only these, declared to stand on
    another model than the arms beside them. With the `labels` of a classification each answers with the likeliest of
    them and how sure it is; without, with what the model writes. Where not `trained`, those
    that prompt alone. `notes` are sentences for the report."""
    asked = AskedModel(
        model, model.name, model.determined_by, encoder, retriever, shown, tuple(labels), tuple(notes)
    )  # fmt: skip
    prompted = () if beside else _prompting(asked, improve=improve)
    tuned = [asked.arm(TUNED)] if trained else []
    if trained and retriever is not None:
        tuned.append(asked.arm(TUNED_WITH_PASSAGES, retriever))
    return (*prompted, *(replace(spec, own_base_model=beside) for spec in tuned))


def head_fit(encoder: Encoder) -> Callable[[Sequence[Example]], Any]:
    """Fits the head on rows; what comes back gives probabilities for any text."""
    entry = next(entry for entry in ARMS if entry.family is Family.HEAD)

    def fit(train: Sequence[Example]) -> Any:
        head = arm_class(entry)(encoder)
        head.fit(train, 0)
        return head

    return fit


def _prompting(asked: AskedModel, *, improve: bool) -> tuple[ArmSpec, ...]:
    """Those that only prompt."""
    arms = [
        asked.arm(entry, asked.encoder if entry.name == SIMILAR_EXAMPLES else None)
        for entry in (*PROMPTED, *((IMPROVED,) if improve else ()))
    ]
    if asked.retriever is not None:
        arms.append(asked.arm(PASSAGES, asked.retriever))
    return tuple(arms)


def _spec(entry: Entry, encoder: Encoder, determined_by: Mapping[str, str]) -> ArmSpec:
    return ArmSpec(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        randomness=entry.randomness,
        base_model=encoder.name,
        determined_by=determined_by,
        build=_builder(entry, encoder),
        load=lambda folder: arm_class(entry).load(encoder, folder),
        prepare=encoder.prepare,
        demonstrations=entry.demonstrations,
        observe=encoder.observed,
        chooses=entry.chooses,
    )


def _builder(entry: Entry, encoder: Encoder) -> Callable[[Task], Arm]:
    def build(task: Task) -> Arm:
        arm: Arm = arm_class(entry)(encoder, task) if entry.takes_task else arm_class(entry)(encoder)
        return arm

    return build


def _determined_by(encoder: Encoder) -> Mapping[str, str]:
    return {
        "weights": encoder.sha256,
        "encoder": encoder.fingerprint,
        "source": source_sha256("encoder"),
        "libraries": json.dumps(library_versions(), sort_keys=True),
        "device": encoder.device_kind,
    }
