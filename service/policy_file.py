"""An organisation's own thresholds, in TOML: each line overrides one threshold of the rules by its name.

minimum_examples = 80
interval_that_outruns_retraining = "monthly"
regions_with_hosted_tuning = ["us"]
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from rules.policy import DEFAULT_POLICY, Policy
from service.refusals import Refusal

_DAY: Final = "as_of"
_THRESHOLDS: Final = MappingProxyType({name: field for name, field in Policy.model_fields.items() if name != _DAY})
_EXAMPLE: Final = "minimum_examples = 80"
_NUMBERS: Final = {int: "a whole number", float: "a number"}
_BOUNDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def read_policy(path: Path | None) -> Policy:
    """The thresholds of a file over the usual ones; without a file, the usual ones.

    `Refusal` names the file and everything that is wrong: unknown names, values that are not allowed, or the first
    contradiction between values that are. An empty file changes nothing.
    """
    if path is None:
        return DEFAULT_POLICY
    overrides = _read(path)
    if problems := [_unknown(name, value) for name, value in overrides.items() if name not in _THRESHOLDS]:
        raise _refusal(path, problems)
    try:
        # TOML has no tuples, and strict reading takes nothing else.
        return Policy.model_validate(
            {name: tuple(value) if isinstance(value, list) else value for name, value in overrides.items()}, strict=True
        )
    except ValidationError as error:
        # Each wrong item of a list is a detail of its own, and all of them get the same words.
        problems = list(dict.fromkeys(_problem(detail, overrides) for detail in error.errors(include_url=False)))
        raise _refusal(path, problems) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file.") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path.name}: not UTF-8; save the file as UTF-8 and try again.") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{path.name}: {error}; expected TOML, lines such as {_EXAMPLE}.") from None


def _refusal(path: Path, problems: Sequence[str]) -> Refusal:
    line = "; ".join(problems)
    return Refusal(f"{path.name}: {line}{'' if line.endswith('?') else '.'}")


def _unknown(name: str, value: Any) -> str:
    if name == _DAY:
        return "as_of may not be set here: it is the day of the assessment, and thresholds hold on every day"
    if isinstance(value, dict):
        return f"[{name}] opens a table; expected lines such as {_EXAMPLE}, outside of tables"
    near = difflib.get_close_matches(name, _THRESHOLDS, n=1, cutoff=0.0)
    return f"{name} is no threshold; did you mean {near[0]}?"


def _problem(detail: ErrorDetails, overrides: dict[str, Any]) -> str:
    if not detail["loc"]:
        # A contradiction: the policy itself says what contradicts what.
        return str(detail.get("ctx", {}).get("error", detail["msg"]))
    name = str(detail["loc"][0])
    return f"{name} is {_quoted(overrides[name])}; expected {_expectation(name)}"


def _quoted(value: Any) -> str:
    # As the file has it: Python would write True, and a date as a call.
    text = repr(value) if isinstance(value, str | list) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= 60 else text[:57] + "..."


def _expectation(name: str) -> str:
    field, usual = _THRESHOLDS[name], getattr(DEFAULT_POLICY, name)
    kind = field.annotation
    if get_origin(kind) is Literal:
        return f"one of: {', '.join(get_args(kind))}"
    if get_origin(kind) is tuple:
        return f"a list of any of: {', '.join(get_args(get_args(kind)[0]))}"
    assert isinstance(kind, type)
    bounds = "".join(f", {bound}" for bound in _bounds(field))
    return f"{_NUMBERS[kind]}{bounds} (usually {usual:g})"


def _bounds(field: FieldInfo) -> Iterator[str]:
    for limit in field.metadata:
        for name, words in _BOUNDS.items():
            if (bound := getattr(limit, name, None)) is not None:
                yield f"{words} {bound:g}"
