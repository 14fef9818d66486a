"""Labelled examples and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled row.

    `line` is the row's physical line in `source`, so that every message about it can be followed up.
    `group` names what the row shares with others (customer, document): groups are never split.
    """

    id: str
    input: str
    output: str
    line: int
    source: str
    group: str | None = None

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
    """What a classification is asked for: the labels, each with a sentence that describes it, where given."""

    labels: tuple[str, ...]
    descriptions: tuple[tuple[str, str], ...] = ()

    def sentence(self, label: str) -> str:
        """The label's description, else its name with separators made readable."""
        return dict(self.descriptions).get(label) or label.replace("_", " ").replace("-", " ")


def fingerprint(examples: Iterable[Example]) -> str:
    """SHA-256 (hex) of ids, inputs, outputs and groups in order; the empty sequence has one too."""
    digest = hashlib.sha256()
    for example in examples:
        row = (example.id, example.input, example.output, example.group)
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def inputs_of(examples: Sequence[Example]) -> list[str]:
    """The inputs alone: what an arm may see of a test row."""
    return [example.input for example in examples]
