"""What a file of examples tells a plan: how many rows, how many labels, how long they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from evaluation.audit import Audit
from evaluation.dataset import Dataset
from rules.material import Material

CountTokens = Callable[[Sequence[str]], Sequence[int]]


def count_material(dataset: Dataset, test: Dataset | None, audit: Audit, count_tokens: CountTokens) -> Material:
    """Rows that the audit leaves out do not count. Answers of a label are as long as the label."""
    examples = dataset.examples
    labels = {*dataset.labels, *(test.labels if test else ())}
    return Material(
        examples=len(dataset) - len(audit.left_out),
        test_examples=len(test) if test else None,
        labels=len(labels),
        input_tokens=round(fmean(count_tokens([example.input for example in examples])), 1),
        answer_tokens=round(fmean(count_tokens([example.output for example in examples])), 1),
        source=dataset.name,
    )
