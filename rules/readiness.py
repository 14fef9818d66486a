"""Six questions that a project must be able to answer with yes before it fine-tunes (source 002)."""

from collections.abc import Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from rules.finding import Finding, Method, Severity
from rules.form import Form
from rules.judgement import Judgement


class Status(StrEnum):
    """An answer to one of the six questions."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class ReadinessQuestion(BaseModel):
    """One of the six, and the rules that answered it."""

    model_config = ConfigDict(frozen=True)

    question: str
    status: Status
    codes: tuple[str, ...]


class Readiness(BaseModel):
    """Whether the project is ready to fine-tune: six times yes, and no veto."""

    model_config = ConfigDict(frozen=True)

    ready: bool
    questions: tuple[ReadinessQuestion, ...]


class SixthPart(NamedTuple):
    """How one question is decided. Rules in `heard` are shown, and decide only if they veto fine-tuning."""

    question: str
    needs: tuple[str, ...]
    decided_by: tuple[str, ...]
    heard: tuple[str, ...] = ()


SIX: Final = (
    SixthPart(
        "Does the task stay the same, and come up often enough, for training to pay off?",
        ("task.change_interval", "task.requests_per_month"),
        ("TASK01", "TASK02"),
        ("TASK03",),
    ),
    SixthPart(
        "Were better prompts and retrieval tried first, and did they fall short?",
        (
            "tried.zero_shot.tried",
            "tried.better_system_message.tried",
            "tried.few_shot.tried",
            "success.target",
        ),
        ("TRIED01", "TRIED02", "TRIED03", "TRIED04"),
        ("TRIED05", "KNOW01"),
    ),
    SixthPart(
        "Are there enough good examples?",
        ("examples.count", "examples.reviewed", "examples.consistent", "examples.representative"),
        ("DATA01", "DATA03", "DATA04", "DATA05"),
        ("DATA02", "DATA06", "DATA07"),
    ),
    SixthPart(
        "Is the wanted behaviour narrow, and can it be tested?",
        ("task.narrow", "success.check"),
        ("TASK04", "TEST01"),
        ("TASK05",),
    ),
    SixthPart(
        "Can you measure whether the change helped?",
        ("success.held_out_examples", "success.baseline", "success.target"),
        ("TEST02",),
        ("TEST01", "TEST03", "TEST04"),
    ),
    SixthPart(
        "If it drifts, can you go back or train again safely?",
        (
            "operations.versioned",
            "operations.rollback",
            "operations.retraining_owner",
            "operations.monitoring",
        ),
        ("OPS01", "OPS02", "OPS03"),
        ("OPS04",),
    ),
)


def readiness(form: Form, judgements: Sequence[Judgement]) -> Readiness:
    """Answer the six questions."""
    by_code = {judgement.rule.code: judgement for judgement in judgements}
    answers = tuple(_answer(part, form, by_code) for part in SIX)
    vetoed = any(_vetoes(judgement.finding) for judgement in judgements)
    return Readiness(ready=not vetoed and all(answer.status is Status.YES for answer in answers), questions=answers)


def _answer(part: SixthPart, form: Form, by_code: dict[str, Judgement]) -> ReadinessQuestion:
    deciding = [by_code[code] for code in part.decided_by]
    heard = [by_code[code] for code in part.heard]
    blocked = any(_blocks(judgement.finding) for judgement in deciding) or any(
        _vetoes(judgement.finding) for judgement in heard
    )
    missing = any(attrgetter(path)(form) is None for path in part.needs)
    if blocked:
        status = Status.NO
    elif missing or any(not judgement.reach.settled for judgement in deciding) or any(map(_may_veto, heard)):
        status = Status.UNKNOWN
    else:
        status = Status.YES
    codes = (judgement.rule.code for judgement in (*deciding, *heard) if judgement.finding)
    return ReadinessQuestion(question=part.question, status=status, codes=tuple(codes))


def _blocks(finding: Finding | None) -> bool:
    return finding is not None and finding.severity in (Severity.VETO, Severity.WARNING)


def _may_veto(judgement: Judgement) -> bool:
    """Whether a rule warns already, and an open answer may make a veto of it."""
    return _blocks(judgement.finding) and not judgement.reach.settled and bool(judgement.reach.possible_vetoes)


def _vetoes(finding: Finding | None) -> bool:
    return finding is not None and Method.FINE_TUNING in finding.vetoes
