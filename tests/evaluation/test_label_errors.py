"""Suspected label errors: found where the head can tell, silent where it cannot, and never more than there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.dataset import Dataset, Example
from evaluation.findings import Place
from evaluation.label_errors import LabelNoise, Suspect, find_label_noise, out_of_fold, suspected_label_errors
from evaluation.policy import EvaluationPolicy


def labelled(labels: Sequence[str], groups: Sequence[str] | None = None) -> Dataset:
    return Dataset(
        "rows",
        tuple(
            Example(f"r{number}", f"text {number}", label, number + 1, "rows.jsonl", groups[number] if groups else None)
            for number, label in enumerate(labels)
        ),
    )


@dataclass(frozen=True)
class World:
    """Rows with out-of-fold probabilities from a head whose probabilities are right, and labels, some of them wrong."""

    dataset: Dataset
    probabilities: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    strayed: int
    """Rows on which the head's first choice is not the given label."""

    @property
    def noise(self) -> LabelNoise:
        noise = find_label_noise(self.dataset, range(len(self.dataset)), self.probabilities)
        assert noise is not None
        return noise


def world(rows: int = 400, labels: int = 4, share: float = 0.0, sureness: float = 3.0, seed: int = 1) -> World:
    """The head's log odds have a standard deviation of `sureness`; the true label is drawn from its probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, sureness, (rows, labels))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(labels, p=row) for row in probabilities])
    wrong = np.zeros(rows, dtype=bool)
    wrong[rng.permutation(rows)[: round(share * rows)]] = True
    given = np.where(wrong, (truth + rng.integers(1, labels, rows)) % labels, truth)
    names = [f"label {number:02d}" for number in range(labels)]
    return World(
        labelled([names[number] for number in given]), probabilities, wrong,
        int((probabilities.argmax(axis=1) != given).sum()),
    )  # fmt: skip


class TestShare:
    @pytest.mark.parametrize("labels", [2, 4, 12])
    @pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.2])
    def test_the_interval_holds_the_planted_share(self, share: float, labels: int) -> None:
        inside = [
            noise.low <= share <= noise.high
            for noise in (world(share=share, labels=labels, sureness=5, seed=seed).noise for seed in range(8))
        ]
        assert sum(inside) >= 7

    def test_an_unsure_heads_own_faults_are_not_called_wrong_labels(self) -> None:
        """A count of disagreements would take them for wrong labels."""
        worlds = [world(sureness=2, rows=600, seed=seed) for seed in range(8)]
        assert min(clean.strayed for clean in worlds) > 120
        noises = [clean.noise for clean in worlds]
        assert np.mean([noise.share for noise in noises]) < 0.03
        assert sum(noise.low == 0 for noise in noises) >= 7
        assert np.mean([len(noise.suspects) for noise in noises]) < 10

    def test_more_rows_narrow_the_interval(self) -> None:
        few, many = world(share=0.1, rows=200).noise, world(share=0.1, rows=2000).noise
        assert many.high - many.low < (few.high - few.low) / 2

    def test_agreement_everywhere(self) -> None:
        """(1 - share)^100 falls to exp(-1.92) at a share of 1.9%, and the grid stands at 1.9%."""
        probabilities = np.tile([[0.999, 0.001], [0.001, 0.999]], (50, 1))
        noise = find_label_noise(labelled(["a", "b"] * 50), range(100), probabilities)
        assert noise is not None
        assert (noise.share, noise.low, noise.high, noise.suspects) == (0, 0, pytest.approx(0.019), ())

    def test_copies_count_once(self) -> None:
        noisy = world(rows=200, sureness=6, share=0.05)
        dataset = labelled([*(row.output for row in noisy.dataset.examples), *["label 00"] * 60])
        probabilities = np.vstack([noisy.probabilities, np.tile([0.001, 0.997, 0.001, 0.001], (60, 1))])
        once = find_label_noise(dataset, [*range(200), *[200] * 60], probabilities)
        each = find_label_noise(dataset, range(260), probabilities)
        assert once is not None
        assert each is not None
        assert once.high < each.low
        assert {suspect.place.line for suspect in once.suspects} > set(range(201, 261))


class TestSuspects:
    def test_the_planted_ones_come_first(self) -> None:
        noisy = world(share=0.1, sureness=6)
        suspects = [suspect.place.line - 1 for suspect in noisy.noise.suspects]
        assert noisy.wrong[suspects[:20]].mean() >= 0.9
        assert noisy.wrong[suspects].sum() >= 0.6 * noisy.wrong.sum()
        doubts = [suspect.doubt for suspect in noisy.noise.suspects]
        assert doubts == sorted(doubts, reverse=True)
        assert min(doubts) >= 0.5

    def test_doubt_is_a_probability(self) -> None:
        """Where the head's probabilities are right, as many suspects are wrong as their doubts add up to."""
        noisy = world(share=0.1, sureness=5, rows=3000, labels=2)
        suspects = noisy.noise.suspects
        expected = sum(suspect.doubt for suspect in suspects)
        assert expected == pytest.approx(noisy.wrong[[suspect.place.line - 1 for suspect in suspects]].sum(), rel=0.15)

    def test_both_labels_are_named(self) -> None:
        noisy = world(share=0.1, sureness=6)
        for suspect in noisy.noise.suspects:
            row = suspect.place.line - 1
            assert suspect.given == noisy.dataset.examples[row].output
            assert suspect.suggested == noisy.dataset.labels[int(noisy.probabilities[row].argmax())]
            assert suspect.given != suspect.suggested

    def test_rows_of_rare_labels_are_not_judged(self) -> None:
        """No head learns a label from seven rows, so it would suspect all seven."""
        clean = world(rows=300, sureness=6)
        probabilities = np.hstack([clean.probabilities, np.zeros((300, 1))])
        given = [row.output for row in clean.dataset.examples]
        for rare, judged in ((7, 293), (8, 300)):
            dataset = labelled([*given[: 300 - rare], *["rare"] * rare])
            noise = find_label_noise(dataset, range(300), probabilities)
            assert noise is not None
            assert noise.judged == judged
            assert any(suspect.given == "rare" for suspect in noise.suspects) is (judged == 300)


