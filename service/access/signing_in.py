"""Signing in with a key, for browsers: a cookie that scripts cannot read and other sites cannot use."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.access.credentials import new_token, sha256_of
from service.access.entrance import COOKIE, SIGN_IN
from service.api.dependencies import AccessDep, DatabaseDep
from service.pages.rendering import page
from service.storage.database import Database
from service.storage.sessions import LIFETIME, Sessions

LONGEST = 2_000
router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def ask_for_key(
    request: Request, access: AccessDep, next: Annotated[str, Query(max_length=LONGEST)] = "/"
) -> HTMLResponse:
    """The page that asks for a key, or says that none is needed."""
    return _page(request, next, is_open=await access.openness.is_open())


@router.post(SIGN_IN)
async def sign_in(
    request: Request,
    access: AccessDep,
    database: DatabaseDep,
    key: Annotated[str, Form(max_length=LONGEST)] = "",
    next: Annotated[str, Form(max_length=LONGEST)] = "/",
) -> Response:
    """Begin a session, with a token of its own: one that was there before is never taken over."""
    holder = await access.holders.of_key(key.strip())
    if holder is None or holder.key is None:
        refused = "This key is unknown or was revoked."
        return _page(request, next, is_open=await access.openness.is_open(), refused=refused, status=401)
    token = new_token()
    await run_in_threadpool(_begin, database, request.cookies.get(COOKIE), token, holder.key)
    access.holders.forget()
    response = RedirectResponse(local(next), 303)
    response.set_cookie(
        COOKIE, token, max_age=int(LIFETIME.total_seconds()), secure=request.url.scheme == "https", httponly=True,
        samesite="strict",
    )  # fmt: skip
    return response


@router.post("/sign-out")
async def sign_out(request: Request, access: AccessDep, database: DatabaseDep) -> RedirectResponse:
    """End the session, here and in the database."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        await run_in_threadpool(Sessions(database).end, sha256_of(token))
        access.holders.forget()
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, secure=request.url.scheme == "https", httponly=True, samesite="strict")
    return response


def local(address: str) -> str:
    """The address if it leads to a page of this service, else the first page. Browsers read `\\` as `/`, and leave tabs
    and line breaks out."""
    parts = urlsplit(address)
    plain = address.isprintable() and "\\" not in address and not address.startswith("//")
    return address if plain and address.startswith("/") and not parts.scheme and not parts.netloc else "/"


def _begin(database: Database, before: str | None, token: str, key: UUID) -> None:
    sessions = Sessions(database)
    if before is not None:
        sessions.end(sha256_of(before))
    sessions.add(sha256_of(token), key)


def _page(request: Request, next: str, *, is_open: bool, refused: str = "", status: int = 200) -> HTMLResponse:
    return page(request, "sign_in.html", "Sign in", (), status, next=local(next), is_open=is_open, refused=refused)
