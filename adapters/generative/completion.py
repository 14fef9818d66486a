"""Reads what a chat server sent with status 200; servers that call themselves compatible leave parts out."""

from __future__ import annotations

import json
from typing import Any

from adapters.generative.call import Outcome
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import Reply, whole_characters
from adapters.generative.refusals import Loss, Lost, Refused, code_of


def read_reply(content: bytes, endpoint: Endpoint) -> Outcome:
    """What the body of a status 200 says. What a server leaves out is None; without a message it cannot be read."""
    try:
        told = json.loads(content)
        if "error" in told and not told.get("choices"):
            # Some gateways pass on with status 200 what the server behind them refused.
            status = told["error"].get("code") if isinstance(told["error"], dict) else None
            status = status if isinstance(status, int) and 400 <= status < 600 else 502
            return Refused(status, code_of(told["error"], endpoint), json.dumps(told["error"])[:2000])
        choice = told["choices"][0]
        message = choice["message"]
        usage = told.get("usage") or {}
        return Reply(
            text=whole_characters(_text(message.get("content"))),
            finish_reason=_word(choice.get("finish_reason")),
            declined=bool(message.get("refusal")),
            model=_word(told.get("model")),
            fingerprint=_word(told.get("system_fingerprint")),
            input_tokens=_count(usage.get("prompt_tokens")),
            output_tokens=_count(usage.get("completion_tokens")),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Lost(Loss.UNREADABLE)


def _text(content: Any) -> str:
    """The text of a message; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError("content is neither text nor parts")


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
