"""Answers of any OpenAI-compatible server, each paid for once. The only file that imports openai."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from adapters.generative.body import Capabilities, body_of, key_of, sent
from adapters.generative.budget import Budget, Ledger, Spent
from adapters.generative.call import Outcome
from adapters.generative.completion import read_reply
from adapters.generative.dispatch import Dispatch
from adapters.generative.endpoint import Endpoint, EndpointError
from adapters.generative.exchange import ChatAnswer, ChatRequest, Failure, Reply, failed, judge
from adapters.generative.foresight import foresee
from adapters.generative.probe import probe
from adapters.generative.refusals import Loss, Lost, Refused, code_of
from adapters.generative.response_cache import ResponseCache
from adapters.generative.retries import Patience, retry_after
from evaluation.arm import Foreseen

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError

NOT_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError"})
"""Names of httpx2's errors after which the server has seen nothing of a call."""

POOL: Final = 4
"""Connections that share a pool."""

Ending = Reply | tuple[Failure, str]


class Progress(NamedTuple):
    """Requests that have an answer or a failure, of how many; how many of these were on disk, and how many failed on
    the way."""

    done: int
    total: int
    cached: int
    failures: int


class ChatClient:
    """Asks one server on behalf of one comparison.

    `folder` keeps the answers (`response_cache.py` says what that holds); give each data set one of its own, and delete
    it with the data set. `comparison` names the budget's ledger in it. `capabilities` and `spent` are set by a run.
    `watch` is told of every answer of a run that is not given a `progress` of its own.
    """

    def __init__(
        self, endpoint: Endpoint, folder: Path, comparison: str, budget: Budget, patience: Patience | None = None
    ) -> None:
        self.endpoint, self.budget = endpoint, budget
        self.capabilities: Capabilities | None = None
        self.spent: Spent | None = None
        self.watch: Callable[[Progress], None] | None = None
        self._folder, self._comparison, self._patience = folder, comparison, patience or Patience()

    def ask_all(
        self, requests: Sequence[ChatRequest], progress: Callable[[Progress], None] | None = None
    ) -> list[ChatAnswer]:
        """One answer a request, in order. Runs an event loop of its own, so it cannot be called from within one.

        What fails for one item alone is an answer with an `error`. `EndpointError` is raised where nothing more can be
        had: the key, the model or the call is refused, the server is down, the budget is reached (`BudgetReached`).
        Whatever came back by then, or by Ctrl-C, is on disk: the same call goes on from there, and one whose answers
        are all there asks nobody.
        """
        return asyncio.run(self.answer_all(requests, progress))

    async def answer_all(
        self, requests: Sequence[ChatRequest], progress: Callable[[Progress], None] | None = None
    ) -> list[ChatAnswer]:
        """`ask_all` within an event loop that runs already. A client answers one such call at a time."""
        if not requests:
            return []
        with ResponseCache(self._folder) as cache:
            ledger = Ledger(cache.connection, self._comparison, self.budget)
            try:
                return await _Run(self, cache, ledger, self._patience, requests, progress or self.watch).answers()
            except sqlite3.DatabaseError as error:
                raise EndpointError(
                    f"Answers can no longer be kept in {cache.path} ({error}), so no more are paid for. Make room and "
                    "run the same command again."
                ) from error
            finally:
                self.spent = ledger.spent

    def spent_so_far(self) -> Spent:
        """Of the comparison's budget, by all runs and processes."""
        with ResponseCache(self._folder) as cache:
            return Ledger(cache.connection, self._comparison, self.budget).spent

    def unanswered(self, requests: Sequence[ChatRequest]) -> list[ChatRequest]:
        """Those whose answers are not on disk, each once: what asking them would pay for. Asks nobody."""
        once = list(dict.fromkeys(requests)) if all(request.schema is None for request in requests) else list(requests)
        with ResponseCache(self._folder) as cache:
            server = remembered(cache, self.endpoint)
            if server is None or (server.schema is None and any(request.schema is not None for request in once)):
                return once
            keys = [
                key_of(self.endpoint, body_of(request, self.endpoint, server), request.repetition) for request in once
            ]
            kept = cache.find(keys)
        missing = {key: request for key, request in zip(keys, once, strict=True) if key not in kept}
        return list(missing.values())

    def foresee(self, requests: Sequence[ChatRequest], answers: Sequence[str]) -> Foreseen:
        """What asking these would take, if answers are as long as those given. Asks nobody."""
        return foresee(self.unanswered(requests), answers, self.budget)

    def affords(self, spending: Foreseen) -> bool:
        """Whether what is foreseen stays within what earlier runs left of the budget. Asks nobody."""
        with ResponseCache(self._folder) as cache:
            return Ledger(cache.connection, self._comparison, self.budget).covers(spending.calls, spending.cost)

    def statements(self) -> list[str]:
        """For the report, after a run: what the server does not take, how objects are asked for, the limits."""
        return [*(self.capabilities.statements() if self.capabilities else ()), self.budget.statement()]


