"""A report's facts in the words and units that the page, the Markdown and the terminal share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from evaluation.decision import VerdictKind
from evaluation.leakage import Measured
from evaluation.numbers import milliseconds, percent, points, probability, seconds, unsigned_points
from evaluation.recorded import NOT_STATED
from evaluation.report import ArmResult, Disagreement, Report
from rules.family import Family
from rules.finding import METHOD_TITLES, Method

VERDICTS = {
    VerdictKind.FINE_TUNE: "Fine-tune",
    VerdictKind.KEEP: "Keep the cheaper way",
    VerdictKind.PROVISIONAL: "Provisional",
    VerdictKind.NO_COMPARISON: "No comparison",
}
DESIGNS = {
    "cross_fit": "cross-fitting: every row tested once, by a fit on the other folds",
    "sealed": "a sealed test set, drawn once and never trained on",
    "given": "the test file that was given",
}
METHOD_OF_FAMILY = {
    "zero_shot": Method.PROMPTING,
    "few_shot": Method.PROMPTING,
    "retrieval": Method.RETRIEVAL,
    "lora": Method.FINE_TUNING,
}
"""A classifier head is none of the three methods that the form knows."""


@dataclass(frozen=True)
class Mark:
    """One line of a forest plot; positions are percent of the plot's width."""

    label: str
    text: str
    left: float
    width: float
    centre: float
    chosen: bool


@dataclass(frozen=True)
class Plot:
    """A forest plot: marks on a common axis, with ticks and, for differences, the position of zero."""

    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float | None


