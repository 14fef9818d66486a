"""The score of each method: 50 plus the points of every finding, in plain sight."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from rules.finding import METHODS, Method
from rules.judgement import Judgement

START: Final = 50
LOWEST, HIGHEST = 0, 100


class Contribution(BaseModel):
    """What one rule adds to, or takes from, a score."""

    model_config = ConfigDict(frozen=True)

    code: str
    points: int


class MethodScore(BaseModel):
    """One method's score: a point where every answer that counts is given, an interval before."""

    model_config = ConfigDict(frozen=True)

    score: int | None
    low: int
    high: int
    vetoes: tuple[str, ...]
    contributions: tuple[Contribution, ...]

    @property
    def so_far(self) -> int:
        """The points known today, not cut, to compare methods by."""
        return START + sum(contribution.points for contribution in self.contributions)


def scores(judgements: Sequence[Judgement]) -> dict[Method, MethodScore]:
    """Return the score of every method."""
    return {method: _score(method, place, judgements) for place, method in enumerate(METHODS)}


def _score(method: Method, place: int, judgements: Sequence[Judgement]) -> MethodScore:
    low = START + sum(judgement.reach.low[place] for judgement in judgements)
    high = START + sum(judgement.reach.high[place] for judgement in judgements)
    said = [(judgement.rule.code, judgement.finding) for judgement in judgements if judgement.finding]
    return MethodScore(
        # Two bounds that meet only because both were cut are not an answer.
        score=_cut(low) if low == high else None,
        low=_cut(low),
        high=_cut(high),
        vetoes=tuple(code for code, finding in said if method in finding.vetoes),
        contributions=tuple(
            Contribution(code=code, points=finding.points.of(method))
            for code, finding in said
            if finding.points.of(method)
        ),
    )


def _cut(points: int) -> int:
    return min(max(points, LOWEST), HIGHEST)
