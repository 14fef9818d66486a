"""What is known about a named model: when it retires, until when it can be tuned, what its tokens cost."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class Announced(BaseModel):
    """A day that a provider announced, and where that was read."""

    model_config = ConfigDict(frozen=True)

    day: date
    source: str = Field(description="Where it was read: a data set with its version, or the user's own file.")
    seen_on: date | None = Field(description="The day on which the source said so.")


class TokenPrices(BaseModel):
    """Prices per million tokens."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    training: float | None = Field(default=None, ge=0, description="Per token seen in hosted training, each epoch.")
    currency: str = "USD"
    source: str = Field(description="Where they were read: a data set with its version, or the user's own file.")
    seen_on: date | None = Field(description="The day on which the source said so.")


class KnownModel(BaseModel):
    """One model. A missing part means that no source names it, never that there is none."""

    model_config = ConfigDict(frozen=True)

    name: str
    provider: str
    retires: Announced | None = Field(default=None, description="The day on which it is switched off.")
    tuning_ends: Announced | None = Field(
        default=None, description="The last day on which the provider takes new fine-tuning jobs on it."
    )
    prices: TokenPrices | None = None
