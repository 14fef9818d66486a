"""A criterion's result for the terminal, and the table of all in docs/results.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.protocol_evidence import ROOT
from benchmarks.protocol_figures import Figure

PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- protocol: begin -->", "<!-- protocol: end -->"


def told_lines(number: int, result: Mapping[str, Any]) -> Iterator[str]:
    """For the terminal: the verdict, then a line for each figure."""
    yield f"{number}. {result['title']}: {result['verdict']} ({result['seconds']} s)"
    for figure in _figures(result):
        judged = {None: " ", True: "+", False: "-"}[figure.kept]
        told = (f"asked {figure.asked}" * bool(figure.asked), f"reference {figure.reference}" * bool(figure.reference))
        yield f" {judged} {figure.what} [{figure.where}]: {'; '.join(filter(None, (figure.measured, *told)))}"


def write_table(results: Mapping[str, Any]) -> None:
    """All criteria, between the marks on the page."""
    lines = ["| criterion | figure, % or points | cells | measured | asked | reference |", "|---" * 6 + "|"]
    for number in sorted(results, key=int):
        result = results[number]
        for row, figure in enumerate(_figures(result)):
            begin = "" if row else f"{number}. {result['title']}: **{result['verdict']}**"
            asked = f"{figure.asked}: {'kept' if figure.kept else '**not kept**'}" if figure.asked else ""
            cells = (begin, figure.what, figure.where, figure.measured, asked, figure.reference)
            lines.append(f"| {' | '.join(cells)} |")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")


def _figures(result: Mapping[str, Any]) -> list[Figure]:
    return [Figure(**{name: cell for name, cell in each.items() if name != "kept"}) for each in result["figures"]]
