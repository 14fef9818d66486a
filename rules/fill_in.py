"""Answers that need not be asked, because somebody has written them down already."""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import Any

from pydantic import BaseModel, ConfigDict

from rules.form import Form
from rules.known_model import Announced, KnownModel
from rules.material import Material


class FilledIn(BaseModel):
    """A question that was answered for the team, and from where."""

    model_config = ConfigDict(frozen=True)

    field: str
    answer: date | int | str
    source: str
    seen_on: date | None = None


def filled_in_from_model(form: Form, model: KnownModel | None) -> tuple[FilledIn, ...]:
    """Return the dates of the named model that the form leaves open. What the team answered stays."""
    if model is None:
        return ()
    announced = {"operations.model_retires_on": model.retires, "operations.tuning_ends_on": model.tuning_ends}
    return tuple(_answer(path, day) for path, day in announced.items() if day and attrgetter(path)(form) is None)


def filled_in_from_material(material: Material | None) -> tuple[FilledIn, ...]:
    """Return how many examples a file holds, which stands above what anybody remembers."""
    if material is None or material.examples is None:
        return ()
    source, tested = f"counted in {material.source}", material.test_examples or 0
    counted = FilledIn(field="examples.count", answer=material.examples + tested, source=source)
    held_out = FilledIn(field="success.held_out_examples", answer=tested, source=source)
    return (counted, held_out) if tested else (counted,)


def fill_in(form: Form, answers: tuple[FilledIn, ...]) -> Form:
    """Return the form with these answers in it."""
    sections: dict[str, dict[str, Any]] = {}
    for answer in answers:
        section, name = answer.field.split(".")
        sections.setdefault(section, {})[name] = answer.answer
    return form.model_copy(update={name: _section(form, name, values) for name, values in sections.items()})


def _section(form: Form, name: str, values: Mapping[str, Any]) -> BaseModel:
    section: BaseModel = getattr(form, name)
    return section.model_copy(update=values)


def _answer(path: str, announced: Announced) -> FilledIn:
    return FilledIn(field=path, answer=announced.day, source=announced.source, seen_on=announced.seen_on)
