"""What a form sent, as texts, and what was wrong with it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Request
from starlette.datastructures import FormData

from service.api.dependencies import NO_NUL
from service.errors import Place, RequestRefused
from service.problems import pointer


async def _form(request: Request) -> FormData:
    """`RequestRefused` for the character NUL, which PostgreSQL cannot store."""
    form = await request.form()
    if places := [Place(NO_NUL, pointer([name])) for name, text in form.multi_items() if "\0" in str(text)]:
        raise RequestRefused(places)
    return form


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
