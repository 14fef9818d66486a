"""Which answers may go out by themselves: a confidence threshold with a guarantee (protocol 6, 7.8).

The threshold is on the confidence as the arm gives it. Recalibration says what such a confidence is worth; it never
changes the order of two answers, so it cannot change which of them are routed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import optimize, special

from evaluation.numbers import percent
from evaluation.statistics import Design

STEPS: Final = range(30, 101, 10)
"""Shares of the tested rows that are tried, in percent: fixed beforehand (protocol 6)."""
DIGITS: Final = 9
"""Confidences equal to so many decimals are equal: sums of the same votes differ in the last bits."""


@dataclass(frozen=True)
class Marked:
    """One arm's answers on the tested rows: `confidence` (0..1, NaN where it gave none) and whether each was `right`.

    One run's answers, not a mean over runs: what is certified is a router that somebody can switch on.
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, confidences: Sequence[float | None], right: Sequence[bool]) -> Marked:
        """Raises ValueError for a confidence outside 0..1, and unless every answer is marked."""
        if len(confidences) != len(right):
            raise ValueError(f"{len(confidences)} confidences for {len(right)} marked answers.")
        outside = [value for value in confidences if value is not None and not 0 <= value <= 1]
        if outside:
            raise ValueError(f"A confidence of {outside[0]}; expected 0 to 1, or none.")
        given = np.array([math.nan if value is None else value for value in confidences], dtype=float)
        return cls(np.round(given, DIGITS), np.array(right, dtype=bool))


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Routing(_Record):
    """A threshold that holds its target. All shares are 0..1.

    Answers with a confidence above `threshold` go out by themselves; None stands for every answer that has one.
    `automatic_share` and `to_a_person_share` are of all tested rows, `error` of the automatic ones. `upper_bound` is
    the exact bound at this threshold alone; what the sequence of tests guarantees is `target`.
    """

    target: float
    confidence: float
    threshold: float | None
    automatic_share: float
    to_a_person_share: float
    error: float
    upper_bound: float
    guarantee: str

    def is_automatic(self, confidence: float | None) -> bool:
        """Whether an answer of this confidence goes out by itself."""
        return confidence is not None and (self.threshold is None or round(confidence, DIGITS) > self.threshold)


class NoRouting(_Record):
    """No threshold can be certified. `rows_needed` is how many routed rows it would take with the errors seen; None
    where more rows alone would hardly help."""

    target: float
    confidence: float
    reason: str
    rows_needed: int | None


def upper_bound(errors: float, trials: float, confidence: float) -> float:
    """One-sided upper bound of an error rate (Clopper and Pearson 1934, Biometrika 26:404); 1 if all are wrong.

    Fractions are effective numbers of rows that are not independent (Korn and Graubard 1998, Surv Methodol 24:193).
    """
    return 1.0 if errors >= trials else float(special.betaincinv(errors + 1, trials - errors, confidence))


def items_needed(error: float, errors_seen: float, confidence: float = 0.95, worth: float = 1.0) -> int:
    """Fewest routed rows with `errors_seen` errors among them that certify an error of at most `error`.

    At 5%: 59, 93, 124, 153, 181 rows with 0 to 4 errors (protocol 6). `worth` rows count as one independent row; it
    multiplies rows and errors alike, and `errors_seen` is counted in independent rows.
    """

    def excess(trials: float) -> float:
        # P(more than errors_seen errors in so many trials) at this error: rises with the trials.
        return float(special.betainc(errors_seen + 1, trials - errors_seen, error)) - confidence

    most = 2 * (errors_seen + 1) / error
    while excess(most) < 0:
        most *= 2
    trials = float(optimize.brentq(excess, errors_seen + 1e-9, most, xtol=1e-9))
    return math.ceil(round(trials * worth, 6))


def find_routing(marked: Marked, design: Design, target: float, confidence: float = 0.95) -> Routing | NoRouting:
    """The most automatic threshold whose error is at most `target` with the given confidence, by a fixed sequence.

    Coverage rises through STEPS, each step is tested by its exact upper bound, and the first that fails ends the
    sequence, so that no correction for the number of steps is due. Steps too small to pass even without an error are
    left out first; which these are does not depend on what was right. Rows strictly above the most confident row that
    is left to a person are a random sample of all that is so confident: that makes a step's bound exact, and equal
    confidences are never divided. Rows that are not independent count for less (`_Step.worth`).

    Holds for an arm chosen beforehand. For the best of k arms on the same rows ask for 1 - (1 - confidence) / k.
    """
    if not (0 < target < 1 and 0 < confidence < 1):
        raise ValueError(f"A target of {target} with confidence {confidence}; expected both between 0 and 1.")
    steps = _steps(marked, design)
    if not steps:
        reason = "No threshold can be certified: the arm gives no confidence with its answers."
        return NoRouting(target=target, confidence=confidence, reason=reason, rows_needed=None)
    could_pass = list(dropwhile(lambda step: upper_bound(0, step.trials, confidence) > target, steps))
    certified = None
    for step in could_pass:
        if step.upper_bound(confidence) > target:
            break
        certified = step
    tested = len(marked.right)
    if certified is not None:
        return _routing(certified, tested, target, confidence)
    first = could_pass[0] if could_pass else None
    reason, needed = _why_not(first, steps[-1], target, confidence)
    start = f"No threshold can be certified with {tested:,} rows: "
    return NoRouting(target=target, confidence=confidence, reason=start + reason, rows_needed=needed)


