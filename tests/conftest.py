"""What a test starts stays on this machine: chat servers that fail on command, and databases, as real processes."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

SERVER = Path(__file__).parent / "servers" / "chat_server.py"
GUARD = Path(__file__).parent / "loopback" / "sitecustomize.py"
NOWHERE = "http://127.0.0.1:9"
"""A proxy for programs that are not Python: nobody listens on the port for discarding."""


def _guarded() -> list[str]:
    """Guards this process, and by its environment those that it starts. Returns the list of what is refused."""
    spec = importlib.util.spec_from_file_location("loopback_guard", GUARD)
    assert spec is not None
    assert spec.loader is not None
    guard = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guard)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ[name] = os.environ[name.upper()] = NOWHERE
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost,::1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    path = [str(GUARD.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    refused: list[str] = guard.refused
    return refused


REFUSED = _guarded()


@pytest.fixture
def refused_connections() -> list[str]:
    """What was refused so far; a test that means to be refused clears it."""
    return REFUSED


@pytest.fixture(autouse=True)
def _only_this_machine() -> Iterator[None]:
    """Fails a test whose code swallowed the refusal."""
    yield
    reached, REFUSED[:] = list(REFUSED), []
    if reached:
        pytest.fail(f"Tests reach this machine only; refused were: {', '.join(sorted(set(reached)))}", pytrace=False)


class ChatServer:
    """A running server. It ends with its standard input, so it cannot outlive the tests."""

    def __init__(self, faults: dict[str, Any], stack: ExitStack) -> None:
        self.process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(SERVER), json.dumps(faults)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        stack.callback(self.stop)
        assert self.process.stdout is not None
        self.root = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"{self.root}/v1"
        self._http = stack.enter_context(httpx2.Client(base_url=self.root, trust_env=False))

    def seen(self) -> dict[str, Any]:
        """Answers by prompt, statuses, most calls in work at once, and the first bodies and headers."""
        seen: dict[str, Any] = self._http.get("/calls").json()
        return seen

    @property
    def calls(self) -> int:
        """Chat calls of any outcome."""
        return sum(self.seen()["statuses"].values())

    def fail(self, **faults: Any) -> None:
        """Other faults from now on."""
        self._http.post("/faults", json=faults).raise_for_status()

    def stop(self) -> None:
        self.process.kill()


class Serve(Protocol):
    def __call__(self, **faults: Any) -> ChatServer: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **faults: ChatServer(faults, stack)


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Path]:
    """Writes a tiny sentence-transformers model with random weights: other weights at the price of milliseconds."""

    from adapters.encoder.embedding import Encoder

    def make(folder: Path, seed: int = 0, architecture: str = "bert", pooling: str = "mean") -> Path:
        import torch
        from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

        shutil.copytree(Encoder.embedded().folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if architecture == "bert":
                sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "num_hidden_layers": 2}
                model = BertModel(BertConfig(vocab_size=30522, **sizes))
            else:
                model = DistilBertModel(
                    DistilBertConfig(vocab_size=30522, dim=32, n_heads=2, hidden_dim=64, n_layers=2)
                )
        model.save_pretrained(folder)
        modes = {
            f"pooling_mode_{mode}": mode.startswith(pooling) for mode in ("cls_token", "mean_tokens", "max_tokens")
        }
        (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 32, **modes}))
        return folder

    return make


POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
"""Debian keeps its programs out of PATH."""
QUICK = "fsync=off full_page_writes=off max_connections=200"
"""A crash of the machine would cost commits; a crash of the server, which tests make, costs none."""


class PostgreSQL:
    """A server of our own on a free port; `url` is that of a database on it that nobody changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"postgresql://tests@127.0.0.1:{port}/postgres"
        listens = f"listen_addresses=127.0.0.1 port={port} unix_socket_directories={folder} {QUICK}"
        self._options = " ".join(f"-c {option}" for option in listens.split())
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        _postgresql(
            "initdb", "-D", folder / "data", "-U", "tests", "--auth=trust", "--no-locale", "-E", "UTF8", "--no-sync"
        )
        self.start()

    def start(self) -> None:
        _postgresql(
            "pg_ctl", "-D", self._folder / "data", "-l", self._folder / "log", "-w", "-t", "60", "-o", self._options,
            "start",
        )  # fmt: skip

    def kill(self) -> None:
        """At once, with every process of it, as a crash would."""
        _postgresql("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_process() -> Iterator[PostgreSQL]:
    """One server for all tests, gone after them."""
    if not POSTGRESQL:
        pytest.skip("needs PostgreSQL: apt install postgresql")
    server = PostgreSQL(Path(tempfile.mkdtemp(prefix="advisor-postgresql-")))
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql_server(postgresql_process: PostgreSQL) -> str:
    return postgresql_process.url


def _postgresql(program: str, *arguments: str | Path) -> None:
    """As an ordinary user: PostgreSQL refuses root."""
    command = [str(POSTGRESQL[-1] / program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    # Output goes to a file: the server inherits it, and a pipe would be waited for as long as the server runs.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False)
        said.seek(0)
        assert done.returncode == 0, said.read()


DATABASES = itertools.count(1)


@contextmanager
def _database_on(postgresql_server: str) -> Iterator[str]:
    import psycopg

    name = f"test_{next(DATABASES)}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgresql_server.rpartition("/")[0] + f"/{name}"
    # Another connection: a test may have killed the server in between.
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """An empty PostgreSQL database, dropped after the test."""
    with _database_on(postgresql_server) as url:
        yield url


@pytest.fixture
def other_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """One more."""
    with _database_on(postgresql_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that the advisor runs on."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a.sqlite3'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="module")
def serve_all_tests() -> Iterator[Serve]:
    """For what several tests of a file begin with."""
    with ExitStack() as stack:
        yield lambda **faults: ChatServer(faults, stack)
