"""The form: what a team tells about its task. Every answer may be left out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from rules.problems import FormError, FormProblem, refused_answers
from rules.question import Section
from rules.sections.budget import Budget
from rules.sections.examples import Examples
from rules.sections.governance import Governance
from rules.sections.knowledge import Knowledge
from rules.sections.operations import Operations
from rules.sections.success import Success
from rules.sections.task import Task
from rules.sections.tried import Attempt, Tried

__all__ = ["FORM_VERSION", "Attempt", "Form", "FormError", "FormProblem"]

FORM_VERSION: Final = 1


class Form(Section):
    """One team's answers."""

    task: Task = Field(default=Task(), title="The task")
    tried: Tried = Field(default=Tried(), title="What you have tried")
    examples: Examples = Field(default=Examples(), title="Your examples")
    success: Success = Field(default=Success(), title="How you measure success")
    knowledge: Knowledge = Field(default=Knowledge(), title="Facts the answers need")
    operations: Operations = Field(default=Operations(), title="Running it")
    governance: Governance = Field(default=Governance(), title="Where the data may go")
    budget: Budget = Field(default=Budget(), title="Money and time")

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Read a form, or raise one `FormError` that lists every problem."""
        if not isinstance(data, Mapping):
            problem = FormProblem(path="form", message="expected sections such as task and examples")
            raise FormError((problem,))
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise FormError(_all_problems(cls, data, error)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _empty_if_null(cls, value: Any) -> Any:
        # A section whose lines are all commented out reads as null.
        return {} if value is None else value

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        if problems := tuple(_contradictions(self)):
            raise FormError(problems)
        return self


def _all_problems(form: type[Form], data: Mapping[str, Any], error: ValidationError) -> tuple[FormProblem, ...]:
    problems = refused_answers(form, error)
    try:
        # Contradictions among the answers that could be read are told in the same go.
        form.model_validate(_without(data, error))
    except ValidationError as contradictions:
        problems += refused_answers(form, contradictions)
    return tuple(dict.fromkeys(problems))


def _without(data: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    """Return the answers that could be read."""
    rest: dict[Any, Any] = {key: dict(part) if isinstance(part, dict) else part for key, part in data.items()}
    for detail in error.errors(include_url=False):
        section, *below = (*detail["loc"], None)
        if below[:-1] and isinstance(rest.get(section), dict):
            rest[section].pop(below[0], None)
        else:
            rest.pop(section, None)
    return rest


def _contradictions(form: Form) -> Iterator[FormProblem]:
    """Yield answers that cannot both be true. Odd ones, as a target below today's level, are allowed."""
    yield from _parts_above_the_whole(form)
    yield from _scores_of_what_was_never_tried(form)
    yield from _facts_at_two_paces(form)
    governance = form.governance
    if governance.data_may_leave_premises is False and governance.data_may_leave_region is True:
        yield FormProblem(
            path="governance.data_may_leave_region",
            message="true, while governance.data_may_leave_premises is false; data that must stay on your "
            "machines cannot leave the region, expected both false",
        )


def _parts_above_the_whole(form: Form) -> Iterator[FormProblem]:
    whole = form.examples.count
    parts = {
        "success.held_out_examples": form.success.held_out_examples,
        "examples.smallest_class": form.examples.smallest_class,
    }
    for path, part in parts.items():
        if whole is not None and part is not None and part > whole:
            message = f"{part:,} is more than examples.count ({whole:,}), which counts them all"
            yield FormProblem(path=path, message=f"{message}; expected at most {whole:,}")


def _scores_of_what_was_never_tried(form: Form) -> Iterator[FormProblem]:
    for name in Tried.model_fields:
        attempt: Attempt = getattr(form.tried, name)
        if attempt.tried is False and attempt.score is not None:
            yield FormProblem(
                path=f"tried.{name}.score",
                message=f"{attempt.score:g} is given, while tried.{name}.tried is false; "
                "expected no score, or tried: true",
            )


def _facts_at_two_paces(form: Form) -> Iterator[FormProblem]:
    needed, interval = form.knowledge.facts_needed, form.knowledge.change_interval
    if interval is None or needed not in ("fixed", "changing"):
        return
    if (needed == "fixed") != (interval == "never"):
        yield FormProblem(
            path="knowledge.change_interval",
            message=f"{interval}, while knowledge.facts_needed is {needed}; expected never for fixed facts, "
            "and another interval for changing ones",
        )
