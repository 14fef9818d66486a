"""Search by meaning: exact, and in a graph for many passages (with made vectors: embedding them would take an hour)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.corpus.dense import DenseSearch
from adapters.encoder.embedding import Encoder
from adapters.index import ExactIndex, HnswIndex, recall_of

PASSAGES = ("the parcel was lost by the courier", "reset the router", "refund of an annual plan", "opening hours")


class Table:
    """Vectors by the number that is the text."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors
        self.largest = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.largest = max(self.largest, len(texts))
        return self._vectors[[int(text) for text in texts]]


def topics(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around 50 centres, as texts lie around their topics."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(50, 64))
    vectors = centres[rng.integers(50, size=count)] + 0.5 * rng.normal(size=(count, 64))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def unseen(what: str, done: int, of: int) -> None:
    pass


def batches(count: int, size: int = 500) -> list[list[str]]:
    return [[str(row) for row in range(first, min(first + size, count))] for first in range(0, count, size)]


class TestGraph:
    def test_it_finds_nearly_all_that_is_nearest(self) -> None:
        vectors, queries = topics(3000), topics(60, seed=1)
        graph = HnswIndex(vectors)
        assert len(graph) == 3000
        assert recall_of(graph, vectors, queries, 10) >= 0.98
        similarities, rows = graph.search(vectors[:5], 3)
        assert rows[:, 0].tolist() == [0, 1, 2, 3, 4]
        assert similarities[:, 0] == pytest.approx(np.ones(5), abs=1e-5)

    def test_recall_falls_where_neighbours_are_missing(self) -> None:
        vectors = topics(400)
        half = HnswIndex(np.where(np.arange(400)[:, None] % 2 == 0, vectors, -vectors))
        assert 0.2 < recall_of(half, vectors, topics(60, seed=1), 10) < 0.8
        assert np.isnan(recall_of(half, vectors, vectors[:0], 10))

    def test_built_again_and_loaded_it_is_the_same(self, tmp_path: Path) -> None:
        vectors, queries = topics(1200), topics(40, seed=1)
        graph = HnswIndex(vectors)
        graph.save(tmp_path / "graph")
        for other in (HnswIndex(vectors), HnswIndex.load(tmp_path / "graph")):
            assert np.array_equal(graph.search(queries, 10)[1], other.search(queries, 10)[1])

    def test_more_neighbours_than_vectors(self) -> None:
        assert sorted(HnswIndex(topics(3)).search(topics(1, seed=1), 50)[1][0].tolist()) == [0, 1, 2]


class TestDense:
    def test_meaning_counts_not_words(self, encoder: Encoder, tmp_path: Path) -> None:
        search = DenseSearch.build(tmp_path, [PASSAGES[:3], PASSAGES[3:]], 4, encoder, unseen)
        found = search.rank(["my package never arrived", "when can I come to the shop?"], 2)
        assert [ranking.rows[0] for ranking in found] == [0, 3]
        assert all(np.diff(ranking.scores) <= 0 for ranking in found)
        assert search.rank([], 2) == []
        assert search.statement() == "4 passages, searched exactly."

    def test_loaded_it_finds_the_same_without_embedding_passages(self, encoder: Encoder, tmp_path: Path) -> None:
        built = DenseSearch.build(tmp_path, [PASSAGES], 4, encoder, unseen)
        loaded = DenseSearch.load(tmp_path, encoder)
        for before, after in zip(built.rank(PASSAGES, 3), loaded.rank(PASSAGES, 3), strict=True):
            assert before.rows.tolist() == after.rows.tolist()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["dense.json", "index.faiss"]

    def test_many_passages_lie_in_a_graph_with_its_measured_recall(self, tmp_path: Path) -> None:
        vectors = topics(2000)
        table, told = Table(vectors), []

        def note(what: str, done: int, of: int) -> None:
            told.append((what, done, of))

        search = DenseSearch.build(tmp_path, batches(2000), 2000, table, note, exact_below=2000)
        assert table.largest == 500
        assert told[:2] == [("embedding passages", 0, 2000), ("embedding passages", 500, 2000)]
        assert told[-1] == ("indexing passages", 2000, 2000)
        assert search.recall is not None
        assert search.recall >= 0.95
        assert f"finds {100 * search.recall:.1f}% of the 10 nearest (measured on 200 passages)" in search.statement()
        loaded = DenseSearch.load(tmp_path, table)
        assert loaded.recall == search.recall
        exact = ExactIndex(vectors).search(vectors[:50], 5)[1]
        found = [ranking.rows.tolist() for ranking in loaded.rank([str(row) for row in range(50)], 5)]
        assert np.mean([set(one) == set(other) for one, other in zip(exact.tolist(), found, strict=True)]) >= 0.9

    def test_one_passage_below_the_limit_it_is_exact(self, tmp_path: Path) -> None:
        search = DenseSearch.build(tmp_path, batches(1999), 1999, Table(topics(1999)), unseen, exact_below=2000)
        assert search.recall is None

    def test_fewer_texts_than_announced(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="20 texts were announced, 10 came"):
            DenseSearch.build(tmp_path, batches(10), 20, Table(topics(10)), unseen)
