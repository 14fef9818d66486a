"""Nearest-neighbour search by inner product, exact and in a graph. The only file that imports faiss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LINKS: Final = 32
BUILDING, SEARCHING = 80, 256
"""Candidates kept while the graph is built, and while it is searched: more finds more and takes longer."""
ADDED_AT_ONCE: Final = 10_000


class ExactIndex:
    """Vectors in the order they were given; with unit vectors the inner product is the cosine."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """`vectors` is (n, dimensions), n >= 1."""
        import faiss

        self._index: Any = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Similarities and row numbers of the k nearest, both (queries, min(k, n)), most similar first."""
        similarities, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), min(k, len(self)))
        return similarities, rows

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> ExactIndex:
        import faiss

        index = cls.__new__(cls)
        index._index = faiss.read_index(str(path))
        return index


class HnswIndex:
    """A graph of near neighbours (HNSW: Malkov and Yashunin 2016, arXiv 1603.09320): misses a few of the nearest and
    takes time that hardly grows with their number. `recall_of` measures what it misses.
    """

    def __init__(self, vectors: NDArray[np.float32], progress: Callable[[int], None] | None = None) -> None:
        """`vectors` is (n, dimensions), n >= 1, and may lie on disk; `progress` is told how many are in.

        Built by one thread: several would make another graph each time, and find other passages.
        """
        import faiss

        self._index: Any = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction, self._index.hnsw.efSearch = BUILDING, SEARCHING
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            for first in range(0, len(vectors), ADDED_AT_ONCE):
                self._index.add(np.ascontiguousarray(vectors[first : first + ADDED_AT_ONCE], dtype=np.float32))
                if progress is not None:
                    progress(len(self))
        finally:
            faiss.omp_set_num_threads(threads)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `ExactIndex.search`; the row -1 stands where fewer than k were found."""
        k = min(k, len(self))
        self._index.hnsw.efSearch = max(SEARCHING, 2 * k)
        similarities, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), k)
        return similarities, rows

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> HnswIndex:
        import faiss

        index = cls.__new__(cls)
        index._index = faiss.read_index(str(path))
        return index


def recall_of(index: HnswIndex, vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> float:
    """The share of the k exactly nearest of `vectors` that `index` finds, over all queries: 0..1, nan without any."""
    import faiss

    if not len(queries):
        return float("nan")
    k = min(k, len(vectors))
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    _, nearest = faiss.knn(queries, np.ascontiguousarray(vectors), k, metric=faiss.METRIC_INNER_PRODUCT)
    _, found = index.search(queries, k)
    return float(np.mean([len(set(one) & set(other)) / k for one, other in zip(nearest, found, strict=True)]))
