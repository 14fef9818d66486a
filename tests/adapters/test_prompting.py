"""Arms that ask a language model: what they show it, and what comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encoder.embedding import Encoder
from adapters.generative.exchange import ChatRequest
from adapters.generative.prompting import DEMONSTRATIONS, FewShot, SimilarExamples, ZeroShot, draw_demonstrations
from adapters.generative.prompts import Prompt, sorting_instruction
from evaluation.dataset import Example, Task

TASK = Task(("billing", "technical"), (("billing", "money and invoices"),))
TEXTS = {
    "billing": ("the invoice is wrong", "refund my payment", "I was charged twice", "cancel the invoice",
                "the price on the bill is too high", "send me a receipt"),
    "technical": ("the app crashes at start", "the screen stays black", "the router has no signal",
                  "an update broke the camera", "sync does not work", "the battery is hot"),
}  # fmt: skip


def last_answer_shown(request: ChatRequest) -> str | None:
    """The last demonstration's answer, else the first label."""
    if "no answer" in request.messages[-1].content:
        return None
    shown = [message.content for message in request.messages if message.role == "assistant"]
    return shown[-1] if shown else "billing"


@pytest.fixture
def model(stand_in: Any) -> Any:
    return stand_in(last_answer_shown)


def rows() -> list[Example]:
    pairs = [(text, label) for label, texts in TEXTS.items() for text in texts]
    return [Example(f"r{number}", text, label, number, "rows") for number, (text, label) in enumerate(pairs, start=1)]


class TestPrompt:
    def test_examples_are_turns_and_the_text_stands_last(self) -> None:
        messages = Prompt("Sort.", (("a", "x"), ("b", "y"))).messages("c")
        assert [(message.role, message.content) for message in messages] == [
            ("system", "Sort."), ("user", "a"), ("assistant", "x"), ("user", "b"), ("assistant", "y"), ("user", "c"),
        ]  # fmt: skip

    def test_the_instruction_names_every_label_and_describes_those_that_are(self) -> None:
        instruction = sorting_instruction(TASK)
        assert "- billing: money and invoices\n- technical\n" in instruction


class TestZeroShot:
    def test_asks_once_a_text_and_shows_nothing(self, model: Any) -> None:
        arm = ZeroShot(model, TASK)
        arm.fit(rows(), seed=1)
        predictions = arm.predict(["my bill", "no answer at all"])
        assert [len(request.messages) for request in model.asked] == [2, 2]
        assert [prediction.output for prediction in predictions] == ["billing", None]
        assert predictions[1].error == "the server did not answer"
        assert predictions[0].usage is not None
        assert (predictions[0].usage.input_tokens, predictions[0].usage.cost) == (40, 0.001)
        assert predictions[1].usage is None


class TestFewShot:
    def test_shows_the_same_rows_for_every_text_and_others_for_another_seed(self, model: Any) -> None:
        shown = []
        for seed in (1, 1, 2):
            arm = FewShot(model, TASK)
            arm.fit(rows(), seed)
            arm.predict(["one", "two"])
            first, second = model.asked[-2:]
            assert first.messages[:-1] == second.messages[:-1]
            assert len(first.messages) == 2 * DEMONSTRATIONS + 2
            shown.append(first.messages[1:-1])
        assert shown[0] == shown[1] != shown[2]

    @given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40), st.integers(0, 99))
    def test_no_label_comes_twice_before_every_label_once(self, labels: list[str], seed: int) -> None:
        train = [Example(str(row), f"text {row}", label, row, "rows") for row, label in enumerate(labels)]
        drawn = draw_demonstrations(train, DEMONSTRATIONS, np.random.default_rng(seed))
        assert len(drawn) == len(set(drawn)) == min(DEMONSTRATIONS, len(train))
        counts, there = Counter(row.output for row in drawn), Counter(labels)
        assert all(
            counts[label] >= min(there[label], counts[other] - 1) for label in there for other in counts
        ), counts  # fmt: skip

    def test_loaded_it_asks_the_same(self, model: Any, tmp_path: Path) -> None:
        arm = FewShot(model, TASK)
        arm.fit(rows(), seed=3)
        arm.save(tmp_path / "arm")
        assert FewShot.load(model, tmp_path / "arm").predict(["x"]) == arm.predict(["x"])
        assert model.asked[0] == model.asked[1]


class TestSimilarExamples:
    def test_shows_the_most_similar_last(self, model: Any, encoder: Encoder, tmp_path: Path) -> None:
        arm = SimilarExamples(model, TASK, encoder)
        arm.fit(rows(), seed=1)
        predictions = arm.predict(["the app crashes when it starts", "an invoice that is wrong"])
        nearest = [request.messages[-3].content for request in model.asked]
        assert nearest == ["the app crashes at start", "the invoice is wrong"]
        assert [prediction.output for prediction in predictions] == ["technical", "billing"]
        assert all(len(request.messages) == 2 * DEMONSTRATIONS + 2 for request in model.asked)
        arm.save(tmp_path / "arm")
        loaded = SimilarExamples.load(model, tmp_path / "arm", encoder)
        assert loaded.predict(["sync is broken"]) == arm.predict(["sync is broken"])
        assert model.asked[-1] == model.asked[-2]
        assert arm.predict([]) == []


@pytest.mark.parametrize("build", [ZeroShot, FewShot])
def test_nothing_to_answer(build: Callable[..., ZeroShot | FewShot], model: Any) -> None:
    arm = build(model, TASK)
    arm.fit(rows(), seed=1)
    assert arm.predict([]) == []
