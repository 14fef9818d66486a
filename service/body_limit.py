"""Bodies that say themselves that they are too large, refused as everything else is."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import UploadTooLarge
from service.problems import problem_response


class BodyLimit:
    """Middleware outside of Starlette's own limit, which answers in plain text. That one counts, and so catches the
    bodies that state no length, or a wrong one."""

    def __init__(self, app: ASGIApp, most: int, told: int) -> None:
        self.app, self._most, self._told = app, most, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 413 before anything of its body is read."""
        if scope["type"] == "http" and _stated(Headers(scope=scope)) > self._most:
            await problem_response(UploadTooLarge(self._told), scope["state"]["request_id"])(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _stated(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length[:20]) if length.isascii() and length.isdecimal() else 0
