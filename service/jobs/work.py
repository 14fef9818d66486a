"""What a worker's child process does: audits, the next step of a comparison, one trial. Files in, files out.

No database and no queue: what a comparison is lies in its folder, and so does all that comes of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from adapters.generative.chat import ChatClient
from evaluation.arm import Foreseen
from evaluation.comparison import Comparison, Progress, compare
from evaluation.dataset import inputs_of
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from evaluation.splits import Fold
from evaluation.trials import FinishedTrial, PlannedTrial, TrialsWanted, collect_trials, finished_trial, run_trial
from rules.choices import Kind
from service.commands.compare import Prepared, Request, prepare
from service.commands.examples import configured_encoder, read_examples
from service.commands.task_file import read_task_file
from service.refusals import Refusal
from service.run_folder import write_report, write_whole
from service.settings import Settings
from service.storage.folders import CORPUS, EXAMPLES, FORM, REQUEST, TASK, TEST

WANTED: Final = "wanted"
"""Folder of a comparison's folder, with the trials that are to be run."""
LOCAL: Final = "local"
TRIALS_QUEUE: Final = "trials"
GPU: Final = "gpu"
Tell = Callable[[str, dict[str, Any]], None]
"""Says what happens, by kind, with numbers and names of arms; never with a text of the user's rows."""
Document = dict[str, Any]


class ApprovalWanted(Exception):
    """Somebody has to agree before the comparison goes on; `foreseen` is what they agree to."""

    def __init__(self, foreseen: Document) -> None:
        super().__init__("The comparison waits for approval.")
        self.foreseen = foreseen


class TrialFailed(Exception):
    """The trial cannot be run as it was planned."""


