"""A run that is killed or stopped goes on where it was: what was paid for is not paid again."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapters.generative.exchange import ChatRequest

Questions = Callable[..., list[ChatRequest]]
ROOT = Path(__file__).parents[3]
PLACES, ITEMS = 8, 150
RUN = """
import sys
from pathlib import Path
from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message
url, folder, items, places = sys.argv[1:]
client = ChatClient(Endpoint(url, "small-1", max_concurrency=int(places)), Path(folder), "tickets", Budget())
client.ask_all([ChatRequest((Message("user", f"question {number}"),)) for number in range(int(items))])
"""


def start(url: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, url, str(folder), str(ITEMS), str(PLACES)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(server, answered: int) -> None:
    until = time.monotonic() + 60
    while len(server.seen()["answered"]) < answered and time.monotonic() < until:
        time.sleep(0.01)


def kept(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "answers.sqlite3")) as file:
        (count,) = file.execute("select count(*) from answers").fetchone()
    return int(count)


def test_killed_with_forty_per_cent_done(serve, connect, questions: Questions, tmp_path: Path) -> None:
    server, folder = serve(latency=0.25), tmp_path / "answers"
    with start(server.url, folder) as process:
        wait_for(server, ITEMS * 4 // 10)
        process.send_signal(signal.SIGKILL)
    while server.seen()["in_work"]:
        time.sleep(0.01)
    before, on_disk = server.calls, kept(folder)
    assert ITEMS * 4 // 10 - PLACES <= on_disk < ITEMS * 8 // 10
    client = connect(server.url, max_concurrency=PLACES)
    answers = client.ask_all(questions(ITEMS))
    assert all(answer.error is None for answer in answers)
    assert sum(answer.cached for answer in answers) == on_disk
    assert server.calls - before == ITEMS - on_disk, "no answer on disk was asked for again"
    repeated = [times for times in server.seen()["answered"].values() if times > 1]
    assert len(repeated) <= PLACES, "only what was in work may have been paid for twice"
    assert client.spent is not None
    assert client.spent.calls >= server.calls - 1
    assert client.spent.open_calls <= PLACES


def test_stopped_by_ctrl_c(serve, connect, questions: Questions, tmp_path: Path) -> None:
    server, folder = serve(latency=0.25), tmp_path / "answers"
    with start(server.url, folder) as process:
        wait_for(server, ITEMS * 4 // 10)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode != 0
    assert complaint.strip().endswith("KeyboardInterrupt")
    assert "never retrieved" not in complaint
    on_disk = kept(folder)
    assert on_disk >= ITEMS * 4 // 10 - PLACES
    answers = connect(server.url, max_concurrency=PLACES).ask_all(questions(ITEMS))
    assert sum(answer.cached for answer in answers) == on_disk


def test_two_processes_at_once_on_one_folder(serve, tmp_path: Path) -> None:
    server, folder = serve(latency=0.01), tmp_path / "answers"
    both = [start(server.url, folder), start(server.url, folder)]
    for process in both:
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
    assert kept(folder) == ITEMS


def test_a_torn_file_costs_only_what_is_torn(serve, connect, questions: Questions, tmp_path: Path) -> None:
    """The write-ahead log cut off in the middle, as a power cut leaves it."""
    server, folder = serve(latency=0.02), tmp_path / "answers"
    with start(server.url, folder) as process:
        wait_for(server, ITEMS // 2)
        process.send_signal(signal.SIGKILL)
    log = folder / "answers.sqlite3-wal"
    size = log.stat().st_size
    with log.open("r+b") as file:
        file.truncate(size - size // 3)
    answers = connect(server.url).ask_all(questions(ITEMS))
    assert all(answer.error is None for answer in answers)
    assert sum(answer.cached for answer in answers) > 0


def test_an_error_of_the_callers_own_ends_the_run_and_keeps_answers(
    serve, connect, questions: Questions, tmp_path: Path
) -> None:
    server = serve(latency=0.01)

    def tell(progress) -> None:
        if progress.done == 20:
            raise RuntimeError("the bar fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        connect(server.url).ask_all(questions(100), tell)
    assert 20 <= kept(tmp_path / "answers") < 100


def test_what_is_kept_holds_no_question(serve, connect, tmp_path: Path) -> None:
    from adapters.generative.exchange import Message

    secret = "my neighbour's diagnosis"
    connect(serve().url).ask_all([ChatRequest((Message("user", secret),))])
    whole = b"".join(path.read_bytes() for path in (tmp_path / "answers").iterdir())
    assert secret.encode() not in whole
    assert json.dumps(secret).encode() not in whole
