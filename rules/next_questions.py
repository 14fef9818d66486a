"""Which question to answer next: the one whose answer would narrow the scores most."""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter

from pydantic import BaseModel, ConfigDict

from rules.form import Form
from rules.judgement import Judgement
from rules.questionnaire import questions_by_path
from rules.readiness import SIX


class NextQuestion(BaseModel):
    """An unanswered question, what its answer is worth, and why."""

    model_config = ConfigDict(frozen=True)

    field: str
    narrows_by: float
    why: str


class _Stakes:
    """What hangs on one unanswered answer."""

    def __init__(self) -> None:
        self.points: dict[str, float] = {}
        self.titles: dict[str, str] = {}
        self.veto: str | None = None
        self.readiness: list[str] = []

    @property
    def narrows_by(self) -> float:
        return round(sum(self.points.values()), 1)

    @property
    def why(self) -> str:
        reasons = []
        if self.points:
            heaviest = max(self.points, key=self.points.__getitem__)
            others = len(self.points) - 1
            more = f" and {others} more" if others else ""
            reasons.append(f"It settles, or helps to settle, {heaviest}{more}: {self.titles[heaviest]}")
        if self.veto:
            reasons.append(f"It may rule fine-tuning out ({self.veto}).")
        if self.readiness:
            reasons.append(f"Needed to answer: {self.readiness[0]}")
        return " ".join(reasons)


def next_questions(form: Form, judgements: Sequence[Judgement]) -> tuple[NextQuestion, ...]:
    """Return every unanswered question that can change the answer, the most telling first."""
    stakes: dict[str, _Stakes] = defaultdict(_Stakes)
    for judgement in judgements:
        for path, narrows_by in judgement.reach.open:
            stakes[path].points[judgement.rule.code] = narrows_by
            stakes[path].titles[judgement.rule.code] = judgement.rule.title
            if judgement.reach.possible_vetoes:
                stakes[path].veto = judgement.rule.code
    for part in SIX:
        for path in part.needs:
            if attrgetter(path)(form) is None:
                stakes[path].readiness.append(part.question)
    places = {path: place for place, path in enumerate(questions_by_path())}

    def urgency(path: str) -> tuple[float, bool, bool, int]:
        at_stake = stakes[path]
        return -at_stake.narrows_by, not at_stake.veto, not at_stake.readiness, places[path]

    return tuple(
        NextQuestion(field=path, narrows_by=stakes[path].narrows_by, why=stakes[path].why)
        for path in sorted(stakes, key=urgency)
    )
