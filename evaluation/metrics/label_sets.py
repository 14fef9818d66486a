"""Rows that may have several labels.

Answers are sets of labels; None, an answer that could not be read, scores 0, also where the right set is empty. Names
in an answer that are no labels count as wrong ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

Labels = AbstractSet[str]


def exact_set(target: Labels, answer: Labels | None) -> float:
    """1.0 if the answer has the target's labels and no others, else 0.0 (subset accuracy)."""
    return float(answer is not None and set(answer) == set(target))


def set_f1(target: Labels, answer: Labels | None) -> float:
    """2 |both| / (|target| + |answer|), 0..1; 1.0 if both are empty. Symmetric (example-based F1: Tsoumakas et al.
    2010, Mining multi-label data)."""
    if answer is None:
        return 0.0
    labels = len(target) + len(answer)
    return 2 * len(set(target) & set(answer)) / labels if labels else 1.0


def set_macro_f1(
    targets: Sequence[Labels], answers: Sequence[Labels | None], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Macro-F1 (0..1) under each row of `weights`, (resamples, rows); without weights, one value with every row once.

    The mean of the labels' own F1 over the labels that occur among the targets, as in `macro_f1`: a label that no
    weighted row has leaves the mean, and labels that occur in answers only do not enter it. 0.0 if no row has a label.
    """
    counts = np.ones((1, len(targets))) if weights is None else weights
    labels = sorted(set().union(*targets))
    is_target = np.array([[label in target for label in labels] for target in targets], dtype=float)
    is_answer = np.array([[label in (answer or ()) for label in labels] for answer in answers], dtype=float)
    targeted, answered = counts @ is_target, counts @ is_answer
    occurs = targeted > 0
    f1 = np.divide(
        2 * (counts @ (is_target * is_answer)), targeted + answered, out=np.zeros_like(targeted), where=occurs
    )
    return np.asarray(f1.sum(axis=1) / np.maximum(1, occurs.sum(axis=1)))
