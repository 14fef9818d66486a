"""Labelled examples and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rules.choices import Kind


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled row.

    `line` is the row's physical line in `source` (in a Parquet file its row, counted from 1), so that every message
    about it can be followed up.
    `group` names what the row shares with others (customer, document): groups are never split.
    `references` are all answers that count as right, empty where `output` is the only one; `evidence` holds the ids of
    the corpus documents that the answer stands in.
    """

    id: str
    input: str
    output: str
    line: int
    source: str
    group: str | None = None
    references: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every answer that counts as right, `output` first."""
        return tuple(dict.fromkeys((self.output, *self.references)))

    @property
    def place(self) -> str:
        """Where a person finds this row: `file:line`."""
        return f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Dataset:
    """Examples in file order."""

    name: str
    examples: tuple[Example, ...]

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Every output that occurs, sorted."""
        return tuple(sorted({example.output for example in self.examples}))

    @cached_property
    def class_sizes(self) -> dict[str, int]:
        """Examples per label, largest first; equal sizes in label order."""
        counts = Counter(example.output for example in self.examples)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the rows in order; the file's name and format do not count."""
        return fingerprint(self.examples)


@dataclass(frozen=True)
class Task:
    """What every row is asked for.

    `labels` with the sentences that describe them, where given: a classification. `several_labels` lets a row have any
    number of them. `instruction` says in the user's words what is asked. `schema` is the JSON schema of a record
    (extraction), `language` the ISO 639 code of the answers, `metrics` names what is computed, the deciding one first;
    empty for all that suit the kind.
    """

    labels: tuple[str, ...] = ()
    descriptions: tuple[tuple[str, str], ...] = ()
    kind: Kind = "classification"
    several_labels: bool = False
    instruction: str = ""
    schema: str | None = None
    """As JSON text, so that a task stays a value."""
    language: str = "en"
    metrics: tuple[str, ...] = ()
    longest_answer: int = 0
    """Characters, over the examples' answers: how much room a model is given to answer in. 0 where nobody counted."""

    @property
    def has_one_label(self) -> bool:
        """Whether every answer is one label of a list: what an encoder can learn, and a split can be even over."""
        return self.kind == "classification" and not self.several_labels

    def sentence(self, label: str) -> str:
        """The label's description, else its name with separators made readable."""
        return dict(self.descriptions).get(label) or label.replace("_", " ").replace("-", " ")


def fingerprint(examples: Iterable[Example]) -> str:
    """SHA-256 (hex) of all that the rows hold, in order; the empty sequence has one too."""
    digest = hashlib.sha256()
    for example in examples:
        row = (example.id, example.input, example.output, example.group, example.references, example.evidence)
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def inputs_of(examples: Sequence[Example]) -> list[str]:
    """The inputs alone: what an arm may see of a test row."""
    return [example.input for example in examples]
