"""An answer as somebody types it: what may be typed, what it means, and how it is said back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final

from rules.question import Question

_YES_NO: Final = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}
_THOUSANDS: Final = re.compile(r"\d{1,3}([ ,_']\d{3})+")
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def how_to_answer(question: Question) -> str:
    """What may be typed."""
    match question.kind:
        case "yes_no":
            return "yes or no"
        case "choice":
            return "a number or a word"
        case "choices":
            return "numbers or words, separated by commas; none if nothing applies"
    unit = f" ({question.unit})" if question.unit and question.unit not in question.expectation else ""
    return question.expectation + unit


def meaning(line: str, question: Question) -> Any:
    """The answer that a line means; a line that means nothing stays as it is, for the form to refuse."""
    match question.kind:
        case "yes_no":
            return _YES_NO.get(line.lower(), line)
        case "choice" | "date":
            return _chosen(line, question)
        case "choices":
            return [] if line.lower() == "none" else list(dict.fromkeys(_each_chosen(line, question))) or line
        case "whole_number" | "number" | "share":
            return _number(line, question)
    return line


def _each_chosen(line: str, question: Question) -> Iterator[str]:
    return (_chosen(part.strip(), question) for part in line.split(",") if part.strip())


def _chosen(word: str, question: Question) -> str:
    # A few digits at most: Python refuses to read thousands of them.
    if question.kind != "date" and word.isdecimal() and len(word) < 4 and 1 <= int(word) <= len(question.choices):
        return question.choices[int(word) - 1]
    spelled = re.sub(r"[\s-]+", "_", word.lower())
    return spelled if spelled in question.choices else word


def _number(line: str, question: Question) -> Any:
    plain = re.sub(r"[ ,_']", "", line) if _THOUSANDS.fullmatch(line) else line
    percent = _PERCENT.fullmatch(line) if question.kind == "share" else None
    if percent:
        return float(percent[1]) / 100
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(plain)
    return line


def said_back(answer: Any) -> str:
    """An answer in the words that may be typed for it."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return (", ".join(answer) or "none") if isinstance(answer, tuple) else str(answer)
