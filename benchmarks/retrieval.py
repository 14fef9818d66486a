"""How well documents are found: by meaning, by words, and by both; writes the table in docs/results.md.

Every question-answering data set in $ADVISOR_DATA/open with a corpus.jsonl: its documents are indexed as `advisor
compare --corpus` would, and the questions of test.jsonl searched for. Lengths and weights were chosen on train.jsonl
alone, one setting for all data sets. Resumable: indexes and embeddings are kept under --runs, finished data sets in the
results. With --quick (for CI) the first 40 documents of one data set, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from adapters.corpus.search import Method, open_corpus
from adapters.encoder.embedding import Encoder
from evaluation.provenance import source_sha256
from evaluation.retrieval_quality import recall_at, reciprocal_rank

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "retrieval.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- retrieval: begin -->", "<!-- retrieval: end -->"
METHODS: tuple[Method, ...] = get_args(Method)
SHOWN, DEEP = 5, 20
"""Recall is of the passages that a prompt shows; the first right one is looked for among more."""
DRAWS, SEED = 10_000, 20261120
QUICK_DOCUMENTS = 40


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=ROOT / "advisor-runs" / "retrieval")
    parser.add_argument("--split", choices=("test", "train"), default="test")
    parser.add_argument("--quick", action="store_true", help="a few documents, nothing written")
    arguments = parser.parse_args()
    data = Path(os.environ.get("ADVISOR_DATA", ROOT.parent / "shared" / "data")) / "open"
    folders = sorted(path.parent for path in data.glob("*/corpus.jsonl"))
    if not folders:
        sys.exit(f"{data} holds no data set with a corpus; set ADVISOR_DATA to the folder with the open data sets.")
    encoder = Encoder.embedded(arguments.runs / "embeddings")
    if arguments.quick:
        smallest = min(folders, key=lambda folder: (folder / "corpus.jsonl").stat().st_size)
        with tempfile.TemporaryDirectory() as part:
            print(_line(_measure(_first_documents(smallest, Path(part)), encoder, arguments.runs, arguments.split)))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() and arguments.split == "test" else {}
    for folder in folders:
        if folder.name not in results:
            results[folder.name] = _measure(folder, encoder, arguments.runs, arguments.split)
            if arguments.split == "test":
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(_line(results[folder.name]), flush=True)
    as_good = sum(_is_as_good(result) for result in results.values())
    print(f"Fusion is at least as good as the better of the two on {as_good} of {len(results)} data sets.")
    if arguments.split == "test":
        _write_table(results)


def _write_table(results: dict[str, dict[str, Any]]) -> None:
    """Into docs/results.md."""
    lines = [
        "| data set (questions) | by meaning | by words | fusion | fusion less the better | reciprocal rank |",
        "|---|---|---|---|---|---|",
    ]
    for result in results.values():
        difference, methods = result["fusion_minus_better"], result["methods"]
        shares = [
            f"{_points(one['recall'])} ({_points(one['low'])} to {_points(one['high'])})" for one in methods.values()
        ]
        gap = " to ".join(f"{100 * difference[end]:+.1f}" for end in ("low", "high"))
        ranks = " / ".join(f"{one['reciprocal_rank']:.2f}" for one in methods.values())
        lines.append(
            f"| {result['dataset']} ({result['questions']:,}) | {' | '.join(shares)} "
            f"| {100 * difference['mean']:+.1f} ({gap}) | {ranks} |"
        )
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]))


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _measure(folder: Path, encoder: Encoder, runs: Path, split: str) -> dict[str, Any]:
    rows = [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row.get("evidence")]
    evidence = [row["evidence"] for row in rows]
    language = json.loads((folder / "task.json").read_text())["language"]
    begun = time.monotonic()
    recalls: dict[Method, Any] = {}
    methods: dict[Method, dict[str, float]] = {}
    notes: tuple[str, ...] = ()
    for method in METHODS:
        search = open_corpus(folder / "corpus.jsonl", encoder, runs / "indexes", method, language=language)
        found = search.search([row["input"] for row in rows], DEEP)
        notes = search.notes
        recalls[method] = np.array([recall_at(SHOWN, one, shown) for one, shown in zip(evidence, found, strict=True)])
        ranks = [reciprocal_rank(one, shown) for one, shown in zip(evidence, found, strict=True)]
        low, high = _interval(recalls[method])
        methods[method] = {
            "recall": float(recalls[method].mean()), "low": low, "high": high, "reciprocal_rank": float(np.mean(ranks)),
        }  # fmt: skip
    alone: tuple[Method, Method] = ("dense", "bm25")
    better = max(alone, key=lambda method: methods[method]["recall"])
    difference = recalls["fusion"] - recalls[better]
    low, high = _interval(difference)
    return {
        "dataset": folder.name, "split": split, "questions": len(rows), "methods": methods, "better": better,
        "fusion_minus_better": {"mean": float(difference.mean()), "low": low, "high": high},
        "index": list(notes), "seconds": round(time.monotonic() - begun, 1), "source_sha256": source_sha256(),
    }  # fmt: skip


def _interval(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """95% percentile bootstrap over questions; for differences it is paired."""
    rng = np.random.default_rng(SEED)
    means = [float(values[rng.integers(len(values), size=len(values))].mean()) for _ in range(DRAWS)]
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return low, high


def _first_documents(folder: Path, part: Path) -> Path:
    """The data set with few documents and the questions that they answer."""
    small = part / folder.name
    small.mkdir()
    documents = (folder / "corpus.jsonl").read_text().splitlines()[:QUICK_DOCUMENTS]
    known = {json.loads(line)["id"] for line in documents}
    (small / "corpus.jsonl").write_text("\n".join(documents) + "\n")
    (small / "task.json").write_text((folder / "task.json").read_text())
    for split in ("train", "test"):
        rows = (folder / f"{split}.jsonl").read_text().splitlines()
        kept = [row for row in rows if known.issuperset(json.loads(row).get("evidence") or [""])]
        (small / f"{split}.jsonl").write_text("\n".join(kept) + "\n")
    return small


def _is_as_good(result: dict[str, Any]) -> bool:
    return bool(result["fusion_minus_better"]["mean"] >= -1e-9)


def _line(result: dict[str, Any]) -> str:
    parts = [
        f"{method} {100 * one['recall']:.1f}% ({100 * one['low']:.1f} to {100 * one['high']:.1f}), "
        f"MRR {one['reciprocal_rank']:.3f}"
        for method, one in result["methods"].items()
    ]
    difference = result["fusion_minus_better"]
    return (
        f"{result['dataset']} ({result['questions']} questions): recall@{SHOWN} {'; '.join(parts)}; fusion minus "
        f"{result['better']} {100 * difference['mean']:+.1f} points ({100 * difference['low']:+.1f} to "
        f"{100 * difference['high']:+.1f})"
    )


if __name__ == "__main__":
    main()
