"""What a judge and people said of two arms' answers, in words."""

from __future__ import annotations

from evaluation.judged_pair import JudgedPair
from evaluation.numbers import percent
from evaluation.render.metrics import metric_title
from evaluation.report import Report


def judged_sentences(report: Report) -> list[str]:
    """Result, grounds and doubts. Empty where nobody asked a judge."""
    judged = report.judged
    if judged is None:
        return []
    one, other = report.arm(judged.one), report.arm(judged.other)
    figures = [
        f"{metric_title(name)} {percent(one.metrics[name])} and {percent(other.metrics[name])}"
        for name in judged.beside
    ]
    return [
        f"Answers of {one.title} are better than those of {other.title} on {percent(judged.win_rate)} of the rows "
        f"({percent(report.policy.confidence, 0)} interval {percent(judged.low)} to {percent(judged.high)}; a tie "
        f"counts half, 50% is no difference). {_conclusion(judged, one.title, other.title)}",
        f'{judged.judge} was the judge, by this criterion: "{judged.criterion.rstrip(".")}". On {judged.graded:,} '
        "rows, drawn at random, people said which answer is better without knowing whose it was; their grades correct "
        "the judge's.",
        f"The judge shares people's grade on {percent(judged.agreement)} of these rows. {_weight(judged)}",
        _asked(judged),
        f"Beside it, for {one.title} and for {other.title}: {'; '.join(figures)}.",
        *(f"Doubt: {doubt}" for doubt in judged.doubts),
        f"The verdict of this comparison rests on {metric_title(report.metric)}, not on the judge.",
    ]


def _conclusion(judged: JudgedPair, one: str, other: str) -> str:
    if judged.low > 0.5:
        return f"So {one} writes the better answers."
    if judged.high < 0.5:
        return f"So {other} writes the better answers."
    return "So neither can be called better."


def _weight(judged: JudgedPair) -> str:
    if judged.ungraded == 0:
        return "People graded every row, so the result rests on their grades alone."
    weight = f"{judged.weight:.2f} (1 where people always bear it out)"
    return f"Its verdicts on the other rows count with a weight of {weight}."


def _asked(judged: JudgedPair) -> str:
    told = f"It was asked about {judged.asked:,} rows in both orders; "
    if judged.swayed:
        share = percent(judged.swayed / judged.asked)
        told += f"on {judged.swayed:,} of them ({share}) the better answer changed with its place, which is a tie."
    else:
        told += "on none of them did the better answer change with its place."
    settled = judged.rows - judged.asked
    if settled:
        told += f" {settled:,} more needed no question: an answer is missing, or both are the same."
    if judged.longer is not None:
        told += f" Where it preferred an answer, that was the longer one in {percent(judged.longer)}."
    return told
