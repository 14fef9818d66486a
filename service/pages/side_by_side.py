"""Two comparisons or two assessments: figure beside figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evaluation.numbers import percent, unsigned_points
from evaluation.render.assessment import known_score
from rules.assess import Assessment
from rules.finding import METHOD_TITLES, METHODS, Method
from service.pages.rendering import STATUSES, VERDICTS
from service.refusals import Refusal
from service.settings import Settings
from service.storage.comparisons import StoredComparison
from service.storage.folders import comparison_folder

if TYPE_CHECKING:
    from evaluation.report import ArmResult, Report

T = TypeVar("T")
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
    return [
        _row("Advice", both, lambda judged: judged.advice.start_with.replace("_", " ").capitalize()),
        *(_score_row(method, both) for method in METHODS),
        _row("Ruled out by", both, _vetoes),
        _row("Ready to fine-tune", both, lambda judged: "yes" if judged.readiness.ready else "no"),
        _row("Questions that are open", both, lambda judged: str(len(judged.next_questions))),
    ]


def beside_reports(settings: Settings, both: Sequence[StoredComparison]) -> Beside:
    """Verdicts and figures, as far as they are there."""
    first, second = (_report(settings, stored) for stored in both)
    standing = [
        _row("Status", both, lambda stored: STATUSES[stored.status]),
        _row("Started", both, lambda stored: f"{stored.created_at:%Y-%m-%d %H:%M} UTC"),
        _row("Seed", both, lambda stored: str(stored.request.get("seed", ""))),
    ]
    if first is None or second is None:
        return Beside(["Only one of them, or none, has a report yet."], standing, [])
    reports = (first, second)
    titles = dict.fromkeys(arm.title for report in reports for arm in report.arms)
    arms = [_arm_row(title, reports) for title in titles]
    return Beside(list(_notes(first, second)), [*_verdict_rows(reports), *standing], arms)


def _verdict_rows(both: Sequence[Report]) -> list[Row]:
    return [
        _row("Verdict", both, lambda report: VERDICTS[report.verdict.kind]),
        _row("In a sentence", both, lambda report: report.verdict.headline),
        _row("Recommended", both, lambda report: report.arm(report.verdict.arm).title),
        _row("Measured", both, lambda report: _measured(report.arm(report.verdict.arm))),
        _row(
            "Chance that it is the best choice", both,
            lambda report: percent(report.verdict.probability_best[report.verdict.arm], 0),
        ),
        _row(
            "Expected loss if you stop here", both, lambda report: unsigned_points(report.verdict.expected_regret)
        ),
        _row("Rows tested", both, lambda report: f"{report.split.tested:,}"),
        _row("Rows to learn from", both, lambda report: f"{report.split.train_size:,}"),
    ]  # fmt: skip


def _row(what: str, both: Sequence[T], tell: Callable[[T], str]) -> Row:
    first, second = both
    return what, tell(first), tell(second)


def _score_row(method: Method, both: Sequence[Assessment]) -> Row:
    return _row(f"Score of {METHOD_TITLES[method].lower()}", both, lambda judged: known_score(judged.methods[method]))


def _arm_row(title: str, both: Sequence[Report]) -> Row:
    def tell(report: Report) -> str:
        arm = next((arm for arm in report.arms if arm.title == title), None)
        return _measured(arm) if arm else "not compared"

    return _row(title, both, tell)


def _vetoes(judged: Assessment) -> str:
    codes = {code for score in judged.methods.values() for code in score.vetoes}
    return ", ".join(sorted(codes)) or "nothing"


def _measured(arm: ArmResult) -> str:
    return f"{percent(arm.accuracy)} ({percent(arm.low)} to {percent(arm.high)})"


def _notes(first: Report, second: Report) -> Sequence[str]:
    notes = []
    if first.provenance.dataset_sha256 != second.provenance.dataset_sha256:
        notes.append("They rest on different examples: a difference between the two columns may be the examples'.")
    elif first.provenance.split_sha256 != second.provenance.split_sha256:
        notes.append("They rest on the same examples, split differently.")
    if first.metric != second.metric:
        notes.append("They were decided by different metrics: the figures cannot be compared.")
    return notes or ["They rest on the same examples and the same split."]


def _report(settings: Settings, stored: StoredComparison) -> Report | None:
    from service.run_folder import read_report  # loads numerical libraries

    try:
        return read_report(comparison_folder(settings, stored.id))
    except Refusal:
        return None
