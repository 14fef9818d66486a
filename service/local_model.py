"""The model of this machine that a command names: found, and held against the memory that there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import typer

from adapters.generative.footprint import footprint_of
from adapters.generative.local import LocalModel
from adapters.generative.weights import find_model
from service.refusals import Refusal
from service.storage.folders import CHECKPOINTS

"""Folder of the data folder, from which a killed training goes on; empty when it has ended."""


class Wishes(Protocol):
    """Which model is meant, and whether it is loaded with 4 bits a weight."""

    @property
    def model(self) -> str | None: ...

    @property
    def four_bit(self) -> bool: ...


@dataclass(frozen=True)
class OnThisMachine:
    """A model that is not loaded yet. `trained` is False where memory does not suffice; `notes` say what it needs."""

    model: LocalModel
    trained: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, wishes: Wishes, folder: Path, *, beside: bool) -> Self:
        """`folder` is the comparison's own, where a killed training leaves its state. Says on standard error what
        memory is needed and there. `Refusal` for a model that cannot answer here, and where it is only to be trained
        (`beside` another that answers) for one that cannot be."""
        model = LocalModel(find_model(str(wishes.model)), four_bit=wishes.four_bit, checkpoints=folder / CHECKPOINTS)
        needs = footprint_of(model)
        if not needs.can_answer:
            raise Refusal(needs.refusal)
        if beside and not needs.can_train:
            raise Refusal(needs.not_trained)
        notes = (needs.sentence,) if needs.can_train else (needs.sentence, needs.not_trained)
        for sentence in notes:
            typer.echo(sentence, err=True)
        return cls(model, needs.can_train, notes)
