"""Asks a server's model for its verdicts on pairs of answers; `evaluation/judge.py` says what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.generative.chat import ChatClient
from adapters.generative.exchange import ChatRequest, Message
from evaluation.arm import Foreseen

ROOM: Final = 1024
"""Tokens for a verdict: two sentences, and what some models think aloud before them."""
LIKELY: Final = "The first answer names what was asked for, while the second one leaves it out.\nVerdict: 1"
"""As long as verdicts are; foretells what they take."""


def foresee_verdicts(client: ChatClient, prompts: Sequence[str]) -> Foreseen:
    """What asking for those takes that are not kept already. Asks nobody."""
    return client.foresee(_requests(prompts), [LIKELY])


def ask_for_verdicts(client: ChatClient, prompts: Sequence[str]) -> dict[str, str | None]:
    """What the model said to each prompt, at temperature 0; None where that failed for the prompt alone. Raises
    `EndpointError` where nothing more can be had; what came back by then is kept."""
    answers = client.ask_all(_requests(prompts))
    return {prompt: answer.text for prompt, answer in zip(prompts, answers, strict=True)}


def _requests(prompts: Sequence[str]) -> list[ChatRequest]:
    return [ChatRequest((Message("user", prompt),), max_tokens=ROOM) for prompt in prompts]
