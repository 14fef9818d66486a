"""The HTTP service as one function of its settings. Importing this module does nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from service.access.open_access import OpenAccess
from service.api import assessments, comparisons, corpora, datasets, events, health, questionnaire, reports
from service.api.openapi import describe
from service.following import Following
from service.jobs.queue import JobQueue
from service.jobs.system import migrate_queue
from service.pages.site import add_pages
from service.problems import add_problem_handlers
from service.request_id import RequestId
from service.rulebook import load_rulebook
from service.settings import Settings
from service.storage.database import Database, open_database
from service.storage.migrate import migrate

FORM_FIELDS = 1_000_000
"""Bytes that an upload's form may have beside its file."""
DESCRIPTION = "Tells a team whether to prompt, retrieve or fine-tune, before the budget is spent."


def create_app(settings: Settings) -> FastAPI:
    """The service with these settings; the database is opened and migrated when it starts, not before.

    Raises `Refusal` or `ModelFileError` for thresholds or models that the settings name and that are wrong.
    """
    app = FastAPI(
        title="Adaptation advisor",
        version=version("adaptation-advisor"),
        description=DESCRIPTION,
        lifespan=partial(_lifespan, settings),
        docs_url=None,  # FastAPI's page loads its scripts from another site
        redoc_url=None,
        max_body_size=settings.upload_bytes + FORM_FIELDS,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.rulebook = load_rulebook(settings.policy, settings.models)
    app.state.settings = settings
    app.add_middleware(OpenAccess)
    app.add_middleware(RequestId)
    add_problem_handlers(app)
    for module in (health, questionnaire, assessments, datasets, corpora, comparisons, events, reports):
        app.include_router(module.router)
    add_pages(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(settings: Settings, app: FastAPI) -> AsyncIterator[None]:
    database = await run_in_threadpool(_ready, settings)
    await run_in_threadpool(app.state.rulebook.warm_up)
    jobs = await run_in_threadpool(_open_queue, settings)
    following = Following(database)
    app.state.database, app.state.jobs, app.state.following = database, jobs, following
    following.start()
    try:
        yield
    finally:
        await following.stop()
        jobs.close()
        database.close()


def _ready(settings: Settings) -> Database:
    database = open_database(settings.database)
    migrate(database)
    return database


def _open_queue(settings: Settings) -> JobQueue:
    migrate_queue(settings)
    return JobQueue(settings)
