"""What a form sent, as texts, and what was wrong with it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Request
from starlette.datastructures import FormData

from service.errors import RequestRefused


async def _form(request: Request) -> FormData:
    return await request.form()


SentForm = Annotated[FormData, Depends(_form)]


def problems_by_field(error: RequestRefused) -> dict[str, str]:
    """What is wrong, under the name of the field; `""` for what belongs to none."""
    found: dict[str, str] = {}
    for place in error.places:
        name = ".".join(_parts(place.pointer))
        found[name] = f"{found[name]} {place.detail}" if name in found else place.detail
    return found


def _parts(pointer: str | None) -> list[str]:
    return [unquote(part).replace("~1", "/").replace("~0", "~") for part in (pointer or "#").split("/")[1:]]
