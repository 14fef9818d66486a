"""What asking a model will take, told before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.generative.budget import Budget
from adapters.generative.exchange import ChatRequest
from evaluation.arm import Foreseen

BYTES_A_TOKEN: Final = 4
"""Of English prose; other languages, and numbers, take more tokens for as many bytes."""
TOKENS_A_MESSAGE: Final = 4
"""For the marks of a chat template around it."""


def foresee(requests: Sequence[ChatRequest], answers: Sequence[str], budget: Budget) -> Foreseen:
    """Calls, tokens and cost of these requests; answers are taken to be as long as those given, on average."""
    read = sum(
        TOKENS_A_MESSAGE + len(message.content.encode(errors="replace")) // BYTES_A_TOKEN
        for request in requests
        for message in request.messages
    )
    each = 1 + sum(len(answer.encode(errors="replace")) for answer in answers) / BYTES_A_TOKEN / max(len(answers), 1)
    written = round(each * len(requests))
    currency = budget.prices.currency if budget.prices is not None else None
    return Foreseen(len(requests), read, written, budget.cost(read, written), currency)
