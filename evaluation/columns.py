"""The names that columns of examples go by, and which of them are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INPUT_NAMES = (
    "input",
    "text",
    "message",
    "body",
    "question",
    "utterance",
    "sentence",
    "prompt",
    "ticket",
    "query",
)
OUTPUT_NAMES = ("output", "label", "category", "intent", "class", "target", "answer", "completion", "topic")
ID_NAMES = ("id", "key", "uid")
GROUP_NAMES = ("group", "customer", "thread")
REFERENCES: Final = "references"
EVIDENCE: Final = "evidence"


@dataclass(frozen=True)
class Columns:
    """Which column holds what; None means: guess from the names above, for the output from `outputs`."""

    input: str | None = None
    output: str | None = None
    outputs: tuple[str, ...] = OUTPUT_NAMES

    @property
    def are_named(self) -> bool:
        """Whether somebody said which column to read."""
        return self.input is not None or self.output is not None

    @property
    def roles(self) -> tuple[tuple[str, ...], ...]:
        """For each part of an example the columns that it may stand in, the first that is there holds it."""
        return (
            INPUT_NAMES if self.input is None else (self.input,),
            self.outputs if self.output is None else (self.output,),
            ID_NAMES,
            GROUP_NAMES,
            (REFERENCES,),
            (EVIDENCE,),
        )


GUESSED: Final = Columns()
