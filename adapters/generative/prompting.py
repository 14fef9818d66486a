"""Arms that ask a language model: alone, with a few examples, or with the most similar ones."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from adapters.encoder.embedding import Encoder
from adapters.generative.exchange import ChatAnswer, ChatRequest
from adapters.generative.prompts import LONGEST_LABEL_ANSWER, Prompt, sorting_instruction
from adapters.index import ExactIndex
from evaluation.arm import Prediction, Usage
from evaluation.dataset import Example, Task

DEMONSTRATIONS: Final = 8
"""In all. Five to ten are what a prompt usually shows."""
SHOWN, INDEX = "shown.json", "index.faiss"


class LanguageModel(Protocol):
    """Whatever answers conversations: a server, or a model on this machine."""

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]: ...


class ZeroShot:
    """The instruction alone."""

    def __init__(self, model: LanguageModel, task: Task) -> None:
        self._model, self._prompt = model, Prompt(sorting_instruction(task))

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Nothing is learnt from rows."""
        del train, seed

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return ask(self._model, [self._prompt] * len(inputs), inputs)

    def save(self, folder: Path) -> None:
        save_shown(folder, ())

    @classmethod
    def load(cls, model: LanguageModel, task: Task, folder: Path) -> ZeroShot:
        del folder
        return cls(model, task)


class FewShot:
    """The instruction and eight examples, drawn by the seed: one of each label as long as there are places."""

    def __init__(self, model: LanguageModel, task: Task) -> None:
        self._model, self._prompt = model, Prompt(sorting_instruction(task))

    def fit(self, train: Sequence[Example], seed: int) -> None:
        self._show(draw_demonstrations(train, DEMONSTRATIONS, np.random.default_rng(seed)))

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return ask(self._model, [self._prompt] * len(inputs), inputs)

    def save(self, folder: Path) -> None:
        save_shown(folder, self._shown)

    @classmethod
    def load(cls, model: LanguageModel, task: Task, folder: Path) -> FewShot:
        arm = cls(model, task)
        arm._show(load_shown(folder))
        return arm

    def _show(self, examples: Sequence[Example]) -> None:
        self._shown = tuple(examples)
        self._prompt = self._prompt.showing(self._shown)


class SimilarExamples:
    """The instruction and, for each text, the eight labelled rows most similar to it, the most similar last."""

    def __init__(self, model: LanguageModel, task: Task, encoder: Encoder) -> None:
        self._model, self._encoder, self._prompt = model, encoder, Prompt(sorting_instruction(task))

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Indexes the rows. Deterministic: the seed is not used."""
        del seed
        self._rows = tuple(train)
        self._index = ExactIndex(self._encoder.embed([example.input for example in train]))

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        if not inputs:
            return []
        _, found = self._index.search(self._encoder.embed(inputs), DEMONSTRATIONS)
        prompts = [self._prompt.showing([self._rows[row] for row in reversed(rows)]) for rows in found.tolist()]
        return ask(self._model, prompts, inputs)

    def save(self, folder: Path) -> None:
        save_shown(folder, self._rows)
        self._index.save(folder / INDEX)

    @classmethod
    def load(cls, model: LanguageModel, task: Task, encoder: Encoder, folder: Path) -> SimilarExamples:
        arm = cls(model, task, encoder)
        arm._rows = load_shown(folder)
        arm._index = ExactIndex.load(folder / INDEX)
        return arm


def ask(model: LanguageModel, prompts: Sequence[Prompt], inputs: Sequence[str]) -> list[Prediction]:
    """One prediction for each input, in order; what failed for one item is a prediction with an error."""
    requests = [
        ChatRequest(prompt.messages(text), max_tokens=LONGEST_LABEL_ANSWER)
        for prompt, text in zip(prompts, inputs, strict=True)
    ]
    return [prediction_of(answer) for answer in model.ask_all(requests)]


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
    return Prediction(answer.text, error=answer.error, usage=usage)


def draw_demonstrations(train: Sequence[Example], count: int, rng: np.random.Generator) -> list[Example]:
    """Rows in random order, taken in turns from the labels: no label twice before every label once."""
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


def save_shown(folder: Path, rows: Sequence[Example]) -> None:
    """The rows that a prompt may show: all that such an arm has learnt."""
    folder.mkdir(parents=True)
    records: list[Mapping[str, str]] = [{"id": row.id, "input": row.input, "output": row.output} for row in rows]
    (folder / SHOWN).write_text(json.dumps(records, ensure_ascii=False, indent=1), encoding="utf-8")


def load_shown(folder: Path) -> tuple[Example, ...]:
    records = json.loads((folder / SHOWN).read_text(encoding="utf-8"))
    return tuple(Example(line=0, source=str(folder / SHOWN), **record) for record in records)
