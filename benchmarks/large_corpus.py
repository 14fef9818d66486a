"""What a corpus of 200,000 passages takes, in seconds and memory; writes the table in docs/results.md.

Sentences of the English sets in $ADVISOR_DATA/open are drawn at random and put together, with a reference number each:
`short` has two in a passage and goes the whole way of `advisor compare --corpus` (vectors, graph, words, fusion), and
`full` has eleven, as much as a passage holds, and is searched by words alone. To embed everything would take hours on a
busy machine, so the encoder reads one passage in a hundred, and any other is given a vector between two of these.
Every part is a process of its own. Stopped, the same command goes on and keeps the seconds measured before. With
--quick (for CI) 1,500 passages with a graph from 1,000, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adapters.corpus.dense import EXACT_BELOW
from adapters.corpus.search import CorpusSearch, Method, open_corpus
from adapters.encoder.embedding import Encoder
from evaluation.provenance import source_sha256

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "large_corpus.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- large_corpus: begin -->", "<!-- large_corpus: end -->"
SEED, SHOWN, QUESTIONS = 20261121, 5, 200
EMBEDDED_EVERY: Final = 100
"""So many passages have one vector of the encoder's own; the questions are about these."""
NOISE: Final = 0.3
"""Length of what is added to a mixed vector."""
SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
WORDS: Final = range(5, 41)
"""Of a sentence; shorter ones are headings, longer ones tables."""
STAGES: Final = ("reading documents", "indexing passages", "counting words")


@dataclass(frozen=True)
class Part:
    """How many sentences a passage has, and how it is searched."""

    name: str
    sentences: int
    method: Method


PARTS: Final = (Part("short", 2, "fusion"), Part("full", 11, "bm25"))


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=ROOT / "advisor-runs" / "large_corpus")
    parser.add_argument("--passages", type=int, default=EXACT_BELOW)
    parser.add_argument("--exact-below", type=int, default=EXACT_BELOW)
    parser.add_argument("--part", choices=[part.name for part in PARTS], help="one part alone, printed as JSON")
    parser.add_argument("--quick", action="store_true", help="1,500 passages, nothing written")
    arguments = parser.parse_args()
    if arguments.part is not None:
        part = next(part for part in PARTS if part.name == arguments.part)
        print(json.dumps(_measure(part, arguments.runs, arguments.passages, arguments.exact_below)))
        return
    if arguments.quick:
        with tempfile.TemporaryDirectory() as runs:
            print(_table([_in_its_own_process(part, Path(runs), 1_500, 1_000) for part in PARTS]))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in PARTS:
        if part.name not in results:
            found = _in_its_own_process(part, arguments.runs, arguments.passages, arguments.exact_below)
            results[part.name] = found
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    table = _table(list(results.values()))
    page = PAGE.read_text()
    PAGE.write_text(f"{page.split(BEGIN)[0]}{BEGIN}\n{table}\n{END}{page.split(END)[1]}")
    print(table)


