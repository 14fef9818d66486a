"""`advisor serve`: the API on this machine, and a worker beside it; `advisor worker`: one more worker."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import uvicorn

from service.access.openness import MAKE_ONE, is_open_at_start
from service.app import create_app
from service.jobs.durable import working
from service.jobs.system import QUEUES, migrate_queue
from service.refusals import Refusal
from service.settings import Settings, is_loopback, load_settings
from service.storage.database import open_database
from service.storage.migrate import migrate


def run_serve(host: str, port: int, *, worker: bool) -> None:
    settings = load_settings(host=host, port=port)
    print(_who_may_call(settings), flush=True)
    with _worker(settings, QUEUES) if worker else nullcontext():
        uvicorn.run(create_app(settings), host=settings.host, port=settings.port)


def _who_may_call(settings: Settings) -> str:
    """Said at start. `SettingsRefused` where nobody could call."""
    database = open_database(settings.database)
    try:
        migrate(database)
        is_open = is_open_at_start(settings, database)
    finally:
        database.close()
    if is_open:
        return f"Open to everyone on this machine: no key is needed. The first key ends that: {MAKE_ONE}"
    if is_loopback(settings.host):
        return "Callers need a key."
    return "Callers need a key. Keys travel over plain HTTP: beyond a trusted network put a proxy with TLS in front."


def run_worker(queues: Sequence[str]) -> None:
    """Work until a signal says to stop."""
    unknown = [queue for queue in queues if queue not in QUEUES]
    if unknown or not queues:
        raise Refusal(f"--queues {','.join(unknown)}: expected some of {', '.join(QUEUES)}, separated by commas.")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with _worker(load_settings(), queues):
        print(f"Working on {', '.join(queues)}.", flush=True)
        stopped.wait()


@contextmanager
def _worker(settings: Settings, queues: Sequence[str]) -> Iterator[None]:
    database = open_database(settings.database)
    try:
        migrate(database)
        migrate_queue(settings)
        with working(settings, database, queues):
            yield
    finally:
        database.close()
