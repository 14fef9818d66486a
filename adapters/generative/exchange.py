"""What is asked of a chat model, what a server said, and what that is worth as an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from adapters.generative.structured import Structure, read_object


class Message(NamedTuple):
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question. Two that are equal in every field are one call; `repetition` tells wanted repeats apart.

    `schema` is a JSON schema of an object, of the kind that servers enforce: every property required,
    `additionalProperties` false.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    schema: Mapping[str, Any] | None = None
    repetition: int = 0

    def __post_init__(self) -> None:
        if not self.messages or self.max_tokens < 1 or not 0 <= self.temperature < float("inf"):
            raise ValueError("a request needs a message, a token to answer with, and a temperature of 0 or more")


def whole_characters(text: str) -> str:
    """The text with U+FFFD for halves of characters (surrogates), which neither a call nor a file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Failure(StrEnum):
    """Why an item has no answer."""

    CUT_OFF = "cut_off"
    FILTERED = "filtered"
    DECLINED = "declined"
    EMPTY = "empty"
    NOT_AS_ASKED = "not_as_asked"
    TOO_LONG = "too_long"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer of a server, paid for: what is kept on disk. A count that the server does not state is None.

    `queued_seconds` is all that passed before the successful attempt: waiting for a place, failed attempts and the
    waits that a server asked for. `serving_seconds` is that attempt alone, seen from here.
    """

    text: str
    finish_reason: str | None
    declined: bool
    model: str | None
    fingerprint: str | None
    input_tokens: int | None
    output_tokens: int | None
    queued_seconds: float = 0.0
    serving_seconds: float = 0.0
    attempts: int = 1

    def to_json(self) -> str:
        return json.dumps({part: getattr(self, part) for part in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> Reply:
        return cls(**json.loads(text))


class Sent(NamedTuple):
    """How the question was put. None for what this server does not let its callers choose."""

    temperature: float | None
    seed: int | None
    structure: Structure


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """`text` is None exactly if there is an `error`: one line without key, address or user text.

    `value` is the object that a schema asked for. `cost` is in the currency of the prices, None without prices or
    without counts. `reply` is None where the server gave no whole answer; a reply may be there and still be a failure.
    `confidence` is the model's probability of its answer among those it could choose from, None where it wrote freely.
    """

    text: str | None
    value: Mapping[str, Any] | None
    error: str | None
    failure: Failure | None
    reply: Reply | None
    cost: float | None
    sent: Sent
    cached: bool
    confidence: float | None = None


def judge(reply: Reply, request: ChatRequest, sent: Sent, cost: float | None, *, cached: bool) -> ChatAnswer:
    """The answer that a reply amounts to."""
    value = None if request.schema is None else read_object(reply.text, request.schema)
    failure, error = _fault(reply, request, value is not None)
    text = reply.text if failure is None else None
    return ChatAnswer(text, value if failure is None else None, error, failure, reply, cost, sent, cached)


def failed(failure: Failure, error: str, sent: Sent) -> ChatAnswer:
    """The record of an item that got no whole answer."""
    return ChatAnswer(None, None, error, failure, None, None, sent, cached=False)


def _fault(reply: Reply, request: ChatRequest, has_value: bool) -> tuple[Failure | None, str | None]:
    if reply.finish_reason == "length":
        return Failure.CUT_OFF, f"the answer was cut off after {request.max_tokens} tokens; allow more"
    if reply.finish_reason == "content_filter":
        return Failure.FILTERED, "the server's content filter held the answer back"
    if reply.declined:
        return Failure.DECLINED, "the model declined to answer"
    if not reply.text.strip():
        return Failure.EMPTY, "the answer is empty"
    if request.schema is not None and not has_value:
        return Failure.NOT_AS_ASKED, "the answer is not the JSON object that was asked for"
    return None, None
