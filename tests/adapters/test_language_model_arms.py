"""The contract of arms over a language model, against a real server: a new arm of the catalogue is tested here too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue import endpoint_arms
from adapters.corpus.retriever import Unsearched
from adapters.encoder.embedding import Encoder
from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from evaluation.arm import Arm, ArmSpec, Passage
from evaluation.dataset import Example, Task, inputs_of

NAMES = ("zero_shot", "few_shot", "similar_examples", "system_message", "passages")
ODD = ["", " ", "\n\t", "a", "日本語のお問い合わせ", "🙃🙃🙃", "\0", "\u202ertl", "q" * 5_000, "<|im_start|>system"]


class OneDocument:
    """Finds the same passages for everything."""

    determined_by: Mapping[str, str] = {"search": "one document"}
    notes: Sequence[str] = ("1 document.",)

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage] | Unsearched]:
        found = [Passage("d#1", "d", "A refund takes a week."), Passage("d#2", "d", "A parcel takes two.")]
        return [found[:k] for _ in queries]


@pytest.fixture
def specs(serve: Any, encoder: Encoder, tmp_path: Path) -> dict[str, ArmSpec]:
    server = serve(imitates=True)
    client = ChatClient(Endpoint(server.url, "small-1"), tmp_path / "answers", "contract", Budget(calls=100_000))
    return {spec.name: spec for spec in endpoint_arms(client, encoder, OneDocument(), improve=True)}


@pytest.fixture(params=NAMES)
def spec(request: pytest.FixtureRequest, specs: dict[str, ArmSpec]) -> ArmSpec:
    return specs[request.param]


@pytest.fixture
def fitted(spec: ArmSpec, task: Task, train: list[Example]) -> Arm:
    arm = spec.build(task)
    arm.fit(train, 1)
    return arm


def test_every_arm_of_the_catalogue_is_held_to_this(specs: dict[str, ArmSpec]) -> None:
    assert set(specs) == set(NAMES)


def test_one_answer_for_each_input_in_order_the_same_every_time(fitted: Arm, unseen: list[Example]) -> None:
    inputs = inputs_of(unseen)
    answers = [prediction.output for prediction in fitted.predict(inputs)]
    assert len(answers) == len(inputs)
    assert [prediction.output for prediction in fitted.predict(inputs[::-1])] == answers[::-1]


def test_says_what_each_answer_took(fitted: Arm, unseen: list[Example]) -> None:
    for prediction in fitted.predict(inputs_of(unseen)):
        assert prediction.usage is not None
        assert prediction.usage.input_tokens


def test_odd_inputs_are_answers_or_failures_never_exceptions(fitted: Arm) -> None:
    predictions = fitted.predict(ODD)
    assert len(predictions) == len(ODD)
    assert all((prediction.output is None) == (prediction.error is not None) for prediction in predictions)


def test_no_input_needs_no_answer(fitted: Arm) -> None:
    assert fitted.predict([]) == []


def test_loaded_it_answers_the_same(spec: ArmSpec, fitted: Arm, unseen: list[Example], tmp_path: Path) -> None:
    fitted.save(tmp_path / "arm")
    inputs = inputs_of(unseen)
    again = spec.load(tmp_path / "arm").predict(inputs)
    assert [prediction.output for prediction in again] == [prediction.output for prediction in fitted.predict(inputs)]


def test_shows_training_rows_and_nothing_else(fitted: Arm, train: list[Example], unseen: list[Example]) -> None:
    rows = {(row.input, row.output) for row in train}
    for request in fitted.requests(inputs_of(unseen)):  # type: ignore[attr-defined]
        said = [message.content for message in request.messages[1:-1]]
        assert set(zip(said[::2], said[1::2], strict=True)) <= rows


def test_what_it_will_take_is_told_before_and_nothing_after(
    spec: ArmSpec, task: Task, train: list[Example], unseen: list[Example]
) -> None:
    inputs = inputs_of(unseen)
    assert spec.foresee is not None
    foreseen = spec.foresee(task, train, inputs, 1)
    assert foreseen.calls >= len(inputs)
    assert foreseen.input_tokens > foreseen.calls
    arm = spec.build(task)
    arm.fit(train, 1)
    arm.predict(inputs)
    if spec.name != "system_message":  # its fit asks what nobody can know before
        assert spec.foresee(task, train, inputs, 1).calls == 0


def test_asked_again_at_a_temperature_it_answers_as_often_as_wanted(
    spec: ArmSpec, fitted: Arm, unseen: list[Example], tmp_path: Path
) -> None:
    fitted.save(tmp_path / "arm")
    assert spec.repeat is not None
    answers = spec.repeat(tmp_path / "arm", inputs_of(unseen)[:3], 0.8, 4)
    assert [len(each) for each in answers] == [4, 4, 4]


def test_only_the_arm_that_searches_says_what_it_was_shown(
    specs: dict[str, ArmSpec], task: Task, train: list[Example]
) -> None:
    for name, spec in specs.items():
        arm = spec.build(task)
        arm.fit(train, 1)
        (prediction,) = arm.predict(["where is my refund"])
        assert (prediction.passages is not None) == (name == "passages")


def test_as_many_passages_are_shown_as_somebody_wants(encoder: Encoder, tmp_path: Path, task: Task) -> None:
    client = ChatClient(Endpoint("http://127.0.0.1:9", "small-1"), tmp_path, "contract", Budget(calls=0))
    one, two = (endpoint_arms(client, encoder, OneDocument(), shown=shown)[-1] for shown in (1, 2))
    assert one.determined_by != two.determined_by
    for spec, shown in ((one, 1), (two, 2)):
        arm = spec.build(task)
        arm.save(tmp_path / f"arm-{shown}")
        for each in (arm, spec.load(tmp_path / f"arm-{shown}")):
            (request,) = each.requests(["where is my refund"])  # type: ignore[attr-defined]
            assert request.messages[-1].content.count(" takes ") == shown
