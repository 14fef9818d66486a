"""The arm that fine-tunes: low-rank adapters on a language model of this machine, in peft's own format.

The folder `adapter` of a saved arm is loaded elsewhere by
    transformers  PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE), "FOLDER/adapter")
    vLLM          vllm serve BASE --enable-lora --max-lora-rank 16 --lora-modules NAME=FOLDER/adapter
It answers as measured only if it is asked as it was trained: with the base model's chat template and the prompt in
`prompt.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.corpus.retriever import SHOWN, Retriever, Unsearched
from adapters.generative.adapter import Adapter, wearing
from adapters.generative.exchange import ChatRequest
from adapters.generative.likelihood import LikeliestLabel
from adapters.generative.local import LocalModel, told
from adapters.generative.prompting import PROMPT, prediction_of
from adapters.generative.prompts import Prompt
from adapters.generative.retrieval import Searched, answered, prompt_from_passages, requested, with_passages
from adapters.generative.training import Trained, TrainingSettings, train
from adapters.generative.weights import WeightsError
from evaluation.arm import Passage, Prediction
from evaluation.dataset import Example, Task

ADAPTER, SETTINGS = "adapter", "lora.json"
TRAINING: Final = TrainingSettings()


class Lora:
    """An adapter trained to answer the task's prompt as the training rows do.

    With a retriever it is trained on the passages found for each row, and gets passages when it predicts; without one
    it is never given any: a model that learnt to answer alone reads them as noise. `by_likelihood`, for a
    classification, takes the likeliest label instead of what the model writes, and states its probability. A fit that
    was killed goes on from the model's `checkpoints`. `trained` says how a fit went.
    """

    def __init__(
        self,
        model: LocalModel,
        task: Task,
        retriever: Retriever | None = None,
        *,
        training: TrainingSettings = TRAINING,
        by_likelihood: bool = False,
        shown: int = SHOWN,
    ) -> None:
        self._prompt = Prompt.of(task) if retriever is None else prompt_from_passages(task)
        self._model, self._retriever, self._shown = model, retriever, shown
        self._of_text = "Question" if task.kind == "question_answering" else "Text"
        self._labels = task.labels if by_likelihood else ()
        self._training = training
        self.trained: Trained | None = None

    def fit(self, train_rows: Sequence[Example], seed: int) -> None:
        """Raises TrainingError where no row can be trained on."""
        searched = self._search([row.input for row in train_rows])
        conversations = [
            (tuple(told(self._request(found, row.input))), row.output)
            for row, found in zip(train_rows, searched, strict=True)
            if not isinstance(found, Unsearched)
        ]
        self.trained = train(self._model, conversations, self._training, seed, self._model.checkpoints)
        self._adapter = self.trained.adapter

    def requests(self, inputs: Sequence[str]) -> list[ChatRequest]:
        """What would be asked about each input; without passages where the search failed."""
        return requested(inputs, self._search(inputs), self._request)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        """Predictions, with the passages that the model was shown where it was trained with some. An input that could
        not be searched for is a prediction with an error, and nothing is asked."""
        if self._retriever is None:
            return self._answers(self.requests(inputs))
        return answered(inputs, self._search(inputs), self._request, self._answers)

    def save(self, folder: Path) -> None:
        """Prompt, settings and adapter; the base model stays where it is and is named by its hash."""
        folder.mkdir(parents=True)
        (folder / PROMPT).write_text(self._prompt.to_json(), encoding="utf-8")
        settings = {
            "base_model": self._model.name,
            "base_sha256": self._model.folder.sha256,
            "shown": None if self._retriever is None else self._shown,
            "of_text": self._of_text,
            "labels": list(self._labels),
        }
        (folder / SETTINGS).write_text(json.dumps(settings, ensure_ascii=False, indent=1), encoding="utf-8")
        self._adapter.save(folder / ADAPTER)

    @classmethod
    def load(cls, model: LocalModel, folder: Path, retriever: Retriever | None = None) -> Lora:
        """Raises WeightsError for another base model, and where passages are missing or were never trained with."""
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        if settings["base_sha256"] != model.folder.sha256:
            raise WeightsError(f"{folder} was trained on {settings['base_model']} with other weights; name that model.")
        if (settings["shown"] is None) != (retriever is None):
            how, what = ("without", "leave it out") if retriever is not None else ("with", "name its documents")
            raise WeightsError(f"{folder} was trained {how} passages from documents; {what}.")
        arm = cls.__new__(cls)
        arm._prompt = Prompt.from_json((folder / PROMPT).read_text(encoding="utf-8"))
        arm._model, arm._retriever, arm._shown = model, retriever, settings["shown"] or 0
        arm._of_text, arm._labels = settings["of_text"], tuple(settings["labels"])
        arm._training, arm.trained = TRAINING, None
        arm._adapter = Adapter.load(folder / ADAPTER)
        return arm

    def _search(self, inputs: Sequence[str]) -> Searched:
        return [[] for _ in inputs] if self._retriever is None else self._retriever.search(inputs, self._shown)

    def _request(self, found: Sequence[Passage], text: str) -> ChatRequest:
        return self._prompt.request(text if self._retriever is None else with_passages(found, text, self._of_text))

    def _answers(self, requests: Sequence[ChatRequest]) -> list[Prediction]:
        if not requests:
            return []
        with wearing(self._model, self._adapter):
            answering = LikeliestLabel(self._model, self._labels) if self._labels else self._model
            return [prediction_of(answer) for answer in answering.ask_all(requests)]
