"""Problems as pages, for whoever looks with a browser; programs keep getting problem details."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response

from service.pages.rendering import fragment, is_partial, page
from service.problems import MEDIA_TYPE

NOT_PAGES: Final = ("/v1/", "/static/", "/healthz", "/readyz", "/metrics", "/openapi.json")
WHAT_TO_DO: Final = {
    401: "Sign in and try again.",
    403: "Ask whoever runs this service for a key that may do it.",
    404: "It may have been deleted, or the address has a typing mistake. The start page lists everything.",
    409: "Go back, reload the page and look at how things stand now.",
    500: "Nothing of yours was lost. Try again; if it happens again, tell whoever runs this service the request id.",
    503: "Wait a moment and try again.",
}
Answer = Callable[[Request, Exception], Awaitable[Response]]


def add_error_pages(app: FastAPI) -> None:
    """Dress every problem that is there by now for browsers."""
    for kind, answer in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _dressed(answer)  # type: ignore[arg-type]


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(NOT_PAGES)


def _dressed(answer: Answer) -> Answer:
    async def dressed(request: Request, error: Exception) -> Response:
        plain = await answer(request, error)
        if not wants_page(request) or not plain.headers.get("content-type", "").startswith(MEDIA_TYPE):
            return plain
        shown = _shown(request, plain.status_code, json.loads(bytes(plain.body)))
        for name, value in plain.headers.items():
            if name not in ("content-type", "content-length"):
                shown.headers[name] = value
        return shown

    return dressed


def _shown(request: Request, status: int, problem: dict[str, Any]) -> HTMLResponse:
    told = {"problem": problem, "what_to_do": WHAT_TO_DO.get(status, "Go back, correct it and send it again.")}
    if not is_partial(request):
        return page(request, "error.html", problem["title"], [("Start", "/"), (problem["title"], None)], status, **told)
    part = fragment(request, "problem.html", status, **told)
    # Whatever was asked for stays as it is; the problem is told above the page.
    part.headers["HX-Retarget"], part.headers["HX-Reswap"] = "#messages", "innerHTML"
    return part
