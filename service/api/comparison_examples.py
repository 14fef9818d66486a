"""Examples of uploads and comparisons for the description of the API, in the shapes that the calls really give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from rules.form import Form
from rules.material import Material
from service.api import comparison_views, corpora, datasets
from service.deletion import REMAINS
from service.jobs.system import TRIALS
from service.rulebook import Rulebook
from service.storage.comparisons import Status, StoredComparison, StoredTrial, Subjects
from service.storage.corpora import StoredCorpus
from service.storage.datasets import AuditStatus, StoredDataset
from service.storage.files import KeptFile

DATASET, CORPUS, COMPARISON, WORKSPACE = (
    UUID(f"6f1f4c1e-6f0c-4d3c-9a53-0c8f5b7c2d{number}") for number in (21, 22, 23, 24)
)
NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
HASH = "34fbc5be1e033d039ca2cffcaa73f38c7e5fa08e0531fb27fec7b98f64dafcee"
REQUEST: dict[str, Any] = {
    "kind": "classification", "input_column": None, "output_column": None, "backends": [], "seed": 1,
    "learning_curve": True, "training_cost": 0.0, "exhaustive": False, "accept": [], "accepted_by": None,
    "budget": None, "calls": None, "improve_prompt": False, "search_service": False, "test": None, "corpus": None,
    "temperatures": [], "hold": True, "passages": None, "written_labels": False,
}  # fmt: skip
FORESEEN = {
    "calls": 0, "input_tokens": 0, "output_tokens": 0, "cost": 0.0, "currency": None, "reason": "plan",
    "in_all": {"calls": 0, "cost": 0.0},
}  # fmt: skip
VERDICT = {
    "kind": "keep", "arm": "head", "title": "the classifier head",
    "headline": "Do not pay for a fine-tune: keep the classifier head; nothing else earns its price.",
}  # fmt: skip


def examples() -> dict[str, Any]:
    """One for each body, by name."""
    dataset, corpus = datasets.show(_dataset()), corpora.show(_corpus()).model_dump(mode="json")
    waiting, finished = _comparison(Status.AWAITING_APPROVAL), _comparison(Status.FINISHED)
    page = {name: dataset[name] for name in ("id", "name", "created_at", "status", "examples", "size")}
    return {
        "new_dataset": {"file": "tickets.jsonl", "name": "Support tickets"},
        "dataset": dataset,
        "dataset_page": {"items": [page], "next_cursor": None},
        "deleted_dataset": {"examples": 402, "comparisons": [str(COMPARISON)], "remains": REMAINS},
        "new_corpus": {"files": ["handbook.md", "prices.pdf"], "name": "Handbook"},
        "corpus": corpus,
        "corpus_page": {"items": [corpus], "next_cursor": None},
        "new_comparison": {"dataset_id": str(DATASET), "hold": True},
        "limits": {"calls": 5000},
        "waiting_comparison": _shown(waiting, []),
        "comparison": _shown(finished, _trials()),
        "comparison_page": {"items": [comparison_views.show_item(finished)], "next_cursor": None},
        "events": 'event: trial_finished\ndata: {"at": "2026-01-05T09:31:00+00:00", "arm": "head", "seconds": 1.5}\n'
        "id: 12\n\n",
        "report": {"version": 1, "task_name": "tickets", "verdict": VERDICT},
        "printed_report": "# tickets: keep the classifier head\n",
        "report_page": "<!doctype html><title>tickets</title>",
    }


def _shown(stored: StoredComparison, trials: list[StoredTrial]) -> dict[str, Any]:
    return comparison_views.show_with(stored, trials, None)


def _dataset() -> StoredDataset:
    labels = {"Billing": 142, "Technical": 120, "Account": 86, "Shipping": 54}
    described = {"file_name": "tickets.jsonl", "examples": 402, "kind": "classification", "labels": labels}
    audit = {"dataset": "tickets", "examples": 402, "findings": []}
    return StoredDataset(
        DATASET, WORKSPACE, "Support tickets", KeptFile(HASH, 85_078), HASH[::-1], described, AuditStatus.AUDITED,
        audit, None, NOW,
    )  # fmt: skip


def _corpus() -> StoredCorpus:
    documents = (("handbook.md", KeptFile(HASH, 20_480)), ("prices.pdf", KeptFile(HASH[::-1], 91_022)))
    return StoredCorpus(CORPUS, WORKSPACE, "Handbook", documents, NOW)


def _comparison(status: Status) -> StoredComparison:
    finished = status is Status.FINISHED
    form = Form.parse({"task": {"kind": "classification", "modality": "text"}})
    plan = Rulebook().assess(form, Material(examples=402, labels=4, source="the examples")).plan
    return StoredComparison(
        COMPARISON, WORKSPACE, "Support tickets", Subjects(DATASET), REQUEST, status, 2, 30,
        plan.model_dump(mode="json"), FORESEEN, "Ada" if finished else None, VERDICT if finished else None, None,
        NOW, NOW, NOW, NOW + timedelta(minutes=6) if finished else None,
    )  # fmt: skip


def _trials() -> list[StoredTrial]:
    return [
        StoredTrial(
            "0" * 63 + str(number), "head", "the classifier head", 322, TRIALS, "finished", 1, "worker-1", 1.5, None
        )
        for number in range(5)
    ]
