"""Trains adapters and head; keeps the epoch that did best on held-out training rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from adapters.encoder.tuned import TunedEncoder, batches_by_length


@dataclass(frozen=True)
class TrainingSettings:
    """Chosen on rows of four open training sets; no row of a test set was used to choose."""

    epochs: int = 10
    batch: int = 32
    learning_rate: float = 2e-3
    warmup: float = 0.1
    """Share of the steps."""
    held_out: float = 0.1
    """Share of the training rows that decides when to stop."""
    fewest_rows_to_hold_out: int = 4
    """A label with fewer gives none of them."""
    fewest_held_out: int = 16
    """With fewer than this in all, stopping early would follow noise: every epoch is trained instead."""
    patience: int = 4
    """Epochs without fewer held-out rows wrong."""


def hold_out(
    outputs: Sequence[str], settings: TrainingSettings, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Row numbers to train on and to stop by, stratified by label; none to stop by where there would be too few."""
    sizes = Counter(outputs)
    held: list[int] = []
    for label in sorted(sizes):
        rows = [row for row, output in enumerate(outputs) if output == label]
        if len(rows) >= settings.fewest_rows_to_hold_out:
            # Rounding at random keeps the share right where every label is small.
            share = len(rows) * settings.held_out
            count = int(share) + int(rng.random() < share % 1)
            held += rng.permutation(rows)[:count].tolist()
    if len(held) < settings.fewest_held_out:
        held = []
    kept = set(held)
    return [row for row in range(len(outputs)) if row not in kept], sorted(held)


def train(
    tuned: TunedEncoder,
    features: Sequence[torch.Tensor],
    targets: torch.Tensor,
    stop_by: tuple[Sequence[torch.Tensor], torch.Tensor],
    settings: TrainingSettings,
    rng: np.random.Generator,
) -> int:
    """Train in place and return the number of epochs kept; `targets` are label numbers, (rows,)."""
    parameters = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.0)
    steps = settings.epochs * math.ceil(len(features) / settings.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, settings.warmup))
    best = _Best(parameters) if len(stop_by[0]) else None
    epoch = 0
    for epoch in range(1, settings.epochs + 1):
        for rows in batches_by_length(features, rng, settings.batch):
            with torch.autocast(tuned.device.type, torch.bfloat16, enabled=bfloat16_pays(tuned.device)):
                loss = cross_entropy(tuned([features[row] for row in rows]).float(), targets[rows].to(tuned.device))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
        if best is not None:
            wrong = int((tuned.logits(stop_by[0]).argmax(dim=1) != stop_by[1]).sum())
            best.see(epoch, wrong)
            if epoch - best.epoch >= settings.patience:
                break
    if best is not None:
        best.restore()
        epoch = best.epoch
    return epoch


class _Best:
    """The parameters of the last epoch with the fewest held-out rows wrong.

    Counting rows beats their loss here: the loss turns upwards while accuracy still rises, and stopped too soon.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        self._parameters = parameters
        self._wrong = 0
        self.epoch = 0

    def see(self, epoch: int, wrong: int) -> None:
        if self.epoch == 0 or wrong <= self._wrong:
            self._wrong, self.epoch = wrong, epoch
            self._kept = [parameter.detach().clone() for parameter in self._parameters]

    def restore(self) -> None:
        with torch.no_grad():
            for parameter, kept in zip(self._parameters, self._kept, strict=True):
                parameter.copy_(kept)


def _rate(step: int, steps: int, warmup: float) -> float:
    """Linear rise over the warm-up, then linear fall to zero."""
    rising = max(1.0, warmup * steps)
    return min((step + 1) / rising, max(0.0, (steps - step) / max(1.0, steps - rising)))


def bfloat16_pays(device: torch.device) -> bool:
    """True on GPUs that have it and on CPUs with native instructions; emulated, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