class View:
    """Wraps one report for the templates."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.verdict = report.verdict
        self.chosen = report.arm(report.verdict.arm)

    @property
    def kind(self) -> str:
        return VERDICTS[self.verdict.kind]

    @property
    def level(self) -> str:
        """Of every two-sided interval."""
        return percent(self.report.policy.confidence, 0)

    @property
    def design(self) -> str:
        return "answers recorded elsewhere" if self.all_recorded else DESIGNS[self.report.split.design]

    @property
    def all_recorded(self) -> bool:
        """Whether nothing was fitted here."""
        return self.report.origin is not None and not self.report.provenance.trials

    @property
    def metric(self) -> str:
        """What an arm's mean over rows is called."""
        return self.report.origin.metric if self.report.origin else "accuracy"

    @property
    def has_macro_f1(self) -> bool:
        return any(arm.macro_f1 is not None for arm in self.report.arms)

    @cached_property
    def key_figures(self) -> list[tuple[str, str, str]]:
        """Figure, what it is, and its uncertainty."""
        chance = self.verdict.probability_best[self.verdict.arm]
        return [
            (
                percent(self.chosen.accuracy),
                f"{'mean score of' if self.metric == 'score' else 'right with'} {self.chosen.title}",
                f"{self.level} interval {percent(self.chosen.low)} to {percent(self.chosen.high)}",
            ),
            (percent(chance, 0), "chance that this is the best choice", "price taken into account"),
            (
                unsigned_points(self.verdict.expected_regret),
                "expected loss if you stop here",
                "accuracy, on average, against the truly best choice",
            ),
        ]

    @cached_property
    def doubt(self) -> str:
        """The strongest reason not to believe the verdict."""
        split = self.report.split
        return (
            f"{split.tested:,} tested rows cannot tell {self.chosen.title} from its closest rival if they are less "
            f"than {unsigned_points(self.verdict.detectable_gain)} apart."
        )

    @cached_property
    def target(self) -> str | None:
        """Whether the recommended arm reaches what the form asks for; None where it asks for nothing."""
        target, chosen = self.report.target, self.chosen
        if target is None:
            return None
        if chosen.low >= target:
            return f"The target of {percent(target)} is reached."
        reaches = "may or may not be reached" if chosen.high >= target else "is not reached"
        return f"The target of {percent(target)} {reaches} ({percent(chosen.low)} to {percent(chosen.high)})."

    @cached_property
    def base_models(self) -> str:
        """What the arms adapt: one model, or a warning that they differ."""
        names = list(dict.fromkeys(arm.base_model for arm in self.report.arms))
        if NOT_STATED in names:
            return "Not every way states its model: part of a difference may be the model's."
        if len(names) == 1:
            return f"Every way adapts the same model, {names[0]}; another model may rank them differently."
        return f"The ways adapt different models ({', '.join(names)}): part of each difference is the model's."

    @property
    def any_without_answer(self) -> bool:
        return any(arm.failures + arm.unknown_labels for arm in self.report.arms)

    @cached_property
    def arm_rows(self) -> list[dict[str, str]]:
        """One row of text for each arm, cheapest first."""
        rows = []
        for arm in self.report.arms:
            time = self.report.times.arms[arm.name]
            rows.append(
                {
                    "name": arm.name,
                    "title": arm.title,
                    "accuracy": percent(arm.accuracy),
                    "interval": f"{percent(arm.low)} to {percent(arm.high)}",
                    "macro_f1": _macro_f1(arm),
                    "runs": _runs(arm),
                    "fits": str(arm.fits),
                    "failures": str(arm.failures + arm.unknown_labels),
                    "fit": seconds(time.fit_seconds) if time.total_seconds else "",
                    "item": milliseconds(time.milliseconds_per_item) if time.milliseconds_per_item else "",
                    "best": self._chance(arm),
                    "price": unsigned_points(arm.price),
                }
            )
        return rows

    def _chance(self, arm: ArmResult) -> str:
        """Of being the best choice."""
        chance = self.verdict.probability_best.get(arm.name)
        return "ruled out" if chance is None else percent(chance, 0)

    @cached_property
    def contrast_rows(self) -> list[dict[str, str]]:
        """Every pair of arms."""
        return [
            {
                "pair": f"{self.title(contrast.first)} minus {self.title(contrast.second)}",
                "difference": points(contrast.difference),
                "interval": f"{points(contrast.low)} to {points(contrast.high)}",
                "p": probability(contrast.p_value),
                "p_holm": probability(contrast.p_holm),
                "rows": f"{contrast.first_only:.1f} / {contrast.second_only:.1f}",
                "method": contrast.method,
            }
            for contrast in self.report.contrasts
        ]

    @cached_property
    def label_noise(self) -> str | None:
        """What wrong labels let anybody measure; None where nobody could tell."""
        noise = self.report.audit.label_noise
        if noise is None or not noise.is_reliable:
            return None
        share, ceiling = percent(noise.share), percent(noise.ceiling)
        return (
            f"By what the classifier head makes of rows that it has not seen, {share} of the labels are wrong "
            f"({percent(noise.low)} to {percent(noise.high)}). An arm that is always right would then be measured at "
            f"{ceiling} ({percent(noise.ceiling_low)} to {percent(noise.ceiling_high)}). Errors that read like their "
            "label are not seen."
        )

    @cached_property
    def leakage_rows(self) -> list[dict[str, str]]:
        """Every arm on test rows with a twin among the training rows, and on the others."""
        arms = self.report.leakage.arms if self.report.leakage else {}
        return [
            {
                "title": self.title(name),
                "twinned": _with_range(beside.twinned, percent),
                "others": _with_range(beside.others, percent),
                "difference": _with_range(beside.difference, points),
            }
            for name, beside in arms.items()
        ]

    @cached_property
    def arms_plot(self) -> Plot:
        """Accuracy of every arm."""
        arms = self.report.arms
        low, high = _axis([arm.low for arm in arms], [arm.high for arm in arms])
        return _plot(
            [(arm.title, percent(arm.accuracy), arm.low, arm.accuracy, arm.high, arm is self.chosen) for arm in arms],
            low,
            high,
            [(tick, percent(tick, 0)) for tick in _ticks(low, high)],
            zero=None,
        )

    @cached_property
    def contrasts_plot(self) -> Plot:
        """Every other arm less the recommended one."""
        contrasts = [
            contrast.reversed() if contrast.first == self.chosen.name else contrast
            for contrast in self.report.contrasts
            if self.chosen.name in (contrast.first, contrast.second)
        ]
        low, high = _axis([c.low for c in contrasts], [c.high for c in contrasts], around_zero=True)
        return _plot(
            [(self.title(c.first), points(c.difference), c.low, c.difference, c.high, False) for c in contrasts],
            low,
            high,
            [(tick, f"{100 * tick:+.0f}" if round(100 * tick) else "0") for tick in _ticks(low, high)],
            zero=0.0,
        )

    @cached_property
    def rules_and_measurement(self) -> str | None:
        """What the form said beside what was measured; None without a form."""
        assessment = self.report.assessment
        if assessment is None:
            return None
        vetoes = assessment.methods[Method.FINE_TUNING].vetoes
        start = assessment.advice.start_with.replace("_", " ")
        if vetoes and self.report.arm(self.verdict.arm).family == Family.LORA:
            # Only where nothing else was compared: a fine-tune that is ruled out is not chosen otherwise.
            return (
                f"The form forbids a fine-tune ({', '.join(vetoes)}), whatever was measured: "
                "clear that first, then act on the figures."
            )
        if self.verdict.kind is VerdictKind.FINE_TUNE and not assessment.readiness.ready:
            return (
                f"Measured, a fine-tune wins; by the form the project is not ready for one, and advises to start "
                f"with {start}. Answer the open questions before paying."
            )
        against = f" It also forbids a fine-tune ({', '.join(vetoes)})." if vetoes else ""
        return (
            f"The form advises to start with {start}. {self._beside_the_advice(assessment.advice.start_with)}{against}"
        )

    def _beside_the_advice(self, start_with: str) -> str:
        """How the advised method did, against the arm of the verdict."""
        advised = [arm for arm in self.report.arms if METHOD_OF_FAMILY.get(arm.family) == start_with]
        if not advised:
            return f"The figures say: {self.verdict.headline}"
        best = max(advised, key=lambda arm: arm.accuracy)
        if self.chosen in advised:
            return f"The figures agree: {self.chosen.title} was right in {percent(self.chosen.accuracy)}."
        gap = unsigned_points(self.chosen.accuracy - best.accuracy)
        side = "behind" if best.accuracy < self.chosen.accuracy else "ahead of"
        return (
            f"Measured on these examples, {best.title} was right in {percent(best.accuracy)}, {gap} {side} "
            f"{self.chosen.title}: the form cannot know that, and the figures decide."
        )

    @cached_property
    def method_rows(self) -> list[dict[str, str]]:
        """The form's scores."""
        if self.report.assessment is None:
            return []
        return [
            {
                "title": METHOD_TITLES[method],
                "score": str(score.score) if score.score is not None else f"{score.low} to {score.high}",
                "vetoes": ", ".join(score.vetoes) or "none",
            }
            for method, score in self.report.assessment.methods.items()
        ]

    def title(self, arm: str) -> str:
        return self.report.arm(arm).title

    def answers(self, answers: dict[str, str | None]) -> list[str]:
        """Each arm's answer in the order of the arms."""
        return [answers[arm.name] or "(no answer)" for arm in self.report.arms]

    def judged(self, row: Disagreement) -> list[tuple[str, str]]:
        """Each arm's answer, whether it is right or wrong and a mark or score before it."""
        told = []
        for arm, answer in zip(self.report.arms, self.answers(row.answers), strict=True):
            score = row.scores.get(arm.name, float(answer == row.target))
            mark = {0.0: "✗", 1.0: "✓"}.get(score, f"{score:.2f}")
            told.append(("right" if score >= 0.5 else "wrong", f"{mark} {answer}"))
        return told


