"""The pages of the service, beside its API."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from service.pages import assessments, comparisons, corpora, datasets, reference, reports, start
from service.pages.errors import add_error_pages
from service.pages.rendering import FOLDER


def add_pages(app: FastAPI) -> None:
    """Mount them; call it when the API and its problem handlers are there."""
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    for module in (start, assessments, datasets, corpora, comparisons, reports, reference):
        app.include_router(module.router, include_in_schema=False)
    add_error_pages(app)
