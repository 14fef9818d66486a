"""One unit vector a label, and the label whose vector is nearest: what zero-shot and few-shot have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.encoder.artefact import Artefact
from evaluation.arm import Prediction

TEMPERATURE = 0.05
"""Turns cosines into probabilities; the order of the labels does not depend on it."""


@dataclass(frozen=True)
class Prototypes:
    """`vectors` is (labels, dimensions), rows of length 1."""

    labels: tuple[str, ...]
    vectors: NDArray[np.float32]

    @classmethod
    def of_classes(cls, vectors: NDArray[np.float32], outputs: Sequence[str]) -> Prototypes:
        """The mean direction of each label's rows; `vectors` is (rows, dimensions)."""
        labels = tuple(sorted(set(outputs)))
        targets = positions(labels, outputs)
        return cls(labels, unit(np.stack([vectors[targets == number].mean(axis=0) for number in range(len(labels))])))

    def predict(self, vectors: NDArray[np.float32]) -> list[Prediction]:
        """The nearest label of each row; equal distances go to the first label in order."""
        if len(vectors) == 0:
            return []
        return predictions_of(self.labels, softmax(vectors @ self.vectors.T / TEMPERATURE))

    def artefact(self) -> Artefact:
        return Artefact(self.labels, {"prototypes": self.vectors})

    @classmethod
    def from_artefact(cls, artefact: Artefact) -> Prototypes:
        return cls(artefact.labels, artefact.arrays["prototypes"])


def positions(labels: Sequence[str], outputs: Sequence[str]) -> NDArray[np.int64]:
    """The number of each output's label. Numbers, because arrays of text give every row the longest label's width."""
    number = {label: position for position, label in enumerate(labels)}
    return np.array([number[output] for output in outputs], dtype=np.int64)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length == 0, 1, length), dtype=np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def predictions_of(labels: Sequence[str], probabilities: NDArray[np.float64]) -> list[Prediction]:
    """The most probable label of each row, with its probability."""
    best = probabilities.argmax(axis=1)
    return [
        Prediction(labels[column], min(1.0, float(row[column])))
        for row, column in zip(probabilities, best, strict=True)
    ]