class Work:
    """One process's work; the comparison that it prepared last stays ready for the next piece of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready: tuple[tuple[Path, str], Prepared] | None = None
        self._texts_shown = False

    def audit(self, file: Path, columns: Columns, kind: Kind | None, task: Path | None) -> Document:
        """The audit of a data set by itself."""
        asked = read_task_file(task, kind)
        encoder = configured_encoder(self._settings)
        examples = read_examples(file, None, columns, encoder, EvaluationPolicy(), asked)
        return examples.audit.model_dump(mode="json")

    def advance(self, folder: Path, agreed: Document | None, given_up: Mapping[str, str], tell: Tell) -> Document:
        """Go as far as finished trials lead: to trials that are `wanted`, or to the report's `verdict`. `agreed` is how
        many calls and how much money in all somebody agreed to, None where nobody agreed to anything yet.

        Raises `ApprovalWanted`, `AuditBlocked`, and whatever the command line says in one line.
        """
        tell("reading", {})
        prepared = self._prepared(folder)
        request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        tell("planned", {"plan": prepared.assessment.plan.model_dump(mode="json")})
        comparison = replace(
            prepared.comparison,
            specs=tuple(spec for spec in prepared.comparison.specs if spec.name not in given_up),
            given_up={spec.title: given_up[spec.name] for spec in prepared.comparison.specs if spec.name in given_up},
        )
        watch = _Watch(self._settings, prepared.client, request["hold"], agreed, tell)
        try:
            report = compare(comparison, prepared.audit, watch, collect_trials)
        except TrialsWanted as wanted:
            return {"wanted": [self._want(folder, prepared, trial) for trial in wanted.trials]}
        tell("reporting", {})
        write_report(folder, report)
        verdict = report.verdict
        return {
            "verdict": {
                "kind": verdict.kind, "arm": verdict.arm, "title": report.arm(verdict.arm).title,
                "headline": verdict.headline,
            }
        }  # fmt: skip

    def trial(self, folder: Path, key: str) -> Document:
        """Run one trial, unless it has run; `seconds` is how long it took."""
        comparison = self._prepared(folder).comparison
        planned = _read_wanted(folder, key, comparison)
        done = finished_trial(planned, comparison.folder)
        if done is None:
            self._show_texts(folder)
            comparison.folder.mkdir(parents=True, exist_ok=True)
            done = run_trial(planned, comparison.folder)
        return {"seconds": done.trial.fit_seconds + done.trial.predict_seconds, "usage": _usage(done)}

    def _want(self, folder: Path, prepared: Prepared, planned: PlannedTrial) -> Document:
        """Leave the trial in the folder for whoever runs it: rows by id and number, no texts."""
        tested = (prepared.comparison.test or prepared.comparison.dataset).examples
        number_of = {row.input: number for number, row in enumerate(tested)}
        told = {
            "key": planned.key, "arm": planned.spec.name, "fold": planned.fold, "run": planned.run,
            "seed": planned.seed, "near": planned.near, "tested": planned.rows.tested,
            "inputs": [number_of[text] for text in planned.inputs], "train": [row.id for row in planned.rows.train],
        }  # fmt: skip
        write_whole(folder / WANTED / f"{planned.key}.json", json.dumps(told))
        local = planned.spec.foresee is None and planned.spec.base_model != configured_encoder(self._settings).name
        return {
            "key": planned.key, "arm": planned.spec.name, "title": planned.spec.title,
            "train_size": len(planned.rows.train), "queue": GPU if local else TRIALS_QUEUE,
        }  # fmt: skip

    def _prepared(self, folder: Path) -> Prepared:
        """Made anew where something else is asked of it than before: it may go on with another budget."""
        asked = (folder / REQUEST).read_text(encoding="utf-8")
        request = _request_in(folder, json.loads(asked), self._settings)
        if self._ready is None or self._ready[0] != (folder, asked):
            self._ready, self._texts_shown = None, False
            self._ready = ((folder, asked), prepare(request, self._settings, folder))
        return self._ready[1]

    def _show_texts(self, folder: Path) -> None:
        """As at the start of every comparison: each base model reads all texts once, in file order."""
        comparison = self._prepared(folder).comparison
        if self._texts_shown:
            return
        rows = (*comparison.dataset.examples, *(comparison.test.examples if comparison.test else ()))
        for prepare_texts in dict.fromkeys(spec.prepare for spec in comparison.specs):
            prepare_texts(inputs_of(rows))
        self._texts_shown = True


def _usage(done: FinishedTrial) -> Document | None:
    """What its answers took in all, as far as it was stated; None where none costs anything but time."""
    stated = [prediction.usage for prediction in done.predictions if prediction.usage is not None]
    if not stated:
        return None
    return {
        "answers": len(stated),
        "input_tokens": sum(usage.input_tokens or 0 for usage in stated),
        "output_tokens": sum(usage.output_tokens or 0 for usage in stated),
        "cost": sum(usage.cost or 0.0 for usage in stated),
    }


class _Watch(Progress):
    """Tells how many trials each arm has, and stops before anything is spent that nobody agreed to."""

    def __init__(
        self, settings: Settings, client: ChatClient | None, hold: bool, agreed: Document | None, tell: Tell
    ) -> None:
        self._settings, self._client, self._hold, self._agreed, self._tell = settings, client, hold, agreed, tell

    def foreseen(self, spending: Foreseen) -> None:
        """An agreement covers what it named and no more; small sums beyond it need none."""
        self._tell("foreseen", {**spending._asdict(), "reason": "spending"})
        spent = self._client.spent_so_far() if self._client is not None else None
        calls = spending.calls + (spent.calls if spent else 0)
        cost = (spending.cost or 0.0) + (spent.money if spent else 0.0)
        agreed = self._agreed or {"calls": 0, "cost": 0.0}
        much = (
            calls - agreed["calls"] > self._settings.approve_above_calls
            or cost - agreed["cost"] > self._settings.approve_above_money
        )
        if much or (self._hold and self._agreed is None):
            in_all = {"calls": calls, "cost": cost}
            raise ApprovalWanted({**spending._asdict(), "reason": "spending", "in_all": in_all})

    def planned(self, trials: Sequence[PlannedTrial]) -> None:
        if self._hold and self._agreed is None:
            in_all = {"calls": 0, "cost": 0.0}
            raise ApprovalWanted({**Foreseen(0, 0, 0, 0.0, None)._asdict(), "reason": "plan", "in_all": in_all})
        counts = Counter(trial.spec.name for trial in trials)
        titles = {trial.spec.name: trial.spec.title for trial in trials}
        arms = [{"arm": arm, "title": titles[arm], "trials": count} for arm, count in counts.items()]
        self._tell("trials_planned", {"arms": arms})


def _request_in(folder: Path, told: Document, settings: Settings) -> Request:
    """What was asked for over HTTP, as the command line would have asked for it. `Refusal` where something that it
    reads is gone: it would be another comparison."""

    def there(name: str) -> Path | None:
        return folder / name if (folder / name).exists() else None

    def only_file(name: str) -> Path | None:
        return next(iter(sorted((folder / name).iterdir())), None) if (folder / name).is_dir() else None

    data, test, documents = only_file(EXAMPLES), only_file(TEST), folder / CORPUS
    wanted = {
        "examples": data is not None,
        "test rows": test is not None or told["test"] is None,
        "documents": documents.exists() or told["corpus"] is None,
    }
    for what, is_there in wanted.items():
        if not is_there:
            raise Refusal(f"The {what} of this comparison were deleted; upload them and start another one.")
    assert data is not None
    backends = tuple(told["backends"])
    searched = documents / CORPUS if told["corpus"] is not None else None
    return Request(
        data=data, test=test, form=there(FORM), task=there(TASK), corpus=searched,
        seed=told["seed"], input_column=told["input_column"], output_column=told["output_column"],
        accept=tuple(told["accept"]), by=told["accepted_by"], kind=told["kind"], backends=backends,
        learning_curve=told["learning_curve"], training_cost=told["training_cost"], exhaustive=told["exhaustive"],
        budget=told["budget"], calls=told["calls"], yes=True, improve_prompt=told["improve_prompt"],
        search_service=told["search_service"], indexes=documents / "indexes", temperatures=tuple(told["temperatures"]),
        model=settings.local_model if LOCAL in backends else None, passages=told["passages"],
        written_labels=told["written_labels"],
    )  # fmt: skip


def _read_wanted(folder: Path, key: str, comparison: Comparison) -> PlannedTrial:
    """The trial as it was planned; `TrialFailed` where this machine would run another one under its name."""
    told = json.loads((folder / WANTED / f"{key}.json").read_text(encoding="utf-8"))
    spec = next((spec for spec in comparison.specs if spec.name == told["arm"]), None)
    if spec is None:
        raise TrialFailed(f"this worker has no arm {told['arm']}; its settings differ from those that planned it")
    rows = {row.id: row for row in comparison.dataset.examples}
    tested = (comparison.test or comparison.dataset).examples
    planned = PlannedTrial(
        spec, comparison.task, told["fold"], told["run"], told["seed"],
        Fold(tuple(rows[id] for id in told["train"]), tuple(told["tested"])),
        tuple(tested[number].input for number in told["inputs"]), told["near"],
    )  # fmt: skip
    if planned.key != key:
        raise TrialFailed(
            f"{spec.title} would be another trial on this worker than the planned one: "
            "its weights, versions or settings differ from those of the worker that planned it"
        )
    return planned
