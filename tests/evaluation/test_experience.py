"""What the same arms did elsewhere, weighed against what is measured here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.arm import ArmSpec, Family, Randomness
from evaluation.decision import Evidence, VerdictKind, decide
from evaluation.experience import Experience, Outcome
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.prior import ArmsPrior, GainPrior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design

ARMS = ("head", "lora")
PUBLISHED = GainPrior(0.0, 0.08, "no published pattern fits")
POLICY = EvaluationPolicy()


def outcome(
    dataset: str, head: float, lora: float, rows: int = 80, labels: int = 10, fits: tuple[float, ...] = ()
) -> Outcome:
    accuracies, runs = {"head": head, "lora": lora}, {"lora": fits}
    return Outcome(dataset=dataset, labels=labels, train_size=rows, tested=1000, accuracies=accuracies, runs=runs)


def eight(gains: tuple[float, ...] = (0.05, 0.03, 0.07, 0.05, 0.05, 0.04, 0.06, 0.05)) -> Experience:
    return Experience(tuple(outcome(f"set {n}", 0.4 + n / 20, 0.4 + n / 20 + gain) for n, gain in enumerate(gains)))


def specs(*names: str, **determined_by: str) -> list[ArmSpec]:
    never: Any = None  # nothing is built, loaded or prepared
    return [
        ArmSpec(name, name, Family.HEAD, Randomness.NONE, "base", determined_by, never, never, never) for name in names
    ]


def prior_of(experience: Experience, labels: int = 10, rows: int = 80) -> ArmsPrior:
    prior = experience.prior(specs(*ARMS), labels, rows, PUBLISHED)
    assert isinstance(prior, ArmsPrior)
    return prior


class TestPrior:
    def test_is_the_mean_gain_and_its_spread_between_data_sets(self) -> None:
        # All with eight rows a label, where the trend with rows adds nothing: mean 0.05, sum of squares 0.001.
        gain = prior_of(eight()).gain("lora", "head")
        assert gain.mean == pytest.approx(0.05)
        # 8 data sets less 2 for the fit; one part in eight more for the fit's own error.
        assert gain.deviation == pytest.approx((0.001 / 6 * (1 + 1 / 8)) ** 0.5)
        assert "8 other data sets" in gain.situation
        assert prior_of(eight()).gain("head", "lora").mean == pytest.approx(-0.05)

    def test_follows_rows_per_label(self) -> None:
        gains = {16: 0.01, 64: 0.05, 256: 0.09, 1024: 0.13}
        experience = Experience(tuple(
            outcome(f"set {n}", 0.5, 0.5 + gain, rows=rows, labels=8) for n in range(6) for rows, gain in gains.items()
        ))  # fmt: skip
        few, many = (prior_of(experience, 8, rows).gain("lora", "head").mean for rows in (16, 1024))
        assert few == pytest.approx(0.01, abs=0.005)
        assert many == pytest.approx(0.13, abs=0.005)
        # Not followed beyond 128 rows a label.
        assert prior_of(experience, 8, 10**6).gain("lora", "head").mean == pytest.approx(many, abs=1e-9)

    def test_a_data_set_counts_once_however_often_it_was_measured(self) -> None:
        once = eight((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.08))
        often = Experience(once.outcomes + once.outcomes[-1:] * 9)
        assert prior_of(often).gain("lora", "head").mean == pytest.approx(0.01)

    def test_leaves_a_data_set_out(self) -> None:
        without = eight((0.05,) * 7 + (0.95,)).without("set 7")
        assert without.datasets == 7
        assert prior_of(without).gain("lora", "head").mean == pytest.approx(0.05)

    def test_five_data_sets_tell_too_little(self) -> None:
        few = Experience(eight().outcomes[:5])
        assert few.prior(specs(*ARMS), 10, 80, PUBLISHED) is PUBLISHED
        assert eight().prior(specs("head", "an arm that nobody knows"), 10, 80, PUBLISHED) is PUBLISHED

    def test_knows_nothing_of_namesakes_over_another_base_model(self) -> None:
        namesakes = specs(*ARMS, weights="of a language model")
        assert eight().prior(namesakes, 10, 80, PUBLISHED) is PUBLISHED
        mixed = eight().prior([*specs(*ARMS), *specs("zero_shot", weights="other")], 10, 80, PUBLISHED)
        assert isinstance(mixed, ArmsPrior)
        assert mixed.arms == ARMS

    def test_an_arm_that_varies_by_itself_does_not_blur_the_others(self) -> None:
        luck = np.random.default_rng(1).uniform(0, 1, 12)
        experience = Experience(tuple(
            Outcome(dataset=f"{n}", labels=10, train_size=80, tested=1000, runs={},
                    accuracies={"zero_shot": share, "head": 0.5, "lora": 0.54 + 0.01 * (n % 2)})
            for n, share in enumerate(luck)
        ))  # fmt: skip
        prior = experience.prior(specs("zero_shot", "head", "lora"), 10, 80, PUBLISHED)
        assert isinstance(prior, ArmsPrior)
        assert prior.gain("lora", "head").deviation < 0.01
        assert prior.gain("zero_shot", "head").deviation > 0.2

    def test_unknown_arms_fall_back_on_what_was_published(self) -> None:
        assert prior_of(eight()).gain("lora", "recorded elsewhere") is PUBLISHED


class TestConditioning:
    def test_by_hand(self) -> None:
        # Prior lead 0.04 with variance 0.0004; measured 0.10 with variance 2 * 0.0006: weight 1/4 of the measurement.
        prior = ArmsPrior(ARMS, np.array([0.0, 0.04]), np.diag([0.0, 0.0004]), 8, PUBLISHED)
        means, covariance = prior.conditioned(ARMS, np.array([0.5, 0.6]), 0.0006 * np.eye(2))
        assert means[1] - means[0] == pytest.approx(0.055)
        assert means.mean() == pytest.approx(0.55)
        lead = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        assert lead == pytest.approx(1 / (1 / 0.0004 + 1 / 0.0012))

    def test_certain_measurements_stay(self) -> None:
        means, _ = prior_of(eight()).conditioned(ARMS, np.array([0.5, 0.9]), np.zeros((2, 2)))
        assert means == pytest.approx([0.5, 0.9])

    def test_arms_that_are_not_known_keep_what_was_measured(self) -> None:
        measured, covariance = np.array([0.3, 0.5, 0.9]), 0.001 * np.eye(3)
        means, _ = prior_of(eight()).conditioned(("recorded", *ARMS), measured, covariance)
        assert means[0] == pytest.approx(0.3)
        assert means[2] - means[1] == pytest.approx(0.05, abs=0.05)
        alone, same = prior_of(eight()).conditioned(("recorded", "head"), measured[:2], covariance[:2, :2])
        assert alone == pytest.approx(measured[:2])
        assert same == pytest.approx(covariance[:2, :2])

    @given(st.floats(-0.3, 0.3), st.floats(0.001, 0.2), st.floats(0.001, 0.2))
    def test_lies_between_expectation_and_measurement(self, lead: float, expected: float, measured: float) -> None:
        prior = ArmsPrior(ARMS, np.array([0.0, lead]), np.diag([0.0, expected**2]), 8, PUBLISHED)
        means, covariance = prior.conditioned(ARMS, np.array([0.5, 0.6]), measured**2 * np.eye(2))
        low, high = sorted((lead, 0.1))
        assert low - 1e-9 <= means[1] - means[0] <= high + 1e-9
        assert np.linalg.eigvalsh(covariance).min() > -1e-12


class TestDecision:
    def evidence(self, arms: list[ScoredArm], prior: ArmsPrior | GainPrior) -> Evidence:
        from evaluation.contrasts import contrast_arms

        rows = arms[0].outcomes.scores.shape[1]
        design = Design(np.arange(rows), 1.0, 4.0)
        beliefs = believe(arms, design, prior, POLICY, np.random.default_rng(1))
        return Evidence(arms, contrast_arms(arms, design, POLICY), beliefs, prior, rows)

    def test_few_rows_are_overruled_by_many_data_sets(self, scored: Callable[..., ScoredArm]) -> None:
        # Level on 40 rows, where eight data sets saw a lead of five points.
        scores = np.tile([1.0, 1.0, 0.0, 1.0], 10)
        arms = [scored(Family.HEAD, scores), scored(Family.LORA, np.roll(scores, 1), 0.01)]
        verdict = decide(self.evidence(arms, prior_of(eight())), POLICY)
        assert (verdict.kind, verdict.arm) == (VerdictKind.PROVISIONAL, "lora")
        assert "8 other data sets" in verdict.prior
        assert verdict.shrunken_gains["head"] > 0.04
        assert decide(self.evidence(arms, PUBLISHED), POLICY).arm == "head"

    def test_many_rows_are_not(self, scored: Callable[..., ScoredArm]) -> None:
        scores = np.tile([1.0, 1.0, 0.0, 1.0], 1000)
        arms = [scored(Family.HEAD, scores), scored(Family.LORA, scores, 0.001)]
        verdict = decide(self.evidence(arms, prior_of(eight())), POLICY)
        assert (verdict.kind, verdict.arm) == (VerdictKind.KEEP, "head")


class TestRunDeviation:
    def test_by_hand(self) -> None:
        # Variances 0.0002 and 0.0008 of data sets with equal weight, though one was measured twice.
        one = outcome("one", 0.5, 0.6, fits=(0.59, 0.61))
        two = outcome("two", 0.5, 0.6, fits=(0.58, 0.62))
        experience = Experience((one, two, two))
        assert experience.run_deviation(specs("lora")[0]) == pytest.approx(0.0005**0.5)
        assert experience.run_deviation(specs("head")[0]) is None


class TestFile:
    def test_is_only_read_for_the_model_that_it_tells_of(self, tmp_path: Path) -> None:
        path = tmp_path / "experience.json"
        lines = ",".join(one.model_dump_json() for one in eight().outcomes)
        path.write_text(f'{{"model": "a", "weights": "f00", "outcomes": [{lines}]}}')
        assert Experience.read(path, "f00") == Experience(eight().outcomes, "f00")
        assert Experience.read(path, "bar") is None
