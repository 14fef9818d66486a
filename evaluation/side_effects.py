"""What a fine-tune does besides being right: looked at before it may be recommended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.collapse import CollapsedFit, find_collapsed, fit_scores
from evaluation.foreign_texts import TEXTS
from evaluation.invalid_answers import InvalidAnswers, count_invalid
from evaluation.numbers import percent
from evaluation.other_topics import Foreign, OtherTopics, compare_on_foreign_texts
from evaluation.policy import EvaluationPolicy
from evaluation.reload import ReadBack, Reload, Saved, read_back
from evaluation.scoring import ScoredArm, statistics_design
from evaluation.splits import Split
from evaluation.trials import FinishedTrial


class SideEffects(BaseModel):
    """Of one fine-tune, held against the best cheaper arm (None where there is none)."""

    model_config = ConfigDict(frozen=True)

    arm: str
    title: str
    cheaper: str | None
    cheaper_title: str | None
    fits: int
    invalid: InvalidAnswers
    reload: Reload
    topics: OtherTopics
    collapsed: tuple[CollapsedFit, ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        """Why it may not be recommended: each goes on from "because". Empty where nothing forbids it.

        Certainty about foreign texts never does: it says how to use an arm, not whether.
        """
        found = []
        if not self.reload.is_faultless:
            found.append(self.reload.told)
        if self.invalid.too_many:
            found.append(self.invalid.told(self.cheaper_title))
        if 2 * len(self.collapsed) > self.fits:
            found.append(self._collapse_told)
        return tuple(found)

    @property
    def notes(self) -> tuple[str, ...]:
        """All that was looked at, a sentence each."""
        clauses = (self.invalid.told(self.cheaper_title), self.reload.told, self._collapse_told)
        sentences = (f"{clause[0].upper()}{clause[1:]}." for clause in clauses)
        return (*sentences, *self.topics.told(self.title, self.cheaper_title))

    @property
    def _collapse_told(self) -> str:
        if not self.collapsed:
            return f"none of its {self.fits} fits collapsed" if self.fits > 1 else "its one fit did not collapse"
        each = ", ".join(
            f"{percent(fit.accuracy)} where {percent(fit.expected)} was to be expected (fold {fit.fold}, run {fit.run})"
            for fit in self.collapsed
        )
        return f"{len(self.collapsed)} of its {self.fits} fits collapsed: {each}"


@dataclass(frozen=True)
class Compared:
    """What side effects are looked for in: every scored arm, the finished trials of those that were fitted here, and
    the folder that keeps them."""

    arms: Sequence[ScoredArm]
    finished: Sequence[FinishedTrial]
    split: Split
    policy: EvaluationPolicy
    folder: Path

    @property
    def cheaper(self) -> ScoredArm | None:
        """The arm with the highest accuracy that is no fine-tune."""
        return max((arm for arm in self.arms if not arm.spec.is_fine_tune), key=lambda arm: arm.accuracy, default=None)

    def saved(self, arm: ScoredArm) -> Saved:
        return Saved(arm.spec, [trial for trial in self.finished if trial.trial.arm == arm.spec.name], self.folder)


def find_side_effects(compared: Compared, rng: np.random.Generator) -> tuple[SideEffects, ...]:
    """Of every fine-tune among the arms, in their order. Loads each of its fits, and those of the best cheaper arm."""
    tuned = [arm for arm in compared.arms if arm.spec.is_fine_tune]
    cheaper = compared.cheaper
    foreign = None
    if tuned and cheaper is not None:
        saved = compared.saved(cheaper)
        foreign = _foreign(saved, read_back(saved, compared.split, TEXTS, rng))
    return tuple(_side_effects(arm, cheaper, foreign, compared, rng) for arm in tuned)


def _side_effects(
    arm: ScoredArm, cheaper: ScoredArm | None, foreign: Foreign | None, compared: Compared, rng: np.random.Generator
) -> SideEffects:
    split, policy, saved = compared.split, compared.policy, compared.saved(arm)
    design = statistics_design(split, policy)
    back = read_back(saved, split, TEXTS, rng)
    fits = fit_scores(arm, design)
    labels = Counter(row.output for row in split.tested)
    return SideEffects(
        arm=arm.spec.name,
        title=arm.spec.title,
        cheaper=cheaper.spec.name if cheaper else None,
        cheaper_title=cheaper.spec.title if cheaper else None,
        fits=len(fits),
        invalid=count_invalid(arm, cheaper, design, policy),
        reload=back.reload,
        topics=compare_on_foreign_texts(_foreign(saved, back), foreign, policy.confidence, back.reload.not_checked),
        collapsed=find_collapsed(
            fits,
            max(labels.values()) / len(split.tested),
            cheaper.accuracy if cheaper else 0.0,
            arm.outcomes.run_deviation,
        ),
    )


def _foreign(saved: Saved, back: ReadBack) -> Foreign:
    return Foreign(back.others, [answer.confidence for trial in saved.trials for answer in trial.predictions])
