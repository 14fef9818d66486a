"""Macro-F1: the mean over labels of the harmonic mean of precision and recall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def macro_f1(
    targets: Sequence[str], answers: Sequence[str | None], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Macro-F1 (0..1) under each row of `weights`, (resamples, rows); without weights, one value with every row once.

    The mean runs over the labels that occur among the targets. Under weights that leave out a label altogether, that
    label leaves the mean; answers outside the targets' labels cost recall of the true label only, as a failure does.
    """
    counts = np.ones((1, len(targets))) if weights is None else weights
    labels = sorted(set(targets))
    is_target = np.array([[target == label for label in labels] for target in targets], dtype=float)
    is_answer = np.array([[answer == label for label in labels] for answer in answers], dtype=float)
    true_positive = counts @ (is_target * is_answer)
    targeted, answered = counts @ is_target, counts @ is_answer
    occurs = targeted > 0
    # F1 = 2 TP / (targets + answers), which is defined wherever the label occurs.
    f1 = np.divide(2 * true_positive, targeted + answered, out=np.zeros_like(true_positive), where=occurs)
    return np.asarray(f1.sum(axis=1) / occurs.sum(axis=1))
