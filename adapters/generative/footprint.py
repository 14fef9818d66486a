"""How much memory a model of this machine needs to answer and to be trained, told before anything is loaded.

Weights are counted to the byte from the headers of their files. What texts take beside them is a rough count from the
model's sizes, of the kind in Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models",
section 4: kernels, fragments and libraries come on top, so a figure may be half or twice of what is measured.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from adapters.generative.local import BATCH, LocalModel
from adapters.generative.memory import in_words
from adapters.generative.training import LARGE, TrainingSettings
from adapters.generative.weights import ModelFolder, WeightsError

TOKENS: Final = 512
"""Of a text with its prompt and answer, where nobody counted."""
FOUR_BITS: Final = 4.127 / 8
"""Bytes of a parameter in NF4 with constants quantised once more (Dettmers et al. 2023, QLoRA, section 3)."""
OF_AN_ADAPTER: Final = 16
"""Bytes of a trained parameter: itself, its gradient and Adam's two means, all in float32."""
OF_A_LOGIT: Final = 20
"""Bytes in a training: itself, shifted by one place, its softmax, its gradient and a copy on the way, in float32."""
TRAINING: Final = TrainingSettings()
INDEX: Final = "model.safetensors.index.json"


class Size(NamedTuple):
    """A model in numbers. `matrices` counts the parameters of its linear layers but the output's, `sides` the rows and
    columns of these together: so many parameters a low-rank adapter has for each rank. `keys` is the width of keys."""

    parameters: int
    matrices: int
    sides: int
    layers: int
    hidden: int
    feed_forward: int
    keys: int
    vocabulary: int
    context: int


class Machine(NamedTuple):
    """`memory` in bytes, of the GPU where there is one."""

    memory: int
    on_gpu: bool


@dataclass(frozen=True)
class Footprint:
    """Bytes that a model needs on a machine; `name` is the model's. Estimates but for `weights`."""

    name: str
    size: Size
    machine: Machine
    four_bit: bool = False
    training: TrainingSettings = TRAINING

    @property
    def width(self) -> int:
        """Bytes of a number: float32 on a processor, 16 bits on a GPU."""
        return 2 if self.machine.on_gpu else 4

    @property
    def weights(self) -> int:
        size = self.size
        if not self.four_bit:
            return self.width * size.parameters
        return self.width * (size.parameters - size.matrices) + round(FOUR_BITS * size.matrices)

    def to_answer(self, texts: int, tokens: int = TOKENS) -> int:
        """With so many texts at a time: keys and values of every layer, one layer at work, who sees whom, and the last
        logits."""
        size = self.size
        each = 2 * size.layers * size.keys + 8 * size.hidden + 4 * size.feed_forward + tokens
        return self.weights + texts * (self.width * tokens * each + (self.width + 4) * size.vocabulary)

    def to_train(self, texts: int, tokens: int = TOKENS) -> int:
        """The same for LoRA: its parameters with all that trains them, what each layer keeps for the way back (a large
        model keeps only each layer's input and computes the rest again), and logits with their gradient."""
        size = self.size
        of_a_layer = 16 * size.hidden + 6 * size.feed_forward
        kept = size.layers * of_a_layer
        if size.parameters > LARGE:
            kept = size.layers * size.hidden + of_a_layer
        adapter = OF_AN_ADAPTER * self.training.rank * size.sides
        return self.weights + adapter + texts * tokens * (self.width * kept + OF_A_LOGIT * size.vocabulary)

    @property
    def can_answer(self) -> bool:
        """Whether the weights alone leave room for one text."""
        return self.to_answer(1, self._tokens) <= self.machine.memory

    @property
    def can_train(self) -> bool:
        """Whether one text at a time can be trained on."""
        return self.to_train(1, self._tokens) <= self.machine.memory

    @property
    def sentence(self) -> str:
        """What is needed, and what there is."""
        tokens, batch = self._tokens, self.training.batch
        return (
            f"{self.name} needs {in_words(self.weights)} of memory for its weights, about "
            f"{in_words(self.to_answer(BATCH, tokens))} to answer {BATCH} texts at a time and about "
            f"{in_words(self.to_train(batch, tokens))} to train on {batch} at a time "
            f"({in_words(self.to_train(1, tokens))} on one), for texts of {tokens} tokens; {self._has}."
        )

    @property
    def refusal(self) -> str:
        """Why it is not loaded, and what to do; for a model that cannot answer."""
        return (
            f"{self.name} needs about {in_words(self.to_answer(1, self._tokens))} of memory to answer, "
            f"{in_words(self.weights)} of it for its weights, and {self._has}: {self._instead}."
        )

    @property
    def not_trained(self) -> str:
        """Why no fine-tune is trained, and what to do; for a model that can answer and not be trained."""
        return (
            f"{self.name} is not trained: that takes about {in_words(self.to_train(1, self._tokens))} of memory even "
            f"with one text at a time, and {self._has}. To have it trained, {self._instead}."
        )

    @property
    def _tokens(self) -> int:
        return min(TOKENS, self.size.context)

    @property
    def _has(self) -> str:
        return f"this machine has {in_words(self.machine.memory)}" + (" on its GPU" if self.machine.on_gpu else "")

    @property
    def _instead(self) -> str:
        if not self.machine.on_gpu:
            return "name a smaller model, or run this on a machine with a GPU or more memory"
        return "name a smaller model" + ("" if self.four_bit else ", add --four-bit") + ", or take a larger GPU"


