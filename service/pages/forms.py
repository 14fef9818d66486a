"""What a browser sent: from this site, and as texts."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from starlette.datastructures import FormData

from service.errors import NotAllowed, RequestRefused

OURS = ("same-origin", "none")


async def _form(request: Request) -> FormData:
    return await request.form()


SentForm = Annotated[FormData, Depends(_form)]


def own_forms_only() -> Dependency:
    """Refuse what a page of another site sends: the browser says from where, and a site cannot change that."""

    async def refuse_others(request: Request) -> None:
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        ours = site in OURS if site is not None else origin in (None, "null") or _host(origin) == request.url.netloc
        if not ours:
            raise NotAllowed("this form was sent from another web site; open the page here and send it again")

    return Dependency(refuse_others)


def problems_by_field(error: RequestRefused) -> dict[str, str]:
    """What is wrong, under the name of the field; `""` for what belongs to none."""
    found: dict[str, str] = {}
    for place in error.places:
        name = ".".join(_parts(place.pointer))
        found[name] = f"{found[name]} {place.detail}" if name in found else place.detail
    return found


def _parts(pointer: str | None) -> list[str]:
    return [unquote(part).replace("~1", "/").replace("~0", "~") for part in (pointer or "#").split("/")[1:]]


def _host(origin: str | None) -> str:
    return urlsplit(origin or "").netloc
