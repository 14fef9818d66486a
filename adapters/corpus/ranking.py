"""What a search finds for one question: rows of the passages, the best first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Ranking(NamedTuple):
    """`rows` and their `scores`, both (found,), best first. Scores of different searches have different units."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


def best_rows(scores: NDArray[np.float32], k: int, above: float = -np.inf) -> Ranking:
    """The k rows with the highest scores, of those above `above`; equal scores in the order of rows."""
    rows = np.flatnonzero(scores > above)
    if len(rows) > k:
        # The k-th highest score first: sorting all of a large corpus for five passages would take longer than scoring.
        least = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
        rows = rows[scores[rows] >= least]
    order = np.argsort(-scores[rows], kind="stable")[:k]
    return Ranking(rows[order].astype(np.int64), scores[rows[order]].astype(np.float32))
