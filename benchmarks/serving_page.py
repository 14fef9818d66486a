"""The tables of benchmarks/serving.py in docs/results.md."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, Final

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "results.md"
BEGIN: Final = "<!-- service: begin -->"
END: Final = "<!-- service: end -->"
NAMES: Final = {"nothing": "an endpoint that does nothing", "assessments": "`POST /v1/assessments`"}


def write_tables(result: dict[str, Any]) -> None:
    """Between the markers of the page."""
    before, after = PAGE.read_text().split(BEGIN)[0], PAGE.read_text().split(END)[1]
    lines = [*_calls(result["calls"]), "", *_others(result)]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")


def _calls(calls: list[dict[str, Any]]) -> list[str]:
    lines = ["| endpoint | connections | answers a second | p50, ms | p99, ms |", "|---" * 5 + "|"]
    for row in calls:
        rates = row["a_second"]
        lines.append(
            f"| {NAMES[row['endpoint']]} | {row['connections']} | {median(rates):,.0f} ({min(rates):,.0f} to "
            f"{max(rates):,.0f}) | {row['p50']:.1f} | {row['p99']:.1f} |"
        )
    return lines


def _others(result: dict[str, Any]) -> list[str]:
    followed, queued = result["followed"], result["queued"]
    grown = followed["megabytes_with"] - followed["megabytes_before"]
    rows = {
        f"{followed['followers']} followers, from commit to client, p50 and p99": f"{followed['p50']:,.0f} ms and "
        f"{followed['p99']:,.0f} ms, of {followed['events']} events",
        "until all of them had connected and were up to date": f"{followed['connected_seconds']:.1f} s",
        "from the last event's commit until every stream had ended": f"{followed['ended_seconds']:.1f} s",
        "memory of the server, with them": f"{followed['megabytes_with']:,.0f} MB, {grown:,.0f} more than before",
        f"{queued['queued']} comparisons queued by {queued['connections']} connections": f"{queued['seconds']:.1f} s; "
        f"each p50 {queued['p50']:,.0f} ms, p99 {queued['p99']:,.0f} ms",
        "place in line of the last": f"{queued['last_place']} before it",
        "reading one of them": f"p50 {queued['read_p50']:.1f} ms, p99 {queued['read_p99']:.1f} ms",
        "load of the machine, before and after": f"{result['load'][0]} and {result['load'][1]}",
    }
    return ["| what | measured |", "|---|---|", *(f"| {what} | {told} |" for what, told in rows.items())]
