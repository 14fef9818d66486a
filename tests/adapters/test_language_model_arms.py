"""The contract of arms over a language model, against a real server and real weights: a new arm of the catalogue is
tested here too. What fine-tunes learn is tested beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue import endpoint_arms, local_arms
from adapters.corpus.retriever import Unsearched
from adapters.encoder.embedding import Encoder
from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from adapters.generative.local import LocalModel
from adapters.generative.weights import find_model
from evaluation.arm import Arm, ArmSpec, Passage
from evaluation.dataset import Example, Task, inputs_of

NAMES = ("zero_shot", "few_shot", "similar_examples", "system_message", "passages")
LOCAL = ("likeliest zero_shot", "likeliest few_shot", "written zero_shot", "written few_shot")
ODD = ["", " ", "\n\t", "a", "日本語のお問い合わせ", "🙃🙃🙃", "\0", "\u202ertl", "q" * 5_000, "<|im_start|>system"]


class OneDocument:
    """Finds the same passages for everything."""

    determined_by: Mapping[str, str] = {"search": "one document"}
    notes: Sequence[str] = ("1 document.",)

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage] | Unsearched]:
        found = [Passage("d#1", "d", "A refund takes a week."), Passage("d#2", "d", "A parcel takes two.")]
        return [found[:k] for _ in queries]


Specs = dict[str, ArmSpec]
SpecsOver = Callable[[str], Specs]


@pytest.fixture(scope="module")
def llama(make_llama: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return LocalModel(find_model(str(make_llama(tmp_path_factory.mktemp("models") / "tiny", context=4096))))


@pytest.fixture
def specs_over(serve: Any, encoder: Encoder, llama: LocalModel, task: Task, tmp_path: Path) -> SpecsOver:
    """By how answers come about: from a server, written by a model of this machine, or its likeliest labels."""

    def over(answers: str) -> Specs:
        if answers == "endpoint":
            server = serve(imitates=True)
            client = ChatClient(Endpoint(server.url, "small-1"), tmp_path / "answers", "contract", Budget(100_000))
            specs = endpoint_arms(client, encoder, OneDocument(), improve=True)
        else:
            labels = task.labels if answers == "likeliest" else ()
            specs = local_arms(llama, encoder, OneDocument(), improve=True, labels=labels)
        return {spec.name: spec for spec in specs}

    return over


@pytest.fixture
def specs(specs_over: SpecsOver) -> Specs:
    return specs_over("endpoint")


@pytest.fixture(params=[*(f"endpoint {name}" for name in NAMES), *LOCAL])
def spec(request: pytest.FixtureRequest, specs_over: SpecsOver) -> ArmSpec:
    answers, name = request.param.split()
    return specs_over(answers)[name]


@pytest.fixture
def fitted(spec: ArmSpec, task: Task, train: list[Example]) -> Arm:
    arm = spec.build(task)
    arm.fit(train, 1)
    return arm


def test_every_arm_of_the_catalogue_is_held_to_this(specs_over: SpecsOver) -> None:
    assert set(specs_over("endpoint")) == set(NAMES)
    assert set(specs_over("likeliest")) == set(specs_over("written")) == {*NAMES, "lora", "lora_passages"}


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
    if spec.foresee is None:  # on this machine answers cost nothing but time
        assert spec.base_model == "tiny"
        return
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
    if spec.repeat is None:
        assert spec.determined_by["answers"] == "likeliest label"
        return
    fitted.save(tmp_path / "arm")
    answers = spec.repeat(tmp_path / "arm", inputs_of(unseen)[:3], 0.8, 4)
    assert [len(each) for each in answers] == [4, 4, 4]


def test_only_the_arm_that_searches_says_what_it_was_shown(specs: Specs, task: Task, train: list[Example]) -> None:
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


class TestLikeliestLabels:
    @pytest.fixture(params=["zero_shot", "few_shot", "similar_examples", "passages"])
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_every_answer_is_a_label_with_how_sure_the_model_is(
        self, specs_over: SpecsOver, name: str, task: Task, train: list[Example], unseen: list[Example]
    ) -> None:
        arm = specs_over("likeliest")[name].build(task)
        arm.fit(train, 1)
        for prediction in arm.predict(inputs_of(unseen)):
            assert prediction.output in task.labels
            assert prediction.confidence is not None
            assert 1 / len(task.labels) <= prediction.confidence <= 1

    def test_what_is_written_comes_without(
        self, specs_over: SpecsOver, name: str, task: Task, train: list[Example]
    ) -> None:
        arm = specs_over("written")[name].build(task)
        arm.fit(train, 1)
        (prediction,) = arm.predict(["where is my refund"])
        assert prediction.confidence is None
        assert prediction.output not in task.labels, "these weights are random: written labels would be chance"

    def test_the_two_are_never_taken_for_each_other(self, specs_over: SpecsOver) -> None:
        likeliest, written = specs_over("likeliest"), specs_over("written")
        for name in likeliest:
            # An improved instruction is one that the model wrote, and is tried by what it writes.
            assert (likeliest[name].determined_by == written[name].determined_by) == (name == "system_message")

    def test_the_report_says_so(self, specs_over: SpecsOver) -> None:
        told = {answers: specs_over(answers)["zero_shot"].terms for answers in ("likeliest", "written")}
        assert told["likeliest"] is not None
        assert told["written"] is not None
        assert "not what it would write" in " ".join(told["likeliest"]())
        assert "not what it would write" not in " ".join(told["written"]())
