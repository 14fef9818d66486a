"""All SQL behind the metrics: sums over every workspace, without a name or an id of anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, func, select

from service.storage.database import Database
from service.storage.tables import comparisons, events, trials

SECONDS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Bounds between short trials and long ones."""
TRIAL_STATES: Final = ("queued", "running", "finished", "given_up")


@dataclass(frozen=True, slots=True)
class Took:
    """Finished trials of one arm: how many, their seconds in all, and how many took at most each of `SECONDS`."""

    count: int
    total: float
    at_most: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """What answers to one arm's trials took, where it was stated."""

    input_tokens: int
    output_tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by status, events by kind, and the rest by arm."""

    comparisons: dict[str, int]
    trials: dict[str, int]
    events: dict[str, int]
    trial_seconds: dict[str, Took]
    spent: dict[str, Spent]


def read_figures(database: Database) -> Figures:
    """All of one moment."""
    with database.reading() as connection:
        return Figures(
            comparisons=_counts(connection, comparisons.c.status),
            trials=_counts(connection, trials.c.status),
            events=_counts(connection, events.c.kind),
            trial_seconds=_seconds(connection),
            spent=_spent(connection),
        )


def _counts(connection: Connection, column: object) -> dict[str, int]:
    return {name: count for name, count in connection.execute(select(column, func.count()).group_by(column))}  # type: ignore[call-overload]


def _seconds(connection: Connection) -> dict[str, Took]:
    within = [func.sum(case((trials.c.seconds <= bound, 1), else_=0)) for bound in SECONDS]
    query = (
        select(trials.c.arm, func.count(), func.sum(trials.c.seconds), *within)
        .where(trials.c.seconds.is_not(None))
        .group_by(trials.c.arm)
    )
    return {arm: Took(count, total, tuple(at_most)) for arm, count, total, *at_most in connection.execute(query)}


def _spent(connection: Connection) -> dict[str, Spent]:
    """From the events: a comparison that was cancelled has paid too."""
    arm, usage = events.c.data["arm"].as_string(), events.c.data["usage"]
    parts = [func.coalesce(func.sum(usage[name].as_float()), 0.0) for name in ("input_tokens", "output_tokens", "cost")]
    query = (
        select(arm, *parts).where(events.c.kind == "trial_finished", usage["answers"].as_integer() > 0).group_by(arm)
    )
    return {arm: Spent(int(read), int(written), cost) for arm, read, written, cost in connection.execute(query)}
