"""Tiny language models with random weights: a Llama of 2 layers whose tokens are bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.generative.local import LocalModel
from adapters.generative.weights import find_model

MARKS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

MakeLlama = Callable[..., Path]


@pytest.fixture(scope="session")
def make_llama() -> MakeLlama:
    """Writes a model folder in milliseconds."""
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
            import json

            written = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({**written, **config}))
        return folder

    return make


@pytest.fixture(scope="session")
def llama_folder(make_llama: MakeLlama, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture
def llama(llama_folder: Path) -> LocalModel:
    """Loaded anew for each test: some change it on the way."""
    return LocalModel(find_model(str(llama_folder)), batch=4)
