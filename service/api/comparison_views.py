"""Comparisons as they are told over HTTP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rules.family import Family
from rules.layout import Backend
from service.api.forms import SubmittedForm
from service.jobs.system import COMPARISONS, PLANNING
from service.storage.comparisons import UNDER_WAY, Comparisons, Status, StoredComparison, StoredTrial


class NewComparison(BaseModel):
    """What to compare. Only the data set must be named."""

    model_config = ConfigDict(extra="forbid")

    dataset_id: UUID
    test_dataset_id: UUID | None = Field(None, description="Rows to test on; without it rows are kept back.")
    corpus_id: UUID | None = Field(None, description="Documents that answers may be searched in.")
    assessment_id: UUID | None = Field(None, description="Its form's margins and costs are used.")
    form: SubmittedForm | None = Field(None, description="An answered form, in place of an assessment.")
    name: str | None = Field(None, max_length=200, description="A name for lists; the data set's if left out.")
    backends: list[Backend] = Field([], max_length=3, description="What answers; the embedded encoder if left out.")
    seed: int = Field(1, ge=0, lt=2**31, description="Of every split, draw and fit.")
    learning_curve: bool = Field(True, description="Also fit on fewer rows, to tell what more would change.")
    training_cost: float = Field(0.0, ge=0, le=1e9, description="What one training costs, in the form's currency.")
    exhaustive: bool = Field(False, description="Train every fine-tune, also one that cannot change the decision.")
    accept: list[str] = Field([], max_length=10, description="Codes of audit blockers that the caller answers for.")
    budget: float | None = Field(None, ge=0, le=1e9, description="Most that calls of an endpoint may cost in all.")
    calls: int | None = Field(None, ge=0, le=10**9, description="Most calls of an endpoint in all.")
    improve_prompt: bool = Field(False, description="Also let the model improve its instruction by its errors.")
    search_service: bool = Field(False, description="Search with the service that the deployment has configured.")
    passages: int | None = Field(None, ge=1, le=100, description="How many passages stand with each text; 5 if null.")
    written_labels: bool = Field(False, description="A model of this machine writes its labels.")
    temperatures: list[Annotated[float, Field(ge=0, le=2)]] = Field(
        [], max_length=3, description="Ask the recommended arm again at these temperatures."
    )
    hold: bool = Field(False, description="Stop when the plan is made, and wait for approval.")


class Limits(BaseModel):
    """Other limits for a comparison that goes on."""

    model_config = ConfigDict(extra="forbid")

    budget: float | None = Field(None, ge=0, le=1e9, description="Most that calls may cost in all; as before if null.")
    calls: int | None = Field(None, ge=0, le=10**9, description="Most calls in all; as before if null.")


class ArmProgress(BaseModel):
    """How far one arm is. Trials that were not called for yet are not counted."""

    arm: str
    title: str
    trials: int
    finished: int
    running: int
    given_up: int
    seconds: float = Field(description="Of the finished trials together.")


class Line(BaseModel):
    """A place in the queue."""

    before: int = Field(description="Comparisons that are to be worked on first.")
    minutes: float | None = Field(description="How long they may take; null where nobody can tell yet.")


class ComparisonItem(BaseModel):
    """A comparison in a list."""

    id: UUID
    name: str
    status: Status
    created_at: datetime
    finished_at: datetime | None
    verdict: dict[str, Any] | None = Field(description="Kind, arm and headline; null until there is one.")


class ComparisonView(ComparisonItem):
    """A comparison, and how far it is."""

    dataset_id: UUID | None = Field(description="Null when the data set was deleted.")
    test_dataset_id: UUID | None
    corpus_id: UUID | None
    assessment_id: UUID | None
    request: dict[str, Any] = Field(description="What was asked for, with every default filled in.")
    started_at: datetime | None
    line: Line | None = Field(description="Null unless it is queued.")
    plan: dict[str, Any] | None = Field(description="Arms, split, what it can see, what it takes; null until planned.")
    foreseen: dict[str, Any] | None = Field(
        description="What waits for approval: calls, tokens, cost, and `in_all` with what was spent before."
    )
    approved_by: str | None
    arms: list[ArmProgress]
    minutes_left: float | None = Field(description="An estimate from finished trials; null where nobody can tell.")
    unserved_queues: list[str] = Field(description="Queues that it needs and that no living worker serves: it waits.")
    problem: str | None = Field(description="Why it is blocked or failed, and what to do.")


class ComparisonPage(BaseModel):
    """A page of comparisons, newest first."""

    items: list[ComparisonItem]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


def show(stored: StoredComparison, comparisons: Comparisons) -> dict[str, Any]:
    """A `ComparisonView`."""
    line = comparisons.line(stored) if stored.status is Status.QUEUED else None
    trials = comparisons.trials(stored.id)
    unserved = comparisons.unserved(_needed(stored, trials)) if stored.status in UNDER_WAY else []
    return show_with(stored, trials, line, unserved)


def show_with(
    stored: StoredComparison,
    trials: Sequence[StoredTrial],
    line: tuple[int, float | None] | None,
    unserved: Sequence[str] = (),
) -> dict[str, Any]:
    """The same from what was looked up already."""
    return {
        **show_item(stored),
        "dataset_id": _text(stored.subjects.dataset_id),
        "test_dataset_id": _text(stored.subjects.test_id),
        "corpus_id": _text(stored.subjects.corpus_id),
        "assessment_id": _text(stored.subjects.assessment_id),
        "request": stored.request,
        "started_at": _text(stored.started_at),
        "line": None if line is None else {"before": line[0], "minutes": line[1]},
        "plan": stored.plan,
        "foreseen": stored.foreseen if stored.status is Status.AWAITING_APPROVAL else None,
        "approved_by": stored.approved_by,
        "arms": _arms(trials),
        "minutes_left": _minutes_left(stored, trials) if stored.status in UNDER_WAY else None,
        "unserved_queues": list(unserved),
        "problem": (stored.problem or {}).get("detail"),
    }


def show_item(stored: StoredComparison) -> dict[str, Any]:
    """A `ComparisonItem`."""
    return {
        "id": str(stored.id),
        "name": stored.name,
        "status": stored.status,
        "created_at": stored.created_at.isoformat(),
        "finished_at": _text(stored.finished_at),
        "verdict": stored.verdict,
    }


def _arms(trials: Sequence[StoredTrial]) -> list[dict[str, Any]]:
    by_arm: dict[str, list[StoredTrial]] = defaultdict(list)
    for trial in trials:
        by_arm[trial.arm].append(trial)
    return [
        {
            "arm": arm,
            "title": of_arm[0].title,
            "trials": len(of_arm),
            **{
                status: sum(trial.status == status for trial in of_arm)
                for status in ("finished", "running", "given_up")
            },
            "seconds": round(sum(trial.seconds or 0.0 for trial in of_arm), 3),
        }
        for arm, of_arm in by_arm.items()
    ]


def _needed(stored: StoredComparison, trials: Sequence[StoredTrial]) -> set[str]:
    """Queues that it cannot do without now."""
    waiting = {trial.queue for trial in trials if trial.status == "queued"}
    return {PLANNING, *waiting, *([COMPARISONS] if stored.status is Status.QUEUED else [])}


def _minutes_left(stored: StoredComparison, trials: Sequence[StoredTrial]) -> float | None:
    """Each trial that is still to come takes as long as the finished ones of its arm, row for row; before one has
    finished, as long as the plan says, on the encoder."""
    planned = _planned_seconds(stored)
    seconds = 0.0
    for trial in trials:
        if trial.status in ("queued", "running"):
            done = [other for other in trials if other.arm == trial.arm and other.seconds is not None]
            if done:
                rows = sum(other.train_size for other in done)
                took = sum(other.seconds or 0.0 for other in done)
                seconds += took / rows * trial.train_size if rows else took / len(done)
            elif planned is not None:
                seconds += planned[trial.arm]
            else:
                return None
    return round(seconds / 60, 2)


def _planned_seconds(stored: StoredComparison) -> Mapping[str, float] | None:
    """Of one trial of each arm. On the encoder only training takes long; of other backends the plan cannot tell."""
    estimate = (stored.plan or {}).get("estimate") or {}
    minutes, trainings = estimate.get("minutes"), estimate.get("trainings")
    if set(stored.request["backends"]) - {Backend.ENCODER} or not minutes or trainings is None:
        return None
    middle = (minutes["low"] + minutes["high"]) / 2 * 60
    return defaultdict(float, {Family.LORA: middle / trainings} if trainings else {})


def _text(value: UUID | datetime | None) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
