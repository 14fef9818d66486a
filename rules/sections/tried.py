"""What has been tried so far, and how well it did."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from rules.question import Section, question, share


class Attempt(Section):
    """One way that was, or was not, tried."""

    tried: bool | None = question(
        "tried?",
        "True if somebody tried it on real inputs and looked at the results.",
        "002",
    )
    score: float | None = share(
        "what part was right?",
        "The part of the answers that was right, measured as you measure your target. Leave it out if nobody counted.",
        "002",
    )

    @model_validator(mode="before")
    @classmethod
    def _tried_if_scored(cls, answers: Any) -> Any:
        # Whoever can give a score has tried it, and need not be asked.
        if isinstance(answers, dict) and answers.get("score") is not None and answers.get("tried") is None:
            return {**answers, "tried": True}
        return answers


class Tried(Section):
    """The cheaper ways, from the cheapest on."""

    zero_shot: Attempt = Field(default=Attempt(), title="A plain instruction, no examples")
    better_system_message: Attempt = Field(default=Attempt(), title="A carefully rewritten instruction")
    few_shot: Attempt = Field(default=Attempt(), title="Five to ten examples in the prompt")
    retrieval: Attempt = Field(default=Attempt(), title="Looking up documents or similar examples")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_if_null(cls, value: Any) -> Any:
        return Attempt() if value is None else value
