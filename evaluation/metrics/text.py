"""Answers in words that must be the reference: the same text, the same number."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.answers import Unread, read_number
from evaluation.metrics.words import same_spacing


def same_text(references: Sequence[str], answer: str | None) -> float:
    """1.0 if the answer is a reference but for spacing and a final semicolon, else 0.0; case counts. For code and
    queries this asks more than is needed: running them is the better measure."""
    if answer is None:
        return 0.0
    return float(_bare(answer) in {_bare(reference) for reference in references})


def same_number(references: Sequence[str], answer: str | None) -> float:
    """1.0 if the number that the answer ends with (`read_number`) is that of a reference, by value, else 0.0; an answer
    without a clear number is 0.0. Raises ValueError for a reference without one: then this is the wrong metric."""
    targets = [read_number(reference) for reference in references]
    if not targets or any(isinstance(target, Unread) for target in targets):
        raise ValueError(f"{next(iter(references), '')[-60:]!r} ends with no number; expected one, such as '#### 42'.")
    number = read_number(answer)
    return float(not isinstance(number, Unread) and number in targets)


def _bare(text: str) -> str:
    return same_spacing(text).rstrip("; ")
