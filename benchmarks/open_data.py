"""Runs `advisor compare` on real data sets with given test files, and writes the table in docs/results.md.

Resumable: finished trials are kept under --runs, finished results in benchmarks/results/open_data.json. With --quick
(for CI) one small case runs and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "open_data.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- open_data: begin -->", "<!-- open_data: end -->"
DATASETS = ("trec6", "banking77", "sst2", "tweet_emotion", "sms_spam")
CASES = [(name, str(rows)) for name in DATASETS for rows in (200, 600)] + [("banking77", "10 a label")]
SEED = 20261120


def main() -> None:
    """Run what is missing, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=ROOT / "advisor-runs" / "open_data")
    parser.add_argument("--quick", action="store_true", help="one small case, nothing written")
    arguments = parser.parse_args()
    data = Path(os.environ.get("ADVISOR_DATA", ROOT.parent / "shared" / "data")) / "open"
    if not data.is_dir():
        sys.exit(f"{data} is not there; set ADVISOR_DATA to the folder with the open data sets.")
    if arguments.quick:
        print(_line(_run("trec6", "100", data, arguments.runs)))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, rows in CASES:
        key = f"{name} {rows}"
        if key not in results:
            results[key] = _run(name, rows, data, arguments.runs)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(_line(results[key]), flush=True)
    _write_table([results[f"{name} {rows}"] for name, rows in CASES])


def _run(name: str, rows: str, data: Path, runs: Path) -> dict[str, Any]:
    folder = runs / f"{name}-{rows.replace(' ', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    train = folder / "train.jsonl"
    train.write_text("".join(_sample(data / name / "train.jsonl", rows)))
    command = [
        sys.executable, "-m", "service", "compare", str(train), "--test", str(data / name / "test.jsonl"),
        "--out", str(folder), "--no-learning-curve",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return _summary(name, rows, json.loads((folder / "report.json").read_text()))


def _sample(path: Path, rows: str) -> list[str]:
    """Lines in random order: the first so many, or the first ten of each label."""
    lines = path.read_text().splitlines(keepends=True)
    random.Random(SEED).shuffle(lines)
    if rows.isdigit():
        return lines[: int(rows)]
    taken: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        taken[json.loads(line)["output"]].append(line)
    return [line for same in taken.values() for line in same[:10]]


def _summary(name: str, rows: str, report: dict[str, Any]) -> dict[str, Any]:
    times = report["times"]["arms"]
    return {
        "dataset": name,
        "rows": rows,
        "train_size": report["split"]["train_size"],
        "tested": report["split"]["tested"],
        "arms": {
            arm["name"]: {
                **{key: arm[key] for key in ("accuracy", "low", "high", "fits")},
                "seconds": times[arm["name"]]["total_seconds"],
            }
            for arm in report["arms"]
        },
        "verdict": f"{report['verdict']['kind']}: {report['verdict']['arm']}",
        "source_sha256": report["provenance"]["source_sha256"],
    }


def _line(result: dict[str, Any]) -> str:
    arms = ", ".join(f"{name} {100 * arm['accuracy']:.1f}" for name, arm in result["arms"].items())
    return f"{result['dataset']} {result['rows']}: {arms}; {result['verdict']}"


def _write_table(results: list[dict[str, Any]]) -> None:
    rows = [
        "| data set | training rows | test rows | arm | accuracy, % | 95% interval | fits | seconds | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for number, (name, arm) in enumerate(result["arms"].items()):
            head = (
                [result["dataset"], str(result["train_size"]), str(result["tested"])] if number == 0 else ["", "", ""]
            )
            rows.append(
                "| " + " | ".join([
                    *head, name, f"{100 * arm['accuracy']:.1f}", f"{100 * arm['low']:.1f} to {100 * arm['high']:.1f}",
                    str(arm["fits"]), f"{arm['seconds']:.1f}", result["verdict"] if number == 0 else "",
                ]) + " |"
            )  # fmt: skip
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(rows) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
