"""`advisor serve`: the API on this machine, and a worker beside it; `advisor worker`: one more worker.

Both stop on SIGTERM and SIGINT: they take no more work, leave what is in work to the next worker, and end within
`STOPS_WITHIN` seconds with 0.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from socket import socket
from typing import Final, NoReturn

import uvicorn

from service.access.openness import MAKE_ONE, is_open_at_start
from service.app import create_app
from service.jobs.durable import working
from service.jobs.system import QUEUES, migrate_queue
from service.logs import set_up_logs
from service.refusals import Refusal
from service.settings import Settings, is_loopback, load_settings
from service.storage.database import open_database
from service.storage.folders import make_data_folder
from service.storage.migrate import migrate

STOPS_WITHIN: Final = 4.5
REQUESTS_STOP_WITHIN: Final = 2
"""Seconds that requests in work have; event streams end at once."""

logger = logging.getLogger(__name__)


def run_serve(host: str | None, port: int | None, *, worker: bool) -> None:
    """What is None is as the settings say."""
    stated = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**stated)
    set_up_logs(settings.log)
    print(_who_may_call(settings), flush=True)
    app = create_app(settings)
    config = uvicorn.Config(
        app, settings.host, settings.port, log_config=None, access_log=False,
        timeout_graceful_shutdown=REQUESTS_STOP_WITHIN, forwarded_allow_ips=settings.trusted_proxies,
    )  # fmt: skip
    server = _Server(config, lambda: app.state.following.close())
    _when_told(server.stop)
    with _worker(settings, QUEUES) if worker else nullcontext():
        code = _run(server)
    _leave(code)


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
    settings = load_settings()
    set_up_logs(settings.log)
    stopped = threading.Event()
    _when_told(stopped.set)
    with _worker(settings, queues):
        print(f"Working on {', '.join(queues)}.", flush=True)
        stopped.wait()
    _leave(0)


def _run(server: uvicorn.Server) -> int:
    """The exit code; uvicorn has logged why it could not start."""
    try:
        server.run()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


class _Server(uvicorn.Server):
    """Ends event streams before it waits for requests, and leaves signals to us: its own way ends with theirs."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    def stop(self) -> None:
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def _when_told(stop: Callable[[], None]) -> None:
    """Stop on a signal; what takes too long then, because a database is away, is left."""

    def told(number: int, _frame: object) -> None:
        logger.info("told to stop by %s", signal.Signals(number).name)
        late = threading.Timer(STOPS_WITHIN, _leave_late)
        late.daemon = True
        late.start()
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def _leave_late() -> NoReturn:
    logger.warning("left before all was put in order; others take the work when the lease has run out")
    _leave(0)


def _leave(code: int) -> NoReturn:
    """At once: threads of the queue wait for the ends of comparisons, and would keep the process for as long."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def _worker(settings: Settings, queues: Sequence[str]) -> Iterator[None]:
    make_data_folder(settings)
    database = open_database(settings.database)
    try:
        migrate(database)
        migrate_queue(settings)
        with working(settings, database, queues):
            yield
    finally:
        database.close()
