"""The arm that fine-tunes a language model of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.corpus.retriever import Unsearched
from adapters.generative.local import LocalModel
from adapters.generative.lora import Lora
from adapters.generative.training import TrainingSettings
from adapters.generative.weights import WeightsError, find_model
from evaluation.arm import Passage
from evaluation.dataset import Example, Task

TASK = Task(("no", "yes"))
TRAINING = TrainingSettings(epochs=1, fewest_steps=40, most_epochs=40, batch=4, learning_rate=1e-2)
SHORT = replace(TRAINING, fewest_steps=0)


class Shelf:
    """One passage, which says which question it was found for."""

    determined_by: Mapping[str, str] = {"documents": "one"}
    notes: Sequence[str] = ()

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage] | Unsearched]:
        return [
            Unsearched("the search did not answer") if "unsearchable" in query
            else [Passage("d#1", "d", f"about {query}"), Passage("d#2", "d", "more")][:k]
            for query in queries
        ]  # fmt: skip


def rows() -> list[Example]:
    return [
        Example(f"r{row}", f"{'good' if row % 2 else 'bad'} {row}", "yes" if row % 2 else "no", row, "rows")
        for row in range(12)
    ]


def test_it_learns_saves_and_loads(llama: LocalModel, llama_folder: Path, tmp_path: Path) -> None:
    arm = Lora(llama, TASK, training=TRAINING)
    arm.fit(rows(), seed=1)
    inputs = [row.input for row in rows()] + ["good 77"]
    predictions = arm.predict(inputs)
    assert [prediction.output for prediction in predictions[:-1]] == [row.output for row in rows()]
    assert all(prediction.usage is not None and prediction.passages is None for prediction in predictions)
    arm.save(tmp_path / "arm")
    other = LocalModel(find_model(str(llama_folder)))
    loaded = Lora.load(other, tmp_path / "arm")
    assert [each.output for each in loaded.predict(inputs)] == [each.output for each in predictions]
    assert arm.predict([]) == []


def test_by_likelihood_it_answers_with_labels_and_says_how_sure_it_is(llama: LocalModel, tmp_path: Path) -> None:
    arm = Lora(llama, TASK, training=SHORT, by_likelihood=True)
    arm.fit(rows(), seed=1)
    predictions = arm.predict(["good 1", "bad 2"])
    assert {prediction.output for prediction in predictions} <= {"no", "yes"}
    assert all(prediction.confidence is not None and 0.5 <= prediction.confidence <= 1 for prediction in predictions)
    arm.save(tmp_path / "arm")
    loaded = Lora.load(llama, tmp_path / "arm").predict(["good 1", "bad 2"])
    assert [each.confidence for each in loaded] == pytest.approx([each.confidence for each in predictions])


def test_an_interrupted_fit_goes_on(llama: LocalModel, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    steps = 0

    def stop(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 7:
            raise Stopped

    training = replace(SHORT, fewest_steps=12)
    llama.checkpoints = tmp_path
    hook = llama.model.register_forward_pre_hook(stop)
    with pytest.raises(Stopped):
        Lora(llama, TASK, training=training).fit(rows(), seed=1)
    hook.remove()
    arm = Lora(llama, TASK, training=training)
    arm.fit(rows(), seed=1)
    assert arm.trained is not None
    assert (arm.trained.resumed_at, arm.trained.steps) == (6, 12)


class TestPassages:
    def test_without_a_retriever_no_passage_is_ever_shown(self, llama: LocalModel, tmp_path: Path) -> None:
        arm = Lora(llama, TASK, training=SHORT)
        with llama.observed() as seen:
            arm.fit(rows(), seed=1)
            arm.predict(["good"])
        assert not [read for read in seen if "assage" in read.text]
        arm.save(tmp_path / "arm")
        with pytest.raises(WeightsError, match="was trained without passages from documents; leave it out"):
            Lora.load(llama, tmp_path / "arm", Shelf())

    def test_with_one_it_is_trained_and_asked_with_passages(self, llama: LocalModel, tmp_path: Path) -> None:
        arm = Lora(llama, Task(kind="question_answering"), Shelf(), training=SHORT, shown=1)
        arm.fit([*rows(), Example("u", "unsearchable", "yes", 0, "rows")], seed=1)
        [first, second] = [request.messages[-1].content for request in arm.requests(["good 1", "bad 2"])]
        assert first == "Passages:\n\n[1] about good 1\n\nQuestion: good 1"
        assert "about bad 2" in second
        predictions = arm.predict(["good 1", "unsearchable", "bad 2"])
        assert [prediction.error for prediction in predictions][1] == "the search did not answer"
        assert predictions[0].passages == (Passage("d#1", "d", "about good 1"),)
        assert predictions[2].passages == (Passage("d#1", "d", "about bad 2"),)
        arm.save(tmp_path / "arm")
        loaded = Lora.load(llama, tmp_path / "arm", Shelf())
        assert loaded.requests(["good 1"]) == arm.requests(["good 1"])
        with pytest.raises(WeightsError, match="was trained with passages from documents; name its documents"):
            Lora.load(llama, tmp_path / "arm")


def test_another_base_model_is_refused(llama: LocalModel, make_llama: object, tmp_path: Path) -> None:
    arm = Lora(llama, TASK, training=SHORT)
    arm.fit(rows(), seed=1)
    arm.save(tmp_path / "arm")
    other = LocalModel(find_model(str(make_llama(tmp_path / "other", seed=9))))  # type: ignore[operator]
    with pytest.raises(WeightsError, match="was trained on tiny-llama with other weights"):
        Lora.load(other, tmp_path / "arm")
