"""Texts that are no answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why a text is no answer, in words for a report."""

    EMPTY = "empty"
    CUT_OFF = "cut off before its end"
    UNKNOWN_LABEL = "names no label of the list"
    SEVERAL_LABELS = "could mean several labels"
    NOT_JSON = "not JSON"
    REPEATED_KEY = "JSON that gives a field twice"
    SEVERAL_RECORDS = "several JSON values that differ"
    NOT_A_RECORD = "JSON, but not an object"
    NO_NUMBER = "no number that is clearly the answer"


@dataclass(frozen=True, slots=True)
class Unread:
    """A text without an answer that could be read: it scores 0 and is counted under its fault. `detail` says where."""

    fault: Fault
    detail: str = ""