def _in_its_own_process(part: Part, runs: Path, passages: int, exact_below: int) -> dict[str, Any]:
    """So that no part's memory shows in another's."""
    command = [
        sys.executable, __file__, "--part", part.name, "--runs", str(runs), "--passages", str(passages),
        "--exact-below", str(exact_below),
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measure(part: Part, runs: Path, passages: int, exact_below: int) -> dict[str, Any]:
    documents, indexes = _documents(part, runs, passages), runs / f"{part.name}-{passages}-index"
    encoder = SampledEncoder(Encoder.embedded(runs / "embeddings"), documents, whole=part.method != "bm25")
    clock = Clock(runs / f"{part.name}-{passages}.seconds.json")

    def opened() -> CorpusSearch:
        return open_corpus(documents, encoder, indexes, part.method, progress=clock.told, exact_below=exact_below)

    clock.begin()
    search = opened()
    clock.end()
    begun = time.monotonic()
    search = opened()
    again = time.monotonic() - begun
    questions, wanted = zip(*_questions(documents, passages), strict=True)
    _reset_peak()
    begun, found = time.monotonic(), []
    for question in questions:
        found.append([passage.document for passage in search.search([question], SHOWN)[0]])
    milliseconds = 1000 * (time.monotonic() - begun) / len(questions)
    return {
        "part": part.name, "method": part.method, "passages": passages, "words": _mean_words(documents),
        "notes": list(search.notes), "seconds": clock.seconds(), "peak_megabytes": clock.peaks,
        "seconds_of_a_second_run": round(again, 1), "milliseconds_a_question": round(milliseconds, 1),
        "peak_megabytes_of_search": _peak_megabytes(),
        "found": float(np.mean([one in here for one, here in zip(wanted, found, strict=True)])),
        "index_megabytes": round(sum(file.stat().st_size for file in indexes.rglob("*")) / 2**20),
        "embedded_a_second": encoder.a_second, "source_sha256": source_sha256(),
    }  # fmt: skip


class SampledEncoder:
    """The encoder for questions and for one passage in a hundred. Any other passage lies between two of these, with
    noise, at a place that its text decides."""

    def __init__(self, encoder: Encoder, documents: Path, *, whole: bool) -> None:
        """Without `whole` nothing will be embedded."""
        self._encoder, self.fingerprint, self.count_tokens = encoder, encoder.fingerprint, encoder.count_tokens
        encoder.count_tokens(["loads the tokenizer"])
        self.a_second: float | None = None
        if whole:
            with documents.open() as lines:
                texts = [json.loads(line)["text"] for line in islice(lines, 0, None, EMBEDDED_EVERY)]
            encoder.embed(texts[:1])
            begun = time.monotonic()
            self._vectors = encoder.embed(texts)
            self.a_second = round(len(texts) / (time.monotonic() - begun), 1)
            self._row = {text: row for row, text in enumerate(texts)}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (texts, dimensions)."""
        if len(texts) == 1:
            return self._encoder.embed(texts)
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> NDArray[np.float32]:
        if text in self._row:
            known: NDArray[np.float32] = self._vectors[self._row[text]]
            return known
        rng = np.random.default_rng(zlib.crc32(text.encode()))
        one, other = self._vectors[rng.integers(len(self._vectors), size=2)]
        share = rng.uniform()
        mixed = share * one + (1 - share) * other + rng.normal(scale=NOISE / np.sqrt(len(one)), size=len(one))
        unit: NDArray[np.float32] = (mixed / np.linalg.norm(mixed)).astype(np.float32)
        return unit


class Clock:
    """Seconds and peak memory of every stage, in a file, so that a stopped run keeps what it measured."""

    def __init__(self, path: Path) -> None:
        self._path = path
        told = json.loads(path.read_text()) if path.exists() else {"steps": {}, "peaks": {}}
        self._steps: dict[str, dict[str, float]] = told["steps"]
        self.peaks: dict[str, int] = told["peaks"]

    def begin(self) -> None:
        self._last, self._stage = time.monotonic(), ""
        _reset_peak()

    def told(self, what: str, done: int, of: int) -> None:
        """As `open_corpus` tells it. What comes a second time was done by the run before and is quick."""
        now = time.monotonic()
        self._close(what, new=bool(done) and what != self._stage)
        print(f"{what}: {done:,} of {of:,}", file=sys.stderr, flush=True)
        self._steps.setdefault(what, {}).setdefault(str(done), now - self._last)
        self._last = now
        self._path.write_text(json.dumps({"steps": self._steps, "peaks": self.peaks}))

    def end(self) -> None:
        self.told(self._stage, -1, 0)

    def seconds(self) -> dict[str, float]:
        return {stage: round(sum(steps.values()), 1) for stage, steps in self._steps.items()}

    def _close(self, what: str, *, new: bool) -> None:
        """`new` is a stage that is told of when its first part is done: what was measured is that part's."""
        stage = what if new or not self._stage else self._stage
        self.peaks[stage] = max(self.peaks.get(stage, 0), _peak_megabytes())
        self._stage = what
        _reset_peak()


def _reset_peak() -> None:
    """Linux forgets the largest memory so far (proc_pid_clear_refs(5))."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak_megabytes() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _documents(part: Part, runs: Path, passages: int) -> Path:
    """One passage a line, written once."""
    path = runs / f"{part.name}-{passages}.jsonl"
    if not path.exists():
        runs.mkdir(parents=True, exist_ok=True)
        rng = random.Random(SEED)
        sentences = list(dict.fromkeys(_sentences()))
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("w") as file:
            for number in range(passages):
                text = " ".join(rng.choice(sentences) for _ in range(part.sentences))
                text = f"{text} Reference {rng.randrange(16**7):07x}."
                file.write(json.dumps({"id": f"d{number}", "text": text}) + "\n")
        unfinished.replace(path)
    return path


def _sentences() -> Iterator[str]:
    data = Path(os.environ.get("ADVISOR_DATA", ROOT.parent / "shared" / "data")) / "open"
    for task in sorted(data.glob("*/task.json")):
        if json.loads(task.read_text()).get("language", "en") != "en":
            continue
        for file in sorted(task.parent.glob("*.jsonl")):
            for line in file.read_text().rstrip("\n").split("\n"):
                row = json.loads(line)
                text = row.get("text") or row.get("input") or ""
                for sentence in SENTENCE.split(text if isinstance(text, str) else ""):
                    if len(sentence.split()) in WORDS:
                        yield " ".join(sentence.split())


def _questions(documents: Path, passages: int) -> Iterator[tuple[str, str]]:
    """The first half of a passage's words, and the passage; evenly from those that the encoder has read."""
    every = EMBEDDED_EVERY * max(1, passages // EMBEDDED_EVERY // QUESTIONS)
    with documents.open() as lines:
        for number, line in enumerate(lines):
            if number % every == 0:
                row = json.loads(line)
                words = row["text"].split()
                yield " ".join(words[: len(words) // 2]), row["id"]


def _mean_words(documents: Path) -> float:
    with documents.open() as lines:
        return round(float(np.mean([len(json.loads(line)["text"].split()) for line in lines])), 1)


def _table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| documents (words each) | search | reading and cutting, s | embedded a second | graph, s | counting words, s "
        "| most memory while building, MB | opened again, s | a question, ms | most memory while searching, MB "
        "| on disk, MB | found, % |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        seconds = [f"{result['seconds'][stage]:,.0f}" if stage in result["seconds"] else "" for stage in STAGES]
        seconds.insert(1, "" if result["embedded_a_second"] is None else f"{result['embedded_a_second']:.0f}")
        peak = max(result["peak_megabytes"].values())
        lines.append(
            f"| {result['passages']:,} ({result['words']:.0f}) | {result['method']} | {' | '.join(seconds)} | {peak:,} "
            f"| {result['seconds_of_a_second_run']} | {result['milliseconds_a_question']} "
            f"| {result['peak_megabytes_of_search']:,} | {result['index_megabytes']:,} | {100 * result['found']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
