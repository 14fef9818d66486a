"""Conversations as a model reads them, whatever its template takes and leaves out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adapters.generative.exchange import Message
from adapters.generative.local import LocalModel
from adapters.generative.weights import find_model

MakeLlama = Callable[..., Path]


class TestChatTemplate:
    MESSAGES = (Message("system", "Be brief."), Message("user", "Hi"))

    def model(self, folder: Path) -> LocalModel:
        return LocalModel(find_model(str(folder)))

    def test_training_goes_on_where_prediction_begins(self, llama: LocalModel) -> None:
        prompt, answer = llama.template.prompt(self.MESSAGES), llama.template.completion(self.MESSAGES, "yes")
        assert llama.template.shown(prompt + answer) == (
            "<|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>yes<|end|>"
        )

    def test_a_template_that_takes_no_system_message(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        template = (
            "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
            "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
        )
        read = self.model(make_llama(tmp_path / "m", template=template)).template
        assert read.shown(read.prompt(self.MESSAGES)) == "<|user|>Be brief.\n\nHi<|end|>\n<|assistant|>"
        assert read.shown(read.completion(self.MESSAGES, "yes")) == "yes<|end|>"

    def test_a_template_that_drops_the_system_message(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        template = (
            "{% for message in messages %}{% if message['role'] != 'system' %}"
            "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
        )
        read = self.model(make_llama(tmp_path / "m", template=template)).template
        assert "Be brief." in read.shown(read.prompt(self.MESSAGES))

    def test_a_model_without_a_template(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        read = self.model(make_llama(tmp_path / "m", template=None)).template
        assert read.shown(read.prompt(self.MESSAGES)) == "system: Be brief.\n\nuser: Hi\n\nassistant: "
        assert read.shown(read.completion(self.MESSAGES, "yes")) == "yes<|end|>"

    def test_a_template_that_thinks_before_it_answers(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        template = (
            "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
            "{% if message['role'] == 'assistant' and loop.last %}{{ '<think></think>' }}{% endif %}"
            "{{ message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}"
            "{% if enable_thinking is false %}{{ '<think></think>' }}{% endif %}{% endif %}"
        )
        read = self.model(make_llama(tmp_path / "m", template=template)).template
        assert read.shown(read.prompt(self.MESSAGES)).endswith("<|assistant|><think></think>")
        assert read.shown(read.completion(self.MESSAGES, "yes")) == "yes<|end|>"
