"""Head: logistic regression on the frozen embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.encoder.artefact import Artefact
from adapters.encoder.embedding import Encoder
from adapters.encoder.prototypes import positions, predictions_of, softmax
from evaluation.arm import Prediction
from evaluation.dataset import Example

STRENGTHS = (1.0, 10.0, 100.0)
"""Inverse regularisation (scikit-learn's C), chosen by cross-validation inside the training rows."""
FOLDS = 3


class Head:
    """Multinomial logistic regression; embeddings are unit vectors, so no scaling is needed."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Deterministic for given rows: the solver starts at zero and the seed is not used."""
        del seed
        vectors = self._encoder.embed([example.input for example in train])
        self._labels = tuple(sorted({example.output for example in train}))
        targets = positions(self._labels, [example.output for example in train])
        self.validation_rows = int(_validated(targets).sum())
        if len(self._labels) == 1:
            self._weights = np.zeros((1, vectors.shape[1]), dtype=np.float32)
            self._bias = np.zeros(1, dtype=np.float32)
            return
        model = _regression(_choose_strength(vectors, targets)).fit(vectors, targets)
        weights, bias = model.coef_, model.intercept_
        if len(self._labels) == 2:
            # scikit-learn keeps one row for two labels: the log-odds of the second.
            weights, bias = np.vstack([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
        self._weights = weights.astype(np.float32)
        self._bias = bias.astype(np.float32)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of the training rows, sorted."""
        return self._labels

    def probabilities(self, inputs: Sequence[str]) -> NDArray[np.float64]:
        """Of each label, (inputs, labels); rows add up to 1."""
        if not inputs:
            return np.zeros((0, len(self._labels)))
        return softmax(self._encoder.embed(inputs) @ self._weights.T + self._bias)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return predictions_of(self._labels, self.probabilities(inputs))

    def save(self, folder: Path) -> None:
        Artefact(self._labels, {"weights": self._weights, "bias": self._bias}).save(folder)

    @classmethod
    def load(cls, encoder: Encoder, folder: Path) -> Head:
        artefact = Artefact.load(folder)
        arm = cls(encoder)
        arm._labels = artefact.labels
        arm._weights = artefact.arrays["weights"]
        arm._bias = artefact.arrays["bias"]
        return arm


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000)


def _validated(targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The rows that C is chosen by, (rows,): those of labels with a row for every inner fold, if two labels have."""
    kept = np.bincount(targets)[targets] >= FOLDS
    return np.asarray(kept & (len(np.unique(targets[kept])) > 1))


def _choose_strength(vectors: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """The C with the best log-loss on inner folds; labels with fewer rows than folds are left out of the choice."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    kept = _validated(targets)
    if not kept.any():
        return STRENGTHS[1]
    x, y = vectors[kept], targets[kept]
    labels = np.unique(y)
    losses = np.zeros(len(STRENGTHS))
    for train, held_out in StratifiedKFold(FOLDS).split(x, y):
        for number, strength in enumerate(STRENGTHS):
            model = _regression(strength).fit(x[train], y[train])
            losses[number] += log_loss(y[held_out], model.predict_proba(x[held_out]), labels=labels)
    return STRENGTHS[int(losses.argmin())]
