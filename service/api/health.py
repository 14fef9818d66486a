"""Whether the process is alive, whether it can work, and how much it does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from service.access.caller import Role
from service.api.dependencies import DatabaseDep, JobsDep, SettingsDep, needs
from service.errors import NotReady, Place, StorageUnavailable
from service.jobs.system import COMPARISONS, PLANNING, TRIALS
from service.metrics import Metrics
from service.problems import problems
from service.storage.database import Database
from service.storage.workers import living_workers

router = APIRouter(tags=["operations"])
NEEDED: Final = (COMPARISONS, PLANNING, TRIALS)
"""Queues without which no comparison gets anywhere; only models of this machine need a further one."""
PATIENCE: Final = 3.0
"""Seconds after which a part that does not answer is not ready."""


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str
    """Version of the advisor."""


class Readiness(BaseModel):
    """Every part that the service needs is there."""

    status: Literal["ready"] = "ready"
    parts: list[str]
    """What was looked at."""


@router.get("/healthz")
async def health() -> Health:
    """Say that the process is alive. It does not look at the database, so that an outage restarts nothing."""
    return Health(version=version("adaptation-advisor"))


@router.get("/readyz", responses=problems(503))
async def ready(database: DatabaseDep, jobs: JobsDep, settings: SettingsDep) -> Readiness:
    """Say whether comparisons can be taken and worked on. What is not ready is named in `errors`."""
    parts: dict[str, Callable[[], str | None]] = {
        "database": lambda: _answers(database),
        "queue": jobs.check,
        "data_folder": lambda: _writable(settings.data_folder),
        "worker": lambda: _somebody_works(database),
    }
    found = await asyncio.gather(*(_look(part) for part in parts.values()))
    missing = [Place(detail, parameter=name) for name, detail in zip(parts, found, strict=True) if detail]
    if missing:
        raise NotReady(missing)
    return Readiness(parts=list(parts))


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[needs(Role.READER)],
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(401, 403, 503)},
)
def metrics(request: Request) -> Response:
    """Tell figures for Prometheus: queues, trials, tokens, requests, workers. No label holds a text or an id."""
    told: Metrics = request.app.state.metrics
    return Response(told.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _look(part: Callable[[], str | None]) -> str | None:
    try:
        return await asyncio.wait_for(run_in_threadpool(part), PATIENCE)
    except StorageUnavailable:
        return "it does not answer"
    except TimeoutError:
        return f"it did not answer within {PATIENCE:.0f} seconds"


def _answers(database: Database) -> None:
    with database.reading() as connection:
        connection.execute(text("SELECT 1"))


def _writable(folder: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b".")
            file.flush()
    except OSError as error:
        return f"it cannot be written to: {error.strerror}"
    return None


def _somebody_works(database: Database) -> str | None:
    served = {queue for queues in living_workers(database).values() for queue in queues}
    if not served:
        return "no worker is alive; start one with: advisor worker"
    unserved = [queue for queue in NEEDED if queue not in served]
    return f"no living worker serves {', '.join(unserved)}; start one with: advisor worker" if unserved else None
