"""How far a comparison is, as its page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError

from evaluation.numbers import seconds
from evaluation.render.plan import plan_lines
from rules.layout import Backend
from rules.plan import Plan
from service.api.comparison_views import show
from service.comparing import refuse_going_on
from service.errors import NotNow
from service.storage.comparisons import CAN_BE_CANCELLED, CAN_GO_ON, ENDED, Comparisons, Status, StoredComparison
from service.storage.database import Database
from service.storage.events import events_after

NOW: Final = {
    "queued": "Waiting for a worker.",
    "started": "Starting.",
    "reading": "Reading and auditing the examples.",
    "planned": "Making the plan.",
    "foreseen": "Working out what it takes.",
    "trials_planned": "Fitting and testing.",
    "trial_started": "Fitting and testing.",
    "trial_finished": "Fitting and testing.",
    "trial_given_up": "Fitting and testing.",
    "reporting": "Working out the verdict and writing the report.",
}
TRIAL_WORDS: Final = {"finished": "finished", "running": "running", "queued": "waiting", "given_up": "given up"}
FAIREST_ORDER: Final = ("finished", "running", "queued", "given_up")


@dataclass(frozen=True)
class ArmLine:
    """One arm: its trials by state, and how long the finished ones took together."""

    title: str
    trials: list[str]
    finished: int
    took: str
    problem: str | None


class ProgressView:
    """Of one comparison, as it stands now."""

    def __init__(
        self,
        stored: StoredComparison,
        comparisons: Comparisons,
        database: Database,
        limits: Mapping[str, str] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> None:
        """`limits` are those that were typed in to go on with, `problems` what is wrong with them, by field."""
        self._stored, self._comparisons, self._database = stored, comparisons, database
        self.limits, self.problems = limits or {}, problems or {}

    @cached_property
    def _told(self) -> dict[str, Any]:
        return show(self._stored, self._comparisons)

    @property
    def is_open(self) -> bool:
        """Whether anything may still happen."""
        return self._stored.status not in ENDED

    @property
    def is_moving(self) -> bool:
        """Whether anything happens by itself."""
        return self._stored.status in (Status.QUEUED, Status.RUNNING)

    @property
    def can_be_cancelled(self) -> bool:
        return self._stored.status in CAN_BE_CANCELLED

    @property
    def can_go_on(self) -> bool:
        return self._stored.status in CAN_GO_ON and self.why_not_on is None

    @cached_property
    def why_not_on(self) -> str | None:
        """Why it cannot be gone on with, though it was stopped."""
        try:
            refuse_going_on(self._stored)
        except NotNow as error:
            return str(error)
        return None

    @property
    def asks_an_endpoint(self) -> bool:
        """Whether limits of calls and money concern it."""
        return Backend.ENDPOINT in self._stored.request["backends"]

    @property
    def unserved_queues(self) -> list[str]:
        """It waits for a worker that serves these."""
        queues: list[str] = self._told["unserved_queues"]
        return queues

    @property
    def now(self) -> str:
        """What is being done."""
        latest = events_after(self._database, self._stored.id, self._stored.events - 1, 1)
        return NOW.get(latest[0].kind, "In work.") if latest else "In work."

    @property
    def line(self) -> dict[str, Any] | None:
        """The place in the queue."""
        line: dict[str, Any] | None = self._told["line"]
        return line

    @property
    def minutes_left(self) -> float | None:
        """None where nobody can tell yet."""
        minutes: float | None = self._told["minutes_left"]
        return minutes

    @property
    def problem(self) -> str | None:
        """Why it is blocked or failed, and what to do."""
        problem: str | None = self._told["problem"]
        return problem

    @property
    def foreseen(self) -> dict[str, Any] | None:
        """What waits for approval."""
        foreseen: dict[str, Any] | None = self._told["foreseen"]
        return foreseen

    @cached_property
    def plan(self) -> list[tuple[str, str]]:
        """In words; empty until there is one that this version can read."""
        try:
            return plan_lines(Plan.model_validate(self._stored.plan)) if self._stored.plan else []
        except ValidationError:
            return []

    @cached_property
    def arms(self) -> list[ArmLine]:
        """Every arm that trials are known of."""
        by_arm: dict[str, list[Any]] = {}
        for trial in self._comparisons.trials(self._stored.id):
            by_arm.setdefault(trial.arm, []).append(trial)
        return [
            ArmLine(
                of_arm[0].title, sorted((trial.status for trial in of_arm), key=FAIREST_ORDER.index),
                sum(trial.status == "finished" for trial in of_arm),
                seconds(sum(trial.seconds or 0.0 for trial in of_arm)),
                next((trial.problem for trial in of_arm if trial.status == "given_up"), None),
            )
            for of_arm in by_arm.values()
        ]  # fmt: skip

    @property
    def trials(self) -> int:
        return sum(len(arm.trials) for arm in self.arms)

    @property
    def finished(self) -> int:
        return sum(arm.finished for arm in self.arms)

    @property
    def words(self) -> dict[str, str]:
        """Of a trial's state."""
        return TRIAL_WORDS
