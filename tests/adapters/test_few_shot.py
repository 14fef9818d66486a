"""Few-shot: how many demonstrations are drawn, and by what."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from adapters.encoder.embedding import Encoder
from adapters.encoder.few_shot import DEMONSTRATIONS, FewShot
from evaluation.dataset import Example, inputs_of


def prototypes(encoder: Encoder, train: list[Example], seed: int, folder: Path) -> NDArray[np.float32]:
    """As saved: one row a label, in label order."""
    arm = FewShot(encoder)
    arm.fit(train, seed)
    arm.save(folder / str(seed))
    return load_file(folder / str(seed) / "fitted.safetensors")["prototypes"]


def mean_direction(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = vectors.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_eight_rows_of_each_label_are_drawn(encoder: Encoder, train: list[Example], tmp_path: Path) -> None:
    """Among the 495 ways to take 8 of a label's 12 rows there is exactly one whose mean was kept."""
    assert DEMONSTRATIONS == 8
    kept = prototypes(encoder, train, 1, tmp_path)
    for number, label in enumerate(["Account", "Billing", "Shipping", "Technical"]):
        vectors = encoder.embed([row.input for row in train if row.output == label])
        ways = [mean_direction(vectors[list(way)]) for way in combinations(range(12), 8)]
        assert sum(np.allclose(way, kept[number], atol=1e-6) for way in ways) == 1


def test_a_smaller_label_gives_all_it_has(
    encoder: Encoder, examples_of: Callable[[dict[str, list[str]]], list[Example]], tmp_path: Path
) -> None:
    few = {"A": ["my parcel", "the box", "delivery"], "B": [f"refund number {number}" for number in range(8)]}
    expected = [mean_direction(encoder.embed(texts)) for texts in few.values()]
    for seed in (1, 2):
        assert np.allclose(prototypes(encoder, examples_of(few), seed, tmp_path), expected, atol=1e-6)


def test_draws_differ_by_seed(encoder: Encoder, train: list[Example], tmp_path: Path) -> None:
    draws = [prototypes(encoder, train, seed, tmp_path) for seed in (1, 2, 3)]
    for one, other in combinations(draws, 2):
        assert not np.allclose(one, other, atol=1e-4)


def test_draws_reach_the_predictions(encoder: Encoder, train: list[Example], unseen: list[Example]) -> None:
    confidences = set()
    for seed in (1, 2, 3):
        arm = FewShot(encoder)
        arm.fit(train, seed)
        confidences.add(tuple(prediction.confidence for prediction in arm.predict(inputs_of(unseen))))
    assert len(confidences) == 3
