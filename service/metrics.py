"""Figures for Prometheus. Labels are names of ours only: no text of a user, no id.

What the database knows is read at every scrape, so each process of an API answers the same; the rest is of the process
that answers.
"""

from __future__ import annotations

import shutil
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from service.errors import StorageUnavailable
from service.jobs.queue import JobQueue
from service.jobs.system import QUEUES
from service.storage.comparisons import Status
from service.storage.database import Database
from service.storage.figures import SECONDS, TRIAL_STATES, Figures, read_figures
from service.storage.workers import living_workers

REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """All figures of one app."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Histogram(
            "advisor_request_seconds", "Requests to this process, and how long they took.",
            ("method", "route", "status"), buckets=REQUEST_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._problems = Counter(
            "advisor_problems", "Problems that this process answered, by the type in the answer.", ("type",),
            registry=self._registry,
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, seconds: float, problem: str | None) -> None:
        """Count one request; `problem` is the type of the problem that was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)
        if problem is not None:
            self._problems.labels(problem).inc()

    def follow(self, database: Database, jobs: JobQueue, folder: Path, followers: Callable[[], int]) -> None:
        """Tell also what these know, at every scrape. Once, when the app has started."""
        gauge = Gauge("advisor_followers", "Event streams that are open in this process.", registry=self._registry)
        gauge.set_function(followers)
        self._registry.register(_Stored(database, jobs, folder))

    def text(self) -> bytes:
        """All of it in Prometheus's text format. Asks the database: not for an event loop."""
        return generate_latest(self._registry)


class _Stored(Collector):
    """Figures of what is stored. Where the database does not answer, only that is told."""

    def __init__(self, database: Database, jobs: JobQueue, folder: Path) -> None:
        self._database, self._jobs, self._folder = database, jobs, folder

    def collect(self) -> Iterator[Metric]:
        free = shutil.disk_usage(self._folder).free if self._folder.exists() else 0
        yield GaugeMetricFamily("advisor_data_folder_free_bytes", "Room on the disk of the data folder.", value=free)
        try:
            figures, workers = read_figures(self._database), living_workers(self._database)
            lengths = self._jobs.lengths()
        except StorageUnavailable:
            yield GaugeMetricFamily("advisor_database_up", "Whether the databases answer.", value=0)
            return
        yield GaugeMetricFamily("advisor_database_up", "Whether the databases answer.", value=1)
        yield _queues(lengths)
        yield _workers(workers)
        yield from _work(figures)
        yield from _spent(figures)


def _queues(lengths: dict[tuple[str, str], int]) -> Metric:
    metric = GaugeMetricFamily(
        "advisor_queue_length", "Pieces of work in each queue, waiting or taken by a worker.", labels=("queue", "state")
    )
    for queue in QUEUES:
        for state in ("waiting", "taken"):
            metric.add_metric((queue, state), lengths.get((queue, state), 0))
    return metric


def _workers(living: dict[str, list[str]]) -> Metric:
    metric = GaugeMetricFamily("advisor_workers", "Living workers, by a queue that they serve.", labels=("queue",))
    serving = Counts(queue for queues in living.values() for queue in queues)
    for queue in QUEUES:
        metric.add_metric((queue,), serving[queue])
    return metric


def _work(figures: Figures) -> Iterator[Metric]:
    metric = GaugeMetricFamily("advisor_comparisons", "Comparisons that are stored, by status.", labels=("status",))
    for status in Status:
        metric.add_metric((status,), figures.comparisons.get(status, 0))
    yield metric
    metric = GaugeMetricFamily("advisor_trials", "Trials that are stored, by status.", labels=("status",))
    for state in TRIAL_STATES:
        metric.add_metric((state,), figures.trials.get(state, 0))
    yield metric
    happened = CounterMetricFamily(
        "advisor_events", "What happened to comparisons: trial_given_up, failed and so on.", labels=("kind",)
    )
    for kind, count in sorted(figures.events.items()):
        happened.add_metric((kind,), count)
    yield happened
    seconds = HistogramMetricFamily(
        "advisor_trial_seconds", "Seconds of finished trials, fitting and predicting together.", labels=("arm",)
    )
    for arm, took in sorted(figures.trial_seconds.items()):
        bounds = [*map(str, SECONDS), "+Inf"]
        seconds.add_metric((arm,), list(zip(bounds, (*took.at_most, took.count), strict=True)), took.total)
    yield seconds


def _spent(figures: Figures) -> Iterator[Metric]:
    tokens = CounterMetricFamily(
        "advisor_tokens", "Tokens of models' answers to finished trials, kept answers included.", labels=("arm", "part")
    )
    money = CounterMetricFamily(
        "advisor_cost", "What those answers cost where prices are known, in their currency.", labels=("arm",)
    )
    for arm, spent in sorted(figures.spent.items()):
        tokens.add_metric((arm, "input"), spent.input_tokens)
        tokens.add_metric((arm, "output"), spent.output_tokens)
        money.add_metric((arm,), spent.cost)
    yield tokens
    yield money
