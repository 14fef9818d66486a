"""Marks one answer of any kind of task: read by the same code for every arm, then scored by every metric asked for.

An answer that could not be read scores 0 and keeps its fault; an arm that failed on the row (no text) scores 0 without
one. A metric that cannot be computed is another matter: its row is `None`, and leaves the contrast for every arm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evaluation.answers import (
    NO_ANSWER,
    Fault,
    Unread,
    find_label,
    labels_of_row,
    read_labels,
    read_record,
    read_short_answer,
    read_text,
)
from evaluation.metrics.catalogue import (
    EXAMPLE_METRICS,
    LABEL_SET_METRICS,
    QUESTION_METRICS,
    RECORD_METRICS,
    TEXT_METRICS,
)
from evaluation.metrics.question_answering import support
from evaluation.metrics.record_schema import RecordSchema
from evaluation.metrics.text import same_number
from rules.choices import Kind

Metric = Callable[..., float]

UNASKED: Final = ("same_text", "same_number")
"""Metrics of texts that suit some tasks only: computed where they are asked for by name."""


@dataclass(frozen=True)
class Asked:
    """What a task asks of every answer. `metrics` names what is computed, the deciding one first; empty for all that
    suit the kind. `schema` is what a record must obey, `language` the ISO 639 code of the answers."""

    kind: Kind
    labels: tuple[str, ...] = ()
    several_labels: bool = False
    schema: RecordSchema | None = None
    metrics: tuple[str, ...] = ()
    language: str = "en"

    def __post_init__(self) -> None:
        unknown = [name for name in self.metrics if name not in self.table]
        if unknown:
            raise ValueError(f"No metric {unknown[0]!r} for {self.kind}; expected {', '.join(self.table)}.")

    @property
    def computed(self) -> tuple[str, ...]:
        """The metrics' names, the deciding one first."""
        return self.metrics or tuple(name for name in self.table if name not in UNASKED)

    @property
    def table(self) -> Mapping[str, Metric]:
        """Every metric that suits the kind, by name."""
        tables: Mapping[Kind, Mapping[str, Metric]] = {
            "classification": LABEL_SET_METRICS if self.several_labels else EXAMPLE_METRICS,
            "extraction": RECORD_METRICS,
            "question_answering": QUESTION_METRICS,
            "generation": TEXT_METRICS,
        }
        return tables[self.kind]


@dataclass(frozen=True)
class Marked:
    """One answer's scores by metric, 0..1, the deciding one first.

    `answer` is what was read, in one spelling, so that equal answers are equal texts; None if nothing was.
    `schema_faults` is what a record breaks of the schema; `support` the share of the answer that stands in the
    retrieved passages, None where that is not a question.
    """

    scores: Mapping[str, float]
    answer: str | None
    fault: Fault | None = None
    schema_faults: tuple[str, ...] = ()
    support: float | None = None

    @property
    def score(self) -> float:
        return next(iter(self.scores.values()))


def mark(asked: Asked, references: Sequence[str], text: str | None, passages: Sequence[str] | None = None) -> Marked:
    """Scores the text against the best of the row's references; a `text` of None is an arm's failure.

    Raises ValueError for a reference that its own kind cannot read: the row is at fault, not the arm (`check_row`
    finds it beforehand).
    """
    targets = _targets(asked, references)
    if text is None:
        return Marked(dict.fromkeys(asked.computed, 0.0), None)
    answer = _read(asked, text)
    fault = answer.fault if isinstance(answer, Unread) else None
    given = None if isinstance(answer, Unread) else answer
    scores = {name: _score(asked, name, targets, given) for name in asked.computed}
    return Marked(
        scores=scores,
        answer=None if given is None else _spelled(given),
        fault=fault,
        schema_faults=asked.schema.faults(given) if given is not None and asked.schema is not None else (),
        support=support(passages, given, asked.language) if passages is not None and isinstance(given, str) else None,
    )


def check_row(asked: Asked, references: Sequence[str]) -> str | None:
    """What is wrong with a row's references, as the end of a message about the row; None if nothing is."""
    try:
        targets = _targets(asked, references)
        if "same_number" in asked.computed:
            same_number(targets, None)
    except ValueError as error:
        return str(error)
    return None


def scored_everywhere(arms: Sequence[Sequence[float | None]]) -> tuple[int, ...]:
    """The rows that every arm has a score for, in order. A measurement that broke (None) takes its row out for all, so
    that arms are compared on the same rows. Raises ValueError for arms of unequal length."""
    return tuple(row for row, scores in enumerate(zip(*arms, strict=True)) if None not in scores)


def _targets(asked: Asked, references: Sequence[str]) -> list[Any]:
    match asked.kind:
        case "classification":
            targets: list[Any] = [
                frozenset(labels_of_row(reference)) if asked.several_labels else reference
                for reference in references[:1]
            ]
        case "extraction":
            targets = [read_record(reference) for reference in references]
            for target in targets:
                if isinstance(target, Unread):
                    raise ValueError(f'{target.fault}; expected a JSON object, such as {{"city": ["Bonn"]}}.')
        case "question_answering":
            return [reference for reference in references if reference.strip() != NO_ANSWER]
        case "generation":
            targets = list(references)
    if not targets:
        raise ValueError("no reference; expected one.")
    return targets


def _read(asked: Asked, text: str) -> Any | Unread:
    match asked.kind:
        case "classification":
            return read_labels(text, asked.labels) if asked.several_labels else find_label(text, asked.labels)
        case "extraction":
            return read_record(text)
        case "question_answering":
            return read_short_answer(text)
        case "generation":
            return read_text(text)


def _score(asked: Asked, name: str, targets: Sequence[Any], answer: Any) -> float:
    metric = asked.table[name]
    if asked.kind == "question_answering":
        return metric(targets, answer, asked.language)
    if asked.kind == "generation":
        return metric(targets, answer)
    return max(metric(target, answer) for target in targets)


def _spelled(answer: Any) -> str:
    if isinstance(answer, frozenset):
        return "; ".join(sorted(answer))
    return answer if isinstance(answer, str) else json.dumps(answer, sort_keys=True, ensure_ascii=False)
