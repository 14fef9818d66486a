"""A worker's end of its child process: started when there is work, asked, and killed when the work is not wanted."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from service.settings import Settings

Document = dict[str, Any]
LOOK_EVERY: Final = 0.25
"""Seconds between two looks at whether the work is still wanted."""
CHECKOUT: Final = Path(__file__).resolve().parents[2]

logger = logging.getLogger(__name__)


class RunnerDied(Exception):
    """The child process ended in the middle of its work; the message says how."""


class NoLongerWanted(Exception):
    """The work was stopped because nobody wants it any more."""


class Runner:
    """One child process, which is started when first asked and again after it died."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._answers: SimpleQueue[Document | None] = SimpleQueue()
        self.turn = threading.RLock()
        """Held by whoever asks; take it before, to do something else in the same turn."""
        self._closed = False

    def ask(self, request: Document, tell: Callable[[str, Document], None], wanted: Callable[[], bool]) -> Document:
        """The child's answer; what happens meanwhile is told.

        Raises `RunnerDied`, and `NoLongerWanted` within about half a second after `wanted` turns false.
        """
        with self.turn:
            try:
                process = self._send(request)
            except BrokenPipeError:  # it had just gone, having been idle
                process = self._send(request)
            try:
                return self._answer(process, tell, wanted)
            except BaseException:
                self._kill()  # or its answer would be taken for that to the next request
                raise

    def close(self) -> None:
        """End the child at once, and start no other one; work in it is lost."""
        self._closed = True
        self._kill()

    def _answer(
        self, process: subprocess.Popen[str], tell: Callable[[str, Document], None], wanted: Callable[[], bool]
    ) -> Document:
        while True:
            try:
                answer = self._answers.get(timeout=LOOK_EVERY)
            except Empty:
                if not wanted():
                    raise NoLongerWanted from None
                continue
            if answer is None:
                raise self._died(process)
            if "event" not in answer:
                return answer
            tell(answer["event"], answer["data"])

    def _send(self, request: Document) -> subprocess.Popen[str]:
        process = self._started()
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        return process

    def _started(self) -> subprocess.Popen[str]:
        if self._closed:
            raise RunnerDied("it was closed")
        if self._process is None or self._process.poll() is not None:
            self._kill()
            self._answers = SimpleQueue()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.jobs.child"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=CHECKOUT,
                env={**os.environ, **self._settings.environment(), "OMP_WAIT_POLICY": "PASSIVE"},
                start_new_session=True,
            )  # fmt: skip
            listening = threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True)
            listening.start()
        return self._process

    def _died(self, process: subprocess.Popen[str]) -> RunnerDied:
        code = process.wait()
        if not self._closed:
            logger.error("the child process ended with %s", code)
        return RunnerDied(f"its process was killed by signal {-code}" if code < 0 else f"its process ended with {code}")

    def _kill(self) -> None:
        process = self._process
        self._process = None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()


def _listen(process: subprocess.Popen[str], answers: SimpleQueue[Document | None]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            answers.put(json.loads(line))
    except ValueError:  # killed in the middle of a line
        process.kill()
    finally:
        process.stdout.close()
        answers.put(None)