class _Run:
    """The requests of one `ask_all`. Equal requests share a key, a call and an answer."""

    def __init__(
        self,
        client: ChatClient,
        cache: ResponseCache,
        ledger: Ledger,
        patience: Patience,
        requests: Sequence[ChatRequest],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._client, self._endpoint, self._cache, self._ledger = client, client.endpoint, cache, ledger
        self._patience, self._requests, self._progress = patience, requests, progress
        self._endings: dict[bytes, Ending] = {}
        self._known = Progress(0, len(requests), 0, 0)
        self._keys: list[bytes] = []
        self._shared: Counter[bytes] = Counter()
        self._server_key = server_key(self._endpoint)

    async def answers(self) -> list[ChatAnswer]:
        wants_schema = any(request.schema is not None for request in self._requests)
        server = remembered(self._cache, self._endpoint)
        if server is not None and (server.schema is not None or not wants_schema):
            missing = self._look_up(server)
            if missing:
                async with Wire(self._endpoint) as wire:
                    await self._ask(self._dispatch(wire), missing)
        else:
            async with Wire(self._endpoint) as wire:
                dispatch = self._dispatch(wire)
                server = await self._find_out(dispatch, server, wants_schema)
                await self._ask(dispatch, self._look_up(server))
        self._client.capabilities = server
        return [self._answer(*each, server) for each in zip(self._keys, self._requests, strict=True)]

    def _dispatch(self, wire: Wire) -> Dispatch:
        return Dispatch(self._endpoint, wire.send, self._cache, self._ledger, self._patience, self._ended)

    async def _find_out(self, dispatch: Dispatch, known: Capabilities | None, wants_schema: bool) -> Capabilities:
        def ask(body: dict[str, Any], max_tokens: int) -> Any:
            return dispatch.alone(dispatch.call(b"", body, max_tokens))

        found = await probe(ask, self._endpoint, known, schema=wants_schema)
        self._cache.keep_server(self._server_key, found.to_json())
        return found

    def _look_up(self, server: Capabilities) -> dict[bytes, tuple[dict[str, Any], int]]:
        """What must be asked: body and length of answer, by key, in the order of the requests."""
        missing: dict[bytes, tuple[dict[str, Any], int]] = {}
        for request in self._requests:
            body = body_of(request, self._endpoint, server)
            key = key_of(self._endpoint, body, request.repetition)
            self._keys.append(key)
            missing[key] = body, request.max_tokens
        self._shared.update(self._keys)
        found = self._cache.find(list(missing))
        self._cached = frozenset(found)
        for key, reply in found.items():
            del missing[key]
            self._ended(key, reply)
        return missing

    async def _ask(self, dispatch: Dispatch, missing: Mapping[bytes, tuple[dict[str, Any], int]]) -> None:
        try:
            await dispatch.run([dispatch.call(key, *asked) for key, asked in missing.items()])
        finally:
            if dispatch.rejected:
                # What is remembered of the server may be out of date; the next run asks again.
                self._cache.forget_server(self._server_key)

    def _ended(self, key: bytes, ending: Ending) -> None:
        self._endings[key] = ending
        requests, cached = self._shared[key], key in self._cached
        done, total, from_disk, failures = self._known
        self._known = Progress(
            done + requests, total, from_disk + requests * cached, failures + requests * isinstance(ending, tuple)
        )
        if self._progress is not None:
            self._progress(self._known)

    def _answer(self, key: bytes, request: ChatRequest, server: Capabilities) -> ChatAnswer:
        ending, how = self._endings[key], sent(request, server)
        if isinstance(ending, tuple):
            return failed(*ending, how)
        cost = self._client.budget.cost(ending.input_tokens, ending.output_tokens)
        return judge(ending, request, how, cost, cached=key in self._cached)


def server_key(endpoint: Endpoint) -> bytes:
    """Under which it is remembered what the server takes."""
    return key_of(endpoint, {"model": endpoint.model, **endpoint.parameters}, 0)


def remembered(cache: ResponseCache, endpoint: Endpoint) -> Capabilities | None:
    """What a run before this one found out about the server."""
    try:
        return Capabilities.from_json(cache.server(server_key(endpoint)) or "")
    except (ValueError, TypeError):
        return None


class Wire:
    """The openai client, bare: its own retries are off, and answers are read here, because servers that call themselves
    compatible leave parts out. Use as a context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        import httpx2
        import openai

        self._openai, self._response, self._endpoint = openai, httpx2.Response, endpoint
        self._url = f"{endpoint.base_url}/chat/completions"
        key = endpoint.api_key.get_secret_value() if endpoint.api_key is not None else None
        # The client takes more out of the environment than the settings allow: what is for OpenAI stays from others.
        lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        foreign = ["OpenAI-Organization", "OpenAI-Project", *(line.partition(":")[0].strip() for line in lines)]
        self._headers: dict[str, Any] = {name: openai.Omit() for name in foreign if name}
        self._headers["Authorization"] = f"Bearer {key}" if key else openai.Omit()
        verify = httpx2.create_ssl_context()
        # Before each call a pool looks at all its idle connections: small pools spare a tenth of the processor time.
        self._clients = [
            openai.AsyncOpenAI(
                api_key=key or "none",
                base_url=endpoint.base_url,
                max_retries=0,
                http_client=httpx2.AsyncClient(
                    verify=verify,
                    # The limit on a whole call is kept in `send`: bytes that trickle in would never reach one here.
                    timeout=httpx2.Timeout(None, connect=endpoint.connect_seconds),
                    limits=httpx2.Limits(max_connections=None, max_keepalive_connections=POOL),
                    follow_redirects=False,
                    trust_env=not endpoint.is_on_this_machine,
                ),
            )
            for _ in range(-(-endpoint.max_concurrency // POOL))
        ]
        self._free = self._clients * POOL

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.close()

    async def send(self, body: dict[str, Any]) -> Outcome:
        """One attempt, to its end or to the time limit. At most as many at once as the endpoint's `max_concurrency`."""
        client = self._free.pop()
        try:
            async with asyncio.timeout(self._endpoint.call_seconds):
                response = await client.post(
                    self._url, body=body, cast_to=self._response, options={"headers": self._headers}
                )
        except TimeoutError:
            return Lost(Loss.SILENT)
        except self._openai.APIStatusError as error:
            return self._refused(error)
        except self._openai.APIConnectionError as error:
            return self._lost(error)
        finally:
            self._free.append(client)
        return read_reply(response.content, self._endpoint)

    def _refused(self, error: APIStatusError) -> Refused:
        response = error.response
        wish = retry_after(response.headers, time.time())
        return Refused(error.status_code, code_of(error.body, self._endpoint), response.text[:2000], wish)

    def _lost(self, error: APIConnectionError) -> Lost:
        if type(error.__cause__).__name__ in NOT_SENT:
            return Lost(Loss.NOT_REACHED)
        return Lost(Loss.SILENT if isinstance(error, self._openai.APITimeoutError) else Loss.DROPPED)
