"""What would turn the verdict: the same evidence, decided again with other margins."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from evaluation.decision import Verdict, VerdictKind
from evaluation.numbers import unsigned_points
from evaluation.policy import EvaluationPolicy

GAINS = tuple(step / 200 for step in range(31))
"""Worthwhile gains tried: 0 to 15 points in steps of half a point."""


class Flip(BaseModel):
    """One change of an assumption, and the verdict it would bring."""

    model_config = ConfigDict(frozen=True)

    worthwhile_gain: float
    kind: VerdictKind
    arm: str
    text: str


def find_flips(
    verdict: Verdict, policy: EvaluationPolicy, decide: Callable[[EvaluationPolicy], Verdict]
) -> tuple[Flip, ...]:
    """The nearest worthwhile gain below and above the policy's at which another verdict comes out; none if none."""
    below = [gain for gain in reversed(GAINS) if gain < policy.worthwhile_gain]
    above = [gain for gain in GAINS if gain > policy.worthwhile_gain]
    flips = []
    for side, gains in (("as little as", below), ("no less than", above)):
        for gain in gains:
            other = decide(policy.model_copy(update={"worthwhile_gain": gain}))
            if (other.kind, other.arm) != (verdict.kind, verdict.arm):
                text = f"If {side} {unsigned_points(gain)} made a fine-tune worth its price: {other.headline}"
                flips.append(Flip(worthwhile_gain=gain, kind=other.kind, arm=other.arm, text=text))
                break
    return tuple(flips)
