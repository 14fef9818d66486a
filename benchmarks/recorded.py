"""How steady the verdicts on recorded answers are: decided on all items, and again on random parts of them.

For every set of answers of real language models in DATA_FOLDER/recorded; writes benchmarks/results/recorded.json and
the table in docs/results.md. With --quick (for CI) one set, 20 draws, and nothing written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.contrasts import contrast_arms
from evaluation.decision import Evidence, Verdict, VerdictKind, decide
from evaluation.items import audit_items, every_item_tested, read_items
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.provenance import source_sha256
from evaluation.readers import Columns, DatasetError
from evaluation.recorded import Recorded, cheapest_first
from evaluation.recorded_reader import Reading, read_recorded
from evaluation.scoring import statistics_design
from evaluation.splits import Split
from evaluation.statistics import wilson_interval
from rules.family import Family

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "recorded.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- recorded: begin -->", "<!-- recorded: end -->"
SIZES, DRAWS, QUICK_DRAWS, SEED = (100, 300), 200, 20, 20261121
QUICK_SET = "css_emotion"
FIRM = (VerdictKind.KEEP, VerdictKind.FINE_TUNE)
POLICY = EvaluationPolicy()
FAMILIES = {
    "zero_shot": Family.ZERO_SHOT,
    "few_shot": Family.FEW_SHOT,
    "retrieval": Family.RETRIEVAL,
    "knn": Family.RETRIEVAL,
    "rag": Family.RETRIEVAL,
    "long_context": Family.RETRIEVAL,
    "oracle_context": Family.RETRIEVAL,
}
"""The sets' own words for prompts and for prompts with documents; all others are kinds of fine-tunes."""


@dataclass(frozen=True)
class Answered:
    """One set, every item tested."""

    labels: tuple[str, ...]
    split: Split
    recorded: Recorded


