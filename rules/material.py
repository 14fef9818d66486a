"""The examples that a plan counts on: as the form tells, or as a file holds them."""

from pydantic import BaseModel, ConfigDict, Field

from rules.design import DesignPolicy
from rules.effort import EffortPolicy, Range, exactly
from rules.form import Form


class Material(BaseModel):
    """What is known of the examples; None where nobody has said or counted."""

    model_config = ConfigDict(frozen=True)

    examples: int | None = Field(default=None, description="Labelled rows, without those of a test set of one's own.")
    test_examples: int | None = Field(default=None, description="Rows of a test set of one's own.")
    labels: int | None = Field(default=None, description="Different labels.")
    input_tokens: float | None = Field(default=None, description="Tokens of one input, on average.")
    answer_tokens: float | None = Field(default=None, description="Tokens of one answer, on average.")
    source: str = "the form"

    def inputs(self, effort: EffortPolicy) -> Range:
        """Return the tokens of one input, as counted or as assumed."""
        return effort.inputs() if self.input_tokens is None else exactly(self.input_tokens)


def material_of(form: Form, policy: DesignPolicy) -> Material:
    """Return what the form says. Rows kept aside count as ordinary ones where either part would be too small."""
    count, held_out = form.examples.count, form.success.held_out_examples or 0
    if count is None:
        return Material()
    if min(held_out, count - held_out) < policy.fewest_examples:
        return Material(examples=count)
    return Material(examples=count - held_out, test_examples=held_out)
