"""Finds rows that say the same: exactly, after normalising, or nearly, by character n-grams."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1000
"""Rows compared at a time, so that memory stays flat."""


@dataclass(frozen=True)
class Duplicates:
    """Row numbers. `exact` holds sets of two or more; `near` pairs (lower, higher) that are not exact; `groups` gives
    every row the number of its connected set. `near_searched` is False where there were too many rows."""

    exact: tuple[tuple[int, ...], ...]
    near: tuple[tuple[int, int], ...]
    groups: tuple[int, ...]
    near_searched: bool


def find_duplicates(texts: Sequence[str], cosine: float, declared: Sequence[str | None], most_rows: int) -> Duplicates:
    """Duplicates among texts, at the given cosine; rows with the same `declared` group are joined as well.

    Above `most_rows` rows near duplicates are not searched and `near` is empty.
    """
    exact = _exact(texts)
    first_of = {row: rows[0] for rows in exact for row in rows}
    # Of exact copies only the first is compared, or a text with 50 copies would make 1,225 pairs.
    distinct = [row for row in range(len(texts)) if first_of.get(row, row) == row]
    near_searched = len(distinct) <= most_rows
    near = _near([texts[row] for row in distinct], cosine) if near_searched else []
    pairs = [(distinct[one], distinct[other]) for one, other in near]
    links = pairs + [(rows[0], row) for rows in exact for row in rows[1:]] + _declared_links(declared)
    return Duplicates(exact, tuple(pairs), _components(len(texts), links), near_searched)


def normalised(text: str) -> str:
    """The text without differences in case, width, spacing and final punctuation."""
    spaced = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return spaced.rstrip(" .!?") or spaced


def _exact(texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        rows[normalised(text)].append(row)
    return tuple(tuple(same) for same in rows.values() if len(same) > 1)


def _near(texts: Sequence[str], cosine: float) -> list[tuple[int, int]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), dtype=np.float32).fit_transform(
            [normalised(text) for text in texts]
        )
    except ValueError:  # no text is long enough for one n-gram
        return []
    pairs = []
    for start in range(0, len(texts), BLOCK):
        similar = (vectors[start : start + BLOCK] @ vectors.T).tocoo()
        close = (similar.data >= cosine) & (similar.row + start < similar.col)
        pairs += list(zip((similar.row[close] + start).tolist(), similar.col[close].tolist(), strict=True))
    return sorted(pairs)


def _declared_links(declared: Sequence[str | None]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [(first.setdefault(group, row), row) for row, group in enumerate(declared) if group is not None]


def _components(count: int, links: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not links:
        return tuple(range(count))
    ends: NDArray[np.int64] = np.asarray(links, dtype=np.int64).T
    graph = coo_array((np.ones(len(links)), (ends[0], ends[1])), shape=(count, count))
    return tuple(connected_components(graph, directed=False)[1].tolist())
