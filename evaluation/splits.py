"""Which rows are trained on and which are tested on, fixed before anything runs."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.dataset import Dataset, Example, fingerprint
from evaluation.policy import EvaluationPolicy
from rules.design import Design

__all__ = ["Design", "Fold", "Split", "given_split", "split_dataset"]


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


def split_dataset(
    dataset: Dataset, groups: Sequence[int], policy: EvaluationPolicy, seed: int, *, by_label: bool = True
) -> Split:
    """Cross-fitting for few rows, a sealed test set for many; groups are never divided, labels are spread evenly.

    Where outputs are no labels, `by_label` is False and only the number of rows counts.
    """
    strata = [example.output if by_label else "" for example in dataset.examples]
    if policy.design(len(dataset)) is Design.CROSS_FIT:
        return _cross_fit(dataset, strata, groups, policy.folds(len(dataset)), seed)
    return _sealed(dataset, strata, groups, policy.sealed_rows(len(dataset)), seed)


def given_split(
    dataset: Dataset, left_out: Sequence[int], test: Dataset, test_groups: Sequence[int], seed: int
) -> Split:
    """The user's own test file; training rows numbered in `left_out` are not used."""
    fold = Fold(_without(dataset, set(left_out)), tuple(range(len(test))))
    return Split(Design.GIVEN, test.examples, tuple(test_groups), (fold,), seed)


def _cross_fit(dataset: Dataset, strata: Sequence[str], groups: Sequence[int], folds: int, seed: int) -> Split:
    """Each group goes to the fold with the fewest rows of its most frequent label, then to the smallest."""
    members = _members(groups, seed)
    folds = min(folds, len(members))
    tested: list[list[int]] = [[] for _ in range(folds)]
    have: list[Counter[str]] = [Counter() for _ in range(folds)]
    for rows in members:
        labels = Counter(strata[row] for row in rows)
        label = labels.most_common(1)[0][0]
        fold = min(range(folds), key=lambda number: (have[number][label], len(tested[number]), number))
        tested[fold] += rows
        have[fold] += labels
    return Split(
        Design.CROSS_FIT,
        dataset.examples,
        tuple(groups),
        tuple(Fold(_without(dataset, set(rows)), tuple(sorted(rows))) for rows in tested),
        seed,
    )


def _sealed(dataset: Dataset, strata: Sequence[str], groups: Sequence[int], size: int, seed: int) -> Split:
    """Fills each label's quota with whole groups; groups too large for any quota come last, the best fitting first."""
    members = _members(groups, seed)
    wanted = _quotas(Counter(strata), size)
    tested: set[int] = set()
    for rows in members:
        labels = Counter(strata[row] for row in rows)
        if all(wanted[label] >= count for label, count in labels.items()):
            tested.update(rows)
            wanted -= labels
    left = [rows for rows in members if rows[0] not in tested]
    while len(tested) < size / 2 and len(left) > 1:
        nearest = min(left, key=lambda rows: abs(len(tested) + len(rows) - size))
        tested.update(nearest)
        left.remove(nearest)
    positions = sorted(tested)
    return Split(
        Design.SEALED,
        tuple(dataset.examples[row] for row in positions),
        tuple(groups[row] for row in positions),
        (Fold(_without(dataset, tested), tuple(range(len(positions)))),),
        seed,
    )


def _members(groups: Sequence[int], seed: int) -> list[list[int]]:
    """Rows of each group, large groups first (small ones still fit into what is left), equal sizes shuffled."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        rows[group].append(row)
    members = list(rows.values())
    order = np.random.default_rng(seed).permutation(len(members))
    return sorted((members[position] for position in order), key=len, reverse=True)


def _quotas(class_sizes: Mapping[str, int], size: int) -> Counter[str]:
    """Test rows of each label, `size` in all, by largest remainder."""
    share = size / sum(class_sizes.values())
    quotas = Counter({label: int(share * count) for label, count in class_sizes.items()})
    # A label's last row is always left to learn from.
    with_room = [label for label, count in class_sizes.items() if quotas[label] < count - 1]
    by_remainder = sorted(with_room, key=lambda label: (quotas[label] - share * class_sizes[label], label))
    for label in by_remainder[: size - quotas.total()]:
        quotas[label] += 1
    return quotas


def _without(dataset: Dataset, rows: set[int]) -> tuple[Example, ...]:
    return tuple(example for row, example in enumerate(dataset.examples) if row not in rows)
