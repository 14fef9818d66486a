"""Items that were answered elsewhere: read, audited, and every one of them tested."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluation.audit import Audit, audit_dataset
from evaluation.dataset import Dataset, Example
from evaluation.policy import EvaluationPolicy
from evaluation.readers import (
    GROUP_NAMES,
    ID_NAMES,
    INPUT_NAMES,
    OUTPUT_NAMES,
    Columns,
    DatasetError,
    refuse_repeated_ids,
)
from evaluation.rows import Row, Table, listed, read_table
from evaluation.splits import Design, Fold, Split

TARGET_NAMES = (*OUTPUT_NAMES, "reference", "references", "expected", "gold")
BETWEEN_REFERENCES = " / "
WHAT_TO_DO = {
    "AUDIT01": None,
    "AUDIT09": "Keep one of each; until then copies count as one observation.",
    "AUDIT10": "Look whether both are needed; they count as one observation where they form a group.",
    "AUDIT11": "Decide which answer is right, unless the answers came with their own scores.",
    "AUDIT14": None,
    "AUDIT15": "Check the group column, or collect items from more sources.",
    "AUDIT16": "Collect items from more sources: rows of one group count as one observation.",
    "AUDIT17": "Search near duplicates with another tool; they would count as one observation.",
    "AUDIT18": None,
}
"""Findings that matter where nothing is trained, with other words where the audit's own speak of training."""


def read_items(path: Path, columns: Columns | None = None) -> Dataset:
    """Read items of any task: an id, and, where there are, the input, the target and a group.

    Several references of one item are joined by a slash. Raises `DatasetError` for a file that cannot be read, for
    columns that are named but not there, for missing ids and for ids that occur twice.
    """
    columns = replace(columns or Columns(), outputs=TARGET_NAMES)
    table = read_table(path, columns=columns)
    id_column = _column(table, None, ID_NAMES)
    if id_column is None:
        raise DatasetError(
            f"{table.name}: no column for the id among {listed(table.columns)}; "
            "expected one, such as 'id', with the ids that the recorded answers name."
        )
    input_column = _column(table, columns.input, INPUT_NAMES)
    target_column = _column(table, columns.output, columns.outputs)
    group_column = _column(table, None, GROUP_NAMES)

    def item(row: Row) -> Example:
        return Example(
            id=row.needed(id_column),
            input=(row.text(input_column) if input_column else None) or "",
            output=_target(row, target_column) if target_column else "",
            line=row.line,
            source=table.name,
            group=row.text(group_column) if group_column else None,
        )

    items = table.parse(item)
    refuse_repeated_ids(items)
    return Dataset(path.stem, tuple(items))


def audit_items(items: Dataset, policy: EvaluationPolicy) -> Audit:
    """Too few items, copies, groups and e-mail addresses. Labels and lengths do not matter: nothing is trained here."""
    audit = audit_dataset(_with_texts(items), None, policy, 0, lambda inputs: [0] * len(inputs))
    findings = tuple(
        finding.model_copy(update={"what_to_do": WHAT_TO_DO[finding.code] or finding.what_to_do})
        for finding in audit.findings
        if finding.code in WHAT_TO_DO
    )
    sizes = items.class_sizes if targets_are_labels(items, policy) else {}
    return audit.model_copy(update={"fingerprint": items.fingerprint, "findings": findings, "class_sizes": sizes})


def targets_are_labels(items: Dataset, policy: EvaluationPolicy) -> bool:
    """Whether every item has a target and targets repeat: two of them often enough to count as classes, and most
    items sharing theirs with another. Answers to questions repeat too (yes, no), but few of them."""
    sizes = items.class_sizes
    classes = sum(size >= policy.fewest_of_a_class for size in sizes.values())
    return "" not in sizes and classes >= 2 and 2 * sum(size for size in sizes.values() if size > 1) >= len(items)


def every_item_tested(items: Dataset, groups: Sequence[int], seed: int) -> Split:
    """No training rows; every item is tested."""
    return Split(Design.GIVEN, items.examples, tuple(groups), (Fold((), tuple(range(len(items)))),), seed)


def _with_texts(items: Dataset) -> Dataset:
    """An item without an input gets a hash instead: its own, and so never nearly the same as another."""
    return Dataset(
        items.name,
        tuple(
            item if item.input else replace(item, input=hashlib.sha256(item.id.encode()).hexdigest())
            for item in items.examples
        ),
    )


def _column(table: Table, chosen: str | None, guesses: Sequence[str]) -> str | None:
    if chosen is None:
        return next((name for name in guesses if name in table.columns), None)
    if chosen.lower() not in table.columns:
        raise DatasetError(f"{table.name}: no column {chosen!r}; the file has {listed(table.columns)}.")
    return chosen.lower()


def _target(row: Row, column: str) -> str:
    value = row.cells.get(column)
    if not isinstance(value, list):
        return row.text(column) or ""
    references = [Row(row.line, {column: reference}).text(column) for reference in value]
    return BETWEEN_REFERENCES.join(reference for reference in references if reference)
