"""Whether the process is alive."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str
    """Version of the advisor."""


@router.get("/healthz")
async def health() -> Health:
    """Say that the process is alive. It does not look at the database, so that an outage restarts nothing."""
    return Health(version=version("adaptation-advisor"))
