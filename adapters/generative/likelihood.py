"""For a classification: which label the model finds likeliest, instead of what it would write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adapters.generative.exchange import ChatAnswer, ChatRequest, Failure, Sent, failed, judge
from adapters.generative.generation import log_likelihoods
from adapters.generative.local import TOO_LARGE, LocalModel, told
from adapters.generative.memory import DoesNotFit
from adapters.generative.structured import Structure


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Probabilities of the labels, in their order and adding up to 1; None with an error.

    `prompt` and `answers` are the ids that the model read.
    """

    probabilities: NDArray[np.float64] | None
    error: str | None
    prompt: list[int]
    answers: list[list[int]]
    seconds: float


class LikeliestLabel:
    """Answers every conversation with one of the labels; stands wherever a LanguageModel does.

    A label's probability is that of the model writing it and then ending, shared out among the labels: no length is
    favoured by a rule of ours, and an answer that is no label cannot happen. Its share is the answer's confidence. Of a
    request's settings only the messages count: there is nothing to draw, so a temperature changes nothing.
    """

    def __init__(self, model: LocalModel, labels: Sequence[str]) -> None:
        if not labels or len(set(labels)) < len(labels):
            raise ValueError("At least one label is needed, and none twice.")
        self._model, self.labels = model, tuple(labels)

    def scores(self, requests: Sequence[ChatRequest]) -> list[LabelScores]:
        """For each request, in order. A prompt that is too long is an error of that item."""
        return [self._score(request) for request in requests]

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]:
        return [
            self.answer(request, scores) for request, scores in zip(requests, self.scores(requests), strict=True)
        ]  # fmt: skip

    def _score(self, request: ChatRequest) -> LabelScores:
        began = time.perf_counter()
        model = self._model
        prompt = model.prompt_ids(request)
        answers = [model.template.completion(told(request), label) for label in self.labels]
        if len(prompt) + max(map(len, answers)) > model.context:
            return LabelScores(None, model.too_long(len(prompt)), prompt, answers, 0.0)
        try:
            found = log_likelihoods(model.model, prompt, answers, model.batches)
        except DoesNotFit:
            return LabelScores(None, TOO_LARGE, prompt, answers, time.perf_counter() - began)
        shares = np.exp(found - found.max())
        return LabelScores(shares / shares.sum(), None, prompt, answers, time.perf_counter() - began)

    def answer(self, request: ChatRequest, scores: LabelScores) -> ChatAnswer:
        """The likeliest label as an answer; of equal ones the first."""
        sent = Sent(0.0, request.seed, Structure.NONE)
        if scores.probabilities is None:
            return failed(Failure.TOO_LONG, scores.error or "", sent)
        chosen = int(scores.probabilities.argmax())
        reply = self._model.reply(scores.prompt, scores.answers[chosen], scores.seconds)
        answer = judge(replace(reply, text=self.labels[chosen]), request, sent, None, cached=False)
        return replace(answer, confidence=float(scores.probabilities[chosen]))