def joint_guarantee(results: Sequence[Routing | NoRouting]) -> str:
    """What several targets at once mean. Whatever came out, the chances of being wrong may add up (Bonferroni)."""
    each = results[0].confidence
    if len(results) == 1:
        return f"The guarantee holds with {_plain(each)} confidence for a target that was set beforehand."
    every = max(0.0, 1 - sum(1 - result.confidence for result in results))
    return (
        f"Each of the {len(results)} targets has its guarantee with {_plain(each)} confidence by itself; that all hold "
        f"together, with at least {_plain(every)}, and so has a target picked after seeing the shares."
    )


@dataclass(frozen=True)
class _Step:
    """One threshold and the rows strictly above it.

    `worth` is how many of them count as one independent row: sum(m^2) / sum(m) over the sizes m of their clusters
    (Kish), as if the rows of a cluster were always right or wrong together, the worst that near-duplicates can do;
    times the design's inflation squared. 1 for single rows tested by one fit.
    """

    threshold: float | None
    rows: int
    errors: int
    worth: float

    @property
    def trials(self) -> float:
        return self.rows / self.worth

    def upper_bound(self, confidence: float) -> float:
        return upper_bound(self.errors / self.worth, self.trials, confidence)


def _steps(marked: Marked, design: Design) -> list[_Step]:
    """The thresholds to try, most confident first; steps that route nothing, or the same rows again, are left out."""
    ranked = np.sort(marked.confidence[~np.isnan(marked.confidence)])[::-1]
    _, cluster = np.unique(design.clusters, return_inverse=True)
    steps: list[_Step] = []
    for share in STEPS:
        wanted = len(marked.right) * share // 100
        threshold, above = None, ~np.isnan(marked.confidence)
        if wanted < len(ranked):
            above = marked.confidence > ranked[wanted]
            threshold = _shortest(float(ranked[wanted]), float(marked.confidence[above].min(initial=1.0)))
        rows = int(above.sum())
        if rows > (steps[-1].rows if steps else 0):
            size_squares = int((np.bincount(cluster[above]) ** 2).sum())
            worth = size_squares / rows * design.inflation**2
            steps.append(_Step(threshold, rows, int((~marked.right[above]).sum()), worth))
    return steps


def _shortest(low: float, high: float) -> float:
    """The number with the fewest decimals in low <= x < high: it divides the tested rows as `low` does, and can be
    printed without rounding."""
    for digits in range(1, DIGITS):
        candidate = math.ceil(low * 10.0**digits) / 10.0**digits
        if low <= candidate < high:
            return candidate
    return low


def _routing(step: _Step, tested: int, target: float, confidence: float) -> Routing:
    share, error = step.rows / tested, step.errors / step.rows
    which = "All answers" if step.rows == tested else "All answers that have a confidence"
    if step.threshold is not None:
        which = f"Answers with a confidence above {step.threshold:.{DIGITS}g}"
    rest = ", the rest to a person" if step.rows < tested else ""
    guarantee = (
        f"{which} go out by themselves{rest}: {percent(share)} of the {tested:,} tested rows, "
        f"{percent(error)} of them wrong. With {_plain(confidence)} confidence at most "
        f"{_plain(target)} of such answers are wrong, as long as what comes in is like the tested rows and the arm "
        f"stays as it was tested.{_counted(step)}"
    )
    return Routing(
        target=target, confidence=confidence, threshold=step.threshold, automatic_share=share,
        to_a_person_share=1 - share, error=error, upper_bound=step.upper_bound(confidence), guarantee=guarantee,
    )  # fmt: skip


def _why_not(first: _Step | None, last: _Step, target: float, confidence: float) -> tuple[str, int | None]:
    """The reason and the rows needed. `first` is the first step that could have passed, None if none could."""
    if first is None:
        needed = items_needed(target, 0, confidence, last.worth)
        return f"even without an error {needed:,} routed rows are needed for {_plain(target)}.{_counted(last)}", needed
    error = first.errors / first.rows
    if error > target:
        text = f"of the {first.rows:,} most confident {percent(error)} were wrong, more than {_plain(target)}"
        return f"{text}. More rows would hardly change that; a better arm or a higher target would.", None
    needed = items_needed(target, first.errors / first.worth, confidence, first.worth)
    errors = "1 error" if first.errors == 1 else f"{first.errors:,} errors"
    text = f"the {first.rows:,} most confident had {errors}; with so many, {needed:,} are needed for {_plain(target)}"
    return f"{text}.{_counted(first)}", needed


def _counted(step: _Step) -> str:
    """How rows that are not independent were counted; nothing where all are."""
    if step.worth == 1:
        return ""
    return f" Rows that resemble each other or were cross-fitted count for less: {step.rows:,} as {step.trials:,.0f}."


def _plain(share: float) -> str:
    """0.05 -> '5%', 0.025 -> '2.5%': as it was set, not rounded."""
    return f"{100 * share:.6g}%"
