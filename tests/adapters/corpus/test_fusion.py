"""One ranking out of two, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.corpus.fusion import fuse
from adapters.corpus.ranking import Ranking

NOTHING = Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))


def ranking(**scores: float) -> Ranking:
    """Best first: r7=0.5 is row 7."""
    best = sorted(scores.items(), key=lambda item: -item[1])
    rows = np.array([int(name[1:]) for name, _ in best], dtype=np.int64)
    return Ranking(rows, np.array([score for _, score in best], dtype=np.float32))


def test_by_hand() -> None:
    # By meaning 0.9, 0.6, 0.5 become 1, 0.25, 0; by words 12, 4, 2 become 1, 0.2, 0.
    fused = fuse(ranking(r1=0.9, r2=0.6, r3=0.5), ranking(r2=12, r3=4, r8=2), k=3, weight=0.6)
    assert fused.rows.tolist() == [1, 2, 3]
    assert fused.scores == pytest.approx([0.6, 0.6 * 0.25 + 0.4, 0.4 * 0.2])


def test_where_one_finds_nothing_the_other_decides() -> None:
    found = ranking(r4=3, r9=2, r1=1)
    assert fuse(NOTHING, found, 3).rows.tolist() == [4, 9, 1]
    assert fuse(found, NOTHING, 2).rows.tolist() == [4, 9]
    assert fuse(NOTHING, NOTHING, 2).rows.tolist() == []


def test_equal_scores_and_a_single_passage_count_as_best() -> None:
    assert fuse(ranking(r5=0.2), ranking(r5=7), 1).scores == pytest.approx([1.0])
    assert fuse(ranking(r5=0.2, r3=0.2), NOTHING, 2).rows.tolist() == [3, 5]


scored = st.dictionaries(st.integers(0, 30), st.floats(0, 50, width=16), max_size=12)


@given(scored, scored, st.integers(1, 12), st.floats(0, 1))
def test_passages_are_those_found_once_each_best_first(
    one: dict[int, float], other: dict[int, float], k: int, weight: float
) -> None:
    found = [ranking(**{f"r{row}": score for row, score in given.items()}) for given in (one, other)]
    fused = fuse(*found, k, weight)
    assert len(fused.rows) == len(set(fused.rows.tolist())) == min(k, len(one.keys() | other.keys()))
    assert set(fused.rows.tolist()) <= one.keys() | other.keys()
    assert all(np.diff(fused.scores) <= 0)
    assert all((fused.scores >= 0) & (fused.scores <= 1 + 1e-6))


@given(scored, st.floats(1, 9), st.floats(0, 20))
def test_the_unit_of_a_search_does_not_count(one: dict[int, float], factor: float, shift: float) -> None:
    first, words = ranking(**{f"r{row}": score for row, score in one.items()}), ranking(r1=3, r40=1)
    moved = Ranking(first.rows, (first.scores * np.float32(factor) + np.float32(shift)).astype(np.float32))
    assert fuse(moved, words, 5).scores == pytest.approx(fuse(first, words, 5).scores, abs=0.05)
