"""The form as something to fill in."""

from __future__ import annotations

from fastapi import APIRouter

from rules.questionnaire import Questionnaire, questionnaire

router = APIRouter(prefix="/v1/questionnaire", tags=["assessments"])


@router.get("")
def read_questionnaire() -> Questionnaire:
    """The form: its sections and fields, with help text, allowed answers and the source of each question."""
    return questionnaire()
