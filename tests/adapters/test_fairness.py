"""What the encoder's arms are seen to read: their own training rows, in training and prediction alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.catalogue import ARMS, encoder_arms
from adapters.encoder.embedding import Encoder
from adapters.encoder.few_shot import DEMONSTRATIONS, FewShot
from adapters.encoder.head import Head
from adapters.encoder.lora import Lora
from adapters.encoder.nearest import Nearest
from adapters.encoder.training import TrainingSettings
from adapters.entry import Entry
from evaluation.arm import Arm, ArmSpec, Choosing, Prediction, Read
from evaluation.audit import audit_dataset
from evaluation.dataset import Dataset, Example, Task, inputs_of
from evaluation.fairness import AuditedTexts, UnfairComparison, check_finished, check_planned
from evaluation.policy import EvaluationPolicy
from evaluation.splits import given_split
from evaluation.trials import PlannedTrial, plan_trials, run_trial

POLICY = EvaluationPolicy()
READS = {"zero_shot": 0, "few_shot": 4 * DEMONSTRATIONS}
"""Texts of the 48 training rows; the other arms read them all."""
CHOOSES_BY = {"nearest": 48, "head": 48}
"""Rows; LoRA stops by none of so few."""
Cheat = type[FewShot] | type[Nearest] | type[Head] | type[Lora]


@pytest.fixture(scope="session")
def tiny(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """Random weights: what is read does not depend on them."""
    folder = tmp_path_factory.mktemp("tiny")
    return Encoder(make_model(folder / "model"), folder / "cache")


@pytest.fixture(scope="session")
def world(
    train: list[Example], unseen: list[Example], task: Task
) -> Callable[[ArmSpec], tuple[PlannedTrial, AuditedTexts]]:
    """The first trial of an arm on the support messages, tested on the plain ones."""

    def make(spec: ArmSpec) -> tuple[PlannedTrial, AuditedTexts]:
        rows, test = Dataset("messages", tuple(train)), Dataset("plain", tuple(_elsewhere(unseen)))
        audit = audit_dataset(rows, test, POLICY, 256, lambda texts: [1] * len(texts))
        split = given_split(rows, audit.left_out, test, audit.test_groups, seed=1)
        planned = plan_trials([spec], task, split, POLICY)
        texts = AuditedTexts.of(rows, test, audit)
        check_planned(planned, texts)
        return planned[0], texts

    return make


def _elsewhere(rows: Sequence[Example]) -> list[Example]:
    return [replace(row, source="plain.jsonl") for row in rows]


def spec_of(name: str, encoder: Encoder) -> ArmSpec:
    return next(spec for spec in encoder_arms(encoder) if spec.name == name)


@pytest.mark.parametrize("entry", ARMS, ids=lambda entry: entry.name)
def test_every_arm_reads_its_training_rows_alone_and_alike(
    entry: Entry, tiny: Encoder, world: Callable[..., tuple[PlannedTrial, AuditedTexts]], tmp_path: Path
) -> None:
    planned, texts = world(spec_of(entry.name, tiny))
    finished = run_trial(planned, tmp_path)
    check_finished(planned, finished, texts)
    seen = finished.trial.observation
    assert seen is not None
    assert seen.texts == READS.get(entry.name, 48)
    assert (seen.strangers, seen.tested, seen.misread) == (0, (), 0)
    assert seen.probes == (8 if seen.texts else 0)
    assert finished.trial.validation_rows == CHOOSES_BY.get(entry.name, 0)


def test_observing_changes_no_prediction(
    tiny: Encoder, world: Callable[..., tuple[PlannedTrial, AuditedTexts]], tmp_path: Path
) -> None:
    for entry in ARMS:
        planned, _ = world(spec_of(entry.name, tiny))
        unseen = replace(planned, spec=replace(planned.spec, observe=None))
        one, other = (run_trial(trial, tmp_path).predictions for trial in (planned, unseen))
        assert one == other


@pytest.mark.parametrize("base", [FewShot, Nearest, Head, Lora])
@pytest.mark.parametrize("change", [str.upper, lambda text: f"{text}!", lambda text: f"{text[:-1]}"])
def test_a_tested_message_that_was_slipped_in_is_found(
    base: Cheat,
    change: Callable[[str], str],
    tiny: Encoder,
    world: Callable[..., tuple[PlannedTrial, AuditedTexts]],
    unseen: list[Example],
    tmp_path: Path,
) -> None:
    """In a label of its own, so that few-shot is sure to draw it."""
    slipped = replace(unseen[3], input=change(unseen[3].input), output="Zebra")

    class Slipped(base):  # type: ignore[valid-type, misc]
        def fit(self, train: Sequence[Example], seed: int) -> None:
            super().fit([*train, slipped], seed)

    planned, texts = cheating(base, Slipped, tiny, world)
    with pytest.raises(UnfairComparison, match=r"read the text of plain\.jsonl:4, exactly or nearly"):
        check_finished(planned, run_trial(planned, tmp_path), texts)


@pytest.mark.parametrize("base", [FewShot, Nearest, Head, Lora])
def test_texts_cut_while_fitting_alone_are_found(
    base: Cheat, tiny: Encoder, world: Callable[..., tuple[PlannedTrial, AuditedTexts]], tmp_path: Path
) -> None:
    class Cut(base):  # type: ignore[valid-type, misc]
        def fit(self, train: Sequence[Example], seed: int) -> None:
            super().fit([replace(row, input=row.input[:15]) for row in train], seed)

    planned, texts = cheating(base, Cut, tiny, world)
    with pytest.raises(
        UnfairComparison, match=r"texts? while it was fitted that are neither training rows nor what it"
    ):
        check_finished(planned, run_trial(planned, tmp_path), texts)


def test_another_token_limit_at_prediction_is_found(
    tiny: Encoder, world: Callable[..., tuple[PlannedTrial, AuditedTexts]], tmp_path: Path
) -> None:
    class Short(Lora):
        def predict(self, inputs: Sequence[str]) -> list[Prediction]:
            self._tuned._tokens = 16
            return super().predict(inputs)

    planned, texts = cheating(Lora, Short, tiny, world)
    with pytest.raises(UnfairComparison, match="reads 8 of 8 training texts otherwise when it predicts"):
        check_finished(planned, run_trial(planned, tmp_path), texts)


def cheating(
    base: Cheat,
    arm_class: Callable[[Encoder], Arm],
    encoder: Encoder,
    world: Callable[..., tuple[PlannedTrial, AuditedTexts]],
) -> tuple[PlannedTrial, AuditedTexts]:
    name = next(entry.name for entry in ARMS if entry.arm_class == base.__name__)
    planned, texts = world(spec_of(name, encoder))
    return replace(planned, spec=replace(planned.spec, build=lambda _: arm_class(encoder))), texts


def test_arms_with_a_setting_to_choose_say_by_how_many_rows(tiny: Encoder, train: list[Example]) -> None:
    """Of 240 rows LoRA stops by a tenth; labels too small for every inner fold decide nothing in the head."""
    rows = [replace(row, input=f"{row.input}, {times}") for times in range(5) for row in train]
    few = [replace(row, output="rare") for row in rows[:2]]
    arms: dict[str, Arm] = {
        entry.name: spec_of(entry.name, tiny).build(Task(tuple({row.output for row in rows}))) for entry in ARMS
    }
    chosen = {}
    for name, arm in arms.items():
        arm.fit([*rows[2:], *few], seed=1)
        assert bool(spec_of(name, tiny).chooses) is isinstance(arm, Choosing)
        chosen[name] = arm.validation_rows if isinstance(arm, Choosing) else None
    held = chosen.pop("lora")
    assert held == pytest.approx(240 * TrainingSettings().held_out, abs=4)
    assert chosen == {"zero_shot": None, "few_shot": None, "nearest": 240, "head": 238}


def test_one_label_leaves_the_head_nothing_to_choose(tiny: Encoder, train: list[Example]) -> None:
    arm = Head(tiny)
    arm.fit([replace(row, output="only") for row in train], seed=1)
    assert arm.validation_rows == 0


def test_only_what_is_read_inside_is_noted_known_vectors_too(tiny: Encoder) -> None:
    tiny.embed(["before", "known"])
    with tiny.observed() as noted:
        tiny.embed(["known", "new", "new"])
    tiny.embed(["after"])
    assert noted == {Read("known", 256), Read("new", 256)}


def test_what_is_noted_is_what_reaches_the_model(encoder: Encoder) -> None:
    """Words behind the noted limit change no vector; one before it does."""
    start, limit = "parcel " * 253, 256
    with encoder.observed() as noted:
        one, other, third = encoder.embed([f"{start} box refund", f"{start} box invoice", f"{start[7:]} refund box x"])
    assert {read.token_limit for read in noted} == {limit}
    assert one == pytest.approx(other, abs=1e-6)
    assert one != pytest.approx(third, abs=1e-6)


def test_inputs_are_all_there(train: list[Example]) -> None:
    assert len(set(inputs_of(train))) == 48
