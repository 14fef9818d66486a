"""Who is trained on and who is tested on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.dataset import Dataset, Example
from evaluation.policy import EvaluationPolicy
from evaluation.splits import Design, Split, given_split, split_dataset

POLICY = EvaluationPolicy()
Rows = Callable[..., Dataset]


def dataset_of(labels: Sequence[str]) -> Dataset:
    return Dataset(
        "d", tuple(Example(str(row), f"text {row}", label, row + 1, "d.csv") for row, label in enumerate(labels))
    )


def split(labels: Sequence[str], groups: Sequence[int] | None = None, seed: int = 1) -> Split:
    return split_dataset(dataset_of(labels), groups or range(len(labels)), POLICY, seed)


def in_turn(count: int, labels: int = 3) -> list[str]:
    return [f"label {row % labels}" for row in range(count)]


class TestSizes:
    @pytest.mark.parametrize(("count", "folds"), [(30, 10), (99, 10), (100, 5), (499, 5)])
    def test_cross_fitting(self, count: int, folds: int) -> None:
        result = split(in_turn(count))
        assert (result.design, len(result.folds), len(result.tested)) == (Design.CROSS_FIT, folds, count)
        assert all(abs(len(fold.tested) - count / folds) <= 2 for fold in result.folds)

    @pytest.mark.parametrize(("count", "tested"), [(500, 200), (1000, 400), (1500, 600), (3000, 600)])
    def test_sealed(self, count: int, tested: int) -> None:
        result = split(in_turn(count))
        assert result.design is Design.SEALED
        # Each label's share is rounded, so three labels can move it by 1.5 rows.
        assert len(result.tested) == pytest.approx(tested, abs=1.5)
        assert result.train_size == count - len(result.tested)

    @pytest.mark.parametrize(("labels", "each", "tested"), [(130, 13, 600), (100, 7, 280), (100, 6, 240)])
    def test_sealed_with_many_labels(self, labels: int, each: int, tested: int) -> None:
        assert len(split(in_turn(labels * each, labels)).tested) == pytest.approx(tested, rel=0.02)

    def test_ten_folds_without_a_label_of_ten_rows(self) -> None:
        # The audit lets these pass: 40 rows, five labels of eight.
        assert len(split(in_turn(40, 5)).tested) == 40

    def test_fewer_groups_than_folds(self) -> None:
        result = split(in_turn(60), [row % 4 for row in range(60)])
        assert all(fold.train and fold.tested for fold in result.folds)

    def test_a_label_of_one_row_is_kept_for_training(self) -> None:
        # 40% of 250 leaves no remainder, so the five single rows have the largest.
        result = split([*["a"] * 250, *["b"] * 250, *"vwxyz"])
        assert {example.output for example in result.folds[0].train} == set("abvwxyz")

    def test_groups_larger_than_the_test_set(self) -> None:
        assert len(split(in_turn(600, 4), [row // 4 % 2 for row in range(600)]).tested) >= 30


@st.composite
def grouped(draw: st.DrawFn) -> tuple[list[str], list[int], int]:
    count = draw(st.sampled_from([40, 120, 520]))
    rng = random.Random(draw(st.integers(0, 10**6)))
    labels = ["a"] * 12 + ["b"] * 12 + rng.choices("abcd", weights=[8, 4, 2, 1], k=count - 24)
    groups = [rng.randrange(count) if rng.random() < 0.3 else row for row in range(count)]
    return labels, groups, draw(st.integers(0, 3))


@settings(max_examples=25, deadline=None)
@given(grouped())
def test_groups_stay_whole_and_rows_stay_apart(case: tuple[list[str], list[int], int]) -> None:
    labels, groups, seed = case
    result = split(labels, groups, seed)
    positions = Counter(position for fold in result.folds for position in fold.tested)
    assert positions == Counter(range(len(result.tested)))
    for number, fold in enumerate(result.folds):
        tested = {int(result.tested[position].id) for position in fold.tested}
        trained = {int(example.id) for example in fold.train}
        assert tested | trained == set(range(len(labels)))
        assert not {groups[row] for row in tested} & {groups[row] for row in trained}
        assert all(result.fold_of()[position] == number for position in fold.tested)
    for example, cluster in zip(result.tested, result.clusters, strict=True):
        assert cluster == groups[int(example.id)]


class TestLabels:
    def test_spread_over_folds(self) -> None:
        labels = ["rare"] * 20 + ["common"] * 180
        random.Random(1).shuffle(labels)
        for fold in split(labels).folds:
            counts = Counter(labels[position] for position in fold.tested)
            assert counts == {"rare": 4, "common": 36}

    def test_spread_over_the_sealed_sides(self) -> None:
        labels = ["rare"] * 50 + ["common"] * 550
        random.Random(1).shuffle(labels)
        counts = Counter(example.output for example in split(labels).tested)
        assert counts == {"rare": 20, "common": 220}

    def test_a_label_with_fewer_rows_than_folds_warns_nobody(self) -> None:
        result = split(["rare"] * 3 + in_turn(117))
        assert len(result.tested) == 120


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 700), st.integers(2, 12), st.integers(0, 10**6))
def test_labels_and_folds_differ_by_a_row_at_most_where_every_row_stands_alone(
    count: int, kinds: int, seed: int
) -> None:
    labels = random.Random(seed).choices(
        [f"label {kind}" for kind in range(kinds)], weights=range(1, kinds + 1), k=count
    )
    result = split(labels, seed=seed)
    sides = [Counter(result.tested[position].output for position in fold.tested) for fold in result.folds]
    for label, size in Counter(labels).items():
        share = min(0.4, 600 / count) if result.design is Design.SEALED else 1 / len(result.folds)
        assert all(abs(side[label] - share * size) <= 1 for side in sides)


class TestSeed:
    @pytest.mark.parametrize("count", [60, 200, 600])
    def test_the_same_seed_gives_the_same_split(self, count: int) -> None:
        assert split(in_turn(count), seed=4) == split(in_turn(count), seed=4)
        assert split(in_turn(count), seed=4).sha256 != split(in_turn(count), seed=5).sha256

    @pytest.mark.parametrize("count", [60, 600])
    def test_the_hash_tells_of_any_changed_row(self, count: int) -> None:
        dataset = dataset_of(in_turn(count))
        before = split_dataset(dataset, range(count), POLICY, 1).sha256
        for row in (0, count // 2, count - 1):
            changed = list(dataset.examples)
            changed[row] = Example(changed[row].id, "another text", changed[row].output, row + 1, "d.csv")
            after = split_dataset(Dataset("d", tuple(changed)), range(count), POLICY, 1).sha256
            assert after != before


class TestGiven:
    def test_rows_that_leak_are_left_out_of_training(self, rows: Rows) -> None:
        train, test = rows(("a", "x"), ("b", "y"), ("c", "x")), rows(("d", "x"), ("e", "y"), name="test")
        result = given_split(train, [1], test, [5, 5], seed=3)
        assert result.design is Design.GIVEN
        assert [example.input for example in result.folds[0].train] == ["a", "c"]
        assert result.tested == test.examples
        assert (result.folds[0].tested, result.clusters, result.train_size) == ((0, 1), (5, 5), 2)

    def test_what_is_left_out_changes_the_hash(self, rows: Rows) -> None:
        train, test = rows(("a", "x"), ("b", "y")), rows(("d", "x"), name="test")
        assert given_split(train, [], test, [0], 1).sha256 != given_split(train, [1], test, [0], 1).sha256
