"""A search service as a retriever: what is asked, what is read, what is tried again, and how it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from adapters.corpus.retriever import Unsearched
from adapters.corpus.search_service import SearchService, SearchServiceError, ServiceAddress
from adapters.generative.retries import Patience
from evaluation.arm import Passage

URL = "http://search.internal/find"
QUICK = Patience(first_seconds=0.001, longest_seconds=0.002)
FOUND = {"passages": [{"id": "d1#2", "document": "d1", "text": "Two weeks.", "score": 0.9}]}


def service(**settings: Any) -> SearchService:
    return SearchService(ServiceAddress(URL, **settings), QUICK)


def error_of(search: SearchService, question: str = "a secret question") -> str:
    with pytest.raises(SearchServiceError) as ended:
        search.search([question], 5)
    message = str(ended.value)
    assert "\n" not in message
    assert "secret" not in message
    return message


class TestAsking:
    def test_each_question_once_with_k_and_the_key(self, respx_mock: respx.Router) -> None:
        route = respx_mock.post(URL).respond(json=FOUND)
        search = service(api_key=SecretStr("s3cret"))
        found = search.search(["how long?", "how much?", "how long?"], 5)
        assert found == [[Passage("d1#2", "d1", "Two weeks.")]] * 3
        asked = [json.loads(call.request.content) for call in route.calls]
        assert sorted(asked, key=str) == [{"query": "how long?", "k": 5}, {"query": "how much?", "k": 5}]
        assert all(call.request.headers["authorization"] == "Bearer s3cret" for call in route.calls)
        assert search.search(["how much?"], 5) == found[:1]
        assert route.call_count == 2
        assert "s3cret" not in repr(search.determined_by)

    def test_answers_keep_the_order_of_the_questions(self, respx_mock: respx.Router) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            query = json.loads(request.content)["query"]
            return httpx.Response(200, json=[{"id": query, "text": query}])

        respx_mock.post(URL).mock(side_effect=answer)
        questions = [f"question {number}" for number in range(40)]
        found = service().search(questions, 1)
        assert [passages[0].document for passages in found if not isinstance(passages, Unsearched)] == questions

    def test_no_questions_no_call(self, respx_mock: respx.Router) -> None:
        assert service().search([], 5) == []
        assert not respx_mock.calls


class TestReading:
    @pytest.mark.parametrize(
        ("told", "passage"),
        [
            ([{"id": 7, "text": "t"}], Passage("7", "7", "t")),
            ({"passages": [{"document": "d", "text": "t"}]}, Passage("d", "d", "t")),
            ([{"id": "p", "document": 3, "text": "t", "more": [1]}, {"id": "q", "text": "u"}], Passage("p", "3", "t")),
        ],
    )
    def test_shapes(self, respx_mock: respx.Router, told: Any, passage: Passage) -> None:
        respx_mock.post(URL).respond(json=told)
        assert service().search(["q"], 1) == [[passage]]

    def test_nothing_found_is_an_answer(self, respx_mock: respx.Router) -> None:
        respx_mock.post(URL).respond(json={"passages": []})
        assert service().search(["q"], 5) == [[]]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"<html>", "sent an answer that is not JSON"),
            (b'{"hits": []}', "sent an answer without a list of passages"),
            (b'[{"id": "a", "text": "t"}, {"id": "b"}]', "sent a passage without id or text (number 2)"),
            (b'[{"text": "t"}]', "sent a passage without id or text (number 1)"),
            (b"7", "sent an answer without a list of passages"),
        ],
    )
    def test_another_shape_says_what_was_expected(self, respx_mock: respx.Router, content: bytes, said: str) -> None:
        respx_mock.post(URL).respond(content=content)
        message = error_of(service())
        assert said in message
        assert 'Expected {"passages": [{"id": "...", "document": "...", "text": "..."}]}.' in message


class TestFailing:
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_what_passes_is_tried_again(self, respx_mock: respx.Router, status: int) -> None:
        route = respx_mock.post(URL).mock(
            side_effect=[httpx.Response(status), httpx.ConnectError("down"), httpx.Response(200, json=FOUND)]
        )
        assert service().search(["q"], 5) == [[Passage("d1#2", "d1", "Two weeks.")]]
        assert route.call_count == 3

    def test_three_times_and_no_more(self, respx_mock: respx.Router) -> None:
        route = respx_mock.post(URL).respond(503)
        assert "http://search.internal/find answers 503, 3 times." in error_of(service())
        assert route.call_count == 3

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (httpx.ConnectError("x"), "cannot be reached"), (httpx.ConnectTimeout("x"), "cannot be reached"),
            (httpx.ReadTimeout("x"), "did not answer in time"), (httpx.ReadError("x"), "dropped the connection"),
            (httpx.RemoteProtocolError("x"), "dropped the connection"),
        ],
    )  # fmt: skip
    def test_how_a_connection_was_lost(self, respx_mock: respx.Router, error: Exception, said: str) -> None:
        respx_mock.post(URL).mock(side_effect=error)
        assert said in error_of(service())

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            (401, "refuses the key (401)"),
            (302, "sends callers elsewhere (302)"),
            (404, "answers 404. Check the address"),
        ],
    )
    def test_what_holds_for_every_question_ends_the_run_at_the_first(
        self, respx_mock: respx.Router, status: int, said: str
    ) -> None:
        route = respx_mock.post(URL).respond(status, text="a secret question")
        with pytest.raises(SearchServiceError, match="search service") as ended:
            service().search([f"a secret question {number}" for number in range(20)], 5)
        assert said in str(ended.value)
        assert "secret" not in str(ended.value)
        assert route.call_count == 1

    def test_a_refusal_of_one_question_is_that_questions_own(self, respx_mock: respx.Router) -> None:
        respx_mock.post(URL).mock(
            side_effect=lambda request: (
                httpx.Response(400) if b"bad" in request.content else httpx.Response(200, json=[])
            )
        )
        refused = Unsearched("the search service refused the question (400)")
        assert service().search(["good", "bad", "fine"], 5) == [[], refused, []]


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "search.internal",
            "ftp://host/x",
            "http://",
            "http://host:99999/",
            "http://user:pw@host/",
            "http://h/?key=pw",
        ],
    )
    def test_what_is_no_address_is_refused_without_repeating_it(self, url: str) -> None:
        with pytest.raises(SearchServiceError) as refused:
            ServiceAddress(url)
        assert "pw" not in str(refused.value)

    @pytest.mark.parametrize("key", ["", " x", "ключ", "a\nb"])
    def test_what_is_no_key(self, key: str) -> None:
        with pytest.raises(SearchServiceError, match="key is empty or holds"):
            ServiceAddress(URL, SecretStr(key))

    def test_the_key_is_not_shown(self) -> None:
        assert "s3cret" not in repr(ServiceAddress(URL, SecretStr("s3cret")))

    def test_limits(self) -> None:
        with pytest.raises(SearchServiceError, match="At least one search"):
            ServiceAddress(URL, at_once=0)


class Server(ThreadingHTTPServer):
    """Finds the question itself; drops every third connection without a word."""

    daemon_threads = True
    calls = 0
    lock = threading.Lock()


class Finder(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.calls += 1
            dropped = self.server.calls % 3 == 0
        if dropped:
            self.close_connection = True
            return
        told = json.dumps(
            {"passages": [{"id": f"{asked['query']}#{place}", "text": "t"} for place in range(9)]}
        ).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Finder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_real_server_that_drops_connections(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    address = ServiceAddress(f"http://127.0.0.1:{server.server_port}/find")
    questions = [f"question {number}" for number in range(30)]
    patience = Patience(attempts_alone=12, first_seconds=0.001, longest_seconds=0.01)
    found = SearchService(address, patience).search(questions, 4)
    assert [[passage.id for passage in one] for one in found if not isinstance(one, Unsearched)] == [
        [f"{question}#{place}" for place in range(4)] for question in questions
    ]
    assert server.calls > 30


def test_a_server_that_is_not_there(server: Server) -> None:
    server.socket.close()
    search = SearchService(ServiceAddress(f"http://localhost:{server.server_port}/"), QUICK)
    assert "cannot be reached. Look into its log" in error_of(search)
