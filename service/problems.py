"""Errors as RFC 9457 problem details: the one place that turns a failure into a response."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from service.errors import (
    AdvisorError,
    MediaTypeRefused,
    NotReady,
    NotSignedIn,
    Place,
    RequestRefused,
    TooManyRequests,
    UploadTooLarge,
)
from service.request_id import HEADER

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:problem-type:advisor:"
LOGGED = "The advisor has logged what happened under request {}."
HTTP_TYPES = {400: "malformed-body", 404: "no-such-path", 405: "method-not-allowed"}
IN_FRAGMENT = "!$&'()*+,;=:@?"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

logger = logging.getLogger(__name__)


class ProblemPlace(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str | None = Field(None, description="JSON pointer into the body, as a URI fragment: #/form/task/kind")
    parameter: str | None = Field(None, description="Name of the query parameter, where it is not in the body.")
    detail: str = Field(description="What is wrong there, in a sentence.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description=f"Stable and machine-readable, always {TYPE_PREFIX}NAME.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The HTTP status, repeated.")
    detail: str = Field(description="What happened this time.")
    request_id: str = Field(description=f"Also in the header {HEADER} and in the log.")
    errors: list[ProblemPlace] | None = Field(None, description="Every place that is wrong, where it is known.")


def add_problem_handlers(app: FastAPI) -> None:
    """Render our errors, FastAPI's, Starlette's and the unexpected ones alike."""
    app.add_exception_handler(AdvisorError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route documents about its failures, for the argument `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def pointer(parts: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) as a URI fragment: ["task", "a/b c"] is #/task/a~1b%20c."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "#" + "".join("/" + quote(part, safe=IN_FRAGMENT, errors="backslashreplace") for part in escaped)


def problem(error: AdvisorError, request_id: str) -> Problem:
    """What a caller is told about one of our errors; what is wrong on our side stays in the log."""
    detail = str(error) if error.status < 500 or isinstance(error, NotReady) else LOGGED.format(request_id)
    return _problem(error.status, error.type, error.title, detail, request_id, error.places)


def problem_response(error: AdvisorError, request_id: str) -> Response:
    """One of our errors as an answer; what is wrong on our side is logged."""
    if error.status >= 500:
        logger.error("request %s: %s: %s", request_id, type(error).__name__, error)
    headers = {"Retry-After": "1"} if error.status == 503 else {}
    if isinstance(error, MediaTypeRefused):
        headers["Accept"] = ", ".join(error.accepted)
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.seconds)
    return _response(problem(error, request_id), headers)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, AdvisorError)
    return problem_response(error, request.state.request_id)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        syntax = json.JSONDecodeError(first["ctx"]["error"], str(error.body), first["loc"][1])
        request_id = request.state.request_id
        return _response(_problem(400, HTTP_TYPES[400], "The body is not JSON", str(syntax), request_id))
    refused = RequestRefused([_place(problem) for problem in error.errors()])
    return await _ours(request, refused)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 413:
        return await _ours(request, UploadTooLarge(request.app.state.settings.upload_bytes))
    title = HTTPStatus(error.status_code).phrase
    kind = HTTP_TYPES.get(error.status_code, "refused")
    detail = f"{request.method} {request.url.path}" if error.detail == title else str(error.detail)
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
    return _response(_problem(error.status_code, kind, title, detail, request.state.request_id), headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    """The traceback goes to the log; the caller gets the name to look it up by."""
    request_id = request.state.request_id
    logger.error("request %s failed", request_id, exc_info=error)
    return _response(problem(AdvisorError(), request_id))


def _allowed(request: Request) -> str:
    """Every method of the path: Starlette names only those of the first route that it finds there."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    routes = request.app.routes
    return ", ".join(
        method for method, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )


def _place(problem: Mapping[str, Any]) -> Place:
    where, *parts = problem["loc"]
    if where == "body":
        return Place(problem["msg"], pointer=pointer(parts))
    return Place(problem["msg"], parameter=str(parts[0]) if parts else str(where))


def _problem(status: int, kind: str, title: str, detail: str, request_id: str, places: Sequence[Place] = ()) -> Problem:
    errors = [ProblemPlace(pointer=at.pointer, parameter=at.parameter, detail=at.detail) for at in places]
    return Problem(
        type=TYPE_PREFIX + kind,
        title=title,
        status=status,
        detail=detail,
        request_id=request_id,
        errors=errors or None,
    )


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    # ASCII, because a message may quote text that UTF-8 cannot hold.
    body = json.dumps(problem.model_dump(exclude_none=True))
    named = {HEADER: problem.request_id, **(headers or {})}
    return Response(body, problem.status, named, media_type=MEDIA_TYPE)
