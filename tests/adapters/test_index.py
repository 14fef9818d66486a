"""Exact search over hand-made vectors."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from adapters.index import ExactIndex

ROOT = Path(__file__).resolve().parents[2]
# Angles to the first axis: 0, 30, 60, 90, 180 degrees.
VECTORS = np.array([[1, 0], [0.75**0.5, 0.5], [0.5, 0.75**0.5], [0, 1], [-1, 0]], dtype=np.float32)


def test_most_similar_first() -> None:
    similarities, rows = ExactIndex(VECTORS).search(VECTORS[[0, 3]], 3)
    assert rows.tolist() == [[0, 1, 2], [3, 2, 1]]
    assert similarities == pytest.approx(np.array([[1, 0.75**0.5, 0.5], [1, 0.75**0.5, 0.5]]), abs=1e-6)


def test_more_neighbours_than_rows_gives_every_row() -> None:
    similarities, rows = ExactIndex(VECTORS).search(VECTORS[:1], 50)
    assert rows.tolist() == [[0, 1, 2, 3, 4]]
    assert similarities.shape == (1, 5)
    assert similarities[0, -1] == pytest.approx(-1)


def test_copies_are_all_found() -> None:
    similarities, rows = ExactIndex(np.repeat(VECTORS[:2], 4, axis=0)).search(VECTORS[:1], 4)
    assert set(rows[0].tolist()) == {0, 1, 2, 3}
    assert similarities == pytest.approx(np.ones((1, 4)))


def test_one_vector_and_no_queries() -> None:
    index = ExactIndex(VECTORS[:1])
    assert len(index) == 1
    assert index.search(VECTORS, 3)[1].tolist() == [[0]] * 5
    assert index.search(VECTORS[:0], 3)[1].shape == (0, 1)


def test_any_layout_and_precision_is_taken() -> None:
    transposed = np.asfortranarray(VECTORS.astype(np.float64))
    assert ExactIndex(transposed).search(transposed[::2], 2)[1].tolist() == [[0, 1], [2, 1], [4, 3]]


def test_saved_and_loaded(tmp_path: Path) -> None:
    index = ExactIndex(VECTORS)
    index.save(tmp_path / "index.faiss")
    loaded = ExactIndex.load(tmp_path / "index.faiss")
    assert len(loaded) == 5
    for before, after in zip(index.search(VECTORS, 4), loaded.search(VECTORS, 4), strict=True):
        assert np.array_equal(before, after)


def test_this_is_the_only_file_that_imports_faiss() -> None:
    sources = [
        path for floor in ("rules", "evaluation", "adapters", "service") for path in (ROOT / floor).rglob("*.py")
    ]
    assert {str(path.relative_to(ROOT)) for path in sources if "faiss" in imported_by(path)} == {"adapters/index.py"}


def imported_by(path: Path) -> set[str]:
    """Top-level names of all imports, also of those inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
