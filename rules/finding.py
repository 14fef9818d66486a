"""What one rule says about one form."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict


class Method(StrEnum):
    """What a budget holder chooses between, cheapest first."""

    PROMPTING = "prompting"
    RETRIEVAL = "retrieval"
    FINE_TUNING = "fine_tuning"


METHODS: Final = tuple(Method)

METHOD_TITLES: Final = {
    Method.PROMPTING: "Prompting",
    Method.RETRIEVAL: "Retrieval",
    Method.FINE_TUNING: "Fine-tuning",
}
"""For people."""


class Severity(StrEnum):
    """How much a finding weighs, heaviest first."""

    VETO = "veto"
    WARNING = "warning"
    SUPPORT = "support"
    NOTE = "note"
    UNANSWERED = "unanswered"


class Points(BaseModel):
    """What a finding adds to, or takes from, each method's score."""

    model_config = ConfigDict(frozen=True)

    prompting: int = 0
    retrieval: int = 0
    fine_tuning: int = 0

    def of(self, method: Method) -> int:
        """Return the points for one method."""
        points: int = getattr(self, method.value)
        return points


class Finding(BaseModel):
    """One rule's word on one form. A check writes the first half; the catalogue adds who says it and why."""

    model_config = ConfigDict(frozen=True)

    severity: Severity
    message: str
    points: Points = Points()
    vetoes: tuple[Method, ...] = ()

    code: str = ""
    name: str = ""
    why: str = ""
    what_to_do: str = ""
    source: tuple[str, ...] = ()


_NO_TUNING: Final = (Method.FINE_TUNING,)


def veto(message: str, *, prompting: int = 0, retrieval: int = 0, fine_tuning: int = 0) -> Finding:
    """Rule fine-tuning out, whatever its score."""
    points = Points(prompting=prompting, retrieval=retrieval, fine_tuning=fine_tuning)
    return Finding(severity=Severity.VETO, message=message, points=points, vetoes=_NO_TUNING)


def warning(message: str, *, prompting: int = 0, retrieval: int = 0, fine_tuning: int = 0) -> Finding:
    """Speak against a method, or for trying a cheaper one first."""
    points = Points(prompting=prompting, retrieval=retrieval, fine_tuning=fine_tuning)
    return Finding(severity=Severity.WARNING, message=message, points=points)


def support(message: str, *, prompting: int = 0, retrieval: int = 0, fine_tuning: int = 0) -> Finding:
    """Speak for a method."""
    points = Points(prompting=prompting, retrieval=retrieval, fine_tuning=fine_tuning)
    return Finding(severity=Severity.SUPPORT, message=message, points=points)


def note(message: str, *, prompting: int = 0, fine_tuning: int = 0) -> Finding:
    """Tell something that the team should know."""
    return Finding(severity=Severity.NOTE, message=message, points=Points(prompting=prompting, fine_tuning=fine_tuning))


def unanswered(message: str) -> Finding:
    """Tell what cannot be judged yet."""
    return Finding(severity=Severity.UNANSWERED, message=message)
