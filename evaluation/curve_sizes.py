"""Which training sizes a learning curve is measured at, and which rows each of them learns from.

A size is a split of its own, over the test rows of the first fold, so it is planned, run and scored like any other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evaluation.dataset import Example
from evaluation.policy import EvaluationPolicy
from evaluation.splits import Fold, Split

SMALLER_SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Of the rows of a fit: with all of them four sizes, the fewest that a curve is fitted on (protocol 2, 7.7).

One fit each in the first fold alone: an arm then costs seven eighths of one fit more, 18% of five folds. That is enough
because fold and fit give only the curve's shape; its level is the accuracy over all folds and fits. Tried on nine
public data sets of 200 rows, 20 draws each, with a linear head on TF-IDF given a fine-tune's run deviation of 4.2
points: the first fold misses the accuracy at twice and four times the rows by 4.3 and 5.0 points on average, all five
by 4.3 and 4.8. On 450 training rows with 300 test rows, one draw misses by 3.6 and 4.3 points, three by 3.6 and 4.1."""
FEWEST_ROWS = 16
"""Fewer tell of their draw, not of the curve."""
FEWEST_ROWS_A_LABEL = 2
"""On average; with one row a label, the point tells which row it was."""


def smaller_sizes(rows: int, labels: int) -> tuple[int, ...]:
    """An eighth, a quarter and half of the `rows` that a fit learns from.

    None where the eighth is below `fewest_rows_of_a_point`: three sizes make no curve, so none is paid for.
    """
    sizes = tuple(int(share * rows) for share in SMALLER_SHARES)
    return sizes if sizes[0] >= fewest_rows_of_a_point(labels) else ()


def fewest_rows_of_a_point(labels: int) -> int:
    """Rows below which a size is left out."""
    return max(FEWEST_ROWS, FEWEST_ROWS_A_LABEL * labels)


def no_curve_text(rows: int, labels: int) -> str:
    """Why `smaller_sizes` are none, and from how many rows there are some."""
    fewest = fewest_rows_of_a_point(labels)
    return (
        f"No learning curve: an eighth of the {rows:,} rows to learn from is below {fewest:,}, the fewest for a point. "
        f"It takes {math.ceil(fewest / SMALLER_SHARES[0]):,}."
    )


def curve_splits(split: Split, seed: int) -> tuple[Split, ...]:
    """The first fold of a split at every size of the curve, smallest first; `train_size` of each is its size.

    All test the same rows. What a smaller one learns from, every larger one learns from too. The last is the fold at
    full size: its trials have the keys of the whole split's, so they are read back and not run again. Empty where no
    curve can be made.
    """
    fold = split.folds[0]
    sizes = smaller_sizes(len(fold.train), len({row.output for row in fold.train}))
    if not sizes:
        return ()
    order = _spread(fold.train, np.random.default_rng([seed, 3]))
    return tuple(_first_fold(split, order[:size]) for size in (*sizes, len(fold.train)))


def curve_policy(policy: EvaluationPolicy) -> EvaluationPolicy:
    """The policy under which the splits of a curve are planned and scored: one fit of an arm that trains."""
    return policy.model_copy(update={"training_seeds": 1, "training_seeds_few_labels": 1})


def _first_fold(split: Split, learnt: Sequence[int]) -> Split:
    """Rows stay in the order that they have in the fold."""
    fold = split.folds[0]
    return replace(
        split,
        tested=tuple(split.tested[position] for position in fold.tested),
        clusters=tuple(split.clusters[position] for position in fold.tested),
        folds=(Fold(tuple(fold.train[row] for row in sorted(learnt)), tuple(range(len(fold.tested)))),),
    )


def _spread(rows: Sequence[Example], rng: np.random.Generator) -> list[int]:
    """Positions of the rows, shuffled so that every prefix holds each label in its share.

    Row k of a label's m rows stands at k/m of the order. So the first rows of all labels come first, and a prefix of as
    many rows as there are labels lacks none.
    """
    shuffled = rng.permutation(len(rows)).tolist()
    sizes = Counter(row.output for row in rows)
    seen: Counter[str] = Counter()
    place: dict[int, float] = {}
    for position in shuffled:
        label = rows[position].output
        place[position] = seen[label] / sizes[label]
        seen[label] += 1
    return sorted(shuffled, key=lambda position: place[position])
