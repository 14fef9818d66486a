"""`transformers serve` as a real peer: another implementation of the interface, with a model made here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint, EndpointError
from adapters.generative.exchange import ChatRequest, Failure
from adapters.generative.structured import Structure

Questions = Callable[..., list[ChatRequest]]
TEMPLATE = (
    "{% for message in messages %}<s>{{ message.role }}: {{ message.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
WORDS = ["what is the capital of france", "question 0 1 2 3 4 5 6 7 8 9", "answer with one json object"] * 20
START_SECONDS = 120


def make_llama(folder: Path) -> None:
    """A Llama of two small layers with random weights, and a tokenizer learnt from a few words."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    learnt = Tokenizer(models.BPE(unk_token=None))
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learnt.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    learnt.train_from_iterator(
        WORDS, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=learnt, bos_token="<s>", eos_token="</s>", pad_token="<pad>", chat_template=TEMPLATE
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
                bos_token_id=0, eos_token_id=1, pad_token_id=2,
            )
        )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("llama")
    make_llama(folder)
    home = tmp_path_factory.mktemp("home")
    # Without it, the server fails to list its models.
    (home / "hub").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / "transformers"), "serve", str(folder), "--host", "127.0.0.1",
        "--port", str(port), "--device", "cpu", "--dtype", "float32",
    ]  # fmt: skip
    log = home / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
        )  # fmt: skip
        try:
            until = time.monotonic() + START_SECONDS
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                while not _is_up(http):
                    assert process.poll() is None, log.read_text()[-2000:]
                    assert time.monotonic() < until, log.read_text()[-2000:]
                    time.sleep(0.1)
            yield Endpoint(f"http://127.0.0.1:{port}/v1", str(folder), max_concurrency=4)
        finally:
            process.kill()
            process.wait()


def _is_up(http: httpx2.Client) -> bool:
    try:
        return http.get("/health").status_code == 200
    except httpx2.TransportError:
        return False


def test_a_comparison_against_a_real_server(served: Endpoint, questions: Questions, tmp_path: Path) -> None:
    client = ChatClient(served, tmp_path / "one", "tickets", Budget(calls=100))
    requests = questions(8, max_tokens=6)
    answers = client.ask_all(requests)
    for answer in answers:
        assert answer.reply is not None
        assert answer.reply.input_tokens
        assert 1 <= (answer.reply.output_tokens or 0) <= 6
        assert answer.reply.model == f"{served.model}@main"
        # Random weights seldom stop by themselves, and an answer that was cut off is none.
        assert (answer.failure is Failure.CUT_OFF) is (answer.reply.finish_reason == "length")
    assert client.spent is not None
    assert (client.spent.calls, client.spent.open_calls) == (9, 0)
    again = ChatClient(served, tmp_path / "two", "tickets", Budget()).ask_all(requests)
    texts = [answer.reply.text for answer in answers if answer.reply]
    assert texts == [answer.reply.text for answer in again if answer.reply], "temperature 0 gives the same answers"
    assert len(texts) == 8


def test_a_schema_that_is_silently_dropped_is_found_out(served: Endpoint, questions: Questions, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    client = ChatClient(served, tmp_path, "tickets", Budget())
    (answer,) = client.ask_all(questions(1, schema=schema, max_tokens=4))
    assert answer.sent.structure is Structure.INSTRUCTION
    assert any("an instruction in the prompt" in line for line in client.statements())


def test_a_model_that_is_not_there(served: Endpoint, questions: Questions, tmp_path: Path) -> None:
    other = Endpoint(served.base_url, "no-such-model")
    with pytest.raises(EndpointError, match=r"400|404") as refused:
        ChatClient(other, tmp_path, "tickets", Budget()).ask_all(questions(3))
    assert "\n" not in str(refused.value)
