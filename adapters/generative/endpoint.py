"""The server that is asked: address, model, key and limits. They come from settings, never from a caller of the API."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

OURS: Final = (
    "model", "messages", "stream", "n", "temperature", "seed", "max_tokens", "max_completion_tokens", "response_format",
)  # fmt: skip
"""Parts of a call that are set here and by the requests."""


class EndpointError(ValueError):
    """The endpoint cannot be used, or not any further; one line says why and what to do.

    What was answered before is kept: the same command goes on from there.
    """


@dataclass(frozen=True)
class Endpoint:
    """Any server with OpenAI's chat interface. `base_url` usually ends in /v1.

    `max_concurrency` calls are in work at most. A call that has no whole answer after `call_seconds` is given up.
    `parameters` go along with every call (reasoning_effort, top_p, ...) and count among what determines an answer.
    """

    base_url: str
    model: str
    api_key: SecretStr | None = None
    max_concurrency: int = 16
    connect_seconds: float = 10.0
    call_seconds: float = 120.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _plain_url(self.base_url))
        if not self.model.strip():
            raise EndpointError("No model is named: say which model the server should use.")
        if self.api_key is not None and not _fits_a_header(self.api_key.get_secret_value()):
            raise EndpointError("The API key is empty or holds a character that no key has; copy it again.")
        if self.max_concurrency < 1 or self.connect_seconds <= 0 or self.call_seconds <= 0:
            raise EndpointError("At least one call at a time is needed, and time limits above 0 seconds.")
        taken = sorted(set(self.parameters) & set(OURS))
        if taken:
            raise EndpointError(f"{', '.join(taken)} cannot be a further parameter: the advisor sets it itself.")
        try:
            json.dumps(dict(self.parameters), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise EndpointError(f"The further parameters are not JSON: {error}.") from None

    @property
    def is_on_this_machine(self) -> bool:
        """Whether calls stay on loopback; they then pass by every proxy."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def determined_by(self) -> dict[str, str]:
        """What of it determines an answer: for the key of a trial."""
        parameters = json.dumps(dict(self.parameters), sort_keys=True)
        return {"endpoint": self.base_url, "model": self.model, "parameters": parameters}


def _plain_url(url: str) -> str:
    """The address in one spelling. What is refused is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise EndpointError("The endpoint's address cannot be read; expected http://HOST:PORT/v1.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EndpointError("The endpoint's address must begin with http:// or https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise EndpointError("The endpoint's address holds a user name or password; put the key into ADVISOR_API_KEY.")
    if parts.query or parts.fragment:
        raise EndpointError("The endpoint's address must end before '?' and '#'; put a key into ADVISOR_API_KEY.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    where = host if port in (None, default) else f"{host}:{port}"
    return SplitResult(parts.scheme, where, parts.path.rstrip("/"), "", "").geturl()


def _fits_a_header(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and key == key.strip()
