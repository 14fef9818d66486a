"""What a call, a training and an answer take, where nobody has measured them yet: assumptions of the estimate."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from rules.choices import Kind
from rules.design import threshold

_OWN: Final = "benchmarks/open_data.py"


class Range(BaseModel):
    """Between what and what a quantity lies."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float

    def times(self, factor: float) -> "Range":
        """Return both ends multiplied."""
        return Range(low=self.low * factor, high=self.high * factor)

    def plus(self, other: "Range") -> "Range":
        """Return the sum of the low ends and of the high ends."""
        return Range(low=self.low + other.low, high=self.high + other.high)


def exactly(value: float) -> Range:
    """Return a quantity that is known."""
    return Range(low=value, high=value)


class EffortPolicy(BaseModel):
    """What the estimate of a comparison assumes. None of these judges a form by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    instruction_tokens: int = threshold(
        300, "An instruction of half a page, where operations.prompt_tokens is not answered.", "own estimate", ge=1
    )
    fewest_input_tokens: int = threshold(20, "A short message, where no data is at hand.", "own estimate", ge=1)
    most_input_tokens: int = threshold(400, "A long e-mail, where no data is at hand.", "own estimate", ge=1)
    fewest_label_tokens: int = threshold(1, "A label of one word.", "own estimate", ge=1)
    most_label_tokens: int = threshold(15, "A label with the words around it.", "own estimate", ge=1)
    fewest_written_tokens: int = threshold(30, "A short written answer or record.", "own estimate", ge=1)
    most_written_tokens: int = threshold(400, "A written answer of half a page.", "own estimate", ge=1)
    passage_tokens: int = threshold(1_000, "Five retrieved passages of about 200 tokens.", "own estimate", ge=1)
    training_epochs: int = threshold(3, "How often a fine-tune reads its examples.", "own estimate", ge=1)
    calls_at_once: int = threshold(4, "Calls that run side by side without meeting a rate limit.", "own estimate", ge=1)
    fewest_seconds_per_call: float = threshold(0.5, "A small hosted model and a short answer.", "own estimate", gt=0)
    most_seconds_per_call: float = threshold(8.0, "A large hosted model and a long answer.", "own estimate", gt=0)
    fewest_seconds_per_trained_row: float = threshold(
        0.03, "The quickest fine-tune of the embedded encoder measured, on two cores, for each row and fit.", _OWN, gt=0
    )
    most_seconds_per_trained_row: float = threshold(
        0.15, "The slowest one measured, and some room for a busy machine.", _OWN, gt=0
    )
    fewest_seconds_per_fit: float = threshold(0.5, "What a fit takes beside its rows: building the model.", _OWN, ge=0)
    most_seconds_per_fit: float = threshold(10.0, "The same on a busy machine.", _OWN, ge=0)
    fewest_minutes_to_start: float = threshold(0.2, "Loading the encoder and reading a few hundred texts.", _OWN, ge=0)
    most_minutes_to_start: float = threshold(1.0, "The same on a slow disk, or for thousands of texts.", _OWN, ge=0)

    def inputs(self) -> Range:
        """Return the tokens of one input."""
        return Range(low=self.fewest_input_tokens, high=self.most_input_tokens)

    def answers(self, kind: Kind | None) -> Range:
        """Return the tokens of one answer."""
        if kind == "classification":
            return Range(low=self.fewest_label_tokens, high=self.most_label_tokens)
        if kind is None:
            return Range(low=self.fewest_label_tokens, high=self.most_written_tokens)
        return Range(low=self.fewest_written_tokens, high=self.most_written_tokens)

    def effort_contradictions(self) -> list[str]:
        """Return every pair of bounds in the wrong order, as a sentence."""
        names = [name for name in EffortPolicy.model_fields if name.startswith("fewest_")]
        pairs = [(name, name.replace("fewest_", "most_", 1)) for name in names]
        return [
            f"{low} ({getattr(self, low)}) is above {high} ({getattr(self, high)}); expected at most that"
            for low, high in pairs
            if getattr(self, low) > getattr(self, high)
        ]
