"""`advisor judge`: which of two arms' answers are better, by a judge whom people's grades correct."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console

from adapters.generative.judging import ask_for_verdicts, foresee_verdicts
from evaluation.judge import FEWEST_HUMAN_LABELS, Bench, NotCalibrated, Pair, draw_for_people, judge, prefer, questions
from evaluation.judged_pair import JudgedPair
from evaluation.kept_rows import JUDGED_KINDS, KeptRows, read_kept_rows
from evaluation.render.judged import judged_sentences
from evaluation.report import Report
from service.commands.approval import Approval
from service.commands.progress import Bars
from service.commands.terminal_report import show_judged
from service.endpoint import budget_of, chat_client
from service.judge_sheet import BETTER, SheetKey, find_key, read_grades, write_key, write_sheet
from service.refusals import Refusal
from service.rulebook import load_rulebook
from service.run_folder import TRIALS, locked, read_report, write_report
from service.settings import load_settings

LEDGER: Final = "judge"
"""What a judge costs is counted apart from the comparison."""


@dataclass(frozen=True)
class JudgeRequest:
    """The command's arguments."""

    folder: Path
    sheet: Path | None = None
    grades: Path | None = None
    criterion: str | None = None
    arms: str | None = None
    rows: int = 50
    seed: int = 1
    models: Path | None = None
    budget: float | None = None
    calls: int | None = None
    yes: bool = False


@dataclass(frozen=True)
class Judged:
    """A finished comparison of written answers."""

    folder: Path
    report: Report
    kept: KeptRows

    def pairs(self, arms: tuple[str, str]) -> list[Pair]:
        """Both arms' answers to every tested row."""
        one, other = (self._answers(arm) for arm in arms)
        rows = zip(self.kept.rows, one, other, strict=True)
        return [Pair(row.input, first, second, row.references) for row, first, second in rows]

    def _answers(self, arm: str) -> list[str | None]:
        answers = self.kept.answers_of(arm, self.report.provenance.trials, self.folder / TRIALS)
        if answers is None:
            raise Refusal(
                f"{self.folder} no longer has the answers of {arm!r} to the rows of its report; run the comparison "
                "again: finished trials are used."
            )
        return answers


def run_judge(request: JudgeRequest) -> None:
    """`Refusal` for arguments that do not go together, before anything is read."""
    if (request.sheet is None) == (request.grades is None):
        raise Refusal("Expected --sheet FILE.csv to draw rows for a person, or --grades FILE.csv when they are graded.")
    if request.grades is not None and not (request.criterion or "").strip():
        raise Refusal('--grades needs --criterion "...": say in one sentence what makes an answer better.')
    if request.grades is not None and request.arms is not None:
        raise Refusal("--arms goes with --sheet; the grades tell which arms they are about.")
    judged = _read(request.folder)
    if request.sheet is not None:
        _draw(request, judged, request.sheet)
    elif request.grades is not None:
        _ask(request, judged, request.grades)


def _read(folder: Path) -> Judged:
    report = read_report(folder)
    kept = read_kept_rows(folder / TRIALS)
    if kept is None:
        raise Refusal(
            f"{folder} keeps no rows to judge: answers are judged where they are written ({' or '.join(JUDGED_KINDS)}) "
            "and were asked for here, not recorded elsewhere. If they were, run the comparison again: finished trials "
            "are used."
        )
    return Judged(folder, report, kept)


