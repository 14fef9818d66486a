"""A report's facts in the words and units that the page, the Markdown and the terminal share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from evaluation.decision import VerdictKind
from evaluation.leakage import Measured
from evaluation.numbers import milliseconds, percent, points, probability, seconds, unsigned_points
from evaluation.recorded import NOT_STATED
from evaluation.render.advice import advice_beside_figures
from evaluation.render.answer_languages import other_language_sentences
from evaluation.render.judged import judged_sentences
from evaluation.render.metrics import metric_note, metric_table, metric_title
from evaluation.render.plot import Plot, axis_ends, forest_plot, round_ticks
from evaluation.render.repetition import repetition_sentences
from evaluation.render.retrieval import retrieval_sentences
from evaluation.render.spending import spending_rows, spending_sentence
from evaluation.report import ArmResult, Disagreement, Report
from rules.finding import METHOD_TITLES

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
        return metric_title(self.report.metric)

    @cached_property
    def metric_table(self) -> tuple[list[str], list[tuple[str, list[str]]]]:
        """Every metric of the task."""
        return metric_table(self.report)

    @property
    def metric_note(self) -> str | None:
        """What has to be said of one of them."""
        return metric_note(self.report)

    @cached_property
    def spending_rows(self) -> list[dict[str, str]]:
        """What each arm's answers took."""
        return spending_rows(self.report)

    @property
    def retrieval(self) -> list[str]:
        """What a search found, and whether it or the model is to blame for errors."""
        return retrieval_sentences(self.report)

    @property
    def other_languages(self) -> list[str]:
        """Which ways answer in another language than the examples."""
        return other_language_sentences(self.report)

    @property
    def repetition(self) -> list[str]:
        """How answers agree when the same is asked again."""
        return repetition_sentences(self.report)

    @property
    def judged(self) -> list[str]:
        """What a judge and people say of two arms' answers."""
        return judged_sentences(self.report)

    @property
    def spending(self) -> str | None:
        """The same in a sentence, beside what was foreseen."""
        return spending_sentence(self.report)

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
                f"{'right with' if self.metric == 'accuracy' else f'mean {self.metric} of'} {self.chosen.title}",
                f"{self.level} interval {percent(self.chosen.low)} to {percent(self.chosen.high)}",
            ),
            (percent(chance, 0), "chance that this is the best choice", "price taken into account"),
            (
                unsigned_points(self.verdict.expected_regret),
                "expected loss if you stop here",
                f"{self.metric}, on average, against the truly best choice",
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
        return any(arm.failures + arm.unread for arm in self.report.arms)

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
                    "failures": str(arm.failures + arm.unread),
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
        low, high = axis_ends([arm.low for arm in arms], [arm.high for arm in arms])
        return forest_plot(
            [(arm.title, percent(arm.accuracy), arm.low, arm.accuracy, arm.high, arm is self.chosen) for arm in arms],
            low,
            high,
            [(tick, percent(tick, 0)) for tick in round_ticks(low, high)],
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
        low, high = axis_ends([c.low for c in contrasts], [c.high for c in contrasts], around_zero=True)
        return forest_plot(
            [(self.title(c.first), points(c.difference), c.low, c.difference, c.high, False) for c in contrasts],
            low,
            high,
            [(tick, f"{100 * tick:+.0f}" if round(100 * tick) else "0") for tick in round_ticks(low, high)],
            zero=0.0,
        )

    @cached_property
    def rules_and_measurement(self) -> str | None:
        """What the form said beside what was measured; None without a form."""
        return advice_beside_figures(self.report)

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

    def marked(self, row: Disagreement) -> list[tuple[str, str]]:
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
