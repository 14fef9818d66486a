"""The form on a page: each question as a field, and what a browser sent as answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData

from rules.choices import in_words
from rules.question import Question
from rules.questionnaire import questionnaire, questions_by_path

NONE_OF_THESE: Final = "none"
"""An empty list, which is an answer; nothing ticked is none."""
Typed = Mapping[str, Sequence[str]]
"""Texts by the path of their question, as fields hold them; without an answer the list is empty."""


@dataclass(frozen=True)
class Field:
    """One question, what its field holds, and what is wrong with that."""

    question: Question
    typed: Sequence[str]
    problem: str | None

    @property
    def id(self) -> str:
        """Of the element."""
        return self.question.path.replace(".", "-")

    @property
    def text(self) -> str:
        """Of a field with one line."""
        return next(iter(self.typed), "")

    @property
    def options(self) -> list[tuple[str, str]]:
        """Choices and their words."""
        words = ((choice, in_words([choice])) for choice in self.question.choices)
        return [(choice, text[:1].upper() + text[1:]) for choice, text in words]


@dataclass(frozen=True)
class FieldGroup:
    """A section of the form."""

    name: str
    title: str
    help: str
    fields: Sequence[Field]

    @property
    def answered(self) -> int:
        """How many of its questions have an answer."""
        return sum(bool(field.typed) for field in self.fields)


def groups(typed: Typed, problems: Mapping[str, str]) -> list[FieldGroup]:
    """Every section with these answers."""
    return [
        FieldGroup(
            section.name, section.title, section.help,
            [field_of(question.path, typed, problems) for question in section.fields],
        )
        for section in questionnaire().sections
    ]  # fmt: skip


def field_of(path: str, typed: Typed, problems: Mapping[str, str]) -> Field:
    """One question's field."""
    return Field(questions_by_path()[path], typed.get(path, ()), problems.get(path))


def typed_in(form: FormData) -> dict[str, list[str]]:
    """What the browser sent, without blanks."""
    return {path: [str(text).strip() for text in form.getlist(path) if str(text).strip()] for path in _paths()}


def typed_of(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """A stored form as fields show it."""
    return {path: _shown(_at(document, path.split("."))) for path in _paths()}


def patch_of(typed: Typed, paths: Iterable[str]) -> dict[str, Any]:
    """The answers to these questions as a JSON merge patch; null takes an answer back. What cannot be read stays as it
    was typed, so that the rules say what they expected."""
    patch: dict[str, Any] = {}
    for path in paths:
        *sections, name = path.split(".")
        inner = patch
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = _read(questions_by_path()[path], typed.get(path, ()))
    return patch


def _read(question: Question, typed: Sequence[str]) -> Any:
    if not typed:
        return None
    if question.kind == "choices":
        return [] if list(typed) == [NONE_OF_THESE] else list(typed)
    if len(typed) > 1:
        return " and ".join(typed)  # of which only one can be true
    read = _READERS.get(question.kind)
    try:
        return read(typed[0]) if read else typed[0]
    except (ValueError, KeyError):
        return typed[0]


def _share(text: str) -> float:
    return round(float(text[:-1]) / 100, 12) if text.endswith("%") else float(text)


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "whole_number": int,
    "number": float,
    "share": _share,
    "yes_no": {"true": True, "false": False}.__getitem__,
}


def _shown(answer: Any) -> list[str]:
    if answer is None:
        return []
    if isinstance(answer, bool):
        return ["true" if answer else "false"]
    if isinstance(answer, list):
        return answer or [NONE_OF_THESE]
    return [format(answer, ".12g") if isinstance(answer, float) else str(answer)]


def _at(document: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _paths() -> Iterable[str]:
    return questions_by_path()
