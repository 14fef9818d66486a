"""What is wrong with a form, told so that its author can repair it."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from rules.question import Question, questions


class FormProblem(BaseModel):
    """One thing that is wrong, and what was expected instead."""

    model_config = ConfigDict(frozen=True)

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class FormError(ValueError):
    """The form cannot be read; every problem is listed."""

    def __init__(self, problems: tuple[FormProblem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))


def refused_answers(form: type[BaseModel], error: ValidationError) -> tuple[FormProblem, ...]:
    """Return what pydantic refused, in words for people."""
    known = {question.path: question for question in questions(form)}
    problems: list[FormProblem] = []
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        problems += cause.problems if isinstance(cause, FormError) else (_problem(detail, known),)
    return tuple(problems)


def _problem(detail: ErrorDetails, known: dict[str, Question]) -> FormProblem:
    place = _place(detail)
    path = ".".join(place)
    if detail["type"] in ("extra_forbidden", "invalid_key"):
        return FormProblem(path=path, message=f"unknown name; {_nearest(place, known)}")
    if path in known:
        return FormProblem(path=path, message=_refusal(detail["input"], known[path]))
    names = ", ".join(_names_below(path, known))
    return FormProblem(path=path or "form", message=f"expected names with answers: {names}")


def _place(detail: ErrorDetails) -> tuple[str, ...]:
    # Positions in a list are dropped: the refused item is quoted, which says more than its number.
    keys = (key for key in detail["loc"] if not isinstance(key, int) or detail["type"] == "invalid_key")
    return tuple(str(key) for key in keys if key != "[key]")


def _refusal(answer: Any, question: Question) -> str:
    quoted = repr(answer)
    quoted = quoted if len(quoted) <= 60 else quoted[:57] + "..."
    near = get_close_matches(str(answer), question.choices, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"{quoted} is not an answer to this; expected {question.expectation}{hint}"


def _nearest(place: tuple[str, ...], known: dict[str, Question]) -> str:
    *above, name = place
    beside = _names_below(".".join(above), known)
    if near := get_close_matches(name, beside, n=1):
        return f"did you mean {'.'.join((*above, near[0]))}?"
    # The right name in the wrong section is the commonest slip after a typing mistake.
    last_words = {path.rsplit(".", 1)[-1]: path for path in reversed(known)}
    if near := get_close_matches(name, last_words, n=1):
        return f"did you mean {last_words[near[0]]}?"
    return f"expected one of: {', '.join(beside)}"


def _names_below(path: str, known: dict[str, Question]) -> list[str]:
    prefix = f"{path}." if path else ""
    return list(dict.fromkeys(p[len(prefix) :].split(".")[0] for p in known if p.startswith(prefix)))
