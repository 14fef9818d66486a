"""Arms over one language model as the harness knows them: a server's through its client, or one of this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.corpus.retriever import Retriever
from adapters.encoder.embedding import Encoder
from adapters.entry import Entry, arm_class, source_sha256
from adapters.generative.chat import ChatClient
from adapters.generative.likelihood import LikeliestLabel
from adapters.generative.local import LocalModel
from evaluation.arm import ArmSpec, Foreseen, Prediction
from evaluation.dataset import Example, Task
from evaluation.provenance import library_versions

Foresee = Callable[[Task, Sequence[Example], Sequence[str], int], Foreseen]


@dataclass(frozen=True)
class AskedModel:
    """Makes their specs."""

    model: ChatClient | LocalModel
    name: str
    determined_by: Mapping[str, str]
    encoder: Encoder
    retriever: Retriever | None
    shown: int
    labels: tuple[str, ...] = ()
    """From which a model of this machine takes the likeliest."""
    notes: tuple[str, ...] = ()
    """What else the report says of the model: single sentences."""

    def arm(self, entry: Entry, finder: Encoder | Retriever | None = None) -> ArmSpec:
        """`finder` finds what its prompts show."""
        given = (finder,) if finder is not None else ()
        settings: dict[str, Any] = {"shown": self.shown} if given and not isinstance(finder, Encoder) else {}
        # The arm that improves its instruction needs a model that writes.
        labels = () if entry.rewrites else self.labels
        model = self._answering(labels, trained=entry.family.is_fine_tune)
        if labels and entry.family.is_fine_tune:
            settings["by_likelihood"] = True

        def build(task: Task) -> Any:
            return arm_class(entry)(model, task, *given, **settings)

        def load(folder: Path) -> Any:
            return arm_class(entry).load(model, folder, *given)

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
            measured=self.model.measured if isinstance(self.model, LocalModel) else None,
        )
        if not isinstance(self.model, ChatClient):
            return spec
        return replace(
            spec, foresee=_foresight(entry, self.model, build), foresee_repeat=_foresight_of_repeats(self.model, load)
        )

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
        return {**self.determined_by, **found_by, "source": source_sha256("generative"), "libraries": libraries}

    def _terms(self, finder: Encoder | Retriever | None) -> Callable[[], Sequence[str]] | None:
        if finder is not None and not isinstance(finder, Encoder):
            return self._of_the_search
        return self.model.statements if isinstance(self.model, ChatClient) else self._how_it_answers

    def _of_the_search(self) -> Sequence[str]:
        return self.retriever.notes if self.retriever is not None else ()

    def _how_it_answers(self) -> Sequence[str]:
        if not self.labels:
            return self.notes
        return (
            *self.notes,
            f"Answers of {self.name} that have a confidence are not what it would write: each is the label that it "
            "finds likeliest to write and end with, and the confidence is that label's share among all.",
        )


def _foresight(entry: Entry, client: ChatClient, build: Callable[[Task], Any]) -> Foresee:
    """What an arm over a server takes."""

    def foresee(task: Task, train: Sequence[Example], inputs: Sequence[str], seed: int) -> Foreseen:
        arm, answers = build(task), [example.output for example in train]
        if entry.rewrites:
            return client.foresee([*arm.requests_to_fit(train, seed), *arm.requests(inputs)], answers)
        arm.fit(train, seed)
        return client.foresee(arm.requests(inputs), answers)

    return foresee


def _foresight_of_repeats(
    client: ChatClient, load: Callable[[Path], Any]
) -> Callable[[Path, Sequence[str], float, int], Foreseen]:
    """What a saved arm over a server takes when it is asked again; how long its answers are is not known here."""

    def foresee(folder: Path, inputs: Sequence[str], temperature: float, calls: int) -> Foreseen:
        return client.foresee(load(folder).repeated_requests(inputs, temperature, calls), ())

    return foresee


def _nothing(inputs: Sequence[str]) -> None:
    """What there is to prepare for a server."""
