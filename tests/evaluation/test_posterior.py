"""What is believed after the comparison."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.arm import Family
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe, shrunken_gain
from evaluation.prior import GainPrior, gain_prior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design

Scored = Callable[..., ScoredArm]
Alone = Callable[..., Design]
FLAT = GainPrior(0.0, 10.0, "knows nothing")


class TestGainPrior:
    @pytest.mark.parametrize(
        ("labels", "train", "cheap", "mean", "deviation"),
        [  # the rows of protocol 3.10
            (30, 450, 0.5, -0.10, 0.08),
            (77, 200, 0.95, -0.10, 0.08),
            (30, 451, 0.5, 0.0, 0.08),
            (29, 100, 0.5, 0.0, 0.08),
            (2, 32, 0.89, 0.03, 0.06),
            (15, 1500, 0.5, 0.03, 0.06),
            (2, 32, 0.90, 0.0, 0.08),
            (2, 31, 0.5, 0.0, 0.08),
            (2, 202, 0.5, 0.0, 0.08),
            (16, 800, 0.5, 0.0, 0.08),
        ],
    )
    def test_by_labels_examples_and_headroom(
        self, labels: int, train: int, cheap: float, mean: float, deviation: float
    ) -> None:
        prior = gain_prior(labels, train, cheap)
        assert (prior.mean, prior.deviation) == (mean, deviation)
        assert prior.situation

    def test_a_form_of_answers_to_learn(self) -> None:
        far = gain_prior(1, 0, 0.69, form_of_answers=True)
        assert (far.mean, far.deviation) == (0.15, 0.10)
        near = gain_prior(1, 0, 0.70, form_of_answers=True)
        assert (near.mean, near.deviation) == (0.0, 0.08)


class TestShrunkenGain:
    def test_by_hand(self) -> None:
        # weight 0.0064 / (0.0064 + 0.0016) = 0.8: 0.8 * 0.05 + 0.2 * -0.10 = 0.02
        assert shrunken_gain(0.05, 0.0016, GainPrior(-0.10, 0.08, "")) == pytest.approx(0.02)

    def test_without_variance_nothing_is_taken_out(self) -> None:
        assert shrunken_gain(0.05, 0.0, GainPrior(-0.10, 0.08, "")) == 0.05

    @given(st.floats(-1, 1), st.floats(0, 1), st.floats(-0.2, 0.2))
    def test_lies_between_the_measured_and_the_expected(self, gain: float, variance: float, mean: float) -> None:
        shrunken = shrunken_gain(gain, variance, GainPrior(mean, 0.08, ""))
        assert min(gain, mean) - 1e-12 <= shrunken <= max(gain, mean) + 1e-12


class TestBeliefs:
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(right=st.lists(st.integers(0, 40), min_size=2, max_size=5), seed=st.integers(0, 99))
    def test_are_coherent(self, scored: Scored, right: list[int], seed: int) -> None:
        arms = [
            scored(family, [1] * hits + [0] * (40 - hits), run_deviation=0.04 if family is Family.LORA else 0)
            for family, hits in zip(Family, right, strict=False)
        ]
        policy = EvaluationPolicy(posterior_draws=2000)
        beliefs = believe(arms, Design(np.arange(40), 1.22, 4.0), FLAT, policy, np.random.default_rng(seed))
        assert sum(beliefs.probability_best) == pytest.approx(1)
        assert all(probability >= 0 for probability in beliefs.probability_best)
        assert all(regret >= 0 for regret in beliefs.regret)
        assert len(beliefs.utility) == len(beliefs.regret) == len(arms)
        # The highest utility and the lowest regret belong to the same arm: regret = E[max] - utility.
        best = np.asarray(beliefs.utility) + np.asarray(beliefs.regret)
        assert best == pytest.approx(np.full(len(arms), best[0]), abs=1e-9)

    def test_the_better_of_two_far_apart(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        arms = [scored(Family.ZERO_SHOT, [0] * 150 + [1] * 50), scored(Family.FEW_SHOT, [1] * 150 + [0] * 50)]
        beliefs = believe(arms, alone(200), FLAT, policy, np.random.default_rng(1))
        assert beliefs.probability_best[1] == 1
        assert beliefs.utility == pytest.approx((0.25, 0.75), abs=0.002)
        assert beliefs.regret == pytest.approx((0.5, 0.0), abs=0.002)

    def test_two_alike_share_their_chances(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        arms = [scored(Family.ZERO_SHOT, [1, 0] * 100), scored(Family.FEW_SHOT, [0, 1] * 100)]
        beliefs = believe(arms, alone(200), FLAT, policy, np.random.default_rng(1))
        assert beliefs.probability_best == pytest.approx((0.5, 0.5), abs=0.02)
        # d = +-1, sd^2/n = 1/199, so E[max] - mean = sqrt(1/199) / sqrt(2 pi) = 0.02828
        assert beliefs.regret == pytest.approx((0.02828, 0.02828), abs=0.002)

    def test_the_price_is_taken_off(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        arms = [scored(Family.ZERO_SHOT, [1, 0] * 100), scored(Family.RETRIEVAL, [1, 0] * 100)]
        beliefs = believe(arms, alone(200), FLAT, policy, np.random.default_rng(1))
        assert beliefs.utility[0] - beliefs.utility[1] == pytest.approx(policy.price_retrieval, abs=0.001)

    def test_a_fine_tunes_gain_is_shrunk(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        cheap = scored(Family.ZERO_SHOT, [1] * 100 + [0] * 100)
        tuned = scored(Family.LORA, [1] * 120 + [0] * 80)
        # d = 1 on 20 of 200 rows: gain 0.1, sd^2/n = 0.1 * 0.9 * 200/199 / 200 = 0.000452;
        # weight 0.0064 / (0.0064 + 0.000452) = 0.934: 0.934 * 0.1 + 0.066 * -0.1 = 0.0868
        prior = GainPrior(-0.10, 0.08, "")
        beliefs = believe([cheap, tuned], alone(200), prior, policy, np.random.default_rng(1))
        gain = beliefs.utility[1] - beliefs.utility[0] + policy.margin(Family.LORA, Family.ZERO_SHOT)
        assert gain == pytest.approx(0.0868, abs=0.001)

    def test_a_fine_tunes_gain_is_narrowed_as_well(self, scored: Scored, alone: Alone) -> None:
        free = EvaluationPolicy(worthwhile_gain=0.0, price_retrieval=0.0)
        cheap = scored(Family.ZERO_SHOT, [0] * 12 + [1] * 2 + [1] * 26)
        tuned = scored(Family.LORA, [1] * 12 + [0] * 2 + [1] * 26)
        # 12 of 40 rows won, 2 lost: gain 0.25, variance (14 - 2.5) / 39 / 40 = 0.007372, weight .0064/.013772 = .4647;
        # mean 0.11618, deviation sqrt(0.4647 * 0.007372) = 0.05853; P(gain > 0) = Phi(1.985) = 0.9764
        beliefs = believe([cheap, tuned], alone(40), GainPrior(0.0, 0.08, ""), free, np.random.default_rng(1))
        assert beliefs.probability_best[1] == pytest.approx(0.9764, abs=0.005)

    def test_the_same_generator_gives_the_same_beliefs(
        self, scored: Scored, alone: Alone, policy: EvaluationPolicy
    ) -> None:
        arms = [scored(Family.ZERO_SHOT, [1, 0] * 20), scored(Family.LORA, [1, 1] * 20, run_deviation=0.04)]
        one, other = (believe(arms, alone(40), FLAT, policy, np.random.default_rng(7)) for _ in range(2))
        assert one == other

    def test_one_arm_is_the_best(self, scored: Scored, alone: Alone, policy: EvaluationPolicy) -> None:
        for family in (Family.ZERO_SHOT, Family.LORA):
            beliefs = believe([scored(family, [1, 0] * 20)], alone(40), FLAT, policy, np.random.default_rng(1))
            assert (beliefs.probability_best, beliefs.regret) == ((1.0,), (0.0,))
