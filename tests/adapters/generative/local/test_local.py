"""A language model on this machine: answers, failures, and how likely it finds labels."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adapters.generative.exchange import ChatRequest, Failure, Message
from adapters.generative.likelihood import LikeliestLabel
from adapters.generative.local import LocalModel, told
from adapters.generative.prompting import FewShot, ZeroShot
from adapters.generative.weights import find_model
from evaluation.dataset import Example, Task

MakeLlama = Callable[..., Path]
TEXTS = ("a", "the second text is much longer than the first", "three", "", "fünf – a text in UTF-8 ✓", "six six six")


def asked(text: str, **settings: Any) -> ChatRequest:
    settings = {"max_tokens": 12, **settings}
    return ChatRequest((Message("system", "Do it."), Message("user", text)), **settings)


def written(model: LocalModel, requests: Sequence[ChatRequest]) -> list[tuple[str, int | None]]:
    """Text and length of each answer, also of those that were cut off."""
    replies = [answer.reply for answer in model.ask_all(requests)]
    return [(reply.text, reply.output_tokens) for reply in replies if reply is not None]


def greedy(model: LocalModel, request: ChatRequest) -> list[int]:
    """Word for word what greedy writing means: the whole text read again for every token, nothing padded or cached."""
    ids = model.prompt_ids(request)
    new: list[int] = []
    with torch.inference_mode():
        while len(new) < request.max_tokens and not (new and new[-1] in model.template.ends):
            logits = model.model(input_ids=torch.tensor([ids + new]), use_cache=False).logits
            new.append(int(logits[0, -1].argmax()))
    return new


def runs_out_of_memory(model: LocalModel, fits: Callable[[torch.Tensor], bool]) -> Callable[[], None]:
    """A memory into which only some batches fit. Returns what takes it away again."""

    def look(module: Any, given: Any, named: dict[str, Any]) -> None:
        del module, given
        if not fits(named["input_ids"]):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")

    hook = model.model.register_forward_pre_hook(look, with_kwargs=True)
    return lambda: hook.remove()


class TestAnswers:
    def test_a_batch_answers_as_greedy_writing_does(self, llama: LocalModel) -> None:
        requests = [asked(text) for text in TEXTS]
        expected = [greedy(llama, request) for request in requests]
        assert len({tuple(ids) for ids in expected}) > 3, "the texts must matter for this to show anything"
        found = written(llama, requests)
        assert found == [(llama.template.text(ids), len(ids)) for ids in expected]

    def test_batch_size_and_order_change_nothing(self, llama: LocalModel, llama_folder: Path) -> None:
        requests = [asked(text) for text in TEXTS]
        alone = LocalModel(find_model(str(llama_folder)), batch=1)
        assert written(llama, requests) == written(alone, requests)
        assert written(llama, requests[::-1]) == written(llama, requests)[::-1]

    def test_what_is_cut_off_is_a_failure_with_its_cost(self, llama: LocalModel) -> None:
        [answer] = llama.ask_all([asked("x", max_tokens=3)])
        assert (answer.text, answer.failure) == (None, Failure.CUT_OFF)
        assert answer.reply is not None
        assert (answer.reply.finish_reason, answer.reply.output_tokens) == ("length", 3)
        assert answer.reply.input_tokens == len(llama.prompt_ids(asked("x")))
        assert answer.reply.serving_seconds > 0

    def test_a_prompt_that_is_too_long_fails_alone(self, llama_folder: Path) -> None:
        model = LocalModel(find_model(str(llama_folder)), context=40)
        answers = model.ask_all([asked("a"), asked("b" * 60), asked("c")])
        assert [answer.failure is Failure.TOO_LONG for answer in answers] == [False, True, False]
        length = len(model.prompt_ids(asked("b" * 60)))
        assert answers[1].error == (
            f"the prompt has {length} tokens, and tiny-llama takes 40 with the answer; shorten it"
        )

    def test_an_answer_ends_where_the_context_does(self, llama_folder: Path) -> None:
        model = LocalModel(find_model(str(llama_folder)), context=40)
        read = len(model.prompt_ids(asked("a" * 20)))
        [answer] = model.ask_all([asked("a" * 20, max_tokens=500)])
        assert answer.reply is not None
        assert answer.reply.output_tokens == 40 - read

    def test_equal_requests_are_answered_once(self, llama: LocalModel) -> None:
        first, second, third = llama.ask_all([asked("a"), asked("b"), asked("a")])
        assert first is third
        assert first.reply != second.reply

    def test_the_publisher_s_sampling_is_not_used(
        self, llama: LocalModel, make_llama: MakeLlama, tmp_path: Path
    ) -> None:
        folder = make_llama(tmp_path / "sampling")
        settings = {"do_sample": True, "temperature": 5.0, "repetition_penalty": 9.0, "eos_token_id": [1, 7]}
        (folder / "generation_config.json").write_text(json.dumps(settings))
        sampling = LocalModel(find_model(str(folder)))
        assert sampling.template.ends == (1, 7)
        expected = [
            ids[: ids.index(7) + 1] if 7 in ids else ids for ids in (greedy(llama, asked(text)) for text in TEXTS)
        ]
        assert [count for _, count in written(sampling, [asked(text) for text in TEXTS])] == list(map(len, expected))

    def test_drawn_answers_follow_their_seed_and_leave_torch_s_generator_alone(self, llama: LocalModel) -> None:
        state = torch.random.get_rng_state()
        draws = [
            written(llama, [asked("a", temperature=1.5, seed=seed, repetition=repetition), asked("b")])
            for seed, repetition in ((1, 0), (1, 0), (2, 0), (1, 1))
        ]
        assert draws[0] == draws[1]
        assert len({draw[0] for draw in draws}) == 3
        assert len({draw[1] for draw in draws}) == 1
        assert torch.equal(state, torch.random.get_rng_state())

    def test_a_schema_is_asked_for_in_words(self, llama: LocalModel) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
        [answer] = llama.ask_all([asked("x", schema=schema)])
        assert answer.sent.structure == "instruction"
        assert json.dumps(schema) in told(asked("x", schema=schema))[-1].content

    def test_what_it_reads_can_be_watched(self, llama: LocalModel) -> None:
        with llama.observed() as seen:
            llama.ask_all([asked("watched text")])
        llama.ask_all([asked("unwatched text")])
        [read] = seen
        assert read.text == "<|system|>Do it.<|end|><|user|>watched text<|end|><|assistant|>"
        assert read.token_limit == 512

    def test_nothing_to_answer(self, llama: LocalModel) -> None:
        assert llama.ask_all([]) == []


class TestMemory:
    def test_out_of_memory_halves_the_batch_and_goes_on(self, llama: LocalModel) -> None:
        requests = [asked(text) for text in TEXTS]
        expected = written(llama, requests)
        assert llama.batches.size == 4
        give_back = runs_out_of_memory(llama, lambda ids: len(ids) <= 1)
        assert written(llama, requests) == expected
        assert llama.batches.size == 1
        give_back()

    def test_what_does_not_fit_alone_is_a_failure_of_that_item(self, llama: LocalModel) -> None:
        runs_out_of_memory(llama, lambda ids: ids.shape[1] <= 60)
        answers = llama.ask_all([asked("a"), asked("b" * 60), asked("c")])
        assert [answer.failure is Failure.TOO_LONG for answer in answers] == [False, True, False]
        assert answers[1].error == "the prompt does not fit into this machine's memory; shorten it"

    def test_other_errors_are_not_taken_for_it(self, llama: LocalModel) -> None:
        def break_down(*_: Any) -> None:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        llama.model.register_forward_pre_hook(break_down)
        with pytest.raises(RuntimeError, match="mat1"):
            llama.ask_all([asked("a")])


class TestLikeliestLabel:
    LABELS = ("yes", "yes indeed", "no", "n")

    def test_probabilities_are_those_of_writing_each_label_and_ending(self, llama: LocalModel) -> None:
        request = asked("is it?")
        prompt = llama.prompt_ids(request)
        logs = []
        for label in self.LABELS:
            answer = llama.template.completion(told(request), label)
            assert answer[-1] == 1
            with torch.inference_mode():
                scores = torch.log_softmax(llama.model(torch.tensor([prompt + answer])).logits[0].double(), dim=-1)
            logs.append(sum(float(scores[len(prompt) - 1 + place, token]) for place, token in enumerate(answer)))
        expected = np.exp(np.array(logs) - max(logs))
        [found] = LikeliestLabel(llama, self.LABELS).scores([request])
        assert found.probabilities is not None
        np.testing.assert_allclose(found.probabilities, expected / expected.sum(), rtol=1e-3)
        assert math.isclose(found.probabilities.sum(), 1.0)

    def test_it_stands_where_a_language_model_does(self, llama: LocalModel) -> None:
        arm = ZeroShot(LikeliestLabel(llama, self.LABELS), Task(self.LABELS))
        predictions = arm.predict(["one", "two"])
        assert {prediction.output for prediction in predictions} <= set(self.LABELS)
        assert all(prediction.usage is not None for prediction in predictions)

    def test_memory_and_length(self, llama: LocalModel) -> None:
        choosing = LikeliestLabel(llama, self.LABELS)
        before = choosing.scores([asked("a")])[0].probabilities
        give_back = runs_out_of_memory(llama, lambda ids: len(ids) <= 2)
        after = choosing.scores([asked("a")])[0].probabilities
        assert before is not None
        np.testing.assert_allclose(before, after, rtol=1e-4)
        give_back()
        runs_out_of_memory(llama, lambda _: False)
        [answer, long] = choosing.ask_all([asked("b"), asked("b" * 600)])
        assert answer.error == "the prompt does not fit into this machine's memory; shorten it"
        assert long.failure is Failure.TOO_LONG

    def test_labels_must_differ(self, llama: LocalModel) -> None:
        for labels in ((), ("a", "a")):
            with pytest.raises(ValueError, match="At least one label"):
                LikeliestLabel(llama, labels)


def test_prompting_arms_stand_on_it_unchanged(llama: LocalModel) -> None:
    rows = [Example(str(row), f"text {row}", "ab"[row % 2], row, "rows") for row in range(10)]
    arm = FewShot(llama, Task(("a", "b")))
    arm.fit(rows, seed=1)
    with llama.observed() as seen:
        predictions = arm.predict(["one", "two"])
    assert len(predictions) == 2
    assert all(read.text.count("<|assistant|>") == 9 for read in seen)
