"""One real encoder for the whole folder, a small set of support messages, and tiny models with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from adapters.encoder.embedding import Encoder
from adapters.generative.exchange import ChatAnswer, ChatRequest, Failure, Reply, Sent, failed, judge
from adapters.generative.structured import Structure
from evaluation.dataset import Example, Task

Texts = Mapping[str, Sequence[str]]

MARKS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

MakeLlama = Callable[..., Path]

TRAIN: Texts = {
    "Account": [
        "I forgot my password",
        "please close my account",
        "the login page rejects my user name",
        "how do I change my e-mail address",
        "my profile shows the wrong name",
        "I am locked out after three attempts",
        "add my colleague as a user",
        "two-factor code never comes to my phone",
        "who can see my personal data",
        "reset the password of an employee who left",
        "I cannot sign in with my company account",
        "remove a user from our team",
    ],
    "Billing": [
        "I was charged twice this month",
        "where do I find my invoice",
        "please refund the last payment",
        "my credit card was declined",
        "the price on the bill is wrong",
        "can I pay by bank transfer",
        "the discount code was not applied",
        "why is VAT added to my invoice",
        "I want my money back",
        "the yearly plan was billed, I wanted monthly",
        "update the card you charge",
        "there is an unknown fee on my statement",
    ],
    "Shipping": [
        "my parcel has not arrived",
        "the tracking number does not work",
        "can I change the delivery address",
        "the courier left the box in the rain",
        "how long does delivery to Norway take",
        "the package is stuck in customs",
        "I need a return label",
        "half of my order is missing from the box",
        "the driver said nobody was at home",
        "when will my order be dispatched",
        "parcel delivered to the wrong house",
        "do you deliver on Saturdays",
    ],
    "Technical": [
        "the app crashes when I open it",
        "error 500 on every page",
        "the device does not pair over bluetooth",
        "notifications stopped after the update",
        "the screen stays black",
        "firmware update hangs at 40 percent",
        "the sensor shows no readings",
        "the app is very slow since yesterday",
        "export to CSV gives an empty file",
        "the battery drains within an hour",
        "wifi connection drops all the time",
        "the button does nothing when I press it",
    ],
}
UNSEEN: Texts = {
    "Account": ["I can't log in, my password is not accepted", "please delete my user account"],
    "Billing": ["you charged my card two times", "send me the invoice for the payment in May"],
    "Shipping": ["the parcel was not delivered", "where is my package, tracking says nothing"],
    "Technical": ["the app keeps crashing with an error", "bluetooth pairing with the device fails"],
}


def _examples(texts: Texts) -> list[Example]:
    """Row by row through the labels, as a file would mix them."""
    longest = max(map(len, texts.values()))
    rows = [(label, given[row]) for row in range(longest) for label, given in texts.items() if row < len(given)]
    return [
        Example(f"r{line}", text, label, line, "messages.jsonl") for line, (label, text) in enumerate(rows, start=1)
    ]


@pytest.fixture(scope="session")
def examples_of() -> Callable[[Texts], list[Example]]:
    return _examples


@pytest.fixture(scope="session")
def train() -> list[Example]:
    """Four labels, twelve short messages each."""
    return _examples(TRAIN)


@pytest.fixture(scope="session")
def unseen() -> list[Example]:
    """Two further messages a label, in plain words."""
    return _examples(UNSEEN)


@pytest.fixture(scope="session")
def task() -> Task:
    return Task(tuple(sorted(TRAIN)))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embeddings")


@pytest.fixture(scope="session")
def encoder(cache: Path) -> Iterator[Encoder]:
    """all-MiniLM-L6-v2, loaded once. One thread: where others use the processors, two spend minutes waiting."""
    encoder = Encoder.embedded(cache)
    encoder.prepare(["everything with threads is loaded"])
    for library in ("faiss", "sklearn.linear_model"):
        import_module(library)
    with threadpool_limits(1):
        yield encoder


@pytest.fixture(scope="session")
def make_llama() -> MakeLlama:
    """Writes a tiny language model in milliseconds: a Llama of 2 layers whose tokens are bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)

    def make(folder: Path, seed: int = 0, template: str | None = TEMPLATE, context: int = 512, **config: Any) -> Path:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {token: place for place, token in enumerate((*MARKS, *alphabet))}
        inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        inner.decoder = decoders.ByteLevel()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=inner, pad_token=MARKS[0], eos_token=MARKS[1], chat_template=template,
            additional_special_tokens=list(MARKS[2:]),
        )  # fmt: skip
        sizes: dict[str, Any] = {
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "max_position_embeddings": context, "initializer_range": 0.3,
        }  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = LlamaForCausalLM(
                LlamaConfig(vocab_size=len(vocabulary), bos_token_id=None, eos_token_id=1, pad_token_id=0, **sizes)
            )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        if config:
            written = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({**written, **config}))
        return folder

    return make


@pytest.fixture(scope="session")
def llama_folder(make_llama: MakeLlama, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


SENT = Sent(0.0, 0, Structure.NONE)


class StandIn:
    """A language model that says what it is told to say, and no answer where that is None; keeps what it was asked."""

    def __init__(self, say: Callable[[ChatRequest], str | None]) -> None:
        self._say = say
        self.asked: list[ChatRequest] = []

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]:
        self.asked += requests
        return [self._answer(request) for request in requests]

    def _answer(self, request: ChatRequest) -> ChatAnswer:
        text = self._say(request)
        if text is None:
            return failed(Failure.NO_ANSWER, "the server did not answer", SENT)
        return judge(Reply(text, "stop", False, "m", None, 40, 2, 0.25, 0.5), request, SENT, 0.001, cached=False)


@pytest.fixture(scope="session")
def stand_in() -> Callable[[Callable[[ChatRequest], str | None]], StandIn]:
    return StandIn
