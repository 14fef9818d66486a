"""Few-shot: the text against the mean of a few demonstrations for each label, drawn by the seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adapters.encoder.artefact import Artefact
from adapters.encoder.embedding import Encoder
from adapters.encoder.prototypes import Prototypes
from evaluation.arm import Prediction
from evaluation.dataset import Example

DEMONSTRATIONS = 8
"""For each label, or as many as there are."""


class FewShot:
    """Nearest mean of demonstrations by cosine."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def fit(self, train: Sequence[Example], seed: int) -> None:
        rng = np.random.default_rng(seed)
        demonstrations: list[Example] = []
        for label in sorted({example.output for example in train}):
            rows = [example for example in train if example.output == label]
            drawn = rng.permutation(len(rows))[:DEMONSTRATIONS]
            demonstrations += [rows[position] for position in drawn]
        vectors = self._encoder.embed([example.input for example in demonstrations])
        self._prototypes = Prototypes.of_classes(vectors, [example.output for example in demonstrations])

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._prototypes.predict(self._encoder.embed(inputs))

    def save(self, folder: Path) -> None:
        self._prototypes.artefact().save(folder)

    @classmethod
    def load(cls, encoder: Encoder, folder: Path) -> FewShot:
        arm = cls(encoder)
        arm._prototypes = Prototypes.from_artefact(Artefact.load(folder))
        return arm
