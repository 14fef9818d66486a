"""The number that a solution ends with."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from evaluation.answers.text import read_text
from evaluation.answers.unread import Fault, Unread

_FIGURES = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
NUMBER: Final = re.compile(rf"(?<![\w.^/,])[-−]?(?:{_FIGURES})(?![\d/]|[.,]\d)")
MARKED: Final = tuple(
    re.compile(rf"{mark}[\s*_]*[$€£]?\s*([-−]?(?:{_FIGURES}))(?![\d/]|[.,]\d)", re.I)
    for mark in ("####", r"\\boxed\{", r"\banswer(?:\s+is|\s*:)")
)
"""What announces a number, the surest first."""


def read_number(text: str | None) -> Decimal | Unread:
    """The number after the last "####", else in the last `\\boxed{}`, else after the last "answer is" or "answer:",
    else the only number of the last line, or the first behind that line's last "=".

    A comma divides thousands and a point decimals, as in English; fractions and powers of ten are not read.
    """
    spoken = read_text(text)
    if isinstance(spoken, Unread):
        return spoken
    for marked in MARKED:
        announced = marked.findall(spoken)
        if announced:
            return _decimal(announced[-1])
    _, equals, last = spoken.splitlines()[-1].rpartition("=")
    numbers = NUMBER.findall(last)
    if len(numbers) == 1 or (numbers and equals):
        return _decimal(numbers[0])
    return Unread(Fault.NO_NUMBER)


def _decimal(figures: str) -> Decimal:
    return Decimal(figures.replace(",", "").replace("−", "-"))
