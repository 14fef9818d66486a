"""The eight acceptance criteria of docs/protocol.md, section 7, measured on the advisor's own code; writes the table in
docs/results.md.

Every figure stands beside what the protocol's reference simulations found. Exit code 1 where a criterion fails; one
whose data are not here is named and counts as neither. Resumable: a criterion measured with this source, policy and
seed is not measured again, `--only 3` measures one anew. With --quick fewer repetitions, limits widened by two standard
errors of the simulation, nothing written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmarks.protocol_coverage import coverage
from benchmarks.protocol_curves import forecasts
from benchmarks.protocol_evidence import POLICY, ROOT, SEED
from benchmarks.protocol_faults import planted_faults
from benchmarks.protocol_figures import Effort, Figure, Measured, Missing
from benchmarks.protocol_gate import gate
from benchmarks.protocol_looks import peeking
from benchmarks.protocol_null import real_null
from benchmarks.protocol_page import told_lines, write_table
from benchmarks.protocol_routing import routed_answers
from benchmarks.protocol_verdicts import false_fine_tunes, keeps, power
from evaluation.provenance import source_sha256

RESULTS = ROOT / "benchmarks" / "results" / "protocol.json"


def main() -> None:
    """Measure what is asked for, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short version, nothing written")
    parser.add_argument("--only", type=int, choices=CRITERIA, help="the number of one criterion, measured anew")
    arguments = parser.parse_args()
    quick, chosen = arguments.quick, [arguments.only] if arguments.only else list(CRITERIA)
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() and not quick else {}
    determined_by = _determined_by()
    for number in chosen:
        if arguments.only or results.get(str(number), {}).get("determined_by") != determined_by:
            results[str(number)] = {**_measure(number, Effort(quick)), "determined_by": determined_by}
        if not quick:
            RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
        print("\n".join(told_lines(number, results[str(number)])), flush=True)
    if not quick and len(results) == len(CRITERIA):
        write_table(results)
    if failed := [str(number) for number in chosen if results[str(number)]["verdict"] == "fail"]:
        sys.exit(f"Criterion {', '.join(failed)} failed.")


def _determined_by() -> dict[str, Any]:
    files = (*sorted((ROOT / "benchmarks").glob("protocol*.py")), ROOT / "benchmarks" / "worlds.py")
    ours = b"".join(path.read_bytes() for path in files)
    return {
        "seed": SEED, "policy_sha256": POLICY.sha256(), "source_sha256": source_sha256(),
        "benchmark_sha256": hashlib.sha256(ours).hexdigest(),
    }  # fmt: skip


def _measure(number: int, effort: Effort) -> dict[str, Any]:
    title, measure = CRITERIA[number]
    begun, measured = time.monotonic(), list(measure(effort))
    figures = [each for each in measured if isinstance(each, Figure)]
    missing = [each.why for each in measured if isinstance(each, Missing)]
    failed = any(figure.kept is False for figure in figures)
    return {
        "title": title,
        "verdict": "fail" if failed else f"not run: {'; '.join(missing)}" if missing else "pass",
        "figures": [asdict(figure) | {"kept": figure.kept} for figure in figures],
        "seconds": round(time.monotonic() - begun),
    }


def honesty(effort: Effort) -> Measured:
    """Extrapolation on published curves, routing by confidence, faults planted in real data."""
    yield from forecasts(effort)
    yield from routed_answers(effort)
    yield from planted_faults()


CRITERIA: dict[int, tuple[str, Callable[[Effort], Measured]]] = {
    1: ("False fine-tune rate", false_fine_tunes),
    2: ("Null on published outcomes", real_null),
    3: ("Coverage", coverage),
    4: ("Power", power),
    5: ("Certified-keep error", keeps),
    6: ("Regret and cost of the gate", gate),
    7: ("Declared looks", peeking),
    8: ("Extrapolation, routing, audit", honesty),
}


if __name__ == "__main__":
    main()
