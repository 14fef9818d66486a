"""What a plan announces, the harness carries out: rows, folds, fits, from the same thresholds. Nothing is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue import ARMS
from evaluation.arm import Arm, ArmSpec
from evaluation.comparison import Comparison, policy_for
from evaluation.dataset import Dataset, Example, Task
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import statistics_design
from evaluation.splits import Split, given_split, split_dataset
from evaluation.trials import PlannedTrial, plan_trials
from rules.assess import assess
from rules.design import Design, DesignPolicy
from rules.family import Family
from rules.form import Form
from rules.material import Material
from rules.plan import Plan
from rules.policy import Policy

POLICY = Policy(as_of=date(2026, 7, 1))
HARNESS = EvaluationPolicy().laid_out_as(POLICY)
REACH = 1.959964 + 0.841621
SIZES = (50, 99, 100, 402, 499, 500, 1_200, 3_000)
SORTING = Form.parse({"task": {"kind": "classification"}})


def rows(count: int, labels: int = 2, name: str = "train") -> Dataset:
    return Dataset(
        name,
        tuple(
            Example(f"{name}-{row}", f"{name} {row}", f"label {row % labels}", row + 1, f"{name}.jsonl")
            for row in range(count)
        ),
    )


def specs() -> tuple[ArmSpec, ...]:
    """The shipped arms, without their encoder."""

    def nothing(given: object) -> Arm:
        raise AssertionError(f"nothing is built here, of {given}")

    return tuple(
        ArmSpec(
            name=entry.name,
            title=entry.title,
            family=entry.family,
            randomness=entry.randomness,
            base_model="none",
            determined_by={},
            build=nothing,
            load=nothing,
            prepare=lambda _: None,
            demonstrations=entry.demonstrations,
        )
        for entry in ARMS
    )


def planned(
    count: int, test: int | None = None, policy: Policy = POLICY, labels: int = 2, form: Form = SORTING
) -> Plan:
    material = Material(examples=count, test_examples=test, labels=labels)
    return assess(form, policy, material=material).plan


def carried_out(
    count: int, test: int | None = None, policy: EvaluationPolicy = HARNESS, labels: int = 2
) -> tuple[Split, list[PlannedTrial]]:
    train = rows(count, labels)
    if test is None:
        split = split_dataset(train, range(count), policy, seed=1)
    else:
        split = given_split(train, [], rows(test, labels, "test"), range(test), seed=1)
    return split, plan_trials(specs(), Task(train.labels), split, policy)


def announced(plan: Plan) -> tuple[Design, int, int, int]:
    assert plan.split
    return plan.split.design, plan.split.tested, plan.split.train_size, plan.split.folds


def found(split: Split) -> tuple[Design, int, int, int]:
    return split.design, len(split.tested), split.train_size, len(split.folds)


def fits(trials: Sequence[PlannedTrial]) -> dict[Family, int]:
    return dict(Counter(trial.spec.family for trial in trials))


class TestSameComparison:
    @pytest.mark.parametrize("count", SIZES)
    def test_one_file(self, count: int) -> None:
        plan, (split, trials) = planned(count), carried_out(count)
        assert announced(plan) == found(split)
        assert {arm.family: arm.fits for arm in plan.arms} == fits(trials)
        assert [arm.family for arm in plan.arms] == list(dict.fromkeys(trial.spec.family for trial in trials))

    @pytest.mark.parametrize("test", [30, 200, 1_000])
    @pytest.mark.parametrize("count", [*SIZES, 255, 256])
    def test_a_test_file(self, count: int, test: int) -> None:
        plan, (split, trials) = planned(count, test), carried_out(count, test)
        assert announced(plan) == found(split) == (Design.GIVEN, test, count, 1)
        assert {arm.family: arm.fits for arm in plan.arms} == fits(trials)

    @pytest.mark.parametrize(
        ("count", "test", "expected"),
        [
            (40, None, [10, 30, 10, 10, 10]),
            (402, None, [5, 15, 5, 5, 5]),
            (3_000, None, [1, 3, 1, 1, 3]),
            (200, 30, [1, 3, 1, 1, 5]),
        ],
    )
    def test_fits_by_family(self, count: int, test: int | None, expected: list[int]) -> None:
        families = (Family.ZERO_SHOT, Family.FEW_SHOT, Family.RETRIEVAL, Family.HEAD, Family.LORA)
        assert fits(carried_out(count, test)[1]) == dict(zip(families, expected, strict=True))

    @pytest.mark.parametrize("held_out", [30, 100])
    def test_rows_that_the_form_keeps_aside_are_a_test_file(self, held_out: int) -> None:
        form = Form.parse(
            {
                "task": {"kind": "classification"},
                "examples": {"count": 402},
                "success": {"held_out_examples": held_out},
            }
        )
        plan = assess(form, POLICY).plan
        split, trials = carried_out(402 - held_out, held_out)
        assert announced(plan) == found(split)
        assert {arm.family: arm.fits for arm in plan.arms} == fits(trials)

    def test_each_row_is_tested_in_as_many_runs_as_there_are_calls(self) -> None:
        # A language model would be asked once for every row that a trial predicts.
        hosted = Form.parse(
            {"task": {"kind": "classification"}, "operations": {"hosting": "provider_api", "model": "m"}}
        )
        for count in (60, 402, 1_200):
            calls = Counter[Family]()
            for trial in carried_out(count)[1]:
                calls[trial.spec.family] += len(trial.inputs)
            plan = planned(count, form=hosted)
            assert {arm.family: arm.calls for arm in plan.arms} == calls | {Family.HEAD: 0}

    @pytest.mark.parametrize("labels", [3, 7, 20, 77])
    @pytest.mark.parametrize("count", SIZES)
    def test_many_labels_move_a_row_or_two_between_folds(self, count: int, labels: int) -> None:
        plan, (split, trials) = planned(count, labels=labels), carried_out(count, labels=labels)
        design, tested, train_size, folds = announced(plan)
        assert (design, tested, folds) == (split.design, len(split.tested), len(split.folds))
        assert 0 <= train_size - split.train_size <= 2
        assert {arm.family: arm.fits for arm in plan.arms} == fits(trials)

    @pytest.mark.parametrize(("count", "size"), [(40, 2), (99, 3), (402, 4), (499, 7)])
    def test_groups_stay_together_and_leave_the_folds_uneven_by_a_group(self, count: int, size: int) -> None:
        split = split_dataset(rows(count, 1), [row // size for row in range(count)], HARNESS, 1)
        design, tested, train_size, folds = announced(planned(count))
        assert (design, tested, folds) == (split.design, len(split.tested), len(split.folds))
        assert abs(train_size - split.train_size) < size

    @pytest.mark.parametrize("groups", [5, 7, 9])
    def test_fewer_groups_than_folds_leave_fewer_folds(self, groups: int) -> None:
        split = split_dataset(rows(60), [row % groups for row in range(60)], HARNESS, 1)
        design, tested, _, folds = announced(planned(60))
        assert (design, tested) == (split.design, len(split.tested))
        assert len(split.folds) == groups < folds

    @pytest.mark.parametrize(("count", "size"), [(500, 2), (1_200, 3), (3_000, 5)])
    def test_groups_leave_the_sealed_part_short_by_less_than_a_group_a_label(self, count: int, size: int) -> None:
        labels = 4
        dataset = rows(count, labels)
        # Rows of a group share their label, as duplicates do.
        split = split_dataset(
            dataset, [row // (labels * size) * labels + row % labels for row in range(count)], HARNESS, 1
        )
        design, tested, _, folds = announced(planned(count))
        assert (design, folds) == (split.design, len(split.folds))
        assert tested - labels * (size - 1) <= len(split.tested) <= tested


MOVES: list[tuple[dict[str, Any], int, int | None]] = [
    # A threshold, and rows for which it makes a difference.
    ({"cross_fit_below": 200}, 402, None),
    ({"cross_fit_below": 5_000}, 3_000, None),
    ({"ten_folds_below": 450}, 402, None),
    ({"ten_folds_below": 1}, 60, None),
    ({"test_share": 0.25}, 500, None),
    ({"largest_test": 150}, 1_200, None),
    ({"demonstration_draws": 7}, 402, None),
    ({"demonstration_draws": 1}, 402, 60),
    ({"training_seeds": 4}, 500, None),
    ({"training_seeds": 1}, 402, 60),
    ({"training_seeds_few_labels": 9}, 99, 60),
    ({"few_labels": 10_000}, 3_000, None),
    ({"few_labels": 1}, 99, 60),
]


class TestSharedThresholds:
    @pytest.mark.parametrize(("override", "count", "test"), MOVES, ids=str)
    def test_one_policy_moves_both(self, override: dict[str, Any], count: int, test: int | None) -> None:
        policy = Policy(as_of=POLICY.as_of, **override)
        plan, before = planned(count, test, policy), planned(count, test)
        split, trials = carried_out(count, test, EvaluationPolicy().laid_out_as(policy))
        assert (announced(plan), plan.arms) != (announced(before), before.arms)
        assert announced(plan) == found(split)
        assert {arm.family: arm.fits for arm in plan.arms} == fits(trials)

    @pytest.mark.parametrize(("count", "design"), [(199, Design.CROSS_FIT), (200, Design.SEALED), (499, Design.SEALED)])
    def test_a_lower_limit_of_cross_fitting(self, count: int, design: Design) -> None:
        policy = Policy(cross_fit_below=200)
        assert announced(planned(count, policy=policy))[0] is design
        assert carried_out(count, policy=EvaluationPolicy().laid_out_as(policy))[0].design is design
        assert announced(planned(count))[0] is Design.CROSS_FIT

    def test_every_shared_threshold_is_handed_over_and_no_other_is_touched(self) -> None:
        changed = Policy.model_validate(
            {
                "fewest_examples": 20, "cross_fit_below": 200, "ten_folds_below": 50, "cross_fit_inflation": 1.3,
                "test_share": 0.3, "largest_test": 700, "demonstration_draws": 4, "training_seeds": 2,
                "training_seeds_few_labels": 6, "few_labels": 300, "confidence": 0.9, "power": 0.7,
                "price_retrieval": 0.02, "worthwhile_gain": 0.05, "demonstrations_per_label": 4,
            }
        )  # fmt: skip
        before, after = EvaluationPolicy(), EvaluationPolicy().laid_out_as(changed)
        for name in DesignPolicy.model_fields:
            assert getattr(after, name) == getattr(changed, name) != getattr(before, name), name
        for name in set(EvaluationPolicy.model_fields) - set(DesignPolicy.model_fields):
            assert getattr(after, name) == getattr(before, name)

    def test_both_start_from_the_same_values(self) -> None:
        assert EvaluationPolicy().laid_out_as(Policy()) == EvaluationPolicy()


class TestSameSight:
    @pytest.mark.parametrize("count", SIZES)
    def test_rows_and_seeds_weigh_as_they_will(self, count: int) -> None:
        sight = planned(count).sight
        split, trials = carried_out(count)
        inflation = statistics_design(split, HARNESS).inflation
        by_rows = REACH * inflation * sqrt(POLICY.discordance / len(split.tested))
        deviation = HARNESS.run_deviation(Family.LORA, split.train_size, 0)
        by_runs = REACH * deviation / sqrt(fits(trials)[Family.LORA])
        assert sight.detectable_by_rows_alone == pytest.approx(by_rows, rel=1e-6)
        assert sight.detectable_gain == pytest.approx(sqrt(by_rows**2 + by_runs**2), rel=1e-6)

    @pytest.mark.parametrize("gain", [None, 0.0, 0.07])
    def test_margins_are_those_of_the_verdict(self, gain: float | None) -> None:
        form = Form.parse({"task": {"kind": "classification"}, "success": {"worthwhile_gain": gain}})
        train = rows(402)
        comparison = Comparison(
            dataset=train, test=None, task=Task(train.labels), form=form, assessment=None, specs=specs(),
            policy=HARNESS, seed=1, folder=Path("nowhere"),
        )  # fmt: skip
        decided_by = policy_for(comparison)
        plan = planned(402, form=form)
        assert {margin.family: margin.over_a_prompt for margin in plan.margins} == {
            family: decided_by.margin(family, Family.ZERO_SHOT) for family in Family
        }
        assert plan.sight.worthwhile_gain == decided_by.worthwhile_gain


class TestSameArms:
    def test_the_shipped_arms_are_as_random_as_their_families(self) -> None:
        assert [(entry.family, entry.randomness) for entry in ARMS] == [
            (family, family.randomness) for family in Family
        ]

    def test_the_shipped_arm_shows_as_many_examples_as_the_plan_counts(self) -> None:
        shown = {spec.demonstrations for spec in specs() if spec.family is Family.FEW_SHOT}
        assert shown == {POLICY.demonstrations_per_label}

    def test_cheapest_first_in_the_plan_and_in_the_harness(self) -> None:
        plan = planned(402)
        assert [arm.family for arm in plan.arms] == [spec.family for spec in specs()]
        assert all(HARNESS.margin(one.family, other.family) <= 0 for one, other in pairwise(specs()))


@settings(max_examples=60, deadline=None)
@given(st.integers(50, 2_500), st.none() | st.integers(30, 800))
def test_any_number_of_rows(count: int, test: int | None) -> None:
    plan, (split, trials) = planned(count, test), carried_out(count, test)
    assert announced(plan) == found(split)
    assert {arm.family: arm.fits for arm in plan.arms} == fits(trials)
