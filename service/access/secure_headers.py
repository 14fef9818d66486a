"""What every response tells a browser about how little it may do with it."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.entrance import STATIC

CSP: Final = "Content-Security-Policy"
PAGES: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'"
)
ONE_FILE: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
"""Of the memo in one file: all that it shows is in it, and it runs nothing. In its sandbox it belongs to no site, so
that not even a flaw in it could ask this service for anything."""
ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_STORE: Final = "no-store"
NO_CACHE: Final = "no-cache"


class SecureHeaders:
    """Middleware around everything, also around what answers for errors and bodies that are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add to each response what it does not state itself."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                _secure(MutableHeaders(scope=message), path)
            await send(message)

        await self.app(scope, receive, send_secured)


def _secure(headers: MutableHeaders, path: str) -> None:
    for name, value in ALWAYS.items():
        headers[name] = value
    headers.setdefault(CSP, PAGES)
    # From a page with no-referrer browsers send forms with `Origin: null`: nothing would prove where they come from.
    page = headers.get("content-type", "").startswith("text/html")
    headers["Referrer-Policy"] = "same-origin" if page else "no-referrer"
    # After an upgrade pages and their scripts must fit: a copy is used only when it is still the same.
    headers["Cache-Control"] = NO_CACHE if path.startswith(STATIC) else NO_STORE
