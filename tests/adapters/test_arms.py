"""The contract, over every entry of the catalogue: a new arm is tested here without a new line."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from adapters.catalogue import ARMS, encoder_arms
from adapters.encoder.embedding import Encoder
from adapters.entry import Entry
from evaluation.arm import Arm, ArmSpec, Prediction
from evaluation.dataset import Example, Task, inputs_of

LONG = "my parcel did not come and nobody answers the phone " * 60
"""Until votes are cut off at 1 (see test_nearest.py)."""
ODD = ["", " ", "\n\t", "a", "日本語のお問い合わせ", "🙃🙃🙃", "\0", "\u202ertl", "q" * 5_000, LONG, "zzxqv wvut"]


@pytest.fixture(scope="session", params=ARMS, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> Entry:
    return request.param


@pytest.fixture(scope="session")
def spec(entry: Entry, encoder: Encoder) -> ArmSpec:
    return next(spec for spec in encoder_arms(encoder) if spec.name == entry.name)


@pytest.fixture(scope="session")
def fitted(spec: ArmSpec, task: Task, train: list[Example]) -> Arm:
    return fit(spec, train, task)


def fit(spec: ArmSpec, train: Sequence[Example], task: Task | None = None, seed: int = 1) -> Arm:
    arm = spec.build(task or Task(tuple(sorted({row.output for row in train}))))
    arm.fit(train, seed)
    return arm


def assert_sound(predictions: Sequence[Prediction], inputs: Sequence[str], labels: Sequence[str]) -> None:
    assert len(predictions) == len(inputs)
    for prediction in predictions:
        assert prediction.error is None
        assert prediction.output in labels
        assert prediction.confidence is None or 0 <= prediction.confidence <= 1


def test_one_prediction_for_each_input_with_a_known_label(fitted: Arm, task: Task, unseen: list[Example]) -> None:
    inputs = inputs_of(unseen)
    assert_sound(fitted.predict(inputs), inputs, task.labels)


def test_plain_messages_are_mostly_understood(fitted: Arm, unseen: list[Example]) -> None:
    """Chance is 2 of 8."""
    right = [p.output == row.output for p, row in zip(fitted.predict(inputs_of(unseen)), unseen, strict=True)]
    assert sum(right) >= 6


def test_predictions_follow_the_inputs_wherever_they_stand(fitted: Arm, unseen: list[Example]) -> None:
    inputs = inputs_of(unseen)
    together = fitted.predict(inputs)
    backwards = fitted.predict(inputs[::-1])[::-1]
    alone = [fitted.predict([text])[0] for text in inputs]
    for others in (backwards, alone):
        assert [p.output for p in others] == [p.output for p in together]
        assert [p.confidence for p in others] == pytest.approx([p.confidence for p in together], abs=1e-5)


def test_a_repeated_input_gets_the_same_answer(fitted: Arm) -> None:
    first, other, again = fitted.predict(["where is my box", "refund me", "where is my box"])
    assert first.output == again.output
    assert first.confidence == pytest.approx(again.confidence, abs=1e-5)
    assert first != other


def test_no_inputs_give_no_predictions(fitted: Arm) -> None:
    assert fitted.predict([]) == []


def test_odd_inputs_are_answered(fitted: Arm, task: Task) -> None:
    assert_sound(fitted.predict(ODD), ODD, task.labels)


def test_predict_takes_inputs_and_nothing_else(fitted: Arm) -> None:
    assert list(inspect.signature(fitted.predict).parameters) == ["inputs"]


def test_the_same_seed_gives_the_same_predictions(
    spec: ArmSpec, fitted: Arm, task: Task, train: list[Example], unseen: list[Example]
) -> None:
    inputs = inputs_of(unseen)
    assert fit(spec, train, task).predict(inputs) == fitted.predict(inputs)


def test_what_was_saved_predicts_the_same(spec: ArmSpec, fitted: Arm, unseen: list[Example], tmp_path: Path) -> None:
    inputs = [*inputs_of(unseen), "", "日本語"]
    fitted.save(tmp_path / "not/there/yet")
    loaded = spec.load(tmp_path / "not/there/yet")
    assert loaded.predict(inputs) == fitted.predict(inputs)
    loaded.save(tmp_path / "again")
    assert spec.load(tmp_path / "again").predict(inputs) == fitted.predict(inputs)


def test_what_is_saved_holds_no_pickle_and_no_text(fitted: Arm, train: list[Example], tmp_path: Path) -> None:
    fitted.save(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    # peft adds a model card.
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".faiss", ".md"}
    saved = b"".join(path.read_bytes() for path in files)
    assert not [row.input for row in train if row.input.encode() in saved]


def test_fitting_leaves_every_global_generator_alone(
    spec: ArmSpec, task: Task, train: list[Example], tmp_path: Path
) -> None:
    before = generator_states()
    arm = fit(spec, train[:8], task)
    arm.predict(["where is my box"])
    arm.save(tmp_path)
    assert generator_states() == before


def test_loading_leaves_every_global_generator_alone(spec: ArmSpec, fitted: Arm, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    before = generator_states()
    spec.load(tmp_path)
    assert generator_states() == before


def generator_states() -> tuple[str, ...]:
    import torch

    return (
        str(random.getstate()),
        repr(np.random.get_state(legacy=False)),
        torch.get_rng_state().numpy().tobytes().hex(),
    )


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param({"only": ["one row"]}, id="one row in all"),
        pytest.param({"only": ["first row", "second row", "third row"]}, id="one label"),
        pytest.param({"A": ["my parcel"], "B": ["my password"], "C": ["my bill"]}, id="one row a label"),
        pytest.param({"yes": ["it works", "very good", "thank you"], "no": ["broken", "terrible"]}, id="two labels"),
        pytest.param({"big": ["a", "b c", "d", "e f", "g", "h i", "j"], "small": ["refund"]}, id="one row beside many"),
        pytest.param({"A": ["the very same"] * 30, "B": ["something else"] * 25}, id="more copies than neighbours"),
        pytest.param({"A": ["the very same"] * 15, "B": ["the very same"] * 10}, id="copies with conflicting labels"),
        pytest.param({"A": ["", " ", LONG], "B": ["日本語", "🙃", "q" * 60]}, id="odd texts"),
        pytest.param({"a label with spaces, \"quotes\"": ["x y"], "ünï_日本": ["refund", "money"]}, id="odd labels"),
    ],
)  # fmt: skip
def test_degenerate_training_rows(
    spec: ArmSpec,
    texts: dict[str, list[str]],
    examples_of: Callable[[dict[str, list[str]]], list[Example]],
    tmp_path: Path,
) -> None:
    train = examples_of(texts)
    inputs = [*dict.fromkeys(inputs_of(train)), "something nobody has seen", ""]
    arm = fit(spec, train)
    predictions = arm.predict(inputs)
    assert_sound(predictions, inputs, sorted(texts))
    arm.save(tmp_path)
    assert spec.load(tmp_path).predict(inputs) == predictions


@pytest.mark.parametrize("architecture", ["bert", "distilbert"])
def test_another_encoder_serves_as_well(
    entry: Entry,
    architecture: str,
    make_model: Callable[..., Path],
    task: Task,
    train: list[Example],
    tmp_path: Path,
) -> None:
    """Random weights say nothing about the texts; everything else of the contract holds."""
    encoder = Encoder(make_model(tmp_path / "another", architecture=architecture), tmp_path / "cache")
    spec = next(spec for spec in encoder_arms(encoder) if spec.name == entry.name)
    assert spec.base_model == "another"
    arm = fit(spec, train[:12], task)
    predictions = arm.predict(ODD)
    assert_sound(predictions, ODD, task.labels)
    arm.save(tmp_path / "fitted")
    assert spec.load(tmp_path / "fitted").predict(ODD) == predictions
