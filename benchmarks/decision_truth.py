"""A cell judged by its truth: what its decision lost, whether its interval held, and what naive advisors would say."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.decision_cells import FAMILIES, POLICY, TUNED, Cell
from evaluation.arm import Family
from evaluation.decision import VerdictKind


def true_gain(cell: Cell) -> float:
    """Of the fine-tune over the cheap arm that was measured best."""
    truth = cell["truth"]["accuracies"]
    return float(truth[TUNED] - truth[cell["product"]["gain"]["over"]])


def margin(cell: Cell) -> float:
    """The gain that pays for the fine-tune instead of that arm."""
    return POLICY.margin(FAMILIES[TUNED], FAMILIES[cell["product"]["gain"]["over"]])


def plain_regret(cell: Cell, arm: str) -> float:
    """Accuracy lost against the truly best arm."""
    truth = cell["truth"]["accuracies"]
    return float(max(truth.values()) - truth[arm])


def priced_regret(cell: Cell, arm: str) -> float:
    """The same, with every arm's price taken off its accuracy."""
    worth = {name: value - POLICY.price(FAMILIES[name]) for name, value in cell["truth"]["accuracies"].items()}
    return float(max(worth.values()) - worth[arm])


def says_fine_tune(cell: Cell) -> bool:
    """Whether the verdict is to fine-tune: a provisional one for the fine-tune is not."""
    return bool(cell["product"]["verdict"] == VerdictKind.FINE_TUNE)


def trained_share(cell: Cell) -> float:
    """The part of the fine-tunes that the design asks for."""
    return float(cell["product"]["fits"] / cell["planned_fits"])


def is_covered(cell: Cell, truth_is_exact: bool) -> bool:
    """Whether the interval holds the true gain; where the truth is not exact, widened by the truth's own error."""
    gain = cell["product"]["gain"]
    own = gain["item_variance"] + gain["run_variance"]
    error = 0.0 if truth_is_exact else cell["truth"]["gain_variance"][gain["over"]]
    reach = ((own + error) / own) ** 0.5
    low, high = (gain["difference"] + reach * (gain[end] - gain["difference"]) for end in ("low", "high"))
    return bool(low <= true_gain(cell) <= high)


def _measured_best(cell: Cell) -> str:
    measured = cell["product"]["measured"]
    return str(max(measured, key=lambda name: float(measured[name])))


ADVISOR = "the advisor"
ADVISORS: dict[str, Callable[[Cell], str]] = {
    ADVISOR: lambda cell: str(cell["product"]["arm"]),
    "highest mean of the same comparison": _measured_best,
    "fine-tune from 100 examples on, else few-shot": lambda cell: TUNED if cell["rows"] >= 100 else "few_shot",
    "always the fine-tune": lambda _: TUNED,
    "always the head": lambda _: next(name for name, family in FAMILIES.items() if family is Family.HEAD),
}
