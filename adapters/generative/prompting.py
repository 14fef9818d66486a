"""Arms that ask a language model: alone, with a few examples, or with the most similar ones."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np

from adapters.encoder.embedding import Encoder
from adapters.generative.exchange import ChatAnswer, ChatRequest
from adapters.generative.prompts import Prompt
from adapters.index import ExactIndex
from evaluation.arm import Prediction, Usage
from evaluation.dataset import Example, Task

DEMONSTRATIONS: Final = 8
"""In all. Five to ten are what a prompt usually shows."""
PROMPT, ROWS, INDEX = "prompt.json", "rows.json", "index.faiss"

P = TypeVar("P", bound="Prompted")


class LanguageModel(Protocol):
    """Whatever answers conversations: a server, or a model on this machine."""

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]: ...


class Prompted:
    """What the arms below have in common: they learn what to show, and ask."""

    def __init__(self, model: LanguageModel, prompt: Prompt) -> None:
        self._model, self._prompt = model, prompt

    def requests(self, inputs: Sequence[str]) -> list[ChatRequest]:
        """What would be asked about each input."""
        return [self._prompt.request(text) for text in inputs]

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        """One prediction for each input; what failed for one item is a prediction with an error."""
        return [prediction_of(answer) for answer in self._model.ask_all(self.requests(inputs))]

    def repeat(self, inputs: Sequence[str], temperature: float, calls: int) -> list[list[Prediction]]:
        """So many answers to each input at a temperature."""
        requests = self.repeated_requests(inputs, temperature, calls)
        answers = [prediction_of(answer) for answer in self._model.ask_all(requests)]
        return [answers[first : first + calls] for first in range(0, len(answers), calls)]

    def repeated_requests(self, inputs: Sequence[str], temperature: float, calls: int) -> list[ChatRequest]:
        """What `repeat` asks, input by input: each call with a seed of its own."""
        return [
            replace(request, temperature=temperature, seed=call, repetition=call)
            for request in self.requests(inputs)
            for call in range(calls)
        ]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / PROMPT).write_text(self._prompt.to_json(), encoding="utf-8")


class ZeroShot(Prompted):
    """The instruction alone."""

    def __init__(self, model: LanguageModel, task: Task) -> None:
        super().__init__(model, Prompt.of(task))

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Nothing is learnt from rows."""
        del train, seed

    @classmethod
    def load(cls, model: LanguageModel, folder: Path) -> ZeroShot:
        return loaded(cls, model, folder)


class FewShot(Prompted):
    """The instruction and eight examples, drawn by the seed: one of each label as long as there are places."""

    def __init__(self, model: LanguageModel, task: Task) -> None:
        super().__init__(model, Prompt.of(task))

    def fit(self, train: Sequence[Example], seed: int) -> None:
        self._prompt = self._prompt.showing(draw_demonstrations(train, DEMONSTRATIONS, np.random.default_rng(seed)))

    @classmethod
    def load(cls, model: LanguageModel, folder: Path) -> FewShot:
        return loaded(cls, model, folder)


class SimilarExamples(Prompted):
    """The instruction and, for each text, the eight labelled rows most similar to it, the most similar last."""

    def __init__(self, model: LanguageModel, task: Task, encoder: Encoder) -> None:
        super().__init__(model, Prompt.of(task))
        self._encoder = encoder

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Indexes the rows. Deterministic: the seed is not used."""
        del seed
        self._rows = tuple(train)
        self._index = ExactIndex(self._encoder.embed([example.input for example in train]))

    def requests(self, inputs: Sequence[str]) -> list[ChatRequest]:
        if not inputs:
            return []
        _, found = self._index.search(self._encoder.embed(inputs), DEMONSTRATIONS)
        shown = ([self._rows[row] for row in reversed(rows)] for rows in found.tolist())
        return [self._prompt.showing(examples).request(text) for examples, text in zip(shown, inputs, strict=True)]

    def save(self, folder: Path) -> None:
        super().save(folder)
        rows = [{"id": row.id, "input": row.input, "output": row.output} for row in self._rows]
        (folder / ROWS).write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
        self._index.save(folder / INDEX)

    @classmethod
    def load(cls, model: LanguageModel, folder: Path, encoder: Encoder) -> SimilarExamples:
        arm = loaded(cls, model, folder)
        records = json.loads((folder / ROWS).read_text(encoding="utf-8"))
        arm._encoder = encoder
        arm._rows = tuple(Example(line=0, source=str(folder / ROWS), **record) for record in records)
        arm._index = ExactIndex.load(folder / INDEX)
        return arm


def loaded(kind: type[P], model: LanguageModel, folder: Path) -> P:
    """An arm whose prompt was saved."""
    arm = kind.__new__(kind)
    Prompted.__init__(arm, model, Prompt.from_json((folder / PROMPT).read_text(encoding="utf-8")))
    return arm


def prediction_of(answer: ChatAnswer) -> Prediction:
    """The answer as the harness knows it."""
    reply = answer.reply
    usage = None
    if reply is not None:
        usage = Usage(
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost=answer.cost,
            queued_seconds=reply.queued_seconds,
            serving_seconds=reply.serving_seconds,
        )
    return Prediction(answer.text, answer.confidence, answer.error, usage)


def draw_demonstrations(train: Sequence[Example], count: int, rng: np.random.Generator) -> list[Example]:
    """Rows in random order, taken in turns from the labels: no label twice before every label once. Where every answer
    is another, that is any order."""
    by_label: dict[str, list[Example]] = defaultdict(list)
    for row in rng.permutation(len(train)).tolist():
        by_label[train[row].output].append(train[row])
    labels = sorted(by_label)
    turns = [
        by_label[labels[label]][turn]
        for turn in range(max(map(len, by_label.values()), default=0))
        for label in rng.permutation(len(labels)).tolist()
        if turn < len(by_label[labels[label]])
    ]
    drawn = turns[:count]
    return [drawn[place] for place in rng.permutation(len(drawn)).tolist()]
