"""A service that is open to everyone who can reach it: on loopback, without keys."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.caller import EVERYONE_HERE


class OpenAccess:
    """Middleware: every caller is everyone on this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the caller in `request.state.caller`."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["caller"] = EVERYONE_HERE
        await self.app(scope, receive, send)