def _draw(request: JudgeRequest, judged: Judged, sheet: Path) -> None:
    arms = _arms(request.arms, judged.report)
    if len(judged.kept.rows) < FEWEST_HUMAN_LABELS:
        raise Refusal(
            f"{judged.folder} has {len(judged.kept.rows)} tested rows; a judge needs at least {FEWEST_HUMAN_LABELS} "
            "that people have graded."
        )
    pairs = judged.pairs(arms)
    try:
        sample = draw_for_people(pairs, request.rows, np.random.default_rng([request.seed, 5]))
    except NotCalibrated:
        differ = sum(pair.settled is None for pair in pairs)
        raise Refusal(
            f"Both arms gave an answer, and not the same one, to {differ} of {len(pairs)} tested rows; a judge needs "
            f"at least {FEWEST_HUMAN_LABELS} that people have graded."
        ) from None
    key = SheetKey.of(sample, arms, request.seed, judged.kept.rows)
    write_sheet(sheet, key, pairs, judged.kept.rows)
    write_key(judged.folder, key)
    one, other = (judged.report.arm(arm).title for arm in arms)
    print(
        f"wrote {sheet}: {len(key.places)} rows, drawn at random from {len(pairs):,}, with an answer of {one} and one "
        f"of {other}; which is which stays in {judged.folder}.\n"
        f"Let somebody who knows the task fill in the column {BETTER!r} with 1, 2 or tie, from the top and without a "
        f"gap, at least {FEWEST_HUMAN_LABELS} rows, by the criterion that you then give the judge:\n"
        f'advisor judge {judged.folder} --grades {sheet} --criterion "..."'
    )


def _ask(request: JudgeRequest, judged: Judged, sheet: Path) -> None:
    grades, criterion = read_grades(sheet), " ".join(str(request.criterion).split())
    key = find_key(judged.folder, grades)
    pairs = judged.pairs(key.arms)
    sample, verdicts = grades.on(key, key.sample(pairs, judged.kept.rows), judged.kept.rows)
    settings = load_settings()
    known = load_rulebook(None, request.models or settings.models).model(settings.endpoint_model)
    budget = budget_of(settings, known, request)
    fingerprint = judged.report.provenance.dataset_sha256
    client = chat_client(settings, fingerprint, judged.folder / LEDGER, budget)
    prompts = list(dict.fromkeys(question.text for question in questions(pairs, criterion)))
    with Bars(client, Approval.of(settings, request)) as bars:
        foreseen = foresee_verdicts(client, prompts)
        if foreseen.calls:
            bars.foreseen(foreseen)
        said = ask_for_verdicts(client, prompts)
    judgements = judge(pairs, criterion, said.get)
    bench = Bench(settings.endpoint_model, criterion, tuple(judged.report.arm(key.arms[0]).metrics))
    design = judged.kept.design(judged.report.split.design, judged.report.policy)
    try:
        preference = prefer(pairs, judgements, sample.scores(pairs, verdicts), design, bench)
    except NotCalibrated as error:
        lost = sum(judgement.score is None for judgement in judgements)
        raise Refusal(
            f"{error} The judge gave no verdict on {lost} of {len(pairs)} rows; the same command asks about them again."
        ) from None
    base_models = [judged.report.arm(arm).base_model for arm in key.arms]
    pair = JudgedPair.of(key.arms, preference, base_models, judged.report.policy.confidence)
    report = judged.report.model_copy(update={"judged": pair})
    with locked(judged.folder):
        paths = write_report(judged.folder, report)
    show_judged(judged_sentences(report), Console())
    print("\n".join(f"wrote {path}" for path in paths))


def _arms(named: str | None, report: Report) -> tuple[str, str]:
    """As named, else the recommended arm and the best of another kind, or the best other where all are of one."""
    if named is None:
        chosen = report.arm(report.verdict.arm)
        others = [arm for arm in report.arms if arm is not chosen]
        of_another_kind = [arm for arm in others if arm.family != chosen.family] or others
        return chosen.name, max(of_another_kind, key=lambda arm: arm.accuracy).name
    known = [arm.name for arm in report.arms]
    arms = [name.strip() for name in named.split(",")]
    if len(arms) != 2 or arms[0] == arms[1] or not set(arms) <= set(known):
        raise Refusal(f"--arms {named}: expected two of {', '.join(known)}, with a comma between them.")
    return arms[0], arms[1]
