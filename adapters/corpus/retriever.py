"""What a retrieval arm asks: the team's documents, indexed here, or a search service of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from evaluation.arm import Passage

SHOWN: Final = 5
"""Passages with each question: some 1,300 tokens at the length to which documents are cut. A small model reads fewer
of them better."""


@dataclass(frozen=True, slots=True)
class Unsearched:
    """A question that could not be searched for; `error` is one line without the question's words."""

    error: str


class Retriever(Protocol):
    """Finds passages for questions. `determined_by` is all that decides what is found: for the key of a trial."""

    @property
    def determined_by(self) -> Mapping[str, str]: ...

    @property
    def notes(self) -> Sequence[str]:
        """What the report says of it: single lines."""
        ...

    def search(self, queries: Sequence[str], k: int) -> Sequence[list[Passage] | Unsearched]:
        """For each query, in order, at most k passages, the best first."""
        ...
