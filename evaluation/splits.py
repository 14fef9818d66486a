"""Which rows are trained on and which are tested on, fixed before anything runs."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from evaluation.dataset import Dataset, Example, fingerprint
from evaluation.policy import EvaluationPolicy


class Design(StrEnum):
    """How test rows are come by (protocol 7.2)."""

    CROSS_FIT = "cross_fit"
    """Every row is tested once, by a fit on the other folds."""
    SEALED = "sealed"
    """A test set is drawn once and never trained on."""
    GIVEN = "given"
    """The user named a test file."""


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and positions in `Split.tested` to predict."""

    train: tuple[Example, ...]
    tested: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """`tested` are all test rows; every position belongs to exactly one fold. `clusters` numbers the sets of test rows
    that are not independent (duplicates, declared groups)."""

    design: Design
    tested: tuple[Example, ...]
    clusters: tuple[int, ...]
    folds: tuple[Fold, ...]
    seed: int

    @property
    def sha256(self) -> str:
        """Hash of every row on every side."""
        digest = hashlib.sha256(f"{self.design} {fingerprint(self.tested)}".encode())
        for fold in self.folds:
            digest.update(f"{fingerprint(fold.train)} {fold.tested}".encode())
        return digest.hexdigest()

    @property
    def train_size(self) -> int:
        """Rows of the smallest fit."""
        return min(len(fold.train) for fold in self.folds)

    def fold_of(self) -> tuple[int, ...]:
        """The fold of each test row."""
        number = [0] * len(self.tested)
        for fold, rows in enumerate(self.folds):
            for position in rows.tested:
                number[position] = fold
        return tuple(number)


def split_dataset(dataset: Dataset, groups: Sequence[int], policy: EvaluationPolicy, seed: int) -> Split:
    """Cross-fitting for few rows, a sealed test set for many; groups are never divided, labels are spread evenly."""
    if len(dataset) < policy.cross_fit_below:
        folds = 10 if len(dataset) < policy.ten_folds_below else 5
        return _cross_fit(dataset, groups, folds, seed)
    return _sealed(dataset, groups, min(int(policy.test_share * len(dataset)), policy.largest_test), seed)


def given_split(
    dataset: Dataset, left_out: Sequence[int], test: Dataset, test_groups: Sequence[int], seed: int
) -> Split:
    """The user's own test file; training rows numbered in `left_out` are not used."""
    excluded = set(left_out)
    train = tuple(example for row, example in enumerate(dataset.examples) if row not in excluded)
    fold = Fold(train, tuple(range(len(test))))
    return Split(Design.GIVEN, test.examples, tuple(test_groups), (fold,), seed)


def _cross_fit(dataset: Dataset, groups: Sequence[int], folds: int, seed: int) -> Split:
    from sklearn.model_selection import StratifiedGroupKFold

    outputs = [example.output for example in dataset.examples]
    folding = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A label with fewer rows than folds is the audit's business; it is spread as far as it goes.
        warnings.filterwarnings("ignore", message="The least populated class")
        sides = list(folding.split(outputs, outputs, groups))
    return Split(
        Design.CROSS_FIT,
        dataset.examples,
        tuple(groups),
        tuple(
            Fold(tuple(dataset.examples[row] for row in train), tuple(tested.tolist()))
            for train, tested in sides
            if len(tested)
        ),
        seed,
    )


def _sealed(dataset: Dataset, groups: Sequence[int], size: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    share = size / len(dataset)
    wanted = {label: share * count for label, count in dataset.class_sizes.items()}
    order = list(members.values())
    order = [order[position] for position in rng.permutation(len(order))]
    tested: set[int] = set()
    # Large groups first: later, small ones still fit into what is left of each label's share.
    for rows in sorted(order, key=len, reverse=True):
        labels = Counter(dataset.examples[row].output for row in rows)
        if all(wanted[label] >= count - 0.5 for label, count in labels.items()):
            tested.update(rows)
            for label, count in labels.items():
                wanted[label] -= count
    positions = sorted(tested)
    fold = Fold(
        tuple(example for row, example in enumerate(dataset.examples) if row not in tested),
        tuple(range(len(positions))),
    )
    return Split(
        Design.SEALED,
        tuple(dataset.examples[row] for row in positions),
        tuple(groups[row] for row in positions),
        (fold,),
        seed,
    )
