"""The body of a call, and the key under which its answer is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Sent, whole_characters
from adapters.generative.structured import Structure, instruction, response_format

FORMAT: Final = 1
"""Of keys and kept answers; another number, and no old answer is found."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server lets its callers choose, found out by asking once. `schema` is None as long as nobody asked."""

    token_field: str = "max_tokens"
    temperature: bool = True
    seed: bool = True
    schema: bool | None = None

    def statements(self) -> list[str]:
        """For the report: how it was asked, what is not as it was asked for, and how objects are asked for."""
        set_by_us = [
            *(["temperature 0"] if self.temperature else []), *(["seed 0"] if self.seed else []),
        ]  # fmt: skip
        told = [f"Asked with {' and '.join(set_by_us)}."] if set_by_us else []
        told += [
            f"The server does not take a {name}: its own holds, and answers may differ from call to call."
            for name, taken in (("temperature", self.temperature), ("seed", self.seed))
            if not taken
        ]
        if self.schema is not None:
            how = "a JSON schema that the server enforces" if self.schema else "an instruction in the prompt"
            told.append(f"Answers as objects are asked for by {how}.")
        return told

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Capabilities:
        return cls(**json.loads(text))


def sent(request: ChatRequest, server: Capabilities) -> Sent:
    """How a request is put to such a server."""
    structure = Structure.NONE
    if request.schema is not None:
        structure = Structure.SCHEMA if server.schema else Structure.INSTRUCTION
    return Sent(
        request.temperature if server.temperature else None, request.seed if server.seed else None, structure
    )  # fmt: skip


def body_of(request: ChatRequest, endpoint: Endpoint, server: Capabilities) -> dict[str, Any]:
    """All that is sent. An instruction stands at the end of the last message: some chat templates take one system
    message only, and only at the beginning."""
    how = sent(request, server)
    messages = [{"role": role, "content": whole_characters(content)} for role, content in request.messages]
    if request.schema is not None and how.structure is Structure.INSTRUCTION:
        messages[-1]["content"] += f"\n\n{instruction(request.schema)}"
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": messages,
        server.token_field: request.max_tokens,
        **endpoint.parameters,
    }
    if how.temperature is not None:
        body["temperature"] = how.temperature
    if how.seed is not None:
        body["seed"] = how.seed
    if request.schema is not None and how.structure is Structure.SCHEMA:
        body["response_format"] = response_format(request.schema)
    return body


def key_of(endpoint: Endpoint, body: dict[str, Any], repetition: int) -> bytes:
    """SHA-256 of everything that determines an answer: address, body, and which repeat it is."""
    determined = [FORMAT, endpoint.base_url, repetition, body]
    return hashlib.sha256(json.dumps(determined, sort_keys=True).encode()).digest()


def bytes_to_read(body: dict[str, Any]) -> int:
    """No fewer than the tokens that a server reads for a body: a token is a byte at least.

    512 more for what a chat template writes by itself: a system message, the date, the marks around 16 messages.
    """
    read = sum(len(message["content"].encode()) + 16 for message in body["messages"])
    if "response_format" in body:
        read += len(json.dumps(body["response_format"]).encode())
    return read + 512
