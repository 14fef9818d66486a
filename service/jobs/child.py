"""The child process that does a worker's heavy work: one request at a time, as lines of JSON.

It dies with its parent: its input ends then, which a thread waits for. What libraries print goes to standard error;
answers go where standard output was.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import sys
import threading
import traceback
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TextIO

from evaluation.audit import AuditBlocked
from evaluation.comparison import TooFewArms
from evaluation.readers import Columns
from service.jobs.work import ApprovalWanted, TrialFailed, Work
from service.logs import set_up_logs
from service.refusals import is_refusal
from service.settings import load_settings

logger = logging.getLogger(__name__)

IDLE_SECONDS = 900.0
"""After which the memory of its models is given back; the next request starts another child."""
LITTLE_ROOM = 1 << 20
"""Bytes. With less, whatever fails is taken to fail for want of them."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main() -> None:
    """Serve requests until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    settings = load_settings()
    set_up_logs(settings.log)
    work = Work(settings)
    while True:
        try:
            request = json.loads(requests.get(timeout=IDLE_SECONDS))
        except Empty:
            return
        _answer(answers, _do(work, request, answers))


def _listen(requests: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _do(work: Work, request: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    def tell(kind: str, data: dict[str, Any]) -> None:
        _answer(answers, {"event": kind, "data": data})

    try:
        return {"done": _result(work, request, tell)}
    except ApprovalWanted as wanted:
        return {"awaiting": wanted.foreseen}
    except AuditBlocked as blocked:
        return {"blocked": blocked.audit.model_dump(mode="json")}
    except TrialFailed as failed:
        return {"failed": str(failed)}
    except Exception as error:
        return _failure(error, Path(request["folder"]))


def _result(work: Work, request: dict[str, Any], tell: Any) -> Any:
    folder = Path(request["folder"])
    match request["do"]:
        case "advance":
            return work.advance(folder, request["agreed"], request["given_up"], tell)
        case "trial":
            return work.trial(folder, request["key"])
        case "audit":
            columns = Columns(request["input_column"], request["output_column"])
            task = folder / "task.json"
            file = next(iter(sorted((folder / "examples").iterdir())))
            return work.audit(file, columns, request["kind"], task if task.exists() else None)
        case other:
            raise AssertionError(f"nobody does {other}")


def _failure(error: Exception, folder: Path) -> dict[str, Any]:
    """What the user can put right is told in its words. Of all else only kind and place are: a message may quote a
    user's text."""
    if (isinstance(error, OSError) and error.errno in NO_ROOM) or _is_full(folder):
        return {"no_room": "There is no room left on the disk."}
    if is_refusal(error) or isinstance(error, TooFewArms):
        return {"refused": " ".join(str(error).split())}
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
    logger.error("the work failed", exc_info=error)
    return {"failed": place}


def _is_full(folder: Path) -> bool:
    """Libraries have errors of their own for a disk that is full."""
    try:
        return shutil.disk_usage(folder).free < LITTLE_ROOM
    except OSError:
        return False


def _answer(answers: TextIO, document: dict[str, Any]) -> None:
    answers.write(json.dumps(document) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
