"""From what a caller sent to a form, and from a form to what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from rules.form import Form, FormError
from service.errors import FormRefused, Place
from service.problems import pointer
from service.rulebook import Rulebook
from service.storage.assessments import Judged


def parse_form(document: Mapping[str, Any], under: Sequence[str] = ()) -> Form:
    """The form in a document that lies `under` some keys; `FormRefused` points at every wrong field."""
    try:
        return Form.parse(document)
    except FormError as error:
        places = [Place(problem.message, pointer([*under, *_parts(problem.path)])) for problem in error.problems]
        raise FormRefused(places) from None


def judge(form: Form, rulebook: Rulebook) -> Judged:
    """What the rules say about the form, next to the answers themselves."""
    assessment = rulebook.assess(form)
    answers = form.model_dump(mode="json", exclude_defaults=True)
    return Judged(
        form=answers,
        assessment=assessment.model_dump(mode="json"),
        ruleset_sha256=assessment.ruleset.sha256,
        name=form.task.name,
    )


def _parts(path: str) -> list[str]:
    return [] if path == "form" else path.split(".")  # the rules call the form as a whole "form"


def _submitted(document: Any) -> Any:
    return parse_form(document, under=["form"]) if isinstance(document, dict) else document


SubmittedForm = Annotated[Form, BeforeValidator(_submitted)]
"""The field `form` of a body: read by the rules themselves, so that their messages reach the caller."""
