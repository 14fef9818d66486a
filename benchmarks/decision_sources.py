"""The data sets on disk that the decision benchmark draws its training rows from."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adapters.encoder.embedding import Encoder
from benchmarks.decision_cells import DRAW_SEED, POLICY
from evaluation.readers import Columns
from service.commands.examples import configured_encoder, read_examples
from service.settings import load_settings


@dataclass(frozen=True)
class Source:
    """One data set on disk."""

    name: str
    folder: Path
    task: Mapping[str, Any]
    words: float

    @property
    def train(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def test(self) -> Path:
        return self.folder / "test.jsonl"


def classification_sources(data: Path) -> list[Source]:
    """Every data set below the folder whose task is a classification, shortest texts first."""
    sources = []
    for path in sorted(data.glob("*/task.json")):
        task = json.loads(path.read_text(encoding="utf-8"))
        if task["kind"] == "classification":
            inputs = [json.loads(line)["input"] for line in _lines(path.with_name("train.jsonl"))]
            words = sum(len(text.split()) for text in inputs) / len(inputs)
            sources.append(Source(path.parent.name, path.parent, task, words))
    return sorted(sources, key=lambda source: source.words)


def drawn_lines(source: Source, rows: int) -> list[str]:
    """Lines drawn at random, in random order, from the training rows that do not nearly repeat a test row."""
    lines = _lines(source.train)
    usable = [line for row, line in enumerate(lines) if row not in _repeated(source.train, source.test)]
    if len(usable) < rows:
        sys.exit(f"{source.name} has {len(usable)} usable training rows, not {rows}; name other --sizes.")
    return random.Random(f"{DRAW_SEED} {source.name} {rows}").sample(usable, rows)


@cache
def _repeated(train: Path, test: Path) -> frozenset[int]:
    """The product would leave these rows out of every fit of the truth, though not of its own comparison."""
    return frozenset(read_examples(train, test, Columns(), encoder_in_use(), POLICY).audit.left_out)


@cache
def encoder_in_use() -> Encoder:
    """The one that the settings name, loaded once."""
    return configured_encoder(load_settings())


def _lines(path: Path) -> list[str]:
    # Not splitlines(): it would also cut at U+2028, which JSON allows inside a string.
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
