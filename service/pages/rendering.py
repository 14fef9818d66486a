"""Templates into responses: the one place where a page is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from evaluation.numbers import percent
from service.access.caller import Role
from service.storage.comparisons import Status

FOLDER: Final = Path(__file__).parent
VERDICTS: Final = {
    "fine_tune": "Fine-tune",
    "keep": "Keep the cheaper way",
    "provisional": "Provisional",
    "no_comparison": "No comparison",
}
STATUSES: Final = {
    Status.QUEUED: "In the queue",
    Status.RUNNING: "Running",
    Status.AWAITING_APPROVAL: "Waits for approval",
    Status.FINISHED: "Finished",
    Status.BLOCKED: "Blocked by the audit",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}
Crumbs = Sequence[tuple[str, str | None]]
"""Titles and addresses on the way here; the last has none."""


def page(
    request: Request, template: str, title: str, crumbs: Crumbs = (), status: int = 200, **context: Any
) -> HTMLResponse:
    """A whole page, for the caller who asks."""
    return _response(request, template, status, title=title, crumbs=crumbs, **context)


def fragment(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A part of a page, for htmx."""
    return _response(request, template, status, **context)


def text_of(request: Request, template: str, **context: Any) -> str:
    """The same part as text, for a stream."""
    return _environment().get_template(template).render(**_standing(request), **context)


def is_partial(request: Request) -> bool:
    """Whether htmx asks, and only a part of the page is wanted."""
    return request.headers.get("HX-Request") == "true"


def _response(request: Request, template: str, status: int, **context: Any) -> HTMLResponse:
    return HTMLResponse(text_of(request, template, **context), status, {"Vary": "HX-Request, Accept"})


def _standing(request: Request) -> dict[str, Any]:
    """What every template may use."""
    caller = getattr(request.state, "caller", None)
    return {
        "caller": caller,
        "may_edit": caller is not None and caller.role.includes(Role.EDITOR),
        "form_token": getattr(request.state, "form_token", ""),
    }


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = percent
    made.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    made.filters["when"] = _when
    made.filters["minutes"] = in_minutes
    made.globals["VERDICTS"], made.globals["STATUSES"] = VERDICTS, STATUSES
    return made


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def in_minutes(minutes: float) -> str:
    """0.4 -> 'less than a minute'; 3.2 -> 'about 4 minutes'; 130 -> 'about 2 hours 10 minutes'."""
    if minutes < 1:
        return "less than a minute"
    whole = int(-(-minutes // 1))
    hours, rest = divmod(whole, 60)
    parts = [f"{hours} hour{'s' * (hours > 1)}"] * bool(hours) + [f"{rest} minute{'s' * (rest > 1)}"] * bool(rest)
    return f"about {' '.join(parts)}"
