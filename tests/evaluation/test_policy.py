"""Thresholds that depend on more than one number."""

from __future__ import annotations

import pytest

from evaluation.arm import Family
from evaluation.policy import EvaluationPolicy


@pytest.mark.parametrize(
    ("labels", "deviation"), [(32, 0.042), (256, 0.042), (512, 0.017), (2048, 0.017), (4096, 0.006), (16384, 0.006)]
)
def test_deviation_between_fine_tunes(policy: EvaluationPolicy, labels: int, deviation: float) -> None:
    assert policy.run_deviation(Family.LORA, labels, 0) == deviation


@pytest.mark.parametrize(
    ("demonstrations", "deviation"),
    [(1, 0.06), (10, 0.06), (20, 0.04), (50, 0.04), (75, 0.03), (249, 0.03), (500, 0.02), (1000, 0.02)],
)
def test_deviation_between_draws(policy: EvaluationPolicy, demonstrations: int, deviation: float) -> None:
    assert policy.run_deviation(Family.FEW_SHOT, 400, demonstrations) == deviation


@pytest.mark.parametrize("demonstrations", [250, 300, 499])
def test_between_the_published_bands_the_larger_value_holds(policy: EvaluationPolicy, demonstrations: int) -> None:
    assert policy.run_deviation(Family.FEW_SHOT, 400, demonstrations) == 0.03


@pytest.mark.parametrize("family", [Family.ZERO_SHOT, Family.RETRIEVAL, Family.HEAD])
def test_deterministic_arms_have_none(policy: EvaluationPolicy, family: Family) -> None:
    assert policy.run_deviation(family, 100, 0) == 0


def test_margins_are_differences_of_price() -> None:
    policy = EvaluationPolicy(price_retrieval=0.01, worthwhile_gain=0.03)
    assert policy.margin(Family.LORA, Family.HEAD) == pytest.approx(0.03)
    assert policy.margin(Family.LORA, Family.ZERO_SHOT) == pytest.approx(0.04)
    assert policy.margin(Family.RETRIEVAL, Family.FEW_SHOT) == pytest.approx(0.01)
    assert policy.margin(Family.HEAD, Family.RETRIEVAL) == 0
    assert policy.margin(Family.ZERO_SHOT, Family.LORA) == pytest.approx(-0.04)


def test_superiority_is_one_tail_of_the_interval() -> None:
    assert EvaluationPolicy(confidence=0.95).superiority_alpha == pytest.approx(0.025)


def test_the_hash_tells_policies_apart() -> None:
    assert EvaluationPolicy().sha256() == EvaluationPolicy().sha256()
    assert EvaluationPolicy().sha256() != EvaluationPolicy(keep_alpha=0.04).sha256()


def test_every_threshold_has_its_reason() -> None:
    assert all(field.description for field in EvaluationPolicy.model_fields.values())
