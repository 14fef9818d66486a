"""`advisor serve`: the API on this machine, and a worker beside it; `advisor worker`: one more worker."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import uvicorn

from service.app import create_app
from service.jobs.durable import working
from service.jobs.system import QUEUES, migrate_queue
from service.refusals import Refusal
from service.settings import Settings, load_settings
from service.storage.database import open_database
from service.storage.migrate import migrate


def run_serve(host: str, port: int, *, worker: bool) -> None:
    settings = load_settings(host=host, port=port)
    print("Open to everyone on this machine: there is no access control yet.")
    with _worker(settings, QUEUES) if worker else nullcontext():
        uvicorn.run(create_app(settings), host=settings.host, port=settings.port)


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
