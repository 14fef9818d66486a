"""The form as a list of questions, for pages, blank forms and other programs."""

from functools import cache

from pydantic import BaseModel, ConfigDict

from rules.form import FORM_VERSION, Form
from rules.question import Question, Section, questions


class QuestionnaireSection(BaseModel):
    """The questions of one section, in the order to ask them."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    help: str
    fields: tuple[Question, ...]


class Questionnaire(BaseModel):
    """Every question of the form."""

    model_config = ConfigDict(frozen=True)

    version: int
    sections: tuple[QuestionnaireSection, ...]


@cache
def questionnaire() -> Questionnaire:
    """Return every question, read from the form itself."""
    sections = (_section(name) for name in Form.model_fields)
    return Questionnaire(version=FORM_VERSION, sections=tuple(sections))


@cache
def questions_by_path() -> dict[str, Question]:
    """Return every question under the path of its answer."""
    return {question.path: question for question in questions(Form)}


def _section(name: str) -> QuestionnaireSection:
    field = Form.model_fields[name]
    section = field.annotation
    assert isinstance(section, type)
    assert issubclass(section, Section)
    return QuestionnaireSection(
        name=name,
        title=field.title or "",
        help=(section.__doc__ or "").strip(),
        fields=tuple(q for q in questions_by_path().values() if q.path.startswith(f"{name}.")),
    )
