"""How much memory a model needs: foreseen from its files, held against this machine, and beside what was measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adapters.generative.adapter import with_fresh_adapter
from adapters.generative.footprint import Footprint, Machine, Size, footprint_of, size_of, this_machine
from adapters.generative.local import LocalModel
from adapters.generative.memory import in_words
from adapters.generative.weights import ModelFolder, WeightsError, find_model
from service.local_model import OnThisMachine
from service.refusals import Refusal

ROOT = Path(__file__).parents[4]
COPIER = ROOT / "tests/models/copier"
SIZE = Size(
    parameters=1000, matrices=600, sides=100, layers=2, hidden=8, feed_forward=16, keys=4, vocabulary=50, context=10
)
PROCESSOR, GPU = Machine(10_560, on_gpu=False), Machine(10_560, on_gpu=True)
MOST_OFF = 1.6
"""Measured memory by that foreseen, or the other way round, on the model of the tests."""


@pytest.mark.parametrize(
    ("machine", "four_bit", "weights", "one", "three"),
    [
        # 4 bytes a parameter. A token: 2 x 2 x 4 keys and values, 8 x 8 + 4 x 16 of a layer, 10 of who sees whom: 154
        # numbers. Last logits: 50 x (4 + 4) bytes a text. 4 x 10 x 154 + 400 = 6,560 a text.
        (PROCESSOR, False, 4_000, 10_560, 23_680),
        # 2 bytes: 2 x 10 x 154 + 50 x (2 + 4) = 3,380 a text.
        (GPU, False, 2_000, 5_380, 12_140),
        # 400 parameters at 2 bytes, 600 at 4.127 bits: 800 + 309.5.
        (GPU, True, 1_110, 4_490, 11_250),
    ],
)
def test_what_answering_takes(machine: Machine, four_bit: bool, weights: int, one: int, three: int) -> None:
    needs = Footprint("tiny", SIZE, machine, four_bit)
    assert (needs.weights, needs.to_answer(1, 10), needs.to_answer(3, 10)) == (weights, one, three)


@pytest.mark.parametrize(
    ("parameters", "one", "two"),
    [
        # Adapters of rank 16 beside 100 rows and columns: 1,600 parameters of 16 bytes. A token keeps 2 layers of
        # 16 x 8 + 6 x 16 = 224 numbers of 4 bytes and 50 logits of 20 bytes: 2,792.
        (1_000, 4_000 + 25_600 + 27_920, 4_000 + 25_600 + 55_840),
        # A large model keeps 8 numbers a layer and computes one layer's 224 again: 240 x 4 + 1,000 = 1,960.
        (300_000_000, 1_200_000_000 + 25_600 + 19_600, 1_200_000_000 + 25_600 + 39_200),
    ],
)
def test_what_training_takes(parameters: int, one: int, two: int) -> None:
    needs = Footprint("tiny", SIZE._replace(parameters=parameters), PROCESSOR)
    assert (needs.to_train(1, 10), needs.to_train(2, 10)) == (one, two)


@pytest.mark.parametrize(
    ("memory", "answers", "trains"),
    [(10_559, False, False), (10_560, True, False), (57_519, True, False), (57_520, True, True)],
)
def test_what_fits(memory: int, answers: bool, trains: bool) -> None:
    needs = Footprint("tiny", SIZE, Machine(memory, on_gpu=False))
    assert (needs.can_answer, needs.can_train) == (answers, trains)


def test_it_says_what_is_needed_what_there_is_and_what_to_do() -> None:
    small = Size(135_000_000, 106_000_000, 700_000, 30, 576, 1536, 192, 49_152, 8192)
    needs = Footprint("small", small, Machine(16_000_000_000, on_gpu=False))
    assert needs.sentence.startswith("small needs 0.5 GB of memory for its weights, about ")
    assert "for texts of 512 tokens; this machine has 16.0 GB." in needs.sentence
    on_gpu = replace(needs, machine=Machine(200_000_000, on_gpu=True))
    assert not on_gpu.can_answer
    assert "0.3 GB of it for its weights, and this machine has 0.2 GB on its GPU" in on_gpu.refusal
    assert "name a smaller model, add --four-bit, or take a larger GPU" in on_gpu.refusal
    assert "--four-bit" not in replace(on_gpu, four_bit=True).refusal
    assert "run this on a machine with a GPU or more memory" in needs.not_trained


@pytest.mark.parametrize(
    ("count", "words"), [(3_674_624, "4 MB"), (99_999_999, "100 MB"), (100_000_000, "0.1 GB"), (25.3e9, "25.3 GB")]
)
def test_in_words(count: float, words: str) -> None:
    assert in_words(count) == words


class TestSize:
    def test_it_is_that_of_the_loaded_model(self) -> None:
        model = LocalModel(find_model(str(COPIER)))
        size = size_of(model.folder)
        assert size.parameters == model.model.num_parameters() == 918_656
        assert size.sides == 4 * (4 * (128 + 128) + 3 * (128 + 256))
        with with_fresh_adapter(model, 16, 32, 0.0) as adapted:
            trained = sum(each.numel() for each in adapted.parameters() if each.requires_grad)
        assert trained == 16 * size.sides
        assert (size.layers, size.hidden, size.keys, size.vocabulary, size.context) == (4, 128, 128, 2048, 2048)

    def test_shards_count_once(self, llama_folder: Path, tmp_path: Path) -> None:
        one = size_of(find_model(str(llama_folder)))
        whole = (llama_folder / "model.safetensors").read_bytes()
        for name in ("config.json",):
            (tmp_path / name).write_text((llama_folder / name).read_text())
        (tmp_path / "model-00001-of-00001.safetensors").write_bytes(whole)
        (tmp_path / "consolidated.safetensors").write_bytes(whole)
        index = {"weight_map": {"a": "model-00001-of-00001.safetensors", "b": "model-00001-of-00001.safetensors"}}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        assert size_of(ModelFolder(tmp_path, "sharded")) == one

    def test_a_damaged_file_is_refused(self, llama_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text((llama_folder / "config.json").read_text())
        (tmp_path / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00not json")
        with pytest.raises(WeightsError, match=r"cannot be read .*; fetch the model again"):
            size_of(ModelFolder(tmp_path, "damaged"))


@dataclass(frozen=True)
class Wishes:
    model: str | None
    four_bit: bool = False


class TestOnThisMachine:
    """Before anything is loaded: the files of these models hold no weights that could be."""

    @pytest.fixture
    def model_of(self, llama_folder: Path, tmp_path: Path) -> Callable[..., Path]:
        def make(shape: list[int], **config: int) -> Path:
            written = json.loads((llama_folder / "config.json").read_text())
            (tmp_path / "config.json").write_text(json.dumps({**written, **config}))
            header = json.dumps({"weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
            (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
            return tmp_path

        return make

    def test_a_model_that_cannot_answer_is_refused(self, model_of: Callable[..., Path]) -> None:
        folder = model_of([10**7, 10**6])
        with pytest.raises(Refusal, match=r"of it for its weights, and this machine has .* name a smaller model"):
            OnThisMachine.of(Wishes(str(folder)), folder, beside=False)

    def test_one_that_cannot_be_trained_only_answers(
        self, model_of: Callable[..., Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        memory = this_machine("cpu").memory
        # Logits of so many words: 20 bytes for each of 512 tokens in a training, 8 bytes a text in an answer.
        folder = model_of([10, 10], vocab_size=memory // 5_000)
        found = OnThisMachine.of(Wishes(str(folder)), folder, beside=False)
        assert not found.trained
        assert "is not trained: that takes about" in found.notes[1]
        assert "\n".join(found.notes) == capsys.readouterr().err.strip()
        with pytest.raises(Refusal, match="is not trained"):
            OnThisMachine.of(Wishes(str(folder)), folder, beside=True)

    def test_one_that_fits_is_said_to(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        found = OnThisMachine.of(Wishes(str(COPIER)), tmp_path, beside=False)
        assert found.trained
        assert found.model.measured() == ()
        assert "copier needs 4 MB of memory for its weights" in capsys.readouterr().err


WORK = """
import sys
import torch
torch.set_num_threads(1)
from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.local import LocalModel
from adapters.generative.memory import Peak
from adapters.generative.training import TrainingSettings, train
from adapters.generative.weights import find_model
folder, what, texts, words = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = LocalModel(find_model(folder), batch=texts)
def work(words):
    asked = [(Message("user", f"{number} " + "lamp " * words),) for number in range(texts)]
    if what == "answer":
        model.ask_all([ChatRequest(messages, max_tokens=4) for messages in asked])
    else:
        settings = TrainingSettings(epochs=1, fewest_steps=0, batch=texts)
        train(model, [(messages, "door") for messages in asked], settings, 1)
work(3)  # libraries are loaded
peak = Peak()
work(words)
print(peak.taken())
"""


@pytest.mark.parametrize(("what", "texts"), [("answer", 32), ("train", 8)])
def test_foreseen_is_near_what_is_measured(what: str, texts: int) -> None:
    """In a process of its own, of which no other test took memory; without the weights, which are counted exactly."""
    words = 1000
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(COPIER), what, str(texts), str(words)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    measured = int(done.stdout.split()[-1])
    needs = footprint_of(LocalModel(find_model(str(COPIER))), Machine(10**9, on_gpu=False))
    foreseen = {"answer": needs.to_answer, "train": needs.to_train}[what](texts, words) - needs.weights
    assert foreseen / MOST_OFF < measured < foreseen * MOST_OFF, (in_words(measured), in_words(foreseen))
