"""What the service says while it runs: one line for each event, for people to read or as JSON for programs.

Nothing of a user is said: no row, no question, no path or query of a request, no key. Of an exception the kind and the
places are told and never the message, which may quote a text.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final, Literal

Form = Literal["text", "json"]
OTHERS: Final = logging.WARNING
"""Libraries speak up from here on."""
OUR_LEVELS: Final = {"service": logging.INFO, "uvicorn.error": logging.INFO, "dbos": logging.WARNING}
EXPECTED: Final = ("DBOSWorkflowCancelledError", "DBOSAwaitedWorkflowCancelledError")
"""Ends of work that somebody asked for; DBOS reports them as errors, with a trace."""


def facts(**told: Any) -> dict[str, Any]:
    """The argument `extra` of a line that says more than its event: ids, counts, seconds, names of ours."""
    return {"facts": {name: value for name, value in told.items() if value is not None}}


def set_up_logs(form: Form) -> None:
    """Send all lines of this process to standard error in one form. For `advisor serve` and `advisor worker`."""
    said = logging.StreamHandler(sys.stderr)
    said.setFormatter(JsonLines() if form == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [said]
    root.setLevel(OTHERS)
    for name, level in OUR_LEVELS.items():
        logging.getLogger(name).setLevel(level)
    dbos = logging.getLogger("dbos")
    dbos.handlers[:] = [logging.NullHandler()]  # with none at all it would make one of its own
    dbos.addFilter(_is_news)
    logging.captureWarnings(True)


class Lines(logging.Formatter):
    """`2026-01-05 09:30:00 INFO trial finished: comparison=... seconds=2.1`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the places of an exception below it."""
        at = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        told = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        line = f"{at} {record.levelname} {_event(record)}" + (f": {told}" if told else "")
        error = _error(record)
        if error is None:
            return line
        places = "".join(f"\n    {place}" for place in error["places"])
        return f"{line} ({error['kind']}){places}"


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `source`, `event`, then the event's facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        document = {"at": at, "level": record.levelname.lower(), "source": record.name, "event": _event(record)}
        error = _error(record)
        return json.dumps({**document, **_facts(record), **({"error": error} if error else {})}, default=str)


def _event(record: logging.LogRecord) -> str:
    return " ".join(record.getMessage().split())


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = getattr(record, "facts", {})
    return told


def _error(record: logging.LogRecord) -> dict[str, Any] | None:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "kind": type(error).__name__,
        "places": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _is_news(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return type(error).__name__ not in EXPECTED
