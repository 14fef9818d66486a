"""Writes docs/statistics.md: the words of its template, the figures of the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from adapters.catalogue import encoder_arms
from adapters.encoder.embedding import Encoder
from evaluation.experience import Experience
from evaluation.policy import EvaluationPolicy

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "scripts" / "pages" / "statistics.md.j2"
PAGE = ROOT / "docs" / "statistics.md"
RESULTS = ROOT / "benchmarks" / "results"
WIDTH = 132


class Figures:
    """Looks a figure of the protocol's benchmark up by criterion, what it is, and cell; KeyError where it is gone."""

    def __init__(self, criteria: Mapping[str, Any]) -> None:
        self._criteria = criteria

    def cell(self, criterion: int, what: str, cell: str) -> float:
        for figure in self._named(criterion, what):
            if cell in figure["cells"]:
                return float(figure["cells"][cell])
        raise KeyError(f"criterion {criterion} has no figure {what!r} for {cell!r}")

    def percent(self, criterion: int, what: str, cell: str, digits: int = 1) -> str:
        return f"{100 * self.cell(criterion, what, cell):.{digits}f}%"

    def points(self, criterion: int, what: str, cell: str) -> str:
        return f"{100 * self.cell(criterion, what, cell):.1f}"

    def spread(self, criterion: int, what: str, digits: int = 1, *, second: bool = False) -> str:
        """Lowest to highest cell; `second` takes the second figure of that name."""
        cells = self._found(criterion, what, 1 if second else 0)["cells"].values()
        return f"{100 * min(cells):.{digits}f} to {100 * max(cells):.{digits}f}%"

    def worst(self, criterion: int, what: str) -> str:
        return f"{100 * max(map(abs, self._found(criterion, what)['cells'].values())):.1f}%"

    def cells(self, criterion: int, what: str) -> int:
        return len(self._found(criterion, what)["cells"])

    def at_most(self, criterion: int, what: str) -> str:
        return f"{100 * self._found(criterion, what)['at_most']:.1f}%"

    def _found(self, criterion: int, what: str, number: int = 0) -> Mapping[str, Any]:
        figures = self._named(criterion, what)
        if len(figures) <= number:
            raise KeyError(f"criterion {criterion} has no figure {what!r}")
        return figures[number]

    def _named(self, criterion: int, what: str) -> list[Mapping[str, Any]]:
        return [figure for figure in self._criteria[str(criterion)]["figures"] if figure["what"] == what]


def page() -> str:
    """The whole page; raises where a figure that it tells is no longer measured."""
    figures, policy = Figures(_read("protocol.json")), EvaluationPolicy()
    encoder = Encoder.embedded()
    experience = Experience.read(ROOT / "adapters" / "encoder" / "experience.json", encoder.sha256)
    assert experience is not None
    deviation = experience.run_deviation(next(spec for spec in encoder_arms(encoder) if spec.is_fine_tune))
    assert deviation is not None
    recorded = _read("recorded.json")["sets"]
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    text = template.render(
        pct=figures.percent, points=figures.points, spread=figures.spread, worst=figures.worst, cells=figures.cells,
        at_most=figures.at_most,
        inflation=policy.cross_fit_inflation,
        test_share=f"{100 * policy.test_share:.0f}%",
        largest_test=policy.largest_test,
        seeds=policy.training_seeds,
        seeds_few=policy.training_seeds_few_labels,
        few_labels=policy.few_labels,
        draws=policy.demonstration_draws,
        prior_freedom=f"{policy.prior_degrees_of_freedom:g}",
        price_retrieval=f"{100 * policy.price_retrieval:g}",
        worthwhile=f"{100 * policy.worthwhile_gain:g}",
        lora_deviation=f"{100 * deviation:.1f}",
        datasets=experience.datasets,
        recorded_sets=len(recorded),
        contradictions_100=_contradictions(recorded, "100"),
        contradictions_300=_contradictions(recorded, "300"),
        decision=_decision(_read("decision.json")["summary"]["all"]),
    )  # fmt: skip
    return wrapped(text)


def _read(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _contradictions(recorded: Mapping[str, Any], size: str) -> str:
    parts = [found["parts"][size] for found in recorded.values() if size in found.get("parts", {})]
    return f"{100 * sum(part['contradictions'] for part in parts) / sum(part['draws'] for part in parts):.1f}%"


def _decision(summary: Mapping[str, Any]) -> str:
    """What decisions cost on real data sets, each decided without its own experience."""
    own = summary["advisors"]["the advisor"]["priced"]["mean"]
    others = [name for name in summary["advisors"] if name != "the advisor"]
    more = " more" if all(summary["advisors"][name]["priced"]["mean"] > own for name in others) else ""
    rivals = "; ".join(f"{name} {100 * summary['advisors'][name]['priced']['mean']:.1f}" for name in others)
    return (
        f"On {summary['cells']} comparisons with {summary['data_sets']} open data sets, each decided without what is "
        f"known of its own data set, the chosen arm lost {100 * own:.1f} points on average against the truly best "
        f"choice, price taken into account. Simpler rules lost{more}: {rivals} [decision]."
    )


def wrapped(text: str) -> str:
    """Paragraphs and list items filled anew, since figures change the length of their lines."""
    import textwrap

    blocks = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if block.startswith(("    ", "#", "<!--")):
            blocks.append(block)
            continue
        items: list[str] = []
        for line in lines:
            if line.startswith(("- ", "1. ", "2. ", "3. ", "4. ")) or not items:
                items.append(line)
            else:
                items[-1] += " " + line.strip()
        filled = []
        for item in items:
            hanging = 3 if item[:1].isdigit() else 2 if item.startswith("- ") else 0
            filled.append(
                textwrap.fill(
                    item, WIDTH, subsequent_indent=" " * hanging, break_long_words=False, break_on_hyphens=False
                )
            )
        blocks.append("\n".join(filled))
    return "\n\n".join(blocks).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
