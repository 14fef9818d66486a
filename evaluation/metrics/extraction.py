"""Records taken out of a text: which of their fields are right.

A record is compared as the values of its fields. Fields of an object inside it are fields with a path (`sender.name`).
Every element of a list is a value of its own, in any order, as often as it is there; an object in a list is one value.
Texts are equal but for case and spacing, numbers by value (1 = 1.0); a text is never equal to a number, nor true to 1.
A field without a value (null, "", an empty list or object) is the same as none.

Scores are 0..1. None, an answer that could not be read, scores 0, also where the right record is empty.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.words import same_spacing

Record = Mapping[str, Any]


def field_precision(target: Record, answer: Record | None) -> float:
    """The share of the answer's values that are right. Without any: 1.0 if the target has none, else 0.0."""
    return _share(target, answer, of_answer=True)


def field_recall(target: Record, answer: Record | None) -> float:
    """The share of the target's values that the answer has. Without any: 1.0 if the answer has none, else 0.0."""
    return _share(target, answer, of_answer=False)


def field_f1(target: Record, answer: Record | None) -> float:
    """2 c / (t + a): c values in common, of t in the target and a in the answer; 1.0 if both have none. Symmetric."""
    counts = _counts(target, answer)
    return float(answer is not None) if not counts.values else 2 * counts.right / counts.values


def exact_record(target: Record, answer: Record | None) -> float:
    """1.0 if the answer has the target's values and no others, else 0.0."""
    return float(answer is not None and _values(target) == _values(answer))


def micro_f1(
    targets: Sequence[Record], answers: Sequence[Record | None], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """F1 of all values of all rows together, as slot and entity F1 are reported (CoNLL: Tjong Kim Sang and De Meulder
    2003), under each row of `weights`, (resamples, rows); without weights, one value with every row once.

    1.0 where neither targets nor answers have a value.
    """
    rows = [_counts(target, answer) for target, answer in zip(targets, answers, strict=True)]
    counts = np.ones((1, len(rows))) if weights is None else weights
    right = counts @ np.array([row.right for row in rows], dtype=float)
    values = counts @ np.array([row.values for row in rows], dtype=float)
    return np.asarray(np.divide(2 * right, values, out=np.ones_like(values), where=values > 0))


@dataclass(frozen=True)
class FieldScore:
    """One field over all rows: values in the `targets`, in the `answers`, and how many of both are `right`."""

    field: str
    targets: int
    answers: int
    right: int

    @property
    def precision(self) -> float:
        """0.0 if the field was never answered."""
        return self.right / self.answers if self.answers else 0.0

    @property
    def recall(self) -> float:
        """0.0 if the field is in no target."""
        return self.right / self.targets if self.targets else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.targets + self.answers)


def score_fields(targets: Sequence[Record], answers: Sequence[Record | None]) -> tuple[FieldScore, ...]:
    """Every field that occurs, the most frequent in the targets first, then by name."""
    wanted: Counter[str] = Counter()
    given: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for target, answer in zip(targets, answers, strict=True):
        one, other = _values(target), _values(answer or {})
        for counter, values in ((wanted, one), (given, other), (right, one & other)):
            for (field, _), times in values.items():
                counter[field] += times
    fields = sorted({*wanted, *given}, key=lambda field: (-wanted[field], field))
    return tuple(FieldScore(field, wanted[field], given[field], right[field]) for field in fields)


@dataclass(frozen=True)
class _Counts:
    targets: int
    answers: int
    right: int

    @property
    def values(self) -> int:
        return self.targets + self.answers


def _counts(target: Record, answer: Record | None) -> _Counts:
    one, other = _values(target), _values(answer or {})
    return _Counts(one.total(), other.total(), (one & other).total())


def _share(target: Record, answer: Record | None, *, of_answer: bool) -> float:
    if answer is None:
        return 0.0
    counts = _counts(target, answer)
    whole, rest = (counts.answers, counts.targets) if of_answer else (counts.targets, counts.answers)
    return counts.right / whole if whole else float(rest == 0)


def _values(record: Record) -> Counter[tuple[str, str]]:
    return Counter(_leaves(record, ""))


def _leaves(record: Record, path: str) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        field = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _leaves(value, field)
            continue
        for item in value if isinstance(value, list) else [value]:
            if item not in (None, "", [], {}):
                yield field, json.dumps(_comparable(item), sort_keys=True, ensure_ascii=False)


def _comparable(value: Any) -> Any:
    """What is written alike if and only if it counts as equal."""
    if isinstance(value, str):
        return same_spacing(value).casefold()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return sorted((_comparable(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, Mapping):
        return {name: _comparable(item) for name, item in value.items()}
    return value
