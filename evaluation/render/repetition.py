"""How answers agree when the same is asked again, in words."""

from __future__ import annotations

from evaluation.numbers import percent, points
from evaluation.repetition import Span
from evaluation.report import Report


def repetition_sentences(report: Report) -> list[str]:
    """One for each temperature, and one for the difference of the first two. Empty where nobody asked for it."""
    asked = report.repetition
    if asked is None:
        return []
    title = report.arm(asked.arm).title
    told = []
    for one in asked.settings:
        right = ""
        if one.single_call is not None and one.majority is not None:
            right = (
                f" One call is right in {percent(one.single_call.value)}, the most frequent of {asked.calls} answers "
                f"in {percent(one.majority.value)}."
            )
        told.append(
            f"At {one.setting}, {title} gave the same answer in all {asked.calls} calls to {_share(one.unanimous)} of "
            f"{asked.items} rows; asked once more it repeats itself in {_share(one.agreement)}.{right}"
        )
    if asked.difference is not None:
        gap = asked.difference.agreement
        told.append(
            f"Agreement at {asked.difference.setting}: {points(gap.value)} ({points(gap.low)} to {points(gap.high)})."
        )
    return told


def _share(span: Span) -> str:
    return f"{percent(span.value)} ({percent(span.low)} to {percent(span.high)})"
