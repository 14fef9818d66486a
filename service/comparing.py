"""What was asked of a comparison over HTTP, laid out in its folder for whichever worker takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from rules.layout import Backend
from service.api.comparison_views import Limits, NewComparison
from service.errors import NotNow, Place, RequestRefused
from service.problems import pointer
from service.settings import Settings
from service.storage.comparisons import CAN_GO_ON, StoredComparison
from service.storage.corpora import StoredCorpus
from service.storage.datasets import StoredDataset
from service.storage.folders import (
    CORPUS,
    EXAMPLES,
    FORM,
    REQUEST,
    TASK,
    TEST,
    comparison_folder,
    corpus_folder,
    dataset_folder,
    kept_path,
    lay_out,
)  # fmt: skip

Document = dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """What a comparison reads."""

    dataset: StoredDataset
    test: StoredDataset | None
    corpus: StoredCorpus | None
    form: Document | None


def asked_of(body: NewComparison, sources: Sources, caller: str, settings: Settings) -> Document:
    """Every choice, with its default. `RequestRefused` where the deployment or the data do not allow one."""
    _refuse_impossible(body, sources, settings)
    described = sources.dataset.description
    return {
        "kind": described["kind"], "input_column": described["input_column"],
        "output_column": described["output_column"], "backends": list(dict.fromkeys(body.backends)),
        "seed": body.seed, "learning_curve": body.learning_curve, "training_cost": body.training_cost,
        "exhaustive": body.exhaustive, "accept": body.accept, "accepted_by": caller if body.accept else None,
        "budget": _least(body.budget, settings.budget_money), "calls": _least(body.calls, settings.budget_calls),
        "improve_prompt": body.improve_prompt, "search_service": body.search_service,
        "test": str(sources.test.id) if sources.test else None,
        "corpus": str(sources.corpus.id) if sources.corpus else None,
        "temperatures": body.temperatures, "hold": body.hold, "passages": body.passages,
        "written_labels": body.written_labels,
    }  # fmt: skip


def lay_out_comparison(settings: Settings, id: UUID, asked: Document, sources: Sources) -> None:
    """Links to the files under the names that they came with, and what was asked; the request last, as a whole."""
    folder = comparison_folder(settings, id)
    lay_out(folder / EXAMPLES, _link(settings, sources.dataset))
    if sources.test is not None:
        lay_out(folder / TEST, _link(settings, sources.test))
    if sources.corpus is not None:
        (folder / CORPUS).symlink_to(corpus_folder(settings, sources.corpus.id))
    if sources.form is not None:
        (folder / FORM).write_text(json.dumps(sources.form), encoding="utf-8")
    task = dataset_folder(settings, sources.dataset.id) / TASK
    if task.exists():
        (folder / TASK).write_bytes(task.read_bytes())
    _write(folder / REQUEST, asked)


def change_limits(settings: Settings, comparison: StoredComparison, limits: Limits) -> Document:
    """Let a comparison spend up to other limits than before; the deployment's own still hold. Returns what is asked of
    it now."""
    asked = {**comparison.request}
    if limits.budget is not None:
        asked["budget"] = _least(limits.budget, settings.budget_money)
    if limits.calls is not None:
        asked["calls"] = _least(limits.calls, settings.budget_calls)
    _write(comparison_folder(settings, comparison.id) / REQUEST, asked)
    return asked


def refuse_going_on(comparison: StoredComparison) -> None:
    """`NotNow` unless it was cancelled or failed, and where something that it reads was deleted: it would go on as
    another comparison."""
    if comparison.status not in CAN_GO_ON:
        raise NotNow(f"comparison {comparison.id} is {comparison.status.replace('_', ' ')}; it cannot be continued now")
    subjects, asked = comparison.subjects, comparison.request
    gone = {
        "data set": subjects.dataset_id is None,
        "test rows": asked["test"] is not None and subjects.test_id is None,
        "corpus": asked["corpus"] is not None and subjects.corpus_id is None,
    }
    for what, is_gone in gone.items():
        if is_gone:
            raise NotNow(f"the {what} of comparison {comparison.id} was deleted; upload it and start another one")


def _refuse_impossible(body: NewComparison, sources: Sources, settings: Settings) -> None:
    kind = sources.dataset.description["kind"]
    backends = set(body.backends or [Backend.ENCODER])
    told = ((sources.form or {}).get("task") or {}).get("kind")
    searches = sources.corpus is not None or body.search_service
    wrong: list[tuple[str, bool, str]] = [
        ("form", body.form is not None and body.assessment_id is not None,
         "an assessment and a form; send one of them"),
        ("form.task", told not in (None, kind), f"the form says {told}, the data set {kind}; make them agree"),
        ("test_dataset_id", sources.test is not None and sources.test.description["kind"] != kind,
         "its rows are asked for something else"),
        ("backends", kind != "classification" and Backend.ENCODER in backends,
         f"the embedded encoder sorts texts into labels, and this is {kind}; ask for endpoint or local"),
        ("backends", Backend.ENDPOINT in backends and not (settings.endpoint and settings.endpoint_model),
         "this deployment has no endpoint; its operator sets ADVISOR_ENDPOINT and ADVISOR_ENDPOINT_MODEL"),
        ("backends", Backend.LOCAL in backends and settings.local_model is None,
         "this deployment has no model of its own; its operator sets ADVISOR_LOCAL_MODEL"),
        ("search_service", body.search_service and settings.search_url is None,
         "this deployment has no search service; its operator sets ADVISOR_SEARCH_URL"),
        ("search_service" if body.search_service else "corpus_id", searches and backends == {Backend.ENCODER},
         "passages are shown to a language model; ask for endpoint or local as well"),
        ("corpus_id", sources.corpus is not None and body.search_service,
         "passages come from a corpus or from the service; send one"),
        ("passages", body.passages is not None and not searches,
         "there is nothing to find passages in; name a corpus, or ask for the search service"),
        ("written_labels", body.written_labels and Backend.LOCAL not in backends,
         "only a model of this machine has a choice; ask for local as well"),
    ]  # fmt: skip
    places = [Place(why, pointer(field.split("."))) for field, is_wrong, why in wrong if is_wrong]
    if places:
        raise RequestRefused(places)


def _link(settings: Settings, dataset: StoredDataset) -> dict[str, Path]:
    return {dataset.description["file_name"]: kept_path(settings, dataset.file.sha256)}


def _least(asked: float | None, allowed: float | None) -> float | None:
    stated = [limit for limit in (asked, allowed) if limit is not None]
    return min(stated) if stated else None


def _write(path: Path, document: Document) -> None:
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(document, indent=1), encoding="utf-8")
    unfinished.replace(path)
