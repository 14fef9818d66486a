"""What the form advised beside what was measured."""

from __future__ import annotations

from evaluation.decision import VerdictKind
from evaluation.numbers import percent, unsigned_points
from evaluation.render.metrics import metric_title
from evaluation.report import Report
from rules.family import Family
from rules.finding import Method

METHOD_OF_FAMILY = {
    "zero_shot": Method.PROMPTING,
    "few_shot": Method.PROMPTING,
    "retrieval": Method.RETRIEVAL,
    "lora": Method.FINE_TUNING,
}
"""A classifier head is none of the three methods that the form knows."""


def advice_beside_figures(report: Report) -> str | None:
    """Whether both say the same, and which of them counts; None without a form."""
    assessment = report.assessment
    if assessment is None:
        return None
    vetoes = assessment.methods[Method.FINE_TUNING].vetoes
    start = assessment.advice.start_with.replace("_", " ")
    if vetoes and report.arm(report.verdict.arm).family == Family.LORA:
        # Only where nothing else was compared: a fine-tune that is ruled out is not chosen otherwise.
        return (
            f"The form forbids a fine-tune ({', '.join(vetoes)}), whatever was measured: "
            "clear that first, then act on the figures."
        )
    if report.verdict.kind is VerdictKind.FINE_TUNE and not assessment.readiness.ready:
        return (
            f"Measured, a fine-tune wins; by the form the project is not ready for one, and advises to start "
            f"with {start}. Answer the open questions before paying."
        )
    against = f" It also forbids a fine-tune ({', '.join(vetoes)})." if vetoes else ""
    return f"The form advises to start with {start}. {_advised(report, assessment.advice.start_with)}{against}"


def _advised(report: Report, start_with: str) -> str:
    """How the advised method did, against the arm of the verdict."""
    chosen = report.arm(report.verdict.arm)
    advised = [arm for arm in report.arms if METHOD_OF_FAMILY.get(arm.family) == start_with]
    if not advised:
        return f"The figures say: {report.verdict.headline}"
    best = max(advised, key=lambda arm: arm.accuracy)
    if chosen in advised:
        return f"The figures agree: {chosen.title} {_reached(report)} {percent(chosen.accuracy)}."
    gap = unsigned_points(chosen.accuracy - best.accuracy)
    side = "behind" if best.accuracy < chosen.accuracy else "ahead of"
    return (
        f"Measured on these examples, {best.title} {_reached(report)} {percent(best.accuracy)}, {gap} {side} "
        f"{chosen.title}: the form cannot know that, and the figures decide."
    )


def _reached(report: Report) -> str:
    return "was right in" if report.metric == "accuracy" else f"reached a mean {metric_title(report.metric)} of"
