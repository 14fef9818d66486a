"""One question of the form, read from the pydantic field that holds its answer."""

from collections.abc import Iterator
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

QuestionKind = Literal["text", "choice", "choices", "yes_no", "whole_number", "number", "share", "date"]

MOST: Final = 1_000_000_000
"""The largest number a form may hold: beyond it lies a typing mistake, and rules must try a largest."""

_PLAIN_KINDS: Final[dict[Any, QuestionKind]] = {
    str: "text",
    bool: "yes_no",
    int: "whole_number",
    float: "number",
}


class Section(BaseModel):
    """A group of questions; every answer may be left out."""

    # Strict, because a form that turns 1 into true or "12" into 12 hides a misunderstanding.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, str_strip_whitespace=True)


class Question(BaseModel):
    """One question as a page or a blank form shows it."""

    model_config = ConfigDict(frozen=True)

    path: str
    title: str
    help: str
    kind: QuestionKind
    unit: str | None
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    source: tuple[str, ...]

    @property
    def expectation(self) -> str:
        """What an answer must look like, to finish the sentence `expected ...`."""
        listed = ", ".join(self.choices)
        return {
            "text": f"a text{self._length}",
            "choice": f"one of: {listed}",
            "choices": f"a list of any of: {listed}",
            "yes_no": "true or false",
            "whole_number": f"a whole number{self._bounds}",
            "number": f"a number{self._bounds}",
            "share": "a number from 0 to 1 (81 % is 0.81)",
            "date": f"a date such as 2027-01-31, or {listed}",
        }[self.kind]

    @property
    def _bounds(self) -> str:
        if self.maximum in (None, MOST):
            return "" if self.minimum is None else f", {self.minimum:,.0f} or more"
        return f" from {self.minimum or 0:,.0f} to {self.maximum:,.0f}"

    @property
    def _length(self) -> str:
        if self.unit:
            return f" of {self.unit}"
        return "" if self.maximum is None else f" of at most {self.maximum:,.0f} characters"


def question(title: str, help: str, *source: str, unit: str | None = None, **limits: Any) -> Any:
    """Declare one question: its words, where the question comes from, and the limits of its answer."""
    words: JsonDict = {"unit": unit, "source": list(source)}
    return Field(default=None, title=title, description=help, json_schema_extra=words, **limits)


def share(title: str, help: str, *source: str) -> Any:
    """Declare a question whose answer is a part of the whole, from 0 to 1."""
    return question(title, help, *source, unit="0 to 1", ge=0, le=1)


def how_many(title: str, help: str, *source: str, unit: str) -> Any:
    """Declare a question that asks how many."""
    return question(title, help, *source, unit=unit, ge=0, le=MOST)


def questions(section: type[BaseModel], path: str = "", context: str = "") -> Iterator[Question]:
    """Yield every question below a section, in the order of the form."""
    for name, field in section.model_fields.items():
        here = f"{path}.{name}" if path else name
        kind = _bare(field.annotation)
        if isinstance(kind, type) and issubclass(kind, Section):
            # Questions inside a tried method share their words; the method's name sets them apart.
            inner = f"{field.title}: " if path else ""
            yield from questions(kind, here, context + inner)
        else:
            yield _question(here, field, kind, context)


def _question(path: str, field: FieldInfo, kind: Any, context: str) -> Question:
    words: Any = field.json_schema_extra  # as question() wrote it
    choices = _choices(kind)
    minimum, maximum = _limit(field, "ge"), _limit(field, "le", "max_length")
    plain = "date" if date in get_args(kind) else _PLAIN_KINDS.get(kind)
    if plain == "number" and (minimum, maximum) == (0, 1):
        plain = "share"
    return Question(
        path=path,
        title=context + (field.title or ""),
        help=field.description or "",
        kind=plain or ("choices" if get_origin(kind) is tuple else "choice"),
        unit=words["unit"],
        choices=choices,
        minimum=minimum,
        maximum=maximum,
        source=tuple(words["source"]),
    )


def _bare(annotation: Any) -> Any:
    """Strip `| None` and `Annotated` from a field's type."""
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    # A tuple holds choices; a union of a date and a choice holds one beside the date.
    return next((get_args(part) for part in get_args(kind) if get_origin(part) is Literal), ())


def _limit(field: FieldInfo, *names: str) -> float | None:
    found = (getattr(rule, name) for rule in field.metadata for name in names if hasattr(rule, name))
    return next(found, None)
