"""Real messages of a bank's customers, 77 labels: a run far under these figures has a fault.

LoRA takes minutes here and is measured in a benchmark instead.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from adapters.encoder.embedding import Encoder
from adapters.encoder.head import Head
from adapters.encoder.nearest import Nearest
from evaluation.dataset import Example, inputs_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("ADVISOR_DATA") or ROOT.parent / "shared/data") / "open/banking77"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no {FOLDER}; name the data folder in ADVISOR_DATA")


def read(name: str) -> list[Example]:
    rows = [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]
    return [Example(row["id"], row["input"], row["output"], line, name) for line, row in enumerate(rows, start=1)]


@pytest.fixture(scope="module")
def banking() -> tuple[list[Example], list[Example]]:
    """The first ten training rows of each label (two labels have fewer), and 1,000 test rows."""
    seen: Counter[str] = Counter()
    train = []
    for row in read("train.jsonl"):
        seen[row.output] += 1
        if seen[row.output] <= 10:
            train.append(row)
    test = read("test.jsonl")[:1000]
    assert (len(train), len(test)) == (765, 1000)
    return train, test


@pytest.mark.parametrize(("arm_class", "expected"), [(Nearest, 0.80), (Head, 0.83)])
def test_accuracy(
    arm_class: type[Nearest] | type[Head],
    expected: float,
    encoder: Encoder,
    banking: tuple[list[Example], list[Example]],
) -> None:
    train, test = banking
    arm = arm_class(encoder)
    arm.fit(train, seed=1)
    answers = arm.predict(inputs_of(test))
    right = sum(answer.output == row.output for answer, row in zip(answers, test, strict=True))
    assert right / len(test) >= expected