def footprint_of(model: LocalModel, machine: Machine | None = None) -> Footprint:
    """Of a model that need not be loaded; without a `machine`, on this one. Raises WeightsError."""
    return Footprint(model.name, size_of(model.folder), machine or this_machine(model.device_kind), model.four_bit)


def size_of(folder: ModelFolder) -> Size:
    """Read from its settings and the headers of its files, some kilobytes. Raises WeightsError where they cannot be."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(str(folder.path), local_files_only=True, trust_remote_code=False)
        text = config.get_text_config()
        shapes = dict(_shapes(folder.path))
        heads = text.num_attention_heads
        keys = getattr(text, "num_key_value_heads", None) or heads
        width = getattr(text, "head_dim", None) or text.hidden_size // heads
        matrices = [
            (rows, columns)
            for name, shape in shapes.items()
            if len(shape) == 2
            for rows, columns in [shape]
            if not _is_a_table(name)
        ]
        return Size(
            parameters=sum(math.prod(shape) for shape in shapes.values()),
            matrices=sum(rows * columns for rows, columns in matrices),
            sides=sum(rows + columns for rows, columns in matrices),
            layers=text.num_hidden_layers,
            hidden=text.hidden_size,
            feed_forward=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
            keys=keys * width,
            vocabulary=text.vocab_size,
            context=getattr(text, "max_position_embeddings", None) or TOKENS,
        )
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"{folder.path}: its settings or weights cannot be read ({type(error).__name__}); fetch the model again."
        ) from error


def this_machine(device_kind: str) -> Machine:
    """The first GPU's memory, else the machine's, or what a container leaves of it."""
    if device_kind == "cuda":
        import torch

        if torch.cuda.is_available():
            return Machine(int(torch.cuda.get_device_properties(0).total_memory), on_gpu=True)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    told = limit.read_text().strip() if limit.is_file() else ""
    return Machine(min(memory, int(told)) if told.isdigit() else memory, on_gpu=False)


def _shapes(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Name and shape of every tensor that is loaded: of files beside the model's own, nothing."""
    index, whole = folder / INDEX, folder / "model.safetensors"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / name for name in names]
    else:
        files = [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))
    for file in files:
        with file.open("rb") as opened:
            header: dict[str, Any] = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        for name, told in header.items():
            if name != "__metadata__":
                yield name, told["shape"]


def _is_a_table(name: str) -> bool:
    """Of embeddings, or of the output: no adapter stands beside these, and four bits leave them as they are."""
    return any(part in name for part in ("embed", "lm_head", "wte.", "wpe.", "output_layer"))
