"""The first call: whether a server answers at all, and what it lets its callers choose. Made once and remembered."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from adapters.generative.body import Capabilities, body_of
from adapters.generative.call import Outcome
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message, Reply
from adapters.generative.refusals import Lost, Refused, lost_at_first, refused_at_first
from adapters.generative.structured import read_object

Ask = Callable[[dict[str, Any], int], Awaitable[Outcome]]
QUESTION: Final = "What is the capital of France?"
CODE_WORD: Final = "k7-violet"
SCHEMA: Final = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": [CODE_WORD]}},
    "required": ["answer"],
    "additionalProperties": False,
}
"""Nobody answers the question so who is not held to it: a server that reads a schema and drops it shows itself."""
ROOM: Final = 256
"""Tokens for an answer: some models think before they speak."""


async def probe(ask: Ask, endpoint: Endpoint, known: Capabilities | None, *, schema: bool) -> Capabilities:
    """What the server takes; asks one question, another one where `schema` is wanted, and each again in other words
    where the server refuses a part of it. Raises `EndpointError` if it does not answer at all."""
    if known is None:
        known = await _settle(ask, endpoint)
    if schema and known.schema is None:
        known = replace(known, schema=await _enforces(ask, endpoint, known))
    return known


async def _settle(ask: Ask, endpoint: Endpoint) -> Capabilities:
    server = Capabilities()
    while True:
        outcome = await ask(body_of(_request(), endpoint, server), ROOM)
        if isinstance(outcome, Reply):
            return server
        if isinstance(outcome, Lost):
            raise lost_at_first(outcome, endpoint)
        milder = _without_what_was_refused(server, outcome)
        if milder == server:
            raise refused_at_first(outcome, endpoint)
        server = milder


async def _enforces(ask: Ask, endpoint: Endpoint, server: Capabilities) -> bool:
    request = replace(_request(), schema=SCHEMA)
    outcome = await ask(body_of(request, endpoint, replace(server, schema=True)), ROOM)
    if isinstance(outcome, Reply):
        return read_object(outcome.text, SCHEMA) is not None
    if isinstance(outcome, Lost):
        raise lost_at_first(outcome, endpoint)
    if outcome.is_of_the_parameters or outcome.status in (500, 501):
        return False
    raise refused_at_first(outcome, endpoint)


def _request() -> ChatRequest:
    return ChatRequest((Message("user", QUESTION),), max_tokens=ROOM)


def _without_what_was_refused(server: Capabilities, refused: Refused) -> Capabilities:
    """The same, less the part of the call that the refusal names."""
    if not refused.is_of_the_parameters:
        return server
    if _names("max_tokens", refused) and server.token_field == "max_tokens":
        return replace(server, token_field="max_completion_tokens")
    if _names("temperature", refused) and server.temperature:
        return replace(server, temperature=False)
    if _names("seed", refused) and server.seed:
        return replace(server, seed=False)
    return server


def _names(parameter: str, refused: Refused) -> bool:
    return re.search(rf"(?<![\w-]){parameter}(?![\w-])", refused.told) is not None
