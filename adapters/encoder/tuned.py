"""The encoder with low-rank adapters and a linear head, as one torch module."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, PeftModel, TaskType, get_peft_model

from adapters.encoder.embedding import Encoder

BATCH = 32
LINEAR_LAYERS = ["query", "key", "value", "dense"]
"""Every linear layer of a BERT block."""


def with_adapters(encoder: Encoder, rank: int, alpha: int) -> PeftModel:
    """A copy of the encoder's transformer with fresh adapters: in the upper half of a BERT-like stack, else everywhere.

    Draws from torch's global generator, as peft does; the caller forks and seeds it.
    """
    transformer = encoder.copy_of_transformer()
    depth = _depth(transformer)
    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=rank,
        lora_alpha=alpha,
        target_modules=LINEAR_LAYERS if depth else "all-linear",
        layers_to_transform=list(range(depth // 2, depth)) if depth else None,
        layers_pattern="layer" if depth else None,
    )
    with _without_peft_s_warning():
        model = get_peft_model(transformer, config)
    # The folder on this machine means nothing elsewhere; the name is what a reader needs to load the adapter.
    model.peft_config["default"].base_model_name_or_path = encoder.name
    return model


def with_saved_adapters(encoder: Encoder, folder: Path) -> PeftModel:
    """A copy of the encoder's transformer with adapters that were saved. Leaves torch's generator as it was."""
    # peft draws fresh weights before it reads the saved ones.
    with _without_peft_s_warning(), torch.random.fork_rng(devices=[]):
        return PeftModel.from_pretrained(encoder.copy_of_transformer(), str(folder), local_files_only=True)


@contextmanager
def _without_peft_s_warning() -> Iterator[None]:
    """peft 0.21 reads a property that transformers 5 renames; nothing that we could change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield


class TunedEncoder(torch.nn.Module):
    """Features of a text are the activations below the first adapter (or its tokens, where the stack cannot be
    split); `forward` takes a batch of them to logits."""

    def __init__(
        self, encoder: Encoder, model: PeftModel, weights: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> None:
        """`weights` is (labels, dimensions), `bias` (labels,)."""
        super().__init__()
        self._tokenizer = encoder.model.tokenizer
        self._tokens = encoder.token_limit
        self._note = encoder.note
        # A copy: what follows the transformer stays frozen, and stays the encoder's own.
        self._pooling = torch.nn.Sequential(*copy.deepcopy(list(encoder.model)[1:])).requires_grad_(False)
        self.model = model
        self.weights = torch.nn.Parameter(torch.from_numpy(weights.copy()))
        self.bias = torch.nn.Parameter(torch.from_numpy(bias.copy()))
        self._lower, self._upper = _split(model.get_base_model())
        self.to(encoder.model.device)
        # Also while training: on few rows dropout costs a quarter of the time and gave no accuracy.
        self.eval()

    @property
    def device(self) -> torch.device:
        return self.weights.device

    @torch.no_grad()
    def features(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """One tensor for each text, in order; its first axis is tokens."""
        self._note(texts, self._tokens)
        cut = {"truncation": True, "max_length": self._tokens}
        tokens = [torch.tensor(ids) for ids in self._tokenizer(list(texts), **cut)["input_ids"]]
        if self._lower is None:
            return tokens
        features: list[torch.Tensor] = [torch.empty(0)] * len(tokens)
        for rows in batches_by_length(tokens):
            padded, mask = self._pad([tokens[row] for row in rows])
            hidden = self._lower(input_ids=padded, attention_mask=mask).last_hidden_state
            for row, activations in zip(rows, hidden, strict=True):
                features[row] = activations[: len(tokens[row])].clone()
        return features

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits, (texts, labels)."""
        padded, mask = self._pad(features)
        name = "input_ids" if self._lower is None else "inputs_embeds"
        hidden = self._upper(**{name: padded}, attention_mask=mask).last_hidden_state
        pooled = self._pooling({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]
        return torch.nn.functional.linear(torch.nn.functional.normalize(pooled), self.weights, self.bias)

    @torch.no_grad()
    def logits(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits of any number of texts, in order, on the CPU."""
        logits = torch.empty(len(features), len(self.bias))
        for rows in batches_by_length(features):
            logits[rows] = self([features[row] for row in rows]).float().cpu()
        return logits

    def _pad(self, rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        padded = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True).to(self.device)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(padded.shape[1])[None, :] < lengths[:, None]).long().to(self.device)
        return padded, mask


def batches_by_length(
    rows: Sequence[torch.Tensor], rng: np.random.Generator | None = None, size: int = BATCH
) -> Iterator[list[int]]:
    """Row numbers in batches of like length; with a generator, in random order and with random ties."""
    lengths = np.asarray([len(row) for row in rows], dtype=float)
    if rng is None:
        order = np.argsort(lengths, kind="stable")
    else:
        # A little noise lets the same rows meet different neighbours in every epoch.
        order = np.argsort(lengths * rng.uniform(0.8, 1.2, len(lengths)), kind="stable")
    batches = [order[start : start + size].tolist() for start in range(0, len(order), size)]
    if rng is not None:
        batches = [batches[number] for number in rng.permutation(len(batches))]
    yield from batches


class _PassThrough(torch.nn.Module):
    """Stands where the embeddings stood: what comes in are already activations."""

    def forward(self, inputs_embeds: torch.Tensor, **_: Any) -> torch.Tensor:
        return inputs_embeds


def _depth(transformer: Any) -> int:
    """Layers of a BERT stack, 0 for any other architecture."""
    is_bert = type(transformer).__name__ in ("BertModel", "RobertaModel", "XLMRobertaModel")
    return len(transformer.encoder.layer) if is_bert else 0


def _split(transformer: Any) -> tuple[torch.nn.Module | None, torch.nn.Module]:
    """The same layers as two stacks of the same class, so that masks and attention are the library's own."""
    depth = _depth(transformer)
    if depth == 0:
        return None, transformer
    lower, upper = copy.copy(transformer), copy.copy(transformer)
    for stack in (lower, upper):
        # A copied module shares its children's table with the original until it gets its own.
        stack._modules = dict(transformer._modules)
        stack.encoder = copy.copy(transformer.encoder)
        stack.encoder._modules = dict(transformer.encoder._modules)
        stack.pooler = None
    lower.encoder.layer = transformer.encoder.layer[: depth // 2]
    upper.encoder.layer = transformer.encoder.layer[depth // 2 :]
    upper.embeddings = _PassThrough()
    return lower, upper
