"""Which arms a comparison runs, and on what they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.catalogue import encoder_arms, endpoint_arms
from adapters.encoder.embedding import Encoder
from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from evaluation.arm import ArmSpec
from evaluation.dataset import Dataset
from rules.family import Family
from rules.layout import Backend
from service.commands.task_file import AskedFor
from service.corpus import open_retriever
from service.endpoint import chat_client, configured_endpoint
from service.refusals import Refusal
from service.rulebook import Rulebook
from service.settings import Settings

BACKENDS = tuple(backend.value for backend in Backend)


class Wishes(Protocol):
    """What a command says of a language model: the most money (in the currency of its prices) and calls to spend,
    whether it may improve its own instruction, and where passages come from."""

    @property
    def budget(self) -> float | None: ...

    @property
    def calls(self) -> int | None: ...

    @property
    def improve_prompt(self) -> bool: ...

    @property
    def corpus(self) -> Path | None: ...

    @property
    def search_service(self) -> bool: ...


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


def read_backends(names: Sequence[str], asked: AskedFor, settings: Settings) -> tuple[Backend, ...]:
    """What was asked for, else the encoder where it can do the task. Refused before anything is read."""
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        raise Refusal(f"--backend {unknown[0]}: expected one of {', '.join(BACKENDS)}.")
    backends = tuple(Backend(name) for name in dict.fromkeys(names)) or (Backend.ENCODER,)
    if Backend.ENCODER in backends and not asked.has_one_label:
        what = "several labels a text" if asked.kind == "classification" else f"kind: {asked.kind}"
        raise Refusal(
            f"The task is {what}; the embedded encoder only sorts texts into labels. Add --backend endpoint, and name "
            "a server with ADVISOR_ENDPOINT and ADVISOR_ENDPOINT_MODEL, or compare answers that you have: --recorded."
        )
    if Backend.LOCAL in backends:
        raise Refusal("--backend local: not in this version; serve the model and name it with --backend endpoint.")
    if Backend.ENDPOINT in backends:
        configured_endpoint(settings)
    return backends


def choose_arms(
    backends: Sequence[Backend], means: Means, wishes: Wishes, dataset: Dataset, folder: Path, language: str
) -> Chosen:
    """Of `wishes` the settings' hold where the command says nothing. `folder` is the comparison's own, `language` that
    of the documents."""
    encoder, settings = means.encoder, means.settings
    if Backend.ENDPOINT not in backends:
        if wishes.corpus is not None or wishes.search_service:
            raise Refusal("Passages are shown to a language model; add --backend endpoint, or leave the corpus out.")
        return Chosen(encoder_arms(encoder))
    retriever = open_retriever(wishes.corpus, wishes.search_service, settings, encoder, language)
    known = means.rulebook.model(settings.endpoint_model)
    prices = known.prices if known else None
    allowed = Budget(
        settings.budget_calls if wishes.calls is None else wishes.calls,
        settings.budget_money if wishes.budget is None else wishes.budget,
        prices,
    )
    client = chat_client(settings, dataset.fingerprint, folder, allowed)
    specs = endpoint_arms(client, encoder, retriever, improve=wishes.improve_prompt)
    if Backend.ENCODER in backends:
        specs = (*specs, *encoder_arms(encoder, beside=True))
    families = list(Family)
    return Chosen(tuple(sorted(specs, key=lambda spec: families.index(spec.family))), client)
