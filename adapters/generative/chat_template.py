"""Conversations as a model's own tokens: the same way in training and in prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from adapters.generative.exchange import Message, whole_characters

PLAIN: Final = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
"""For a model that brings no template, as one that never was tuned to chat."""


class ChatTemplate:
    """The chat template of a tokenizer. `ends` are the ids after which an answer is over: those that the model's
    settings name, the tokenizer's, and the mark that the template writes, which settings forget to name now and then.

    A template that takes no system message (Gemma's refuses) gets it at the head of the first user's turn. Models that
    can think aloud first are told not to: training shows answers, not thoughts.
    """

    def __init__(self, tokenizer: Any, ends: Sequence[int] = ()) -> None:
        """`ends` are those that the model's settings name. Without any end, ValueError."""
        self._tokenizer = tokenizer
        if tokenizer.chat_template is None:
            tokenizer.chat_template = PLAIN
        self._takes_system = self._shows_system()
        known = [*ends, tokenizer.eos_token_id, self._mark_after_an_answer()]
        self.ends = tuple(dict.fromkeys(end for end in known if end is not None))
        if not self.ends:
            raise ValueError("The tokenizer names no token that ends an answer (eos_token); add it to its settings.")

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids up to where the model's answer begins."""
        return self._ids(self._rendered(messages, ready=True))

    def completion(self, messages: Sequence[Message], answer: str) -> list[int]:
        """Ids of the answer with the mark of its end, as they follow `prompt` of the same messages."""
        prompt = self._rendered(messages, ready=True)
        whole = self._rendered([*messages, Message("assistant", answer)], ready=False)
        # A template may treat an answer that stands in the past in another way than one that is being written.
        ids = self._ids(whole[len(prompt) :] if whole.startswith(prompt) else answer)
        end = next((place for place, token in enumerate(ids) if token in self.ends), None)
        return ids[: end + 1] if end is not None else [*self._ids(answer), self.ends[0]]

    def text(self, ids: Sequence[int]) -> str:
        """What the ids say, without marks."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def shown(self, ids: Sequence[int]) -> str:
        """The same with marks: all that the model reads."""
        return str(self._tokenizer.decode(list(ids)))

    def save(self, folder: str) -> None:
        """Tokenizer and template, for servers that read them beside an adapter."""
        self._tokenizer.save_pretrained(folder)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _rendered(self, messages: Sequence[Message], *, ready: bool) -> str:
        told = messages if self._takes_system else _folded(messages)
        turns = [{"role": role, "content": whole_characters(content)} for role, content in told]
        return str(
            self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=ready, enable_thinking=False
            )
        )

    def _mark_after_an_answer(self) -> int | None:
        told = [Message("user", "text"), Message("assistant", "answer-7")]
        rest = self._ids(self._rendered(told, ready=False).rpartition("answer-7")[2])
        marks = set(self._tokenizer.get_added_vocab().values())
        return rest[0] if rest and rest[0] in marks else None

    def _shows_system(self) -> bool:
        probe = {"role": "system", "content": "instruction-7"}, {"role": "user", "content": "text"}
        try:
            return "instruction-7" in self._tokenizer.apply_chat_template(list(probe), tokenize=False)
        except Exception as error:  # The template raises by itself: jinja2's TemplateError.
            if type(error).__module__.partition(".")[0] != "jinja2":
                raise
            return False


def _folded(messages: Sequence[Message]) -> list[Message]:
    """System messages at the head of the first user's turn."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if not system or not others:
        return others or [Message("user", system)]
    return [Message(others[0].role, f"{system}\n\n{others[0].content}"), *others[1:]]
