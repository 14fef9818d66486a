"""Every arm, one line each, simplest and cheapest first. Nothing heavy is imported until an arm is built."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from adapters.corpus.retriever import SHOWN, Retriever
from adapters.encoder.embedding import Encoder
from adapters.generative.chat import ChatClient
from adapters.generative.likelihood import LikeliestLabel
from adapters.generative.local import LocalModel
from evaluation.arm import Arm, ArmSpec, Family, Foreseen, Prediction, Randomness
from evaluation.dataset import Example, Task
from evaluation.provenance import library_versions

Foresee = Callable[[Task, Sequence[Example], Sequence[str], int], Foreseen]


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

TUNED = Entry("lora", "the LoRA fine-tune", Family.LORA, Randomness.TRAINING, "generative.lora", "Lora")
TUNED_WITH_PASSAGES = Entry(
    "lora_passages", "the LoRA fine-tune that reads passages", Family.LORA, Randomness.TRAINING, "generative.lora",
    "Lora",
)  # fmt: skip
"""Trained with passages and given them; the other is never given any."""

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
    client: ChatClient, encoder: Encoder, retriever: Retriever | None = None, *, shown: int = SHOWN,
    improve: bool = False,
) -> tuple[ArmSpec, ...]:  # fmt: skip
    """All arms over a server's model; the encoder finds similar examples for it, the `retriever` passages, of which so
    many are `shown`. With `improve` also the one whose instruction the model improves itself."""
    asked = _Asked(client, client.endpoint.model, client.endpoint.determined_by, encoder, retriever, shown)
    return asked.arms(improve=improve)


def local_arms(
    model: LocalModel, encoder: Encoder, retriever: Retriever | None = None, *, shown: int = SHOWN,
    improve: bool = False, beside: bool = False, labels: Sequence[str] = (),
) -> tuple[ArmSpec, ...]:  # fmt: skip
    """All arms over a model of this machine, the fine-tunes among them; with `beside` only these, declared to stand on
    another model than the arms beside them. With the `labels` of a classification each answers with the likeliest of
    them and how sure it is; without, with what the model writes."""
    asked = _Asked(model, model.name, model.determined_by, encoder, retriever, shown, tuple(labels))
    prompted = () if beside else asked.arms(improve=improve)
    tuned = [asked.arm(TUNED)] + ([asked.arm(TUNED_WITH_PASSAGES, retriever)] if retriever is not None else [])
    return (*prompted, *(replace(spec, own_base_model=beside) for spec in tuned))


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


@dataclass(frozen=True)
class _Asked:
    """Makes arms over one language model: a server's through its client, or one of this machine."""

    model: ChatClient | LocalModel
    name: str
    determined_by: Mapping[str, str]
    encoder: Encoder
    retriever: Retriever | None
    shown: int
    labels: tuple[str, ...] = ()
    """From which a model of this machine takes the likeliest."""

    def arms(self, *, improve: bool) -> tuple[ArmSpec, ...]:
        """Those that only prompt."""
        arms = [
            self.arm(entry, self.encoder if entry.name == SIMILAR_EXAMPLES else None)
            for entry in (*PROMPTED, *((IMPROVED,) if improve else ()))
        ]
        if self.retriever is not None:
            arms.append(self.arm(PASSAGES, self.retriever))
        return tuple(arms)

    def arm(self, entry: Entry, finder: Encoder | Retriever | None = None) -> ArmSpec:
        """`finder` finds what its prompts show."""
        given = (finder,) if finder is not None else ()
        settings: dict[str, Any] = {"shown": self.shown} if given and not isinstance(finder, Encoder) else {}
        # The arm that improves its instruction needs a model that writes.
        labels = () if entry is IMPROVED else self.labels
        model = self._answering(labels, trained=entry.family.is_fine_tune)
        if labels and entry.family.is_fine_tune:
            settings["by_likelihood"] = True

        def build(task: Task) -> Any:
            return _class(entry)(model, task, *given, **settings)

        def load(folder: Path) -> Any:
            return _class(entry).load(model, folder, *given)

        def repeat(folder: Path, inputs: Sequence[str], temperature: float, calls: int) -> list[list[Prediction]]:
            again: list[list[Prediction]] = load(folder).repeat(inputs, temperature, calls)
            return again

        spec = ArmSpec(
            name=entry.name,
            title=entry.title,
            family=entry.family,
            randomness=entry.randomness,
            base_model=self.name,
            determined_by={**self._determined_by(finder), "answers": "likeliest label" if labels else "written"},
            build=build,
            load=load,
            prepare=finder.prepare if isinstance(finder, Encoder) else _nothing,
            # The likeliest label is the same every time.
            repeat=None if entry.family.is_fine_tune or labels else repeat,
            terms=self._terms(finder),
            chooses=entry.chooses,
        )
        if not isinstance(self.model, ChatClient):
            return spec
        return replace(spec, foresee=_foresight(entry, self.model, build))

    def _answering(self, labels: Sequence[str], *, trained: bool) -> ChatClient | LocalModel | LikeliestLabel:
        """What an arm asks; one that trains chooses among labels itself, with what it has learnt."""
        if not labels or trained or isinstance(self.model, ChatClient):
            return self.model
        return LikeliestLabel(self.model, labels)

    def _determined_by(self, finder: Encoder | Retriever | None) -> Mapping[str, str]:
        found_by = {}
        if isinstance(finder, Encoder):
            found_by = {"similar_by": finder.fingerprint}
        elif finder is not None:
            found_by = {
                "search": json.dumps(dict(finder.determined_by), sort_keys=True), "passages_shown": str(self.shown)
            }  # fmt: skip
        libraries = json.dumps(library_versions(), sort_keys=True)
        return {**self.determined_by, **found_by, "source": _source_sha256("generative"), "libraries": libraries}

    def _terms(self, finder: Encoder | Retriever | None) -> Callable[[], Sequence[str]] | None:
        if finder is not None and not isinstance(finder, Encoder):
            return lambda: finder.notes
        return self.model.statements if isinstance(self.model, ChatClient) else self._how_it_answers

    def _how_it_answers(self) -> Sequence[str]:
        if not self.labels:
            return ()
        return (
            f"Answers of {self.name} that have a confidence are not what it would write: each is the label that it "
            "finds likeliest to write and end with, and the confidence is that label's share among all.",
        )


def _foresight(entry: Entry, client: ChatClient, build: Callable[[Task], Any]) -> Foresee:
    """What an arm over a server takes."""

    def foresee(task: Task, train: Sequence[Example], inputs: Sequence[str], seed: int) -> Foreseen:
        arm, answers = build(task), [example.output for example in train]
        if entry is IMPROVED:
            return client.foresee([*arm.requests_to_fit(train, seed), *arm.requests(inputs)], answers)
        arm.fit(train, seed)
        return client.foresee(arm.requests(inputs), answers)

    return foresee


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
