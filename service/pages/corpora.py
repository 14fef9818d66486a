"""Pages of documents: their upload, what is there, and their deletion."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from service.access.caller import Role
from service.api.corpora import READ, remove_corpus, store_documents
from service.api.dependencies import CallerDep, CorporaDep, CorpusId, DatabaseDep, SettingsDep, needs
from service.errors import RequestRefused, UploadTooLarge
from service.pages.forms import problems_by_field
from service.pages.rendering import page
from service.settings import Settings

router = APIRouter(prefix="/corpora")


@router.get("/new", dependencies=[needs(Role.EDITOR)])
def new_corpus(request: Request, settings: SettingsDep) -> Response:
    """The form for an upload."""
    return _upload_page(request, settings, "", {})


@router.post("", dependencies=[needs(Role.EDITOR)])
def upload_documents(
    request: Request,
    settings: SettingsDep,
    corpora: CorporaDep,
    database: DatabaseDep,
    files: Annotated[list[UploadFile], File()] = [],  # noqa: B006
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Keep the documents; what is refused is told beside its field."""
    chosen = [file for file in files if file.filename]
    if not chosen:
        return _upload_page(request, settings, name, {"files": "No file was chosen; choose one or more documents."})
    try:
        stored = store_documents(chosen, name, settings, corpora, database)
    except RequestRefused as error:
        return _upload_page(request, settings, name, problems_by_field(error))
    except UploadTooLarge as error:
        return _upload_page(request, settings, name, {"files": str(error)})
    return RedirectResponse(f"/corpora/{stored.id}", 303)


@router.get("/{id}", dependencies=[needs(Role.READER)])
def show_corpus(request: Request, id: CorpusId, corpora: CorporaDep) -> Response:
    """Which documents there are."""
    stored = corpora.get(id)
    return page(request, "corpus.html", stored.name, [("Start", "/"), (stored.name, None)], stored=stored)


@router.post("/{id}/delete", dependencies=[needs(Role.EDITOR)])
def delete_corpus(id: CorpusId, database: DatabaseDep, settings: SettingsDep, caller: CallerDep) -> Response:
    """Take them away."""
    remove_corpus(id, database, settings, caller)
    return RedirectResponse("/#corpora", 303)


def _upload_page(request: Request, settings: Settings, name: str, problems: dict[str, str]) -> Response:
    return page(
        request, "corpus_new.html", "Upload documents", [("Start", "/"), ("Upload documents", None)],
        422 if problems else 200, name=name, problems=problems, most=settings.upload_bytes, read=READ,
    )  # fmt: skip
