"""What an arm does with texts that no label is meant for: it answers all the same, and only its confidence can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.arm import Prediction
from evaluation.foreign_texts import TEXTS
from evaluation.numbers import percent, points, unsigned_points
from evaluation.routing import DIGITS
from evaluation.statistics import Design, Interval, Outcomes, estimate_difference, estimate_mean, wilson_interval


class Certainty(BaseModel):
    """How often an arm was at least as sure of the texts as of half of its own tested rows, mean over its fits (five at
    most): `share` with its interval. `label` was its most frequent answer to them, `label_share` of all."""

    model_config = ConfigDict(frozen=True)

    share: float
    low: float
    high: float
    label: str
    label_share: float


class OtherTopics(BaseModel):
    """`more` is the fine-tune's share less that of the best cheaper arm, with its interval; None, as `cheaper`, where
    that one cannot be asked or gives no confidences. `not_checked` says why the fine-tune has none."""

    model_config = ConfigDict(frozen=True)

    texts: int
    confidence: float
    tuned: Certainty | None = None
    cheaper: Certainty | None = None
    more: float | None = None
    low: float | None = None
    high: float | None = None
    not_checked: str | None = None

    def told(self, title: str, cheaper_title: str | None) -> tuple[str, ...]:
        """In words, with the titles of both arms."""
        if self.tuned is None:
            return (f"Texts of other topics: not checked, {self.not_checked}.",)
        asked = (
            f"Of {self.texts} short English texts on everyday subjects, which no label should be meant for, {title} "
            f"was as sure as of half of its own tested rows in {_share(self.tuned)}"
        )
        named = f"Its most frequent answer to them was {self.tuned.label!r}, in {percent(self.tuned.label_share)}."
        if self.cheaper is None or self.more is None or self.low is None or self.high is None:
            against = f", and {cheaper_title} cannot be held against it" if cheaper_title else ""
            return (f"{asked}{against}.", named)
        level = percent(self.confidence, 0)
        interval = f"{level} interval {points(self.low)} to {points(self.high)}"
        if self.low <= 0 <= self.high:
            how = f"No clear difference in being sure of foreign texts: {points(self.more)} ({interval})"
        else:
            side = "more" if self.low > 0 else "less"
            how = f"It is {side} certain of itself on foreign texts, by {unsigned_points(self.more)} ({interval})"
        return (f"{asked}, {cheaper_title} in {_share(self.cheaper)}. {how}.", named)


@dataclass(frozen=True)
class Foreign:
    """What the fits of one arm answered to the texts, one list a fit; `own` are the confidences of its tested rows."""

    answers: Sequence[Sequence[Prediction]]
    own: Sequence[float | None]

    @property
    def sure(self) -> Outcomes | None:
        """(fits, texts), 1 where the confidence reaches the median of the arm's own; None where it gives none.

        The own median, because arms spread their confidences differently: half of the own rows reach it by definition.
        """
        given = [round(confidence, DIGITS) for confidence in self.own if confidence is not None]
        if not self.answers or not given:
            return None
        typical = float(np.median(given))
        scores = [
            [float(answer.confidence is not None and round(answer.confidence, DIGITS) >= typical) for answer in fit]
            for fit in self.answers
        ]
        return Outcomes(np.array(scores), np.zeros(len(TEXTS), dtype=np.int64), 0.0)

    def certainty(self, sure: Outcomes, confidence: float) -> Certainty:
        if len(self.answers) == 1:
            interval = wilson_interval(int(sure.scores.sum()), len(TEXTS), confidence)
        else:
            interval = estimate_mean(sure, _design()).interval(confidence)
        named = Counter(answer.output or "no answer" for fit in self.answers for answer in fit)
        label, count = min(named.items(), key=lambda item: (-item[1], item[0]))
        return Certainty(
            share=float(sure.scores.mean()), low=max(0.0, interval.low), high=min(1.0, interval.high),
            label=label, label_share=count / named.total(),
        )  # fmt: skip


def compare_on_foreign_texts(
    tuned: Foreign, cheaper: Foreign | None, confidence: float, not_asked: str | None = None
) -> OtherTopics:
    """Paired by text, with intervals at the given confidence. `not_asked` says why the fine-tune has no answers."""
    sure, other = tuned.sure, cheaper.sure if cheaper else None
    if sure is None:
        why = "it gives no confidences" if tuned.answers else not_asked or "its saved copies cannot be used"
        return OtherTopics(texts=len(TEXTS), confidence=confidence, not_checked=why)
    own = tuned.certainty(sure, confidence)
    if cheaper is None or other is None:
        return OtherTopics(texts=len(TEXTS), confidence=confidence, tuned=own)
    estimate = estimate_difference(sure, other, _design())
    interval: Interval = estimate.interval(confidence)
    return OtherTopics(
        texts=len(TEXTS), confidence=confidence, tuned=own, cheaper=cheaper.certainty(other, confidence),
        more=estimate.value, low=interval.low, high=interval.high,
    )  # fmt: skip


def _design() -> Design:
    """Every text is a row of its own; no arm's fits are given a published spread here."""
    return Design(np.arange(len(TEXTS)), 1.0, 4.0)


def _share(certainty: Certainty) -> str:
    return f"{percent(certainty.share)} ({percent(certainty.low)} to {percent(certainty.high)})"
