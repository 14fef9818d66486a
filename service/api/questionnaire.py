"""The form as something to fill in."""

from __future__ import annotations

from fastapi import APIRouter

from rules.questionnaire import Questionnaire, questionnaire
from service.access.caller import Role
from service.api.dependencies import needs
from service.problems import problems

router = APIRouter(prefix="/v1/questionnaire", tags=["assessments"])


@router.get("", dependencies=[needs(Role.READER)], responses=problems(401, 403))
def read_questionnaire() -> Questionnaire:
    """The form: its sections and fields, with help text, allowed answers and the source of each question."""
    return questionnaire()
