"""Answers in JSON. Nothing is mended: a text that is not whole is a fault, and says which."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from evaluation.answers.text import read_text
from evaluation.answers.unread import Fault, Unread

FENCED: Final = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)```", re.S)
OPENS_AN_OBJECT: Final = re.compile(r'\{\s*(?:["}]|$)')


def read_record(text: str | None) -> dict[str, Any] | Unread:
    """The one JSON object in the text; see `read_json`."""
    value = read_json(text)
    return value if isinstance(value, dict | Unread) else Unread(Fault.NOT_A_RECORD, type(value).__name__)


def read_json(text: str | None) -> Any | Unread:
    """The one JSON value in the text: a list or object at its beginning, or an object anywhere in it. Where there are
    fenced blocks (```) with JSON, what stands around them is not read.

    An object that is cut off, that gives a field twice or that holds NaN is a fault, even where an object inside it is
    whole; so are two that differ. Braces in prose and Python's single quotes are no JSON.
    """
    spoken = read_text(text)
    if isinstance(spoken, Unread):
        return spoken
    fenced = [block.strip() for block in FENCED.findall(spoken) if block.strip()[:1] in ("{", "[")]
    found: list[Any] = []
    for part in fenced or [spoken]:
        values = _values_in(part)
        if isinstance(values, Unread):
            return values
        found += values
    if not found:
        return Unread(Fault.NOT_JSON)
    # Compared as text, since 1 == 1.0 == True.
    differ = len({json.dumps(value, sort_keys=True) for value in found}) > 1
    return Unread(Fault.SEVERAL_RECORDS, f"{len(found)} values") if differ else found[0]


class _RepeatedKey(ValueError):
    pass


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise _RepeatedKey(next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number])))
    return record


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)


def _values_in(text: str) -> list[Any] | Unread:
    """Every outermost object, and a list at the beginning; the first broken one ends the search."""
    found: list[Any] = []
    position = depth = 0
    while True:
        if position == 0 and text.startswith("["):
            start = 0
        else:
            brace = re.compile(r"[{}]").search(text, position)
            if brace is None:
                return found
            start = brace.start()
            # Inside braces that are no JSON, whole objects may stand that are not the answer.
            if brace.group() == "}" or depth or not OPENS_AN_OBJECT.match(text, start):
                depth = max(0, depth + (1 if brace.group() == "{" else -1))
                position = start + 1
                continue
        decoded = _decoded(text, start)
        if not isinstance(decoded, Unread):
            value, position = decoded
            found.append(value)
        elif text[start] == "[" and decoded.fault is Fault.NOT_JSON:
            position = 1  # "[Note] {...}"
        else:
            return decoded


def _decoded(text: str, start: int) -> tuple[Any, int] | Unread:
    """The value that starts here, and where it ends."""
    try:
        value, end = DECODER.raw_decode(text, start)
    except _RepeatedKey as error:
        return Unread(Fault.REPEATED_KEY, repr(str(error)))
    except json.JSONDecodeError as error:
        cut_off = error.msg.startswith("Unterminated string") or _is_begun(text[error.pos :])
        return Unread(Fault.CUT_OFF if cut_off else Fault.NOT_JSON, f"character {error.pos + 1}")
    except (ValueError, RecursionError) as error:
        return Unread(Fault.NOT_JSON, str(error).splitlines()[0])
    return value, end


def _is_begun(rest: str) -> bool:
    """Whether the text ended where a value could go on."""
    return any(word.startswith(rest.strip()) for word in ("true", "false", "null", "-"))
