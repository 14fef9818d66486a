"""The arm whose instruction is improved against its own errors by the model itself, then frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.prompting import LanguageModel, Prompted, loaded
from adapters.generative.prompts import Prompt
from evaluation.answers import (
    NO_ANSWER,
    Unread,
    abstains,
    find_label,
    labels_of_row,
    read_labels,
    read_record,
    read_short_answer,
)
from evaluation.dataset import Example, Task

MOST_ROWS: Final = 60
"""Of the training rows: half to find errors in, half to judge an improvement by. Each round asks about all of them."""
MOST_ROUNDS: Final = 4
ERRORS_SHOWN: Final = 8
LONGEST_INSTRUCTION: Final = 1024
"""Tokens."""
EDITOR: Final = (
    "You improve the instruction that a language model is given. You see the instruction, texts that it got wrong, and "
    "the right answers. Write the whole improved instruction and nothing else. Say what to watch for in general; do "
    "not quote the texts, and do not say how the answer must be formatted: that is added by itself."
)


class SystemMessage(Prompted):
    """Corrective prompting: errors on training rows are shown to the model, which rewrites the instruction; the new one
    stays if it is right more often on other training rows, and the first that is not ends the search. What cannot be
    right or wrong (texts in one's own words) keeps the instruction as it is.
    """

    def __init__(self, model: LanguageModel, task: Task) -> None:
        super().__init__(model, Prompt.of(task))
        self._task = task
        self.validation_rows = 0
        self.rounds = 0
        """Improvements that stayed."""

    def fit(self, train: Sequence[Example], seed: int) -> None:
        if self._task.kind == "generation":
            return
        shown, held_out = drawn_halves(train, seed)
        self.validation_rows = len(held_out)
        right = self._right(self._task, held_out)
        for _ in range(MOST_ROUNDS):
            better = self._rewritten(shown)
            if better is None:
                return
            now_right = self._right(better, held_out)
            if now_right <= right:
                return
            right, self._task, self._prompt = now_right, better, Prompt.of(better)
            self.rounds += 1

    def requests_to_fit(self, train: Sequence[Example], seed: int) -> list[ChatRequest]:
        """About as many questions as a fit may ask, for an estimate beforehand."""
        if self._task.kind == "generation":
            return []
        shown, held_out = drawn_halves(train, seed)
        prompt = Prompt.of(self._task)
        once = [prompt.request(row.input) for row in (*shown, *held_out)]
        # Another instruction makes other questions: told apart here as repetitions.
        return [replace(request, repetition=number) for number in range(MOST_ROUNDS) for request in once]

    @classmethod
    def load(cls, model: LanguageModel, folder: Path) -> SystemMessage:
        return loaded(cls, model, folder)

    def _right(self, task: Task, rows: Sequence[Example]) -> int:
        return sum(answer is None for answer in self._wrong_answers(task, rows))

    def _wrong_answers(self, task: Task, rows: Sequence[Example]) -> list[str | None]:
        """For each row what was answered where it is wrong, None where it is right."""
        prompt = Prompt.of(task)
        answers = self._model.ask_all([prompt.request(row.input) for row in rows])
        told = [answer.text or f"(no answer: {answer.error})" for answer in answers]
        return [None if is_right(task, row, text) else text for row, text in zip(rows, told, strict=True)]

    def _rewritten(self, rows: Sequence[Example]) -> Task | None:
        """The task with a new instruction; None where nothing is wrong or nothing new was said."""
        wrong = [
            f"Text: {row.input}\nAnswered: {answer}\nRight: {row.output}"
            for row, answer in zip(rows, self._wrong_answers(self._task, rows), strict=True)
            if answer is not None
        ]
        if not wrong:
            return None
        listed = "\n\n".join(wrong[:ERRORS_SHOWN])
        asked = f"Instruction:\n{self._task.instruction or '(none yet)'}\n\nErrors:\n\n{listed}"
        request = ChatRequest((Message("system", EDITOR), Message("user", asked)), max_tokens=LONGEST_INSTRUCTION)
        (answer,) = self._model.ask_all([request])
        written = (answer.text or "").strip()
        return replace(self._task, instruction=written) if written and written != self._task.instruction else None


def drawn_halves(train: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """At most sixty rows in random order: those to find errors in, and those to judge by."""
    order = np.random.default_rng(seed).permutation(len(train))[:MOST_ROWS].tolist()
    half = len(order) // 2
    return [train[row] for row in order[:half]], [train[row] for row in order[half:]]


def is_right(task: Task, row: Example, text: str) -> bool:
    """Whether the answer, as it would be read, is one of those accepted."""
    given = _read(task, text)
    return not isinstance(given, Unread) and any(given == _accepted(task, answer) for answer in row.accepted)


def _read(task: Task, text: str) -> Any:
    if task.kind == "extraction":
        return read_record(text)
    if task.kind == "question_answering":
        answer = read_short_answer(text)
        return answer if isinstance(answer, Unread) else _plain(NO_ANSWER if abstains(answer) else answer)
    return read_labels(text, task.labels) if task.several_labels else find_label(text, task.labels)


def _accepted(task: Task, answer: str) -> Any:
    if task.kind == "extraction":
        return read_record(answer)
    if task.kind == "question_answering":
        return _plain(answer)
    return frozenset(labels_of_row(answer)) if task.several_labels else answer


def _plain(answer: str) -> str:
    return " ".join(answer.casefold().split()).strip(" .")
