"""The form as a commented YAML file: to fill in by hand, and where the terminal's questions keep their answers."""

from __future__ import annotations

import contextlib
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from rules.form import Form
from rules.question import Question
from rules.questionnaire import questionnaire, questions_by_path
from service.refusals import Refusal

_WIDTH: Final = 100
_ROOM: Final = _WIDTH - 20
"""YAML's emitter breaks a line only once it has become too long."""
_ENDLESS: Final = float("inf")
_INDENT: Final = "  "
_HEADING: Final = (
    "The form of the adaptation advisor, version {version}: what a team tells about its task.",
    "Write an answer after each colon. Every answer may be left out: what nobody knows yet stays empty, and the "
    "assessment tells which open answer matters most.",
    "Then run: advisor assess FILE",
)
_CHARACTER: Final = re.compile(r"\\x..|\\u.{4}|\\U.{8}|\\.|.")
"""One character inside double quotes, escaped or not."""


def to_yaml(form: Form) -> str:
    """The whole form: every question as a comment, then its answer, empty where it is open.

    `read_form` gives an equal form back.
    """
    lines = list(_comment("\n".join(_HEADING).format(version=questionnaire().version), ""))
    for section in questionnaire().sections:
        lines += ["", "", *_comment(f"=== {section.title} ===\n{section.help}", ""), f"{section.name}:"]
        lines += _answers(getattr(form, section.name), section.name)
    return "\n".join(lines) + "\n"


def write_form(path: Path, form: Form) -> None:
    """Write the form beside the target, then rename: a stop in between leaves the old file. May raise `Refusal`."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(to_yaml(form), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}; name another file with --out.") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def _answers(section: BaseModel, path: str) -> Iterator[str]:
    indent = _INDENT * (path.count(".") + 1)
    for name in type(section).model_fields:
        here, answer = f"{path}.{name}", getattr(section, name)
        yield ""
        if isinstance(answer, BaseModel):
            yield f"{indent}{name}:"
            yield from _answers(answer, here)
        else:
            yield from _comment(_words(questions_by_path()[here]), indent)
            yield from _answer(name, answer, indent)


def _words(question: Question) -> str:
    # Some expectations name the unit already.
    named = question.unit is None or question.unit in question.expectation
    unit = "" if named else f" Unit: {question.unit}."
    return (
        f"{question.title}\n{question.help}\n"
        f"Expected: {question.expectation}.{unit} Source: {', '.join(question.source)}."
    )


def _comment(text: str, indent: str) -> Iterator[str]:
    for paragraph in text.split("\n"):
        lead = f"{indent}# "
        # Words such as not_announced and 2027-01-31 stay whole.
        yield from textwrap.wrap(paragraph, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False)


def _answer(name: str, answer: Any, indent: str) -> Iterator[str]:
    if answer is None:
        yield f"{indent}{name}:"
        return
    lines = _listed(name, answer) if isinstance(answer, tuple) else _plain(name, answer)
    if any(len(indent + line) > _WIDTH for line in lines) or _changed(name, answer, lines):
        lines = list(_broken(name, answer))
    yield from (indent + line if line else line for line in lines)


def _listed(name: str, answer: tuple[str, ...]) -> list[str]:
    line = f"{name}: {yaml.safe_dump(list(answer), default_flow_style=True, width=_ENDLESS)}"
    return textwrap.wrap(line, _ROOM, subsequent_indent=_INDENT, break_on_hyphens=False)


def _plain(name: str, answer: Any) -> list[str]:
    return yaml.safe_dump({name: answer}, allow_unicode=True, width=_ROOM).removesuffix("\n").split("\n")


def _changed(name: str, answer: Any, lines: list[str]) -> bool:
    # Rare line breaks (U+0085, say) come back from the emitter as others.
    return isinstance(answer, str) and yaml.safe_load("\n".join(lines)) != {name: answer}


def _broken(name: str, answer: str) -> Iterator[str]:
    """A text in double quotes, broken anywhere: a backslash at the end of a line joins it with the next."""
    quoted = yaml.safe_dump(answer, allow_unicode=True, default_style='"', width=_ENDLESS).strip()
    *characters, closing = _CHARACTER.findall(quoted)
    line = f"{name}: "
    for character in characters:
        if len(line) + len(character) > _ROOM:
            yield f"{line}\\"
            # A space that begins a line would be taken for indentation.
            line = _INDENT + ("\\" if character == " " else "")
        line += character
    yield line + closing
