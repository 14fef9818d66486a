"""The decision benchmark's tables in docs/results.md, and a cell in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.decision_cells import FAMILIES, ROOT, Cell, cell_key
from benchmarks.decision_truth import ADVISOR, ADVISORS, priced_regret, true_gain

PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- decision: begin -->", "<!-- decision: end -->"
TARGETS = {
    "priced regret": "at most 1.0, and less than each naive advisor's",
    "wrong": "at most 3%",
    "covered": "92 to 98%",
    "found": "at least 80%",
}


def cell_line(cell: Cell) -> str:
    """For the terminal, as soon as a cell is measured."""
    key = cell_key(cell["dataset"], cell["rows"])
    if "product" not in cell:
        return f"{key}: {cell['verdict']}; {' '.join(cell['reasons'])}"
    product, gain = cell["product"], cell["product"]["gain"]
    truth = ", ".join(f"{name} {_points(value)}" for name, value in cell["truth"]["accuracies"].items())
    seconds = cell["seconds"]
    return (
        f"{key}: {_verdict_of(product)}, priced regret {_points(priced_regret(cell, product['arm']))}; "
        f"gain over {gain['over']} {_gain_text(gain)}, truly {_points(true_gain(cell))}; truth {truth}; "
        f"{seconds['product']:.0f} + {seconds['truth']:.0f} seconds"
    )


def summary_table(summaries: Mapping[str, Any]) -> list[str]:
    """Columns are the numbers of rows, then all."""
    groups = {name: summary for name, summary in summaries.items() if summary["cells"]}
    lines = [f"| | target | {' | '.join(groups)} |", "|---" * (len(groups) + 2) + "|"]

    def line(title: str, target: str, text: Callable[[Any], str]) -> None:
        lines.append(f"| {title} | {target} | {' | '.join(text(summary) for summary in groups.values())} |")

    def of(name: str, key: str, text: Callable[[Any], str]) -> Callable[[Any], str]:
        return lambda summary: text(summary["advisors"][name][key])

    line("comparisons", "", lambda summary: f"{summary['cells']} on {summary['data_sets']} data sets")
    line("forbidden by the audit", "", lambda summary: ", ".join(summary["forbidden"]))
    line("verdicts", "", lambda summary: ", ".join(f"{kind} {n}" for kind, n in sorted(summary["verdicts"].items())))
    line("priced regret, mean", TARGETS["priced regret"], of(ADVISOR, "priced", _mean_text))
    line("priced regret, 90th percentile; worst", "", of(ADVISOR, "priced", _tail_text))
    line("plain regret, mean", "", of(ADVISOR, "plain", _mean_text))
    line("plain regret, 90th percentile; worst", "", of(ADVISOR, "plain", _tail_text))
    line("priced regret that the advisor expects", "", lambda summary: _mean_text(summary["believed_regret"]))
    line("within one point of the best, priced", "", of(ADVISOR, "within_a_point", _share_text))
    for name in ADVISORS:
        if name != ADVISOR:
            line(f"priced regret of: {name}", "", of(name, "priced", _mean_text))
            line("that much more than the advisor's", "above 0", of(name, "dearer_than_the_advisor", _mean_text))
            line("its plain regret", "", of(name, "plain", _mean_text))
    line("true gain of the fine-tune over the best cheap arm", "", lambda summary: _mean_text(summary["true_gain"]))
    line("95% intervals that hold it", TARGETS["covered"], lambda summary: _share_text(summary["covered"]))
    line(
        "the same, the truth's own error allowed for", "",
        lambda summary: _share_text(summary["covered_but_for_the_truths_error"]),
    )  # fmt: skip
    line("fine-tune verdicts that do not pay", TARGETS["wrong"], lambda summary: _share_text(summary["wrong"]))
    line("gains above twice the price missed", "", lambda summary: _share_text(summary["missed"]))
    line("of the gains above the detectable one found", TARGETS["found"], lambda summary: _share_text(summary["found"]))
    line("training, share of exhaustive, %", "", lambda summary: _points(summary["training_cost"]))
    line(
        "seconds of a comparison; of that training", "",
        lambda summary: "; ".join(f"{total / summary['cells']:.0f}" for total in summary["seconds"].values()),
    )  # fmt: skip
    return lines


def cell_table(cells: Mapping[str, Cell]) -> list[str]:
    """One line a cell: the truth of every arm, then what was decided."""
    lines = [
        f"| data set | rows | {' | '.join(FAMILIES)} | measured gain | true gain | verdict | priced regret |",
        "|---" * (len(FAMILIES) + 6) + "|",
    ]
    for cell in sorted(cells.values(), key=lambda cell: (cell["dataset"], cell["rows"])):
        head = f"| {cell['dataset']} | {cell['rows']} |"
        if "product" not in cell:
            lines.append(f"{head}{' |' * len(FAMILIES)} | | {cell['verdict']} | |")
            continue
        product, gain = cell["product"], cell["product"]["gain"]
        truth = " | ".join(_points(cell["truth"]["accuracies"][name]) for name in FAMILIES)
        measured = _gain_text(gain)
        regret = _points(priced_regret(cell, product["arm"]))
        lines.append(f"{head} {truth} | {measured} | {_points(true_gain(cell))} | {_verdict_of(product)} | {regret} |")
    return lines


def write_tables(cells: Mapping[str, Cell], summaries: Mapping[str, Any]) -> None:
    """Both tables, between their marks on the page."""
    page = PAGE.read_text(encoding="utf-8")
    if BEGIN not in page or END not in page:
        sys.exit(f"{PAGE.name} has no place for the tables; write {BEGIN} and {END} on lines of their own.")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    tables = "\n".join([*summary_table(summaries), "", *cell_table(cells)])
    PAGE.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")


def _verdict_of(product: Cell) -> str:
    return f"{product['verdict']}: {product['arm']}"


def _gain_text(gain: Mapping[str, Any]) -> str:
    if "difference" not in gain:
        return "not measured"
    return f"{_points(gain['difference'])} ({_points(gain['low'])} to {_points(gain['high'])})"


def _points(value: float) -> str:
    """Of accuracy, in hundredths."""
    return f"{100 * value + 0.0:.1f}"


def _mean_text(mean: Mapping[str, float]) -> str:
    return f"{_points(mean['mean'])} ({_points(mean['low'])} to {_points(mean['high'])})"


def _share_text(share: Mapping[str, float] | None) -> str:
    if share is None:
        return "none"
    part = _points(share["count"] / share["of"])
    return f"{share['count']} of {share['of']}: {part}% ({_points(share['low'])} to {_points(share['high'])})"


def _tail_text(regret: Mapping[str, float]) -> str:
    return f"{_points(regret['percentile_90'])}; {_points(regret['worst'])}"
