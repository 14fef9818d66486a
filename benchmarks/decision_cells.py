"""The decision benchmark's cells, one for each data set and number of rows, and where they are kept.

benchmarks/results/decision.json holds the cells, decision_outcomes beside it what each comparison saw, row by row.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from adapters.catalogue import ARMS
from evaluation.policy import EvaluationPolicy
from service.run_folder import write_whole

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "decision.json"
OUTCOMES = ROOT / "benchmarks" / "results" / "decision_outcomes"
DRAW_SEED, PRODUCT_SEED, TRUTH_SEED = 20261120, 1, 2
"""The product's is the command's own default; the truth is fitted with seeds of its own."""
POLICY = EvaluationPolicy()
FAMILIES = {entry.name: entry.family for entry in ARMS}
TUNED = next(name for name, family in FAMILIES.items() if family.is_fine_tune)
Cell = dict[str, Any]
"""One data set and number of rows: `product` is what was decided, `truth` holds the arms' true accuracies. Plain JSON;
accuracies, gains and regrets are 0..1. A cell that the audit forbids has only the verdict and its reasons."""
Recorded = dict[str, Any]
"""What a comparison saw: for each arm and run a string of 0 and 1, one a test row; the rows' folds and clusters."""


def cell_key(name: str, rows: int) -> str:
    """What a cell is called in the file."""
    return f"{name} {rows}"


def read_cells() -> dict[str, Cell]:
    """As measured; none where nothing is kept yet."""
    cells: dict[str, Cell] = json.loads(RESULTS.read_text())["cells"] if RESULTS.exists() else {}
    return cells


def keep(cell: Cell, recorded: Recorded | None) -> dict[str, Cell]:
    """Everything that is kept now: another process may have finished cells of its own."""
    OUTCOMES.mkdir(parents=True, exist_ok=True)
    with _alone(OUTCOMES):
        if recorded is not None:
            _outcomes_of(cell).write_bytes(pack(recorded))
        cells = read_cells() | {cell_key(cell["dataset"], cell["rows"]): cell}
        write_cells(cells, {})
    return cells


def write_cells(cells: Mapping[str, Cell], summaries: Mapping[str, Any]) -> None:
    """As measured; the summaries are of what was decided again."""
    figures = json.dumps(rounded(summaries, digits=6), indent=1)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(cells[name])}" for name in sorted(cells))
    write_whole(RESULTS, f'{{"cells": {{\n{lines}\n}},\n"summary": {figures}}}\n')


def read_recorded(cell: Cell) -> Recorded:
    """What the cell's comparison saw."""
    recorded: Recorded = json.loads(gzip.decompress(_outcomes_of(cell).read_bytes()))
    return recorded


def pack(recorded: Recorded) -> bytes:
    """Gzipped JSON; the same record gives the same bytes."""
    return gzip.compress(json.dumps(recorded).encode(), mtime=0)


def rounded(value: Any, digits: int) -> Any:
    """Plain JSON with short numbers."""
    if isinstance(value, Mapping):
        return {key: rounded(each, digits) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each, digits) for each in value]
    return round(float(value), digits) if isinstance(value, (float, np.floating)) else value


def _outcomes_of(cell: Cell) -> Path:
    return OUTCOMES / f"{cell['dataset']}-{cell['rows']}.json.gz"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
