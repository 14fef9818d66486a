"""The HTTP service as one function of its settings. Importing this module does nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from service.access import signing_in
from service.access.entrance import Access, Entrance
from service.access.openness import is_open_at_start
from service.access.secure_headers import SecureHeaders
from service.api import (
    actions,
    assessments,
    comparisons,
    corpora,
    datasets,
    events,
    health,
    keys,
    questionnaire,
    reports,
)
from service.api.openapi import describe
from service.body_limit import BodyLimit
from service.following import Following
from service.gone_followers import GoneFollowers
from service.jobs.queue import JobQueue
from service.jobs.system import migrate_queue
from service.metrics import Metrics
from service.pages.site import add_pages
from service.problems import add_problem_handlers
from service.request_id import RequestId
from service.request_log import RequestLog
from service.rulebook import load_rulebook
from service.settings import Settings
from service.storage.database import Database, open_database
from service.storage.folders import make_data_folder
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
    app.state.metrics = Metrics()
    app.add_middleware(GoneFollowers)
    app.add_middleware(Entrance)
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    add_problem_handlers(app)
    for module in (
        health, questionnaire, assessments, datasets, corpora, comparisons, events, reports, keys, actions, signing_in,
    ):  # fmt: skip
        app.include_router(module.router)
    add_pages(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    stack = app.build_middleware_stack
    app.build_middleware_stack = partial(_around, stack, settings.upload_bytes)  # type: ignore[method-assign]
    return app


def _around(stack: Callable[[], ASGIApp], most: int) -> ASGIApp:
    """Added as other middleware is, these would miss what answers for errors and for bodies that are too large."""
    return RequestId(SecureHeaders(BodyLimit(stack(), most + FORM_FIELDS, most)))


@asynccontextmanager
async def _lifespan(settings: Settings, app: FastAPI) -> AsyncIterator[None]:
    database, is_open = await run_in_threadpool(_ready, settings)
    await run_in_threadpool(app.state.rulebook.warm_up)
    jobs = await run_in_threadpool(_open_queue, settings)
    following = Following(database)
    app.state.access = Access(settings, database, is_open=is_open)
    app.state.database, app.state.jobs, app.state.following = database, jobs, following
    app.state.metrics.follow(database, jobs, settings.data_folder, lambda: following.followers)
    following.start()
    try:
        yield
    finally:
        await following.stop()
        jobs.close()
        database.close()


def _ready(settings: Settings) -> tuple[Database, bool]:
    """The database, and whether the service is open to everyone on this machine."""
    make_data_folder(settings)
    database = open_database(settings.database)
    try:
        migrate(database)
        return database, is_open_at_start(settings, database)
    except BaseException:
        database.close()
        raise


def _open_queue(settings: Settings) -> JobQueue:
    migrate_queue(settings)
    return JobQueue(settings)
