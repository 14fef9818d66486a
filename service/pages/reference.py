"""The page on which developers read, and try, the calls of the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.access.caller import Role
from service.api.dependencies import needs
from service.pages.rendering import page

router = APIRouter()


@router.get("/docs", dependencies=[needs(Role.READER)])
def reference(request: Request) -> Response:
    """Every call with its example. FastAPI's own page would load its scripts from another site."""
    return page(request, "reference.html", "Reference of the API")
