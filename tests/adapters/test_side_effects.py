"""Side effects of the real fine-tune: saved copies that answer alike, and damage that is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from adapters.catalogue import encoder_arms
from adapters.encoder.artefact import Artefact
from adapters.encoder.embedding import Encoder
from evaluation.dataset import Dataset, Example, Task
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm, score_arm
from evaluation.side_effects import Compared, SideEffects, find_side_effects
from evaluation.splits import Split, given_split
from evaluation.trials import FITTED, FinishedTrial, plan_trials, run_trials

POLICY = EvaluationPolicy(training_seeds_few_labels=2)
COMPARED = ("nearest", "head", "lora")
ADAPTER, HEAD = "adapter/adapter_model.safetensors", "fitted.safetensors"


@dataclass
class World:
    """Three arms on 48 support messages, tested on eight others; two fits of the fine-tune."""

    arms: list[ScoredArm]
    finished: list[FinishedTrial]
    split: Split
    folder: Path

    def look(self, folder: Path | None = None) -> SideEffects:
        compared = Compared(self.arms, self.finished, self.split, POLICY, folder or self.folder)
        (found,) = find_side_effects(compared, np.random.default_rng(1))
        return found


@pytest.fixture(scope="module")
def world(
    encoder: Encoder, train: list[Example], unseen: list[Example], task: Task, tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = tmp_path_factory.mktemp("trials")
    test = Dataset("plain", tuple(unseen))
    split = given_split(Dataset("messages", tuple(train)), [], test, range(len(test)), seed=1)
    specs = [spec for spec in encoder_arms(encoder) if spec.name in COMPARED]
    finished = run_trials(plan_trials(specs, task, split, POLICY), folder, lambda: None, lambda _: None)
    arms = [
        score_arm(spec, [trial for trial in finished if trial.trial.arm == spec.name], split, task, POLICY)
        for spec in specs
    ]
    return World(arms, finished, split, folder)


@pytest.fixture(scope="module")
def found(world: World) -> SideEffects:
    return world.look()


def test_saved_copies_answer_as_they_did(found: SideEffects) -> None:
    assert (found.reload.fits, found.reload.compared, found.reload.same) == (2, 16, 16)
    assert found.reload.confidence_gap < 1e-4
    assert found.reload.unreadable == ()


def test_nothing_forbids_a_sound_fine_tune(found: SideEffects) -> None:
    assert found.blocks == ()
    assert found.invalid.share == 0
    assert found.collapsed == ()
    assert found.fits == 2


def test_both_arms_answer_texts_of_other_topics(found: SideEffects, task: Task) -> None:
    assert found.cheaper in ("nearest", "head")
    assert found.topics.texts == 60
    for certainty in (found.topics.tuned, found.topics.cheaper):
        assert certainty is not None
        assert 0 <= certainty.low <= certainty.share <= certainty.high <= 1
        assert certainty.label in task.labels
        assert certainty.label_share >= 0.25
    # Messages that it was made for are surer than talk about bread and glaciers.
    assert found.topics.tuned is not None
    assert found.topics.tuned.share < 0.5


def test_looking_again_finds_the_same(world: World, found: SideEffects) -> None:
    assert world.look() == found  # what was kept of the first look
    shutil.rmtree(world.folder / "reloaded")
    assert world.look() == found


def negated(path: Path) -> None:
    """One of the two factors, so that their product is negated."""
    signs = {name: -1 if "lora_B" in name else 1 for name in load_file(path)}
    save_file({name: signs[name] * array for name, array in load_file(path).items()}, path, metadata={"format": "pt"})


def shifted(path: Path) -> None:
    kept = Artefact.load(path.parent)
    bias = kept.arrays["bias"] + np.array([2, 0, 0, 0], dtype=np.float32)
    replace(kept, arrays={**kept.arrays, "bias": bias}).save(path.parent)


@pytest.mark.parametrize(
    ("file", "damage", "told"),
    [
        (ADAPTER, negated, "its saved copies "),
        (HEAD, shifted, "its saved copies "),
        (ADAPTER, lambda path: path.write_bytes(path.read_bytes()[:-100]), "1 of its 2 saved copies cannot be used ("),
        (HEAD, lambda path: path.unlink(), "1 of its 2 saved copies cannot be used ("),
    ],
    ids=["another adapter", "another head", "half an adapter", "no head"],
)
def test_a_damaged_save_is_found(
    world: World, tmp_path: Path, file: str, damage: Callable[[Path], None], told: str
) -> None:
    folder = tmp_path / "trials"
    shutil.copytree(world.folder, folder)
    first = next(trial for trial in world.finished if trial.trial.arm == "lora")
    damage(folder / first.trial.key / FITTED / file)
    (reason,) = world.look(folder).blocks
    assert reason.startswith(told)
