"""Trains a LoRA adapter on conversations with transformers' Trainer; only the answers are learnt.

Rows of a step have like lengths, and which rows form a step depends on the seed alone: not on how many fit into memory
at a time, nor on how often the training was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.generative.adapter import Adapter, taken_off, with_fresh_adapter
from adapters.generative.chat_template import ChatTemplate
from adapters.generative.exchange import Message
from adapters.generative.local import LocalModel
from adapters.generative.memory import is_out_of_memory, release

Conversation = tuple[tuple[Message, ...], str]
"""Messages up to the model's answer, and the answer."""
LARGE: Final = 200_000_000
"""Parameters from which activations are computed again instead of kept: a third more time for much less memory."""
RATES: Final = ((50e6, 5e-3), (5e9, 1e-3), (math.inf, 3e-4))
"""Up to so many parameters, this rate. From 50 million on after the sweep over models of 1 to 397 billion in
tinker-cookbook (thinking-machines-lab, hyperparam_utils.py; LoRA, alpha 32); below, what tests/models/copier took."""
UNTAUGHT: Final = -100
"""The label that transformers' loss leaves out."""


class TrainingError(ValueError):
    """The rows cannot be trained on; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class TrainingSettings:
    """Rank and alpha as for the encoder, all linear layers; nothing was tuned on a data set of ours."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    epochs: int = 3
    fewest_steps: int = 60
    """Few rows are read more often, at most `most_epochs` times."""
    most_epochs: int = 15
    batch: int = 16
    learning_rate: float | None = None
    """None for the one that suits the model's size."""
    warmup: float = 0.05
    """Share of the steps; then the rate falls in a straight line to zero."""

    def rate_for(self, parameters: int) -> float:
        """The learning rate for a model of so many parameters."""
        if self.learning_rate is not None:
            return self.learning_rate
        return next(rate for size, rate in RATES if parameters < size)

    def epochs_for(self, rows: int) -> int:
        wanted = math.ceil(self.fewest_steps / math.ceil(rows / self.batch))
        return max(self.epochs, min(self.most_epochs, wanted))


@dataclass(frozen=True)
class Trained:
    """`resumed_at` is the step that a checkpoint gave back, 0 for none; `together` how many rows were in memory at a
    time in the end; `left_out` rows were longer than the model reads."""

    adapter: Adapter
    epochs: int
    steps: int
    resumed_at: int
    together: int
    left_out: int


