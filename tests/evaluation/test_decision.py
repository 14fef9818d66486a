"""The verdicts of protocol 7.6, from outcomes made to bring each of them about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.arm import Family
from evaluation.contrasts import Contrast
from evaluation.decision import Evidence, Verdict, VerdictKind, decide
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import shrunken_gain
from evaluation.prior import GainPrior
from evaluation.scoring import ScoredArm

Scored = Callable[..., ScoredArm]
Weigh = Callable[..., Evidence]
POLICY = EvaluationPolicy()
FIVE = tuple(Family)


def right_on(count: int, of: int, start: int = 0) -> NDArray[np.float64]:
    """Right on `count` rows from `start` on, round and round."""
    scores = np.zeros(of)
    scores[(start + np.arange(count)) % of] = 1
    return scores


@pytest.fixture
def world(scored: Scored, weigh: Weigh) -> Callable[..., Evidence]:
    """Five arms, right on so many of `of` rows; `runs` of the fine-tune, all alike, with its prior deviation."""

    def make(
        hits: tuple[int, ...],
        of: int,
        policy: EvaluationPolicy = POLICY,
        deviation: float = 0.001,
        starts: tuple[int, ...] = (0, 0, 0, 0, 0),
        families: tuple[Family, ...] = FIVE,
    ) -> Evidence:
        arms = [
            scored(family, np.tile(right_on(count, of, start), (3 if family is Family.LORA else 1, 1)),
                   deviation if family is Family.LORA else 0.0)
            for family, count, start in zip(families, hits, starts, strict=True)
        ]  # fmt: skip
        return weigh(arms, policy)

    return make


World = Callable[..., Evidence]


class TestFineTune:
    def test_beats_every_cheaper_arm_by_enough(self, world: World) -> None:
        verdict = decide(world((200, 200, 210, 210, 260), 300), POLICY)
        assert (verdict.kind, verdict.arm) == (VerdictKind.FINE_TUNE, "lora")
        assert verdict.headline.startswith("Fine-tune: the lora arm")
        assert len(verdict.reasons) == 4
        # 50 rows of 300
        assert "16.7 points" in verdict.reasons[3]
        assert "the head arm" in verdict.reasons[3]
        assert verdict.settling is None

    @pytest.mark.parametrize("rival", [0, 1, 2, 3])
    def test_one_arm_not_ruled_out_is_enough_to_stop_it(self, world: World, rival: int) -> None:
        # The rival is right on 250 rows, of which 30 are among the 40 that the fine-tune gets wrong.
        hits, starts = [200] * 4 + [260], [0] * 5
        hits[rival], starts[rival] = 250, 30
        evidence = world(tuple(hits), 300, starts=tuple(starts))
        contrast = evidence.between("lora", FIVE[rival].value)
        assert contrast.difference > 0.03
        assert contrast.low <= 0
        assert decide(evidence, POLICY).kind is not VerdictKind.FINE_TUNE

    def test_certain_but_not_worth_its_price(self, world: World) -> None:
        # 40 rows of 2,000 more than any other arm: +2 points, certainly above 0, below the 3 that pay.
        evidence = world((1500, 1500, 1500, 1500, 1540), 2000)
        assert all(evidence.between("lora", other.value).low > 0 for other in FIVE[:4])
        assert decide(evidence, POLICY).kind is not VerdictKind.FINE_TUNE

    def test_the_same_gain_pays_where_little_is_asked(self, world: World) -> None:
        cheap = EvaluationPolicy(worthwhile_gain=0.01, price_retrieval=0.0)
        verdict = decide(world((1500, 1500, 1500, 1500, 1540), 2000, cheap), cheap)
        assert (verdict.kind, verdict.arm) == (VerdictKind.FINE_TUNE, "lora")

    def test_the_gain_is_judged_after_shrinking(self, scored: Scored, weigh: Weigh) -> None:
        # +5 points, just certain; a prior of -10 points pulls it under the 3 that pay.
        arms = [scored(family, right_on(200, 400)) for family in FIVE[:4]]
        arms.append(scored(Family.LORA, np.tile(right_on(220, 400), (3, 1)), 0.02))
        doubtful = weigh(arms, POLICY, GainPrior(-0.10, 0.02, "published results are against it"))
        open_minded = weigh(arms, POLICY, GainPrior(0.03, 0.5, "anything goes"))
        assert doubtful.between("lora", "head").low > 0
        assert decide(doubtful, POLICY).kind is not VerdictKind.FINE_TUNE
        assert decide(open_minded, POLICY).kind is VerdictKind.FINE_TUNE

    def test_the_best_of_three_must_be_more_certain_than_an_only_one(self, scored: Scored, weigh: Weigh) -> None:
        # 50 rows right that the others get wrong, 30 the other way round: p = 0.025 for one, thrice that for three.
        open_minded = GainPrior(0.03, 0.5, "anything goes")
        cheap = [scored(family, right_on(200, 400)) for family in FIVE[:4]]
        only = scored(Family.LORA, np.tile(right_on(220, 400, 30), (3, 1)), 0.001)
        others = [
            replace(worse, spec=replace(worse.spec, name=f"lora of rank {rank}"))
            for rank in (4, 8)
            for worse in [scored(Family.LORA, np.tile(right_on(200, 400, 30), (3, 1)), 0.001)]
        ]
        assert decide(weigh([*cheap, only], POLICY, open_minded), POLICY).kind is VerdictKind.FINE_TUNE
        assert decide(weigh([*cheap, *others, only], POLICY, open_minded), POLICY).kind is not VerdictKind.FINE_TUNE

    def test_shrunken_gains_are_reported(self, world: World) -> None:
        evidence = world((200, 200, 210, 210, 260), 300)
        verdict = decide(evidence, POLICY)
        for other in FIVE[:4]:
            contrast = evidence.between("lora", other.value)
            expected = shrunken_gain(
                contrast.difference, contrast.item_variance + contrast.run_variance, evidence.prior
            )
            assert verdict.shrunken_gains[other.value] == pytest.approx(expected)


class TestKeep:
    def test_the_cheapest_certified_arm(self, world: World) -> None:
        # Zero-shot is right on 95%; the others are certainly worse, the fine-tune gains at most nothing.
        verdict = decide(world((570, 480, 480, 480, 570), 600), POLICY)
        assert (verdict.kind, verdict.arm) == (VerdictKind.KEEP, "zero_shot")
        assert "the zero_shot arm" in verdict.headline
        assert len(verdict.reasons) == 4
        assert verdict.settling is None

    def test_a_dearer_arm_must_make_up_for_its_price(self, world: World) -> None:
        # The head gains 10 points over the prompts, the fine-tune nothing over the head.
        verdict = decide(world((480, 480, 480, 540, 540), 600), POLICY)
        assert (verdict.kind, verdict.arm) == (VerdictKind.KEEP, "head")

    def test_between_equally_dear_arms_one_must_be_better(self, world: World) -> None:
        assert decide(world((570, 570, 480, 480, 480), 600), POLICY).kind is VerdictKind.PROVISIONAL

    def test_a_gain_that_might_pay_forbids_it(self, world: World) -> None:
        # The fine-tune is 1 point above the head, but its runs may differ by 4: up to 3 points cannot be excluded.
        evidence = world((480, 480, 480, 540, 546), 600, deviation=0.042)
        assert evidence.between("lora", "head").upper_keep > POLICY.worthwhile_gain
        assert decide(evidence, POLICY).kind is VerdictKind.PROVISIONAL

    def test_a_laxer_level_certifies_more(self, world: World) -> None:
        hits, strict = (480, 480, 480, 540, 543), EvaluationPolicy(keep_alpha=0.001)
        assert decide(world(hits, 600, deviation=0.012), POLICY).kind is VerdictKind.KEEP
        assert decide(world(hits, 600, strict, deviation=0.012), strict).kind is VerdictKind.PROVISIONAL

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.integers(200, 400), min_size=5, max_size=5))
    def test_what_is_kept_is_certified_against_every_other(self, world: World, hits: list[int]) -> None:
        evidence = world(tuple(hits), 400)
        verdict = decide(evidence, POLICY)
        kept = next(arm for arm in evidence.arms if arm.spec.name == verdict.arm).spec
        certified = [
            arm.spec.name
            for arm in evidence.arms
            if all(
                evidence.between(other.spec.name, arm.spec.name).upper_keep
                < POLICY.margin(other.spec.family, arm.spec.family)
                for other in evidence.others(arm)
            )
        ]
        if verdict.kind is VerdictKind.KEEP:
            assert kept.family is not Family.LORA
            assert certified[0] == kept.name
        elif verdict.kind is VerdictKind.PROVISIONAL:
            assert set(certified) <= {"lora"}

    def test_without_a_fine_tune_nothing_is_said_of_one(self, world: World) -> None:
        evidence = world((570, 480, 480, 480), 600, families=FIVE[:4], starts=(0,) * 4)
        verdict = decide(evidence, POLICY)
        assert (verdict.kind, verdict.arm) == (VerdictKind.KEEP, "zero_shot")
        assert "fine-tune" not in verdict.headline.lower()


class TestProvisional:
    @pytest.fixture
    def undecided(self, world: World) -> Evidence:
        return world((60, 62, 66, 66, 70), 90, deviation=0.0, starts=(0, 5, 10, 20, 25))

    def test_the_highest_expected_utility(self, undecided: Evidence) -> None:
        verdict = decide(undecided, POLICY)
        utility = undecided.beliefs.utility
        assert verdict.kind is VerdictKind.PROVISIONAL
        assert verdict.arm == undecided.arms[utility.index(max(utility))].spec.name
        assert "is not ruled out" in verdict.headline
        assert verdict.expected_regret == pytest.approx(undecided.beliefs.regret[utility.index(max(utility))])

    def test_what_would_settle_it(self, undecided: Evidence) -> None:
        verdict = decide(undecided, POLICY)
        settling = verdict.settling
        assert settling is not None
        assert settling.gain == 0.03
        contrast = undecided.between(verdict.arm, settling.rival)
        # 90 rows gave this variance, no runs: rows = 90 v / (0.03 / 2.801585)^2
        assert settling.items == np.ceil(90 * contrast.item_variance / (0.03 / 2.801585) ** 2)
        assert settling.times_runs == 1
        assert f"About {settling.items:,} test rows in all would show" in settling.text
        assert "there are 90 now" in settling.text
        assert verdict.detectable_gain == pytest.approx(2.801585 * np.sqrt(contrast.item_variance), rel=1e-5)

    def test_where_runs_are_the_floor_more_runs_are_asked_for(self, world: World) -> None:
        evidence = world((400, 400, 400, 420, 440), 600, deviation=0.06, starts=(0, 100, 200, 300, 300))
        verdict = decide(evidence, POLICY)
        assert verdict.settling is not None
        contrast = evidence.between("lora", "head")
        assert {verdict.arm, verdict.settling.rival} == {"lora", "head"}
        # at 0.06 and three runs the runs alone exceed (0.03 / 2.8)^2; half of that is left to them
        assert verdict.settling.times_runs == np.ceil(contrast.run_variance / (0.5 * (0.03 / 2.801585) ** 2))
        assert f"and {verdict.settling.times_runs} times as many runs" in verdict.settling.text

    def test_why_no_fine_tune_is_said(self, undecided: Evidence) -> None:
        verdict = decide(undecided, POLICY)
        if verdict.arm != "lora":
            assert any("A fine-tune is not certain to pay" in reason for reason in verdict.reasons)

    def test_a_worthwhile_gain_of_nothing(self, world: World) -> None:
        free = EvaluationPolicy(worthwhile_gain=0.0)
        evidence = world((60, 62, 66, 66, 70), 90, free, starts=(0, 5, 10, 20, 25))
        assert decide(evidence, free).kind is VerdictKind.PROVISIONAL

    def test_more_runs_do_not_ask_for_fewer_rows(self, world: World) -> None:
        # Head and fine-tune differ on 8 rows only; between fine-tunes 6 points are expected.
        verdict = decide(world((480, 480, 480, 540, 548), 600, deviation=0.06), POLICY)
        assert verdict.settling is not None
        assert verdict.settling.times_runs > 1
        assert verdict.settling.items is None or verdict.settling.items >= 600

    def test_what_would_settle_it_is_more_than_there_is(self, world: World) -> None:
        # Head and fine-tune differ on few rows of 1,000, and just about by what would pay.
        evidence = world((800, 800, 800, 900, 928), 1000, starts=(0, 50, 100, 0, 0))
        verdict = decide(evidence, POLICY)
        assert verdict.kind is VerdictKind.PROVISIONAL
        assert verdict.settling is not None
        assert verdict.settling.items is None or verdict.settling.items > 1000


class TestEveryVerdict:
    @pytest.mark.parametrize(
        "hits", [(200, 200, 210, 210, 260), (285, 240, 240, 240, 285), (200, 205, 210, 212, 214), (0,) * 5, (300,) * 5]
    )
    def test_probabilities_and_regret(self, world: World, hits: tuple[int, ...]) -> None:
        verdict = decide(world(hits, 300), POLICY)
        assert sum(verdict.probability_best.values()) == pytest.approx(1)
        assert list(verdict.probability_best) == [family.value for family in FIVE]
        assert verdict.expected_regret >= 0
        assert verdict.detectable_gain > 0
        assert verdict.estimand.startswith("The figures hold for the recipe")
        assert "3 fine-tuning runs" in verdict.estimand
        assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict

    def test_the_interval_is_named_by_its_confidence(self, world: World) -> None:
        wide = EvaluationPolicy(confidence=0.90)
        verdict = decide(world((200, 200, 210, 210, 260), 300, wide), wide)
        assert any("90% interval" in reason for reason in verdict.reasons)

    def test_a_single_arm(self, world: World) -> None:
        evidence = world((200,), 300, families=FIVE[:1], starts=(0,))
        with pytest.raises(ValueError, match="needs two arms"):
            decide(evidence, POLICY)

    def test_a_second_fine_tune_is_not_something_to_keep_instead(self, world: World) -> None:
        families = (Family.ZERO_SHOT, Family.LORA, Family.LORA)
        evidence = _renamed(world((200, 200, 280), 300, families=families, starts=(0, 0, 0)), ["zero", "one", "two"])
        verdict = decide(evidence, POLICY)
        assert not (verdict.kind is VerdictKind.KEEP and verdict.arm == "two")


def _renamed(evidence: Evidence, names: list[str]) -> Evidence:
    """Arms of one family under names of their own."""
    from dataclasses import replace

    from evaluation.contrasts import contrast_arms
    from evaluation.statistics import Design

    arms = [replace(arm, spec=replace(arm.spec, name=name)) for arm, name in zip(evidence.arms, names, strict=True)]
    contrasts: tuple[Contrast, ...] = contrast_arms(arms, Design(np.arange(evidence.items), 1.0, 4.0), POLICY)
    return replace(evidence, arms=arms, contrasts=contrasts)


def test_between_finds_a_contrast_from_either_side(world: World) -> None:
    evidence = world((200, 200, 210, 210, 260), 300)
    assert evidence.between("lora", "head").difference == pytest.approx(50 / 300)
    assert evidence.between("head", "lora").difference == pytest.approx(-50 / 300)
    with pytest.raises(KeyError):
        evidence.between("lora", "nobody")
