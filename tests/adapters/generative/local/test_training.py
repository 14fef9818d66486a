"""LoRA on a language model: what is learnt, what is left alone, and what an interruption changes: nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adapters.generative.adapter import Adapter, wearing
from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.local import LocalModel
from adapters.generative.training import (
    LikeLengths,
    Trained,
    TrainingError,
    TrainingSettings,
    encoded,
    train,
    training_key,
)
from adapters.generative.weights import find_model

SHORT = TrainingSettings(epochs=2, fewest_steps=0, batch=4, learning_rate=1e-2)
ANSWERS = ("up", "down", "left")


def conversations(count: int) -> list[tuple[tuple[Message, ...], str]]:
    """The answer hangs on the text's first word."""
    return [
        ((Message("system", "Say it."), Message("user", f"{'abc'[row % 3] * 3} {'x' * (row % 5)}")), ANSWERS[row % 3])
        for row in range(count)
    ]


def answers(model: LocalModel, adapter: Adapter | None, count: int = 6) -> list[str | None]:
    requests = [ChatRequest(messages, max_tokens=8) for messages, _ in conversations(count)]
    if adapter is None:
        return [answer.text for answer in model.ask_all(requests)]
    with wearing(model, adapter):
        return [answer.text for answer in model.ask_all(requests)]


def same(first: Adapter, second: Adapter) -> bool:
    return first.tensors.keys() == second.tensors.keys() and all(
        torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors
    )


@pytest.fixture(scope="module")
def trained(llama_folder: Path) -> Trained:
    return train(LocalModel(find_model(str(llama_folder))), conversations(15), SHORT, seed=3)


class TestLearning:
    def test_the_model_learns_and_is_itself_again_afterwards(self, llama: LocalModel) -> None:
        before = {name: tensor.clone() for name, tensor in llama.model.state_dict().items()}
        unadapted = answers(llama, None)
        settings = replace(SHORT, epochs=25)
        trained = train(llama, conversations(15), settings, seed=1)
        assert answers(llama, trained.adapter) == [answer for _, answer in conversations(6)]
        assert answers(llama, None) == unadapted
        after = llama.model.state_dict()
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], before[name]) for name in before)
        assert not llama.model.training
        assert (trained.epochs, trained.steps, trained.resumed_at, trained.left_out) == (25, 100, 0, 0)

    def test_only_the_answer_and_its_end_are_learnt(self, llama: LocalModel) -> None:
        row = encoded(llama.template, (Message("user", "question"),), "answer")
        taught = [token for token in row["labels"] if token != -100]
        assert llama.template.shown(taught) == "answer<|end|>"
        assert row["labels"][-len(taught) :] == taught == row["input_ids"][-len(taught) :]

    def test_what_is_not_taught_has_no_influence(self, llama: LocalModel, trained: Trained) -> None:
        """The same prompts with other answers give other weights; the loss sees nothing else."""
        other = [(messages, "up") for messages, _ in conversations(15)]
        assert not same(train(llama, other, SHORT, seed=3).adapter, trained.adapter)

    def test_seeds_decide_and_global_generators_stay_as_they_are(self, llama: LocalModel, trained: Trained) -> None:
        torch.manual_seed(5)
        states = random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state()
        again = train(llama, conversations(15), SHORT, seed=3)
        other = train(llama, conversations(15), SHORT, seed=4)
        assert random.getstate() == states[0]
        assert np.random.get_state()[1].tolist() == states[1]
        assert torch.equal(torch.random.get_rng_state(), states[2])
        assert same(again.adapter, trained.adapter)
        assert not same(other.adapter, trained.adapter)

    def test_rows_that_are_too_long_are_left_out_and_counted(self, llama: LocalModel, trained: Trained) -> None:
        long = ((Message("user", "x" * 600),), "up")
        found = train(llama, [*conversations(15), long], SHORT, seed=3)
        assert found.left_out == 1
        assert same(found.adapter, trained.adapter)
        with pytest.raises(TrainingError, match="of 1 none fits into the 512 tokens that tiny-llama reads"):
            train(llama, [long], SHORT, seed=3)

    def test_few_rows_are_read_more_often(self) -> None:
        settings = TrainingSettings(epochs=3, batch=16, fewest_steps=60, most_epochs=15)
        assert [settings.epochs_for(rows) for rows in (1, 64, 160, 10_000)] == [15, 15, 6, 3]

    def test_the_rate_falls_with_the_size_of_the_model(self) -> None:
        sizes = (900_000, 135_000_000, 3_000_000_000, 8_000_000_000, 70_000_000_000)
        assert [TrainingSettings().rate_for(size) for size in sizes] == [5e-3, 1e-3, 1e-3, 3e-4, 3e-4]
        assert TrainingSettings(learning_rate=0.5).rate_for(1) == 0.5


