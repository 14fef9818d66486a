"""As a user: `advisor compare DATA --backend endpoint`, against a real server on this machine."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-very-secret-7731"
WORDS = {
    "billing": ("invoice", "refund", "charged", "receipt", "price"),
    "technical": ("crashes", "screen", "signal", "update", "sync"),
    "delivery": ("parcel", "courier", "late", "address", "box"),
}
Run = Callable[..., Result]


@pytest.fixture
def run(serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in an empty folder; the settings name a server that imitates what it is shown."""
    server = serve(imitates=True, key=KEY)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATA_FOLDER": tmp_path / "data", "ENDPOINT": server.url, "ENDPOINT_MODEL": "small-1", "API_KEY": KEY,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ADVISOR_{name}", str(value))

    def run(*arguments: str, **settings: str) -> Result:
        for name, value in settings.items():
            monkeypatch.setenv(f"ADVISOR_{name.upper()}", value)
        return CliRunner().invoke(app, ["compare", *arguments])

    run.server = server  # type: ignore[attr-defined]
    return run


@pytest.fixture
def search_service_of() -> Iterator[Callable[[list[dict[str, str]]], str]]:
    """A search service on this machine that finds the same for every question."""
    servers = []

    def serve(passages: list[dict[str, str]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                told = json.dumps({"passages": passages}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/search"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def tickets(tmp_path: Path) -> str:
    """Sixty short tickets; two words of a ticket tell its label."""
    lines = []
    for number in range(60):
        label = list(WORDS)[number % 3]
        words = WORDS[label]
        first, second = words[number % 5], words[(number // 5 + 1 + number) % 5]
        text = f"case {number * 7919 % 1000}: {first} and {second} day {number % 5}"
        lines.append(json.dumps({"id": f"t{number}", "input": text, "output": label}))
    return _written(tmp_path / "tickets.jsonl", lines)


@pytest.fixture
def records(tmp_path: Path) -> str:
    """Forty orders, and what is to be read out of them."""
    fruits, cities = ("apples", "pears", "plums", "figs"), ("Bonn", "Lyon", "Graz", "Turin", "Ghent")
    return _written(tmp_path / "orders.jsonl", [
        json.dumps({
            "input": f"{number + 2} {fruits[number % 4]} to {cities[number % 5]}, order {number * 7919 % 9973}",
            "output": {"fruit": fruits[number % 4], "city": cities[number % 5]},
        })
        for number in range(40)
    ])  # fmt: skip


def _written(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines))
    return path.name


def report_of(run: str) -> Mapping[str, Any]:
    report: Mapping[str, Any] = json.loads(Path("advisor-runs", run, "report.json").read_text())
    return report


class TestLabels:
    def test_prompts_are_compared_and_what_they_took_is_told(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint")
        assert result.exit_code == 0, result.output
        assert "To be asked: 300 answers" in result.stderr
        report = report_of("tickets")
        assert [arm["name"] for arm in report["arms"]] == ["zero_shot", "few_shot", "similar_examples"]
        assert {arm["base_model"] for arm in report["arms"]} == {"small-1"}
        spending = report["spending"]
        assert spending["foreseen_calls"] == sum(arm["answers"] for arm in spending["arms"]) == 300
        read = sum(arm["input_tokens"] for arm in spending["arms"])
        assert 0.4 < read / spending["foreseen_input_tokens"] < 2
        best = report["arms"][2]
        assert best["accuracy"] > report["arms"][0]["accuracy"]

    def test_what_was_paid_for_is_not_asked_again(self, run: Run, tickets: str) -> None:
        assert run(tickets, "--backend", "endpoint", "--out", "one").exit_code == 0
        asked = run.server.calls  # type: ignore[attr-defined]
        again = run(tickets, "--backend", "endpoint", "--out", "two")
        assert again.exit_code == 0
        assert run.server.calls == asked  # type: ignore[attr-defined]
        assert "To be asked" not in again.stderr

    def test_the_encoder_stands_beside_and_that_is_declared(self, run: Run, tickets: str) -> None:
        Path("form.yaml").write_text("task: {failures: [missing_facts]}\n")  # rules a fine-tune out, which saves time
        result = run(
            tickets, "--backend", "endpoint", "--backend", "encoder", "--no-learning-curve", "--form", "form.yaml"
        )
        assert result.exit_code == 0, result.output
        report = report_of("tickets")
        names = ["zero_shot", "few_shot", "similar_examples", "nearest", "head"]
        assert [arm["name"] for arm in report["arms"]] == names
        assert any("as declared" in sentence for sentence in report["fairness"]["checked"])

    def test_the_recommended_arm_is_asked_again_at_the_temperature_of_production(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint", "--temperature", "0.8", "--temperature", "0")
        assert result.exit_code == 0, result.output
        report = report_of("tickets")
        again = report["repetition"]
        assert (again["arm"], again["items"], again["calls"]) == (report["verdict"]["arm"], 30, 10)
        warm, cold = again["settings"]
        assert cold["unanimous"]["value"] == cold["agreement"]["value"] == 1
        # One call in five takes the least similar example shown, which often has the same label.
        assert 0.6 < warm["agreement"]["value"] < 1
        assert warm["agreement"]["low"] < warm["agreement"]["value"] < warm["agreement"]["high"]
        assert warm["majority"]["value"] >= warm["single_call"]["value"]
        assert again["difference"]["agreement"]["value"] == pytest.approx(warm["agreement"]["value"] - 1)
        # At temperature 0 the first of ten calls was made already, by the comparison itself.
        assert "To be asked: 570 answers" in result.stderr
        assert "Asked again" in Path("advisor-runs/tickets/report.md").read_text()

    def test_repeated_calls_are_announced_only_where_they_are_paid_for(self, run: Run, tickets: str) -> None:
        again = (tickets, "--backend", "endpoint", "--temperature", "0.8")
        assert "To be asked: 300 answers" in run(*again).stderr
        asked = run.server.calls  # type: ignore[attr-defined]
        for out in ("advisor-runs/tickets", "elsewhere"):
            repeated = run(*again, "--out", out, approve_above_calls="0")
            assert repeated.exit_code == 0, repeated.output
            assert "To be asked" not in repeated.stderr
        assert run.server.calls == asked  # type: ignore[attr-defined]
        more = run(*again, "--temperature", "0.4", "--yes")
        assert more.stderr.count("To be asked") == 1
        assert "To be asked: 300 answers" in more.stderr
        assert run.server.calls == asked + 300  # type: ignore[attr-defined]
        assert report_of("tickets")["repetition"]["difference"] is not None

    def test_a_budget_that_ends_among_repeated_calls_leaves_the_rest_to_be_announced(
        self, run: Run, tickets: str
    ) -> None:
        again = (tickets, "--backend", "endpoint", "--temperature", "0.8")
        assert run(*again[:3]).exit_code == 0
        asked = run.server.calls  # type: ignore[attr-defined]
        assert "The budget allows no further call" in run(*again, "--calls", str(asked + 120)).stderr
        finished = run(*again, "--yes", "--calls", str(asked + 300))
        assert finished.exit_code == 0, finished.output
        assert "To be asked: 180 answers" in finished.stderr
        assert run.server.calls == asked + 300  # type: ignore[attr-defined]

    def test_the_key_is_nowhere(self, run: Run, tickets: str, tmp_path: Path) -> None:
        result = run(tickets, "--backend", "endpoint")
        assert KEY not in result.output + result.stderr
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


class TestFaults:
    def test_a_server_that_refuses_for_a_while_is_waited_for(self, run: Run, tickets: str) -> None:
        run.server.fail(imitates=True, limited_seconds=3.0, retry_after="1")  # type: ignore[attr-defined]
        result = run(tickets, "--backend", "endpoint")
        assert result.exit_code == 0, result.output
        seen = run.server.seen()  # type: ignore[attr-defined]
        assert 1 <= seen["statuses"]["429"] <= 20
        assert set(seen["answered"].values()) == {1}
        assert [arm["failures"] for arm in report_of("tickets")["arms"]] == [0, 0, 0]

    def test_every_fault_of_an_answer_is_counted_where_it_belongs(self, run: Run, tmp_path: Path) -> None:
        """Broken answers are asked for again; of one that is empty, too long a context, and a label that does not
        exist, the first two count as failures and the third as unread."""
        faults = {2: "<empty>", 5: "<empty>", 11: "word " * 400, 20: "<foreign>", 31: "<foreign>", 47: "<foreign>"}
        _written(tmp_path / "tickets.jsonl", [
            json.dumps({
                "input": f"case {number * 7919 % 1000}: {WORDS[label][number % 5]} {faults.get(number, '')}",
                "output": label,
            })
            for number in range(60) for label in (list(WORDS)[number % 3],)
        ])  # fmt: skip
        run.server.fail(imitates=True, truncated_every=10, cut_every=7, context=1500)  # type: ignore[attr-defined]
        result = run("tickets.jsonl", "--backend", "endpoint")
        assert result.exit_code == 0, result.output
        zero_shot = report_of("tickets")["arms"][0]
        assert (zero_shot["name"], zero_shot["failures"], zero_shot["unread"]) == ("zero_shot", 3, 3)
        statuses = run.server.seen()["statuses"]  # type: ignore[attr-defined]
        assert statuses["cut"] >= 20
        assert statuses["400"] >= 1

    def test_killed_in_the_middle_it_goes_on_and_pays_for_nothing_twice(
        self, run: Run, tickets: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One call at a time, so that at most the one in work at the kill can be paid for again."""
        server = run.server  # type: ignore[attr-defined]
        server.fail(imitates=True, latency=0.05)
        monkeypatch.setenv("ADVISOR_ENDPOINT_CONCURRENCY", "1")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        command = [sys.executable, "-m", "service", "compare", tickets, "--backend", "endpoint"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
            until = time.monotonic() + 120
            while server.calls < 120 and killed.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            killed.send_signal(signal.SIGKILL)
        before = server.calls
        assert 120 <= before < 300
        server.fail(imitates=True)
        result = run(tickets, "--backend", "endpoint")
        assert result.exit_code == 0, result.output
        answered = server.seen()["answered"]
        assert len(answered) == 301  # and the first call, which asks what the server takes
        assert sorted(answered.values())[-2:] in ([1, 1], [1, 2])
        (told,) = re.findall(r"To be asked: (\d+) answers", result.stderr)
        assert 301 <= before + int(told) <= 302


class TestOtherTasks:
    def test_records_are_read_and_scored_by_field(self, run: Run, records: str) -> None:
        result = run(records, "--kind", "extraction", "--backend", "endpoint")
        assert result.exit_code == 0, result.output
        report = report_of("orders")
        assert report["metric"] == "field_f1"
        drawn = report["arms"][1]
        assert list(drawn["metrics"]) == ["field_f1", "exact_record", "field_precision", "field_recall"]
        assert 1 > drawn["accuracy"] == drawn["metrics"]["field_f1"] > drawn["metrics"]["exact_record"] > 0
        assert drawn["macro_f1"] is None

    def test_a_schema_and_an_instruction_of_ones_own(self, run: Run, records: str) -> None:
        Path("task.json").write_text(json.dumps({
            "kind": "extraction", "instruction": "Read the order.",
            "schema": {
                "type": "object", "properties": {"fruit": {"type": "string"}, "city": {"type": "string"}},
                "required": ["fruit", "city"], "additionalProperties": False,
            },
        }))  # fmt: skip
        assert run(records, "--task", "task.json", "--backend", "endpoint").exit_code == 0
        bodies = run.server.seen()["bodies"]  # type: ignore[attr-defined]
        asked = [body for body in bodies if body["messages"][0]["content"].startswith("Read the order.")]
        assert asked
        assert all(body["response_format"]["type"] == "json_schema" for body in asked)

    def test_several_labels_a_text(self, run: Run, tmp_path: Path) -> None:
        rows = [
            {"input": f"note {n * 37}: {'salty ' * (n % 2)}{'crisp ' * (n % 3 == 0)}meal", "output": [
                *(["salt"] if n % 2 else []), *(["bite"] if n % 3 == 0 else []),
            ]}
            for n in range(30)
        ]  # fmt: skip
        _written(tmp_path / "notes.jsonl", [json.dumps(row) for row in rows])
        Path("task.yaml").write_text("kind: classification\nseveral_labels: true\nlabels: [salt, bite]\n")
        result = run("notes.jsonl", "--task", "task.yaml", "--backend", "endpoint", "--accept", "AUDIT16", "--by", "me")
        assert result.exit_code in (0, 2), result.output

    def test_answers_in_another_language_are_told_of(self, run: Run, tmp_path: Path) -> None:
        """Every third text gets a German answer from whoever is asked; the terminal and every report say so."""
        things, places = ("parcel", "invoice", "refund", "order"), ("kitchen", "office", "garden", "station", "harbour")
        _written(tmp_path / "notes.jsonl", [
            json.dumps({
                "input": f"note {number * 7919 % 1000}{' <foreign>' * (number % 3 == 0)}: {things[number % 4]} {place}",
                "output": f"The customer says that the {things[number % 4]} was left in the {place} yesterday.",
            })
            for number in range(60) for place in (places[number // 4 % 5],)
        ])  # fmt: skip
        result = run("notes.jsonl", "--kind", "generation", "--backend", "endpoint")
        assert result.exit_code == 0, result.output
        report = report_of("notes")
        assert [(arm["arm"], arm["count"], arm["given"]) for arm in report["other_languages"]] == [
            (arm, 20, {"de": 20}) for arm in ("zero_shot", "few_shot", "similar_examples")
        ]
        told = "20 of 60 answers of prompting with similar examples (33.3%) are not in the language of the examples"
        assert told in " ".join(result.stdout.split())
        for suffix in ("md", "html"):
            assert told in Path(f"advisor-runs/notes/report.{suffix}").read_text()

    def test_answers_in_the_language_asked_for_are_not_mentioned(self, run: Run, records: str) -> None:
        assert run(records, "--kind", "extraction", "--backend", "endpoint").exit_code == 0
        assert report_of("orders")["other_languages"] == []

    def test_a_record_that_is_none_names_its_line(self, run: Run, tmp_path: Path) -> None:
        _written(
            tmp_path / "bad.jsonl", ['{"input": "a", "output": {"x": 1}}', '{"input": "b", "output": "no record"}']
        )
        result = run("bad.jsonl", "--kind", "extraction", "--backend", "endpoint")
        assert result.exit_code == 2
        assert "bad.jsonl, line 2, column 'output'" in result.stderr


class TestDocuments:
    @pytest.fixture
    def questions(self, tmp_path: Path) -> str:
        """Forty questions; the answers stand in ten documents, but for those about a warehouse nobody wrote of."""
        towns = ("Bonn", "Lyon", "Graz", "Turin", "Ghent", "Vigo", "Lund", "Brno", "Cork", "Nantes")
        things = ("gate", "safe", "alarm", "lift")
        folder = tmp_path / "documents"
        folder.mkdir()
        codes = {(town, thing): f"{place * 4 + number:02}x{number}" for place, town in enumerate(towns)
                 for number, thing in enumerate(things)}  # fmt: skip
        for town in towns:
            lines = [f"The code of the {thing} in {town} is {codes[town, thing]}." for thing in things]
            (folder / f"{town}.md").write_text(f"# {town}\n\n" + " ".join(lines if town != "Nantes" else lines[:2]))
        rows = [
            {"question": f"What is the code of the {thing} in {town}?", "answer": code, "evidence": [f"{town}.md"]}
            for (town, thing), code in codes.items()
        ]
        return _written(tmp_path / "questions.jsonl", [json.dumps(row) for row in rows])

    def test_passages_are_searched_shown_and_judged(self, run: Run, questions: str) -> None:
        ask = (questions, "--kind", "question_answering", "--backend", "endpoint", "--corpus", "documents")
        result = run(*ask)
        assert result.exit_code == 0, result.output
        report = report_of("questions")
        passages = report["arms"][-1]
        assert passages["name"] == "passages"
        assert passages["accuracy"] == max(arm["accuracy"] for arm in report["arms"]) > 0.9
        assert report["verdict"]["arm"] == "passages"
        found = report["retrieval"]["passages"]
        assert found["recall"] == 1
        assert found["found_and_wrong"]["count"] == 2  # the right document, which does not say
        assert any("10 documents" in line for line in report["spending"]["terms"])
        assert "What the search found" in Path("advisor-runs/questions/report.md").read_text()

    def test_the_team_s_own_search_service(self, run: Run, questions: str, search_service_of: Any) -> None:
        url = search_service_of([{"id": "p1", "document": "Bonn.md", "text": "The code of the gate in Bonn is 00x0."}])
        ask = (questions, "--kind", "question_answering", "--backend", "endpoint", "--search-service")
        assert "ADVISOR_SEARCH_URL" in run(*ask).stderr
        assert run(*ask, search_url=url).exit_code == 0
        found = report_of("questions")["retrieval"]["passages"]
        assert found["never_found"]["count"] == 36

    def test_a_corpus_that_is_not_there(self, run: Run, questions: str) -> None:
        result = run(questions, "--kind", "question_answering", "--backend", "endpoint", "--corpus", "nowhere")
        assert result.exit_code == 2
        assert "nowhere: no such file or folder" in result.stderr


class TestRefusals:
    def test_the_encoder_cannot_write(self, run: Run, records: str) -> None:
        result = run(records, "--kind", "extraction")
        assert result.exit_code == 2
        assert "Add --backend endpoint" in result.stderr

    def test_no_endpoint_is_set(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint", endpoint="")
        assert result.exit_code == 2
        assert "ADVISOR_ENDPOINT=http" in result.stderr

    def test_a_wrong_key(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint", api_key="sk-wrong-one-99")
        assert result.exit_code == 2
        assert "401" in result.stderr
        assert "sk-" not in result.stderr

    def test_an_unknown_model(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint", endpoint_model="large-9")
        assert result.exit_code == 2
        assert "large-9" in result.stderr

    def test_much_is_asked_for_only_where_somebody_agrees(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint", approve_above_calls="100")
        assert result.exit_code == 2
        assert "--yes" in result.stderr
        assert run.server.calls == 0  # type: ignore[attr-defined]
        assert run(tickets, "--backend", "endpoint", "--yes").exit_code == 0

    def test_a_budget_ends_the_run_and_a_larger_one_goes_on(self, run: Run, tickets: str) -> None:
        result = run(tickets, "--backend", "endpoint", "--calls", "100")
        assert result.exit_code == 2
        assert "The budget will probably end before that" in result.stderr
        assert "The budget allows no further call: 100 calls are spent." in result.stderr
        assert "It counts every run of this comparison." in result.stderr
        assert run.server.calls == 100  # type: ignore[attr-defined]
        assert "will probably end" in run(tickets, "--backend", "endpoint", "--calls", "250").stderr
        finished = run(tickets, "--backend", "endpoint", "--calls", "400")
        assert finished.exit_code == 0
        assert "will probably end" not in finished.stderr
        assert "answers took" in finished.stdout
        assert run.server.calls == 301  # type: ignore[attr-defined]
