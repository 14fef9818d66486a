"""Search by meaning: the passages whose embeddings are nearest to the question's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.corpus.ranking import Ranking
from adapters.index import ExactIndex, HnswIndex, recall_of

EXACT_BELOW: Final = 200_000
"""Passages. Exact search of so many takes some 20 ms a question and 300 MB."""
MEASURED, NEAREST = 200, 10
"""The graph's recall is measured on so many passages, each as a question for so many others."""
INDEX, VECTORS, KIND = "index.faiss", "vectors.npy", "dense.json"


class Embedding(Protocol):
    """Whatever turns texts into unit vectors, (texts, dimensions): the encoder."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class DenseSearch:
    """Exact below `EXACT_BELOW` passages, in a graph from there on. `recall` is the share of the exactly nearest that
    the graph finds, measured when it was built; None for exact search.
    """

    def __init__(self, index: ExactIndex | HnswIndex, encoder: Embedding, recall: float | None = None) -> None:
        self._index, self._encoder, self.recall = index, encoder, recall

    @classmethod
    def build(
        cls,
        folder: Path,
        batches: Iterable[Sequence[str]],
        count: int,
        encoder: Embedding,
        progress: Callable[[str, int, int], None],
        exact_below: int = EXACT_BELOW,
    ) -> DenseSearch:
        """Embeds `count` >= 1 texts batch by batch onto disk, indexes them and leaves the index in `folder`."""
        vectors = _embedded(folder / VECTORS, batches, count, encoder, progress)
        index: ExactIndex | HnswIndex
        recall = None
        if count < exact_below:
            index = ExactIndex(vectors)
        else:
            index = HnswIndex(vectors, lambda done: progress("indexing passages", done, count))
            rows = np.random.default_rng(0).choice(count, min(MEASURED, count), replace=False)
            recall = recall_of(index, vectors, vectors[np.sort(rows)], NEAREST)
        index.save(folder / INDEX)
        (folder / KIND).write_text(json.dumps({"recall": recall}))
        del vectors
        (folder / VECTORS).unlink()
        return cls(index, encoder, recall)

    @classmethod
    def load(cls, folder: Path, encoder: Embedding) -> DenseSearch:
        recall = json.loads((folder / KIND).read_text())["recall"]
        kind = ExactIndex if recall is None else HnswIndex
        return cls(kind.load(folder / INDEX), encoder, recall)

    def rank(self, queries: Sequence[str], k: int) -> list[Ranking]:
        """The k nearest passages of each query; scores are cosines. Equal ones in the order of rows."""
        if not queries:
            return []
        cosines, rows = self._index.search(self._encoder.embed(queries), k)
        return [_ordered(one, found) for one, found in zip(cosines, rows, strict=True)]

    def statement(self) -> str:
        """For the report: how it searches and what it misses."""
        if self.recall is None:
            return f"{len(self._index):,} passages, searched exactly."
        return (
            f"{len(self._index):,} passages, searched in a graph (HNSW) that finds {100 * self.recall:.1f}% of the "
            f"{NEAREST} nearest (measured on {min(MEASURED, len(self._index))} passages)."
        )


def _embedded(
    path: Path,
    batches: Iterable[Sequence[str]],
    count: int,
    encoder: Embedding,
    progress: Callable[[str, int, int], None],
) -> NDArray[np.float32]:
    """All vectors, in a file: memory holds one batch."""
    vectors: NDArray[np.float32] | None = None
    done = 0
    progress("embedding passages", done, count)
    for batch in batches:
        fresh = encoder.embed(batch)
        if vectors is None:
            vectors = np.lib.format.open_memmap(path, "w+", np.float32, (count, fresh.shape[1]))
        vectors[done : done + len(fresh)] = fresh
        done += len(fresh)
        progress("embedding passages", done, count)
    if vectors is None or done != count:
        raise ValueError(f"{count} texts were announced, {done} came")
    return vectors


def _ordered(cosines: NDArray[np.float32], rows: NDArray[np.int64]) -> Ranking:
    there = rows >= 0
    cosines, rows = cosines[there], rows[there]
    order = np.lexsort((rows, -cosines))
    return Ranking(rows[order], cosines[order])