def main() -> None:
    """Decide on every set, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("ADVISOR_DATA"), metavar="DATA_FOLDER")
    parser.add_argument("--quick", action="store_true", help="one set, 20 draws, nothing written")
    arguments = parser.parse_args()
    data = (arguments.data or ROOT.parent / "shared" / "data") / "recorded"
    if not data.is_dir():
        sys.exit(f"{data} is not there; name the folder that holds 'recorded', or set ADVISOR_DATA.")
    names = [QUICK_SET] if arguments.quick else sorted(folder.name for folder in data.iterdir() if folder.is_dir())
    sets = {}
    for name in names:
        sets[name] = _count(data / name, QUICK_DRAWS if arguments.quick else DRAWS)
        print("\n".join(_lines(name, sets[name])), flush=True)
    if not arguments.quick:
        results = {"seed": SEED, "policy_sha256": POLICY.sha256(), "source_sha256": source_sha256(), "sets": sets}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        _write_table(sets)


def _count(folder: Path, draws: int) -> dict[str, Any]:
    """The verdict on all items, and how those on parts of them compare."""
    try:
        answered = _read(folder)
    except DatasetError as error:
        return {"refused": str(error)}
    everything = np.arange(len(answered.split.tested))
    verdict = _decide(answered, everything)
    utilities = _utilities(answered)
    return {
        "items": len(everything),
        "clusters": len(set(answered.split.clusters)),
        "arms": {arm.name: arm.family for arm in answered.recorded.arms},
        "judged_by": answered.recorded.judged_by,
        "kind": verdict.kind,
        "arm": verdict.arm,
        "best_by_utility": max(utilities, key=lambda name: utilities[name]),
        "parts": {
            str(size): _count_parts(answered, verdict, utilities, size, draws)
            for size in SIZES
            if size < len(everything)
        },
    }


def _read(folder: Path) -> Answered:
    items = read_items(folder / "items.jsonl", Columns(output="reference"))
    notes = json.loads((folder / "notes.json").read_text())
    families = {arm["arm"]: FAMILIES.get(arm["family"], Family.LORA) for arm in notes["arms"]}
    recorded = read_recorded(folder / "predictions.jsonl", items, POLICY, Reading(families))
    return Answered(items.labels, every_item_tested(items, audit_items(items, POLICY).groups, SEED), recorded)


def _decide(answered: Answered, rows: np.ndarray) -> Verdict:
    """As a comparison of recorded answers does, on these rows only."""
    tested = tuple(answered.split.tested[row] for row in rows)
    clusters = tuple(answered.split.clusters[row] for row in rows)
    design = statistics_design(Split(answered.split.design, tested, clusters, (), SEED), POLICY)
    arms = cheapest_first(answered.recorded.scored(tested, POLICY), POLICY)
    cheap = [arm.accuracy for arm in arms if not arm.spec.is_fine_tune]
    prior = answered.recorded.gain_prior(len(answered.labels), max(cheap, default=0.0))
    beliefs = believe(arms, design, prior, POLICY, np.random.default_rng([SEED, 1]))
    return decide(Evidence(arms, contrast_arms(arms, design, POLICY), beliefs, prior, len(rows)), POLICY)


def _utilities(answered: Answered) -> dict[str, float]:
    """Accuracy on all items, less price."""
    arms = answered.recorded.scored(answered.split.tested, POLICY)
    return {arm.spec.name: arm.accuracy - POLICY.price(arm.spec.family) for arm in arms}


def _count_parts(
    answered: Answered, whole: Verdict, utilities: dict[str, float], size: int, draws: int
) -> dict[str, Any]:
    """A contradiction is a firm verdict for another arm than that of the whole set; provisional ones make none."""
    rng = np.random.default_rng([SEED, size])
    kinds: Counter[str] = Counter()
    contradicting: Counter[str] = Counter()
    regrets, best = [], max(utilities.values())
    for _ in range(draws):
        rows = np.sort(rng.choice(len(answered.split.tested), size, replace=False))
        verdict = _decide(answered, rows)
        kinds[verdict.kind] += 1
        if verdict.kind in FIRM and verdict.arm != whole.arm:
            contradicting[f"{verdict.kind}: {verdict.arm}"] += 1
        regrets.append(best - utilities[verdict.arm])
    return {
        "draws": draws,
        "kinds": dict(kinds),
        "firm": sum(kinds[kind] for kind in FIRM),
        "contradictions": contradicting.total(),
        "contradicting": dict(contradicting),
        "mean_regret": float(np.mean(regrets)),
    }


def _share(count: int, of: int) -> str:
    """In percent, with Wilson's 95% interval for the number of draws."""
    interval = wilson_interval(count, of, 0.95)
    return f"{100 * count / of:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _lines(name: str, result: dict[str, Any]) -> list[str]:
    if "refused" in result:
        return [f"{name}: refused: {result['refused']}"]
    parts = [
        f"{name}, {size} of {result['items']}: {part['draws']} draws, {part['firm']} firm, "
        f"{part['contradictions']} contradictions, regret {100 * part['mean_regret']:.2f} points"
        for size, part in result["parts"].items()
    ]
    return [f"{name}: {result['kind']}: {result['arm']}", *parts]


def _write_table(sets: dict[str, Any]) -> None:
    rows = [
        "| answers | items | arms | on all items | items drawn | firm, % | contradicting, % of all | of the firm | "
        "regret, points |",
        "|---" * 9 + "|",
    ]
    for name, result in sets.items():
        if "refused" in result:
            rows.append(f"| {name} |  |  | refused: answers are missing |  |  |  |  |  |")
            continue
        head = [name, str(result["items"]), str(len(result["arms"])), f"{result['kind']}: {result['arm']}"]
        parts = [[size, *_cells([part])] for size, part in result["parts"].items()] or [[""] * 5]
        for number, part in enumerate(parts):
            rows.append("| " + " | ".join([*(head if number == 0 else [""] * 4), *part]) + " |")
    for size in map(str, SIZES):
        same = [result["parts"][size] for result in sets.values() if size in result.get("parts", {})]
        rows.append("| " + " | ".join(["all sets", "", "", "", size, *_cells(same)]) + " |")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(rows) + f"\n{END}{after}")


def _cells(parts: list[dict[str, Any]]) -> list[str]:
    """Of one set or of several together."""
    draws, firm, contradictions = (sum(part[name] for part in parts) for name in ("draws", "firm", "contradictions"))
    regret = sum(part["mean_regret"] * part["draws"] for part in parts) / draws
    of_firm = _share(contradictions, firm) if firm else ""
    return [_share(firm, draws), _share(contradictions, draws), of_firm, f"{100 * regret:.2f}"]


if __name__ == "__main__":
    main()
