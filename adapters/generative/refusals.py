"""What a call ends in when it brings no whole answer, and what that says of the calls after it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from adapters.generative.endpoint import Endpoint, EndpointError
from adapters.generative.exchange import Failure
from adapters.generative.retries import TOO_MUCH, TRIED_AGAIN

TOO_LONG: Final = re.compile(
    r"context[ _](?:length|size|window)|context_length_exceeded|prompt is too long|too many (?:input )?tokens"
    r"|too large for model|tokens?\b.{0,60}\b(?:exceed|must be <=|maximum|limit|longer than)"
    r"|exceeds?\b.{0,60}\btokens?\b",
    re.IGNORECASE | re.DOTALL,
)
FILTERED: Final = re.compile(r"content[ _](?:filter|policy|management)|moderation|flagged", re.IGNORECASE)
NO_CREDIT: Final = re.compile(r"insufficient_quota|billing_hard_limit|insufficient (?:credit|balance|funds)", re.I)
NOT_A_WORD: Final = re.compile(r"[^\w.\-\[\]]")


@dataclass(frozen=True, slots=True)
class Refused:
    """The server answered with an error: nothing was generated, nothing is paid. `told` are the server's own words,
    which may repeat the prompt or the key, and are shown only where the prompt was ours (`plain_words`)."""

    status: int
    code: str
    told: str
    retry_after: float | None = None

    @property
    def is_tried_again(self) -> bool:
        return self.status in TRIED_AGAIN and not self.is_out_of_credit

    @property
    def is_for_capacity(self) -> bool:
        return self.status in TOO_MUCH and not self.is_out_of_credit

    @property
    def is_out_of_credit(self) -> bool:
        return self.status == 402 or (self.status == 429 and self._says(NO_CREDIT))

    @property
    def is_of_the_parameters(self) -> bool:
        """Whether the server may take the same question put in another way."""
        return self.status in (400, 422)

    @property
    def failure(self) -> Failure:
        """What it is for the item alone. A filter's or a full context's refusal says nothing of other items."""
        if self.status in (400, 403, 422) and self._says(FILTERED):
            return Failure.FILTERED
        if self.status == 413 or (self.status in (400, 422) and self._says(TOO_LONG)):
            return Failure.TOO_LONG
        return Failure.NO_ANSWER if self.status in TRIED_AGAIN else Failure.REFUSED

    def __str__(self) -> str:
        return f"{self.status} {self.code}".rstrip()

    def _says(self, pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(self.code) or pattern.search(self.told))


class Loss(StrEnum):
    """How a call ended without an answer of the server; the value finishes the sentence `the server ...`."""

    NOT_REACHED = "cannot be reached"
    DROPPED = "dropped the connection"
    SILENT = "did not answer in time"
    UNREADABLE = "sent an answer that cannot be read"


@dataclass(frozen=True, slots=True)
class Lost:
    """No whole answer came. Unless the server was never reached it may have been made, and paid for, all the same."""

    loss: Loss

    @property
    def may_be_paid(self) -> bool:
        return self.loss is not Loss.NOT_REACHED

    def __str__(self) -> str:
        return self.loss.value


def stops_all(refused: Refused, endpoint: Endpoint) -> EndpointError | None:
    """The end of the run, where a refusal holds for every call; None where it may be the item's own."""
    if refused.status == 401:
        key = "refuses the key" if endpoint.api_key is not None else "asks for a key"
        return EndpointError(f"{endpoint.base_url} {key} (401). Set ADVISOR_API_KEY to a key that it takes.")
    if refused.is_out_of_credit:
        return EndpointError(
            f"{endpoint.base_url} has no credit left for this key ({refused.status}). Top the account up and run the "
            "same command again: what was answered is kept."
        )
    if refused.status in (404, 405):
        return EndpointError(
            f"{endpoint.base_url} has no model {endpoint.model!r}, or no chat interface at this address "
            f"({refused.status}). Check ADVISOR_ENDPOINT_MODEL and ADVISOR_ENDPOINT; the address usually ends in /v1."
        )
    if 300 <= refused.status < 400:
        return EndpointError(
            f"{endpoint.base_url} sends callers elsewhere ({refused.status}), where texts would follow. Name that "
            "address itself, if it is yours."
        )
    return None


def refused_at_first(refused: Refused, endpoint: Endpoint) -> EndpointError:
    """The end of a run whose first call, a question of our own, is refused."""
    stopped = stops_all(refused, endpoint)
    if stopped is not None:
        return stopped
    if refused.status == 403:
        return EndpointError(
            f"{endpoint.base_url} does not let this key use {endpoint.model!r} (403). Ask for access, or name another "
            "model."
        )
    said = f": {words}" if (words := plain_words(refused.told, endpoint)) else ""
    return EndpointError(f"{endpoint.base_url} refuses the first call ({refused}){said}")


def lost_at_first(lost: Lost, endpoint: Endpoint) -> EndpointError:
    """The end of a run whose first call brings nothing."""
    match lost.loss:
        case Loss.NOT_REACHED:
            todo = "Start the server, or check the address (ADVISOR_ENDPOINT)."
        case Loss.SILENT:
            todo = f"It was given {endpoint.call_seconds:g} seconds; start it again, or allow more."
        case Loss.DROPPED:
            todo = "Look into the server's log."
        case Loss.UNREADABLE:
            todo = "Is this a chat server? The address usually ends in /v1."
    return EndpointError(f"{endpoint.base_url} {lost.loss.value}. {todo}")


def code_of(error: Any, endpoint: Endpoint) -> str:
    """A server's error code as one short word, or nothing: codes are for programs and name no texts."""
    if not isinstance(error, dict):
        return ""
    for name in ("code", "type"):
        code = error.get(name)
        if isinstance(code, str) and code and not NOT_A_WORD.search(code):
            return _without_key(code, endpoint)[:60]
    return ""


def plain_words(told: str, endpoint: Endpoint) -> str:
    """A server's words as the end of one line: without the key, without control characters, at most 200 long."""
    told = _without_key(_message_in(told), endpoint)
    words = " ".join("".join(c if c.isprintable() else " " for c in told).split())
    return words if len(words) <= 200 else words[:199] + "…"


def _message_in(told: str) -> str:
    """What a refusal says to people: its message, or all of it where it has none."""
    try:
        body = json.loads(told)
        error = body.get("error", body)
        message = error if isinstance(error, str) else error.get("message") or error.get("detail")
    except (ValueError, AttributeError):
        return told
    return message if isinstance(message, str) else told


def _without_key(text: str, endpoint: Endpoint) -> str:
    key = endpoint.api_key.get_secret_value() if endpoint.api_key is not None else ""
    return text.replace(key, "[key]") if key else text
