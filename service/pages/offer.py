"""What a comparison may be asked for here: the data, documents and models that are there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from rules.layout import Backend
from service.settings import Settings
from service.storage.assessments import Assessments, Listed
from service.storage.corpora import Corpora, StoredCorpus
from service.storage.datasets import Datasets, StoredDataset

MOST: Final = 100
"""Of each list."""


class Offer:
    """Around one data set; None while none is chosen."""

    def __init__(
        self, settings: Settings, datasets: Datasets, assessments: Assessments, corpora: Corpora, dataset: UUID | None
    ) -> None:
        self._settings, self._datasets, self._assessments, self._corpora = settings, datasets, assessments, corpora
        self.dataset = datasets.get(dataset) if dataset is not None else None

    @cached_property
    def datasets(self) -> Sequence[StoredDataset]:
        """To choose from."""
        return self._datasets.page(MOST)

    @property
    def test_datasets(self) -> Sequence[StoredDataset]:
        """Others of the same kind."""
        chosen = self.dataset
        return [
            other
            for other in self.datasets
            if chosen is not None and other.id != chosen.id and other.description["kind"] == self.kind
        ]

    @cached_property
    def assessments(self) -> Sequence[Listed]:
        """Whose margins and costs may be used."""
        return self._assessments.page(MOST)

    @cached_property
    def corpora(self) -> Sequence[StoredCorpus]:
        """Documents to search in."""
        return self._corpora.page(MOST)

    @property
    def kind(self) -> str:
        """What a row is asked for."""
        return str(self.dataset.description["kind"]) if self.dataset else "classification"

    @property
    def backends(self) -> list[tuple[str, str, str | None]]:
        """Each with its words, and why it cannot be chosen."""
        settings = self._settings
        sorts = self.kind == "classification"
        endpoint = settings.endpoint is not None and bool(settings.endpoint_model)
        return [
            (Backend.ENCODER, "The embedded encoder: on this machine, offline, free",
             None if sorts else "It sorts texts into labels; these examples ask for something else."),
            (Backend.ENDPOINT, f"The endpoint {settings.endpoint}, model {settings.endpoint_model}: examples go there"
             if endpoint else "A model behind an endpoint",
             None if endpoint else "None is set up here (ADVISOR_ENDPOINT, ADVISOR_ENDPOINT_MODEL)."),
            (Backend.LOCAL, f"The model of this machine, {settings.local_model}" if settings.local_model
             else "A language model of this machine",
             None if settings.local_model else "None is set up here (ADVISOR_LOCAL_MODEL)."),
        ]  # fmt: skip

    @property
    def default_backends(self) -> list[str]:
        """The cheapest that can be chosen."""
        return [str(backend) for backend, _, why in self.backends if why is None][:1]

    @property
    def has_endpoint(self) -> bool:
        """Whether anything here can cost money."""
        return self._settings.endpoint is not None

    @property
    def has_local_model(self) -> bool:
        """Whether a language model of this machine is set up."""
        return self._settings.local_model is not None

    @property
    def has_search(self) -> bool:
        """Whether the team's own search service is set up."""
        return self._settings.search_url is not None

    @property
    def blockers(self) -> list[dict[str, Any]]:
        """Findings that stop the comparison, each with whether somebody may answer for it."""
        from evaluation.audit import MAY_BE_SIGNED_OFF  # loads numerical libraries

        audit = (self.dataset.audit if self.dataset else None) or {"findings": []}
        found = [finding for finding in audit["findings"] if finding["severity"] == "blocker"]
        return [{**finding, "may_be_signed_off": finding["code"] in MAY_BE_SIGNED_OFF} for finding in found]
