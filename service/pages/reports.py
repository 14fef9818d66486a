"""The decision memo as part of a comparison's page, and the rows on which two arms disagree."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.access.caller import Role
from service.api.dependencies import ComparisonId, ComparisonsDep, SettingsDep, needs
from service.errors import NotFound
from service.pages.charts import arms_chart, contrasts_chart, curve_chart
from service.pages.rendering import fragment, is_partial
from service.refusals import Refusal
from service.settings import Settings
from service.storage.comparisons import Status, StoredComparison
from service.storage.folders import comparison_folder

if TYPE_CHECKING:
    from evaluation.render.view import View
    from evaluation.report import Disagreement, Report

MOST_ROWS: Final = 25
"""On which arms disagree, on one page."""
router = APIRouter(prefix="/comparisons")


class ReportView:
    """One report, and which rows of disagreement are shown: those where `first` and `second` differ, all of them or
    those that only one of the two has right (`show` is `all`, `first` or `second`)."""

    def __init__(self, report: Report, stored: StoredComparison, first: str, second: str, show: str) -> None:
        names = [arm.name for arm in report.arms]
        self.report, self._by_label = report, stored.request.get("kind") == "classification"
        self.first = first if first in names else ""
        self.second = second if second in names and second != self.first else ""
        self.show = show if show in ("first", "second") and self.first and self.second else "all"

    @cached_property
    def view(self) -> View:
        """Its facts in words."""
        from evaluation.render.view import View  # loads numerical libraries

        return View(self.report)

    @cached_property
    def charts(self) -> dict[str, Any]:
        """What the charts are drawn from."""
        return {
            "arms": arms_chart(self.view),
            "contrasts": contrasts_chart(self.view),
            "curve": curve_chart(self.view) if self.report.learning and self.report.learning.curves else None,
        }

    @cached_property
    def rows(self) -> list[Disagreement]:
        """Rows of the report that are chosen."""
        return [row for row in self.report.disagreements if self._is_chosen(row)]

    @property
    def shown(self) -> list[Disagreement]:
        """The first of them."""
        return self.rows[:MOST_ROWS]

    @property
    def pair(self) -> list[Any]:
        """The arms whose answers are shown: the two that are chosen, else all."""
        chosen = [name for name in (self.first, self.second) if name]
        return [arm for arm in self.report.arms if len(chosen) < 2 or arm.name in chosen]

    def judged(self, row: Disagreement) -> list[tuple[str, str]]:
        """The answers of these arms, each marked right or wrong."""
        told = zip(self.report.arms, self.view.marked(row), strict=True)
        return [judged for arm, judged in told if arm in self.pair]

    def _is_chosen(self, row: Disagreement) -> bool:
        if not (self.first and self.second):
            return True
        ours, theirs = self._score(row, self.first), self._score(row, self.second)
        if self.show == "first":
            return ours > theirs
        if self.show == "second":
            return theirs > ours
        return row.answers[self.first] != row.answers[self.second] if self._by_label else ours != theirs

    def _score(self, row: Disagreement, arm: str) -> float:
        return row.scores.get(arm, float(row.answers[arm] == row.target))


def report_of(settings: Settings, stored: StoredComparison) -> Report | None:
    """None until there is one that this version can read."""
    if stored.status is not Status.FINISHED:
        return None
    from service.run_folder import read_report  # loads numerical libraries

    try:
        return read_report(comparison_folder(settings, stored.id))
    except Refusal:
        return None


@router.get("/{id}/report", dependencies=[needs(Role.READER)])
def show_report(request: Request, id: ComparisonId, comparisons: ComparisonsDep, settings: SettingsDep) -> Response:
    """The memo alone, for the page of a comparison that has just finished."""
    stored = comparisons.get(id)
    report = report_of(settings, stored)
    if not is_partial(request) or report is None:
        return RedirectResponse(f"/comparisons/{id}#report", 303)
    return fragment(request, "report.html", stored=stored, report=ReportView(report, stored, "", "", "all"))


@router.get("/{id}/disagreements", dependencies=[needs(Role.READER)])
def show_disagreements(
    request: Request,
    id: ComparisonId,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    first: str = "",
    second: str = "",
    show: str = "all",
) -> Response:
    """Rows on which two arms disagree."""
    stored = comparisons.get(id)
    report = report_of(settings, stored)
    if report is None:
        raise NotFound(f"comparison {id} has no report")
    if not is_partial(request):
        return RedirectResponse(f"/comparisons/{id}?{request.url.query}#disagreements", 303)
    return fragment(
        request, "disagreements.html", stored=stored, report=ReportView(report, stored, first, second, show)
    )