class TestMemory:
    def test_out_of_memory_halves_the_rows_at_a_time_but_not_the_step(
        self, llama: LocalModel, trained: Trained
    ) -> None:
        def look(module: Any, given: Any, named: dict[str, Any]) -> None:
            del module, given
            if len(named["input_ids"]) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")

        hook = llama.model.register_forward_pre_hook(look, with_kwargs=True)
        found = train(llama, conversations(15), SHORT, seed=3)
        hook.remove()
        assert (found.together, trained.together) == (1, 4)
        assert found.steps == trained.steps
        # The same rows make up each step, so the weights differ by rounding only.
        for name, tensor in trained.adapter.tensors.items():
            torch.testing.assert_close(found.adapter.tensors[name], tensor, atol=2e-3, rtol=2e-2)

    def test_activations_computed_again_give_the_same_weights(
        self, llama: LocalModel, trained: Trained, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """What saves memory on large models changes nothing else, and nothing is printed."""
        monkeypatch.setattr("adapters.generative.training.LARGE", 0)
        reads = 0

        def count(*_: Any) -> None:
            nonlocal reads
            reads += 1

        hook = llama.model.model.layers[0].mlp.register_forward_pre_hook(count)
        found = train(llama, conversations(15), SHORT, seed=3)
        hook.remove()
        assert reads == 2 * found.steps, "once forwards and once more on the way back"
        for name, tensor in trained.adapter.tensors.items():
            torch.testing.assert_close(found.adapter.tensors[name], tensor)
        assert not llama.model.is_activation_checkpointing
        assert capfd.readouterr() == ("", "")

    def test_a_row_that_does_not_fit_alone_ends_it(self, llama: LocalModel) -> None:
        def look(*_: Any) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory.")

        hook = llama.model.register_forward_pre_hook(look)
        with pytest.raises(torch.OutOfMemoryError):
            train(llama, conversations(15), SHORT, seed=3)
        hook.remove()
        assert not [name for name, _ in llama.model.named_parameters() if "lora" in name]


KILLED = """
import sys, time
from pathlib import Path
import torch
from adapters.generative.exchange import Message
from adapters.generative.local import LocalModel
from adapters.generative.training import TrainingSettings, train
from adapters.generative.weights import find_model
torch.set_num_threads(1)
folder, checkpoints = sys.argv[1:3]
model = LocalModel(find_model(folder))
# Slow steps, so that there is time to be killed between two checkpoints.
model.model.register_forward_pre_hook(lambda *_: time.sleep(0.3))
rows = [
    ((Message("system", "Say it."), Message("user", f"{'abc'[row % 3] * 3} {'x' * (row % 5)}")),
     ("up", "down", "left")[row % 3])
    for row in range(15)
]
settings = TrainingSettings(epochs=5, fewest_steps=0, batch=4, learning_rate=1e-2)
train(model, rows, settings, 3, Path(checkpoints))
print("never reached")
"""


class TestInterruption:
    LONGER = replace(SHORT, epochs=5)

    def test_a_killed_training_goes_on_and_ends_the_same(
        self, llama: LocalModel, llama_folder: Path, tmp_path: Path
    ) -> None:
        script, checkpoints = tmp_path / "training.py", tmp_path / "checkpoints"
        script.write_text(KILLED)
        root = Path(__file__).parents[4]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
        process = subprocess.Popen(
            [sys.executable, str(script), str(llama_folder), str(checkpoints)], env=environment, cwd=root
        )
        until = time.monotonic() + 120
        while not list(checkpoints.glob("*/checkpoint-6/trainer_state.json")) and time.monotonic() < until:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        resumed = train(llama, conversations(15), self.LONGER, 3, checkpoints)
        whole = train(llama, conversations(15), self.LONGER, 3)
        assert resumed.resumed_at >= 6
        assert whole.resumed_at == 0
        assert resumed.steps == whole.steps == 20
        assert same(resumed.adapter, whole.adapter)
        assert not list(checkpoints.iterdir()), "what is done leaves no checkpoints"

    def test_a_checkpoint_that_was_cut_short_is_passed_over(self, tmp_path: Path) -> None:
        from adapters.generative.training import _last_whole

        for step, state in ((2, '{"global_step": 2}'), (4, '{"global_'), (6, None)):
            folder = tmp_path / f"checkpoint-{step}"
            folder.mkdir()
            if state is not None:
                (folder / "trainer_state.json").write_text(state)
        assert _last_whole(tmp_path) == str(tmp_path / "checkpoint-2")

    def test_another_training_never_takes_its_checkpoints(self, llama: LocalModel) -> None:
        rows = [encoded(llama.template, messages, answer) for messages, answer in conversations(4)]
        keys = {
            training_key(llama, rows, SHORT, 1),
            training_key(llama, rows, SHORT, 2),
            training_key(llama, rows[:3], SHORT, 1),
            training_key(llama, rows, replace(SHORT, rank=8), 1),
        }
        assert len(keys) == 4
        assert training_key(llama, rows, SHORT, 1) in keys


class TestOrder:
    @given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 8), st.integers(0, 9))
    def test_each_row_once_and_alike_in_a_step(self, lengths: list[int], batch: int, seed: int) -> None:
        order = LikeLengths(lengths, batch, seed)
        rows = list(order)
        assert sorted(rows) == list(range(len(lengths)))
        assert rows == list(LikeLengths(lengths, batch, seed))

    def test_steps_hold_rows_of_like_length_and_change_with_the_epoch(self) -> None:
        lengths = [10] * 16 + [100] * 16
        order = LikeLengths(lengths, 8, 1)
        first = self.steps(list(order), 8)
        assert all(len({lengths[row] for row in step}) == 1 for step in first)
        order.set_epoch(1)
        assert self.steps(list(order), 8) != first

    def steps(self, rows: Sequence[int], batch: int) -> list[list[int]]:
        return [list(rows[start : start + batch]) for start in range(0, len(rows), batch)]


def test_the_trainer_asks_for_our_order(llama: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order hangs on a name inside transformers: another name there, and rows would come in another order."""
    epochs = []
    seen: Callable[[LikeLengths], Any] = LikeLengths.__iter__

    def iterate(self: LikeLengths) -> Any:
        epochs.append(self.epoch)
        return seen(self)

    monkeypatch.setattr(LikeLengths, "__iter__", iterate)
    train(llama, conversations(15), SHORT, seed=3)
    assert epochs == [0, 1]
