"""What a judge and people said of two arms' answers, as the report keeps it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from evaluation.judge import Preference


class JudgedPair(BaseModel):
    """`one` and `other` are arms. `win_rate` is the share of rows on which the answer of `one` is better, ties counting
    half, people's grades correcting the judge's; `low` and `high` its interval. All shares are 0..1.

    Of `rows` rows the judge was `asked` about some in both orders; the others needed no question. `swayed` is the
    number on which the better answer changed with its place, `unscored` that of rows without a verdict, which have no
    part in anything else. `graded` rows have a grade of people's, which the judge shares on `agreement` of them.
    `weight` is how far its verdicts on the `ungraded` rows were believed; `longer` how often the answer that it
    preferred was the longer one, None where that is not a question. `beside` names the metrics that are shown with it.
    """

    model_config = ConfigDict(frozen=True)

    one: str
    other: str
    judge: str
    criterion: str
    win_rate: float
    low: float
    high: float
    rows: int
    asked: int
    swayed: int
    unscored: int
    graded: int
    ungraded: int
    agreement: float
    weight: float
    longer: float | None
    beside: tuple[str, ...]
    doubts: tuple[str, ...]

    @classmethod
    def of(
        cls, arms: tuple[str, str], preference: Preference, base_models: Sequence[str], confidence: float
    ) -> JudgedPair:
        """`base_models` are those that wrote the answers."""
        interval = preference.interval(confidence)
        return cls(
            one=arms[0],
            other=arms[1],
            judge=preference.judge,
            criterion=preference.criterion,
            win_rate=min(1.0, max(0.0, preference.corrected.estimate.value)),
            low=interval.low,
            high=interval.high,
            rows=preference.corrected.rows,
            asked=preference.asked,
            swayed=round(preference.swayed * preference.asked),
            unscored=preference.unscored,
            graded=preference.human_labels,
            ungraded=preference.corrected.rows - preference.corrected.graded,
            agreement=preference.agreement,
            weight=preference.corrected.weight,
            longer=preference.longer,
            beside=preference.beside,
            doubts=preference.doubts(base_models),
        )