def _with_range(measured: Measured, in_words: Callable[[float], str]) -> str:
    return f"{in_words(measured.value)} ({in_words(measured.low)} to {in_words(measured.high)})"


def _macro_f1(arm: ArmResult) -> str:
    if arm.macro_f1 is None:
        return ""
    if arm.macro_f1_low is None or arm.macro_f1_high is None:
        return f"{arm.macro_f1:.3f}"
    return f"{arm.macro_f1:.3f} ({arm.macro_f1_low:.3f} to {arm.macro_f1_high:.3f})"


def _runs(arm: ArmResult) -> str:
    if len(arm.run_accuracies) == 1:
        return ""
    return f"{percent(min(arm.run_accuracies))} to {percent(max(arm.run_accuracies))}"


def _axis(lows: Sequence[float], highs: Sequence[float], *, around_zero: bool = False) -> tuple[float, float]:
    low, high = min(lows), max(highs)
    if around_zero:
        low, high = min(low, -0.01), max(high, 0.01)
    room = 0.04 * (high - low) or 0.05
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round values, four to eight of them."""
    step = next((size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / size <= 7), 1.0)
    first = int(low / step) - 1
    return [number * step for number in range(first, first + 20) if low <= number * step <= high]


def _plot(
    rows: Sequence[tuple[str, str, float, float, float, bool]],
    low: float,
    high: float,
    ticks: Sequence[tuple[float, str]],
    zero: float | None,
) -> Plot:
    def position(value: float) -> float:
        return round(100 * (value - low) / (high - low), 3)

    marks = [
        Mark(label, text, position(bottom), round(position(top) - position(bottom), 3), position(centre), chosen)
        for label, text, bottom, centre, top, chosen in rows
    ]
    where = None if zero is None else position(zero)
    return Plot(tuple(marks), tuple((position(value), text) for value, text in ticks), where)
