"""Retrieval: the nearest labelled rows, found by FAISS, vote with their similarity as weight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.encoder.artefact import Artefact
from adapters.encoder.embedding import Encoder
from adapters.encoder.prototypes import positions, predictions_of, softmax
from adapters.index import ExactIndex
from evaluation.arm import Prediction
from evaluation.dataset import Example

NEIGHBOURS = (1, 3, 5, 10, 20)
"""How many rows may vote; chosen by leaving out one training row at a time."""
SEARCHED = max(NEIGHBOURS) + 1
"""Always as many as choosing k needs: FAISS orders equal similarities differently for other numbers."""
TEMPERATURE = 0.05
"""A neighbour 0.05 less similar has a vote 1/e as heavy."""
INDEX_FILE = "index.faiss"


class Nearest:
    """Weighted vote among the k nearest training rows."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Indexes the rows and chooses k. Deterministic: the seed is not used."""
        del seed
        vectors = self._encoder.embed([example.input for example in train])
        self._labels = tuple(sorted({example.output for example in train}))
        self._targets = positions(self._labels, [example.output for example in train])
        self._index = ExactIndex(vectors)
        self._k = self._choose_k(vectors)
        self.validation_rows = len(train)

    def _choose_k(self, vectors: NDArray[np.float32]) -> int:
        """The k with the most training rows right when each is judged by the others; the smaller of equals."""
        similarities, rows = self._index.search(vectors, SEARCHED)
        itself = rows == np.arange(len(vectors))[:, None]
        # Where more copies than neighbours crowd a row out of its own list, the last place is dropped instead.
        itself[~itself.any(axis=1), -1] = True
        others = similarities[~itself].reshape(len(vectors), -1), rows[~itself].reshape(len(vectors), -1)
        if others[1].shape[1] == 0:
            return NEIGHBOURS[0]
        right = [(self._shares(*others, k).argmax(axis=1) == self._targets).mean() for k in NEIGHBOURS]
        return NEIGHBOURS[int(np.argmax(right))]

    def _shares(self, similarities: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> NDArray[np.float64]:
        """Each label's share of the vote, (queries, labels)."""
        weights = softmax(similarities[:, :k] / TEMPERATURE)
        shares = np.zeros((len(rows), len(self._labels)))
        np.add.at(shares, (np.arange(len(rows))[:, None], self._targets[rows[:, :k]]), weights)
        return shares

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        if not inputs:
            return []
        similarities, rows = self._index.search(self._encoder.embed(inputs), SEARCHED)
        return predictions_of(self._labels, self._shares(similarities, rows, self._k))

    def save(self, folder: Path) -> None:
        targets = self._targets.astype(np.float32)
        Artefact(self._labels, {"targets": targets}, {"k": self._k}).save(folder)
        self._index.save(folder / INDEX_FILE)

    @classmethod
    def load(cls, encoder: Encoder, folder: Path) -> Nearest:
        artefact = Artefact.load(folder)
        arm = cls(encoder)
        arm._labels = artefact.labels
        arm._targets = artefact.arrays["targets"].astype(np.int64)
        arm._k = int(artefact.settings["k"])
        arm._index = ExactIndex.load(folder / INDEX_FILE)
        return arm
