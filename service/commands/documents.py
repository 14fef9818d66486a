"""Reads the YAML and JSON files that people write: forms and label descriptions."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rules.form import Form, FormError
from service.refusals import Refusal


def read_form(path: Path) -> Form:
    """An answered form; `Refusal` names the file and every wrong answer."""
    document = read_document(path, "the form's sections, such as task: and examples:")
    try:
        return Form.parse(document)
    except FormError as error:
        raise Refusal(f"{path.name}: {error}") from None


def read_label_descriptions(path: Path, labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of label and sentence, in the file's order; a label that no example has is refused."""
    document = read_document(path, "a sentence for each label, such as Billing: a question about a charge")
    for label, sentence in document.items():
        if str(label) not in labels:
            near = difflib.get_close_matches(str(label), labels, n=1, cutoff=0.0)
            raise Refusal(f"{path.name}: no example has the label {label!r}; did you mean {near[0]!r}?")
        if not isinstance(sentence, str) or not sentence.strip():
            raise Refusal(f"{path.name}: the label {label!r} has no sentence; expected text after the colon.")
    return tuple((str(label), sentence) for label, sentence in document.items())


def read_document(path: Path, expected: str) -> dict[str, Any]:
    """A YAML or JSON file that holds a mapping; `Refusal` says where it does not, and what was `expected`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file.") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path.name}: not UTF-8; save the file as UTF-8 and try again.") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}.") from None
    try:
        # JSON is YAML as far as forms and labels go.
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise Refusal(f"{path.name}{where}: {problem}; expected YAML or JSON with {expected}.") from None
    if not isinstance(document, dict):
        raise Refusal(f"{path.name}: expected {expected}; found {'nothing' if document is None else 'something else'}.")
    return document
