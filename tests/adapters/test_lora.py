"""LoRA: it learns, it stops in time, and what it saves is peft's own format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.numpy import load_file
from transformers import AutoModel, AutoTokenizer

from adapters.encoder.embedding import Encoder
from adapters.encoder.lora import Lora
from adapters.encoder.training import TrainingSettings, hold_out
from adapters.encoder.tuned import TunedEncoder, batches_by_length, with_adapters
from evaluation.arm import Prediction
from evaluation.dataset import Example, inputs_of

SETTINGS = TrainingSettings(held_out=0.1, fewest_rows_to_hold_out=4, fewest_held_out=16)
LENGTHS = [3, 9, 3, 1, 7, 2, 2, 8, 5, 4, 1]


@pytest.fixture(scope="module")
def arm(encoder: Encoder, train: list[Example]) -> Lora:
    arm = Lora(encoder)
    arm.fit(train, seed=1)
    return arm


def share_right(predictions: list[Prediction], rows: list[Example]) -> float:
    return float(np.mean([p.output == row.output for p, row in zip(predictions, rows, strict=True)]))


# Learning


def test_it_learns_its_rows(arm: Lora, train: list[Example]) -> None:
    predictions = arm.predict(inputs_of(train))
    assert share_right(predictions, train) >= 0.95
    assert 1 <= arm.epochs <= TrainingSettings().epochs


def test_it_learns_what_the_class_means_cannot_tell(encoder: Encoder, train: list[Example]) -> None:
    """Labels that cut through every topic: the class means get a seventh of the rows wrong, training none."""
    mixed = [
        Example(row.id, row.input, "long" if len(row.input) > 32 else "short", row.line, row.source) for row in train
    ]
    vectors = encoder.embed(inputs_of(mixed))
    long = np.array([row.output == "long" for row in mixed])
    means = np.stack([vectors[long].mean(axis=0), vectors[~long].mean(axis=0)])
    start = ((vectors @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1) == 0) == long
    arm = Lora(encoder)
    arm.fit(mixed, seed=1)
    assert start.mean() < 0.9
    assert share_right(arm.predict(inputs_of(mixed)), mixed) >= 0.95


def test_seeds_differ(encoder: Encoder, arm: Lora, train: list[Example], unseen: list[Example]) -> None:
    other = Lora(encoder)
    other.fit(train, seed=2)
    assert other.predict(inputs_of(unseen)) != arm.predict(inputs_of(unseen))


def test_the_frozen_encoder_stays_as_it_was(train: list[Example]) -> None:
    bare = Encoder.embedded()
    before = bare.embed(["where is my parcel", ""])
    Lora(bare).fit(train[:8], seed=1)
    assert np.array_equal(bare.embed(["where is my parcel", ""]), before)


def with_dense_layer(folder: Path, model: Path) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

    base = SentenceTransformer(str(model))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dense = Dense(32, 16)
    SentenceTransformer(modules=[base[0], base[1], dense]).save(str(folder))
    return folder


def test_layers_after_the_pooling_stay_as_they_were(
    make_model: Callable[..., Path], train: list[Example], tmp_path: Path
) -> None:
    encoder = Encoder(with_dense_layer(tmp_path / "dense", make_model(tmp_path / "plain")))
    before = encoder.embed(["where is my parcel"])
    Lora(encoder).fit(train[:8], seed=1)
    assert np.array_equal(encoder.embed(["where is my parcel"]), before)


# The untrained start


def test_before_training_it_is_the_encoder(encoder: Encoder, train: list[Example]) -> None:
    """Split in two stacks, padded and batched by length, the texts still get the vectors of `Encoder.embed`."""
    texts = ["", "hi", "日本語 🙃", "parcel " * 400, *inputs_of(train)]
    heads = encoder.embed(inputs_of(train[:4]))
    with torch.random.fork_rng(devices=[]):
        tuned = TunedEncoder(encoder, with_adapters(encoder, rank=2, alpha=4), heads, np.zeros(4, dtype=np.float32))
    cosines = tuned.logits(tuned.features(texts)).numpy()
    assert cosines == pytest.approx(encoder.embed(texts) @ heads.T, abs=1e-5)


# What is saved


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_the_adapter_loads_with_peft_onto_the_published_transformer(
    encoder: Encoder, arm: Lora, unseen: list[Example], tmp_path: Path
) -> None:
    """With transformers, peft and safetensors alone, the same answers come out."""
    arm.save(tmp_path)
    transformer = AutoModel.from_pretrained(encoder.folder)
    with torch.random.fork_rng(devices=[]):
        adapted = PeftModel.from_pretrained(transformer, str(tmp_path / "adapter")).eval()
    head = load_file(tmp_path / "fitted.safetensors")
    inputs = inputs_of(unseen)
    tokens = AutoTokenizer.from_pretrained(encoder.folder)(inputs, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = adapted(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    pooled = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()
    logits = torch.from_numpy(pooled @ head["weights"].T + head["bias"])
    probability, label = logits.softmax(dim=1).max(dim=1)
    predictions = arm.predict(inputs)
    labels = ["Account", "Billing", "Shipping", "Technical"]
    assert [labels[number] for number in label] == [prediction.output for prediction in predictions]
    assert probability.numpy() == pytest.approx([prediction.confidence for prediction in predictions], abs=1e-3)


def test_the_adapter_is_peft_s_own_format(arm: Lora, tmp_path: Path) -> None:
    arm.save(tmp_path)
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {
        path.name for path in (tmp_path / "adapter").iterdir()
    }
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert config["base_model_name_or_path"] == "all-MiniLM-L6-v2"
    # No weights of the base model travel with the adapter.
    assert (tmp_path / "adapter/adapter_model.safetensors").stat().st_size < 5_000_000


def test_nothing_saved_names_a_folder_of_this_machine(encoder: Encoder, arm: Lora, tmp_path: Path) -> None:
    arm.save(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path.name for path in files if str(encoder.folder).encode() in path.read_bytes()]


# Early stopping


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_either_trained_on_or_held_out(seed: int) -> None:
    outputs = ["A", "B", "C"] * 70 + ["tiny"] * 3
    kept, held = hold_out(outputs, SETTINGS, np.random.default_rng(seed))
    assert sorted(kept + held) == list(range(len(outputs)))
    assert kept == sorted(kept)
    assert Counter(outputs[row] for row in held) == {"A": 7, "B": 7, "C": 7}


def test_shares_of_small_labels_are_right_in_the_long_run() -> None:
    """Four rows a label would give 0.4 rows each: 40 of 400 over a hundred labels, 0 or 1 from each."""
    outputs = [f"label {number}" for number in range(100) for _ in range(4)]
    counts = [len(hold_out(outputs, SETTINGS, np.random.default_rng(seed))[1]) for seed in range(30)]
    assert np.mean(counts) == pytest.approx(40, abs=3)
    _, held = hold_out(outputs, SETTINGS, np.random.default_rng(0))
    assert max(Counter(outputs[row] for row in held).values()) == 1


def test_tiny_labels_give_none() -> None:
    outputs = ["big"] * 200 + ["three"] * 3 + ["one"]
    _, held = hold_out(outputs, SETTINGS, np.random.default_rng(0))
    assert {outputs[row] for row in held} == {"big"}
    assert len(held) == 20


@pytest.mark.parametrize("outputs", [[], ["A"], ["A", "B"] * 20, ["A"] * 150, [str(n) for n in range(500)]])
def test_too_few_to_stop_by_means_none(outputs: list[str]) -> None:
    kept, held = hold_out(outputs, SETTINGS, np.random.default_rng(0))
    assert held == []
    assert kept == list(range(len(outputs)))


def test_the_generator_decides_who_is_held_out() -> None:
    outputs = ["A", "B"] * 200
    one, again, other = (hold_out(outputs, SETTINGS, np.random.default_rng(seed))[1] for seed in (1, 1, 2))
    assert one == again != other


# Batches


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_batches_hold_every_row_once(seed: int | None, size: int) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(batches_by_length([torch.zeros(length) for length in LENGTHS], rng, size))
    assert sorted(row for batch in batches for row in batch) == list(range(len(LENGTHS)))
    assert max(map(len, batches)) <= size
    assert len(batches) == -(-len(LENGTHS) // size)


def test_batches_hold_rows_of_like_length() -> None:
    batches = batches_by_length([torch.zeros(length) for length in LENGTHS], size=4)
    assert [[LENGTHS[row] for row in batch] for batch in batches] == [[1, 1, 2, 2], [3, 3, 4, 5], [7, 8, 9]]


def test_no_rows_make_no_batches() -> None:
    assert list(batches_by_length([])) == []
    assert list(batches_by_length([], np.random.default_rng(0))) == []
