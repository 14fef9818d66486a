"""Which worthwhile gain would turn the verdict."""

from __future__ import annotations

import pytest

from evaluation.decision import Verdict, VerdictKind
from evaluation.flips import find_flips
from evaluation.policy import EvaluationPolicy


def verdict(kind: VerdictKind, arm: str) -> Verdict:
    return Verdict(
        kind=kind, arm=arm, headline=f"{kind.value} {arm}.", reasons=(), estimand="", probability_best={},
        expected_regret=0, detectable_gain=0, shrunken_gains={}, prior="", settling=None,
    )  # fmt: skip


FINE_TUNE, KEEP = verdict(VerdictKind.FINE_TUNE, "lora"), verdict(VerdictKind.KEEP, "head")
PROVISIONAL = verdict(VerdictKind.PROVISIONAL, "head")


def by_gain(policy: EvaluationPolicy) -> Verdict:
    """Fine-tune up to 1 point, provisional up to 6, keep from there on."""
    gain = policy.worthwhile_gain
    return FINE_TUNE if gain <= 0.01 else PROVISIONAL if gain < 0.06 else KEEP


def test_the_nearest_on_either_side() -> None:
    below, above = find_flips(PROVISIONAL, EvaluationPolicy(worthwhile_gain=0.03), by_gain)
    assert (below.worthwhile_gain, below.kind, below.arm) == (0.01, VerdictKind.FINE_TUNE, "lora")
    assert (above.worthwhile_gain, above.kind, above.arm) == (0.06, VerdictKind.KEEP, "head")
    assert "6.0 points" in above.text
    assert above.text.endswith(KEEP.headline)


@pytest.mark.parametrize(
    ("gain", "now", "turns"), [(0.0, FINE_TUNE, [0.015]), (0.15, KEEP, [0.055]), (0.4, KEEP, [0.055])]
)
def test_at_the_ends_there_is_one_side(gain: float, now: Verdict, turns: list[float]) -> None:
    flips = find_flips(now, EvaluationPolicy(worthwhile_gain=gain), by_gain)
    assert [flip.worthwhile_gain for flip in flips] == pytest.approx(turns)


def test_another_arm_of_the_same_kind_is_a_flip() -> None:
    def other_arm(policy: EvaluationPolicy) -> Verdict:
        return PROVISIONAL if policy.worthwhile_gain <= 0.03 else verdict(VerdictKind.PROVISIONAL, "few_shot")

    (flip,) = find_flips(PROVISIONAL, EvaluationPolicy(worthwhile_gain=0.03), other_arm)
    assert (flip.worthwhile_gain, flip.arm) == (pytest.approx(0.035), "few_shot")


def test_a_verdict_that_nothing_turns() -> None:
    assert find_flips(KEEP, EvaluationPolicy(), lambda _: KEEP) == ()


def test_only_the_worthwhile_gain_is_varied() -> None:
    policy = EvaluationPolicy(keep_alpha=0.04, price_retrieval=0.02)
    seen: list[EvaluationPolicy] = []

    def decide(other: EvaluationPolicy) -> Verdict:
        seen.append(other)
        return KEEP

    find_flips(KEEP, policy, decide)
    assert len(seen) == 30
    assert all(other.model_copy(update={"worthwhile_gain": 0.03}) == policy for other in seen)
