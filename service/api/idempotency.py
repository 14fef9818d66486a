"""`Idempotency-Key`: a POST that is sent again, because its answer was lost, gets the first answer again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from service.access.caller import Caller
from service.errors import NotNow, Place, RequestRefused, StorageUnavailable
from service.problems import problems
from service.storage.idempotency import ABANDONED_AFTER, IdempotencyKeys

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
LONGEST: Final = 255
KEPT_HEADERS: Final = ("location", "content-type", "etag")

PARAMETER: Final = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text. Sent again with the same one within 24 hours, the request is answered as it was before.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
}
"""As the description of the API tells it: no route reads it."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(APIRoute):
    """Routes whose POST may be repeated under the same key, for 24 hours. Failures are not kept."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **told: Any) -> None:
        if "POST" in (told.get("methods") or ()):
            told["openapi_extra"] = {"parameters": [PARAMETER]}
            told["responses"] = {**(told.get("responses") or {}), **problems(409, 422)}
        super().__init__(path, endpoint, **told)

    def get_route_handler(self) -> Handler:
        """The route's own handler, once for each key."""
        handler = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handler

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return await handler(request)
            if not 0 < len(key) <= LONGEST or not key.isprintable():
                raise RequestRefused([Place(f"expected 1 to {LONGEST} printable characters", parameter=HEADER)])
            keys = IdempotencyKeys(request.app.state.database, request.state.caller.workspace)
            asked = await _fingerprint(request, request.state.caller)
            first = await run_in_threadpool(keys.claim, key, asked)
            if first is not None:
                if first.request_sha256 != asked:
                    raise RequestRefused([Place("this key was used for another request", parameter=HEADER)])
                if first.response is None:
                    raise NotNow("the first request with this key is still in work; ask again in a moment")
                return _replay(first.response)
            holding = asyncio.create_task(_hold(keys, key))
            try:
                response = await handler(request)
            except BaseException:
                await run_in_threadpool(keys.give_up, key)
                raise
            finally:
                holding.cancel()
            await run_in_threadpool(keys.settle, key, _kept(response))
            return response

        return once


async def _hold(keys: IdempotencyKeys, key: str) -> None:
    """Slow uploads take longer than a call that was lost is waited for."""
    while True:
        await asyncio.sleep(ABANDONED_AFTER.total_seconds() / 4)
        with suppress(StorageUnavailable):
            await run_in_threadpool(keys.renew, key)


async def _fingerprint(request: Request, caller: Caller) -> str:
    """Of an upload its length stands for its bytes, which are not read twice. The caller is part of it: the first
    answer is given again before anything looks at roles."""
    stated = request.headers.get("content-type", "")
    upload = stated.startswith("multipart/")
    body = request.headers.get("content-length", "").encode() if upload else await request.body()
    told = f"{caller.name} {caller.role} {request.method} {request.url.path} {request.url.query}\n".encode()
    return hashlib.sha256(told + body).hexdigest()


def _kept(response: Response) -> dict[str, Any]:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return {"status": response.status_code, "headers": headers, "body": bytes(response.body).decode()}


def _replay(kept: dict[str, Any]) -> Response:
    return Response(kept["body"], kept["status"], {**kept["headers"], REPLAYED: "true"})
