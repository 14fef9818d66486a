"""Followers who leave while an event is on its way to them."""

from __future__ import annotations

from anyio import BrokenResourceError
from starlette.types import ASGIApp, Receive, Scope, Send


class GoneFollowers:
    """Middleware: FastAPI's event streams end with an error when their reader is gone and an event was being handed
    over; nobody is left who could be told of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let that one error pass."""
        try:
            await self.app(scope, receive, send)
        except* BrokenResourceError:
            pass
