"""Which arms a comparison runs, and on what they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.catalogue import encoder_arms, endpoint_arms, local_arms
from adapters.corpus.retriever import SHOWN
from adapters.encoder.embedding import Encoder
from adapters.generative.chat import ChatClient
from evaluation.arm import ArmSpec
from evaluation.dataset import Dataset, Task
from rules.family import Family
from rules.layout import Backend
from service.commands.task_file import AskedFor
from service.corpus import open_retriever
from service.endpoint import budget_of, chat_client, configured_endpoint
from service.local_model import OnThisMachine
from service.refusals import Refusal
from service.rulebook import Rulebook
from service.settings import Settings

BACKENDS = tuple(backend.value for backend in Backend)


class Wishes(Protocol):
    """What a command says of a language model: the most money (in the currency of its prices) and calls to spend,
    whether it may improve its own instruction, where passages come from, how many are shown with each text and where
    what they are searched by is kept (in the data folder if None), which model of this machine is meant and whether it
    writes its labels and has 4 bits a weight, and at which temperatures to ask again."""

    @property
    def budget(self) -> float | None: ...

    @property
    def calls(self) -> int | None: ...

    @property
    def improve_prompt(self) -> bool: ...

    @property
    def corpus(self) -> Path | None: ...

    @property
    def indexes(self) -> Path | None: ...

    @property
    def search_service(self) -> bool: ...

    @property
    def passages(self) -> int | None: ...

    @property
    def model(self) -> str | None: ...

    @property
    def written_labels(self) -> bool: ...

    @property
    def four_bit(self) -> bool: ...

    @property
    def temperatures(self) -> Sequence[float]: ...


@dataclass(frozen=True)
class Means:
    """What this machine has to compare with."""

    encoder: Encoder
    settings: Settings
    rulebook: Rulebook


@dataclass(frozen=True)
class Chosen:
    """Arms, cheapest first, and the client that their answers are asked through, if any is."""

    specs: tuple[ArmSpec, ...]
    client: ChatClient | None = None


def read_backends(
    names: Sequence[str], asked: AskedFor, settings: Settings, model: str | None = None
) -> tuple[Backend, ...]:
    """What was asked for, else the encoder where it can do the task. Refused before anything is read."""
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        raise Refusal(f"--backend {unknown[0]}: expected one of {', '.join(BACKENDS)}.")
    backends = tuple(Backend(name) for name in dict.fromkeys(names)) or (Backend.ENCODER,)
    if Backend.ENCODER in backends and not asked.has_one_label:
        what = "several labels a text" if asked.kind == "classification" else f"kind: {asked.kind}"
        raise Refusal(
            f"The task is {what}; the embedded encoder only sorts texts into labels. Add --backend endpoint, and name "
            "a server with ADVISOR_ENDPOINT and ADVISOR_ENDPOINT_MODEL, or --backend local --model FOLDER, or compare "
            "answers that you have: --recorded."
        )
    if (Backend.LOCAL in backends) != (model is not None):
        raise Refusal("--backend local and --model go together: name a folder, or a model of the hub that is here.")
    if Backend.ENDPOINT in backends:
        configured_endpoint(settings)
    return backends


def choose_arms(
    backends: Sequence[Backend], means: Means, wishes: Wishes, dataset: Dataset, folder: Path, task: Task
) -> Chosen:
    """Of `wishes` the settings' hold where the command says nothing. `folder` is the comparison's own. Where
    several models are compared, only the first brings the arms that merely prompt."""
    encoder, settings = means.encoder, means.settings
    if Backend.LOCAL not in backends and (wishes.written_labels or wishes.four_bit):
        raise Refusal(
            "--written-labels and --four-bit are for a model of this machine: add --backend local --model MODEL."
        )
    if set(backends) == {Backend.ENCODER}:
        if wishes.corpus is not None or wishes.search_service or wishes.passages is not None:
            raise Refusal("Passages are shown to a language model; add --backend endpoint, or leave the corpus out.")
        return Chosen(encoder_arms(encoder))
    retriever = open_retriever(wishes.corpus, wishes.search_service, settings, encoder, task.language, wishes.indexes)
    if wishes.passages is not None and retriever is None:
        raise Refusal("--passages: there is nothing to find them in; name documents with --corpus, or leave it out.")
    shown = SHOWN if wishes.passages is None else wishes.passages
    client = _client(means, wishes, dataset, folder) if Backend.ENDPOINT in backends else None
    specs: list[ArmSpec] = []
    if client is not None:
        specs += endpoint_arms(client, encoder, retriever, shown=shown, improve=wishes.improve_prompt)
    if Backend.LOCAL in backends:
        local = OnThisMachine.of(wishes, folder, beside=client is not None)
        specs += local_arms(
            local.model, encoder, retriever, shown=shown, improve=wishes.improve_prompt, beside=client is not None,
            labels=_labels(wishes, task, beside=client is not None), trained=local.trained, notes=local.notes,
        )  # fmt: skip
    if Backend.ENCODER in backends:
        specs += encoder_arms(encoder, beside=True)
    _refuse_namesakes(specs)
    families = list(Family)
    return Chosen(tuple(sorted(specs, key=lambda spec: families.index(spec.family))), client)


def _labels(wishes: Wishes, task: Task, *, beside: bool) -> tuple[str, ...]:
    """From which a model of this machine takes the likeliest; empty where it writes."""
    if not task.has_one_label or wishes.written_labels:
        return ()
    if wishes.temperatures and not beside:
        raise Refusal(
            "--temperature: the likeliest label is the same every time; add --written-labels, or leave it out."
        )
    return task.labels


def _client(means: Means, wishes: Wishes, dataset: Dataset, folder: Path) -> ChatClient:
    settings = means.settings
    allowed = budget_of(settings, means.rulebook.model(settings.endpoint_model), wishes)
    return chat_client(settings, dataset.fingerprint, folder, allowed)


def _refuse_namesakes(specs: Sequence[ArmSpec]) -> None:
    names = [spec.name for spec in specs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Refusal(
            f"Two of the models would bring an arm called {twice}; compare them two at a time: --backend endpoint with "
            "one of the others, or --backend local alone."
        )
