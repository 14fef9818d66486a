"""Two comparisons or two assessments: figure beside figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.numbers import percent, unsigned_points
from evaluation.render.assessment import known_score
from rules.assess import Assessment
from rules.finding import METHOD_TITLES, METHODS
from service.pages.rendering import STATUSES, VERDICTS
from service.refusals import Refusal
from service.settings import Settings
from service.storage.comparisons import StoredComparison
from service.storage.folders import comparison_folder

if TYPE_CHECKING:
    from evaluation.report import Report

Row = tuple[str, str, str]
"""What it is, and both figures."""


@dataclass(frozen=True)
class Beside:
    """Two comparisons; `notes` say what keeps their figures from being compared."""

    notes: Sequence[str]
    rows: Sequence[Row]
    arms: Sequence[Row]


def beside_assessments(first: Assessment, second: Assessment) -> list[Row]:
    """Scores, vetoes and advice."""
    both = (first, second)
    scores = [
        (METHOD_TITLES[method], *(known_score(judged.methods[method]) for judged in both)) for method in METHODS
    ]
    vetoes = [", ".join(sorted({code for score in judged.methods.values() for code in score.vetoes})) for judged in both]
    return [
        ("Advice", *(judged.advice.start_with.replace("_", " ").capitalize() for judged in both)),
        *((f"Score of {title.lower()}", ours, theirs) for title, ours, theirs in scores),
        ("Ruled out by", vetoes[0] or "nothing", vetoes[1] or "nothing"),
        ("Ready to fine-tune", *("yes" if judged.readiness.ready else "no" for judged in both)),
        ("Questions that are open", *(str(len(judged.next_questions)) for judged in both)),
    ]  # fmt: skip


def beside_reports(settings: Settings, both: Sequence[StoredComparison]) -> Beside:
    """Verdicts and figures, as far as they are there."""
    reports = [_report(settings, stored) for stored in both]
    standing: list[Row] = [
        ("Status", *(STATUSES[stored.status] for stored in both)),
        ("Started", *(f"{stored.created_at:%Y-%m-%d %H:%M} UTC" for stored in both)),
        ("Seed", *(str(stored.request.get("seed", "")) for stored in both)),
    ]  # fmt: skip
    first, second = reports
    if first is None or second is None:
        return Beside(["Only one of them, or none, has a report yet."], standing, [])
    titles = list(dict.fromkeys(arm.title for report in (first, second) for arm in report.arms))
    arms = [(title, _accuracy(first, title), _accuracy(second, title)) for title in titles]
    return Beside(list(_notes(first, second)), [*_verdict_rows(first, second), *standing], arms)


def _verdict_rows(first: Report, second: Report) -> list[Row]:
    both = (first, second)
    chosen = [report.arm(report.verdict.arm) for report in both]
    return [
        ("Verdict", *(VERDICTS[report.verdict.kind] for report in both)),
        ("In a sentence", *(report.verdict.headline for report in both)),
        ("Recommended", *(arm.title for arm in chosen)),
        ("Measured", *(f"{percent(arm.accuracy)} ({percent(arm.low)} to {percent(arm.high)})" for arm in chosen)),
        ("Chance that it is the best choice", *(
            percent(report.verdict.probability_best[report.verdict.arm], 0) for report in both
        )),
        ("Expected loss if you stop here", *(unsigned_points(report.verdict.expected_regret) for report in both)),
        ("Rows tested", *(f"{report.split.tested:,}" for report in both)),
        ("Rows to learn from", *(f"{report.split.train_size:,}" for report in both)),
    ]  # fmt: skip


def _notes(first: Report, second: Report) -> Sequence[str]:
    notes = []
    if first.provenance.dataset_sha256 != second.provenance.dataset_sha256:
        notes.append("They rest on different examples: a difference between the two columns may be the examples'.")
    elif first.provenance.split_sha256 != second.provenance.split_sha256:
        notes.append("They rest on the same examples, split differently.")
    if first.metric != second.metric:
        notes.append("They were decided by different metrics: the figures cannot be compared.")
    return notes or ["They rest on the same examples and the same split."]


def _accuracy(report: Report, title: str) -> str:
    arm = next((arm for arm in report.arms if arm.title == title), None)
    return f"{percent(arm.accuracy)} ({percent(arm.low)} to {percent(arm.high)})" if arm else "not compared"


def _report(settings: Settings, stored: StoredComparison) -> Report | None:
    from service.run_folder import read_report  # loads numerical libraries

    try:
        return read_report(comparison_folder(settings, stored.id))
    except Refusal:
        return None
