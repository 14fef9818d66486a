"""A chat server that fails on command: a real process on loopback, for tests and for benchmarks/endpoint.py.

`python tests/servers/chat_server.py '{"latency": 0.05}'` prints its port and serves until its standard input closes, so
it never outlives who started it. `GET /calls` tells what was asked and answered, `POST /faults` changes the faults.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import threading
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any

FOREIGN = "Das kann ich Ihnen leider erst sagen, wenn ich die Unterlagen noch einmal in Ruhe gelesen habe."
CUT, SILENT, DRIP = "cut", "silent", "drip"


@dataclass(frozen=True)
class Faults:
    """What goes wrong. Shares are drawn with a seed; `..._every` counts answers; seconds count from the first call."""

    latency: float = 0.0
    seed: int = 0
    key: str | None = None
    """401 without it. The refusal repeats the key that was sent, as careless servers do."""
    model: str | None = "small-1"
    """404 for any other; None takes every name."""
    limited_share: float = 0.0
    limited_seconds: float = 0.0
    limited_from: int | None = None
    """429 as soon as so many calls are in work."""
    retry_after: str | None = "1"
    status_share: dict[str, float] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    """The first calls get these, one each; 200 stands for an answer."""
    error: dict[str, Any] = field(default_factory=dict)
    """Laid over the error object of every refusal."""
    truncated_every: int = 0
    cut_every: int = 0
    silent: bool = False
    context: int | None = None
    """400 for prompts with more characters."""
    refused_parameters: list[str] = field(default_factory=list)
    schema: str = "enforced"
    """enforced, ignored or refused."""
    text: str | None = None
    """Said to every prompt."""
    imitates: bool = False
    """Answers as the shown example with the most words in common; without examples with the most alike category. At a
    temperature above 0 some calls go astray."""
    judges: str | None = None
    """Of two answers it is asked to compare it calls better the `longer` one, or the `first` whatever they are."""
    usage: bool = True
    location: str | None = None
    """Where refusals send their callers, whatever their status."""
    page: bool = False
    """200 with a web page instead of an answer, as a portal in between gives it."""


class ChatServer:
    """Answers every prompt with a text of its own, so that a mixed-up order shows."""

    def __init__(self, faults: Faults) -> None:
        self.calls: Counter[str] = Counter()
        """Answers with status 200 that were sent whole, by the hash of the prompt."""
        self.statuses: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.in_work = self.most_in_work = self.answers = 0
        self.set(faults)

    def set(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)
        self._statuses = list(faults.statuses)
        self._since: float | None = None

    async def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int | str, dict[str, str], bytes]:
        """Status, headers and body; for a status also `cut` (half the body), `silent` or `drip` (a byte at a time)."""
        if path == "/calls":
            return self._json(200, {
                "answered": self.calls, "statuses": self.statuses, "most_in_work": self.most_in_work,
                "in_work": self.in_work,
                "bodies": self.bodies, "headers": self.headers,
            })  # fmt: skip
        if path == "/faults":
            self.set(Faults(**json.loads(body)))
            return self._json(200, asdict(self.faults))
        if path == "/v1/models":
            return self._json(200, {"object": "list", "data": [{"id": self.faults.model or "any", "object": "model"}]})
        if path != "/v1/chat/completions":
            return self._json(404, {"detail": "Not Found"})
        self.in_work += 1
        self.most_in_work = max(self.most_in_work, self.in_work)
        try:
            status, extra, told = await self._chat(headers, json.loads(body))
        finally:
            self.in_work -= 1
        self.statuses[str(status)] += 1
        return status, extra, told

    async def _chat(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int | str, dict[str, str], bytes]:
        faults, now = self.faults, asyncio.get_running_loop().time()
        self._since = self._since or now
        if len(self.bodies) < 500:
            self.bodies.append(body)
            self.headers.append(headers)
        prompt = "\n".join(message["content"] for message in body["messages"])
        if faults.silent or "<silent>" in prompt:
            return SILENT, {}, b""
        refusal = self._refusal(headers, body, prompt, now - self._since)
        if refusal is not None:
            await asyncio.sleep(min(faults.latency, 0.005))
            return refusal
        if faults.latency:
            await asyncio.sleep(faults.latency)
        if faults.page:
            return 200, {"content-type": "text/html"}, b"<html>Please sign in</html>"
        self.answers += 1
        told = json.dumps(self._completion(body, prompt)).encode()
        if faults.truncated_every and self.answers % faults.truncated_every == 0:
            return 200, {}, told[: len(told) // 2]
        if "<drip>" in prompt:
            return DRIP, {}, told
        if faults.cut_every and self.answers % faults.cut_every == 0:
            return CUT, {}, told
        self.calls[hashlib.sha256(prompt.encode()).hexdigest()[:16]] += 1
        return 200, {}, told

    def _refusal(
        self, headers: dict[str, str], body: dict[str, Any], prompt: str, seconds: float
    ) -> tuple[int, dict[str, str], bytes] | None:
        faults = self.faults
        sent = headers.get("authorization", "").removeprefix("Bearer ")
        if faults.key is not None and sent != faults.key:
            return self._error(401, f"Incorrect API key provided: {sent}. Prompt was: {prompt}", code="invalid_api_key")
        if faults.model is not None and body["model"] != faults.model:
            return self._error(404, f"The model `{body['model']}` does not exist.", code="model_not_found")
        for name in faults.refused_parameters:
            if name in body:
                return self._error(400, f"Unsupported parameter: '{name}' is not supported.", param=name)
        if "response_format" in body and faults.schema == "refused":
            return self._error(400, "response_format is not supported by this model")
        if faults.context is not None and len(prompt) > faults.context:
            words = f"This model's maximum context length is {faults.context} tokens. Your messages: {prompt}"
            return self._error(400, words, code="context_length_exceeded", param="messages")
        status = self._statuses.pop(0) if self._statuses else 200
        limited = seconds < faults.limited_seconds or self._random.random() < faults.limited_share
        if limited or (faults.limited_from is not None and self.in_work > faults.limited_from):
            status = 429
        for other, share in faults.status_share.items():
            if self._random.random() < share:
                status = int(other)
        return None if status == 200 else self._error(status, f"Refused ({status}): {prompt}")

    def _error(self, status: int, message: str, **more: str) -> tuple[int, dict[str, str], bytes]:
        waiting = status in (429, 503, 529) and self.faults.retry_after is not None
        extra = {"retry-after": self.faults.retry_after or ""} if waiting else {}
        if self.faults.location is not None:
            extra["location"] = self.faults.location
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}
        return self._json(status, {"error": error | self.faults.error}, extra)

    def _completion(self, body: dict[str, Any], prompt: str) -> dict[str, Any]:
        text, finish = self.faults.text or answer_to(prompt), "stop"
        if self.faults.imitates:
            text = imitation(body["messages"], fickle=self._is_fickle(body, prompt))
        if "response_format" in body and self.faults.schema == "enforced":
            text = json.dumps(_instance(body["response_format"]["json_schema"]["schema"]))
        elif "JSON" in prompt and not self.faults.imitates and "<prose>" not in prompt:
            text = '```json\n{"label": "Billing"}\n```'
        if self.faults.judges and prompt.startswith("You compare two answers"):
            text = verdict(prompt, self.faults.judges)
        for marker, reason in (("<length>", "length"), ("<filter>", "content_filter")):
            if marker in prompt:
                text, finish = text[: len(text) // 2], reason
        if "<foreign>" in body["messages"][-1]["content"]:
            text = FOREIGN
        if "<empty>" in prompt:
            text = ""
        completion: dict[str, Any] = {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": f"{body['model']}-2026",
            "system_fingerprint": "fp_1",
            "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        }  # fmt: skip
        if self.faults.usage:
            read, written = len(prompt.split()) + 8, len(text.split()) + 1
            completion["usage"] = {
                "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
            }  # fmt: skip
        return completion

    @staticmethod
    def _is_fickle(body: dict[str, Any], prompt: str) -> bool:
        """At a temperature one call in five to one prompt, by its seed."""
        drawn = hashlib.sha256(f"{body.get('seed')} {prompt}".encode()).digest()[0]
        return body.get("temperature", 0) > 0 and drawn % 5 == 0

    @staticmethod
    def _json(status: int, content: Any, extra: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        return status, extra or {}, json.dumps(content).encode()


def answer_to(prompt: str) -> str:
    """What the server says to a prompt (its messages, joined by line ends)."""
    return f"answer {hashlib.sha256(prompt.encode()).hexdigest()[:8]}"


def imitation(messages: list[dict[str, str]], *, fickle: bool = False) -> str:
    """What a very simple model would say: it goes by words in common alone, or, `fickle`, by as few as possible. Of
    passages it takes the last word of the sentence that is most like the question."""
    most = min if fickle else max
    passages, _, question = messages[-1]["content"].partition("\n\nQuestion: ")
    if question:
        asked = set(question.lower().strip("?").split())
        sentences = passages.replace("\n", ". ").split(". ")
        best = most(sentences, key=lambda sentence: len(asked & set(sentence.lower().strip(".").split())))
        return best.strip(". ").split(" ")[-1]
    said = [(each["role"], each["content"]) for each in messages]
    shown = [(said[n][1], said[n + 1][1]) for n in range(len(said) - 1) if said[n + 1][0] == "assistant"]
    if not shown:
        named = [line[2:] for line in said[0][1].split("\n") if line.startswith("- ")]
        shown = [(line, line.partition(":")[0]) for line in named] or [("", "no idea")]
    asked = set(said[-1][1].lower().split())
    return most(shown, key=lambda pair: len(asked & set(pair[0].lower().replace(":", "").split())))[1]


def verdict(prompt: str, judges: str) -> str:
    """Which of two answers a very simple judge calls better."""
    shown = json.loads(prompt[prompt.index("\n{") : prompt.rindex("}") + 1])
    first, second = len(shown["answer 1"]), len(shown["answer 2"])
    if judges == "first" or first == second:
        return "I see no more than the place.\nVerdict: " + ("1" if judges == "first" else "tie")
    return f"It says more.\nVerdict: {1 if first > second else 2}"


def _instance(schema: dict[str, Any]) -> Any:
    """The first thing that is valid against a schema of the kind that the tests send."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: _instance(part) for name, part in schema["properties"].items()}
    return {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "array": []}[schema["type"]]


class Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length and keep-alive: all that chat clients use, and quick enough to measure them."""

    def __init__(self, server: ChatServer, tasks: set[asyncio.Task[None]]) -> None:
        self._server, self._tasks, self._received = server, tasks, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._received = rest[length:]
        task = asyncio.get_running_loop().create_task(self._respond(first.split()[1], headers, rest[:length]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, path: str, headers: dict[str, str], body: bytes) -> None:
        status, extra, told = await self._server.answer(path, headers, body)
        if status == SILENT:
            return
        head = {"content-type": "application/json", "content-length": str(len(told)), **extra}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        whole = f"HTTP/1.1 {status if isinstance(status, int) else 200} X\r\n{lines}\r\n".encode() + told
        if status == CUT:
            self._transport.write(whole[: -len(told) // 2])
            self._transport.close()
        elif status == DRIP:
            for byte in whole:
                self._transport.write(bytes([byte]))
                await asyncio.sleep(0.05)
        else:
            self._transport.write(whole)


async def serve(faults: Faults) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    chat, tasks = ChatServer(faults), set[asyncio.Task[None]]()
    server = await loop.create_server(lambda: Connection(chat, tasks), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(replace(Faults(), **json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))))
