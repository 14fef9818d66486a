"""What passages are searched in: documents of the command, or the search service that the settings name."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from adapters.corpus.retriever import Retriever
from adapters.corpus.search import open_corpus
from adapters.corpus.search_service import SearchService, ServiceAddress
from adapters.encoder.embedding import Encoder
from service.refusals import Refusal
from service.settings import Settings

INDEXES = "indexes"
"""Folder of the data folder."""


def open_retriever(
    documents: Path | None,
    search_service: bool,
    settings: Settings,
    encoder: Encoder,
    language: str,
    indexes: Path | None = None,
) -> Retriever | None:
    """None where neither is asked for. Indexing is shown in a terminal; `CorpusError` for what cannot be used."""
    if documents is not None and search_service:
        raise Refusal("--corpus and --search-service: passages come from one of them; leave the other out.")
    if search_service:
        if settings.search_url is None:
            raise Refusal("--search-service: name its address with ADVISOR_SEARCH_URL.")
        return SearchService(ServiceAddress(settings.search_url, settings.search_key))
    if documents is None:
        return None
    console = Console(stderr=True)
    with console.status("reading the documents") as status:

        def show(what: str, done: int, of: int) -> None:
            status.update(f"{what}: {done:,} of {of:,}" if of else f"{what}: {done:,}" if done else what)

        return open_corpus(
            documents,
            encoder,
            indexes or settings.data_folder / INDEXES,
            language=language,
            note=console.print,
            progress=show,
        )
