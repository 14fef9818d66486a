"""An audit as its page shows it: findings with the rows that they speak of, and how many examples each label has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from evaluation.dataset import Example
from evaluation.files import DatasetError, is_parquet, unit_of
from service.settings import Settings
from service.storage.datasets import StoredDataset
from service.storage.folders import dataset_folder

MOST_SETS: Final = 5
"""Of rows, for each finding."""
MOST_ROWS: Final = 4
"""Of one set."""
MOST_LABELS: Final = 40
LARGEST_READ: Final = 20_000_000
"""Bytes of a file that a page reads again for the texts of its rows."""
LARGEST_PARQUET: Final = 4_000_000
"""The same of a Parquet file, which is packed."""


@dataclass(frozen=True)
class ShownRow:
    """A row as it was uploaded; without text where the file was not read again."""

    line: int
    input: str | None
    output: str | None


@dataclass(frozen=True)
class ShownFinding:
    """One finding. `sets` are rows that belong together; `more` counts those that are not shown."""

    code: str
    name: str
    is_blocker: bool
    message: str
    what_to_do: str
    sets: Sequence[Sequence[ShownRow]]
    more: int


class AuditView:
    """Of a data set that has been audited."""

    def __init__(self, stored: StoredDataset, settings: Settings) -> None:
        assert stored.audit is not None
        self._stored, self._audit, self._settings = stored, stored.audit, settings

    @cached_property
    def blockers(self) -> list[ShownFinding]:
        """What stops a comparison."""
        return [finding for finding in self._findings if finding.is_blocker]

    @cached_property
    def warnings(self) -> list[ShownFinding]:
        """What a report will repeat."""
        return [finding for finding in self._findings if not finding.is_blocker]

    @property
    def examples(self) -> int:
        """Rows in all."""
        return int(self._audit["examples"])

    @cached_property
    def sizes(self) -> list[tuple[str, int, float]]:
        """Label, examples, and percent of the largest."""
        sizes: Mapping[str, int] = self._audit["class_sizes"]
        largest = max(sizes.values(), default=1)
        return [(label, size, round(100 * size / largest, 1)) for label, size in list(sizes.items())[:MOST_LABELS]]

    @property
    def labels(self) -> int:
        """How many there are."""
        return len(self._audit["class_sizes"])

    @property
    def unit(self) -> str:
        """What rows are counted in: lines, or rows of a Parquet file."""
        return unit_of(self._stored.description["file_name"])

    @property
    def searched(self) -> str:
        """How near duplicates were searched."""
        from evaluation.audit import SEARCHED, NearSearch  # loads numerical libraries

        return SEARCHED[NearSearch(self._audit["near_search"])]

    @cached_property
    def _findings(self) -> list[ShownFinding]:
        return [self._shown(finding) for finding in self._audit["findings"]]

    def _shown(self, finding: Mapping[str, Any]) -> ShownFinding:
        sets = finding["rows"]
        return ShownFinding(
            finding["code"], finding["name"].replace("_", " "), finding["severity"] == "blocker", finding["message"],
            finding["what_to_do"], [[self._row(place) for place in rows[:MOST_ROWS]] for rows in sets[:MOST_SETS]],
            max(0, len(sets) - MOST_SETS),
        )  # fmt: skip

    def _row(self, place: Mapping[str, Any]) -> ShownRow:
        row = self._rows.get(place["line"])
        return ShownRow(place["line"], row.input if row else None, row.output if row else None)

    @cached_property
    def _rows(self) -> dict[int, Example]:
        packed = is_parquet(self._stored.description["file_name"])
        if self._stored.file.size > (LARGEST_PARQUET if packed else LARGEST_READ):
            return {}
        from service.reading import examples_in  # readers load numerical libraries

        try:
            dataset = examples_in(dataset_folder(self._settings, self._stored.id), self._stored.description)
        except DatasetError:
            return {}
        return {row.line: row for row in dataset.examples}
