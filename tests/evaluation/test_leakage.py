"""Scores on rows with a twin stand beside those on the others, with intervals worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from evaluation.audit import Audit, SignOff, audit_dataset
from evaluation.contrasts import contrast_arms
from evaluation.dataset import Dataset, Example
from evaluation.leakage import LeakageEffect, Measured, leakage_effect
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm
from evaluation.splits import Design, Fold, Split
from evaluation.statistics import Design as StatisticsDesign
from rules.family import Family

Scored = Callable[..., ScoredArm]
POLICY = EvaluationPolicy()
ROWS = 60
TWINNED = tuple(range(0, ROWS, 3))
"""Twenty of the sixty rows."""


def split(clusters: Sequence[int] = tuple(range(ROWS))) -> Split:
    tested = tuple(Example(f"t{row}", f"text {row}", "a", row, "test.csv") for row in range(len(clusters)))
    return Split(Design.GIVEN, tested, tuple(clusters), (Fold((), tuple(range(len(clusters)))),), 1)


def audit(twinned: Sequence[int] = TWINNED, left_out: int = 25, signed_off: Sequence[SignOff] = ()) -> Audit:
    return Audit(
        dataset="train", fingerprint="", test_fingerprint="", examples=300, test_examples=ROWS, class_sizes={},
        findings=(), groups=(), test_groups=(), left_out=tuple(range(left_out)), twinned=tuple(twinned),
        signed_off=tuple(signed_off),
    )  # fmt: skip


def scores(twinned_right: int, others_right: int, start: int = 0) -> list[int]:
    """So many of the 20 twinned rows and of the 40 others are right, counted from the start-th on."""
    found = [0] * ROWS
    others = [row for row in range(ROWS) if row not in TWINNED]
    for right, rows in ((twinned_right, TWINNED), (others_right, others)):
        for number in range(right):
            found[rows[(start + number) % len(rows)]] = 1
    return found


@pytest.fixture
def arms(scored: Scored) -> list[ScoredArm]:
    """Retrieval is right on every twinned row, the head on three in four of both kinds."""
    return [scored(Family.RETRIEVAL, scores(20, 24)), scored(Family.HEAD, scores(15, 30, start=5))]


def effect(arms: Sequence[ScoredArm], recommended: str = "retrieval", **changed: object) -> LeakageEffect:
    found = leakage_effect(arms, split(), audit(), recommended, POLICY, **changed)  # type: ignore[arg-type]
    assert found is not None
    return found


def wilson(right: int, rows: int) -> tuple[float, float]:
    """Wilson 1927, at 95%."""
    z, p = 1.959964, right / rows
    middle, reach = p + z**2 / (2 * rows), z * math.sqrt(p * (1 - p) / rows + z**2 / (4 * rows**2))
    return (middle - reach) / (1 + z**2 / rows), (middle + reach) / (1 + z**2 / rows)


def test_counts_and_accuracies_of_both_parts(arms: Sequence[ScoredArm]) -> None:
    found = effect(arms)
    assert (found.twinned, found.others, found.left_out) == (20, 40, 25)
    retrieval, head = found.arms["retrieval"], found.arms["head"]
    assert (retrieval.twinned.value, retrieval.others.value) == (1.0, 0.6)
    assert (head.twinned.value, head.others.value) == (0.75, 0.75)
    for figure, right, rows in ((retrieval.twinned, 20, 20), (retrieval.others, 24, 40), (head.others, 30, 40)):
        assert (figure.low, figure.high) == pytest.approx(wilson(right, rows), abs=1e-6)


def test_both_parts_together_are_the_whole(arms: Sequence[ScoredArm]) -> None:
    found = effect(arms)
    for arm in arms:
        both = found.arms[arm.spec.name]
        assert (20 * both.twinned.value + 40 * both.others.value) / 60 == pytest.approx(arm.accuracy)


def test_the_difference_of_two_figures_has_newcombes_interval() -> None:
    # Newcombe 1998, table II, method 10: 56/70 less 48/80 is 0.2 (0.0524 to 0.3339).
    one, other = (Measured(value=n / m, low=wilson(n, m)[0], high=wilson(n, m)[1]) for n, m in ((56, 70), (48, 80)))
    difference = one.minus(other)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert not difference.is_zero
    assert one.minus(one).is_zero


def test_the_lead_on_each_part_is_the_contrast_on_its_rows(arms: Sequence[ScoredArm], scored: Scored) -> None:
    lead = effect(arms).leads["head"]
    assert (lead.twinned.value, lead.others.value) == pytest.approx((0.25, -0.15))
    assert lead.difference.value == pytest.approx(0.4)
    alone = [
        scored(family, np.array(arm.outcomes.scores)[:, list(TWINNED)])
        for family, arm in zip((Family.RETRIEVAL, Family.HEAD), arms, strict=True)
    ]
    (contrast,) = contrast_arms(alone, StatisticsDesign(np.arange(20), 1.0, 4.0), POLICY)
    assert (-contrast.high, -contrast.low) == pytest.approx((lead.twinned.low, lead.twinned.high))


def test_leads_are_those_of_the_recommended_arm(arms: Sequence[ScoredArm]) -> None:
    assert set(effect(arms, "head").leads) == {"retrieval"}
    assert effect(arms, "head").leads["retrieval"].twinned.value == pytest.approx(-0.25)


def test_rows_of_one_group_count_together(scored: Scored) -> None:
    arm, other = scored(Family.RETRIEVAL, scores(15, 30)), scored(Family.HEAD, scores(15, 30))
    pairs = [row - row % 6 if row in TWINNED else row for row in range(ROWS)]
    grouped = leakage_effect([arm, other], split(pairs), audit(), "retrieval", POLICY)
    assert grouped is not None
    alone = effect([arm, other])
    grouped_part, alone_part = grouped.arms["retrieval"].twinned, alone.arms["retrieval"].twinned
    assert grouped_part.high - grouped_part.low > alone_part.high - alone_part.low


class TestText:
    def test_says_how_many_and_what_was_done(self, arms: Sequence[ScoredArm]) -> None:
        assert effect(arms).text.startswith(
            "20 of 60 test rows have a twin in the training file: a row with the same text, or nearly the same. "
            "25 training rows were left out of every fit for that reason, or as rows of a tested group. "
        )

    def test_easier_rows_that_favour_the_arm(self, arms: Sequence[ScoredArm]) -> None:
        text = effect(arms).text
        assert "100.0% (83.9% to 100.0%) of them are right and 60.0% (44.6% to 73.7%) of the others" in text
        assert "+40.0 points" in text
        assert "such rows are easier for it." in text
        assert "Its lead over the head arm is +25.0 points on rows with a twin and -15.0 points on the others" in text

    def test_no_difference_that_the_rows_can_show(self, scored: Scored) -> None:
        same = [scored(Family.RETRIEVAL, scores(15, 30)), scored(Family.HEAD, scores(15, 29))]
        text = effect(same).text
        assert "no difference that these rows can show" in text
        assert "Its lead over each other way is the same on both, as far as these rows can show." in text

    def test_harder_rows(self, scored: Scored) -> None:
        assert (
            "such rows are harder for it"
            in effect([scored(Family.RETRIEVAL, scores(4, 36)), scored(Family.HEAD, scores(4, 36))]).text
        )

    def test_who_answers_for_exact_copies(self, arms: Sequence[ScoredArm]) -> None:
        signed = audit(signed_off=[SignOff(code="AUDIT12", by="Jo Lead")])
        found = leakage_effect(arms, split(), signed, "retrieval", POLICY)
        assert found is not None
        assert "That includes the exact copies that Jo Lead answers for." in found.text
        assert "answers for" not in effect(arms).text

    def test_arms_that_were_trained_elsewhere(self, arms: Sequence[ScoredArm]) -> None:
        assert "Nothing here left rows out of the head arm" in effect(arms, recorded=["head"]).text
        assert "Nothing here left rows out" not in effect(arms).text


def test_without_twins_there_is_nothing_to_tell(arms: Sequence[ScoredArm]) -> None:
    assert leakage_effect(arms, split(), audit(()), "retrieval", POLICY) is None


def test_where_every_row_has_a_twin_nothing_stands_beside(arms: Sequence[ScoredArm]) -> None:
    found = leakage_effect(arms, split(), audit(range(ROWS)), "retrieval", POLICY)
    assert found is not None
    assert (found.twinned, found.others, found.arms, found.leads) == (60, 0, {}, {})
    assert "No test row is without a twin" in found.text


@pytest.mark.parametrize("twinned", [[0], range(1, ROWS)])
def test_one_row_on_a_side_has_a_wide_interval(arms: Sequence[ScoredArm], twinned: Sequence[int]) -> None:
    found = leakage_effect(arms, split(), audit(twinned), "retrieval", POLICY)
    assert found is not None
    part = found.arms["head"].twinned if len(twinned) == 1 else found.arms["head"].others
    assert part.high - part.low > 0.7


def test_arms_of_several_runs(scored: Scored) -> None:
    arms = [
        scored(Family.HEAD, scores(15, 30)),
        scored(Family.LORA, [scores(18, 30), scores(16, 34), scores(17, 32)], run_deviation=0.04),
    ]
    found = effect(arms, "lora")
    assert found.arms["lora"].twinned.value == pytest.approx(17 / 20)
    assert found.leads["head"].others.value == pytest.approx(2 / 40)


def test_is_read_back_as_it_was(arms: Sequence[ScoredArm]) -> None:
    found = effect(arms)
    assert LeakageEffect.model_validate_json(found.model_dump_json()) == found


def test_from_the_files_to_the_rows(arms: Sequence[ScoredArm]) -> None:
    def dataset(name: str, *texts: str) -> Dataset:
        return Dataset(name, tuple(Example(f"{name}{n}", text, "a", n, f"{name}.csv") for n, text in enumerate(texts)))

    train = dataset("train", "where is my parcel", "reset my password", *(f"{n**3} trained on {n}" for n in range(40)))
    test = dataset(
        "test", *(f"{n**4} tested {n}" for n in range(ROWS - 2)), "Where is my parcel?", "resett my password"
    )
    found = audit_dataset(train, test, POLICY, 100, lambda texts: [1] * len(texts))
    assert found.twinned == (58, 59)
    told = leakage_effect(arms, split(), found, "retrieval", POLICY)
    assert told is not None
    assert (told.twinned, told.others, told.left_out) == (2, 58, 2)
