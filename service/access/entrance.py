"""Every request passes here before anything else looks at it: who is asking, how often, and from which page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.caller import EVERYONE_HERE, Caller
from service.access.credentials import form_token
from service.access.holders import Holders
from service.access.openness import Openness
from service.access.origin import SAFE, refuse_other_sites, refuse_strange_hosts, refuse_without_proof
from service.access.rate_limit import RateLimit
from service.access.session_ended import sent_in_vain
from service.errors import AdvisorError, NotAllowed, NotSignedIn
from service.problems import problem_response
from service.settings import Settings, is_loopback
from service.storage.database import Database

UNGUARDED: Final = ("/healthz", "/readyz")
"""For whoever watches the process: no key, no limit."""
STATIC: Final = "/static/"
SIGN_IN: Final = "/sign-in"
API: Final = "/v1/"
COOKIE: Final = "advisor_session"
EVENTS: Final = "text/event-stream"


class Access:
    """What the entrance goes by."""

    def __init__(self, settings: Settings, database: Database, *, is_open: bool) -> None:
        self.holders = Holders(database)
        self.openness = Openness(database, is_open=is_open)
        self.rate = RateLimit(settings.requests_per_minute)

    def keys_changed(self) -> None:
        """A key was made or revoked in this process: from now on it counts."""
        self.holders.forget()
        self.openness.close()


class Entrance:
    """Middleware: `request.state.caller` and `request.state.form_token`, or a refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 401, 403 or 429."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or scope["path"] in UNGUARDED or scope["path"].startswith(STATIC):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        request.state.form_token = ""
        try:
            still = await _admit(request)
        except NotSignedIn as error:
            answer = await _ask_for_key(Request(scope, receive), error)
            await answer(scope, receive, send)
        except AdvisorError as error:
            await problem_response(error, request.state.request_id)(scope, receive, send)
        else:
            await self.app(scope, receive, send if still is None else _while_it_holds(still, send))


Still = Callable[[], Awaitable[Caller | None]]


async def _admit(request: Request) -> Still | None:
    """Name the caller. Returns how to ask whether the key still holds, or None where there is none."""
    access: Access = request.app.state.access
    address = request.client.host if request.client is not None else "local"
    if "authorization" in request.headers:
        return await _by_key(request, access, address)
    if await access.openness.is_open():
        _everyone_here(request, access, address)
        return None
    session = request.cookies.get(COOKIE)
    caller = await access.holders.of_session(session) if session is not None else None
    if session is None or caller is None:
        access.rate.count(f"address {address}")
        if request.url.path != SIGN_IN:
            raise NotSignedIn("send a key: Authorization: Bearer KEY; in a browser, sign in with one at /sign-in")
        if request.method not in SAFE:
            refuse_other_sites(request.headers)
        return None
    access.rate.count(f"key {caller.key}")
    request.state.caller, request.state.form_token = caller, form_token(session)
    if request.method not in SAFE:
        refuse_without_proof(request.headers, request.state.form_token)
    return partial(access.holders.of_session, session)


async def _by_key(request: Request, access: Access, address: str) -> Still:
    """Whoever guesses is counted by address, and before the database is asked."""
    scheme, _, key = request.headers["authorization"].partition(" ")
    key = key.strip()
    if not access.holders.is_known(key):
        access.rate.check(f"address {address}")
    caller = await access.holders.of_key(key) if scheme.lower() == "bearer" else None
    if caller is None:
        access.rate.count(f"address {address}")
        raise NotSignedIn("this key is unknown or was revoked; expected Authorization: Bearer KEY")
    access.rate.count(f"key {caller.key}")
    request.state.caller = caller
    return partial(access.holders.of_key, key)


def _everyone_here(request: Request, access: Access, address: str) -> None:
    access.rate.count(f"address {address}")
    refuse_strange_hosts(request.headers)
    if request.client is not None and not is_loopback(address):
        raise NotAllowed("without keys the advisor answers this machine only, and not through a proxy; make a key")
    if request.method not in SAFE:
        refuse_other_sites(request.headers)
    request.state.caller = EVERYONE_HERE


async def _ask_for_key(request: Request, error: NotSignedIn) -> Response:
    """A browser that wants a page is led to the sign-in; what it sent, it can send again. All others get the
    problem."""
    path = request.url.path
    wants_page = "text/html" in request.headers.get("accept", "") and "authorization" not in request.headers
    if path.startswith(API) or not wants_page:
        return problem_response(error, request.state.request_id)
    if request.method not in SAFE:
        return await sent_in_vain(request)
    if "hx-request" in request.headers:
        # A part of a page was asked for: the whole page has to go to the sign-in, and comes back to where it was.
        shown = urlsplit(request.headers.get("hx-current-url", ""))
        answer = problem_response(error, request.state.request_id)
        answer.headers["HX-Redirect"] = _sign_in(shown.path or "/", shown.query)
        return answer
    return RedirectResponse(_sign_in(quote(path), request.url.query), 303)


def _sign_in(path: str, query: str) -> str:
    return f"{SIGN_IN}?{urlencode({'next': path + (f'?{query}' if query else '')})}"


def _while_it_holds(still: Still, send: Send) -> Send:
    """Events flow for hours: a stream ends soon after its key was revoked, at the next event or sign of life."""
    streams, ended = False, False

    async def send_events(message: Message) -> None:
        nonlocal streams, ended
        if message["type"] == "http.response.start":
            streams = Headers(raw=message["headers"]).get("content-type", "").startswith(EVENTS)
        elif streams and not ended and message.get("more_body") and await still() is None:
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        if not ended:
            await send(message)

    return send_events
