"""A client that costs little beside the server that it measures: plain HTTP/1.1 over asyncio, one connection each."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any


class Connection:
    """One connection that stays open. It reads what this service sends: bodies with a length, and events in pieces."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    async def __aenter__(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer."""
        status, headers = await self._begin(method, path, body)
        return status, await self._reader.readexactly(int(headers.get("content-length", "0")))

    async def ask_json(self, method: str, path: str, expected: int, body: bytes = b"") -> Any:
        """The document; an error where the status is not as expected."""
        status, answer = await self.ask(method, path, body)
        if status != expected:
            raise RuntimeError(f"{method} {path} answered {status}: {answer.decode()[:300]}")
        return json.loads(answer)

    async def follow(self, path: str) -> None:
        """Begin to follow events."""
        status, _ = await self._begin("GET", path, b"")
        if status != 200:
            raise RuntimeError(f"GET {path} answered {status}")

    async def next_event(self) -> int | None:
        """The number of the next event, as soon as it is there; None at the end of the stream."""
        while line := await self._reader.readline():
            if line.startswith(b"id: "):
                return int(line[4:])
            if line == b"0\r\n":  # the last piece
                return None
        raise RuntimeError("the stream broke off")

    async def _begin(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str]]:
        told = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(told.encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers
