"""The team's own search service as a retriever.

    POST URL   {"query": "...", "k": 5}
    200        {"passages": [{"id": "...", "document": "...", "text": "..."}, ...]}   or the list alone, best first

`document` is the id that a row's evidence names; without one the passage's own id counts as it. Further fields are not
read. The address and the key come from settings, never from a caller of the API.
"""

from __future__ import annotations

import ipaddress
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from adapters.corpus.document import CorpusError
from adapters.corpus.retriever import Unsearched
from adapters.generative.retries import TRIED_AGAIN, Patience, retry_after
from evaluation.arm import Passage

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER: Final = 10_000_000
"""Bytes of one answer; more is no list of passages."""
LONGEST_WAIT: Final = 60.0
"""Seconds that a service may ask its callers to wait."""
PATIENCE: Final = Patience()
ABOUT_THE_QUESTION: Final = frozenset({400, 413, 422})


class SearchServiceError(CorpusError):
    """The service cannot be used, or not any further; one line says why and what to do."""


@dataclass(frozen=True)
class ServiceAddress:
    """Where the service is, and how long it is waited for. `api_key` goes along as `Authorization: Bearer`."""

    url: str
    api_key: SecretStr | None = None
    connect_seconds: float = 10.0
    call_seconds: float = 30.0
    at_once: int = 8

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise SearchServiceError(
                "The search service's address must begin with http:// or https:// and name a host."
            )
        # What is refused is not repeated: it may hold a password.
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise SearchServiceError(
                "The search service's address must hold no user name, password, '?' or '#'; keys go into its settings."
            )
        if self.at_once < 1 or self.connect_seconds <= 0 or self.call_seconds <= 0:
            raise SearchServiceError("At least one search at a time is needed, and time limits above 0 seconds.")
        key = self.api_key.get_secret_value() if self.api_key is not None else "-"
        if not (key and key.isascii() and key.isprintable() and key == key.strip()):
            raise SearchServiceError("The search service's key is empty or holds a character that no key has.")

    @property
    def is_on_this_machine(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


class SearchService:
    """Asks one service, several questions at a time, each question once.

    A dropped connection, a timeout, 429 and 5xx are tried again, at most `patience.attempts_alone` times in all. Then,
    and for every other refusal but those of `ABOUT_THE_QUESTION`, the run ends: what it would measure is not this
    search.
    """

    def __init__(self, address: ServiceAddress, patience: Patience = PATIENCE) -> None:
        self._address, self._patience = address, patience
        self._known: dict[tuple[str, int], list[Passage] | Unsearched] = {}

    @property
    def determined_by(self) -> Mapping[str, str]:
        return {"search_service": self._address.url}

    @property
    def notes(self) -> Sequence[str]:
        return (f"Passages came from the search service {self._address.url}.",)

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage] | Unsearched]:
        """For each query, in order, what the service finds, cut to k.

        The first is asked alone, so that a service that cannot be used is asked once. Raises `SearchServiceError`.
        """
        missing = [query for query in dict.fromkeys(queries) if (query, k) not in self._known]
        if missing:
            with self._client() as client, ThreadPoolExecutor(self._address.at_once) as pool:
                self._known[missing[0], k] = self._ask(client, missing[0], k)
                for query, found in zip(
                    missing[1:], pool.map(lambda query: self._ask(client, query, k), missing[1:]), strict=True
                ):
                    self._known[query, k] = found
        return [self._known[query, k] for query in queries]

    def _client(self) -> httpx.Client:
        import httpx

        key = self._address.api_key
        return httpx.Client(
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key is not None else {},
            timeout=httpx.Timeout(self._address.call_seconds, connect=self._address.connect_seconds),
            follow_redirects=False,
            # A service on this machine is asked directly, whatever proxy the environment names.
            trust_env=not self._address.is_on_this_machine,
        )

    def _ask(self, client: httpx.Client, query: str, k: int) -> list[Passage] | Unsearched:
        import httpx

        rng = random.Random(0)
        for attempt in range(1, self._patience.attempts_alone + 1):
            last = attempt == self._patience.attempts_alone
            asked = None
            try:
                response = client.post(self._address.url, json={"query": query, "k": k})
            except httpx.TransportError as error:
                if last:
                    raise self._failed(_loss(error)) from None
            else:
                if response.status_code not in TRIED_AGAIN:
                    return self._read(response, k)
                if last:
                    raise self._failed(f"answers {response.status_code}, {attempt} times")
                asked = retry_after(response.headers, time.time())
            time.sleep(min(self._patience.wait(attempt, asked, rng), LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _read(self, response: httpx.Response, k: int) -> list[Passage] | Unsearched:
        status = response.status_code
        if status in ABOUT_THE_QUESTION:
            return Unsearched(f"the search service refused the question ({status})")
        if status in (401, 403):
            raise self._failed(f"refuses the key ({status})", "Set the key that it takes.")
        if 300 <= status < 400:
            raise self._failed(f"sends callers elsewhere ({status})", "Name that address itself, if it is yours.")
        if status != 200:
            raise self._failed(f"answers {status}", "Check the address; it takes POST with a query and k.")
        return [] if k < 1 else passages_in(response.content, self._failed)[:k]

    def _failed(
        self, what: str, todo: str = "Look into its log, then run the same command again."
    ) -> SearchServiceError:
        return SearchServiceError(f"The search service {self._address.url} {what}. {todo}")


def passages_in(content: bytes, failed: Callable[[str, str], SearchServiceError]) -> list[Passage]:
    """What an answer lists, in its order. Raises what `failed` makes of a sentence's end and of what to do."""
    todo = 'Expected {"passages": [{"id": "...", "document": "...", "text": "..."}]}.'
    if len(content) > LONGEST_ANSWER:
        raise failed(f"sent an answer of {len(content):,} bytes", todo)
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise failed("sent an answer that is not JSON", todo) from None
    listed = told.get("passages") if isinstance(told, dict) else told
    if not isinstance(listed, list):
        raise failed("sent an answer without a list of passages", todo)
    found = [_passage(one) for one in listed]
    if None in found:
        raise failed(f"sent a passage without id or text (number {found.index(None) + 1})", todo)
    return [passage for passage in found if passage is not None]


def _passage(value: Any) -> Passage | None:
    if not isinstance(value, dict):
        return None
    own, text = _word(value.get("id")), value.get("text")
    document = _word(value.get("document"))
    if not (own or document) or not isinstance(text, str):
        return None
    return Passage(own or document, document or own, text.encode("utf-8", "replace").decode())


def _word(value: Any) -> str:
    """An id as text; many services number their documents."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _loss(error: httpx.TransportError) -> str:
    import httpx

    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return "cannot be reached"
        case httpx.TimeoutException():
            return "did not answer in time"
        case httpx.UnsupportedProtocol():
            return "is at an address that cannot be called"
    return "dropped the connection"
