"""Kinds of arm, and what would differ if one of them were fitted again."""

from enum import StrEnum


class Randomness(StrEnum):
    """Where an arm's results would differ if it were fitted again on the same rows."""

    NONE = "none"
    DRAW = "draw"
    """A draw of demonstrations: cheap, so it is repeated in every fold."""
    TRAINING = "training"
    """Initialisation and data order: costly, so cross-fitting gives every fold a seed of its own."""


class Family(StrEnum):
    """Kinds of arm, simplest and cheapest first."""

    ZERO_SHOT = "zero_shot"
    FEW_SHOT = "few_shot"
    RETRIEVAL = "retrieval"
    HEAD = "head"
    LORA = "lora"

    @property
    def randomness(self) -> Randomness:
        """Of its usual arm; a search with fixed examples gives the same answers every time."""
        return {Family.FEW_SHOT: Randomness.DRAW, Family.LORA: Randomness.TRAINING}.get(self, Randomness.NONE)

    @property
    def is_fine_tune(self) -> bool:
        """Whether it trains the model's own layers: what every cheaper family is held against."""
        return self is Family.LORA
