"""A language model on this machine, through transformers: on a GPU where there is one, else on the processor."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from adapters.generative.chat_template import ChatTemplate
from adapters.generative.exchange import ChatAnswer, ChatRequest, Failure, Message, Reply, Sent, failed, judge
from adapters.generative.generation import write
from adapters.generative.memory import Batches, DoesNotFit, Peak, in_words
from adapters.generative.structured import Structure, instruction
from adapters.generative.weights import ModelFolder, WeightsError
from evaluation.arm import Read

BATCH: Final = 16
TOO_LARGE: Final = "the prompt does not fit into this machine's memory; shorten it"
NO_LIMIT: Final = 10**6
"""Tokens; tokenizers write numbers beyond this where they know no limit."""


class _Question(NamedTuple):
    """A request as the model reads it; `room` is how many tokens the answer may have."""

    request: ChatRequest
    ids: list[int]
    room: int


class LocalModel:
    """Answers conversations; stands wherever a LanguageModel does.

    Made without loading anything; the weights are read at the first question. `context` lowers the number of tokens
    that prompt and answer may have together. `four_bit` quantises to NF4 with bitsandbytes and needs a GPU.
    `checkpoints` is the folder from which killed trainings of adapters go on. Not for several threads at once.
    """

    def __init__(
        self,
        folder: ModelFolder,
        *,
        batch: int = BATCH,
        context: int | None = None,
        four_bit: bool = False,
        checkpoints: Path | None = None,
    ) -> None:
        self.folder, self.name, self.four_bit = folder, folder.name, four_bit
        self.batches, self.checkpoints = Batches(batch), checkpoints
        self._context = context
        self._peak: Peak | None = None
        self._noted: set[Read] | None = None

    @property
    def determined_by(self) -> Mapping[str, str]:
        """All that decides an answer beside the question and the libraries' versions."""
        return {
            **self.folder.determined_by,
            "device": self.device_kind,
            "precision": "4 bit" if self.four_bit else "as the device has it",
            "context": str(self._context),
        }

    @cached_property
    def device_kind(self) -> str:
        """'cuda' or 'cpu', found without importing torch: a driver's device file is there or not."""
        return "cuda" if Path("/dev/nvidiactl").exists() else "cpu"

    @cached_property
    def model(self) -> Any:
        """The loaded model: bfloat16 on a GPU that has it, float16 on another, float32 on a processor."""
        torch = _torch()
        from transformers import AutoModelForCausalLM, GenerationConfig

        self._peak = Peak()
        on_gpu = torch.cuda.is_available()
        options: dict[str, Any] = {"dtype": torch.float32}
        if on_gpu:
            options["dtype"] = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
            options["device_map"] = {"": 0}
        if self.four_bit:
            options["quantization_config"] = _four_bit(options["dtype"], on_gpu)
        model = AutoModelForCausalLM.from_pretrained(
            str(self.folder.path), local_files_only=True, trust_remote_code=False, use_safetensors=True, **options
        ).eval()
        self._named_ends = model.generation_config.eos_token_id
        # Sampling and penalties that the publisher chose would be filled in under ours.
        model.generation_config = GenerationConfig()
        return model

    @cached_property
    def template(self) -> ChatTemplate:
        _torch()
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(str(self.folder.path), local_files_only=True, trust_remote_code=False)
        assert self.model is not None
        named = self._named_ends
        ends = named if isinstance(named, list) else [named]
        try:
            return ChatTemplate(tokenizer, [end for end in ends if end is not None])
        except ValueError as error:
            raise WeightsError(f"{self.name}: {error}") from error

    @cached_property
    def context(self) -> int:
        """Tokens that prompt and answer may have together."""
        config = self.model.config.get_text_config()
        known = [self._context, getattr(config, "max_position_embeddings", None)]
        return min(limit for limit in (*known, NO_LIMIT) if limit is not None)

    def measured(self) -> Sequence[str]:
        """What it took of this machine so far, in a sentence; nothing where it was not loaded."""
        if self._peak is None:
            return ()
        return (f"Since {self.name} was loaded, at most {in_words(self._peak.taken())} of memory were taken.",)

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]:
        """One answer for each request, in order; equal requests are answered once.

        A prompt that is too long is a failure of that item, so is one that does not fit into memory. `serving_seconds`
        is the item's share of its batch.
        """
        once = {_key(request): request for request in requests}
        answers: dict[str, ChatAnswer] = {}
        askable: dict[str, _Question] = {}
        for key, request in once.items():
            ids = self.prompt_ids(request)
            if len(ids) >= self.context:
                answers[key] = failed(Failure.TOO_LONG, self.too_long(len(ids)), _sent(request))
            else:
                askable[key] = _Question(request, ids, min(request.max_tokens, self.context - len(ids)))
        for room, keys in _groups(askable):
            replies = self.batches.work(keys, partial(self._replies, askable, room))
            for key, reply in zip(keys, replies, strict=True):
                answers[key] = self._answer(reply, once[key])
        return [answers[_key(request)] for request in requests]

    def prompt_ids(self, request: ChatRequest) -> list[int]:
        """What the model reads before it answers."""
        ids = self.template.prompt(told(request))
        if self._noted is not None:
            self._noted.add(Read(self.template.shown(ids), self.context))
        return ids

    def too_long(self, tokens: int) -> str:
        """The failure of a prompt, in one line."""
        return f"the prompt has {tokens} tokens, and {self.name} takes {self.context} with the answer; shorten it"

    @contextmanager
    def observed(self) -> Iterator[set[Read]]:
        """Within it, every prompt that the model is given is noted."""
        before, self._noted = self._noted, set()
        try:
            yield self._noted
        finally:
            self._noted = before

    def _replies(self, askable: Mapping[str, _Question], room: int, keys: Sequence[str]) -> list[Reply]:
        batch = [askable[key] for key in keys]
        began = time.perf_counter()
        asked = batch[0].request
        chance = (asked.temperature, asked.seed * 1_000_003 + asked.repetition) if asked.temperature > 0 else None
        written = write(self.model, [question.ids for question in batch], room, self.template.ends, chance)
        seconds = (time.perf_counter() - began) / len(batch)
        return [self.reply(question.ids, ids, seconds) for question, ids in zip(batch, written, strict=True)]

    def reply(self, read: Sequence[int], written: Sequence[int], seconds: float) -> Reply:
        """What was written as a server would state it: cut off, unless it ends with a mark of the end."""
        return Reply(
            text=self.template.text(written),
            finish_reason="stop" if written[-1] in self.template.ends else "length",
            declined=False,
            model=self.name,
            fingerprint=None,
            input_tokens=len(read),
            output_tokens=len(written),
            serving_seconds=seconds,
        )

    def _answer(self, reply: Reply | DoesNotFit, request: ChatRequest) -> ChatAnswer:
        if isinstance(reply, DoesNotFit):
            return failed(Failure.TOO_LONG, TOO_LARGE, _sent(request))
        return judge(reply, request, _sent(request), None, cached=False)


