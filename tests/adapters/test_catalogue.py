"""The table of arms: light to import, complete, and honest about what determines a prediction."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from adapters.catalogue import ARMS, encoder_arms
from adapters.encoder.embedding import Encoder
from adapters.encoder.few_shot import DEMONSTRATIONS
from evaluation.arm import Family

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "peft", "sentence_transformers", "faiss", "sklearn", "tokenizers", "safetensors")
BUILD_SPECS = f"""
import sys
from adapters.catalogue import encoder_arms
from adapters.encoder.embedding import Encoder
specs = encoder_arms(Encoder.embedded())
assert len(specs) == {len(ARMS)}
print(*(set({HEAVY}) & set(sys.modules)))
"""


def test_naming_every_arm_imports_no_model_library() -> None:
    done = subprocess.run([sys.executable, "-c", BUILD_SPECS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_spec_for_every_entry_in_its_order(encoder: Encoder) -> None:
    assert [spec.name for spec in encoder_arms(encoder)] == [entry.name for entry in ARMS]
    assert len({entry.name for entry in ARMS}) == len(ARMS)
    assert len({entry.title for entry in ARMS}) == len(ARMS)


def test_simplest_first() -> None:
    order = list(Family)
    assert [entry.family for entry in ARMS] == sorted((entry.family for entry in ARMS), key=order.index)


def test_arms_over_one_encoder_are_prepared_together(encoder: Encoder) -> None:
    specs = encoder_arms(encoder)
    assert len({spec.prepare for spec in specs}) == 1
    assert {spec.base_model for spec in specs} == {"all-MiniLM-L6-v2"}


def test_the_demonstrations_shown_are_those_counted() -> None:
    assert {entry.name: entry.demonstrations for entry in ARMS if entry.demonstrations} == {"few_shot": DEMONSTRATIONS}


def test_other_weights_determine_other_predictions(make_model: Callable[..., Path], tmp_path: Path) -> None:
    one, same, other = (
        Encoder(make_model(tmp_path / name, seed)) for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    for first, again, changed in zip(encoder_arms(one), encoder_arms(same), encoder_arms(other), strict=True):
        assert first.determined_by == again.determined_by
        assert first.determined_by != changed.determined_by


def test_another_pooling_determines_other_predictions(make_model: Callable[..., Path], tmp_path: Path) -> None:
    mean, cls = (Encoder(make_model(tmp_path / pooling, pooling=pooling)) for pooling in ("mean", "cls"))
    assert encoder_arms(mean)[0].determined_by != encoder_arms(cls)[0].determined_by


def test_what_determines_a_prediction_is_plain_text(encoder: Encoder) -> None:
    for spec in encoder_arms(encoder):
        assert {"weights", "source", "libraries"} <= set(spec.determined_by)
        assert all(isinstance(value, str) and value for value in spec.determined_by.values())