def train(
    model: LocalModel,
    conversations: Sequence[Conversation],
    settings: TrainingSettings,
    seed: int,
    checkpoints: Path | None = None,
) -> Trained:
    """An adapter for the model, which is left as it was; so are all global random generators.

    Under `checkpoints` the training leaves its state about ten times on its way, in a folder named after all that
    determines it: killed and called again with the same arguments it goes on from there. Out of memory, it goes on with
    half as many rows at a time; a step still has `settings.batch`. Raises TrainingError.
    """
    rows = [encoded(model.template, messages, answer) for messages, answer in conversations]
    fitting = [row for row in rows if len(row["input_ids"]) <= model.context]
    if not fitting:
        raise TrainingError(
            f"No row to train on: of {len(rows)} none fits into the {model.context} tokens that {model.name} reads."
        )
    together, resumed_at = settings.batch, 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if checkpoints is not None:
            folder = checkpoints / training_key(model, fitting, settings, seed)
        stack.enter_context(_own_randomness(seed))
        stack.enter_context(_without_the_trainer_s_warning())
        while True:
            try:
                adapter, steps, began = _attempt(model, fitting, settings, seed, together, folder)
                resumed_at = max(resumed_at, began)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or together == 1:
                    raise
            together = max(part for part in range(1, together // 2 + 1) if settings.batch % part == 0)
            release()
        shutil.rmtree(folder, ignore_errors=True)
    epochs = settings.epochs_for(len(fitting))
    return Trained(adapter, epochs, steps, resumed_at, together, len(rows) - len(fitting))


def encoded(template: ChatTemplate, messages: Sequence[Message], answer: str) -> dict[str, list[int]]:
    """The ids of prompt and answer as the model meets them when it predicts, and the labels: the answer and its end."""
    prompt, completion = template.prompt(messages), template.completion(messages, answer)
    return {"input_ids": prompt + completion, "labels": [UNTAUGHT] * len(prompt) + completion}


def training_key(
    model: LocalModel, rows: Sequence[Mapping[str, list[int]]], settings: TrainingSettings, seed: int
) -> str:
    """SHA-256 (hex) of all that determines a training."""
    parts = [dict(model.determined_by), asdict(settings), seed, [dict(row) for row in rows]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class LikeLengths:
    """The order of rows: steps of rows of like length, the steps in random order, another one each epoch."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = lengths, batch, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self._seed, self.epoch])
        # Lengths that differ by less than a tenth count as like, so that the same rows do not meet every time.
        loose = np.asarray(self._lengths) * rng.uniform(0.9, 1.1, len(self._lengths))
        order = np.argsort(loose, kind="stable")
        whole = len(order) // self._batch
        rest = rng.permutation(len(order))[: len(order) - whole * self._batch]
        kept = order[~np.isin(order, rest)].reshape(whole, self._batch)
        yield from kept[rng.permutation(whole)].reshape(-1).tolist()
        yield from rest.tolist()


def _attempt(
    model: LocalModel,
    rows: list[dict[str, list[int]]],
    settings: TrainingSettings,
    seed: int,
    together: int,
    folder: Path,
) -> tuple[Adapter, int, int]:
    """The adapter, its steps, and the step begun from."""
    import torch
    from transformers import PrinterCallback, Trainer, TrainerCallback

    began: list[int] = []

    class Begin(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            del args, control, others
            began.append(state.global_step)

    torch.manual_seed(seed)
    with with_fresh_adapter(model, settings.rank, settings.alpha, settings.dropout) as adapted:
        arguments = _arguments(model, len(rows), settings, seed, together, folder)
        trainer = Trainer(adapted, arguments, data_collator=_padded, train_dataset=rows, callbacks=[Begin()])
        trainer.remove_callback(PrinterCallback)
        order = LikeLengths([len(row["input_ids"]) for row in rows], settings.batch, seed)
        trainer._get_train_sampler = lambda *_: order
        try:
            result = trainer.train(resume_from_checkpoint=_last_whole(folder))
        finally:
            model.model.activation_checkpointing_disable()
            model.model.config.use_cache = True
        return taken_off(adapted, model.name), int(result.global_step), began[0]


def _arguments(model: LocalModel, rows: int, settings: TrainingSettings, seed: int, together: int, folder: Path) -> Any:
    from transformers import TrainingArguments

    base = model.model
    on_gpu = base.device.type == "cuda"
    epochs = settings.epochs_for(rows)
    steps = epochs * math.ceil(rows / settings.batch)
    return TrainingArguments(
        output_dir=str(folder), seed=seed, data_seed=seed, num_train_epochs=epochs,
        per_device_train_batch_size=together, gradient_accumulation_steps=settings.batch // together,
        learning_rate=settings.rate_for(base.num_parameters()), lr_scheduler_type="linear",
        warmup_steps=round(settings.warmup * steps),
        weight_decay=0.0, max_grad_norm=1.0, optim="adamw_torch",
        bf16=on_gpu and str(base.dtype) == "torch.bfloat16", fp16=on_gpu and str(base.dtype) == "torch.float16",
        activation_checkpointing=base.num_parameters() > LARGE,
        activation_checkpointing_kwargs={"use_reentrant": False},
        save_strategy="steps", save_steps=max(1, steps // 10), save_total_limit=2,
        # Nothing is told to anybody: no tracker, no hub, no bar.
        report_to="none", logging_strategy="no", disable_tqdm=True, push_to_hub=False,
        use_cpu=not on_gpu, remove_unused_columns=False, label_names=["labels"], dataloader_pin_memory=on_gpu,
    )  # fmt: skip


def _padded(rows: Sequence[Mapping[str, list[int]]]) -> dict[str, Any]:
    """Padded on the right: what stands behind an answer is never looked at."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    ids, mask = torch.zeros((2, len(rows), longest), dtype=torch.long)
    labels = torch.full((len(rows), longest), UNTAUGHT)
    for place, row in enumerate(rows):
        length = len(row["input_ids"])
        ids[place, :length] = torch.tensor(row["input_ids"])
        mask[place, :length] = 1
        labels[place, :length] = torch.tensor(row["labels"])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _last_whole(folder: Path) -> str | None:
    """The last checkpoint that was written to its end: its state is the last of its files."""
    whole = []
    for state in folder.glob("checkpoint-*/trainer_state.json"):
        try:
            whole.append((int(json.loads(state.read_text())["global_step"]), str(state.parent)))
        except (ValueError, KeyError, TypeError):
            continue
    return max(whole)[1] if whole else None


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """The Trainer seeds every global generator; the caller's states are put back afterwards."""
    import torch

    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextmanager
def _without_the_trainer_s_warning() -> Iterator[None]:
    """Checkpoints within one second are told apart by their numbers, it says on stderr; so they should be."""
    logger = logging.getLogger("transformers.trainer_utils")

    def passes(record: logging.LogRecord) -> bool:
        return "mtime" not in record.getMessage()

    logger.addFilter(passes)
    try:
        yield
    finally:
        logger.removeFilter(passes)
