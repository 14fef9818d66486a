"""A bar for each arm while a comparison runs; nothing at all when the output is not a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from adapters.generative.chat import ChatClient
from adapters.generative.chat import Progress as Answers
from evaluation.arm import Foreseen
from evaluation.comparison import Progress as ComparisonProgress
from evaluation.trials import PlannedTrial
from service.commands.approval import Approval


class Bars(ComparisonProgress):
    """Use as a context manager around the comparison. What `client` is told shows on a bar of its own; `approval` is
    asked before anything is paid for."""

    def __init__(self, client: ChatClient | None = None, approval: Approval | None = None) -> None:
        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._arms: dict[str, TaskID] = {}
        self._reading: TaskID | None = None
        self._asking: TaskID | None = None
        self._approval, self._client = approval, client
        if client is not None:
            client.watch = self._asked

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def foreseen(self, spending: Foreseen) -> None:
        self._bars.stop()
        if self._approval is not None:
            self._approval.ask(spending, affordable=self._client is None or self._client.affords(spending))
        self._bars.start()

    def planned(self, trials: Sequence[PlannedTrial]) -> None:
        for name, count in Counter(trial.spec.name for trial in trials).items():
            if name in self._arms:
                self._bars.reset(self._arms[name], total=count)
                continue
            title = next(trial.spec.title for trial in trials if trial.spec.name == name)
            self._arms[name] = self._bars.add_task(title, total=count, start=False)
        self._start(trials[0].spec.name)

    def preparing(self) -> None:
        if self._reading is None:
            self._reading = self._bars.add_task("reading every text once", total=None)

    def prepared(self) -> None:
        if self._reading is not None:
            self._bars.update(self._reading, total=1, completed=1)

    def done(self, trial: PlannedTrial) -> None:
        self._start(trial.spec.name)
        self._bars.advance(self._arms[trial.spec.name])

    def _asked(self, answers: Answers) -> None:
        """Of one trial; a line of its own, since one trial may be thousands of calls."""
        told = f"answers ({answers.cached:,} kept, {answers.failures:,} failed)"
        if self._asking is None:
            self._asking = self._bars.add_task(told, total=answers.total)
        self._bars.update(self._asking, description=told, total=answers.total, completed=answers.done)

    def _start(self, arm: str) -> None:
        task = self._bars.tasks[self._arms[arm]]
        if task.start_time is None:
            self._bars.start_task(self._arms[arm])
