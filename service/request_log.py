"""One line and one measurement for every request, by the template of its route."""

from __future__ import annotations

import json
import logging
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import AdvisorError
from service.logs import facts
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, TYPE_PREFIX

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
NO_ROUTE, OTHER_METHOD = "none", "other"
"""What takes the place of whatever a caller made up."""
ASKED_BY_MACHINES: Final = ("/healthz", "/readyz", "/metrics")

logger = logging.getLogger(__name__)


class RequestLog:
    """Middleware inside `RequestId`. A request for what machines ask every few seconds is logged only if it fails."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure until the last byte is sent: an event stream takes as long as somebody follows."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, answer = time.perf_counter(), _Answer(send)
        try:
            await self.app(scope, receive, answer.send)
        except Exception:
            answer.problem = AdvisorError.type
            raise
        finally:
            self._tell(scope, answer, time.perf_counter() - begun)

    def _tell(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        self._metrics.answered(method, route, answer.status, seconds, answer.problem)
        told = facts(
            request=scope["state"]["request_id"], method=method, route=route, status=answer.status,
            ms=round(seconds * 1000, 1), problem=answer.problem,
        )  # fmt: skip
        quiet = answer.status < 400 and route in ASKED_BY_MACHINES
        logger.log(logging.DEBUG if quiet else logging.INFO, "request", extra=told)


class _Answer:
    """What is sent: its status, and the type of the problem if it is one, whoever answered it."""

    def __init__(self, send: Send) -> None:
        self._send, self._is_problem = send, False
        self.status = 500
        self.problem: str | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._is_problem = Headers(raw=message["headers"]).get("content-type", "") == MEDIA_TYPE
        elif self._is_problem and message.get("body"):
            self.problem = str(json.loads(message["body"])["type"]).removeprefix(TYPE_PREFIX)
        await self._send(message)
