"""Exact nearest-neighbour search by inner product. The only file that imports faiss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
