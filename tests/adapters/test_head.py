"""The head: better than chance where that is possible, sane where it is not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from adapters.encoder.embedding import Encoder
from adapters.encoder.head import Head
from evaluation.audit import audit_dataset
from evaluation.dataset import Dataset, Example, inputs_of
from evaluation.label_errors import find_label_noise, out_of_fold
from evaluation.policy import EvaluationPolicy
from evaluation.readers import read_dataset

TICKETS = Path(__file__).resolve().parents[2] / "examples/tickets/tickets.jsonl"
ExamplesOf = Callable[[dict[str, list[str]]], list[Example]]


def fitted(encoder: Encoder, train: list[Example], seed: int = 1) -> Head:
    arm = Head(encoder)
    arm.fit(train, seed)
    return arm


def test_separable_rows_are_separated(encoder: Encoder, train: list[Example]) -> None:
    answers = fitted(encoder, train).predict(inputs_of(train))
    assert [answer.output for answer in answers] == [row.output for row in train]


def test_two_labels_give_the_regressions_own_probabilities(
    encoder: Encoder, train: list[Example], tmp_path: Path
) -> None:
    """scikit-learn keeps one row for two labels, the arm two."""
    from sklearn.linear_model import LogisticRegression

    two = [row for row in train if row.output in ("Billing", "Shipping")]
    arm = fitted(encoder, two)
    arm.save(tmp_path)
    assert load_file(tmp_path / "fitted.safetensors")["weights"].shape == (2, 384)
    vectors, outputs = encoder.embed(inputs_of(two)), [row.output for row in two]
    inputs = ["where is my parcel", "my invoice is wrong", "hello"]
    confidences = [answer.confidence for answer in arm.predict(inputs)]
    candidates = [
        LogisticRegression(C=strength, max_iter=1000)
        .fit(vectors, outputs)
        .predict_proba(encoder.embed(inputs))
        .max(axis=1)
        for strength in (1.0, 10.0, 100.0)
    ]
    assert any(np.allclose(confidences, expected, atol=1e-4) for expected in candidates)


def test_one_label_is_certain(encoder: Encoder, examples_of: ExamplesOf) -> None:
    arm = fitted(encoder, examples_of({"only": ["a", "b"]}))
    assert [(answer.output, answer.confidence) for answer in arm.predict(["a", "zzz"])] == [("only", 1.0)] * 2


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_labels_smaller_than_the_inner_folds(encoder: Encoder, rows: int, train: list[Example]) -> None:
    few = [row for label in ("Billing", "Shipping") for row in [r for r in train if r.output == label][:rows]]
    answers = fitted(encoder, few).predict(inputs_of(few))
    assert [answer.output for answer in answers] == [row.output for row in few]


def test_the_seed_is_not_used(encoder: Encoder, train: list[Example], unseen: list[Example]) -> None:
    one, other = (fitted(encoder, train, seed).predict(inputs_of(unseen)) for seed in (1, 2))
    assert one == other


def test_a_very_long_label_does_not_cost_memory_for_every_row(encoder: Encoder, train: list[Example]) -> None:
    """The reader lets outputs of 100,000 characters pass: at 4 bytes each, for each of the rows."""
    rows = [*train[:-1], Example("long", train[-1].input, "x" * 20_000, 48, "messages.jsonl")]
    fitted(encoder, train)
    tracemalloc.start()
    try:
        fitted(encoder, rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_500_000


def test_a_prediction_is_the_most_probable_label(encoder: Encoder, train: list[Example], unseen: list[Example]) -> None:
    arm = fitted(encoder, train)
    probabilities = arm.probabilities(inputs_of(unseen))
    assert arm.labels == ("Account", "Billing", "Shipping", "Technical")
    assert probabilities.shape == (8, 4)
    assert np.allclose(probabilities.sum(axis=1), 1)
    for row, answer in zip(probabilities, arm.predict(inputs_of(unseen)), strict=True):
        assert (answer.output, answer.confidence) == (arm.labels[int(row.argmax())], row.max())
    assert arm.probabilities([]).shape == (0, 4)
    assert arm.predict([]) == []


def test_wrong_labels_are_found_by_the_other_folds(encoder: Encoder) -> None:
    """The sample tickets as they are, and with every tenth label replaced by another."""
    tickets, policy = read_dataset(TICKETS), EvaluationPolicy()
    groups = audit_dataset(tickets, None, policy, 256, encoder.count_tokens).groups
    rng = np.random.default_rng(1)
    wrong = set(rng.permutation(len(tickets))[: len(tickets) // 10].tolist())

    def another(label: str) -> str:
        return str(rng.choice([other for other in tickets.labels if other != label]))

    noisy = Dataset(
        "noisy",
        tuple(
            replace(row, output=another(row.output)) if number in wrong else row
            for number, row in enumerate(tickets.examples)
        ),
    )

    def fit(rows: Sequence[Example]) -> Head:
        return fitted(encoder, list(rows))

    clean, found = (
        find_label_noise(dataset, groups, out_of_fold(dataset, groups, policy, 1, fit)) for dataset in (tickets, noisy)
    )
    assert clean is not None
    assert found is not None
    assert clean.is_reliable
    assert clean.high < 0.05
    assert len(clean.suspects) <= 5
    assert found.low <= 0.1 <= found.high
    suspects = [suspect.place.line - 1 for suspect in found.suspects]
    assert len(suspects) >= 10
    assert sum(row in wrong for row in suspects) >= 0.6 * len(suspects)
