"""Which of the recommended arm's answers may go out by themselves, and with which guarantee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from evaluation.policy import EvaluationPolicy
from evaluation.routing import Marked, NoRouting, Routing, find_routing, joint_guarantee
from evaluation.scoring import ScoredArm, statistics_design
from evaluation.splits import Split

TARGETS: Final = (0.05, 0.10)
"""Parts of the automatic answers that may be wrong: one in twenty, one in ten."""


class Automation(BaseModel):
    """A threshold, or why there is none, for each target error of one arm."""

    model_config = ConfigDict(frozen=True)

    arm: str
    results: tuple[Routing | NoRouting, ...]
    together: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each target, and one on what they mean together."""
        each = (found.guarantee if isinstance(found, Routing) else found.reason for found in self.results)
        return (*each, self.together)


def find_automation(
    arm: ScoredArm, arms: Sequence[ScoredArm], split: Split, policy: EvaluationPolicy
) -> Automation | None:
    """None where the arm's answers come without a confidence.

    The arm was picked on the same rows, so each guarantee is asked for at 1 - alpha / number of arms (Bonferroni).
    """
    if all(confidence is None for confidence in arm.confidences):
        return None
    right = [score == 1.0 for score in arm.outcomes.scores[0].tolist()]
    marked, design = Marked.of(arm.confidences, right), statistics_design(split, policy)
    confidence = 1 - (1 - policy.confidence) / len(arms)
    results = tuple(find_routing(marked, design, target, confidence) for target in TARGETS)
    return Automation(arm=arm.spec.name, results=results, together=joint_guarantee(results))