def _key(request: ChatRequest) -> str:
    parts = [getattr(request, part) for part in request.__slots__]
    return json.dumps(parts, sort_keys=True)


def _groups(askable: Mapping[str, _Question]) -> Iterator[tuple[int, list[str]]]:
    """Keys by room for the answer, prompts of like length next to each other, the longest first: memory that does not
    suffice shows at once. A drawn answer goes alone, so that its neighbours do not change the draw."""
    greedy = [key for key, question in askable.items() if question.request.temperature == 0]
    greedy.sort(key=lambda key: (-askable[key].room, -len(askable[key].ids)))
    for room, keys in groupby(greedy, key=lambda key: askable[key].room):
        yield room, list(keys)
    for key, question in askable.items():
        if question.request.temperature > 0:
            yield question.room, [key]


def told(request: ChatRequest) -> list[Message]:
    """The messages, and at the end of the last the schema in words: nothing else holds this model to it."""
    messages = list(request.messages)
    if request.schema is not None:
        last = messages[-1]
        messages[-1] = Message(last.role, f"{last.content}\n\n{instruction(request.schema)}")
    return messages


def _sent(request: ChatRequest) -> Sent:
    structure = Structure.NONE if request.schema is None else Structure.INSTRUCTION
    return Sent(request.temperature, request.seed, structure)


def _torch() -> Any:
    # Before the first model library is imported: they read the variables only then.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    return torch


def _four_bit(dtype: Any, on_gpu: bool) -> Any:
    if not on_gpu or importlib.util.find_spec("bitsandbytes") is None:
        raise WeightsError("4 bits need a GPU and the package bitsandbytes; leave the setting out here.")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
