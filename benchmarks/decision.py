"""How good the advisor's decisions are on real data; prints and keeps figures, writes the tables in docs/results.md.

`decision.py DATA_FOLDER` measures every classification data set below the folder (`<name>/{train,test}.jsonl` and
`task.json`) with each number of rows: the comparison as a user would run it on so many rows, drawn once, and the truth,
which is every arm fitted on all of those rows and scored on the whole test file. A finished cell is kept in
benchmarks/results/decision.json and never measured again (delete its line to have it measured); trials below --runs let
a stopped cell go on.

What each comparison saw, row by row, lies in benchmarks/results/decision_outcomes. The tables decide again from that,
with the scoring, the contrasts, the experience and the rule of this checkout and without training; the experience
leaves the data set at hand out. `--published` shows the same with what was published instead of the experience.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.decision_cells import POLICY, ROOT, cell_key, keep, pack, read_cells, write_cells
from benchmarks.decision_measurement import measure
from benchmarks.decision_page import cell_line, cell_table, summary_table, write_tables
from benchmarks.decision_replay import decided_again
from benchmarks.decision_sources import Source, classification_sources
from benchmarks.decision_summary import summaries_of

SIZES = (50, 150, 400)
QUICK = ("trec6", 50)
QUICK_POLICY = POLICY.model_copy(update={"ten_folds_below": POLICY.fewest_examples, "training_seeds_few_labels": 2})
"""Seven trainings instead of fifteen."""


def main() -> None:
    """Measure what is missing, then show the figures of all cells."""
    arguments = _arguments()
    if arguments.quick:
        _quick(arguments)
        return
    cells = read_cells()
    wanted = _wanted(arguments) if arguments.data else []
    for source, rows in wanted:
        if cell_key(source.name, rows) not in cells:
            cell, recorded = measure(source, rows, arguments.runs)
            cells = keep(cell, recorded)
            print(time.strftime("%H:%M"), cell_line(cell), flush=True)
    if not cells:
        sys.exit("There are no cells yet; name the folder with the data sets.")
    cells = decided_again(cells, experience=not arguments.published)
    summaries = summaries_of(cells.values())
    print("\n".join(summary_table(summaries)))
    complete = bool(wanted) and not arguments.only and set(arguments.sizes) >= set(SIZES)
    if arguments.published:
        print("\n".join(cell_table(cells)))
    elif complete or arguments.table:
        write_cells(read_cells(), summaries)
        write_tables(cells, summaries)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder of data sets; without it only what is kept is shown")
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], default=list(SIZES))
    parser.add_argument("--only", type=lambda text: text.split(","), help="names of data sets, in this order")
    parser.add_argument("--runs", type=Path, default=ROOT / "advisor-runs" / "decision")
    parser.add_argument("--table", action="store_true", help="write the tables though cells are missing")
    parser.add_argument("--published", action="store_true", help="without the experience with other data sets")
    parser.add_argument("--quick", action="store_true", help="one small cell in a folder that is thrown away")
    arguments = parser.parse_args()
    if arguments.data and not arguments.data.is_dir():
        sys.exit(f"{arguments.data} is not a folder; name the one with the data sets.")
    if arguments.quick and not arguments.data:
        sys.exit("--quick needs the folder with the data sets.")
    return arguments


def _quick(arguments: argparse.Namespace) -> None:
    """Measures, records and replays, and leaves nothing behind."""
    name, rows = QUICK
    sources = {source.name: source for source in classification_sources(arguments.data)}
    if name not in sources:
        sys.exit(f"{arguments.data} has no data set {name}.")
    with tempfile.TemporaryDirectory() as folder:
        cell, recorded = measure(sources[name], rows, Path(folder), QUICK_POLICY)
    print(cell_line(cell))
    if recorded is not None:
        print(f"recorded in {len(pack(recorded)):,} bytes; a replay agrees")


def _wanted(arguments: argparse.Namespace) -> list[tuple[Source, int]]:
    """Every cell, texts in order of length so that the quick ones come first."""
    sources = {source.name: source for source in classification_sources(arguments.data)}
    unknown = [name for name in arguments.only or () if name not in sources]
    if unknown:
        sys.exit(f"No classification data set {', '.join(unknown)}; there are {', '.join(sources)}.")
    chosen = [sources[name] for name in arguments.only] if arguments.only else list(sources.values())
    return [(source, rows) for source in chosen for rows in arguments.sizes]


if __name__ == "__main__":
    main()