class TestNothingIsGuessed:
    def test_few_rows(self) -> None:
        sure = world(rows=200, sureness=6)
        assert find_label_noise(sure.dataset, [row // 2 for row in range(200)], sure.probabilities) is not None
        assert find_label_noise(sure.dataset, [row // 3 for row in range(200)], sure.probabilities) is None

    def test_one_label_that_is_frequent_enough(self) -> None:
        dataset = labelled([*["often"] * 190, *["once"] * 5, *["twice"] * 5])
        assert find_label_noise(dataset, range(200), np.full((200, 3), 1 / 3)) is None

    def test_a_head_that_knows_nothing(self) -> None:
        rng = np.random.default_rng(1)
        sure = world(sureness=3)
        labels = [sure.dataset.labels[number] for number in rng.integers(0, 4, 400)]
        noise = find_label_noise(labelled(labels), range(400), sure.probabilities)
        assert noise is not None
        assert not noise.is_reliable
        assert not list(suspected_label_errors(noise))


class TestFinding:
    def noise(self, suspects: int, files: Sequence[str] = ("rows.jsonl",)) -> LabelNoise:
        return LabelNoise(
            judged=400,
            suspects=tuple(
                Suspect(
                    place=Place(id=f"r{line}", file=files[line % len(files)], line=line),
                    given="ham", suggested="spam", doubt=0.9,
                )
                for line in range(1, suspects + 1)
            ),
            share=0.05, low=0.02, high=0.09,
        )  # fmt: skip

    def test_says_rows_labels_share_and_ceiling(self) -> None:
        (finding,) = suspected_label_errors(self.noise(1))
        assert (finding.code, finding.name, finding.severity) == ("AUDIT20", "suspected_label_errors", "warning")
        assert finding.message == (
            "1 label looks wrong, most suspicious first: line 1 has 'ham', rather 'spam'. About 5.0% of all labels are "
            "wrong (2.0% to 9.0%), so an arm that is always right would be measured at about 95.0%."
        )
        assert finding.lines == "1"

    def test_lists_every_row_and_spells_out_five(self) -> None:
        (finding,) = suspected_label_errors(self.noise(7))
        assert finding.lines == "1; 2; 3; 4; 5; 6; 7"
        assert "line 5 has" in finding.message
        assert "line 6 has" not in finding.message
        assert "and 2 more" in finding.message

    def test_names_the_file_where_there_are_two(self) -> None:
        (finding,) = suspected_label_errors(self.noise(2, ("train.jsonl", "test.jsonl")))
        assert "test.jsonl:1 has 'ham'" in finding.message

    def test_the_ceiling_mirrors_the_share(self) -> None:
        noise = self.noise(1)
        assert (noise.ceiling_low, noise.ceiling, noise.ceiling_high) == pytest.approx((0.91, 0.95, 0.98))

    @pytest.mark.parametrize("noise", [None, "no suspects"])
    def test_silent_without_suspects(self, noise: object) -> None:
        assert not list(suspected_label_errors(self.noise(0) if noise else None))


@dataclass(frozen=True)
class Remembering:
    """Knows what it was fitted on, and gives the first of its labels everything."""

    seen: frozenset[str]
    labels: tuple[str, ...]
    asked: list[tuple[frozenset[str], str]]

    def probabilities(self, inputs: Sequence[str]) -> NDArray[np.float64]:
        self.asked.extend((self.seen, text) for text in inputs)
        return np.tile(np.eye(len(self.labels))[0], (len(inputs), 1))


class TestOutOfFold:
    def probabilities(
        self, dataset: Dataset, groups: Sequence[int], asked: list[tuple[frozenset[str], str]]
    ) -> NDArray[np.float64]:
        def fit(train: Sequence[Example]) -> Remembering:
            labels = tuple(sorted({row.output for row in train}))
            return Remembering(frozenset(row.input for row in train), labels, asked)

        return out_of_fold(dataset, groups, EvaluationPolicy(), 1, fit)

    @pytest.mark.parametrize("rows", [60, 700])
    def test_no_fit_has_seen_the_row_or_its_copies(self, rows: int) -> None:
        """700 rows would be given a sealed test set in a comparison; here each is tested."""
        groups = [row // 2 for row in range(rows)]
        asked: list[tuple[frozenset[str], str]] = []
        dataset = labelled(["a", "b", "b"] * (rows // 3) + ["a"] * (rows % 3))
        probabilities = self.probabilities(dataset, groups, asked)
        assert sorted(text for _, text in asked) == sorted(row.input for row in dataset.examples)
        for seen, text in asked:
            copies = {f"text {row}" for row in range(rows) if groups[row] == groups[int(text.split()[1])]}
            assert not seen & copies
        assert probabilities.tolist() == [[1.0, 0.0]] * rows

    def test_a_label_that_no_other_fold_has_gets_nothing(self) -> None:
        dataset = labelled([*["b", "c"] * 60, "a"])
        probabilities = self.probabilities(dataset, range(121), [])
        assert probabilities.shape == (121, 3)
        assert probabilities[120].tolist() == [0.0, 1.0, 0.0]
