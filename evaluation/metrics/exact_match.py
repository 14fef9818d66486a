"""Accuracy, one row at a time."""

from __future__ import annotations


def exact_match(target: str, answer: str | None) -> float:
    """1.0 if the answer read from the prediction is the target, else 0.0; no answer (a failure, an unknown label) is
    0.0 and counts."""
    return float(answer == target)
