"""LoRA: adapters inside the encoder and a linear head that starts from the class means.

What makes it quick on a CPU (docs/decisions/0004): adapters sit in the upper half of the layers, so the lower
half is computed once for each text; batches hold texts of like length; bfloat16 where the processor has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from adapters.encoder.artefact import Artefact
from adapters.encoder.embedding import Encoder
from adapters.encoder.prototypes import Prototypes, positions, predictions_of, softmax
from adapters.encoder.training import TrainingSettings, hold_out, train
from adapters.encoder.tuned import TunedEncoder, with_adapters, with_saved_adapters
from evaluation.arm import Prediction
from evaluation.dataset import Example

RANK = 16
ALPHA = 32
SCALE = 16.0
"""The head starts as this many times the cosine to each class mean."""
TRAINING = TrainingSettings()
ADAPTER_FOLDER = "adapter"
CHUNK = 512
"""Texts predicted at a time: their activations take up to 0.4 MB each."""


class Lora:
    """Low-rank adapters in peft's own format, next to a linear head."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def fit(self, train_rows: Sequence[Example], seed: int) -> None:
        rng = np.random.default_rng(seed)
        texts, outputs = [row.input for row in train_rows], [row.output for row in train_rows]
        kept, held = hold_out(outputs, TRAINING, rng)
        self.validation_rows = len(held)
        start = Prototypes.of_classes(self._encoder.embed([texts[row] for row in kept]), [outputs[row] for row in kept])
        self._labels = start.labels
        targets = torch.from_numpy(positions(self._labels, outputs))
        # peft initialises from the global generator; the caller's state is put back afterwards.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            adapted = with_adapters(self._encoder, RANK, ALPHA)
            bias = np.zeros(len(self._labels), dtype=np.float32)
            self._tuned = TunedEncoder(self._encoder, adapted, start.vectors * SCALE, bias)
            features = self._tuned.features(texts)
            stop_by = [features[row] for row in held], targets[held]
            self.epochs = train(self._tuned, [features[row] for row in kept], targets[kept], stop_by, TRAINING, rng)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        predictions: list[Prediction] = []
        for start in range(0, len(inputs), CHUNK):
            logits = self._tuned.logits(self._tuned.features(inputs[start : start + CHUNK]))
            predictions += predictions_of(self._labels, softmax(logits.numpy()))
        return predictions

    def save(self, folder: Path) -> None:
        arrays = {name: getattr(self._tuned, name).detach().cpu().numpy() for name in ("weights", "bias")}
        Artefact(self._labels, arrays, {"epochs": self.epochs}).save(folder)
        self._tuned.model.save_pretrained(str(folder / ADAPTER_FOLDER), save_embedding_layers=False)
        # peft's model card names folders of this machine.
        (folder / ADAPTER_FOLDER / "README.md").unlink(missing_ok=True)

    @classmethod
    def load(cls, encoder: Encoder, folder: Path) -> Lora:
        artefact = Artefact.load(folder)
        arm = cls(encoder)
        arm._labels = artefact.labels
        arm.epochs = int(artefact.settings["epochs"])
        model = with_saved_adapters(encoder, folder / ADAPTER_FOLDER)
        arm._tuned = TunedEncoder(encoder, model, artefact.arrays["weights"], artefact.arrays["bias"])
        return arm
